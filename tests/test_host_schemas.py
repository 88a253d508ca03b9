"""What hosts and model services take of an input schema, as data.

A row says what a host does to a schema that breaks a rule: `refuses` it (the tool, or every tool, is lost), `rewrites` it
(often to something else than was meant), or `ignores` the keyword, which is no fault. What breaks a rule all the same is in
`EXCEPTIONS`, with the reason.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx2
import jsonschema
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.app.input_schemas import published_schema
from bailian_mcp.server.app.tool_files import tool_modules
from bailian_mcp.server.app.tool_schemas import as_tool
from bailian_mcp.server.calls.checked_schemas import checked_schema
from conftest import FakeDashScope, Hosted, text_of
from pydantic import BaseModel, Field

pytestmark = pytest.mark.anyio


@pytest.fixture
def era() -> str:
    """What is said here does not depend on it."""
    return "2026-07-28"


Node = dict[str, Any]
COMBINERS = {"anyOf", "oneOf", "allOf", "not"}
BOUNDED = ("minLength", "maxLength", "minItems", "maxItems")
MAX_REPETITION = 2_000
MEASURED = "docs/hosts.md"


@dataclass(frozen=True)
class Row:
    host: str
    version: str  # where it was seen; a version that is not known is a month
    rule: str
    does: Literal["refuses", "rewrites", "ignores"]
    source: str  # on github.com, or what was measured with this server


# Whether a part of a schema breaks the rule. Parts do not include the root where a rule is of arguments only.
BROKEN: dict[str, Callable[[Node], bool]] = {
    "enums are of strings": lambda part: not all(isinstance(each, str) for each in part.get("enum", ())),
    "no enum holds an empty text": lambda part: "" in part.get("enum", ()),
    "an enum has a type beside it": lambda part: "enum" in part and "type" not in part,
    "every part has one type": lambda part: not isinstance(part.get("type"), str),
    "no exclusive bounds": lambda part: bool({"exclusiveMinimum", "exclusiveMaximum"} & set(part)),
    "nothing is defined apart": lambda part: bool({"$ref", "$defs", "definitions"} & set(part)),
    "no pattern": lambda part: "pattern" in part,
    "no repetition above 2,000": lambda part: any(part.get(bound, 0) >= MAX_REPETITION for bound in BOUNDED),
    "no bounds of lists": lambda part: bool({"minItems", "maxItems"} & set(part)),
    "an object has properties": lambda part: part.get("type") == "object" and not part.get("properties"),
    "properties are not empty": lambda part: part.get("properties") == {},
    "an object is closed": lambda part: part.get("type") == "object" and part.get("additionalProperties") is not False,
    "no additionalProperties": lambda part: "additionalProperties" in part,
    "no combiner": lambda part: bool(COMBINERS & set(part)),
    "a list has items": lambda part: part.get("type") == "array" and not isinstance(part.get("items"), dict),
    "no tuples": lambda part: "prefixItems" in part,
    "no const": lambda part: "const" in part,
    "no format": lambda part: "format" in part,
    "no default": lambda part: "default" in part,
}  # fmt: skip

ROWS = (
    Row("Gemini API, Vertex AI", "2026-09", "enums are of strings", "refuses", "chrisdoc/hevy-mcp/issues/1161"),
    Row("Gemini API", "2026-01", "enums are of strings", "refuses", "router-for-me/CLIProxyAPI/issues/1075"),
    Row("Gemini CLI", "2025", "enums are of strings", "refuses", "microsoft/azure-devops-mcp/issues/139"),
    Row("Gemini API", "2026-04", "no enum holds an empty text", "refuses", "sbroenne/mcp-server-excel/issues/607"),
    Row("Gemini API", "2026-03", "an enum has a type beside it", "refuses", "decolua/9router/pull/380"),
    Row("Gemini CLI, Vertex AI", "2025-07", "an enum has a type beside it", "refuses", "google-gemini/gemini-cli/issues/4400"),
    Row("Gemini CLI", "2025-09", "every part has one type", "refuses", "arben-adm/mcp-sequential-thinking/issues/12"),
    Row("Gemini API", "2026-02", "every part has one type", "refuses", "anomalyco/opencode/pull/14234"),
    Row("Gemini API", "2026-08", "no exclusive bounds", "refuses", "ahmadrosid/nakama/issues/292"),
    Row("Gemini API", "2025-04", "no exclusive bounds", "refuses", "modelcontextprotocol/servers/issues/1624"),
    Row("Gemini API", "2026-02", "no bounds of lists", "refuses", "anomalyco/opencode/pull/14234"),
    Row("Gemini API", "2026-02", "no additionalProperties", "refuses", "anomalyco/opencode/pull/14234"),
    Row("Gemini API", "2025-03", "an object has properties", "refuses", "MarkusPfundstein/mcp-obsidian/issues/21"),
    Row("Gemini API", "2025-11", "no const", "refuses", "zed-extensions/mcp-server-brave-search/issues/12"),
    Row("Gemini API", "2026-06", "no default", "refuses", "zendev-sh/goai/pull/108"),
    Row("Gemini CLI", "2025-11", "nothing is defined apart", "refuses", "google-gemini/gemini-cli/issues/13326"),
    Row("Gemini CLI", "2025-07", "no combiner", "refuses", "google-gemini/gemini-cli/issues/4121"),
    Row("Qwen-Agent", "2025-12", "nothing is defined apart", "refuses", "QwenLM/Qwen-Agent/issues/752"),
    Row("Copilot CLI", "2026", "nothing is defined apart", "refuses", "github/copilot-cli/issues/1876"),
    Row("LM Studio", "2026", "nothing is defined apart", "refuses", "lmstudio-ai/lmstudio-bug-tracker/issues/738"),
    Row("Continue cn", "1.5.47", "nothing is defined apart", "rewrites", MEASURED),
    Row("llama.cpp", "b10034 to autumn 2026", "no pattern", "refuses", "ggml-org/llama.cpp/issues/25746"),
    Row("llama.cpp", "Nov 2025 to Aug 2026", "no repetition above 2,000", "refuses", "ggml-org/llama.cpp/issues/27859"),
    Row("LM Studio", "2026-09", "no repetition above 2,000", "refuses", "firecrawl/firecrawl/issues/4512"),
    Row("llama.cpp", "2026-07", "properties are not empty", "refuses", "ggml-org/llama.cpp/issues/25923"),
    Row("OpenAI, strict", "2025-04", "no default", "refuses", "camel-ai/camel/issues/2288"),
    Row("OpenAI, strict", "2026-01", "no format", "refuses", "posit-dev/chatlas/pull/255"),
    Row("CrewAI, strict", "1.15", "an object is closed", "rewrites", MEASURED),
    Row("OpenAI API", "2026-03", "a list has items", "refuses", "spacelift-io/spacectl/issues/402"),
    Row("VS Code", "1.127.0", "a list has items", "refuses", "microsoft/vscode/issues/325618"),
    Row("VS Code", "2026-04", "no tuples", "refuses", "advanced-security/codeql-development-mcp-server/issues/262"),
    Row("Anthropic API, Vertex AI, Azure", "2026-08", "no combiner", "refuses", "DeusData/codebase-memory-mcp/issues/1524"),
    Row("Dify", "1.14.0", "no combiner", "rewrites", "langgenius/dify/issues/33257"),
    Row("Quarkus LangChain4j", "2025-05", "no combiner", "refuses", "quarkiverse/quarkus-langchain4j/issues/1491"),
    Row("smolagents", "2025-08", "no combiner", "rewrites", "huggingface/smolagents/pull/1708"),
    Row("Codex CLI", "0.169", "no default", "ignores", MEASURED),
    Row("Codex CLI", "0.169", "no pattern", "ignores", MEASURED),
)  # fmt: skip

# (rule, place): why it may be broken there. A place that ends with * is every place below it.
EXCEPTIONS = {
    ("no additionalProperties", "*"): "every SDK sends it, so hosts take it away for Gemini; models heed it elsewhere",
    ("an object has properties", "extract.json_schema"): "a schema has no fixed names; Gemini takes it since it takes JSON Schema, and JSON text is taken",
    ("an object is closed", "extract.json_schema"): "a schema has no fixed names: OpenAI's SDKs then send the tool as not strict",
    ("an object has properties", "ocr.fields"): "the caller names the fields; empty is taken for not set, and JSON text is taken",
    ("an object is closed", "ocr.fields"): "the caller names the fields; empty is taken for not set",
    ("an object has properties", "translate.terms"): "words are no fixed names; empty is taken for not set, and JSON text is taken",
    ("an object is closed", "translate.terms"): "words are no fixed names; empty is taken for not set",
}  # fmt: skip


def parts(node: Node, place: str) -> Iterator[tuple[str, Node]]:
    yield place, node
    for name, inner in node.get("properties", {}).items():
        yield from parts(inner, f"{place}.{name}")
    if isinstance(node.get("items"), dict):
        yield from parts(node["items"], f"{place}[]")


def breaches(tools: dict[str, Node]) -> set[tuple[str, str]]:
    """(rule, place) of what some host would not take as it is."""
    rules = {row.rule for row in ROWS if row.does != "ignores"}
    return {
        (rule, place)
        for name, schema in tools.items()
        for place, part in parts(schema, name)
        for rule in rules
        if BROKEN[rule](part)
    }


def excused(breach: tuple[str, str]) -> tuple[str, str] | None:
    rule, place = breach
    return next(((rule, where) for where in (place, "*") if (rule, where) in EXCEPTIONS), None)


async def published(hosted: Hosted) -> dict[str, Node]:
    async with hosted(FakeDashScope([])) as host:
        return {tool.name: tool.input_schema for tool in (await host.list_tools()).tools}


async def test_no_host_refuses_or_rewrites_what_is_published(hosted: Hosted) -> None:
    found = breaches(await published(hosted))

    assert {breach for breach in found if excused(breach) is None} == set()
    assert {excused(breach) for breach in found} == set(EXCEPTIONS), "an exception that nothing needs"


def test_every_rule_is_some_hosts_and_every_row_has_a_source() -> None:
    assert {row.rule for row in ROWS} == set(BROKEN)
    assert all(row.host and row.version and row.source for row in ROWS)


async def test_names_and_whole_schemas_fit_everywhere(hosted: Hosted) -> None:
    """Anthropic and OpenAI: 64 characters with the host's prefix; no lookaround anywhere (`(?=` and the like)."""
    tools = await published(hosted)

    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", name) and len(f"mcp__bailian__{name}") <= 64 for name in tools)
    assert not [name for name, schema in tools.items() if re.search(r"\(\?[=!<]", json.dumps(schema))]
    assert all(schema["type"] == "object" and schema["additionalProperties"] is False for schema in tools.values())


