"""README's tables are made from the code: `UPDATE=1 make test` writes them, this checks them. Both languages."""

import os
import re
from pathlib import Path

import pytest
from bailian_mcp.server.app import tool_modules
from bailian_mcp.server.catalog import overlaid, shipped
from bailian_mcp.server.catalog.check import check
from bailian_mcp.server.settings import documented
from bailian_mcp.tools.chat import PRESETS

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "README.zh-CN.md"]
HEADS = {"README.md": ("tool", "what it does", "default model", "variable", "meaning"),
         "README.zh-CN.md": ("工具", "作用", "默认模型", "变量", "含义")}  # fmt: skip


def tools_table(page: str) -> str:
    tool, what, default, *_ = HEADS[page]
    rows = [f"| {tool} | {what} | {default} |", "|---|---|---|"]
    for module in tool_modules():
        name = module.__name__.rpartition(".")[2]
        english = " ".join((getattr(module, name).__doc__ or "").split("\n\n")[0].split())
        said = english if page == "README.md" else module.CHINESE
        rows.append(f"| `{name}` | {said} | {shipped().defaults.get(name, '')} |")
    return "\n".join(rows)


def settings_table(page: str) -> str:
    *_, variable, meaning = HEADS[page]
    rows = [f"| {variable} | {meaning} |", "|---|---|"]
    for name, english, chinese in documented():
        rows.append(f"| `{name}` | {english if page == 'README.md' else chinese} |")
    return "\n".join(rows)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("name", "table"), [("tools", tools_table), ("settings", settings_table)])
def test_a_table_says_what_the_code_says(page: str, name: str, table: object) -> None:
    file = ROOT / page
    mark = f"<!-- {name}: written by `UPDATE=1 make test` -->"
    before, _, after = file.read_text("utf-8").partition(mark)
    shown, _, rest = after.partition("<!-- end -->")
    made = table(page)  # type: ignore[operator]
    if os.environ.get("UPDATE"):
        file.write_text(f"{before}{mark}\n{made}\n<!-- end -->{rest}", "utf-8")
        return

    assert shown.strip() == made


@pytest.mark.parametrize("page", PAGES)
def test_a_readme_is_read_in_minutes(page: str) -> None:
    assert len((ROOT / page).read_text("utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES)
def test_every_model_it_names_is_in_the_catalog(page: str) -> None:
    named = set(re.findall(r"\b(?:qwen|glm|kimi|deepseek)[-\d][\w.-]*\w", (ROOT / page).read_text("utf-8")))

    assert {name for name in named if shipped().find(name) is None} == set()


@pytest.mark.parametrize("page", PAGES)
def test_the_presets_are_what_it_says(page: str) -> None:
    said = (ROOT / page).read_text("utf-8")

    for name, preset in PRESETS.items():
        assert f"{name} {preset['temperature']:g}/{preset['top_p']:g}" in said


def test_the_overlay_it_shows_is_one(tmp_path: Path) -> None:
    shown = re.search(r"```json\n(.*?)```", (ROOT / "CATALOG.md").read_text("utf-8"), re.DOTALL)
    assert shown
    (mine := tmp_path / "mine.json").write_text(shown[1], "utf-8")

    assert check(mine) == []
    assert overlaid(mine).trouble == ""
