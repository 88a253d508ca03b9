"""The official SDKs, and another server of this field, on the sandbox: what works on DashScope works on it."""

import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import dashscope
import httpx2
import jsonschema
import openai
import pytest
from bailian_mcp.server.catalog import shipped
from bailian_mcp.server.sandbox import running
from bailian_mcp.server.sandbox.model_lists import IMAGE_MODEL, NEW_MODEL
from conftest import text_of
from dashscope.audio.asr import Transcription
from mcp import Client, StdioServerParameters
from openai import AsyncOpenAI

pytestmark = pytest.mark.anyio
MODEL = "qwen3.7-plus"
ASKED: Any = [{"role": "user", "content": "请用 JSON 回答。城市: 杭州"}]
CITY = {
    "type": "object",
    "properties": {"城市": {"type": "string"}, "days": {"type": "integer", "minimum": 1}, "tags": {"type": "array"}},
    "required": ["城市", "days"],
    "additionalProperties": False,
}
CALM = {"enable_thinking": False}
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": CITY}}
FORCED: Any = {"type": "function", "function": {"name": "weather"}}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as root:
        yield root


@pytest.fixture
async def client(url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="any", base_url=f"{url}/compatible-mode/v1", max_retries=0) as given:
        yield given


# --- openai: documents of qwen-long ---


def naming(*ids: str, question: str = "谁是申请人？") -> Any:
    """As the page has it: https://help.aliyun.com/zh/model-studio/long-context-qwen-long"""
    return [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "system", "content": ",".join(f"fileid://{id}" for id in ids)},
        {"role": "user", "content": question},
    ]


async def test_documents_that_were_uploaded_are_asked_about_by_their_ids(client: AsyncOpenAI) -> None:
    texts = ["申请人：杭州" * 100, "发明人：张三"]
    ids = [(await client.files.create(file=("a.txt", text.encode()), purpose="file-extract")).id for text in texts]  # type: ignore[arg-type]  # DashScope's own
    one, both = [await client.chat.completions.create(model="qwen-long", messages=naming(*ids[:n])) for n in (1, 2)]
    plain = await client.chat.completions.create(model="qwen-plus", messages=naming(*ids))
    deleted = await client.files.delete(ids[0])

    assert "随附 2 个文档" in (both.choices[0].message.content or "")
    assert one.usage
    assert both.usage
    assert both.usage.prompt_tokens == one.usage.prompt_tokens + len(texts[1]) + 1
    assert "随附" not in (plain.choices[0].message.content or "")
    assert deleted.deleted


async def test_a_document_that_is_not_read_yet_is_refused_once(client: AsyncOpenAI) -> None:
    kept = await client.files.create(file=("slow.txt", b"x"), purpose="file-extract")  # type: ignore[arg-type]  # DashScope's own
    with pytest.raises(openai.BadRequestError, match="File parsing in progress, please try again later"):
        await client.chat.completions.create(model="qwen-long", messages=naming(kept.id))

    assert kept.status == "processing"
    assert (await client.chat.completions.create(model="qwen-long", messages=naming(kept.id))).choices
    assert (await client.files.retrieve(kept.id)).status == "processed"


async def test_what_is_no_document_is_refused_in_documented_words(client: AsyncOpenAI) -> None:
    for_batch = await client.files.create(file=("a.jsonl", b"{}"), purpose="batch")
    blank = await client.files.create(file=("a.txt", b" "), purpose="file-extract")  # type: ignore[arg-type]  # DashScope's own
    for ids, says in (
        (["file-fe-none"], r"File \[id:file-fe-none\] cannot be found"),
        ([for_batch.id], "format is not supported"),
        ([blank.id], "content blank"),
        ([blank.id] * 101, "Too many files"),
    ):
        with pytest.raises(openai.BadRequestError, match=says):
            await client.chat.completions.create(model="qwen-long", messages=naming(*ids))
    with pytest.raises(openai.BadRequestError) as wrong:
        await client.files.create(file=("a.txt", b"x"), purpose="assistants")

    assert (wrong.value.param, wrong.value.code, wrong.value.type) == ("purpose", None, "invalid_request_error")


# --- openai: batches ---


def batch_file(*lines: dict[str, Any]) -> bytes:
    asked = [{"method": "POST", "url": "/v1/chat/completions", **line} for line in lines]
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in asked).encode()


async def followed(client: AsyncOpenAI, content: bytes, endpoint: Any = "/v1/chat/completions") -> Any:
    """As the page has it: https://help.aliyun.com/zh/model-studio/batch-interfaces-compatible-with-openai"""
    stored = await client.files.create(file=("asked.jsonl", content), purpose="batch")
    batch = await client.batches.create(
        input_file_id=stored.id, endpoint=endpoint, completion_window="24h", metadata={"ds_name": "名称"}
    )
    seen = [batch.status]
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        batch = await client.batches.retrieve(batch.id)
        seen.append(batch.status)
    assert seen[0] == "validating"
    return batch


