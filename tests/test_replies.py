"""What real servers, gateways and models send: nothing paid is lost, a cut is no end, and what is unknown is no zero."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import pytest
from bailian_mcp.server.dashscope import (
    ChatCompletions,
    DashScopeError,
    Finish,
    Generation,
    Reply,
    Responses,
    TextDelta,
    UsageReport,
)
from bailian_mcp.server.dashscope.errors import from_reply
from bailian_mcp.server.endpoints import host
from bailian_mcp.server.text import thoughts_apart
from conftest import HOST, FakeDashScope, Hosted, chunk, dashscope, finish, refusal, sse, stream, text_of, usage
from hypothesis import given
from hypothesis import strategies as st
from odd_replies import ERROR_BODIES, FINISH_REASONS

pytestmark = pytest.mark.anyio


@pytest.fixture
def era() -> str:
    """What is read here does not depend on how a host is spoken to."""
    return "2026-07-28"


BODY = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "x"}]}
OTHER_SERVER = host("http://127.0.0.1:8000/v1")


async def chat(hosted: Hosted, *steps: Any, **shared: Any) -> tuple[dict[str, Any], str]:
    """The answer's data and the text."""
    async with hosted(FakeDashScope(list(steps)), **shared) as client:
        result = await client.call_tool("chat", {"prompt": "x"})
    return result.structured_content or {}, text_of(result)


async def heard(content: bytes | AsyncIterator[bytes], protocol: Any = None, **headers: str) -> Reply:
    answer, reply = stream(content), Reply()
    answer.headers.update(headers)
    async with dashscope(FakeDashScope([answer])) as client, client.stream(protocol or ChatCompletions(), BODY, reply):
        async for _ in reply.events:
            pass
    return reply


async def refused(response: httpx2.Response, **options: Any) -> tuple[DashScopeError, FakeDashScope]:
    wire = FakeDashScope([response])
    with pytest.raises(DashScopeError) as caught:
        async with dashscope(wire, **options) as client, client.stream(ChatCompletions(), BODY) as reply:
            async for _ in reply.events:
                pass
    return caught.value, wire


# --- how an answer ends ---


@pytest.mark.parametrize(("word", "reason", "says", "_source"), FINISH_REASONS, ids=[row[0] for row in FINISH_REASONS])
async def test_everything_but_an_end_of_its_own_and_a_tools_turn_is_told_as_not_whole(
    hosted: Hosted, word: str, reason: str, says: str, _source: str
) -> None:
    data, text = await chat(hosted, stream(sse(chunk(content="西湖"), finish(word), usage())))

    assert data["finish_reason"] == reason
    assert data["truncated"] is bool(says)
    assert says in data.get("incomplete", "")
    assert ("INCOMPLETE" in text) is bool(says)
    assert "西湖" in text


async def test_a_reason_that_is_a_number_is_told_and_a_zero_is_no_end() -> None:
    number = await heard(sse(chunk(content="西"), finish(2), usage()))  # type: ignore[arg-type]
    unfinished = await heard(sse({**chunk(content="西"), **finish(0)}, chunk(content="湖"), finish(), usage()))  # type: ignore[arg-type]

    assert number.finish == Finish("2", "the model stopped for a reason that is not known (2)")
    assert unfinished.finish_reason == "stop"


async def test_done_without_a_reason_is_an_end(hosted: Hosted) -> None:
    data, text = await chat(hosted, stream(sse(chunk(content="西湖"), usage())))

    assert (data["finish_reason"], data["truncated"]) == ("stop", False)
    assert "INCOMPLETE" not in text


async def test_done_alone_is_no_answer() -> None:
    error, _ = await refused(stream(sse()))

    assert "ended the stream in the middle" in str(error)


LAST = json.dumps(usage())
WHOLE = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "西湖"}, "finish_reason": "stop"}],
    "usage": usage()["usage"],
}


