"""The stand-in DashScope: it answers as the real one is documented to, adds up, and marks every reply."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import anyio
import httpx2
import pytest
from bailian_mcp.server.catalog import shipped
from bailian_mcp.server.dashscope import ChatCompletions, DashScope, DashScopeError, Finish
from bailian_mcp.server.endpoints import host
from bailian_mcp.server.sandbox import Pace, app, running
from conftest import SERVER, FakeDashScope, Hosted, text_of
from pydantic import SecretStr

pytestmark = pytest.mark.anyio
CHAT = "/compatible-mode/v1/chat/completions"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as root:
        yield root


def body(**more: Any) -> dict[str, Any]:
    return {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "西湖在哪"}], **more}


async def post(url: str, content: Any, **headers: str) -> httpx2.Response:
    headers = {"Authorization": "Bearer any", **headers}
    async with httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False) as http:
        if isinstance(content, str):
            return await http.post(CHAT, content=content)
        return await http.post(CHAT, json=content)


def frames(response: httpx2.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines[:-1]] + [lines[-1]]


async def test_the_same_question_gets_the_same_answer_whole_or_streamed(url: str) -> None:
    whole = (await post(url, body(enable_thinking=True))).json()
    again = (await post(url, body(enable_thinking=True))).json()
    *streamed, done = frames(await post(url, body(enable_thinking=True, stream=True)))

    def joined(field: str) -> str:
        return "".join(c["delta"].get(field) or "" for frame in streamed for c in frame["choices"])

    message = whole["choices"][0]["message"]
    assert whole == again
    assert done == "[DONE]"
    assert (joined("content"), joined("reasoning_content")) == (message["content"], message["reasoning_content"])
    assert "西湖在哪" in message["content"]


async def test_usage_adds_up_and_comes_in_a_frame_without_choices_only_when_asked_for(url: str) -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://x.cn/a.png"}}
    asked = body(stream=True, stream_options={"include_usage": True}, enable_thinking=True)
    asked["messages"][0]["content"] = [picture, {"type": "text", "text": "看图"}]
    *streamed, _ = frames(await post(url, asked))

    last = streamed[-1]
    used = last["usage"]
    assert last["choices"] == []
    assert used["prompt_tokens"] + used["completion_tokens"] == used["total_tokens"]
    assert used["prompt_tokens_details"] == {"cached_tokens": 0, "text_tokens": 2, "image_tokens": 100}
    assert used["completion_tokens_details"]["reasoning_tokens"] == len("这是沙箱的示例推理，没有调用任何模型。")
    assert all(frame["usage"] is None for frame in frames(await post(url, body(stream=True)))[:-1])


async def test_every_reply_is_marked_and_has_a_request_id(url: str) -> None:
    good, bad = await post(url, body()), await post(url, body(model="nope"))

    assert good.headers["x-bailian-sandbox"] == bad.headers["x-bailian-sandbox"] == "1"
    assert good.headers["x-request-id"] in good.json()["id"]


async def test_a_limit_cuts_the_answer(url: str) -> None:
    choice = (await post(url, body(max_completion_tokens=5, enable_thinking=False))).json()["choices"][0]

    assert (choice["message"]["content"], choice["finish_reason"]) == ("这是沙箱的", "length")


@pytest.mark.parametrize("limit", [1, 18, 19, 30])
async def test_a_limit_of_the_completion_counts_the_reasoning(url: str, limit: int) -> None:
    used = (await post(url, body(max_completion_tokens=limit, enable_thinking=True))).json()["usage"]

    assert used["completion_tokens"] == limit


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ("{", 400, "invalid_request_error"),
        ("[]", 400, "invalid_request_error"),
        (body(model="qwen9"), 404, "model_not_found"),
        (body(messages=[{"role": "system", "content": "x"}]), 400, "invalid_parameter_error"),
        (body(messages=[]), 400, "invalid_parameter_error"),
        (body(stream_options={"include_usage": True}), 400, "invalid_parameter_error"),
        (body(model="glm-5.3", enable_thinking=False), 400, "invalid_parameter_error"),
        (body(model="qwen-max", messages=[{"role": "user", "content": []}]), 400, "invalid_parameter_error"),
        (body(model="qwen-max", max_tokens=8193), 400, "invalid_parameter_error"),
        (body(model="qwen-max", max_tokens="x"), 400, "invalid_parameter_error"),
        (body(messages=["hi"]), 400, "invalid_parameter_error"),
        (body(model="qwen-max", messages=[{"role": "user", "content": "长" * 30_721}]), 400, "invalid_parameter_error"),
        (body(model="sandbox-arrearage"), 400, "Arrearage"),
        (body(model="sandbox-rate-limit"), 429, "limit_requests"),
    ],
)
async def test_it_refuses_what_dashscope_refuses(url: str, content: Any, status: int, code: str) -> None:
    reply = await post(url, content)

    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)


async def test_a_key_must_be_given(url: str) -> None:
    assert (await post(url, body(), Authorization="")).status_code == 401


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("sandbox-cut", "ended the stream in the middle"),
        ("sandbox-silent", "fell silent"),
        ("sandbox-error-in-stream", "content filter stopped the answer"),
    ],
)
async def test_broken_streams_break_as_their_name_says(url: str, model: str, why: str) -> None:
    client = DashScope(host(url), SecretStr("any"), redact=str, gap_s=0.05)
    async with client, client.stream(ChatCompletions(), body(model=model)) as reply:
        *_, last = [event async for event in reply.events]

    assert reply.sandbox
    assert isinstance(last, Finish)
    assert why in last.why


async def test_refusals_reach_the_client_as_its_errors(url: str) -> None:
    async with DashScope(host(url), SecretStr("any"), redact=str) as client:
        with pytest.raises(DashScopeError, match="owes money"):
            async with client.stream(ChatCompletions(), body(model="sandbox-arrearage")):
                raise NotImplementedError


async def test_the_model_list_has_pages_limits_and_prices(url: str) -> None:
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
        first = (await http.get("/api/v1/models", params={"page_size": 2})).json()
        second = (await http.get("/api/v1/models", params={"page_size": 2, "page_no": 2})).json()

    names = [model["model"] for page in (first, second) for model in page["output"]["models"]]
    assert names == [model.id for model in shipped().models if not model.retired][:4]
    assert first["output"]["total"] > 4
    assert first["output"]["models"][0]["prices"][0]["prices"][0] == {
        "type": "input_token",
        "price": "2.1",
        "price_name": "输入",
        "price_unit": "每百万tokens",
        "time_band": "standard",
    }


async def test_the_pace_sets_the_size_of_chunks_and_the_time_between() -> None:
    transport = httpx2.ASGITransport(app(Pace(latency_s=0.001, chunk=1)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://sandbox") as http:
        *slow, _ = frames(
            await http.post(CHAT, json=body(stream=True, enable_thinking=False), headers={"Authorization": "Bearer x"})
        )

    assert [f["choices"][0]["delta"].get("content") for f in slow][1:6] == list("这是沙箱的")


async def test_alone_it_serves_a_server_that_points_at_it(url: str) -> None:
    alone = subprocess.Popen([*SERVER, "sandbox", "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        assert alone.stderr
        with anyio.fail_after(30):
            line = await asyncio.to_thread(alone.stderr.readline)
            root = line.partition("DASHSCOPE_BASE_URL=")[2].split()[0]
            assert (await post(root, body())).status_code == 200
    finally:
        alone.terminate()
        alone.communicate(timeout=10)
    assert sys.platform == "win32" or alone.returncode in (0, -15)


async def test_a_model_that_repeats_its_text_so_far_does_so_here_too(hosted: Hosted) -> None:
    transport = httpx2.ASGITransport(app(Pace(chunk=5)))
    async with hosted(FakeDashScope([]), options={"transport": transport}) as host:
        result = await host.call_tool("chat", {"prompt": "西湖在哪里？", "model": "qwen-mt-plus"})

    assert not (result.structured_content or {})["truncated"]
    assert text_of(result).endswith("]\n这是沙箱的回答，没有调用任何模型。收到的问题是：西湖在哪里？")