async def test_a_batch_answers_each_line_and_tells_the_failed_ones_apart(client: AsyncOpenAI) -> None:
    messages = [{"role": "user", "content": "西湖"}]
    good, bad = {"model": MODEL, "messages": messages}, {"model": MODEL, "messages": []}
    batch = await followed(client, batch_file({"custom_id": "a", "body": good}, {"custom_id": "b", "body": bad}))
    (answer,), (failure,) = [
        [json.loads(line) for line in (await client.files.content(id)).text.splitlines()]
        for id in (batch.output_file_id, batch.error_file_id)
    ]
    listed = await client.batches.list()

    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (2, 1, 1)
    assert answer["custom_id"] == "a"
    assert "西湖" in answer["response"]["body"]["choices"][0]["message"]["content"]
    assert "reasoning_content" not in answer["response"]["body"]["choices"][0]["message"]
    assert (failure["custom_id"], bool(failure["error"]["message"])) == ("b", True)
    assert batch.id in {each.id for each in listed.data}


async def test_a_batch_of_two_models_or_of_one_id_twice_fails_as_a_whole(client: AsyncOpenAI) -> None:
    body = {"model": MODEL, "messages": ASKED}
    mixed = batch_file({"custom_id": "a", "body": body}, {"custom_id": "b", "body": {**body, "model": "qwen-flash"}})
    twice = batch_file({"custom_id": "a", "body": body}, {"custom_id": "a", "body": body})
    found = [await followed(client, content) for content in (mixed, twice)]
    elsewhere = await followed(client, mixed, endpoint="/v1/chat/completion")

    assert [batch.status for batch in (*found, elsewhere)] == ["failed"] * 3
    assert [batch.errors.data[0].code for batch in (*found, elsewhere)] == [
        "mismatched_model", "duplicate_custom_id", "url_not_found",
    ]  # fmt: skip
    assert all(batch.output_file_id is None for batch in found)


async def test_a_batch_that_is_cancelled_stays_so(client: AsyncOpenAI) -> None:
    stored = await client.files.create(
        file=("a.jsonl", batch_file({"custom_id": "a", "body": {"model": MODEL, "messages": ASKED}})), purpose="batch"
    )
    batch = await client.batches.create(
        input_file_id=stored.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    await client.batches.cancel(batch.id)

    assert (await client.batches.retrieve(batch.id)).status == "cancelled"
    with pytest.raises(openai.NotFoundError):
        await client.batches.retrieve("batch_none")
    with pytest.raises(openai.BadRequestError):
        await client.batches.create(input_file_id="file-none", endpoint="/v1/chat/completions", completion_window="24h")


# --- openai: chat completions ---


async def test_json_mode_answers_json_whole_and_streamed(client: AsyncOpenAI) -> None:
    form: Any = {"type": "json_object"}
    whole = await client.chat.completions.create(model=MODEL, messages=ASKED, response_format=form)
    async with client.chat.completions.stream(model=MODEL, messages=ASKED, response_format=form) as stream:
        streamed = await stream.get_final_completion()

    said = whole.choices[0].message.content or ""
    assert "沙箱" in json.loads(said)["answer"]
    assert streamed.choices[0].message.content == said


async def test_json_mode_without_the_word_json_is_refused(client: AsyncOpenAI) -> None:
    asked: Any = [{"role": "user", "content": "西湖在哪"}]
    with pytest.raises(openai.BadRequestError, match="must contain the word 'json'"):
        await client.chat.completions.create(model=MODEL, messages=asked, response_format={"type": "json_object"})


async def test_a_schema_is_kept_by_chat_completions(client: AsyncOpenAI) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": CITY}}
    reply = await client.chat.completions.create(model=MODEL, messages=ASKED, response_format=form)

    data = json.loads(reply.choices[0].message.content or "")
    jsonschema.validate(data, CITY)
    assert data["城市"] == "杭州"


async def test_a_text_format_that_is_said_changes_nothing(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(model=MODEL, messages=ASKED, response_format={"type": "text"})

    assert "收到的问题是" in (reply.choices[0].message.content or "")


async def test_a_forced_tool_is_called_once_with_arguments_that_fit(client: AsyncOpenAI) -> None:
    asked: Any = {"model": MODEL, "messages": ASKED, "tools": [TOOL], "tool_choice": FORCED, "extra_body": CALM}
    whole = await client.chat.completions.create(**asked)
    async with client.chat.completions.stream(**asked) as stream:
        streamed = await stream.get_final_completion()

    for choice in (whole.choices[0], streamed.choices[0]):
        (call,) = choice.message.tool_calls or []
        assert call.type == "function"
        assert (choice.finish_reason, call.function.name, call.id[:5]) == ("tool_calls", "weather", "call_")
        jsonschema.validate(json.loads(call.function.arguments), CITY)


async def test_a_tool_that_may_be_called_is_not_unless_the_question_asks_for_it(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(model=MODEL, messages=ASKED, tools=[TOOL])

    assert reply.choices[0].message.tool_calls is None


CLOCK: Any = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("weather? 城市: 杭州", ["weather"]), ("城市: 杭州，调用函数", ["weather"]), ("What does clock say?", ["clock"]),
        ("weather 和 clock。城市: 杭州", ["weather", "clock"]), ("Call two tools", ["weather", "clock"]),
        ("Call clock twice", ["clock", "weather"]), ("西湖在哪", []),
    ],
)  # fmt: skip
async def test_tools_are_called_where_the_question_asks_for_them_whole_and_streamed(
    client: AsyncOpenAI, question: str, names: list[str]
) -> None:
    messages: Any = [{"role": "user", "content": question}]
    asked: Any = {"model": MODEL, "messages": messages, "tools": [TOOL, CLOCK], "parallel_tool_calls": True}
    whole = await client.chat.completions.create(**asked)
    async with client.chat.completions.stream(**asked) as stream:
        streamed = await stream.get_final_completion()
    alone = await client.chat.completions.create(**{**asked, "parallel_tool_calls": False})
    none = await client.chat.completions.create(**{**asked, "tool_choice": "none"})

    for choice in (whole.choices[0], streamed.choices[0]):
        calls: Any = choice.message.tool_calls or []
        assert [call.function.name for call in calls] == names
        assert len({call.id for call in calls}) == len(names)
        assert choice.finish_reason == ("tool_calls" if names else "stop")
        for call in calls:
            jsonschema.validate(json.loads(call.function.arguments), CITY if call.function.name == "weather" else {})
    assert len(alone.choices[0].message.tool_calls or []) == min(1, len(names))
    assert none.choices[0].message.tool_calls is None


async def test_the_same_tool_is_called_twice_where_there_is_no_other(client: AsyncOpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Call the tool twice"}]
    reply = await client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL], parallel_tool_calls=True)

    calls: Any = reply.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["weather", "weather"]


