"""`cost(request_id=...)`: what a call spent, whole, asked for whenever: from the ledger."""

from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from bailian_mcp.server.app.server import build
from bailian_mcp.server.calls.context import AppContext
from bailian_mcp.server.calls.details import RequestDetails
from bailian_mcp.server.calls.receipt import receipts_of
from bailian_mcp.server.catalog import Cost
from bailian_mcp.server.endpoints import host as host_at
from bailian_mcp.server.errors import InvalidRequest
from bailian_mcp.server.spending import Database, Ledger, PostgresDatabase, RequestEntry, Reserved, Settlement
from bailian_mcp.server.spending.store import StateConnection
from conftest import HOST, FakeDashScope, Hosted, chunk, dashscope, finish, refusal, sse, stream, text_of, usage
from mcp import Client

pytestmark = pytest.mark.anyio
TITLED = {
    "json_schema": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
    "text": "西湖在杭州。",
}
CHAT = {"prompt": "x"}


@pytest.fixture
def era() -> str:
    return "2026-07-28"  # money does not depend on it


def wrote(text: str, request_id: str, reason: str = "stop", **counts: Any) -> httpx2.Response:
    return stream(sse(chunk(content=text), finish(reason), usage(**counts)), request_id)


def repaired(*second: Any) -> FakeDashScope:
    """The first answer does not fit, so another request follows."""
    return FakeDashScope([wrote('{"year": 1}', "aaaaaaaa-1"), *(second or [wrote('{"title": "西湖"}', "bbbbbbbb-2")])])


async def told(client: Any, request_id: str) -> dict[str, Any]:
    """The only call of that id."""
    result = await client.call_tool("cost", {"request_id": request_id})
    assert not result.is_error, text_of(result)
    (receipt,) = result.structured_content["receipts"]
    return dict(receipt)


async def test_it_outlives_the_server(hosted: Hosted, tmp_path: Path) -> None:
    async with hosted(FakeDashScope([wrote("x", "17f5c078-e85f", "length")]), kept=(tmp_path,)) as client:
        await client.call_tool("chat", {**CHAT, "thinking": "low"})
        before = text_of(await client.call_tool("cost", {"request_id": "17f5c078"}))
    async with hosted(FakeDashScope([]), kept=(tmp_path,)) as client:
        after = text_of(await client.call_tool("cost", {"request_id": "17f5c078"}))

    assert after == before
    assert "chat with qwen3.7-plus: 0.006 CNY = 1,000 input x 2/M + 500 output x 8/M" in after
    assert "| finish_reason length | thinking low" in after
    assert "s | finish" in after


@pytest.mark.parametrize("id", ["aaaaaaaa", "bbbbbbbb-2"])
async def test_of_several_requests_any_tells_them_all(hosted: Hosted, id: str) -> None:
    async with hosted(repaired()) as client:
        answer = (await client.call_tool("extract", TITLED)).structured_content
        found = await told(client, id)

    assert found["request_ids"] == answer["request_ids"] == ["aaaaaaaa-1", "bbbbbbbb-2"]
    assert (found["cost"], found["usage"]) == (answer["cost"], answer["usage"])
    assert (found["cost"]["total"], found["tool"]) == ("0.012", "extract")
    assert 0 < found["elapsed_s"] <= answer["elapsed_s"]


async def test_so_it_is_of_a_call_that_is_no_job() -> None:
    async with dashscope(repaired()) as upstream:
        server = build(AppContext(upstream, HOST, structured=True))  # nobody opened jobs
        async with Client(server) as client:
            await client.call_tool("extract", TITLED)
            await client.call_tool("extract", TITLED)  # another call
            first = await told(client, "aaaaaaaa")
            second = await client.call_tool("cost", {"request_id": "bbbbbbbb"})

    assert first["request_ids"] == ["aaaaaaaa-1", "bbbbbbbb-2"]
    assert [each["request_ids"][-1] for each in second.structured_content["receipts"]] == ["bbbbbbbb-2", "bbbbbbbb-2"]


async def test_what_nobody_counted_is_said_to_be_missing(hosted: Hosted) -> None:
    async with hosted(repaired(httpx2.ReadTimeout("gone"))) as client:
        answer = (await client.call_tool("extract", TITLED)).structured_content
        found = await told(client, "aaaaaaaa")

    assert found["cost"] == answer["cost"]
    assert "Without 1 failed requests: whether DashScope bills them, it does not say." in found["cost"]["warnings"]


async def test_what_was_refused_cost_nothing_and_is_not_missing(hosted: Hosted) -> None:
    no = refusal(400, "invalid_parameter_error", "Unknown format of response_format")
    async with hosted(FakeDashScope([no, wrote('{"title": "西湖"}', "bbbbbbbb-2")])) as client:
        await client.call_tool("extract", TITLED)
        found = await told(client, "bbbbbbbb")

    assert (found["cost"]["total"], found["usage"]["input_tokens"]) == ("0.006", 1_000)
    assert not any(said.startswith("Without") for said in found["cost"]["warnings"])