@pytest.mark.parametrize(
    "content",
    [
        sse(chunk(content="西湖"), finish(), f"data: {LAST}", done=False),
        sse(chunk(content="西湖"), finish(), f"data: {LAST}\n", done=False),
        sse(chunk(content="西湖"), finish(), f"data: {LAST}\n\ndata: [DONE]", done=False),
        sse(chunk(content="西湖"), finish(), usage()).replace(b"\n\n", b"\n"),
        sse(chunk(content="西湖"), finish(), usage()).replace(b"\n\n", b"\r\n"),
        sse(chunk(content="西湖"), "data: null\n\n", "data: []\n\n", 'data: ""\n\n', "data: \n\n", finish(), usage()),
        sse(chunk(content="西湖"), finish(), {"code": 0, "message": "success", **usage()}),
        sse(chunk(content="西湖"), finish(), {"code": "Success", "message": "", **usage()}),
        sse(chunk(content="西湖"), finish(), {"code": 200, "msg": "ok", **usage()}),
        sse(chunk(content="西湖"), finish(), {"error": None, "message": "success", **usage()}),
        sse(chunk(content="西湖"), "\n".join(f"data: {line}" for line in json.dumps(finish(), indent=1).split("\n")) + "\n\n",
            usage()),
        sse("\ufeff", chunk(content="西湖"), finish(), usage()),
        sse(chunk(content="西湖"), "data: \n\n", "data: null\n\n", finish(), usage()).replace(b"\n\n", b"\n"),
        sse(": x\n\n", chunk(content="西湖"), finish(), usage()).replace(b"data: ", b"data: data: "),
        sse("data: : WAITING\n\n", chunk(content="西湖"), "data: event: x\n\n", finish(), usage()),
        sse(chunk(content="西湖"), usage(), "data:  [DONE] \n\n", done=False),
        sse(chunk(content="西湖"), usage(), 'data: "[DONE]"\n\n', done=False),
        sse(chunk(content="西湖"), finish(), usage()).replace(b"data: ", b"").replace(b"\n\n", b"\n"),
        json.dumps(WHOLE).encode(),
        json.dumps(WHOLE, indent=1).encode(),
        sse(chunk(content="西"), chunk(content="湖"), WHOLE),
        sse(chunk(content="西"), WHOLE),
        sse({**chunk(content="西湖"), "error": {"message": "", "code": None}}, {**finish(), "error": {}}, usage()),
        sse(chunk(content="西湖"), finish(), {"error": {"code": 0, "message": "success"}, **usage()}),
        sse({**chunk(content="西湖"), "base_resp": {"status_code": 0, "status_msg": "unknown field"}}, finish(), usage()),
        sse({"choices": [{"index": "0", "text": "西湖"}]}, finish(), usage()),
        sse(chunk(content=["西", {"text": "湖"}]), finish("\n"), finish(), usage()),
        sse(chunk(content="西湖"), finish(), usage(1000.0, 500.0)),  # type: ignore[arg-type]
    ],
    ids=[
        "no newline", "one newline", "done without a newline", "one newline between", "one CRLF between", "heartbeats",
        "code 0", "code Success", "code 200", "message success", "one JSON over many lines", "a byte order mark",
        "heartbeats, one newline", "wrapped twice", "comments as data", "done in spaces", "done in quotes", "JSON lines",
        "one JSON", "one JSON in lines", "said again whole (MiniMax)", "whole at the end", "an empty error",
        "an error of success", "base_resp of success", "text of the choice", "content in parts", "counts as floats",
    ],
)  # fmt: skip
@pytest.mark.parametrize("cut", ["whole", "byte by byte"])
async def test_frames_that_are_not_as_the_standard_has_them_are_read(content: bytes, cut: str) -> None:
    async def byte_by_byte() -> AsyncIterator[bytes]:
        for byte in content:
            yield bytes([byte])

    reply = await heard(content if cut == "whole" else byte_by_byte())

    assert ("".join(reply.text), reply.finish_reason) == ("西湖", "stop")
    assert reply.usage
    assert reply.usage.output_tokens == 500


