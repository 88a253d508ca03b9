"""The contract of all tools: shape, names, hints, schemas as snapshots, and what they cost every host in tokens.

`UPDATE=1 make test` accepts changed schemas.
"""

import inspect
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import httpx2
import jsonschema
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.app.server import build
from bailian_mcp.server.app.tool_files import CORE, tool_groups, tool_modules
from bailian_mcp.server.app.tool_schemas import as_tool
from bailian_mcp.server.app.transports import listing
from bailian_mcp.server.app.version import own_version
from bailian_mcp.server.calls.context import AppContext
from bailian_mcp.server.settings import ToolGroup
from conftest import ENVELOPE, ERAS, HOST, FakeDashScope, Hosted, list_tokens, stream, text_of
from connections import line, replies, server_of
from mcp import Client
from pydantic import BaseModel

SNAPSHOTS = Path(__file__).parent / "snapshots"
INPUT_BUDGET_TOKENS = {CORE: 3_000, "documents": 600, "media": 600, "meaning": 800, "bulk": 1_000}  # every host pays
OUTPUT_BUDGET_TOKENS = 1_000  # of each, and for the programs that ask for them only
NAMES = [module.__name__.rpartition(".")[2] for module in tool_modules()]
pytestmark = [pytest.mark.anyio, pytest.mark.both_eras]


async def listed(hosted: Hosted) -> dict[str, dict[str, Any]]:
    async with hosted(FakeDashScope([stream()])) as host:
        tools = (await host.list_tools()).tools
    return {tool.name: tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools}


async def test_every_tool_file_is_one_tool_of_its_name(hosted: Hosted) -> None:
    files = {p.stem for p in (Path(__file__).parent.parent / "tools").rglob("*.py") if not p.stem.startswith("_")}

    assert list(await listed(hosted)) == NAMES == sorted(files)


