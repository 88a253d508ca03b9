"""The official SDKs, and another server of this field, on the sandbox: what works on DashScope works on it."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import jsonschema
import openai
import pytest
from bailian_mcp.server.sandbox import running
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


async def test_a_tool_that_may_be_called_is_not(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(model=MODEL, messages=ASKED, tools=[TOOL])

    assert reply.choices[0].message.tool_calls is None


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
        client.embeddings.create(model="text-embedding-v4", input="西湖"),
        client.files.create(file=b"x", purpose="batch"),
        client.files.list(),
    ):
        with pytest.raises(openai.NotFoundError, match="sandbox does not serve") as caught:
            await asked  # type: ignore[misc]
        assert caught.value.code == "sandbox_not_served"
        assert caught.value.response.headers["x-bailian-sandbox"] == "1"