async def test_behind_the_results_of_tools_come_words(client: AsyncOpenAI) -> None:
    messages: Any = [{"role": "user", "content": "weather? 城市: 杭州"}]
    reply = await client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL])
    (call,) = reply.choices[0].message.tool_calls or []
    messages += [reply.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "晴，21 度"}]
    told = await client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL])

    assert told.choices[0].finish_reason == "stop"
    assert "晴，21 度" in (told.choices[0].message.content or "")


async def test_the_responses_api_calls_several_functions_too(client: AsyncOpenAI) -> None:
    tools: Any = [{"type": "function", **each["function"], "strict": False} for each in (TOOL, CLOCK)]
    asked: Any = {"model": MODEL, "input": "weather 和 clock", "tools": tools, "parallel_tool_calls": True}
    async with client.responses.stream(**asked) as stream:
        reply = await stream.get_final_response()

    calls: Any = [item for item in reply.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["weather", "clock"]
    assert len({call.call_id for call in calls}) == 2


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"tools": [TOOL], "tool_choice": FORCED}, "in thinking mode"),
        ({"tools": [], "tool_choice": FORCED, "extra_body": CALM}, "not among the tools"),
        ({"n": 5}, "Range of n"),
        ({"model": "qwq-plus"}, "only support stream mode"),
        ({"model": "qvq-max"}, "only support stream mode"),
        ({"model": "qwen3-235b-a22b"}, "must be set to false for non-streaming calls"),
    ],
)
async def test_it_refuses_as_dashscope_does(client: AsyncOpenAI, more: Any, why: str) -> None:
    with pytest.raises(openai.BadRequestError, match=why):
        await client.chat.completions.create(**{"model": MODEL, "messages": ASKED, **more})


async def test_models_that_stream_only_do_stream(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="qwq-plus", messages=ASKED, stream=True)

    assert "沙箱" in "".join([c.delta.content or "" async for chunk in stream for c in chunk.choices])


async def test_stop_ends_the_answer_and_n_gives_as_many(client: AsyncOpenAI) -> None:
    asked: Any = {"model": MODEL, "messages": ASKED, "stop": ["，", "回答"], "n": 2, "extra_body": CALM}
    whole = await client.chat.completions.create(**asked)
    async with client.chat.completions.stream(**asked) as stream:
        streamed = await stream.get_final_completion()

    for reply in (whole, streamed):
        said = [(choice.index, choice.message.content, choice.finish_reason) for choice in reply.choices]
        assert said == [(0, "这是沙箱的", "stop"), (1, "这是沙箱的", "stop")]
    assert whole.usage
    assert whole.usage.completion_tokens == 2 * len("这是沙箱的")