async def test_a_call_that_only_failed_is_told_as_far_as_it_is_known(hosted: Hosted) -> None:
    failing = stream(sse({"error": {"code": "InternalError", "message": "x"}}, done=False), "cccccccc-3")
    async with hosted(FakeDashScope([refusal(400, "invalid_parameter_error", "no"), failing])) as client:
        await client.call_tool("chat", CHAT)
        refused = await told(client, "req-refused")
        await client.call_tool("chat", CHAT)
        failed = await told(client, "cccccccc")

    assert (refused["cost"]["total"], refused["usage"]["output_tokens"]) == ("0", 0)
    assert (failed["cost"]["total"], "usage" in failed) == (None, False)
    assert failed["cost"]["reason"] == "DashScope reported no usage; the call may still be billed"


async def test_what_was_lost_with_its_process_is_said_to_be_missing(hosted: Hosted, tmp_path: Path) -> None:
    store = Database(tmp_path)
    ledger = Ledger(store)
    async with hosted(FakeDashScope([wrote("x", "17f5c078-e85f")]), ledger=ledger) as client:
        await client.call_tool("chat", CHAT)
        (kept,) = await ledger.requests("17f5c078", None)
        await ledger.reserve(RequestEntry(kept.at, kept.day, kept.model, client=kept.client, job=kept.job), 1)
        found = await told(client, "17f5c078")
        await ledger.reserve(RequestEntry(kept.at, kept.day, "m", client=kept.client, job="lost"), 1)
        alone = text_of(await client.call_tool("cost", {"request_id": "lost"}))
    await store.aclose()

    assert found["cost"]["total"] == "0.006"
    assert "Without 1 requests that were stopped or go on: they may be billed." in found["cost"]["warnings"]
    assert "a call with m: cost unknown: it has not ended, or nobody saw its end\nusage unknown\nno request id" in alone


async def test_a_server_that_gives_all_the_same_id_has_its_newest_calls_told(hosted: Hosted) -> None:
    counts = iter(range(1, 100))
    wire = FakeDashScope([wrote("x", "same-id-for-all", prompt=next(counts)) for _ in range(22)])
    async with hosted(wire) as client:
        for _ in range(22):
            await client.call_tool("chat", CHAT)
        found = (await client.call_tool("cost", {"request_id": "same-id-for-all"})).structured_content["receipts"]

    assert [receipt["usage"]["input_tokens"] for receipt in found] == list(range(3, 23))


async def test_a_ledger_that_cannot_be_read_is_said(hosted: Hosted) -> None:
    nobody = PostgresDatabase("postgresql://bailian@127.0.0.1:1/postgres")
    async with hosted(FakeDashScope([stream()]), ledger=Ledger(nobody)) as client:
        found = await client.call_tool("cost", {"request_id": "17f5c078"})

    assert found.is_error
    assert text_of(found).startswith("The ledger cannot be read: PostgreSQL cannot be used (")


async def test_a_sandbox_is_said_to_be_one(hosted: Hosted) -> None:
    marked = wrote("x", "17f5c078-e85f")
    marked.headers["x-bailian-sandbox"] = "true"
    async with hosted(FakeDashScope([marked]), host=host_at("http://127.0.0.1:9")) as client:
        await client.call_tool("chat", CHAT)
        assert text_of(await client.call_tool("cost", {"request_id": "17f5c078"})).startswith("SANDBOX chat with ")


async def test_another_clients_call_is_told_as_an_unknown_one(tmp_path: Path) -> None:
    store = Database(tmp_path)
    ledger = Ledger(store)
    held = await ledger.reserve(RequestEntry(0, "2026-11-27", "m", client="mine", job="j"), 1)
    assert isinstance(held, Reserved)
    details = RequestDetails(cost=Cost(total=None, reason="x")).as_kept()
    await ledger.settle(held, Settlement("answered", 1, 1, request_id="req-12345678", details=details))
    async with dashscope(FakeDashScope([])) as upstream:
        context = AppContext(upstream, HOST, ledger=ledger)
        for client, id in (("other", "req-12345678"), ("other", "j"), ("", "j"), ("mine", "k")):
            with pytest.raises(InvalidRequest, match=f"The ledger has no request or job {id}: give the id as"):
                await receipts_of(context, client, id)
        assert len(await receipts_of(context, "mine", "req-12345678")) == 1
    await store.aclose()


def _rewritten(connection: StateConnection, details: str) -> None:
    connection.execute("UPDATE requests SET details = ?", (details,))


async def test_rows_of_an_older_or_a_newer_server_are_read(hosted: Hosted, tmp_path: Path) -> None:
    store = Database(tmp_path)
    ledger = Ledger(store)
    async with hosted(FakeDashScope([wrote("x", "17f5c078-e85f")]), ledger=ledger) as client:
        await client.call_tool("chat", CHAT)
        for details in ('{"usage":null,"cost":{"total":"1"}}', '{"cost":{"total":"1"},"more":1}'):
            await store.run(partial(_rewritten, details=details))
            found = text_of(await client.call_tool("cost", {"request_id": "17f5c078"}))
            assert found.startswith("chat with qwen3.7-plus: 1 CNY\nusage unknown\nrequests 17f5c078-e85f\n")
            assert not (await client.call_tool("usage", {"id": "17f5c078"})).is_error
    await store.aclose()
