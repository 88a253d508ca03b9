"""Caps over real processes and transports: what was sent, as the other side counts it, never passes the cap."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from bailian_mcp.server.spending import Database, Ledger, PostgresDatabase, ReportSpan, StateStore, from_nano
from postgresql import PostgreSQL

from .conftest import KEY, Raw, chunk, finish, raw, sse, text_of, usage
from .test_http import connected, serving

pytestmark = pytest.mark.anyio
CALLS, CAP = 64, Decimal("0.5")
PRICE_OF_OUTPUT = Decimal("0.000008")  # a token of qwen3.7-plus
INPUT_TOKENS = 1_000


@dataclass
class CountingDashScope:
    """Bills each request for as much as it allows. `billed`: their sum, in CNY."""

    port: int
    requests: int = 0
    billed: Decimal = Decimal()

    @property
    def environment(self) -> dict[str, str]:
        return {"DASHSCOPE_BASE_URL": f"http://127.0.0.1:{self.port}", "DASHSCOPE_API_KEY": KEY}

    async def serve(self, connection: Any) -> None:
        async with connection:
            try:
                while True:
                    await self._answer(connection)
            except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
                return

    async def _answer(self, connection: Any) -> None:
        stream = BufferedByteReceiveStream(connection)
        head = (await stream.receive_until(b"\r\n\r\n", 1 << 16)).decode().lower()
        length = int(next(line for line in head.splitlines() if line.startswith("content-length")).split(":")[1])
        output = json.loads(await stream.receive_exactly(length))["max_completion_tokens"]
        self.requests += 1
        self.billed += INPUT_TOKENS * Decimal("0.000002") + output * PRICE_OF_OUTPUT
        body = sse(chunk(content="西湖"), finish("length"), usage(INPUT_TOKENS, output))
        lines = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {len(body)}\r\n\r\n"
        await connection.send(lines.encode() + body)


@asynccontextmanager
async def counting() -> AsyncIterator[CountingDashScope]:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        server = CountingDashScope(listener.extra(anyio.abc.SocketAttribute.local_port))
        tasks.start_soon(listener.serve, server.serve)
        yield server
        tasks.cancel_scope.cancel()


async def written(store: StateStore) -> Decimal:
    """What the ledger says was spent for certain."""
    sums = await Ledger(store).sums("day", ReportSpan("2000-01-01", "2999-01-01"))
    await store.aclose()
    assert [each.uncertain for each in sums] == [0]
    return from_nano(sums[0].least)


async def spent_by(processes: int, **kept: str) -> CountingDashScope:
    """64 calls at once, shared out to as many servers, which have one cap for the day."""
    refused = 0

    async def ask(server: Raw) -> None:
        nonlocal refused
        for id in range(1, CALLS // processes + 1):
            await server.send(
                id=id, method="tools/call", params={"name": "chat", "arguments": {"prompt": f"{id} {server}"}}
            )
        replies = [json.loads(await server.line()) for _ in range(CALLS // processes)]
        refused += sum(bool(reply["result"].get("isError")) for reply in replies)

    async with counting() as dashscope, AsyncExitStack() as stack:
        given = {**dashscope.environment, **kept, "BAILIAN_MAX_COST_PER_DAY": str(CAP)}
        servers = [await stack.enter_async_context(raw(**given)) for _ in range(processes)]
        with anyio.fail_after(40):
            async with anyio.create_task_group() as tasks:
                for server in servers:
                    tasks.start_soon(ask, server)

    assert CAP * Decimal("0.8") < dashscope.billed <= CAP
    assert dashscope.requests == CALLS - refused
    return dashscope


async def test_four_processes_of_one_folder_share_a_day(tmp_path: Path) -> None:
    dashscope = await spent_by(4, BAILIAN_STATE_DIR=str(tmp_path))

    assert await written(Database(tmp_path)) == dashscope.billed


async def test_two_replicas_on_one_postgresql_share_a_day(server: PostgreSQL, tmp_path: Path) -> None:
    dashscope = await spent_by(2, BAILIAN_STATE_URL=server.url(), BAILIAN_STATE_DIR=str(tmp_path))

    assert await written(PostgresDatabase(server.url())) == dashscope.billed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("transport", "era", "span"),
    [("sse", "legacy", "DAY"), ("streamable-http", "legacy", "SESSION"), ("streamable-http", "2026-07-28", "SESSION")],
)
async def test_64_calls_at_once_over_http(tmp_path: Path, transport: str, era: str, span: str) -> None:
    results: list[Any] = []
    async with counting() as dashscope:
        given = {**dashscope.environment, "BAILIAN_STATE_DIR": str(tmp_path), f"BAILIAN_MAX_COST_PER_{span}": str(CAP)}
        with serving(transport, **given) as (url, _), anyio.fail_after(40):
            async with connected(url, era) as host, anyio.create_task_group() as tasks:

                async def call(number: int) -> None:
                    results.append(await host.call_tool("chat", {"prompt": str(number)}))

                for number in range(CALLS):
                    tasks.start_soon(call, number)

    refused = [result for result in results if result.is_error]
    assert CAP * Decimal("0.8") < dashscope.billed <= CAP
    assert dashscope.requests == CALLS - len(refused)
    assert all("Nothing was sent." in text_of(result) for result in refused)
    assert await written(Database(tmp_path)) == dashscope.billed