async def test_a_model_that_does_not_talk_is_no_model_to_chat_with(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="for OpenAI compatibility mode"):
        await client.chat.completions.create(model="text-embedding-v4", messages=ASKED)


@pytest.mark.parametrize("model", ["qwen-mt-flash", "qwen-mt-plus"])
async def test_a_translation_keeps_its_terms_and_its_lines(client: AsyncOpenAI, model: str) -> None:
    """As the page of Qwen-MT calls it; plus repeats its text so far with each frame."""
    text: Any = [{"role": "user", "content": "西湖龙井，产于杭州。\n\n第二段"}]
    wish = {"source_lang": "auto", "target_lang": "English", "terms": [{"source": "西湖龙井", "target": "Longjing"}]}
    asked: Any = {"model": model, "messages": text, "extra_body": {"translation_options": wish}}
    whole = await client.chat.completions.create(**asked)
    frames = [frame async for frame in await client.chat.completions.create(**asked, stream=True)]

    said = "[沙箱 English] Longjing，产于杭州。\n\n[沙箱 English] 第二段"
    pieces = [choice.delta.content for frame in frames for choice in frame.choices if choice.delta.content]
    assert whole.choices[0].message.content == said
    assert (pieces[-1] if model == "qwen-mt-plus" else "".join(pieces)) == said
    assert whole.usage
    assert whole.usage.prompt_tokens_details is None


@pytest.mark.parametrize(
    ("messages", "wish", "why"),
    [
        ([{"role": "system", "content": "x"}, *ASKED], {"target_lang": "English"}, "exactly one user message"),
        (
            [*ASKED, {"role": "assistant", "content": "x"}, *ASKED],
            {"target_lang": "English"},
            "exactly one user message",
        ),
        (ASKED, {"source_lang": "auto"}, "target_lang is required"),
        (ASKED, {"target_lang": "Klingon"}, "暂时不支持当前设置的语种！"),
        (ASKED, {"target_lang": "auto"}, "暂时不支持当前设置的语种！"),
    ],
)
async def test_a_translation_is_refused_as_it_is_documented(
    client: AsyncOpenAI, messages: Any, wish: Any, why: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=why):
        await client.chat.completions.create(
            model="qwen-mt-flash", messages=messages, extra_body={"translation_options": wish}
        )


# --- openai: Responses ---


@pytest.mark.parametrize("more", [{}, {"tools": [{"type": "web_search"}]}, {"reasoning": {"effort": "none"}}])
async def test_responses_stream_item_by_item(client: AsyncOpenAI, more: Any) -> None:
    async with client.responses.stream(model=MODEL, input="西湖在哪", **more) as stream:
        events: list[Any] = [event async for event in stream]
        final = await stream.get_final_response()
    whole = await client.responses.create(model=MODEL, input="西湖在哪", **more)

    kinds = [event.type for event in events]
    added = [event.item.type for event in events if event.type == "response.output_item.added"]
    place = [item.type for item in final.output].index("message")
    deltas = [event for event in events if event.type == "response.output_text.delta"]
    assert final.output_text == whole.output_text == "".join(event.delta for event in deltas)
    assert [item.type for item in final.output] == added == [item.type for item in whole.output]
    assert {(e.item_id, e.output_index, e.content_index) for e in deltas} == {(final.output[place].id, place, 0)}
    assert kinds.index("response.content_part.added") < kinds.index("response.output_text.delta")
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_a_schema_is_kept_by_the_responses_api(client: AsyncOpenAI) -> None:
    form: Any = {"format": {"type": "json_schema", "name": "city", "schema": CITY, "strict": True}}
    reply = await client.responses.create(model=MODEL, input="城市: 杭州", text=form)

    data = json.loads(reply.output_text)
    jsonschema.validate(data, CITY)
    assert data["城市"] == "杭州"


async def test_a_forced_tool_is_an_item_of_the_responses_api(client: AsyncOpenAI) -> None:
    tool: Any = {"type": "function", "name": "weather", "parameters": CITY, "strict": False}
    choice: Any = {"type": "function", "name": "weather"}
    asked: Any = {"model": MODEL, "input": "城市: 杭州", "tools": [tool], "tool_choice": choice}
    asked["reasoning"] = {"effort": "none"}
    whole = await client.responses.create(**asked)
    async with client.responses.stream(**asked) as stream:
        streamed = await stream.get_final_response()

    for reply in (whole, streamed):
        (call,) = reply.output
        assert call.type == "function_call"
        assert (call.name, reply.status) == ("weather", "completed")
        jsonschema.validate(json.loads(call.arguments), CITY)


# --- openai: the rest ---


