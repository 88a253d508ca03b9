"""The protocols, frame by frame as documented, through the real client; all become the same events."""

import json
from typing import Any

import httpx2
import pytest
from bailian_mcp.server.dashscope import (
    ChatCompletions,
    DashScopeError,
    Event,
    Finish,
    FunctionCall,
    FunctionCallDelta,
    Generation,
    ReasoningDelta,
    Reply,
    Responses,
    TextDelta,
    UsageReport,
    WireProtocol,
    protocols,
)
from conftest import FakeDashScope, chunk, dashscope, finish, sse, stream, usage
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.anyio
PICTURE = {"type": "image_url", "image_url": {"url": "https://x.cn/a.png"}}
BODY = {
    "model": "qwen3.8-max",
    "messages": [
        {"role": "system", "content": "简短"},
        {"role": "user", "content": [PICTURE, {"type": "text", "text": "看"}]},
    ],
    "max_completion_tokens": 9,
    "temperature": 0.5,
}


async def talk(dialect: WireProtocol, content: bytes, **headers: str) -> tuple[list[Event], httpx2.Request, str]:
    reply = stream(content)
    reply.headers.update(headers)
    wire = FakeDashScope([reply])
    async with dashscope(wire) as client, client.stream(dialect, BODY) as answer:
        return [event async for event in answer.events], wire.requests[0], answer.request_id


def sent(request: httpx2.Request) -> Any:
    return json.loads(request.content)


# --- native generation ---


def native(number: int, content: Any, reason: str = "null", reasoning: str = "", **usage: Any) -> str:
    """A frame exactly as recorded: numbered, with a status comment, no space after `data:`."""
    message = {"role": "assistant", "content": content, "reasoning_content": reasoning}
    counts = {"input_tokens": 10, "output_tokens": number, "total_tokens": 10 + number, **usage}
    frame = {
        "output": {"choices": [{"message": message, "finish_reason": reason}]},
        "usage": counts,
        "request_id": "native-1",
    }
    return f"id:{number}\nevent:result\n:HTTP_STATUS/200\ndata:{json.dumps(frame, ensure_ascii=False)}\n\n"


NATIVE = sse(
    native(1, "", reasoning="用户"),
    native(2, "西湖"),
    native(3, ""),
    native(
        4, "在杭州。", "stop", output_tokens_details={"reasoning_tokens": 1}, prompt_tokens_details={"cached_tokens": 7}
    ),
    done=False,
)


async def test_the_native_protocol_in_text() -> None:
    heard, request, _ = await talk(Generation("text-generation"), NATIVE)

    assert heard == [
        ReasoningDelta("用户"), UsageReport(10, 1, None, None, None),
        TextDelta("西湖"), UsageReport(10, 2, None, None, None),
        UsageReport(10, 3, None, None, None),
        TextDelta("在杭州。"), Finish("stop"), UsageReport(10, 4, 1, 7, None),
    ]  # fmt: skip
    assert request.url.path == "/api/v1/services/aigc/text-generation/generation"
    assert request.headers["x-dashscope-sse"] == "enable"
    assert sent(request) == {
        "model": "qwen3.8-max",
        "input": {"messages": [{"role": "system", "content": "简短"}, {"role": "user", "content": "看"}]},
        "parameters": {
            "max_tokens": 9,
            "temperature": 0.5,
            "incremental_output": True,
            "result_format": "message",
        },
    }


async def test_the_native_protocol_in_parts() -> None:
    frames = sse(native(1, [{"text": "西"}, {"text": "湖"}]), native(2, [], "length", image_tokens=66), done=False)
    heard, request, _ = await talk(Generation("multimodal-generation"), frames)

    assert heard == [
        TextDelta("西湖"), UsageReport(10, 1, None, None, None),
        Finish("length"), UsageReport(10, 2, None, None, 66),
    ]  # fmt: skip
    assert request.url.path == "/api/v1/services/aigc/multimodal-generation/generation"
    assert sent(request)["input"]["messages"] == [
        {"role": "system", "content": [{"text": "简短"}]},
        {"role": "user", "content": [{"image": "https://x.cn/a.png"}, {"text": "看"}]},
    ]


async def test_a_request_id_may_come_in_the_frames_only() -> None:
    wire = FakeDashScope([httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=NATIVE)])
    async with dashscope(wire) as client, client.stream(Generation("text-generation"), BODY) as answer:
        async for _ in answer.events:
            pass

    assert answer.request_id == "native-1"


