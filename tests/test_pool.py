"""The one pool over real connections on loopback: how many there are, and what waits does not send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from bailian_mcp.server.dashscope import ChatCompletions, DashScope, DashScopeError
from bailian_mcp.server.endpoints import host
from conftest import ANSWER
from pydantic import SecretStr

pytestmark = pytest.mark.anyio
BODY = {"model": "qwen3.7-plus", "messages": []}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNKED = HEAD + f"{len(ANSWER):x}\r\n".encode() + ANSWER + b"\r\n0\r\n\r\n"


@dataclass
class Counting:
    """Answers once `gate` is open; counts connections and requests."""

    url: str = ""
    connections: int = 0
    requests: int = 0
    gate: anyio.Event = field(default_factory=anyio.Event)
    all_asked: anyio.Event = field(default_factory=anyio.Event)

    async def serve(self, connection: Any) -> None:
        self.connections += 1
        async with connection:
            try:
                while True:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += await connection.receive()
                    body = head.partition(b"\r\n\r\n")[2]
                    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                    while len(body) < length:
                        body += await connection.receive()
                    self.requests += 1
                    if self.requests >= 64:
                        self.all_asked.set()
                    await self.gate.wait()
                    await connection.send(CHUNKED)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass


@asynccontextmanager
async def counting() -> AsyncIterator[Counting]:
    server = Counting()
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        server.url = f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}"
        tasks.start_soon(listener.serve, server.serve)
        yield server
        tasks.cancel_scope.cancel()


def client_of(server: Counting, **options: Any) -> DashScope:
    return DashScope(host(server.url), SecretStr("any"), redact=str, **options)


async def ask(client: DashScope, answered: list[int]) -> None:
    async with client.stream(ChatCompletions(), BODY) as reply:
        answered.append(len([event async for event in reply.events]))


async def test_sixty_four_calls_and_sixty_four_more_need_no_more_than_sixty_four_connections() -> None:
    answered: list[int] = []
    with anyio.fail_after(30):
        async with counting() as server, client_of(server) as client:
            async with anyio.create_task_group() as tasks:
                for _ in range(64):
                    tasks.start_soon(ask, client, answered)
                await server.all_asked.wait()
                server.gate.set()
            async with anyio.create_task_group() as tasks:
                for _ in range(64):
                    tasks.start_soon(ask, client, answered)

    assert answered == [4] * 128
    assert server.requests == 128
    assert server.connections == 64


async def test_a_setting_allows_more_or_fewer() -> None:
    answered: list[int] = []
    with anyio.fail_after(30):
        async with counting() as server, client_of(server, max_connections=2, settle_s=0) as client:
            server.gate.set()
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(ask, client, answered)

    assert len(answered) == server.requests == 20
    assert server.connections == 2


async def test_calls_that_wait_for_a_connection_and_are_cancelled_are_never_sent() -> None:
    scopes: list[anyio.CancelScope] = []

    async def call(client: DashScope) -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await ask(client, [])

    with anyio.fail_after(30):
        # long enough for a busy machine to cancel them all within it
        async with counting() as server, client_of(server, settle_s=5) as client, anyio.create_task_group() as tasks:
            for _ in range(150):
                tasks.start_soon(call, client)
            await server.all_asked.wait()
            for scope in scopes:  # oldest first, one by one, as a host's cancels arrive
                scope.cancel()
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()
        assert server.requests == 64


async def test_a_call_that_found_no_free_connection_in_time_says_that_nothing_was_sent() -> None:
    held: list[None] = []
    all_held, release = anyio.Event(), anyio.Event()

    async def hold(client: DashScope) -> None:
        async with client.stream(ChatCompletions(), BODY):
            held.append(None)
            if len(held) == 64:
                all_held.set()
            await release.wait()

    with anyio.fail_after(30):
        async with counting() as server, client_of(server, timeout_s=3) as client, anyio.create_task_group() as tasks:
            server.gate.set()
            for _ in range(64):
                tasks.start_soon(hold, client)
            await all_held.wait()
            with pytest.raises(DashScopeError, match="Nothing was sent"):
                await ask(client, [])
            release.set()

    assert server.requests == 64