async def test_frames_parted_by_one_newline_are_heard_as_they_come() -> None:
    came = anyio.Event()

    async def one_by_one() -> AsyncIterator[bytes]:
        yield sse(chunk(content="西"), done=False).replace(b"\n\n", b"\n")
        yield sse(chunk(content="湖"), done=False).replace(b"\n\n", b"\n")
        await came.wait()
        yield sse(finish(), usage())

    reply = Reply()
    with anyio.fail_after(5):
        client = dashscope(FakeDashScope([stream(one_by_one())]))
        async with client, client.stream(ChatCompletions(), BODY, reply):
            async for event in reply.events:
                if event == TextDelta("西"):
                    came.set()

    assert "".join(reply.text) == "西湖"


async def test_a_frame_whose_empty_line_does_not_come_is_heard_at_once() -> None:
    came = anyio.Event()

    async def held_back() -> AsyncIterator[bytes]:
        yield sse(chunk(content="西湖"), done=False).removesuffix(b"\n")
        await came.wait()
        yield b"\n" + sse(finish(), usage())

    reply = Reply()
    with anyio.fail_after(5):
        client = dashscope(FakeDashScope([stream(held_back())]))
        async with client, client.stream(ChatCompletions(), BODY, reply):
            async for _ in reply.events:
                came.set()

    assert ("".join(reply.text), reply.finish_reason) == ("西湖", "stop")


async def test_a_stream_under_another_name_is_read() -> None:
    plain = await heard(sse(chunk(content="西湖"), finish(), usage()), **{"content-type": "text/plain"})

    assert "".join(plain.text) == "西湖"


BROKEN = httpx2.ReadError("reset")


async def broken_off(content: bytes) -> AsyncIterator[bytes]:
    yield content
    raise BROKEN


@pytest.mark.parametrize("kind", ["text/event-stream", "text/plain", "application/json"])
async def test_a_stream_that_is_cut_keeps_what_came_under_whatever_name(kind: str) -> None:
    cut = await heard(broken_off(sse(chunk(content="西湖"), done=False) + b"data: {"), **{"content-type": kind})

    assert ("".join(cut.text), cut.finish_reason) == ("西湖", "interrupted")


@pytest.mark.parametrize("kind", ["text/event-stream", "text/plain"])
async def test_a_whole_frame_counts_though_the_connection_breaks_behind_it(kind: str) -> None:
    frames = sse(chunk(content="西湖"), finish(), usage(), done=False).removesuffix(b"\n\n")
    broken = await heard(broken_off(frames), **{"content-type": kind})

    assert broken.finish_reason == "stop"
    assert broken.usage


@pytest.mark.parametrize(
    "line",
    [
        'error: {"code": 500, "message": "the reason", "type": "server_error"}\n\n',
        '{"error": {"message": "the reason"}}\n',
        'data: {"base_resp": {"status_code": 1004, "status_msg": "the reason"}}\n\n',
        'data: {"choices": [], "error": {"message": "the reason", "code": null}}\n\n',
    ],
    ids=["llama.cpp", "no field", "MiniMax", "no code"],
)
async def test_the_reason_in_a_stream_is_told_whatever_form_it_has(line: str) -> None:
    error, _ = await refused(stream(sse(line, done=False)))
    behind = await heard(sse(chunk(content="西湖"), line))

    assert 'said: "the reason".' in str(error)
    assert behind.finish
    assert (behind.finish.reason, "the reason" in behind.finish.why) == ("interrupted", True)


def test_what_may_go_on_is_not_whole_though_it_was_counted() -> None:
    refusal, ended, went_on = Reply(), Reply(), Reply()
    counted = UsageReport(11, 35, None, None, None)
    for reply, said in (
        (refusal, [TextDelta("I "), Finish("refusal"), counted]),
        (ended, [TextDelta("西"), Finish("stop"), counted]),
        (went_on, [TextDelta("西"), Finish("stop"), counted, TextDelta("湖"), Finish("stop"), counted]),
    ):
        for event in said:
            reply.observe(event)

    assert (refusal.whole, ended.whole, went_on.whole) == (False, True, False)