async def test_an_ending_sent_twice_changes_nothing() -> None:
    last = native(2, "", "stop")
    heard, *_ = await talk(Generation("text-generation"), sse(native(1, "西湖"), last, last, done=False))

    assert [event for event in heard if isinstance(event, TextDelta)] == [TextDelta("西湖")]
    assert heard[-2:] == [Finish("stop"), UsageReport(10, 2, None, None, None)]


async def test_repeated_words_are_no_repeated_frames() -> None:
    laughing = [native(1, "哈")] * 3
    heard, *_ = await talk(Generation("text-generation"), sse(*laughing, native(4, "", "stop"), done=False))
    again, *_ = await talk(ChatCompletions(), b"id: 1\n" + sse(*[chunk(content="哈")] * 3, finish()))

    assert "".join(e.text for e in heard if isinstance(e, TextDelta)) == "哈哈哈"
    assert "".join(e.text for e in again if isinstance(e, TextDelta)) == "哈哈哈"


async def test_a_native_error_frame_is_the_documented_error() -> None:
    error = {"code": "InvalidParameter", "message": "url error, please check url！", "request_id": "7671"}
    frame = f"id:1\nevent:error\n:HTTP_STATUS/400\ndata:{json.dumps(error, ensure_ascii=False)}\n\n"
    with pytest.raises(DashScopeError, match=r"Correct `endpoint` of this model in catalog\.json") as caught:
        await talk(Generation("text-generation"), frame.encode())

    assert str(caught.value).endswith("[InvalidParameter, HTTP 400, request 7671]")


async def test_a_native_stream_that_ends_on_null_was_cut() -> None:
    heard, *_ = await talk(Generation("text-generation"), sse(native(1, "西湖"), done=False))

    assert isinstance(heard[-1], Finish)
    assert heard[-1].reason == "interrupted"


async def test_a_partial_response_is_marked_as_cut() -> None:
    whole = json.dumps({"choices": [{"message": {"content": "前半"}, "finish_reason": "stop"}], **usage(1, 2)})
    whole = whole.replace('"choices": [], ', "")
    headers = {"content-type": "application/json", "x-dashscope-partialresponse": "true"}
    heard, *_ = await talk(ChatCompletions(), whole.encode(), **headers)

    assert isinstance(heard[-1], Finish)
    assert heard[-1].reason == "interrupted"
    assert "its own time limit" in heard[-1].why


# --- cumulative text (qwen-mt) ---


async def test_cumulative_text_is_heard_as_pieces_over_both_protocols() -> None:
    compatible = sse(chunk(content="West"), chunk(content="West Lake"), chunk(content="West Lake"), finish())
    frames = sse(native(1, "West"), native(2, "West Lake", "stop"), done=False)
    over_chat, *_ = await talk(ChatCompletions(cumulative=True), compatible)
    over_native, request, _ = await talk(Generation("text-generation", cumulative=True), frames)

    assert over_chat == [TextDelta("West"), TextDelta(" Lake"), Finish("stop")]
    assert [e for e in over_native if isinstance(e, TextDelta)] == [TextDelta("West"), TextDelta(" Lake")]
    assert sent(request)["parameters"]["incremental_output"] is False


async def test_cumulative_reasoning_is_heard_once() -> None:
    frames = sse(chunk(reasoning_content="想"), chunk(reasoning_content="想想"), chunk(content="好"), finish())
    heard, *_ = await talk(ChatCompletions(cumulative=True), frames)

    assert heard == [ReasoningDelta("想"), ReasoningDelta("想"), TextDelta("好"), Finish("stop")]


async def test_counts_before_the_end_are_not_the_last_ones() -> None:
    early = {**chunk(content="西湖"), "usage": usage(1, 1)["usage"]}
    heard, *_ = await talk(ChatCompletions(), sse(early, finish(), usage(1, 900)))

    assert heard[-1] == UsageReport(1, 900, None, None, None)


async def test_a_cumulative_stream_that_takes_words_back_is_told() -> None:
    heard, *_ = await talk(ChatCompletions(cumulative=True), sse(chunk(content="West"), chunk(content="East")))

    assert isinstance(heard[-1], Finish)
    assert "unknown form" in heard[-1].why


# --- responses ---


def event(type: str, **more: Any) -> dict[str, Any]:
    return {"type": type, **more}


RESPONSE_USAGE = {
    "input_tokens": 55,
    "input_tokens_details": {"cached_tokens": 5},
    "output_tokens": 43,
    "output_tokens_details": {"reasoning_tokens": 3},
}


