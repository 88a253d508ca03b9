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


MODELS = {"README.md": "| model | reads | thinking | CNY per million tokens in / out, tier by tier |",
          "README.zh-CN.md": "| 模型 | 输入 | 思考 | 每百万 token 人民币，输入 / 输出，每个阶梯一组 |"}  # fmt: skip


WORDS = {
    "README.md": {"text": "text", "image": "images", "hybrid": "if asked", "only": "always", "none": "never"},
    "README.zh-CN.md": {"text": "文本", "image": "图片", "hybrid": "按需", "only": "总是", "none": "不支持"},
}


# The models most would choose from; the tool `models` knows the others.
SHOWN = ("qwen3.7-plus", "qwen3.8-max", "qwen3.8-flash", "qwen3.7-flash", "deepseek-v4-pro", "qwen3.5-ocr")


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


def thought(price: object, page: str) -> str:
    return "" if price is None else f" (thinking {price})" if page == "README.md" else f"（思考 {price}）"


def models_table(page: str) -> str:
    rows = [MODELS[page], "|---|---|---|---|"]
    for name in SHOWN:
        model = shipped().find(name)
        assert model
        assert model.thinking
        tiers = model.prices_in("cn-beijing")[0].tiers
        price = ", ".join(f"{t.input} / {t.output}" + thought(t.output_thinking, page) for t in tiers)
        words = WORDS[page]
        reads = " + ".join(words[kind] for kind in ("text", "image") if kind in model.input)
        rows.append(f"| `{model.id}` | {reads} | {words[model.thinking.mode]} | {price} |")
    return "\n".join(rows)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("name", "table"), [("tools", tools_table), ("settings", settings_table), ("models", models_table)]
)
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
