"""Jobs over real transports and processes: hosts that give up, clients that vanish, servers that are killed.

The clock is scaled: a host gives up after 1 s, so the server answers it after 0.5 s.
"""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from bailian_mcp.server.spending.database import STATE_FILE
from conftest import ERAS, KEY, SERVER, chunk, finish, over_pipes, raw, sse, text_of, usage
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from test_http import serving

pytestmark = pytest.mark.anyio
HOST_LIMIT_S, SOFT_S = 1.0, 0.5
ID = re.compile(r'id=\\?"(\w{16})\\?"')
TOKENS = {"ann": "ann-0123456789abcdef", "ben": "ben-0123456789abcdef"}


@dataclass
class SlowUpstream:
    """A DashScope on loopback: half an answer at once, the rest when it is let go. Counts its requests."""

    port: int
    half: bytes = sse(chunk(content="西湖"), done=False)
    rest: bytes = sse(chunk(content="在杭州。"), finish(), usage())
    go: anyio.Event = field(default_factory=anyio.Event)
    asked: anyio.Event = field(default_factory=anyio.Event)
    requests: int = 0

    @property
    def environment(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self.port}"
        return {"DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": KEY, "BAILIAN_SOFT_TIMEOUT_S": str(SOFT_S)}

    async def serve(self, connection: Any) -> None:
        async with connection:
            head = b""
            try:
                while b"\r\n\r\n" not in head:
                    head += await connection.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return  # it asked for nothing
            self.requests += 1
            with suppress(anyio.BrokenResourceError):
                await connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + self.half)
                self.asked.set()
                await self.go.wait()
                await connection.send(self.rest)


@asynccontextmanager
async def slow_upstream(at: socket.socket | None = None) -> AsyncIterator[SlowUpstream]:
    given = at or socket.create_server(("127.0.0.1", 0))
    listener = await anyio.abc.SocketListener.from_socket(given.dup() if at else given)
    async with listener, anyio.create_task_group() as tasks:
        upstream = SlowUpstream(given.getsockname()[1])
        tasks.start_soon(listener.serve, upstream.serve)
        yield upstream
        tasks.cancel_scope.cancel()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """`async with served(name) as (url, upstream)`: one process a name, which begins with its transport; all of one
    state, and they ask at a socket that stays.
    """
    with ExitStack() as stack:
        at = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        environment = {
            **SlowUpstream(at.getsockname()[1]).environment,
            "BAILIAN_STATE_DIR": str(tmp_path_factory.mktemp("state")),
            "BAILIAN_HTTP_TOKENS": ",".join(f"{name}:{token}" for name, token in TOKENS.items()),
            "BAILIAN_HTTP_TOKEN": "nobody-0123456789abcdef",
            "BAILIAN_LANGUAGE": "en",
        }
        url = cache(lambda name: stack.enter_context(serving(name.split()[0], **environment))[0])

        @asynccontextmanager
        async def begin(name: str) -> AsyncIterator[Any]:
            async with slow_upstream(at) as upstream:
                yield url(name), upstream

        yield begin


@asynccontextmanager
async def client_of(url: str, era: str, token: str = TOKENS["ann"], **more: Any) -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {token}"}
    if url.endswith("/sse"):
        async with Client(sse_client(url, headers=headers), mode=era, **more) as client:
            yield client
    else:
        async with (
            httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30) as http,
            Client(streamable_http_client(url, http_client=http), mode=era, **more) as client,
        ):
            yield client


def handle_of(result: Any) -> str:
    found = ID.search(text_of(result))
    assert found, text_of(result)
    return found[1]


async def whole_answer(host: Client, upstream: SlowUpstream) -> str:
    """As an agent gets it whose host gives up at 60 (scaled) seconds, of an answer that takes three times as long."""
    result = await host.call_tool("chat", {"prompt": "x"}, read_timeout_seconds=HOST_LIMIT_S)
    asked = 0
    while "RUNNING" in text_of(result):
        asked += 1
        if asked == 6:
            upstream.go.set()
        result = await host.call_tool(
            "job", {"id": handle_of(result), "wait_s": SOFT_S}, read_timeout_seconds=HOST_LIMIT_S
        )
    assert asked >= 6
    return text_of(result)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", ["stdio", "sse", "streamable-http"])
