"""The pages: `UPDATE=1 make test` writes what they show of the code, this checks it, and that they stay short and true.

A block of a page stands between `<!-- NAME: written by ... -->` and `<!-- end -->`; `BLOCKS` says who writes it.
"""

import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import httpx2
import pytest
from bailian_mcp.server.app.tool_files import CORE, tool_groups, tool_modules
from bailian_mcp.server.app.tool_schemas import as_tool
from bailian_mcp.server.calls.checked_schemas import checked_schema
from bailian_mcp.server.calls.result import CallResult
from bailian_mcp.server.calls.thinking import BUDGET_TOKENS
from bailian_mcp.server.catalog import Cost, overlaid, plain, shipped
from bailian_mcp.server.catalog.check import check
from bailian_mcp.server.dashscope.errors import KNOWN, from_reply
from bailian_mcp.server.endpoints import DASHSCOPE, Region
from bailian_mcp.server.sandbox import app as sandbox_app
from bailian_mcp.server.sandbox.requests import FAULTS, REFUSALS
from bailian_mcp.server.settings import settings_table
from bailian_mcp.tools.chat import EXAMPLE, PRESETS
from conftest import FakeDashScope, Hosted, list_tokens, text_of
from odd_replies import CITATION_FORMS, ERROR_BODIES, FINISH_REASONS

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent
ENGLISH = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "AGENTS.md", *sorted((ROOT / "docs").glob("*.md"))]
CHINESE = [ROOT / "README.zh-CN.md"]
PAGES = [*ENGLISH, *CHINESE]
FIVE = ("DASHSCOPE_API_KEY", "DASHSCOPE_REGION", "BAILIAN_ALLOWED_DIRS", "BAILIAN_<TOOL>_MODEL", "BAILIAN_TIMEOUT_S")
STATUSES = (307, 400, 401, 413, 429, 500, 503, 504)
LINE = 100  # characters: longer lines of an answer are broken on a page
BLOCK = re.compile(
    r"(?P<mark><!-- (?P<name>[a-z-]+): written by `UPDATE=1 make test` -->)\n(?P<shown>.*?)<!-- end -->", re.DOTALL
)
MONEY = set(Cost.model_fields)
BOUNDS = {
    "minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below",
    "minItems": "at least", "maxItems": "at most",
}  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """What the pages show of a server that runs: its answer to the example of `chat`."""

    answer: str


# --- tables ---