async def test_a_stream_that_says_stop_in_each_frame_and_breaks_is_cut() -> None:
    each = [
        {**chunk(content=text), "choices": [{"delta": {"content": text}, "finish_reason": "stop"}]} for text in "西湖"
    ]
    cut = await heard(broken_off(sse(*each, done=False)))
    whole = await heard(sse(*each, usage()))

    assert ("".join(cut.text), cut.finish_reason) == ("西湖", "interrupted")
    assert ("".join(whole.text), whole.finish_reason) == ("西湖", "stop")


OUTPUT = [{"type": "message", "content": [{"type": "output_text", "text": "西湖"}]}]
REFUSED = [{"type": "message", "content": [{"type": "refusal", "refusal": "I can't."}]}]
COUNTS = {"input_tokens": 11, "output_tokens": 35}
SAID = {"type": "response.output_text.delta", "delta": "西湖"}


@pytest.mark.parametrize(
    ("content", "text", "reason"),
    [
        (json.dumps({"object": "response", "status": "completed", "output": OUTPUT, "usage": COUNTS}).encode(), "西湖", "stop"),
        (sse({"type": "response.completed", "response": {"output": REFUSED, "usage": COUNTS}}), "I can't.", "refusal"),
        (sse(SAID, {"type": "response.cancelled", "response": {"usage": COUNTS}}), "西湖", "interrupted"),
        (sse(SAID, {"type": "response.completed", "response": {"status": "incomplete", "usage": COUNTS}}), "西湖", "length"),
        (sse(SAID, {"type": "response.code_interpreter_call_code.done", "code": "print(1)"},
             {"type": "response.completed", "response": {"usage": COUNTS}}), "西湖", "stop"),
    ],
    ids=["not streamed", "refused", "cancelled", "incomplete", "code that is no error"],
)  # fmt: skip
async def test_a_response_ends_as_its_status_says(content: bytes, text: str, reason: str) -> None:
    reply = await heard(content, Responses())

    assert ("".join(reply.text), reply.finish_reason) == (text, reason)
    assert reply.usage


async def test_a_native_answer_beside_the_choices_is_read() -> None:
    frame = {"output": {"choices": None, "text": "西湖", "finish_reason": "stop"}, "usage": COUNTS}
    reply = await heard(sse(frame, done=False), Generation("text-generation"))

    assert ("".join(reply.text), reply.finish_reason) == ("西湖", "stop")


# --- refused, empty, thought ---


async def test_a_refusal_is_said(hosted: Hosted) -> None:
    data, text = await chat(
        hosted, stream(sse(chunk(refusal="I can't help "), chunk(refusal="with that."), finish(), usage()))
    )

    assert (data["answer"], data["finish_reason"]) == ("I can't help with that.", "refusal")
    assert "INCOMPLETE: the model refused to answer" in text


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        ([chunk(content=""), finish()], "the answer is empty; it is billed all the same"),
        ([chunk(reasoning_content="想"), finish()], "only reasoning came"),
        ([chunk(content=" \n"), finish()], "the answer is empty"),
        ([chunk(tool_calls=[{"function": {"name": "x"}}]), finish("tool_calls")], "the model called a tool instead"),
    ],
)
async def test_an_answer_without_a_word_says_so(hosted: Hosted, frames: list[Any], says: str) -> None:
    data, text = await chat(hosted, stream(sse(*frames, usage())))

    assert says in data["incomplete"]
    assert f"INCOMPLETE: {data['incomplete']}" in text
    assert "0.006 CNY" in text