@pytest.mark.parametrize("spelling", ["response.reasoning_text.delta", "response.reasoning_summary_text.delta"])
async def test_the_responses_api(spelling: str) -> None:
    done = {"status": "completed", "usage": RESPONSE_USAGE}
    frames = sse(
        event("response.created", response={"status": "queued"}),
        event(spelling, delta="嗯"),
        event("response.output_text.delta", delta="西湖"),
        event("response.completed", response=done),
        done=False,
    )
    heard, request, _ = await talk(Responses(), frames)

    assert heard == [ReasoningDelta("嗯"), TextDelta("西湖"), Finish("stop"), UsageReport(55, 43, 3, 5, None)]
    assert request.url.path == "/compatible-mode/v1/responses"
    assert sent(request) == {
        "model": "qwen3.8-max",
        "input": [
            {"role": "system", "content": "简短"},
            {
                "role": "user",
                "content": [
                    {"type": "input_image", "image_url": "https://x.cn/a.png"},
                    {"type": "input_text", "text": "看"},
                ],
            },
        ],
        "temperature": 0.5,
        "max_output_tokens": 9,
        "stream": True,
        "store": False,
    }


@pytest.mark.parametrize(("cut", "reason"), [("max_output_tokens", "length"), ("content_filter", "content_filter")])
async def test_an_incomplete_response_says_why(cut: str, reason: str) -> None:
    response = {"status": "incomplete", "incomplete_details": {"reason": cut}, "usage": None}
    heard, *_ = await talk(Responses(), sse(event("response.incomplete", response=response), done=False))

    assert heard == [Finish(reason)]


@pytest.mark.parametrize(
    "frame",
    [
        event("response.failed", response={"error": {"code": "Arrearage", "message": "no money"}}),
        event("error", code="Arrearage", message="no money"),
        {"code": "Arrearage", "message": "no money", "request_id": "r"},
    ],
)
async def test_a_failed_response_is_an_error(frame: dict[str, Any]) -> None:
    with pytest.raises(DashScopeError, match="owes money"):
        await talk(Responses(), sse(frame))


async def test_a_response_that_fails_without_a_reason_is_told() -> None:
    with pytest.raises(DashScopeError, match="the response failed"):
        await talk(Responses(), sse(event("response.failed", response={})))


async def test_a_response_that_ends_twice_says_its_text_once() -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "西湖"}]}
    ended = event("response.completed", response={"output": [message], "usage": {}})
    heard, *_ = await talk(Responses(), sse(ended, ended))

    assert [each for each in heard if isinstance(each, TextDelta)] == [TextDelta("西湖")]


async def test_an_error_event_may_count_what_was_used() -> None:
    reply = Reply()
    failing = event("error", code="server_error", message="no", usage={"input_tokens": 7, "output_tokens": 3})
    wire = FakeDashScope([stream(sse(failing))])
    with pytest.raises(DashScopeError):
        async with dashscope(wire) as client, client.stream(Responses(), BODY, reply):
            async for _ in reply.events:
                pass

    assert reply.usage == UsageReport(7, 3, None, None, None)


# --- calls of functions ---


def function(arguments: str, **more: Any) -> dict[str, Any]:
    """A piece as DashScope sends it: later ones have an empty id, and no name."""
    name = {"name": more.pop("name")} if "name" in more else {}
    return {"index": 0, "type": "function", "id": "", **more, "function": {"arguments": arguments, **name}}


async def test_the_pieces_of_a_call_as_chat_completions_streams_them() -> None:
    content = sse(
        chunk(content=None, reasoning_content="", role="assistant"),
        chunk(content=None, tool_calls=[function("", id="call_8f", name="weather")]),
        chunk(content=None, tool_calls=[function('{"city": "')]),
        chunk(content="", tool_calls=[function('杭州"}')]),
        chunk(content="", tool_calls=[function("", id="call_9a", name="clock", index=1)]),
        chunk(content=None, tool_calls=[function("{}", index=1)]),
        chunk(content="", tool_calls=[function("", index=1)]),
        finish("tool_calls"),
        usage(10, 20),
    )
    heard, _, _ = await talk(ChatCompletions(), content)

    assert heard == [
        FunctionCallDelta(0, "call_8f", "weather", ""),
        FunctionCallDelta(0, arguments='{"city": "'),
        FunctionCallDelta(0, arguments='杭州"}'),
        FunctionCallDelta(1, "call_9a", "clock", ""),
        FunctionCallDelta(1, arguments="{}"),
        Finish("tool_calls"),
        UsageReport(10, 20, None, None, None),
    ]