async def test_an_answer_that_takes_three_times_as_long_as_the_host_waits_arrives_whole(
    served: Any, transport: str, era: str
) -> None:
    with anyio.fail_after(30):
        if transport == "stdio":
            async with (
                slow_upstream() as upstream,
                Client(over_pipes(**upstream.environment), mode=era) as host,
            ):
                answer = await whole_answer(host, upstream)
        else:
            async with (
                served(transport) as (url, upstream),
                client_of(url, era) as host,
            ):
                answer = await whole_answer(host, upstream)

    assert answer.splitlines()[1:] == ["西湖在杭州。"]
    assert "1,000+500 tokens" in answer
    assert upstream.requests == 1


async def test_a_named_client_sees_its_own_jobs_and_nobody_elses(served: Any) -> None:
    async with served("streamable-http") as (url, upstream):
        async with client_of(url, ERAS[1]) as ann:
            id = handle_of(await ann.call_tool("chat", {"prompt": "ann's"}))
            listed = text_of(await ann.call_tool("job", {}))
        words = []
        for token in (TOKENS["ben"], "nobody-0123456789abcdef"):
            async with client_of(url, ERAS[1], token) as other:
                words.append(text_of(await other.call_tool("job", {"id": id})))
                words.append(text_of(await other.call_tool("job", {"id": "0" * 16})))
                others = text_of(await other.call_tool("job", {}))
                assert id not in others
        assert "BAILIAN_HTTP_TOKENS" in others  # who has no name is told how to get one
        upstream.go.set()

    assert id in listed
    assert len({each.replace(id, "ID").replace("0" * 16, "ID") for each in words}) == 1


@pytest.mark.parametrize("asked_again", ["streamable-http", "streamable-http of another process"])
async def test_an_answer_that_a_vanished_client_paid_for_is_given_to_the_same_question(
    served: Any, asked_again: str
) -> None:
    """A 2025 session over HTTP goes on without its connection."""
    calling = """
import anyio, sys
from test_job_processes import client_of
async def main():
    async with client_of(sys.argv[1], "legacy") as host:
        await host.call_tool("chat", {"prompt": sys.argv[2]})
anyio.run(main)
"""
    async with served(asked_again):
        pass  # it was there before
    async with served("streamable-http") as (url, upstream):
        question = {"prompt": f"vanishing, asked again of {asked_again}"}
        command = [sys.executable, "-c", calling, url, question["prompt"]]
        client = subprocess.Popen(command, cwd=Path(__file__).parent)
        try:
            with anyio.fail_after(20):
                await upstream.asked.wait()
        finally:
            client.kill()
            client.wait()
        upstream.go.set()
        await anyio.sleep(0.3)
    async with served(asked_again) as (url, other), client_of(url, ERAS[1]) as host:
        other.go.set()
        first = text_of(await host.call_tool("chat", question))
        asked = upstream.requests + other.requests
        second = text_of(await host.call_tool("chat", question))

    assert "answered before, but it reached nobody: not billed again" in first
    assert first.splitlines()[1:] == ["西湖在杭州。"]
    assert asked == 1
    assert "not billed again" not in second


# --- how a server ends ---


async def job_of(state: Path, upstream: SlowUpstream, end: Callable[[Any], Any]) -> dict[str, Any]:
    """What a second server says of a job in whose middle the first one ended."""
    given = {**upstream.environment, "BAILIAN_STATE_DIR": str(state)}
    async with raw(**given) as server:
        handle = await server.call(1, prompt="x")
        (id,) = ID.findall(handle["content"][0]["text"])
        await kept(state, id)
        await end(server)
        with anyio.fail_after(5):
            await server.running.wait()
    with sqlite3.connect(state / STATE_FILE) as connection:  # as if a while had passed
        connection.execute("UPDATE jobs SET seen_at = seen_at - 40")
    async with raw(**given) as server:
        return {"id": id, **await server.call(1, "job", id=id)}