@pytest.mark.parametrize(
    "frames",
    [
        [chunk(reasoning="想"), chunk(content="西湖")],
        [chunk(reasoning="想", reasoning_content="想"), chunk(content="西湖")],
        [chunk(reasoning={"effort": "low"}, reasoning_content="想"), chunk(content="西湖")],
    ],
    ids=["vLLM, OpenRouter", "both", "an object"],
)
async def test_reasoning_under_another_name_is_read(frames: list[Any]) -> None:
    reply = await heard(sse(*frames, finish(), usage()))

    assert ("".join(reply.reasoning), "".join(reply.text)) == ("想", "西湖")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<think>\n想\n</think>\n\n西湖", ("想", "西湖")),
        ("\n<think>想</think>西湖", ("想", "西湖")),
        ("想\n</think>\n\n西湖", ("想", "西湖")),
        ("<think>想，还没", ("想，还没", "")),
        ("[THINK]想[/THINK]西湖", ("想", "西湖")),
        ("◁think▷想◁/think▷西湖", ("想", "西湖")),
        ("西湖", ("", "西湖")),
        ("标签 `</think>` 是什么？", ("", "标签 `</think>` 是什么？")),
        ("先说 <think> 再说\n</think>\n完", ("", "先说 <think> 再说\n</think>\n完")),
    ],
)
def test_thoughts_are_parted_from_the_answer(text: str, parts: tuple[str, str]) -> None:
    assert thoughts_apart(text) == parts


async def test_thoughts_in_the_text_of_another_server_are_reasoning_and_dashscope_is_quoted_verbatim(
    hosted: Hosted,
) -> None:
    answer = sse(chunk(content="<think>想</think>西湖"), finish(), usage())
    other, _ = await chat(hosted, stream(answer), host=OTHER_SERVER)
    ours, _ = await chat(hosted, stream(answer))

    assert (other["answer"], ours["answer"]) == ("西湖", "<think>想</think>西湖")


async def test_a_refusal_over_the_responses_api_is_said() -> None:
    frames = [
        {"type": "response.refusal.delta", "delta": "I can't."},
        {"type": "response.completed", "response": {"output": [], "usage": {"input_tokens": 9, "output_tokens": 3}}},
    ]
    reply = await heard(sse(*frames, done=False), Responses())

    assert ("".join(reply.text), reply.finish_reason) == ("I can't.", "refusal")


async def test_a_frame_without_end_is_given_up() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield sse(chunk(content="西湖"), done=False)
        for _ in range(70):
            yield b"x" * (1024 * 1024)

    reply = await heard(endless())

    assert "".join(reply.text) == "西湖"
    assert reply.finish
    assert "The connection broke in the middle (FrameTooLong)" in reply.finish.why


# --- what was used ---


@pytest.mark.parametrize(
    "counts",
    [
        [usage(0, 0)],
        [usage(11, 0)],
        [usage(0, 35)],
        [],
    ],
    ids=["zeros", "no output", "no input", "none"],
)
async def test_a_zero_beside_an_answer_is_unknown_and_so_is_the_price(hosted: Hosted, counts: list[Any]) -> None:
    data, text = await chat(hosted, stream(sse(chunk(content="西湖"), finish(), *counts)))

    assert data.get("usage") is None
    assert data["cost"]["total"] is None
    assert "tokens unknown | cost unknown" in text


async def test_zeros_after_real_counts_do_not_undo_them(hosted: Hosted) -> None:
    data, _ = await chat(hosted, stream(sse(chunk(content="西湖"), finish(), usage(11, 35), usage(0, 0), usage(11, 0))))

    assert (data["usage"]["input_tokens"], data["usage"]["output_tokens"]) == (11, 35)


async def test_an_empty_answer_may_have_used_no_output(hosted: Hosted) -> None:
    data, _ = await chat(hosted, stream(sse(chunk(content=""), finish(), usage(11, 0))))

    assert data["cost"]["total"] == "0.000022"


