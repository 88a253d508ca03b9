"""Arguments as hosts and models really send them: what is not set, what hosts add, other forms of what is meant."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.app.tool_files import tool_modules
from conftest import ANSWER, FakeDashScope, Hosted, Unlimited, stream, text_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def era() -> str:
    """What is said here does not depend on it."""
    return "2026-07-28"


MODULES = {module.__name__.rpartition(".")[2]: module for module in tool_modules()}
WORDS = ["", "None", "none", "null", "undefined"]
NOT_SET = [*WORDS, None, [], {}, [""], ["None"], "[]", '[""]', "{}"]
ASKED = {"prompt": "x"}
VERBATIM = {"query", "text"}


async def called(hosted: Hosted, name: str, arguments: dict[str, Any]) -> Any:
    return (await each_called(hosted, name, [arguments]))[0]


async def each_called(hosted: Hosted, name: str, calls: Sequence[dict[str, Any]]) -> list[Any]:
    """Of one server: to begin another for each call takes longer than the call."""
    with TemporaryDirectory() as folder:
        options = {"transport": httpx2.ASGITransport(sandbox.app())}
        async with hosted(FakeDashScope([]), options=options, output_folder=Path(folder), rates=Unlimited()) as host:
            results = []
            for arguments in calls:
                _empty(Path(folder))
                results.append(await host.call_tool(name, arguments))
            return results


def _empty(folder: Path) -> None:
    """What one call has written stands in no other's way."""
    for file in folder.iterdir():
        file.unlink()


SCHEMAS: dict[str, dict[str, Any]] = {}  # asked for once: they are the same in each of these stories


async def optional(hosted: Hosted, name: str) -> dict[str, Any]:
    if not SCHEMAS:
        async with hosted(FakeDashScope([])) as host:
            SCHEMAS.update({tool.name: tool.input_schema for tool in (await host.list_tools()).tools})
    schema = SCHEMAS[name]
    return {key: value for key, value in schema["properties"].items() if key not in schema.get("required", ())}


def needed(name: str) -> dict[str, Any]:
    """The least that a tool can be called with."""
    example = MODULES[name].EXAMPLE
    free = {"cost", "models", "usage", "job"}  # which can do with nothing
    return {} if name in free else dict(example)


# --- not set ---


@pytest.mark.parametrize("name", MODULES)
async def test_every_optional_argument_may_be_filled_with_nothing(hosted: Hosted, name: str) -> None:
    filled = [dict.fromkeys(await optional(hosted, name), form) for form in NOT_SET]
    results = await each_called(hosted, name, [{**each, **needed(name)} for each in filled])

    refused = [(form, text_of(result)) for form, result in zip(NOT_SET, results, strict=True) if result.is_error]
    assert refused == []


@pytest.mark.parametrize("name", ["cost", "models"])
async def test_nothing_is_the_same_as_not_given(hosted: Hosted, name: str) -> None:
    others = set(await optional(hosted, name)) - VERBATIM
    filled = [dict.fromkeys(others, form) for form in NOT_SET]
    not_given, *results = await each_called(hosted, name, [{}, *filled])

    assert [text_of(result) for result in results] == [text_of(not_given)] * len(NOT_SET)


@pytest.mark.parametrize("name", MODULES)
async def test_a_call_as_metamcp_makes_it_is_answered(hosted: Hosted, name: str) -> None:
    """Empty text for every text, zero for every number: https://github.com/metatool-ai/metamcp/issues/365."""
    empty = {"string": "", "number": 0, "integer": 0, "boolean": False, "array": [], "object": {}}
    filled = {key: empty[each["type"]] for key, each in (await optional(hosted, name)).items()}
    result = await called(hosted, name, {**filled, **needed(name)})

    assert not result.is_error, text_of(result)
    assert name != "models" or result.structured_content["models"]


@pytest.mark.parametrize("word", [*WORDS[1:], "auto", '["a"]', '{"a": 1}', "true", "0", " x ", "[1].png"])
async def test_prompts_and_system_texts_stay_as_they_are(hosted: Hosted, word: str) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire) as host:
        result = await host.call_tool("chat", {"prompt": word, "system": word})

    assert not result.is_error
    assert [message["content"] for message in wire.body["messages"]] == [word, word]


# --- what hosts add ---


@pytest.mark.parametrize(
    "added",
    [
        {"toolCallId": "c1", "sessionId": "s", "action": "sendMessage", "chatInput": "hi", "tool": "chat"},
        {"random_string": "x"},
    ],
)
@pytest.mark.parametrize("name", MODULES)
async def test_what_hosts_add_is_dropped_in_silence(hosted: Hosted, name: str, added: dict[str, Any]) -> None:
    result = await called(hosted, name, {**needed(name), **added})

    assert not result.is_error, text_of(result)


async def test_what_hosts_add_does_not_stand_for_what_is_required(hosted: Hosted) -> None:
    result = await called(hosted, "chat", {"chatInput": "hi", "action": "sendMessage"})

    assert "prompt is required" in text_of(result)