class Everything(BaseModel):
    """An argument for each thing that is checked and not published."""

    words: str = Field(pattern=r"\S", max_length=9, description="w")
    several: tuple[str, ...] = Field((), min_length=0, max_length=2_001, description="s")
    days: Literal[7, 30] | None = Field(None, description="7 or 30")
    share: float | None = Field(None, gt=0, lt=1, description="between 0 and 1")
    most: int | None = Field(None, ge=1, description="0: all")
    kind: Literal["a", "b"] | None = Field(None, description="k")
    limit: int = Field(10, ge=1, description="l")
    free: dict[str, Any] | None = Field(None, description="f")


def test_what_is_checked_only_is_not_published() -> None:
    told = published_schema(checked_schema(Everything))["properties"]

    assert told == {
        "words": {"type": "string", "description": "w"},
        "several": {"type": "array", "items": {"type": "string"}, "description": "s"},
        "days": {"type": "integer", "description": "7 or 30"},
        "share": {"type": "number", "minimum": 0.01, "maximum": 0.99, "description": "between 0 and 1"},
        "most": {"type": "integer", "minimum": 0, "description": "0: all"},
        "kind": {"type": "string", "enum": ["auto", "a", "b"], "description": "k"},
        "limit": {"type": "integer", "minimum": 1, "description": "l (default 10)"},
        "free": {"type": "object", "description": "f"},
    }