def table(*rows: tuple[str, ...]) -> str:
    """The first row is the head; what would end a cell is escaped."""
    lines = ["| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def names() -> list[str]:
    """Of the core: what is there without a setting."""
    return [module.__name__.rpartition(".")[2] for module in tool_modules([CORE])]


def prose(name: str, module: Any) -> list[str]:
    """The paragraphs of what the model reads of a tool."""
    return [" ".join(paragraph.split()) for paragraph in getattr(module, name).__doc__.strip().split("\n\n")]


def brief(name: str, module: Any) -> str:
    """Its first paragraph, on a page that says already whose models they are."""
    return re.sub(r"( on| of| with)? Alibaba Cloud Model Studio \(百炼\)", "", prose(name, module)[0])


def chinese() -> dict[str, dict[str, str]]:
    return tomllib.loads((ROOT / "docs" / "zh.toml").read_text("utf-8"))


def row_in_chinese(room: str, name: str) -> str:
    said = chinese()[room].get(name, "")
    assert said, f"docs/zh.toml: [{room}] has no row for {name}: say it in Chinese there."
    return said


def answer(shown: Shown) -> str:
    return f"```text\nchat {json.dumps(EXAMPLE, ensure_ascii=False)}\n\n{broken(shown.answer)}\n```"


def broken(text: str) -> str:
    """Long lines broken where facts meet, as a page shows them."""
    lines = []
    for line in text.splitlines():
        row = ""
        for fact in re.split(r"(?<= \|) | (?=\()", line) if len(line) > LINE else [line]:
            if row and len(row) + 1 + len(fact) > LINE:
                lines.append(row)
                row = fact
            else:
                row = f"{row} {fact}".strip()
        lines.append(row)
    return "\n".join(lines)


def tools_table(_: Shown) -> str:
    rows = zip(names(), tool_modules([CORE]), strict=True)
    said = [(f"[`{n}`](docs/tools.md#{n})", brief(n, module), shipped().defaults.get(n, "")) for n, module in rows]
    return table(("tool", "what it does", "default model"), *said)


def tools_table_zh(_: Shown) -> str:
    said = [(f"[`{n}`](docs/tools.md#{n})", row_in_chinese("tools", n), shipped().defaults.get(n, "")) for n in names()]
    return table(("工具", "作用", "默认模型"), *said)


def settings(_: Shown) -> str:
    return table(("variable", "meaning"), *((f"`{name}`", meaning) for name, meaning in settings_table()))


def settings_zh(_: Shown) -> str:
    return table(("变量", "含义"), *((f"`{name}`", in_chinese(name, meaning)) for name, meaning in settings_table()))


def five_settings(_: Shown) -> str:
    rows = [(f"`{name}`", meaning) for name, meaning in settings_table() if name in FIVE]
    return table(("variable", "meaning"), *rows)


def five_settings_zh(_: Shown) -> str:
    rows = [(f"`{name}`", in_chinese(name, meaning)) for name, meaning in settings_table() if name in FIVE]
    return table(("变量", "含义"), *rows)


def in_chinese(name: str, english: str) -> str:
    default = re.search(r" Default: (\S+)\.$", english)
    said = row_in_chinese("settings", name).replace("{regions}", "、".join(get_args(Region)))
    return said + (f"默认 {default[1]}。" if default else "")


def every_tool(_: Shown) -> str:
    """The core first, then each group under its own head."""
    return "\n\n".join(part for group, modules in by_group().items() for part in one_group(group, modules))


def by_group() -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {CORE: []}
    for module, group in zip(tool_modules(), tool_groups().values(), strict=True):
        groups.setdefault(group, []).append(module)
    return groups


def one_group(group: str, modules: list[Any]) -> Iterator[str]:
    if group != CORE:
        yield f"## The group `{group}`"
        yield f"With `BAILIAN_TOOLS={group}`."
    for module in modules:
        yield from one_tool(module)


def groups(_: Shown) -> str:
    rows = [(f"`{group}`", said_of(modules), f"{list_cost(modules):,}") for group, modules in by_group().items()]
    return table(("group", "tools", "tokens of each conversation"), *rows)


def groups_zh(_: Shown) -> str:
    added = [(group, name) for name, group in tool_groups().items() if group != CORE]
    rows = [(f"`{group}`", f"[`{name}`](#{name})", row_in_chinese("tools", name)) for group, name in sorted(added)]
    return table(("工具组", "工具", "作用"), *rows)


def said_of(modules: list[Any]) -> str:
    return ", ".join(f"[`{name}`](#{name})" for name in (module.__name__.rpartition(".")[2] for module in modules))


def list_cost(modules: list[Any]) -> int:
    tools = [as_tool(module) for module in modules]
    return sum(list_tokens(tool.name, tool.description, tool.parameters) for tool in tools)


def one_tool(module: Any) -> Iterator[str]:
    name = module.__name__.rpartition(".")[2]
    schema, result = checked_schema(as_tool(module).fn_metadata.arg_model), result_model(module, name)
    yield f"### {name}"
    yield from prose(name, module)
    yield table(
        ("parameter", "type", "default", "meaning"), *(parameter(schema, each) for each in schema["properties"])
    )
    asks = issubclass(result, CallResult)
    common = set(CallResult.model_fields) if asks else {"cost"}  # told under "Every answer"
    if rows := list(fields(result.model_json_schema(mode="serialization"), leave_out=common)):
        yield f"The answer holds{' beside what [every answer](#every-answer) holds' if asks else ''}:"
        yield table(("field", "type", "meaning"), *rows)


def result_model(module: Any, name: str) -> Any:
    """What `Annotated[CallToolResult, ...]` says."""
    return get_type_hints(getattr(module, name), include_extras=True)["return"].__metadata__[0]


def every_answer(_: Shown) -> str:
    schema = CallResult.model_json_schema(mode="serialization")
    return table(("field", "type", "meaning"), *fields(schema, leave_out=set()))


def parameter(schema: dict[str, Any], name: str) -> tuple[str, ...]:
    given = schema["properties"][name]
    if name in schema.get("required", ()):
        default = "required"
    elif given.get("default") in (None, "", []):
        default = ""
    else:
        default = f"`{json.dumps(given['default'])}`"
    return f"`{name}`", kind(given, schema.get("$defs", {})), default, given.get("description", "")


def fields(schema: dict[str, Any], *, leave_out: set[str]) -> Iterator[tuple[str, ...]]:
    """The fields of a result, those of its parts under their path."""
    defined = schema.get("$defs", {})

    def inside(part: dict[str, Any], path: str, known: set[str]) -> Iterator[tuple[str, ...]]:
        for name, given in part.get("properties", {}).items():
            if name in known:
                continue
            inner, here = part_of(given, defined), f"{path}{name}"
            priced = set(inner.get("properties", {})) >= MONEY and bool(leave_out)
            said = "Each holds what `cost` of every answer holds, and:" if priced else given.get("description")
            yield f"`{here}`", kind(given, defined, whole=not inner), said or inner.get("description", "")
            many = "[]" if "array" in json.dumps(given) else ""
            yield from inside(inner, f"{here}{many}.", MONEY if priced else set())

    return inside(schema, "", leave_out)


def part_of(given: dict[str, Any], defined: dict[str, Any]) -> dict[str, Any]:
    """The part that a field is, or is a list of; empty when it is a plain value."""
    arms = [arm for arm in given.get("anyOf", ()) if arm != {"type": "null"}]
    given = arms[0] if len(arms) == 1 else given
    ref = given.get("items", given).get("$ref", "")
    return defined.get(ref.rpartition("/")[2], {})


def kind(given: dict[str, Any], defined: dict[str, Any], *, whole: bool = True) -> str:
    """A type in words: `list (at most 50) of string`. `whole`: with the fields of an object."""
    if "anyOf" in given:
        return " or ".join(kind(arm, defined, whole=whole) for arm in given["anyOf"])
    if "$ref" in given:
        return kind(defined[given["$ref"].rpartition("/")[2]], defined, whole=whole)
    if "enum" in given or "const" in given:
        return " or ".join(f"`{value}`" for value in given.get("enum", [given.get("const")]))
    bounds = [f"{word} {given[name]:,}" for name, word in BOUNDS.items() if name in given]
    bounds += [f"at most {given['maxLength']:,} characters"] if "maxLength" in given else []
    said = str(given.get("type", "anything")) + (f" ({', '.join(bounds)})" if bounds else "")
    if given.get("type") == "array":
        said = said.replace("array", "list")
        return f"{said} of {kind(given['items'], defined, whole=whole)}" if given.get("items") else said
    if whole and given.get("properties"):
        return "{" + ", ".join(f"{name}: {kind(each, defined)}" for name, each in given["properties"].items()) + "}"
    return said


def presets(_: Shown) -> str:
    rows = ((f"`{name}`", f"{values['temperature']:g}", f"{values['top_p']:g}") for name, values in PRESETS.items())
    return table(("preset", "temperature", "top_p"), *rows)


def thinking(_: Shown) -> str:
    return table(("thinking", "reasoning tokens at most"), *((f"`{n}`", f"{t:,}") for n, t in BUDGET_TOKENS.items()))


def error_codes(_: Shown) -> str:
    rows = [
        (
            ", ".join([*(f"`{code}`" for code in known.codes), *(f'"{text}"' for text in known.texts)]),
            known.message,
            known.next,
            "yes" if known.retry else "",
        )
        for known in KNOWN
    ]
    return table(("code, or words of the message", "it says", "what to do", "sent again"), *rows)


def finish_reasons(_: Shown) -> str:
    rows = [(f"`{word}`", f"`{reason}`", says or "whole", source) for word, reason, says, source in FINISH_REASONS]
    return table(("what comes", "is told as", "and says", "read at"), *rows)


def citation_forms(_: Shown) -> str:
    def code(text: str) -> str:
        return f"`` {' '.join(text.split())} ``" if text.strip() else "nothing"

    return table(
        ("the form", "becomes", "seen in"), *((code(form), code(to), where) for form, to, where in CITATION_FORMS)
    )


def error_bodies(_: Shown) -> str:
    rows = [(f"`{json.dumps(body)}`", f"`{code}`" if code else "", source) for body, _, code, source in ERROR_BODIES]
    return table(("the body", "code", "read at"), *rows)


def error_statuses(_: Shown) -> str:
    """By status alone: no code that is known, no message."""
    said = [(status, from_reply(status, {}, {}, str, DASHSCOPE)) for status in STATUSES]
    rows = [(f"{status}", error.message, "yes" if error.retry else "") for status, error in said]
    other = from_reply(400, {}, {}, str, "The server")
    return table(("status", "it says", "sent again"), *rows, ("not DashScope", other.message, "429 and 503"))


def refusing_models(_: Shown) -> str:
    rows = ((f"`{name}`", f"{status}", f"`{code}`", message) for name, (status, code, message) in REFUSALS.items())
    return table(("model", "status", "code", "message"), *rows)


def catalog_size(_: Shown) -> str:
    models = shipped().models
    states = Counter(model.lifecycle.status for model in models)
    sizes = ", ".join(f"{count} {state}" for state, count in states.most_common())
    regions = Counter(region for model in models for region in {price.region for price in model.prices})
    head = f"{len(models)} models ({sizes}), as of {shipped().as_of}. Priced in:"
    return f"{head}\n\n" + table(("region", "models"), *((f"`{n}`", f"{c}") for n, c in regions.most_common()))


def fees(_: Shown) -> str:
    rows = [
        (f"`{fee.item}`", f"{fee.strategy or 'any'}", f"{plain(fee.price)} {fee.currency}", f"{fee.per:,}",
         f"`{fee.region}`" if fee.region else "elsewhere")
        for fee in shipped().fees
    ]  # fmt: skip
    return table(("what", "strategy", "price", "per", "region"), *rows)


BLOCKS = {
    "README.md": {"answer": answer, "tools": tools_table, "settings": five_settings},
    "README.zh-CN.md": {"answer": answer, "tools": tools_table_zh, "settings": five_settings_zh},
    "docs/tools.md": {
        "groups": groups,
        "groups-zh": groups_zh,
        "tools": every_tool,
        "answer": every_answer,
        "presets": presets,
        "thinking": thinking,
    },
    "docs/settings.md": {"settings": settings, "settings-zh": settings_zh},
    "docs/errors.md": {"codes": error_codes, "statuses": error_statuses},
    "docs/replies.md": {
        "finish-reasons": finish_reasons,
        "error-bodies": error_bodies,
        "citation-forms": citation_forms,
    },
    "docs/sandbox.md": {"refusals": refusing_models},
    "docs/prices.md": {"size": catalog_size, "fees": fees},
}


# --- what the pages show of the code ---


@pytest.fixture
def era() -> str:
    """The pages are the same in both."""
    return "2026-07-28"


@pytest.mark.parametrize("page", BLOCKS)
async def test_a_page_shows_what_the_code_says(hosted: Hosted, page: str) -> None:
    file = ROOT / page
    async with hosted(FakeDashScope([]), options={"transport": httpx2.ASGITransport(sandbox_app())}) as host:
        answer = text_of(await host.call_tool("chat", EXAMPLE))
    now = Shown(re.sub(r"\b[\d.]+ s\b", "0.1 s", answer))
    made = {name: f"{make(now)}\n" for name, make in BLOCKS[page].items()}
    if os.environ.get("UPDATE"):
        text = BLOCK.sub(lambda at: f"{at['mark']}\n{made[at['name']]}<!-- end -->", file.read_text("utf-8"))
        (beside := file.with_suffix(".new")).write_text(text, "utf-8")
        beside.replace(file)  # at once: other tests read it

    shown = blocks(file)
    assert set(shown) == set(made), f"{page}: its marked blocks and BLOCKS differ"
    old = [name for name in made if shown[name] != made[name]]
    assert not old, f"{page} is behind the code ({', '.join(old)}): run `UPDATE=1 make test` and read the diff"


def blocks(page: Path) -> dict[str, str]:
    return {at["name"]: at["shown"] for at in BLOCK.finditer(page.read_text("utf-8"))}


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_each_piece_of_the_answer_that_it_explains_is_in_it(page: str) -> None:
    said = " ".join(blocks(ROOT / page)["answer"].split())
    explained = (ROOT / page).read_text("utf-8").partition("```\n<!-- end -->")[2].partition("\n## ")[0]
    pieces = re.findall(r"^\| `([^`]+)` \|", explained, re.MULTILINE)
    gone = [piece for piece in pieces if piece.strip() not in said]
    places = [said.find(piece.strip()) for piece in pieces]

    assert len(pieces) >= 5
    assert not gone, f"{page} explains what the answer does not say any more: {', '.join(gone)}. Explain what it says."
    assert places == sorted(places), f"{page} explains the pieces in another order than the answer has them."


def test_every_tool_and_every_setting_has_its_row_in_chinese() -> None:
    for room, ours in (("tools", list(tool_groups())), ("settings", [name for name, _ in settings_table()])):
        rows = chinese()[room]
        lacking, orphaned = sorted(set(ours) - set(rows)), sorted(set(rows) - set(ours))

        assert not lacking, f"docs/zh.toml: [{room}] has no row for {', '.join(lacking)}: say it in Chinese there."
        assert not orphaned, f"docs/zh.toml: [{room}] has rows that nothing owns: {', '.join(orphaned)}. Remove them."


def test_the_sandbox_page_tells_every_fault() -> None:
    shown = set(re.findall(r"^\| `(sandbox-[a-z-]+)` \|", (ROOT / "docs" / "sandbox.md").read_text("utf-8"), re.M))

    # the table of refusals is written and checked as a block
    assert shown - set(REFUSALS) == set(FAULTS), "docs/sandbox.md: a row for each fault in server/sandbox, and no other"


def test_the_overlay_it_shows_is_one(tmp_path: Path) -> None:
    shown = re.search(r"```json\n(.*?)```", (ROOT / "docs" / "prices.md").read_text("utf-8"), re.DOTALL)
    assert shown
    (mine := tmp_path / "mine.json").write_text(shown[1], "utf-8")

    assert check(mine) == []
    assert overlaid(mine).trouble == ""


def test_the_version_is_the_newest_of_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert newest
    assert newest[1] == version


# --- that they can be read, and are true ---


def words(text: str) -> int:
    """Words, addresses of links left out; of Chinese, characters."""
    read = re.sub(r"<!--.*?-->|\]\(\S+?\)", "", text)
    return len(
        re.findall(
            r"[\u3400-\u9fff]|(?:(?![\u3000-\u9fff\uff00-\uffef|])\S)*[A-Za-z0-9](?:(?![\u3000-\u9fff\uff00-\uffef|])\S)*",
            read,
        )
    )


def paragraphs(text: str) -> Iterator[str]:
    """Running text: no code, no tables, no titles; each item of a list by itself."""
    plain_text = re.sub(r"```.*?```", "", BLOCK.sub("", text), flags=re.DOTALL)
    for part in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|(?<=\|)\n", plain_text):
        if not part.lstrip().startswith(("|", "#", "<!--")):
            yield part.strip()


@pytest.mark.parametrize(("page", "most"), [("README.md", 750), ("README.zh-CN.md", 1_300)])
def test_a_readme_is_read_in_minutes(page: str, most: int) -> None:
    assert words((ROOT / page).read_text("utf-8")) <= most, "move something into docs/"


@pytest.mark.parametrize(
    ("file", "most"), [*((file, 60) for file in ENGLISH), *((file, 100) for file in CHINESE)], ids=lambda p: getattr(p, "name", "")
)  # fmt: skip
def test_no_paragraph_is_a_wall(file: Path, most: int) -> None:
    assert [part for part in paragraphs(file.read_text("utf-8")) if words(part) > most] == []


@pytest.mark.parametrize("file", PAGES, ids=lambda p: p.name)
def test_what_a_page_names_is_known(file: Path) -> None:
    said = file.read_text("utf-8")
    models = set(re.findall(r"\b(?:qwen|glm|kimi|deepseek)-?\d[\w.-]*\w", said))
    variables = set(re.findall(r"\b(?:BAILIAN|DASHSCOPE)_[A-Z_]+[A-Z](?!_)\b", said))
    ours = {name for name, _ in settings_table()} | {f"BAILIAN_{name.upper()}_MODEL" for name in names()}

    assert {name for name in models if shipped().find(name) is None} == set()
    assert variables - ours == set()


@pytest.mark.parametrize("file", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "NOTICES.md"], ids=lambda p: p.name)
def test_every_link_leads_somewhere(file: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)", file.read_text("utf-8"))

    for path, title in links:
        leads_to = file.parent / path if path else file
        assert leads_to.exists(), path
        assert not title or title in titles(leads_to), f"{path}#{title}"


def titles(page: Path) -> set[str]:
    """As GitHub makes addresses of them."""
    found = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


def test_every_file_and_make_word_a_page_names_is_there() -> None:
    said = "\n".join(page.read_text("utf-8") for page in PAGES)
    paths = set(re.findall(r"`((?:server|tools|tests|docs|benchmarks)/[\w./-]*(?:\.\w+|/))`", said))
    made = set(re.findall(r"`(?:UPDATE=1 )?make ([a-z]+)", said))
    offered = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    assert {path for path in paths if not (ROOT / path).exists() and "NAME" not in path} == set()
    assert made - offered == set()