async def test_a_reply_joins_them() -> None:
    reply = Reply()
    for piece in (FunctionCallDelta(0, "a", "weather", '{"c'), FunctionCallDelta(1, "b", "clock"), FunctionCallDelta(0, arguments='": 1}')):  # fmt: skip
        reply.observe(piece)

    assert reply.function_calls == (FunctionCall("a", "weather", '{"c": 1}'), FunctionCall("b", "clock", ""))
    assert reply.answered
    assert reply.written == 'weather{"c": 1}clock'


@pytest.mark.parametrize("incremental", [True, False])
async def test_the_native_protocol_has_them_in_its_message(incremental: bool) -> None:
    """Whole in each frame, where frames repeat themselves."""

    def frame(number: int, arguments: str, **more: Any) -> dict[str, Any]:
        message = {
            "role": "assistant",
            "content": "",
            "tool_calls": [function(arguments, id="call_8f", name="weather")],
        }
        reason = more.get("reason", "null")
        return {"output": {"choices": [{"message": message, "finish_reason": reason}]}, "request_id": "native-1"}

    second = '杭州"}' if incremental else '{"city": "杭州"}'
    content = sse(frame(1, '{"city": "'), frame(2, second, reason="tool_calls"), done=False)
    heard, _, _ = await talk(Generation("text-generation", cumulative=not incremental), content)

    assert heard == [
        FunctionCallDelta(0, "call_8f", "weather", '{"city": "'),
        FunctionCallDelta(0, arguments='杭州"}'),
        Finish("tool_calls"),
    ]


async def test_a_call_behind_an_end_goes_on() -> None:
    """Some say "stop" in each frame."""
    content = sse(
        chunk(content="我查"), finish(), chunk(tool_calls=[function("{}", id="a", name="clock")]), finish("tool_calls")
    )
    wire = FakeDashScope([stream(content)])
    async with dashscope(wire) as client, client.stream(ChatCompletions(), BODY) as reply:
        async for _ in reply.events:
            pass

    assert reply.function_calls == (FunctionCall("a", "clock", "{}"),)
    assert reply.finish_reason == "tool_calls"


@pytest.mark.parametrize("odd", ["x", 7, [], [None, "x"], {}, [{"function": {}}], [{"function": None, "id": 7}]])
async def test_calls_of_no_known_form_cost_nothing_of_the_answer(odd: Any) -> None:
    heard, _, _ = await talk(ChatCompletions(), sse(chunk(content="西湖", tool_calls=odd, function_call=7), finish()))

    assert heard == [TextDelta("西湖"), Finish("stop")]


# --- the short way of a frame that is nothing but text ---

NOTHINGS = st.sampled_from([None, "", 0, [], {}, False])
VALUES = st.one_of(NOTHINGS, st.sampled_from(["x", "stop", "null", 1, ["y"], {"z": 1}, True, "0"]))
DELTAS = st.dictionaries(
    st.sampled_from(["content", "role", "reasoning_content", "tool_calls", "refusal", "reasoning", "audio"]), VALUES
)
CHOICES = st.dictionaries(
    st.sampled_from(["delta", "message", "finish_reason", "index", "usage", "text", "logprobs"]),
    st.one_of(VALUES, DELTAS, st.dictionaries(st.just("content"), st.sampled_from(["字", "两个字"]), min_size=1)),
)
FRAMES = st.lists(
    st.dictionaries(
        st.sampled_from(["choices", "usage", "id", "error"]), st.one_of(st.lists(CHOICES, max_size=2), VALUES)
    ),
    max_size=4,
)


def said(frames: list[Any], cumulative: bool) -> list[Any]:
    """The events of frames, and the kind of what the first of an unknown form raises."""
    protocol, found = ChatCompletions(cumulative=cumulative), list[Any]()
    try:
        for frame in frames:
            found += protocol.events(frame)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        found.append(isinstance(error, Exception))
    return found


@given(FRAMES, st.booleans())
def test_the_short_way_says_what_the_long_one_does(frames: list[Any], cumulative: bool) -> None:
    short = said(frames, cumulative)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocols, "_only_text", lambda frame: "")
        assert short == said(frames, cumulative)


def test_most_frames_go_the_short_way() -> None:
    assert protocols._only_text(chunk(content="字")) == "字"