async def test_reasoning_that_came_is_never_counted_as_none(hosted: Hosted) -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": 0}}
    data, _ = await chat(
        hosted, stream(sse(chunk(reasoning_content="想"), chunk(content="西"), finish(), usage(**details)))
    )

    assert data["usage"]["reasoning_tokens"] is None


async def test_usage_inside_the_choice_is_read() -> None:
    last = finish()
    last["choices"][0]["usage"] = usage(11, 35)["usage"]
    reply = await heard(sse(chunk(content="西湖"), last))

    assert reply.usage
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (11, 35)


async def test_cache_hits_under_deepseeks_name_are_read() -> None:
    reply = await heard(
        sse(chunk(content="西湖"), finish(), usage(prompt_cache_hit_tokens=900, prompt_cache_miss_tokens=100))
    )

    assert reply.usage
    assert reply.usage.cached_input_tokens == 900


@pytest.mark.parametrize(
    ("details", "lines"),
    [
        ({"cached_tokens": 800}, {"input": 200, "cached_input": 800}),
        ({"cached_tokens": 800, "cache_type": "ephemeral"}, {"input": 200, "explicit_cached_input": 800}),
        (
            {"cached_tokens": 0, "cache_type": "ephemeral", "cache_creation_input_tokens": 900},
            {"input": 100, "cache_write": 900},
        ),
        (
            {"cached_tokens": 500, "cache_creation": {"ephemeral_5m_input_tokens": 300}},
            {"input": 200, "cache_write": 300, "explicit_cached_input": 500},
        ),
    ],
    ids=["implicit", "explicit hits", "explicit writes", "both"],
)
async def test_the_explicit_cache_has_its_own_prices(hosted: Hosted, details: Any, lines: dict[str, int]) -> None:
    data, _ = await chat(hosted, stream(sse(chunk(content="西湖"), finish(), usage(prompt_tokens_details=details))))

    assert {line["item"]: line["quantity"] for line in data["cost"]["lines"]} == {**lines, "output": 500}


async def test_what_the_explicit_cache_costs_is_exact(hosted: Hosted) -> None:
    """qwen3.7-plus in Beijing, per million: input 2, output 8, cache write 2.5, explicit hit 0.2."""
    details = {"cached_tokens": 500, "cache_creation": {"ephemeral_5m_input_tokens": 300}, "cache_type": "ephemeral"}
    data, _ = await chat(hosted, stream(sse(chunk(content="西湖"), finish(), usage(prompt_tokens_details=details))))

    assert data["cost"]["total"] == "0.00525"  # 200 x 2 + 300 x 2.5 + 500 x 0.2 + 500 x 8
    assert (data["usage"]["cache_write_tokens"], data["usage"]["explicit_cached_tokens"]) == (300, 500)


# --- why it failed ---


@pytest.mark.parametrize(
    ("body", "words", "code", "_source"), ERROR_BODIES, ids=[json.dumps(row[0])[:60] for row in ERROR_BODIES]
)
@pytest.mark.parametrize("service", [HOST, OTHER_SERVER], ids=["DashScope", "another server"])
async def test_the_reason_is_shown_whatever_form_it_has(
    body: Any, words: str, code: str, _source: str, service: Any
) -> None:
    response = httpx2.Response(400, text=body) if isinstance(body, str) else httpx2.Response(400, json=body)
    error, _ = await refused(response, host=service)

    assert f'said: "{words}".' in str(error)
    assert (error.code, error.status) == (code, 400)


async def test_a_reason_is_clipped_and_redacted() -> None:
    error, _ = await refused(httpx2.Response(400, json={"errors": [{"msg": f"sk-planted-0123456789 {'x' * 5000}"}]}))

    assert "sk-planted" not in str(error)
    assert len(str(error)) < 600


WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["sk-planted-0123456789", "<b>bold</b>", "<html><title>sk-planted-0123456789</title>", "x" * 3000]),
)
FIELDS = st.sampled_from(
    ["error", "errors", "detail", "message", "code", "type", "loc", "metadata", "raw", "request_id"]
)
BODIES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(FIELDS, inner, max_size=4)),
    max_leaves=15,
)


