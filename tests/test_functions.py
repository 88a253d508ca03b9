"""Functions that a model calls through `chat`: given, called, answered; only DashScope's wire scripted, or the sandbox."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.catalog import shipped
from bailian_mcp.server.endpoints import host as host_at
from bailian_mcp.server.spending import Caps
from conftest import FakeDashScope, Hosted, chunk, finish, sse, stream, text_of, usage

pytestmark = pytest.mark.anyio
PLACE = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "weather", "description": "Weather of a city", "parameters": PLACE}
CLOCK = {"name": "clock", "description": "", "parameters": {}}
SENT = {"type": "function", "function": WEATHER}


def call(index: int | None = 0, arguments: Any = "", **more: Any) -> dict[str, Any]:
    """A piece of a call: `name` and `id` where it has them."""
    name = {"name": more.pop("name")} if "name" in more else {}
    place = {} if index is None else {"index": index}
    return {**place, "type": "function", **more, "function": {**name, "arguments": arguments}}


def called(*frames: Sequence[dict[str, Any]], reason: str = "tool_calls") -> httpx2.Response:
    """Each frame holds some pieces."""
    return stream(sse(*(chunk(content=None, tool_calls=list(pieces)) for pieces in frames), finish(reason), usage()))


ONE = called(
    [call(id="call_1", name="weather")], [call(arguments='{"city": ', id="")], [call(arguments='"杭州"}', id=None)]
)


async def ask(hosted: Hosted, wire: FakeDashScope, _connect: Any = None, **arguments: Any) -> Any:
    async with hosted(wire, **(_connect or {})) as host:
        return await host.call_tool("chat", {"prompt": "杭州天气？", "functions": [WEATHER, CLOCK], **arguments})


# --- given ---


@pytest.mark.both_eras
async def test_a_call_comes_back_with_its_id_and_its_arguments(hosted: Hosted) -> None:
    wire = FakeDashScope([ONE])
    result = await ask(hosted, wire)

    data = result.structured_content
    assert data["function_calls"] == [{"id": "call_1", "name": "weather", "arguments": {"city": "杭州"}}]
    assert (data["finish_reason"], data["truncated"], data["answer"]) == ("tool_calls", False, "")
    assert text_of(result) == (
        "[qwen3.7-plus | 1,000+500 tokens | 0.006 CNY | req-1 | 1 function call]\n"
        '-> weather {"city":"杭州"} (id call_1)'
    )
    assert wire.body["tools"] == [
        SENT,
        {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}},
    ]
    assert wire.body["parallel_tool_calls"] is True
    assert "tool_choice" not in wire.body


@pytest.mark.parametrize(
    "given",
    [
        WEATHER, SENT, {"type": "function", **WEATHER}, {**WEATHER, "parameters": json.dumps(PLACE)}, json.dumps(SENT),
    ],
    ids=["bare", "as OpenAI wraps it", "flat", "its schema as text", "all of it as text"],
)  # fmt: skip
async def test_a_function_is_taken_in_the_forms_that_agents_write(hosted: Hosted, given: Any) -> None:
    wire = FakeDashScope([ONE])
    await ask(hosted, wire, functions=[given])

    assert wire.body["tools"] == [SENT]


@pytest.mark.parametrize(
    ("choice", "functions", "sent"),
    [
        ("auto", [WEATHER], None), ("none", [WEATHER], "none"), ("weather", [WEATHER, CLOCK], {"type": "function", "function": {"name": "weather"}}),
        ("required", [WEATHER], {"type": "function", "function": {"name": "weather"}}),
    ],
)  # fmt: skip
async def test_a_choice_is_sent_as_dashscope_takes_it(hosted: Hosted, choice: str, functions: Any, sent: Any) -> None:
    wire = FakeDashScope([ONE])
    await ask(hosted, wire, functions=functions, function_choice=choice)

    assert wire.body.get("tool_choice") == sent


async def test_others_than_qwen_take_required(hosted: Hosted) -> None:
    wire = FakeDashScope([ONE])
    await ask(hosted, wire, model="deepseek-v4-pro", function_choice="required")

    assert wire.body["tool_choice"] == "required"


async def test_another_server_gets_openai_s_own_fields_alone(hosted: Hosted) -> None:
    wire = FakeDashScope([ONE])
    search = {"name": "search", "parameters": PLACE}
    result = await ask(
        hosted,
        wire,
        {"host": host_at("https://llm.example.cn/v1")},
        model="qwen-mt-plus",
        functions=[search, WEATHER],
        function_choice="required",
    )

    assert result.structured_content["function_calls"][0]["name"] == "weather"
    assert [tool["function"]["name"] for tool in wire.body["tools"]] == ["search", "weather"]
    assert wire.body["tool_choice"] == "required"
    assert "parallel_tool_calls" not in wire.body


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"model": "qwen-mt-plus"}, "qwen-mt-plus cannot call functions. Use qwen3.7-plus."),
        ({"functions": [WEATHER, SENT]}, "functions must differ in name: weather stands there twice."),
        ({"functions": [{"name": "search"}]}, "DashScope takes no function named search: give it another name."),
        ({"functions": [{"name": "a b"}]}, "functions[0].name holds characters that it cannot have."),
        ({"functions": [{"description": "x"}]}, "functions[0].name is required."),
        ({"functions": [{**WEATHER, "strict": True}]}, "functions[0].strict is not an argument."),
        ({"functions": [{"type": "function", "function": {**WEATHER, "x": 1}}]}, "functions[0].x is not an argument."),
        ({"functions": [{"type": "function", "function": "weather"}]}, "functions[0].name is required."),
        ({"functions": [{"type": "web_search"}]}, "functions[0].type is not an argument."),
        ({"functions": [{"name": "a", "parameters": "{"}]}, "functions[0].parameters must be a JSON object."),
        ({"functions": [{"name": "a", "parameters": "[1]"}]}, "functions[0].parameters must be an object."),
        ({"functions": ["weather"]}, "functions[0] must be an object."),
        ({"function_choice": "rain"}, "function_choice must be auto, none, required or the name of one of functions: rain is none"),
        ({"functions": [], "function_choice": "required"}, "required is none of them."),
        ({"function_choice": "required"}, "qwen3.7-plus takes no function_choice=required: name one function"),
        ({"function_choice": "clock", "thinking": "low"}, "No function can be forced while qwen3.7-plus thinks"),
        ({"function_choice": "clock", "model": "glm-5.3"}, "No function can be forced while glm-5.3 thinks"),
    ],
)  # fmt: skip
async def test_what_cannot_be_called_is_refused_and_nothing_is_sent(
    hosted: Hosted, arguments: dict[str, Any], says: str
) -> None:
    wire = FakeDashScope([ONE])
    result = await ask(hosted, wire, **arguments)

    assert result.is_error
    assert says in text_of(result)
    assert wire.requests == []


async def test_without_functions_nothing_is_said_of_them(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    await ask(hosted, wire, functions=[], function_choice="auto")

    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(wire.body)


# --- called ---


async def test_two_calls_at_once_stand_each_on_a_line_before_the_words(hosted: Hosted) -> None:
    reply = stream(
        sse(
            chunk(content="我查一下。"),
            chunk(tool_calls=[call(0, id="call_1", name="weather"), call(1, '{"', id="call_2", name="clock")]),
            chunk(tool_calls=[call(0, '{"city": "杭州"}')]),
            chunk(tool_calls=[call(1, "}")]),
            finish("tool_calls"),
            usage(),
        )
    )
    result = await ask(hosted, FakeDashScope([reply]))

    first, second = result.structured_content["function_calls"]
    assert first["arguments"] == {"city": "杭州"}
    assert second == {"id": "call_2", "name": "clock", "arguments": '{"}', "note": "no JSON object"}
    assert text_of(result).splitlines() == [
        "[qwen3.7-plus | 1,000+500 tokens | 0.006 CNY | req-1 | 2 function calls]",
        '-> weather {"city":"杭州"} (id call_1)',
        '-> clock "{\\"}" (id call_2) no JSON object',
        "我查一下。",
    ]


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        ([[call(0, "", id="a", name="clock")]], [("a", "clock", {})]),
        ([[call(0, None, id=None, name="clock")]], [("call_1", "clock", {})]),
        ([[call(0, {"city": "杭州"}, id="a", name="weather")]], [("a", "weather", {"city": "杭州"})]),
        ([[call(0, '{"city"', id="a", name="weather")], [call(0, ': "x"}', id="a", name="weather")]], [("a", "weather", {"city": "x"})]),
        ([[call(None, "{", id="a", name="weather")], [call(None, "}")]], [("a", "weather", {})]),
        ([[call(None, "{}", id="a", name="weather"), call(None, "{}", id="b", name="clock")]], [("a", "weather", {}), ("b", "clock", {})]),
        ([[call(None, "{", id="a", name="weather")], [call(None, "{}", id="b", name="clock")], [call(None, "}", id="a")]], [("a", "weather", {}), ("b", "clock", {})]),
        ([[call(None, "{}", name="weather")], [call(None, "{}", name="clock")]], [("call_1", "weather", {}), ("call_2", "clock", {})]),
        ([[call(0, "{}", id="a", name="weather")], [call(0, "{}", id="b", name="clock")]], [("a", "weather", {}), ("b", "clock", {})]),
        ([[call(0, "{}", id="a", name="weather"), call(1, "{}", id="a", name="clock")]], [("a", "weather", {}), ("a_2", "clock", {})]),
        ([[call("0", "{", id="a", name="weather")], [call("0", "}")]], [("a", "weather", {})]),
        ([[call(0, '{"city": "\ud83d', id="a", name="weather")], [call(0, '\ude00"}')]], [("a", "weather", {"city": "😀"})]),
    ],
    ids=["no arguments", "nulls", "an object", "id and name again", "no index", "no index, whole", "no index, by id", "no index, no id",
         "one index", "one id", "an index as text", "an emoji in halves"],
)  # fmt: skip
async def test_calls_are_joined_however_a_server_sends_them(hosted: Hosted, pieces: Any, calls: Any) -> None:
    frames = (chunk(tool_calls=each) for each in pieces)
    lines = [f"data: {json.dumps(frame)}\n\n" for frame in (*frames, finish("tool_calls"), usage())]
    result = await ask(hosted, FakeDashScope([stream("".join(lines).encode())]))

    found = result.structured_content["function_calls"]
    assert [(each["id"], each["name"], each["arguments"]) for each in found] == calls


@pytest.mark.parametrize("reason", ["function_call", "stop"])
async def test_the_older_form_is_read_too(hosted: Hosted, reason: str) -> None:
    pieces = ({"name": "weather", "arguments": '{"city":'}, {"arguments": '"杭州"}'})
    frames = sse(*(chunk(function_call=piece) for piece in pieces), finish(reason), usage())
    result = await ask(hosted, FakeDashScope([stream(frames)]))

    assert result.structured_content["function_calls"] == [
        {"id": "call_1", "name": "weather", "arguments": {"city": "杭州"}}
    ]
    assert result.structured_content["truncated"] is False


@pytest.mark.parametrize("rest", ['"杭州"}', ""])
async def test_a_whole_message_behind_its_pieces_says_nothing_twice(hosted: Hosted, rest: str) -> None:
    whole = '{"city": "杭州"}'
    message = {"role": "assistant", "content": "", "tool_calls": [call(None, whole, id="call_1", name="weather")]}
    last = {"choices": [{"message": message, "index": 0, "finish_reason": "tool_calls"}]}
    first = call(0, whole.removesuffix(rest), id="call_1", name="weather")
    result = await ask(hosted, FakeDashScope([stream(sse(chunk(tool_calls=[first]), last, usage()))]))

    assert result.structured_content["function_calls"] == [
        {"id": "call_1", "name": "weather", "arguments": {"city": "杭州"}}
    ]


async def test_an_answer_that_does_not_stream_is_read_too(hosted: Hosted) -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [call(0, "{}", id="a", name="clock"), "odd"]}
    whole = {"choices": [{"message": message, "index": 0, "finish_reason": "tool_calls"}], **usage()}
    whole["choices"] = [{"message": message, "index": 0, "finish_reason": "tool_calls"}]
    result = await ask(hosted, FakeDashScope([httpx2.Response(200, json=whole)]))

    assert result.structured_content["function_calls"] == [{"id": "a", "name": "clock", "arguments": {}}]


@pytest.mark.parametrize("arguments", ["", '{"city": "杭', '{"city": '])
async def test_arguments_that_were_cut_are_given_as_they_came_and_said_to_be(hosted: Hosted, arguments: str) -> None:
    result = await ask(hosted, FakeDashScope([called([call(0, arguments, id="a", name="weather")], reason="length")]))

    data = result.structured_content
    assert data["function_calls"] == [
        {"id": "a", "name": "weather", "arguments": arguments, "note": "cut off: not whole"}
    ]
    assert (data["finish_reason"], data["truncated"]) == ("length", True)
    assert "INCOMPLETE: the output limit was reached" in text_of(result).splitlines()[0]
    assert text_of(result).endswith("(id a) cut off: not whole")


async def test_a_connection_that_breaks_after_a_call_loses_nothing_of_it(hosted: Hosted) -> None:
    frames = sse(chunk(tool_calls=[call(0, '{"city": "杭', id="a", name="weather")]), done=False)
    result = await ask(hosted, FakeDashScope([stream(frames)]))

    data = result.structured_content
    assert data["finish_reason"] == "interrupted"
    assert data["function_calls"][0]["note"] == "cut off: not whole"


@pytest.mark.parametrize(
    "arguments", ["null", "[1]", "{'a': 1}", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 300, '{"a":' * 200 + "1" + "}" * 200, '{"a": "\\ud83d"}']
)  # fmt: skip
async def test_arguments_that_are_no_object_are_given_as_they_came(hosted: Hosted, arguments: str) -> None:
    result = await ask(hosted, FakeDashScope([called([call(0, arguments, id="a", name="weather")])]))

    (found,) = result.structured_content["function_calls"]
    assert (found["arguments"], found["note"]) == (arguments, "no JSON object")


async def test_a_function_that_nobody_gave_is_told_as_such(hosted: Hosted) -> None:
    result = await ask(hosted, FakeDashScope([called([call(0, "{}", id="a", name="rain")])]))

    assert result.structured_content["function_calls"][0]["note"] == "no function of that name was given"
    assert text_of(result).splitlines()[1:] == ["-> rain {} (id a) no function of that name was given"]


async def test_no_name_or_id_breaks_a_line_of_ours(hosted: Hosted) -> None:
    wire = FakeDashScope([called([call(0, '{"a": "\\n-> x"}', id="a\nb", name="rain\n-> clock {}")])])
    result = await ask(hosted, wire, {"structured": False})

    assert text_of(result).splitlines()[1:] == [
        '-> rain -> clock {} {"a":"\\n-> x"} (id a b) no function of that name was given'
    ]


async def test_a_call_where_no_functions_were_given_is_an_empty_answer(hosted: Hosted) -> None:
    result = await ask(hosted, FakeDashScope([ONE]), functions=[])

    assert "the model called a tool instead" in text_of(result).splitlines()[0]


async def test_more_calls_than_any_model_makes_are_left_out(hosted: Hosted) -> None:
    many = [call(number, "{}", id=f"c{number}", name="clock") for number in range(1_010)]
    result = await ask(hosted, FakeDashScope([called(many)]))

    assert len(result.structured_content["function_calls"]) == 1_000


async def test_reasoning_that_is_asked_for_comes_behind_the_calls(hosted: Hosted) -> None:
    pieces = [call(0, "{}", id="a", name="clock")]
    frames = sse(chunk(reasoning_content="查一下"), chunk(tool_calls=pieces), finish("tool_calls"), usage())
    result = await ask(hosted, FakeDashScope([stream(frames)]), thinking="low", show_reasoning=True, temperature=0.5)

    _, called_line, _, head, reasoning = text_of(result).splitlines()
    assert (called_line, head.startswith("[reasoning, "), reasoning) == ("-> clock {} (id a)", True, "查一下")


async def test_what_is_ours_of_a_call_is_in_the_language_of_the_question(hosted: Hosted) -> None:
    reply = called([call(0, "null", id="a", name="weather"), call(1, "{}", id="b", name="rain")])
    async with hosted(FakeDashScope([reply]), structured=False, language="zh") as host:
        text = text_of(await host.call_tool("chat", {"prompt": "x", "functions": [WEATHER]}))

    assert text.splitlines() == [
        "[qwen3.7-plus | 1,000+500 tokens | 0.006 CNY | req-1 | 2 个函数调用]",
        '-> weather "null" (id a) 不是 JSON 对象',
        "-> rain {} (id b) 没有提供该名称的函数",
    ]


# --- answered ---

PAST = {
    "role": "assistant",
    "content": "",
    "function_calls": [{"id": "call_1", "name": "weather", "arguments": {"city": "杭州"}}],
}
RESULT = {"role": "tool", "content": "晴，21 度", "function_call_id": "call_1"}
QUESTION = {"role": "user", "content": "杭州天气？"}


@pytest.mark.parametrize(
    "past",
    [
        PAST,
        {"role": "assistant", "function_calls": PAST["function_calls"]},
        {**PAST, "content": None},
        {**PAST, "function_calls": [{"id": "call_1", "name": "weather", "arguments": '{"city": "杭州"}', "note": "x"}]},
        {**PAST, "function_calls": [{"id": "call_1", "type": "function", "index": 0, "function": {"name": "weather", "arguments": '{"city": "杭州"}'}}]},
    ],
)  # fmt: skip
async def test_a_result_goes_back_with_its_call(hosted: Hosted, past: Any) -> None:
    wire = FakeDashScope([stream()])
    await ask(hosted, wire, prompt="", history=[QUESTION, past, RESULT])

    function = {"name": "weather", "arguments": '{"city": "杭州"}'}
    assert wire.body["messages"] == [
        QUESTION,
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "晴，21 度", "tool_call_id": "call_1"},
    ]


async def test_a_history_as_openai_writes_it_is_taken(hosted: Hosted) -> None:
    """Agents have it so from their own conversation."""
    wire = FakeDashScope([stream()])
    function = {"name": "weather", "arguments": '{"city": "杭州"}'}
    past = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
    }
    result = {"role": "tool", "content": "晴，21 度", "tool_call_id": "call_1"}
    await ask(hosted, wire, prompt="", history=[QUESTION, past, result])

    assert wire.body["messages"] == [QUESTION, {**past, "content": ""}, result]


async def test_a_call_without_arguments_goes_back_as_an_empty_object(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    past = {**PAST, "function_calls": [{"id": "call_1", "name": "clock"}]}
    await ask(hosted, wire, prompt="So?", history=[past, RESULT])

    assert wire.body["messages"][0]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert wire.body["messages"][-1] == {"role": "user", "content": "So?"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"prompt": ""}, "prompt must not be empty."),
        ({"prompt": "", "history": [QUESTION]}, "prompt must not be empty."),
        ({"prompt": "", "history": [PAST, RESULT], "files": ["https://x.cn/a.png"]}, "prompt must not be empty."),
        ({"history": [RESULT]}, "history has a result of call_1, and no function_calls before it have that id."),
        ({"history": [{"role": "tool", "content": "x"}]}, "history[0] must have a function_call_id if its role is tool"),
        ({"history": [{**QUESTION, "function_call_id": "a"}]}, "history[0] must have a function_call_id if its role is tool, and only then."),
        ({"history": [{**PAST, "role": "user"}]}, "history[0] can have function_calls only if its role is assistant."),
        ({"history": [{**PAST, "function_calls": [{"id": "a", "name": "b", "x": 1}]}]}, "history[0].function_calls[0].x is not an argument."),
        ({"history": [{**PAST, "function_calls": ["weather"]}]}, "history[0].function_calls[0] must be an object."),
        ({"history": [{"role": "assistant", "content": None}]}, "history[0].content must be text."),
    ],
)  # fmt: skip
async def test_a_history_that_does_not_fit_together_is_refused(hosted: Hosted, arguments: Any, says: str) -> None:
    wire = FakeDashScope([stream()])
    result = await ask(hosted, wire, **arguments)

    assert result.is_error
    assert says in text_of(result)
    assert wire.requests == []


# --- what it may cost ---

LONG = "长" * 100_000


@pytest.mark.parametrize(
    "more",
    [
        {"functions": [{**WEATHER, "description": LONG}]},
        {"history": [{**PAST, "function_calls": [{"id": "call_1", "name": "weather", "arguments": {"city": LONG}}]}, RESULT]},
    ],
    ids=["functions", "past calls"],
)  # fmt: skip
async def test_functions_and_past_calls_count_as_input_before_they_are_sent(
    hosted: Hosted, tmp_path: Path, more: dict[str, Any]
) -> None:
    wire = FakeDashScope([ONE])
    capped = {"caps": Caps(per_call=Decimal("0.3")), "kept": (tmp_path,)}
    short = await ask(hosted, wire, capped)
    long = await ask(hosted, wire, capped, **more)

    assert not short.is_error
    assert long.is_error
    assert "BAILIAN_MAX_COST_PER_CALL leaves" in text_of(long)
    assert len(wire.requests) == 1


async def test_a_cheaper_model_that_fits_calls_functions_too(hosted: Hosted, tmp_path: Path) -> None:
    capped = {"caps": Caps(per_call=Decimal("0.01")), "kept": (tmp_path,)}
    result = await ask(hosted, FakeDashScope([ONE]), capped, model="qwen3.8-max", prompt=LONG[:5_000])

    named = re.findall(r"model=([\w.-]+)", text_of(result))
    assert named
    assert all(shipped().find(name).can.get("tools") for name in named)


# --- on the sandbox ---


async def test_a_whole_round_trip_on_the_sandbox(hosted: Hosted) -> None:
    options = {"transport": httpx2.ASGITransport(sandbox.app())}
    question = "请调用 weather 和 clock 两个函数。city: 杭州"
    given = {"functions": [WEATHER, CLOCK]}
    async with hosted(FakeDashScope([]), options=options) as host:
        asked = (await host.call_tool("chat", {"prompt": question, **given})).structured_content
        calls = asked["function_calls"]
        results = [{"role": "tool", "content": "晴", "function_call_id": each["id"]} for each in calls]
        past = {"role": "assistant", "content": asked["answer"], "function_calls": calls}
        history = [{"role": "user", "content": question}, past, *results]
        told = (await host.call_tool("chat", {"prompt": "", "history": history, **given})).structured_content

    assert [(each["name"], each["arguments"]) for each in calls] == [("weather", {"city": "杭州"}), ("clock", {})]
    assert len({each["id"] for each in calls}) == 2
    assert asked["finish_reason"] == "tool_calls"
    assert "function_calls" not in told
    assert told["answer"].startswith("这是沙箱的回答")


async def test_the_sandbox_cuts_arguments_at_the_output_limit(hosted: Hosted) -> None:
    options = {"transport": httpx2.ASGITransport(sandbox.app())}
    async with hosted(FakeDashScope([]), options=options) as host:
        arguments = {"prompt": "weather? city: 杭州", "functions": [WEATHER], "max_output_tokens": 5}
        data = (await host.call_tool("chat", arguments)).structured_content

    assert data["finish_reason"] == "length"
    assert data["function_calls"][0]["arguments"] == '{"cit'
    assert data["function_calls"][0]["note"] == "cut off: not whole"