def test_numbers_to_choose_from_are_in_the_description() -> None:
    for module in tool_modules():
        tool = as_tool(module)
        for name, argument in checked_schema(tool.fn_metadata.arg_model)["properties"].items():
            numbers = [each for each in argument.get("enum", ()) if not isinstance(each, str)]
            said = re.findall(r"\d+", tool.parameters["properties"][name]["description"])
            assert {str(each) for each in numbers} <= set(said), name


# --- models that must fill every argument ---


def strict(schema: Node) -> Node:
    """As OpenAI's SDKs and CrewAI send it: every argument required, free objects closed."""
    properties = {name: {"additionalProperties": False, **each} for name, each in schema["properties"].items()}
    return {**schema, "properties": properties, "required": list(properties)}


def not_set(argument: Node) -> Any:
    """What such a model gives for what it does not want."""
    if "enum" in argument:
        return "auto"
    return {"string": "", "array": [], "object": {}, "boolean": False}.get(
        argument["type"], max(0, argument.get("minimum", 0))
    )


@pytest.mark.parametrize("module", tool_modules(), ids=lambda module: module.__name__.rpartition(".")[2])
async def test_a_model_that_must_fill_every_argument_can_call_every_tool(
    hosted: Hosted, tmp_path: Path, module: Any
) -> None:
    name = module.__name__.rpartition(".")[2]
    schema = strict((await published(hosted))[name])
    required = (await published(hosted))[name].get("required", ())
    least = {"prompt", "question", "source", "json_schema", "text", "query", "texts", "inputs", "output", *required}
    least &= set(module.EXAMPLE)
    nothing = {key: not_set(each) for key, each in schema["properties"].items()}
    filled = {**nothing, **{key: module.EXAMPLE[key] for key in least}}
    options = {"transport": httpx2.ASGITransport(sandbox.app())}
    async with hosted(FakeDashScope([]), options=options, output_folder=tmp_path) as host:
        result = await host.call_tool(name, filled)

    free = {"json_schema": {"type": "object", "additionalProperties": True}}  # the exception of strict modes, above
    jsonschema.validate(
        filled, {**schema, "properties": {**schema["properties"], **(free if "json_schema" in filled else {})}}
    )
    assert not result.is_error, text_of(result)