@given(
    BODIES, st.sampled_from([200, 302, 400, 404, 429, 503]), st.sampled_from(["DashScope", "The server"]), st.booleans()
)
def test_an_error_of_any_form_is_short_and_holds_no_key_and_no_markup(
    body: Any, status: int, service: str, began: bool
) -> None:
    error = from_reply(
        status, {}, body, lambda text: text.replace("sk-planted-0123456789", "[key]"), service, began=began
    )

    assert len(str(error)) < 650  # our own words beside 300 + 80 + 80 of theirs
    assert "sk-planted" not in str(error)
    assert not re.search("<[a-z]+>", str(error))


def deep(levels: int) -> Any:
    body: Any = "the reason"
    for _ in range(levels):
        body = {"error": [body]}
    return body


async def test_a_body_that_is_nested_without_end_costs_nothing() -> None:
    error, _ = await refused(httpx2.Response(400, content=json.dumps(deep(400)).encode()))

    assert "refused the request" in str(error)


@pytest.mark.parametrize(
    ("response", "next_step"),
    [
        (refusal(400, "context_length_exceeded", "too long"), "Shorten it, or choose a model with a larger context."),
        (
            refusal(400, None, "Total message token length exceed model limit"),
            "Shorten it, or choose a model with a larger context.",
        ),
        (refusal(400, None, "This model's maximum context length is 8192 tokens."), "Shorten it"),
        (
            refusal(400, None, "Model qwen-x is not supported in the current region."),
            "set DASHSCOPE_REGION to another region.",
        ),
    ],
)
async def test_a_frequent_reason_has_its_next_step(response: httpx2.Response, next_step: str) -> None:
    error, _ = await refused(response)

    assert next_step in str(error)


async def test_another_servers_context_limit_has_its_next_step_too() -> None:
    error, _ = await refused(
        refusal(400, "exceed_context_size_error", "request exceeds the available context size"), host=OTHER_SERVER
    )

    assert "Shorten it, or choose a model with a larger context." in str(error)


@pytest.mark.parametrize(
    "words",
    ["Your 5-hour quota is used up, it resets at 2026-11-22 17:00:00", "usage limit reached, quota will reset in 2 h"],
)
async def test_used_up_hours_of_a_plan_are_not_asked_again(words: str) -> None:
    error, wire = await refused(refusal(429, "insufficient_quota", words))

    assert len(wire.requests) == 1
    assert words in str(error)
    assert "Wait until the time it names" in str(error)


# --- an error in a stream that began ---


@pytest.mark.parametrize(
    "failing",
    [
        {"error": {"code": "odd", "message": "the reason"}},
        {"error": {"code": "InvalidParameter", "message": "the reason"}},
        {"code": "InvalidParameter", "message": "the reason"},
        {"detail": "the reason"},
        {"errors": [{"message": "the reason"}]},
    ],
    ids=str,
)
async def test_an_answer_that_broke_off_is_kept_and_never_the_fault_of_the_request(
    hosted: Hosted, failing: Any
) -> None:
    data, text = await chat(hosted, stream(sse(chunk(content="西湖"), failing)))

    assert data["answer"] == "西湖"
    assert "The answer broke off. It may be billed" in text
    assert "the reason" in text
    assert "Correct the request" not in text


async def test_a_failing_frame_before_any_answer_tells_what_is_known() -> None:
    odd, _ = await refused(stream(sse({"error": {"code": "odd", "message": "the reason"}})))
    invalid, _ = await refused(stream(sse({"error": {"code": "invalid_parameter_error", "message": "the reason"}})))

    assert "It may be billed" in str(odd)
    assert "Correct the request" in str(invalid)


