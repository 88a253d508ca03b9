"""Input schemas and arguments as the hosts of our users take and send them.

The rules are data: what each host or grammar does to a schema. The gate is what a current one refuses after its own
rewriting; what hosts only rewrite or ignore is there to be known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.app.server import tool_modules
from bailian_mcp.server.app.tool_schemas import as_tool
from conftest import FakeDashScope, Hosted, stream, text_of

pytestmark = pytest.mark.anyio
TOOLS = {module.__name__.rpartition(".")[2]: as_tool(module).parameters for module in tool_modules()}
EXAMPLES: dict[str, dict[str, Any]] = {m.__name__.rpartition(".")[2]: m.EXAMPLE for m in tool_modules()}
MAX_REPETITIONS = 2_000


@dataclass(frozen=True)
class Rule:
    """What a host (`who`) does, `does`, to a part of a schema that `breaks`; `source`: who saw it."""

    what: str
    who: str
    does: str
    source: str

    def breaks(self, part: dict[str, Any]) -> bool:
        return {
            "an enum of other things than text": any(not isinstance(each, str) for each in part.get("enum", ())),
            "an exclusive bound": "exclusiveMaximum" in part or "exclusiveMinimum" in part,
            "a reference": "$ref" in part or "$defs" in part,
            "a pattern": "pattern" in part,
            "a long repetition": max(part.get("maxLength", 0), part.get("maxItems", 0)) > MAX_REPETITIONS,
            "a list of types": isinstance(part.get("type"), list),
            "a choice of schemas": bool({"anyOf", "oneOf", "allOf"} & set(part)),
            "no type": "type" not in part,
            "a constant": "const" in part,
            "an array of anything": part.get("type") == "array" and "items" not in part,
            "a format": "format" in part,
            "an object of anything": part.get("type") == "object" and not part.get("properties"),
            "no further properties": "additionalProperties" in part,
        }[self.what]


RULES = (
    Rule("an enum of other things than text", "Gemini API", "refuses", "modelcontextprotocol/servers#1624"),
    Rule("an exclusive bound", "Gemini API", "refuses", "zed-industries/zed#29400"),
    Rule("a reference", "Qwen-Agent, Copilot CLI, LM Studio", "refuses", "QwenLM/Qwen-Agent#752, copilot-cli#1876"),
    Rule("a reference", "Continue cn 1.5.47", "drops $defs and keeps $ref", "run with this server"),
    Rule("a pattern", "llama.cpp to autumn 2026 (LM Studio, Jan)", "refuses every message", "ggml-org/llama.cpp#26930"),
    Rule("a long repetition", "llama.cpp Nov 2025 to Aug 2026", "refuses every message", "ggml-org/llama.cpp#17473"),
    Rule("a list of types", "Gemini API, Dify", "refuses", "run, and dify tool_entities.py"),
    Rule("a choice of schemas", "Gemini API where it holds null", "refuses", "CLIProxyAPI#1075"),
    Rule("no type", "Gemini CLI, Vertex", "refuses", "azure-devops-mcp#145"),
    Rule("a constant", "Gemini API", "refuses", "zed-industries/zed#29400"),
    Rule("an array of anything", "OpenAI, VS Code", "refuses", "microsoft/vscode"),
    Rule("a format", "Anthropic, Gemini API", "refuses some", "modelcontextprotocol/servers#1624"),
    Rule("an object of anything", "OpenAI strict, CrewAI strict, old Gemini", "lets the model send {} only", "run"),
    Rule("no further properties", "old Gemini", "refuses; every host strips it", "modelcontextprotocol/servers#1624"),
)
EXCEPTIONS = {
    "no further properties": "every SDK sends it, and every host that cannot take it strips it",
    "an object of anything": "a schema of the caller's own has no properties that are known before; taken as JSON text too",
}
FREE_FORM = {("extract", "json_schema"), ("ocr", "fields")}


def parts(schema: dict[str, Any], name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """A schema and what is inside it, by the argument."""
    yield name, schema
    for argument, inner in schema.get("properties", {}).items():
        yield from parts(inner, name or argument)
    if "items" in schema:
        yield from parts(schema["items"], name)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.what}: {rule.who}")
def test_no_schema_has_what_a_host_refuses(rule: Rule) -> None:
    broken = {(tool, name) for tool, schema in TOOLS.items() for name, part in parts(schema) if rule.breaks(part)}

    if rule.what == "an object of anything":
        broken -= FREE_FORM | {("job", "")}
    assert rule.what in EXCEPTIONS or not broken
    assert rule.what != "an object of anything" or not broken


def test_names_are_short_and_plain() -> None:
    names = [*TOOLS, *(name for schema in TOOLS.values() for name in schema["properties"])]

    assert all(name.isidentifier() and len(name) <= 40 for name in names)  # mcp__bailian__... has 64 characters at most


async def call(hosted: Hosted, tool: str, arguments: dict[str, Any]) -> Any:
    async with hosted(FakeDashScope([]), options={"transport": httpx2.ASGITransport(sandbox.app())}) as host:
        return await host.call_tool(tool, arguments)


@pytest.mark.parametrize("unset", ["", "None", "undefined", "null", "auto", None, [], [""], {}])
@pytest.mark.parametrize("tool", TOOLS)
async def test_an_argument_that_is_not_set_is_none_in_whatever_form(hosted: Hosted, tool: str, unset: Any) -> None:
    schema = TOOLS[tool]
    free_text = {n for n, p in schema["properties"].items() if p["type"] == "string" and "enum" not in p} - {"model"}
    optional = set(schema["properties"]) - set(schema.get("required", ())) - set(EXAMPLES[tool]) - free_text
    result = await call(hosted, tool, {**EXAMPLES[tool], **dict.fromkeys(optional, unset)})

    assert not result.is_error, text_of(result)


async def test_zero_is_not_set_where_one_is_the_least_and_a_value_elsewhere(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire) as host:
        await host.call_tool("chat", {"prompt": "x", "max_output_tokens": 0, "temperature": 0})

    assert wire.body["temperature"] == 0
    assert wire.body["max_completion_tokens"] > 1_000


@pytest.mark.parametrize("text", ["None", "undefined", "null", '["a"]', "{}", "auto", "0"])
async def test_a_prompt_stays_what_it_is(hosted: Hosted, text: str) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire) as host:
        await host.call_tool("chat", {"prompt": text, "system": text})

    assert [message["content"] for message in wire.body["messages"]] == [text, text]


@pytest.mark.parametrize(
    "added", ["toolCallId", "sessionId", "action", "chatInput", "tool", "random_string"]
)  # fmt: skip
async def test_what_a_host_adds_is_dropped_and_what_a_model_makes_up_refused(hosted: Hosted, added: str) -> None:
    assert not (await call(hosted, "models", {"query": "视觉", added: "x"})).is_error

    refused = await call(hosted, "models", {"query": "视觉", f"{added}s": "x"})
    assert refused.is_error
    assert "is not an argument" in text_of(refused)


@pytest.mark.parametrize(
    ("given", "thinking"), [("OFF", False), (False, False), (True, True), ("High", True), ("true", None)]
)
async def test_a_level_in_any_case_or_as_a_switch(hosted: Hosted, given: Any, thinking: bool | None) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire) as host:
        result = await host.call_tool("chat", {"prompt": "x", "model": "qwen-plus", "thinking": given})

    if thinking is None:
        assert "thinking must be" in text_of(result)
    else:
        assert wire.body["enable_thinking"] is thinking


async def test_text_for_a_number_and_one_for_a_list(hosted: Hosted) -> None:
    result = await call(hosted, "models", {"query": "视觉", "limit": "1", "capabilities": "vision"})
    assert "1 are shown" in text_of(result)

    priced = await call(hosted, "cost", {"models": "qwen-max", "input_tokens": "1000"})
    listed = await call(hosted, "cost", {"models": '["qwen-max"]', "input_tokens": 1000.0})
    assert text_of(priced) == text_of(listed)


async def test_a_site_with_its_scheme_is_a_site(hosted: Hosted) -> None:
    result = await call(
        hosted, "web_search", {"question": "x", "sites": "https://www.gov.cn/zhengce", "freshness_days": "7"}
    )

    assert not result.is_error, text_of(result)


@pytest.mark.parametrize(
    ("tool", "name", "text"), [("extract", "json_schema", '{"type":"object"}'), ("ocr", "fields", '{"品名":""}')]
)
async def test_an_object_as_json_text_is_one(hosted: Hosted, tool: str, name: str, text: str) -> None:
    result = await call(hosted, tool, {**EXAMPLES[tool], name: text})

    assert not result.is_error, text_of(result)


async def test_no_resource_has_the_name_of_a_tool(hosted: Hosted) -> None:
    """mcp-use 1.7 offers both under their names, and the later one hides the other."""
    async with hosted(FakeDashScope([])) as host:
        listed = [*(await host.list_resources()).resources, *(await host.list_resource_templates()).resource_templates]

    assert listed
    assert not {resource.name for resource in listed} & set(TOOLS)
