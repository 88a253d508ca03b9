"""Jobs as tasks of the protocol: https://modelcontextprotocol.github.io/ext-tasks/specification/2026-07-28/tasks"""

from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from bailian_mcp.server.app.identity import TASKS
from conftest import ENVELOPE, Lines, lines
from test_job_processes import SlowUpstream, slow_upstream

pytestmark = pytest.mark.anyio
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
KNOWS = {**ENVELOPE, CAPABILITIES: {"extensions": {TASKS: {}}}}


@asynccontextmanager
async def serving_tasks() -> Any:
    async with slow_upstream() as upstream, lines(**upstream.environment) as server:
        with anyio.fail_after(20):
            yield server, upstream


async def asked(server: Lines, id: int, method: str, meta: dict[str, Any] = KNOWS, **params: Any) -> dict[str, Any]:
    await server.send(id=id, method=method, params={**params, "_meta": meta})
    return await server.reply(id)


async def task_of(server: Lines) -> dict[str, Any]:
    called = await asked(server, 1, "tools/call", name="chat", arguments={"prompt": "x"})
    return dict(called["result"])


async def whole(server: Lines, upstream: SlowUpstream, task_id: str) -> dict[str, Any]:
    upstream.go.set()
    number = 100
    while (task := (await asked(server, number, "tasks/get", taskId=task_id))["result"])["status"] == "working":
        number += 1
        await anyio.sleep(0.02)
    return dict(task)


async def test_a_client_that_knows_tasks_gets_one_and_its_result_is_that_of_the_call() -> None:
    async with serving_tasks() as (server, upstream):
        task = await task_of(server)
        working = (await asked(server, 2, "tasks/get", taskId=task["taskId"]))["result"]
        done = await whole(server, upstream, task["taskId"])
        at_once = (await asked(server, 3, "tools/call", name="chat", arguments={"prompt": "y"}))["result"]

    assert task["resultType"] == "task"
    assert set(task) >= {"taskId", "status", "createdAt", "lastUpdatedAt", "ttlMs", "pollIntervalMs"}
    assert (working["status"], working["resultType"]) == ("working", "complete")
    assert done["status"] == "completed"
    assert done["result"]["content"] == at_once["content"]
    assert upstream.requests == 2


async def test_a_client_that_says_nothing_of_tasks_gets_words_for_its_model() -> None:
    async with serving_tasks() as (server, _):
        called = await asked(server, 1, "tools/call", ENVELOPE, name="chat", arguments={"prompt": "x"})
        refused = await asked(server, 2, "tasks/get", ENVELOPE, taskId="0" * 16)

    assert called["result"]["resultType"] == "complete"
    assert called["result"]["content"][0]["text"].startswith("[RUNNING")
    assert refused["error"]["code"] == -32021


@pytest.mark.parametrize("method", ["tasks/get", "tasks/cancel", "tasks/update"])
async def test_an_unknown_task_is_a_bad_argument(method: str) -> None:
    async with serving_tasks() as (server, _):
        refused = await asked(server, 1, method, taskId="0" * 16, inputResponses={})

    assert refused["error"]["code"] == -32602
    assert "There is no job" in refused["error"]["message"]


async def test_a_task_is_cancelled_and_its_upstream_closed() -> None:
    async with serving_tasks() as (server, upstream):
        task = await task_of(server)
        acknowledged = (await asked(server, 2, "tasks/cancel", taskId=task["taskId"]))["result"]
        ended = await whole(server, upstream, task["taskId"])

    assert acknowledged["resultType"] == "complete"
    assert ended["status"] == "cancelled"
    assert "result" not in ended


async def test_a_call_that_fails_has_completed_with_an_error() -> None:
    """`failed` is for faults of the protocol."""
    async with serving_tasks() as (server, upstream):
        upstream.rest = b'data: {"error": {"code": "Arrearage", "message": "good standing"}}\n\n'
        upstream.half = b": nothing yet\n\n"
        task = await task_of(server)
        done = await whole(server, upstream, task["taskId"])

    assert done["status"] == "completed"
    assert done["result"]["isError"] is True
    assert "owes money" in done["result"]["content"][0]["text"]


async def test_the_extension_is_told_at_discovery() -> None:
    async with serving_tasks() as (server, _):
        told = (await asked(server, 1, "server/discover"))["result"]

    assert told["capabilities"]["extensions"] == {TASKS: {}}