async def kept(state: Path, id: str) -> None:
    """Until what had come is in the state: it is kept a moment after it was told, later on a slow machine."""
    with anyio.move_on_after(5), sqlite3.connect(state / STATE_FILE) as connection:
        while not connection.execute("SELECT length(content) FROM jobs WHERE id = ?", (id,)).fetchone()[0]:
            await anyio.sleep(0.01)


async def end_of_input(server: Any) -> None:
    await server.end_of_input()


async def terminated(server: Any) -> None:
    server.running.terminate()


async def killed(server: Any) -> None:
    server.running.kill()


@pytest.mark.parametrize("end", [end_of_input, terminated, killed])
async def test_a_job_whose_server_ended_is_honestly_interrupted_with_what_had_come(
    tmp_path: Path, end: Callable[[Any], Any]
) -> None:
    async with slow_upstream() as upstream:
        told = await job_of(tmp_path, upstream, end)

    line, *rest = told["content"][0]["text"].splitlines()
    assert line.startswith(
        "[INCOMPLETE: the server ended before the answer did; call again if you still need it | about "
    )
    assert rest == ["西湖"]
    assert upstream.requests == 1


async def test_a_disk_without_room_loses_no_answer() -> None:
    """A file may grow to 8 KiB: SQLite finds no room, and the job is kept in memory."""
    async with slow_upstream() as upstream:
        command = ["bash", "-c", 'ulimit -f 8; exec "$@"', "-", *SERVER]
        environment = {**os.environ, **upstream.environment}
        async with await anyio.open_process(command, env=environment) as running, anyio.create_task_group() as tasks:
            host = await _spoken(running, tasks)
            handle = await host.call(1, prompt="x")
            upstream.go.set()
            (id,) = ID.findall(handle["content"][0]["text"])
            whole = await host.call(2, "job", id=id)
            again = await host.call(3, "job", id=id)
            running.terminate()

    assert whole["content"][0]["text"].splitlines()[1:] == ["西湖在杭州。"]
    assert again["content"] == whole["content"]
    assert b"state folder cannot be used" in host.stderr


async def _spoken(running: Any, tasks: Any) -> Any:
    from conftest import Raw

    server = Raw(running.stdin, running.stdout, running=running)
    tasks.start_soon(server.keep_stderr)
    await server.shake_hands()
    return server


async def test_a_user_without_a_home_has_jobs_in_memory() -> None:
    given = {"HOME": "/nonexistent", "XDG_STATE_HOME": "", "BAILIAN_STATE_DIR": ""}
    async with slow_upstream() as upstream, raw(**upstream.environment, **given) as server:
        handle = await server.call(1, prompt="x")
        upstream.go.set()
        (id,) = ID.findall(handle["content"][0]["text"])
        whole = await server.call(2, "job", id=id)

    assert whole["content"][0]["text"].splitlines()[1:] == ["西湖在杭州。"]


async def test_a_graceful_stop_over_http_waits_for_no_job_and_keeps_what_came(tmp_path: Path) -> None:
    async with slow_upstream() as upstream:
        given = {**upstream.environment, "BAILIAN_STATE_DIR": str(tmp_path)}
        with serving("streamable-http", **given) as (url, process):
            async with Client(url, mode=ERAS[1]) as host:
                id = handle_of(await host.call_tool("chat", {"prompt": "x"}))
            process.send_signal(signal.SIGTERM)
            with anyio.fail_after(5):
                await anyio.to_thread.run_sync(process.wait)
        with serving("streamable-http", **given) as (url, _):
            async with Client(url, mode=ERAS[1]) as host:
                kept = text_of(await host.call_tool("job", {"id": id}))

    assert kept.startswith("[INCOMPLETE: the server ended before the answer did")
    assert kept.splitlines()[1:] == ["西湖"]