async def test_dashscopes_status_beside_a_frame_is_its_status() -> None:
    frame = 'id:1\nevent:error\n:HTTP_STATUS/400\ndata:{"code":"Odd","message":"the reason","request_id":"r"}\n\n'
    error, _ = await refused(stream(frame.encode()))

    assert (error.status, error.refused_at_once) == (400, True)


# --- a connection that was kept ---


@dataclass
class ClosesAfterEach:
    """Announces keep-alive, answers once, and hangs up at the next request: llama.cpp does. `last`: what it says then."""

    last: bytes = b""
    asked: int = 0
    open: list[Any] = field(default_factory=list)

    async def __call__(self, client: anyio.abc.SocketStream) -> None:
        async with client:
            await self._request(client)
            body = sse(chunk(content="西湖"), finish(), usage())
            head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {len(body)}\r\n\r\n"
            await client.send(head.encode() + body)
            await self._request(client)
            if self.last:
                await client.send(self.last)

    async def _request(self, client: anyio.abc.SocketStream) -> None:
        given = b""
        while b"\r\n\r\n" not in given:
            given += await client.receive()
        length = int(given.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        rest = given.split(b"\r\n\r\n", 1)[1]
        while len(rest) < length:
            rest += await client.receive()
        self.asked += 1


async def asked_twice(served: ClosesAfterEach) -> str:
    """The second answer."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, served)
        try:
            with anyio.fail_after(10):
                async with dashscope(
                    FakeDashScope([]), host=host(f"http://127.0.0.1:{port}/v1"), transport=None
                ) as client:
                    for _ in range(2):
                        async with client.stream(ChatCompletions(), BODY) as reply:
                            async for _ in reply.events:
                                pass
        finally:
            tasks.cancel_scope.cancel()
    return "".join(reply.text)


async def test_a_kept_connection_of_another_server_that_is_closed_is_asked_again_once() -> None:
    served = ClosesAfterEach()

    assert await asked_twice(served) == "西湖"
    assert served.asked == 3  # the second question was heard by the closing connection and by a new one


async def test_a_kept_connection_that_answered_anything_is_not_asked_again() -> None:
    served = ClosesAfterEach(last=b"nothing of HTTP\r\n\r\n")
    with pytest.raises((DashScopeError, ExceptionGroup)):
        await asked_twice(served)

    assert served.asked == 2


async def test_dashscope_is_never_asked_again_since_it_may_bill() -> None:
    wire = FakeDashScope([httpx2.RemoteProtocolError("Server disconnected without sending a response.")])
    with pytest.raises(DashScopeError, match="may be billed, so it was not sent again"):
        async with dashscope(wire) as client, client.stream(ChatCompletions(), BODY):
            raise NotImplementedError

    assert len(wire.requests) == 1


# --- hosts ---


@pytest.mark.parametrize(
    "name",
    [
        "bailian__models", "mcp__bailian__models", "bailian_models", "bailian-mcp_models", "bailian.models",
        "mcp_bailian-mcp__models", "Bailian/models", "functions.models", "default_api:models", "bailian mcp__models",
    ],
)  # fmt: skip
async def test_a_tool_under_the_name_a_host_gives_it_is_answered(hosted: Hosted, name: str) -> None:
    async with hosted(FakeDashScope([])) as client:
        result = await client.call_tool(name, {"query": "qwen3.7-plus"})

    assert not result.is_error
    assert "qwen3.7-plus" in text_of(result)


@pytest.mark.parametrize(
    "name",
    [
        "my_models", "models__", "mcp__other__nothing", "", "mcp__other__chat", "tavily__extract", "other.chat", "a/b:chat",
        "notbailian_chat", "bailian_other_chat", "functions.other.chat",
    ],
)  # fmt: skip
async def test_a_name_of_nobody_or_of_another_server_is_not_guessed(hosted: Hosted, name: str) -> None:
    wire = FakeDashScope([])
    async with hosted(wire) as client:
        result = await client.call_tool(name, {"prompt": "x"})

    assert text_of(result).startswith("There is no such tool.")
    assert wire.requests == []
