"""A single question that can wait: Batch Chat, at half the price, as a job."""

import json
from decimal import Decimal
from typing import Any

import anyio
import httpx2
import pytest
from bailian_mcp.server.endpoints import host as host_at
from conftest import FakeDashScope, Hosted, ended_job, stream, text_of, usage

pytestmark = pytest.mark.anyio
ASKED = {"prompt": "用一句话介绍杭州西湖。", "patience": "half_price"}
WHOLE = {
    "id": "chatcmpl-1", "object": "chat.completion", "model": "qwen3.7-plus", "usage": usage()["usage"],
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "西湖在杭州。"}, "finish_reason": "stop"}],
}  # fmt: skip


def whole() -> httpx2.Response:
    return httpx2.Response(200, content=json.dumps(WHOLE).encode(), headers={"content-type": "application/json"})


async def test_it_goes_to_its_own_host_without_a_stream_and_costs_half(hosted: Hosted) -> None:
    wire = FakeDashScope([whole()])
    async with hosted(wire) as client:
        patient = await client.call_tool("chat", ASKED)
    async with hosted(FakeDashScope([stream()])) as client:
        at_once = await client.call_tool("chat", {"prompt": ASKED["prompt"]})

    assert str(wire.requests[0].url) == "https://batch.dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"
    assert "stream" not in wire.body
    half, full = (Decimal(told.structured_content["cost"]["total"]) for told in (patient, at_once))
    assert half * 2 == full
    assert patient.structured_content["answer"] == "西湖在杭州。"


async def test_it_may_take_longer_than_any_other_request(hosted: Hosted) -> None:
    """The time-out of requests is a tenth of a second here; the answer comes after three."""
    go = anyio.Event()

    async def slow(_: httpx2.Request) -> httpx2.Response:
        await go.wait()
        return whole()

    options = {"transport": httpx2.MockTransport(slow), "timeout_s": 0.1}
    async with hosted(FakeDashScope([]), options=options, soft_timeout_s=0.3) as client:
        handle = await client.call_tool("chat", ASKED)
        go.set()
        told = await ended_job(client, handle.structured_content["job"])

    assert text_of(handle).startswith("[RUNNING")
    assert told.structured_content["answer"] == "西湖在杭州。"


@pytest.mark.parametrize(
    ("arguments", "where", "says"),
    [
        ({}, "https://dashscope-intl.aliyuncs.com", "is offered in cn-beijing only"),
        ({}, "https://gateway.example.com", "is offered in cn-beijing only"),
        ({}, "https://coding.dashscope.aliyuncs.com/v1", "is offered in cn-beijing only"),
        ({"model": "glm-5.1"}, "https://dashscope.aliyuncs.com", "glm-5.1 has no half price"),
    ],
)
async def test_where_there_is_none_nothing_is_sent(
    hosted: Hosted, arguments: dict[str, Any], where: str, says: str
) -> None:
    wire = FakeDashScope([whole()])
    async with hosted(wire, host=host_at(where)) as client:
        told = await client.call_tool("chat", {**ASKED, **arguments})

    assert says in text_of(told)
    assert text_of(told).endswith("Nothing was sent.")
    assert not wire.requests