@pytest.mark.parametrize("name", NAMES)
async def test_a_tool_says_what_it_is(hosted: Hosted, name: str) -> None:
    tool = (await listed(hosted))[name]

    hints = ("title", "readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
    assert all(hint in tool["annotations"] for hint in hints)
    assert 0 < len(tool["description"]) <= 1_000
    assert tool["inputSchema"]["additionalProperties"] is False
    assert all(argument.get("description") for argument in tool["inputSchema"]["properties"].values())
    assert "anyOf" not in json.dumps(tool["inputSchema"])


@pytest.mark.parametrize("name", NAMES)
async def test_its_schema_is_the_snapshot(hosted: Hosted, era: str, name: str) -> None:
    tool = (await listed(hosted))[name]
    snapshot = SNAPSHOTS / f"{name}.json"
    if os.environ.get("UPDATE") and era == ERAS[-1]:
        snapshot.write_text(json.dumps(tool, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    kept = json.loads(snapshot.read_text("utf-8")) if snapshot.exists() else None
    assert tool == kept, f"tests/snapshots/{name}.json is behind the code: run `UPDATE=1 make test` and read the diff"


def test_no_argument_is_repeated_in_a_header() -> None:
    """`App.take_no_parameter_headers` says so to the SDK: a tool that has one must be told there."""
    assert [name for name in NAMES if "x-mcp-header" in (SNAPSHOTS / f"{name}.json").read_text("utf-8")] == []


async def test_no_snapshot_outlives_its_tool() -> None:
    assert sorted(p.stem for p in SNAPSHOTS.glob("*.json")) == NAMES


# --- what a host is told before the SDK is loaded ---

PACKAGE = listing.PACKAGE
SHAPES = (
    "app/identity", "app/input_schemas", "app/resources", "app/tool_files", "app/tool_schemas", "app/prompts/offered",
    "calls/checked_schemas", "calls/lean_schemas",
)  # fmt: skip
OTHERS = ("resources/list", "resources/templates/list", "prompts/list")
CHOICES = re.compile(r"Literal\[([^\]]*)\]")
ENVELOPED = ("cacheScope", "resultType", "ttlMs", "_meta")


@pytest.mark.anyio
async def test_what_is_listed_early_is_what_is_listed() -> None:
    listed, outputs = await whole_listing()
    if os.environ.get("UPDATE"):
        listing.LISTED_FILE.write_text(a_line_an_item(listed), encoding="utf-8")
        listing.OUTPUTS_FILE.write_text(a_line_an_item(outputs), encoding="utf-8")

    behind = "is behind the code: run `UPDATE=1 make test`"
    assert json.loads(listing.LISTED_FILE.read_bytes()) == listed, f"{listing.LISTED_FILE.name} {behind}"
    assert json.loads(listing.OUTPUTS_FILE.read_bytes()) == outputs, f"{listing.OUTPUTS_FILE.name} {behind}"


async def whole_listing() -> tuple[dict[str, Any], dict[str, Any]]:
    """Of a server with all tools: what it lists, and the schemas of results as data."""
    asked = [line(method=method, _meta=ENVELOPE) for method in ("tools/list", *OTHERS)]
    said = await replies(server_of(tuple(get_args(ToolGroup)), True), asked)
    results = [{k: v for k, v in json.loads(each)["result"].items() if k not in ENVELOPED} for each in said]
    tools = results[0]["tools"]
    outputs = {tool["name"]: tool.pop("outputSchema") for tool in tools}
    listed = {
        "version": own_version(),
        "sdk": listing.sdk_version(),
        "made_of": listing.made_of(sorted(made_of())),
        "groups": tool_groups(),
        "tools": tools,
        "others": dict(zip(OTHERS, results[1:], strict=True)),
    }
    return listed, outputs


def made_of() -> set[str]:
    """The files that say what is listed: the tools, the types of their results and arguments, what shapes both."""
    metadata = [as_tool(module, structured=True).fn_metadata for module in tool_modules()]
    types = {kind for each in metadata for kind in types_in((each.arg_model, each.output_model))}
    files = {Path(inspect.getfile(kind)) for kind in types if kind.__module__.startswith("bailian_mcp.")}
    return {
        *(path.relative_to(PACKAGE).as_posix() for path in {*files, *(PACKAGE / "tools").rglob("*.py")}),
        *(f"server/{name}.py" for name in SHAPES),
    }


def types_in(kinds: Iterable[Any]) -> set[Any]:
    """Models, wherever they stand in others, and what they are derived from."""
    found, rest = set(), [*kinds]
    while rest:
        kind = rest.pop()
        rest += get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in found:
            found.add(kind)
            rest += [*kind.__bases__, *(field.annotation for field in kind.model_fields.values())]
    return found


def test_the_same_choices_stand_in_one_order_everywhere() -> None:
    """Python takes equal ones for the same, in the order of whichever was loaded first: a list would depend on that."""
    orders: dict[frozenset[str], set[str]] = {}
    for path in [*(PACKAGE / "tools").rglob("*.py"), *(PACKAGE / "server").rglob("*.py")]:
        for choices in CHOICES.findall(path.read_text("utf-8")):
            orders.setdefault(frozenset(choices.split(", ")), set()).add(choices)

    assert [found for found in orders.values() if len(found) > 1] == []


def a_line_an_item(data: dict[str, Any]) -> str:
    """JSON of which a changed tool is one changed line."""
    return f"{json_lines(data, 2)}\n"


def json_lines(value: Any, depth: int) -> str:
    if not depth or not isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, list):
        return "[\n" + ",\n".join(json_lines(each, depth - 1) for each in value) + "\n]"
    items = (f"{json.dumps(name)}: {json_lines(each, depth - 1)}" for name, each in value.items())
    return "{\n" + ",\n".join(items) + "\n}"


@pytest.mark.parametrize("group", INPUT_BUDGET_TOKENS)
async def test_the_list_stays_within_its_budget(hosted: Hosted, group: str) -> None:
    tools = [tool for name, tool in (await listed(hosted)).items() if tool_groups()[name] == group]

    assert sum(list_tokens(t["name"], t["description"], t["inputSchema"]) for t in tools) <= INPUT_BUDGET_TOKENS[group]
    assert max((list_tokens(t["outputSchema"]) for t in tools), default=0) <= OUTPUT_BUDGET_TOKENS


def test_every_group_is_a_folder_and_a_word_of_the_setting() -> None:
    folders = {p.parent.name for p in (Path(__file__).parent.parent / "tools").glob("*/__init__.py")}

    assert folders == set(get_args(ToolGroup)) == set(INPUT_BUDGET_TOKENS) - {CORE}


def to_sandbox() -> dict[str, Any]:
    return {"transport": httpx2.ASGITransport(sandbox.app())}


@pytest.mark.anyio
async def test_a_tool_of_a_group_that_is_off_says_how_to_switch_it_on() -> None:
    core, off = ([name for name, group in tool_groups().items() if (group == CORE) is here] for here in (True, False))
    app = build(AppContext(None, HOST), groups=[])  # type: ignore[arg-type]  # no call gets as far as DashScope
    async with Client(app) as host:
        assert {tool.name for tool in (await host.list_tools()).tools} == set(core)
        refused = await host.call_tool(off[0], {})

    assert text_of(refused).startswith(
        f"{off[0]} is not switched on here: it is one of the {tool_groups()[off[0]]} tools. "
    )


@pytest.mark.parametrize("module", tool_modules(), ids=NAMES)
async def test_its_example_is_answered_as_its_schemas_say(hosted: Hosted, tmp_path: Path, module: Any) -> None:
    name = module.__name__.rpartition(".")[2]
    tool = (await listed(hosted))[name]
    async with hosted(FakeDashScope([]), options=to_sandbox(), output_folder=tmp_path) as host:
        result = await host.call_tool(name, module.EXAMPLE)

    jsonschema.validate(module.EXAMPLE, tool["inputSchema"])
    jsonschema.validate(result.structured_content, tool["outputSchema"])
    assert not result.is_error


@pytest.mark.parametrize("module", tool_modules(), ids=NAMES)
async def test_null_means_not_given_as_many_hosts_send_it(hosted: Hosted, tmp_path: Path, module: Any) -> None:
    name = module.__name__.rpartition(".")[2]
    schema = (await listed(hosted))[name]["inputSchema"]
    nulls = dict.fromkeys(set(schema["properties"]) - set(schema.get("required", ())) - set(module.EXAMPLE))
    async with hosted(FakeDashScope([]), options=to_sandbox(), output_folder=tmp_path) as host:
        result = await host.call_tool(name, {**module.EXAMPLE, **nulls})

    assert nulls or name == "job"
    assert not result.is_error, text_of(result)