# --- other forms ---


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"thinking": "Off"}, {"thinking": "off"}),
        ({"thinking": False}, {"thinking": "off"}),
        ({"thinking": "false"}, {"thinking": "off"}),
        ({"thinking": True}, {"thinking": "medium"}),
        ({"thinking": "auto"}, {}),
        ({"preset": " Translation "}, {"preset": "translation"}),
        ({"preset": "AUTO"}, {}),
        ({"temperature": "0.3"}, {"temperature": 0.3}),
        ({"temperature": "0"}, {"temperature": 0}),
        ({"max_output_tokens": "300"}, {"max_output_tokens": 300}),
        ({"max_output_tokens": 300.0}, {"max_output_tokens": 300}),
        ({"max_output_tokens": 0}, {}),
        ({"max_output_tokens": "0"}, {}),
        ({"model": "None"}, {}),
        ({"files": "https://x.cn/a.png"}, {"files": ["https://x.cn/a.png"]}),
        ({"files": '["https://x.cn/a.png"]'}, {"files": ["https://x.cn/a.png"]}),
        ({"history": '[{"role": "user", "content": "hi"}]'}, {"history": [{"role": "user", "content": "hi"}]}),
    ],
    ids=str,
)
async def test_chat_takes_what_is_meant(hosted: Hosted, given: dict[str, Any], meant: dict[str, Any]) -> None:
    bodies = []
    for arguments in (given, meant):
        wire = FakeDashScope([stream()])
        async with hosted(wire) as host:
            result = await host.call_tool("chat", {**ASKED, **arguments})
        assert not result.is_error, text_of(result)
        bodies.append(wire.body)

    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"sites": "https://www.gov.cn/zhengce/?a=1#b"}, {"sites": ["www.gov.cn"]}),
        ({"sites": ["HTTP://WWW.gov.cn", "www.gov.cn/x"]}, {"sites": ["www.gov.cn"]}),
        ({"strategy": "TURBO"}, {"strategy": "turbo"}),
        ({"freshness_days": "30"}, {"freshness_days": 30}),
        ({"freshness_days": 30.0}, {"freshness_days": 30}),
        ({"freshness_days": 0, "strategy": "auto"}, {}),
    ],
    ids=str,
)
async def test_web_search_takes_what_is_meant(hosted: Hosted, given: dict[str, Any], meant: dict[str, Any]) -> None:
    bodies = []
    for arguments in (given, meant):
        wire = FakeDashScope([stream(ANSWER)])
        async with hosted(wire) as host:
            await host.call_tool("web_search", {"question": "x", **arguments})
        bodies.append(wire.body)

    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        ("cost", {"models": "qwen-max", "input_tokens": "1000"}, {"models": ["qwen-max"], "input_tokens": 1000}),
        ("cost", {"region": "AP-Southeast-1", "batch": "true"}, {"region": "ap-southeast-1", "batch": True}),
        ("cost", {"web_searches": 1, "search_strategy": "auto"}, {"web_searches": 1}),
        ("models", {"capabilities": "Vision", "max_input_price": "0"}, {"capabilities": ["vision"]}),
        ("models", {"capabilities": '["vision", "OCR"]', "region": "auto"}, {"capabilities": ["vision", "ocr"]}),
    ],
)
async def test_what_is_told_without_a_model_is_the_same(
    hosted: Hosted, name: str, given: dict[str, Any], meant: dict[str, Any]
) -> None:
    told, expected = await called(hosted, name, given), await called(hosted, name, meant)

    assert not told.is_error
    assert text_of(told) == text_of(expected)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("extract", {"json_schema": json.dumps(MODULES["extract"].EXAMPLE["json_schema"])}),
        ("ocr", {"fields": '{"品名": ""}', "task": "Key_Information_Extraction"}),
        ("ocr", {"pages": 1}),
        ("ocr", {"pages": [1]}),
        ("ocr", {"pages": ["1"], "task": "auto"}),
    ],
)
async def test_json_text_and_numbers_are_taken_for_what_they_say(
    hosted: Hosted, name: str, given: dict[str, Any]
) -> None:
    result = await called(hosted, name, {**needed(name), **given})

    assert not result.is_error, text_of(result)


async def test_json_text_that_is_none_stays_a_text(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire) as host:
        for text in ("[a.png", "[" * 5_000):
            result = await host.call_tool("chat", {**ASKED, "files": text})
            assert result.is_error
            assert "must be a list" not in text_of(result)

    assert wire.requests == []


@pytest.mark.parametrize(
    ("name", "argument"), [("chat", "thinking"), ("ocr", "pages"), ("web_search", "freshness_days")]
)
async def test_a_number_of_thousands_of_digits_is_a_bad_argument(hosted: Hosted, name: str, argument: str) -> None:
    result = await called(hosted, name, {**needed(name), argument: 10**5_000})

    assert result.is_error
    assert text_of(result).startswith(f"{argument} ")
    assert "failed inside" not in text_of(result)


# --- as people type them ---


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("extract", {"text": "x", "json_schema": '{"type"：“object”}'}, "json_schema is not JSON from character 8 on: that is no punctuation of ASCII."),
        ("extract", {"text": "x", "json_schema": "{'type': 'object'}"}, "json_schema is not JSON from character 2 on."),
        ("chat", {"prompt": "x", "history": '[{"role"：“user”}]'}, "history is not JSON from character 9 on"),
    ],
)  # fmt: skip
async def test_text_that_is_meant_as_json_and_is_none_is_told_from_where(
    hosted: Hosted, name: str, arguments: dict[str, Any], says: str
) -> None:
    result = await called(hosted, name, arguments)

    assert result.is_error
    assert text_of(result).startswith(says)
    assert text_of(result).endswith("Nothing was sent.")


async def test_names_may_be_one_text_with_any_comma_between(hosted: Hosted) -> None:
    wanted = {"models": ["qwen3.7-plus", "qwen-flash"], "input_tokens": 1_000}
    listed, *others = await each_called(
        hosted,
        "cost",
        [wanted, *({**wanted, "models": f"qwen3.7-plus{comma}qwen-flash"} for comma in (",", "，", "、 "))],
    )

    assert not listed.is_error
    assert [text_of(each) for each in others] == [text_of(listed)] * 3