async def test_one_model_is_told_by_its_name(client: AsyncOpenAI) -> None:
    assert (await client.models.retrieve(MODEL)).id == MODEL
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        await client.models.retrieve("qwen9")


async def test_what_is_not_there_is_said_in_openai_s_form_and_marked(client: AsyncOpenAI) -> None:
    for asked in (
        client.audio.speech.create(model="qwen-tts", voice="Cherry", input="西湖"),
        client.moderations.create(input="西湖"),
        client.fine_tuning.jobs.retrieve("ftjob-1"),
    ):
        with pytest.raises(openai.NotFoundError, match="sandbox does not serve") as caught:
            await asked  # type: ignore[misc]
        assert caught.value.code == "sandbox_not_served"
        assert caught.value.response.headers["x-bailian-sandbox"] == "1"


# --- dashscope: DashScope's own SDK, blocking and configured once for all ---


@pytest.fixture
def native(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{url}/api/v1")
    return f"{url}/api/v1"


async def called(call: Callable[..., Any], **more: Any) -> Any:
    return await anyio.to_thread.run_sync(partial(call, api_key="any", **more))


async def streamed(call: Callable[..., Any], **more: Any) -> list[Any]:
    def frames() -> list[Any]:
        return list(call(api_key="any", stream=True, **more))

    return await anyio.to_thread.run_sync(frames)


@pytest.mark.usefixtures("native")
async def test_a_native_stream_repeats_itself_unless_it_is_incremental() -> None:
    asked: Any = {"model": "qwen-plus", "messages": ASKED, "result_format": "message"}

    def texts(replies: list[Any]) -> list[str]:
        return [reply.output.choices[0].message.content for reply in replies]

    pieces = texts(await streamed(dashscope.Generation.call, incremental_output=True, **asked))
    assert texts(await streamed(dashscope.Generation.call, **asked)) == list(accumulate(pieces))
    assert texts(await streamed(dashscope.Generation.call, incremental_output=False, **asked)) == list(
        accumulate(pieces)
    )


async def test_on_the_wire_too(native: str) -> None:
    """The SDK asks for pieces and joins them, whatever it is told; other clients do not."""
    body = {"model": "qwen-plus", "input": {"prompt": "西湖在哪"}, "parameters": {"incremental_output": False}}
    headers = {"Authorization": "Bearer any", "X-DashScope-SSE": "enable"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as http:
        reply = await http.post(f"{native}/services/aigc/text-generation/generation", json=body)

    lines = [line.removeprefix("data:") for line in reply.text.splitlines() if line.startswith("data:")]
    outputs = [json.loads(line)["output"] for line in lines]
    assert len(outputs) > 2
    assert all(later["text"].startswith(one["text"]) for one, later in pairwise(outputs))
    assert [output["finish_reason"] for output in outputs] == ["null"] * (len(outputs) - 1) + ["stop"]


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(
    ("more", "in_text"),
    [
        ({"model": "qwen-plus"}, True),
        ({"model": "qwen-plus", "result_format": "text"}, True),
        ({"model": "qwen-plus", "result_format": "message"}, False),
        ({"model": "qwen-long"}, False),
        ({"model": "qwen-plus", "enable_thinking": True}, False),
    ],
)
async def test_the_result_format_decides_where_the_text_stands(more: Any, in_text: bool) -> None:
    reply = await called(dashscope.Generation.call, messages=ASKED, **more)
    pieces = await streamed(dashscope.Generation.call, messages=ASKED, incremental_output=True, **more)

    def said(output: Any) -> tuple[str, str]:
        if in_text:
            assert output.choices is None
            return output.text, output.finish_reason
        assert output.text is None
        return output.choices[0].message.content, output.choices[0].finish_reason

    assert said(reply.output) == ("".join(said(piece.output)[0] for piece in pieces), "stop")
    assert "这是沙箱的回答" in said(reply.output)[0]
    assert said(pieces[-1].output)[1] == "stop"


@pytest.mark.usefixtures("native")
async def test_a_prompt_with_or_without_a_history_is_a_conversation() -> None:
    alone = await called(dashscope.Generation.call, model="qwen-plus", prompt="西湖在哪")
    past = [{"user": "你好", "bot": "您好"}]
    later = await called(dashscope.Generation.call, model="qwen-plus", prompt="西湖在哪", history=past)

    assert "收到的问题是：西湖在哪" in alone.output.text
    assert later.output.text == alone.output.text
    assert later.usage.input_tokens - alone.usage.input_tokens == len("你好您好")


@pytest.mark.usefixtures("native")
async def test_a_tool_is_forced_natively_and_n_gives_as_many() -> None:
    asked: Any = {"model": "qwen-plus", "messages": ASKED, "result_format": "message"}
    forced = await called(
        dashscope.Generation.call, tools=[TOOL], tool_choice=FORCED, model="qwen-plus", messages=ASKED
    )
    two = await called(dashscope.Generation.call, n=2, stop=["，"], **asked)

    (call,) = forced.output.choices[0].message.tool_calls
    jsonschema.validate(json.loads(call["function"]["arguments"]), CITY)
    assert [choice.message.content for choice in two.output.choices] == ["这是沙箱的回答"] * 2


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(
    ("more", "status", "code", "why"),
    [
        ({"model": "sandbox-bad-key"}, 401, "InvalidApiKey", "Invalid API-key provided."),
        ({"model": "qwen9"}, 404, "ModelNotFound", "does not exist"),
        ({"model": "qwen3.7-plus"}, 400, "InvalidParameter", "url error, please check url！"),
        ({"model": "qwq-plus"}, 400, "InvalidParameter", "only support stream mode"),
        ({"enable_thinking": True, "result_format": "text"}, 400, "InvalidParameter", 'must be "message"'),
        ({"model": "sandbox-content-filter"}, 400, "DataInspectionFailed", "inappropriate content"),
        ({"model": "sandbox-rate-limit"}, 429, "Throttling.RateQuota", "requests list"),
        ({"model": "sandbox-arrearage"}, 400, "Arrearage", "good standing"),
    ],
)
async def test_native_paths_refuse_with_native_codes(more: Any, status: int, code: str, why: str) -> None:
    reply = await called(dashscope.Generation.call, **{"model": "qwen-plus", "messages": ASKED, **more})

    assert (reply.status_code, reply.code) == (status, code)
    assert why in reply.message


@pytest.mark.usefixtures("native")
async def test_pictures_are_seen_at_the_multimodal_endpoint() -> None:
    parts: Any = [{"role": "user", "content": [{"image": "https://x.cn/a.png"}, {"text": "看图"}]}]
    reply = await called(dashscope.MultiModalConversation.call, model=MODEL, messages=parts)

    assert "收到的问题是：看图" in reply.output.choices[0].message.content[0]["text"]


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(
    ("call", "more"),
    [
        (dashscope.Tokenization.call, {"model": "qwen-plus", "prompt": "西湖"}),
        (dashscope.MultiModalEmbedding.call, {"model": "qwen3-vl-embedding", "input": [{"text": "西湖"}]}),
        (dashscope.ImageSynthesis.async_call, {"model": "wanx2.1-t2i-turbo", "prompt": "西湖"}),
    ],
    ids=["tokens", "embeddings-of-images", "images"],
)
async def test_what_is_not_there_is_said_in_the_native_form(call: Callable[..., Any], more: Any) -> None:
    reply = await called(call, **more)

    assert (reply.status_code, reply.code) == (404, "SandboxNotServed")
    assert "The bailian-mcp sandbox does not serve POST /api/v1/" in reply.message
    assert reply.headers["x-bailian-sandbox"] == "1"


# --- embeddings and rerank ---

LAKE, RIVER, TEA = "西湖在杭州的西边", "长江是中国最长的河", "杭州西湖的龙井茶"


def near(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_embeddings_of_texts_that_share_words_are_near_in_both_forms(client: AsyncOpenAI, native: str) -> None:
    texts = [LAKE, RIVER, TEA]
    openai_s = await client.embeddings.create(model="text-embedding-v4", input=texts, dimensions=256)
    own = await called(dashscope.TextEmbedding.call, model="text-embedding-v4", input=texts, dimension=256)
    one = await client.embeddings.create(model="qwen3.7-text-embedding", input="西湖")

    lake, river, tea = (row.embedding for row in openai_s.data)
    assert [row["embedding"] for row in own.output["embeddings"]] == [lake, river, tea]
    assert near(lake, tea) > near(lake, river) * 1.5
    assert abs(near(lake, lake) - 1) < 1e-6
    assert openai_s.usage.total_tokens == own.usage["total_tokens"] == sum(map(len, texts))
    assert len(one.data[0].embedding) == 1_024


async def test_rerank_puts_what_says_the_query_first_in_both_forms(url: str, native: str) -> None:
    asked: Any = {"query": "西湖的茶", "documents": [RIVER, LAKE, TEA]}
    own = await called(dashscope.TextReRank.call, model="gte-rerank-v2", top_n=2, return_documents=True, **asked)
    async with httpx2.AsyncClient(headers={"Authorization": "Bearer any"}, trust_env=False) as http:
        flat = (await http.post(f"{url}/compatible-api/v1/reranks", json={"model": "qwen3-rerank", **asked})).json()

    first, second = own.output.results
    assert (first.index, second.index, first["document"]["text"]) == (2, 1, TEA)
    assert [row["index"] for row in flat["results"]] == [2, 1, 0]
    assert flat["results"][0]["relevance_score"] == first.relevance_score
    assert flat["usage"]["total_tokens"] == own.usage.total_tokens == 3 * len("西湖的茶") + len(RIVER + LAKE + TEA)


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(
    ("call", "more", "status", "why"),
    [
        (dashscope.TextEmbedding.call, {"model": "text-embedding-v4", "input": ["x"] * 11}, 400, "it should not be larger than 10"),
        (dashscope.TextEmbedding.call, {"model": "text-embedding-v4", "input": ["x" * 8_193]}, 400, "input length should be [1, 8192]"),
        (dashscope.TextEmbedding.call, {"model": "text-embedding-v4", "input": ["x"], "dimension": 100}, 400, "dimension should be in"),
        (dashscope.TextEmbedding.call, {"model": "text-embedding-v4", "input": [""]}, 400, "none of them empty"),
        (dashscope.TextEmbedding.call, {"model": "text-embedding-v4", "input": ["x"], "instruct": "y"}, 400, "text_type=query only"),
        (dashscope.TextEmbedding.call, {"model": "text-embedding-v4", "input": ["x"], "output_type": "sparse"}, 400, "dense"),
        (dashscope.TextEmbedding.call, {"model": "qwen-plus", "input": ["x"]}, 400, "url error"),
        (dashscope.TextEmbedding.call, {"model": "text-embedding-v9", "input": ["x"]}, 404, "does not exist"),
        (dashscope.TextEmbedding.call, {"model": "sandbox-bad-key", "input": ["x"]}, 401, "Invalid API-key"),
        (dashscope.TextReRank.call, {"model": "qwen3-rerank", "query": "x", "documents": ["y"] * 501}, 400, "not be larger than 500"),
        (dashscope.TextReRank.call, {"model": "qwen3-rerank", "query": "x" * 300, "documents": ["y"] * 500}, 400, "input length"),
        (dashscope.TextReRank.call, {"model": "qwen3-rerank", "query": "x", "documents": ["y" * 4_001]}, 400, "input length"),
        (dashscope.TextReRank.call, {"model": "qwen-plus", "query": "x", "documents": ["y"]}, 400, "url error"),
    ],
)  # fmt: skip
async def test_embeddings_and_rerank_are_refused_natively(
    call: Callable[..., Any], more: Any, status: int, why: str
) -> None:
    reply = await called(call, **more)

    assert reply.status_code == status
    assert why in reply.message


async def test_what_openai_s_form_does_not_serve_is_refused_there(client: AsyncOpenAI, url: str) -> None:
    with pytest.raises(openai.NotFoundError, match="for OpenAI compatibility mode"):
        await client.embeddings.create(model="qwen3-vl-embedding", input="x")
    with pytest.raises(openai.BadRequestError, match="batch size is invalid, it should not be larger than 20"):
        await client.embeddings.create(model="qwen3.7-text-embedding", input=["x"] * 21)
    async with httpx2.AsyncClient(trust_env=False) as http:
        body = {"model": "gte-rerank-v2", "query": "x", "documents": ["y"]}
        path = f"{url}/compatible-api/v1/reranks"
        keyless = await http.post(path, json=body)
        native_only = await http.post(path, json=body, headers={"Authorization": "Bearer any"})
        no_query = await http.post(
            path, json={**body, "model": "qwen3-rerank", "query": ""}, headers={"Authorization": "Bearer any"}
        )

    assert (keyless.status_code, native_only.status_code, no_query.status_code) == (401, 404, 400)


# --- speech, sound and film ---

TALK = "https://x.cn/talk.mp3"


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(("more", "speakers"), [({}, [None, None]), ({"diarization_enabled": True}, [0, 1])])
async def test_a_recording_is_written_down_by_a_task_of_the_sdk(more: Any, speakers: list[Any]) -> None:
    task = await called(Transcription.async_call, model="fun-asr", file_urls=[TALK], **more)
    done = await called(Transcription.wait, task=task.output.task_id)
    (part,) = done.output.results
    async with httpx2.AsyncClient() as client:
        (track,) = (await client.get(part["transcription_url"])).json()["transcripts"]

    assert task.output.task_status == "PENDING"
    assert (done.output.task_status, part["subtask_status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert done.usage["duration"] == 10
    assert [sentence.get("speaker_id") for sentence in track["sentences"]] == speakers
    assert track["text"] == "".join(sentence["text"] for sentence in track["sentences"])


@pytest.mark.usefixtures("native")
async def test_a_task_of_the_sdk_is_cancelled_while_it_waits_and_not_after() -> None:
    task = await called(Transcription.async_call, model="paraformer-v2", file_urls=[TALK])
    first = await called(Transcription.cancel, task=task.output.task_id)
    second = await called(Transcription.cancel, task=task.output.task_id)
    told = await called(Transcription.fetch, task=task.output.task_id)
    gone = await called(Transcription.fetch, task="no-such-task")

    assert (first.status_code, second.status_code, second.code) == (200, 400, "UnsupportedOperation")
    assert (told.output.task_status, gone.output.task_status) == ("CANCELED", "UNKNOWN")


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(
    ("more", "code"),
    [({"model": "qwen3.7-plus"}, "InvalidParameter"), ({"file_urls": [TALK, TALK]}, "InvalidParameter"),
     ({"model": "qwen3-asr-flash-filetrans"}, "InvalidParameter"), ({"file_urls": ["data:audio/wav;base64,xx"]}, "InvalidURL")],
)  # fmt: skip
async def test_a_task_that_cannot_be_is_refused_as_dashscope_does(more: Any, code: str) -> None:
    refused = await called(Transcription.async_call, **{"model": "fun-asr", "file_urls": [TALK], **more})

    assert (refused.status_code, refused.code) == (400, code)


@pytest.mark.usefixtures("native")
async def test_sound_is_written_down_at_the_multimodal_endpoint() -> None:
    parts: Any = [{"role": "system", "content": [{"text": ""}]}, {"role": "user", "content": [{"audio": TALK}]}]
    reply = await called(dashscope.MultiModalConversation.call, model="qwen3-asr-flash", messages=parts, asr_options={"enable_itn": False})  # fmt: skip
    parts[-1]["content"] = [{"audio": "https://x.cn/silence.mp3"}]
    silent = await called(dashscope.MultiModalConversation.call, model="qwen3-asr-flash", messages=parts)

    message = reply.output.choices[0].message
    assert "Nobody listened" in message.content[0]["text"]
    assert (message["annotations"][0]["language"], reply.usage["seconds"]) == ("zh", 10)
    assert silent.output.choices[0].message.content == []


async def test_sound_is_written_down_by_chat_completions(client: AsyncOpenAI) -> None:
    part: Any = {"type": "input_audio", "input_audio": {"data": TALK}}
    asked: Any = [{"role": "user", "content": [part]}]
    reply: Any = await client.chat.completions.create(model="qwen3-asr-flash", messages=asked)

    assert "Nobody listened" in reply.choices[0].message.content
    assert reply.choices[0].message.annotations[0].type == "audio_info"
    assert reply.usage.seconds == 10


async def test_sound_and_film_are_heard_and_seen_in_a_stream(client: AsyncOpenAI) -> None:
    parts: Any = [
        {"type": "input_audio", "input_audio": {"data": TALK, "format": "mp3"}},
        {"type": "video_url", "video_url": {"url": "https://x.cn/a.mp4"}},
        {"type": "text", "text": "听到什么"},
    ]
    asked: Any = [{"role": "user", "content": parts}]
    stream = await client.chat.completions.create(
        model="qwen3.5-omni-flash", messages=asked, stream=True, stream_options={"include_usage": True}, modalities=["text"]
    )  # fmt: skip
    *_, last = [frame async for frame in stream]

    assert last.usage
    assert last.usage.prompt_tokens_details
    assert last.usage.prompt_tokens_details.audio_tokens == 70 + 70  # the sound, and that of the film


# --- another MCP server of DashScope: a process of its own, told where the sandbox is ---


@pytest.fixture
async def neighbour(url: str) -> AsyncIterator[Client]:
    script = Path(sys.executable).with_name("ali-bailian-mcp")
    environment = {**os.environ, "DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": "any", "NO_PROXY": "127.0.0.1"}
    async with Client(StdioServerParameters(command=str(script), env=environment)) as given:
        yield given


async def test_another_server_chats_with_the_sandbox(neighbour: Client) -> None:
    asked = {"prompt": "西湖在哪", "model": "plus", "thinking": True}
    with anyio.fail_after(60):
        told = json.loads(text_of(await neighbour.call_tool("chat", asked)))

    assert told["ok"], told
    assert "收到的问题是：西湖在哪" in told["content"]
    assert told["reasoning"]
    assert told["finish_reason"] == "stop"
    assert told["usage"]["completion_tokens"] == len(told["content"]) + len(told["reasoning"])


async def test_another_server_lists_the_models_of_the_sandbox(neighbour: Client) -> None:
    with anyio.fail_after(60):
        told = json.loads(text_of(await neighbour.call_tool("list_models", {})))
        some = json.loads(text_of(await neighbour.call_tool("list_models", {"keyword": "qwen3.7-plus"})))

    assert (told["ok"], told["complete"]) == (True, True)
    known = {model.id for model in shipped().models if not model.retired}
    assert set(told["models"]) == {*known, NEW_MODEL, IMAGE_MODEL}
    assert some["models"]
    assert all("qwen3.7-plus" in name for name in some["models"])
