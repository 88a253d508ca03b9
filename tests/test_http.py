"""MCP over HTTP: SSE and streamable HTTP, both eras, many clients, and who may come in.

Who may come in is asked of the application itself; what starts, streams, logs and stops is a real process.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn
from bailian_mcp.server.__main__ import main
from bailian_mcp.server.app.server import build
from bailian_mcp.server.app.transports.http import MAX_OPENING, Listener, Transport, application, web_config
from bailian_mcp.server.calls.context import AppContext
from conftest import (
    ERAS,
    HOST,
    KEY,
    SERVER,
    FakeDashScope,
    cancel_under_way,
    chunk,
    dashscope,
    sse,
    stream,
    text_of,
    told,
    upstream,
)
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from starlette.types import ASGIApp

pytestmark = [pytest.mark.anyio, pytest.mark.both_eras]
HALF_AN_ANSWER = sse(chunk(content="西湖"), done=False)
TOKEN = "0123456789abcdef"
WAYS = [(transport, era) for transport in ("sse", "streamable-http") for era in ERAS]


@contextmanager
def serving(transport: str, *arguments: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server process listening on a free port of loopback, and its URL."""
    command = [*SERVER, "serve", "--transport", transport, "--port", "0", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    assert process.stderr
    try:
        while not (line := process.stderr.readline()).startswith("bailian-mcp listens on "):
            assert line, "the server ended before it listened"
        yield line.removeprefix("bailian-mcp listens on ").strip(), process
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture(scope="module")
def sandboxed() -> Iterator[Callable[[str], str]]:
    """The URL of a server in a process, by its transport: one for all stories that neither start nor stop it."""
    with ExitStack() as stack:
        yield cache(lambda transport: stack.enter_context(serving(transport, "--sandbox"))[0])


def connected(url: str, era: str) -> AbstractAsyncContextManager[Client]:
    return Client(sse_client(url) if url.endswith("/sse") else url, mode=era)


# --- it works ---


@pytest.mark.parametrize("transport", ["sse", "streamable-http"])
async def test_many_clients_of_both_eras_are_answered_with_progress(
    sandboxed: Callable[[str], str], transport: str
) -> None:
    messages: list[str] = []
    url = sandboxed(transport)

    async def call(era: str, number: int) -> None:
        async with connected(url, era) as host:
            result = await host.call_tool("chat", {"prompt": f"第{number}问"}, progress_callback=told(messages))
        assert f"第{number}问" in text_of(result)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(call, ERAS[number % 2], number)

    assert len(messages) >= 10


# --- it stops ---


@pytest.fixture(scope="module")
def waiting() -> Iterator[Callable[[str], Any]]:
    """`async with waiting(transport) as (url, upstream)`: a server whose DashScope sends half an answer and then nothing.

    One process a transport, for the stories that it survives: it asks at a socket that stays, whoever serves there.
    """
    with ExitStack() as stack:
        asked = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        environment = {"DASHSCOPE_BASE_URL": f"http://127.0.0.1:{asked.getsockname()[1]}", "DASHSCOPE_API_KEY": KEY}
        url = cache(lambda transport: stack.enter_context(serving(transport, **environment))[0])

        @asynccontextmanager
        async def begin(transport: str) -> AsyncIterator[Any]:
            async with upstream(HALF_AN_ANSWER, asked) as dashscope:
                yield url(transport), dashscope

        yield begin


@pytest.mark.parametrize(("transport", "era"), WAYS)
async def test_a_cancelled_call_closes_the_upstream_and_the_server_lives_on(
    waiting: Any, transport: str, era: str
) -> None:
    with anyio.fail_after(60):
        async with waiting(transport) as (url, dashscope), connected(url, era) as host:
            await cancel_under_way(host, dashscope)
            assert (await host.list_tools()).tools


CALLING = """
import anyio, sys
from mcp import Client
from mcp.client.sse import sse_client

async def main(url, era):
    async with Client(sse_client(url) if url.endswith("/sse") else url, mode=era) as host:
        await host.call_tool("chat", {"prompt": "x"})

anyio.run(main, *sys.argv[1:])
"""


@pytest.mark.parametrize(("transport", "era"), [way for way in WAYS if way != ("streamable-http", "legacy")])
async def test_a_vanished_client_closes_the_upstream(waiting: Any, transport: str, era: str) -> None:
    with anyio.fail_after(60):
        async with waiting(transport) as (url, dashscope):
            client = subprocess.Popen([sys.executable, "-c", CALLING, url, era])
            try:
                await dashscope.asked.wait()
            finally:
                client.kill()
                client.wait()
            with anyio.fail_after(5):
                await dashscope.closed.wait()


@pytest.mark.parametrize("transport", ["sse", "streamable-http"])
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
async def test_the_process_ends_cleanly_in_the_middle_of_a_call(transport: str, end: signal.Signals) -> None:
    async def call(url: str) -> None:
        with suppress(Exception):  # the server goes away
            async with connected(url, "legacy") as host:
                await host.call_tool("chat", {"prompt": "x"})

    with anyio.fail_after(60):
        async with upstream(HALF_AN_ANSWER) as dashscope, anyio.create_task_group() as tasks:
            with serving(transport, DASHSCOPE_BASE_URL=dashscope.url, DASHSCOPE_API_KEY=KEY) as (url, process):
                tasks.start_soon(call, url)
                await dashscope.asked.wait()
                process.send_signal(end)
                with anyio.fail_after(2):
                    await dashscope.closed.wait()
                with anyio.fail_after(10):
                    await anyio.to_thread.run_sync(process.wait)
            tasks.cancel_scope.cancel()

    assert process.returncode == 0


# --- who may come in ---


async def ask(
    app: ASGIApp | str, method: str = "POST", content: bytes = b"", path: str = "/mcp", **headers: str
) -> Any:
    """The reply to one request; of an application, or of a server at an address."""
    given = {"content-type": "application/json", "accept": "application/json, text/event-stream", **headers}
    body = content or json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
    transport = None if isinstance(app, str) else httpx2.ASGITransport(app, raise_app_exceptions=False)
    root = app if isinstance(app, str) else "http://127.0.0.1:8000"
    async with httpx2.AsyncClient(transport=transport, base_url=root, trust_env=False) as http:
        return await http.request(method, path, content=body, headers=given)


@asynccontextmanager
async def listening(
    transport: Transport,
    token: str = "",
    names: tuple[str, ...] = (),
    wire: FakeDashScope | None = None,
    **limits: Any,
) -> AsyncIterator[ASGIApp]:
    """The application as it is served, without a socket between."""
    async with dashscope(wire or FakeDashScope([])) as client, AsyncExitStack() as stack:
        server = build(AppContext(client, HOST))
        unused = stack.enter_context(socket.socket())
        app = application(server, transport, Listener(unused, {token: ""} if token else {}, names, **limits))
        if transport == "streamable-http":
            await stack.enter_async_context(server.session_manager.run())
        yield app


@pytest.fixture
async def guarded() -> AsyncIterator[ASGIApp]:
    """A server for teams, as a client on another machine sees it."""
    async with listening("streamable-http", TOKEN, ("mcp.example.com", "2001:db8::7")) as app:
        yield app


GOOD = {"authorization": f"Bearer {TOKEN}"}
INITIALIZE = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
    }
).encode()


async def new_session(app: ASGIApp) -> dict[str, str]:
    """The header of a session of 2025 that has just been opened."""
    reply = await ask(app, content=INITIALIZE)
    assert reply.status_code == 200, reply.text
    return {"mcp-session-id": reply.headers["mcp-session-id"]}


@asynccontextmanager
async def held(app: ASGIApp, method: str, content: bytes = b"", **headers: str) -> AsyncIterator[int]:
    """The status of a request whose answer has begun; its client goes away at the end of the block."""
    given = {"host": "127.0.0.1", "content-type": "application/json", "accept": "application/json, text/event-stream"}
    pairs = [(name.encode(), value.encode()) for name, value in {**given, **headers}.items()]
    scope = {"type": "http", "method": method, "path": "/mcp", "query_string": b"", "headers": pairs, "root_path": ""}
    coming = [{"type": "http.request", "body": content, "more_body": False}]
    begun, gone, statuses = anyio.Event(), anyio.Event(), list[int]()

    async def receive() -> Any:
        if not coming:
            await gone.wait()
        return coming.pop() if coming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
            begun.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(app, scope, receive, send)
        await begun.wait()
        yield statuses[0]
        gone.set()


@pytest.mark.parametrize("authorization", [None, "", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN])
async def test_a_stranger_is_refused(guarded: ASGIApp, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    reply = await ask(guarded, **headers)

    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
    assert TOKEN not in reply.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "localhost:80@evil.example"}, 421),
        ({"host": "mcp.example.com.evil.example"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://mcp.example.com.evil.example"}, 403),
    ],
)
async def test_an_evil_host_or_origin_is_refused_even_with_the_token(
    guarded: ASGIApp, headers: dict[str, str], status: int
) -> None:
    assert (await ask(guarded, **GOOD, **headers)).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "mcp.example.com"},
        {"host": "mcp.example.com:8443"},
        {"host": "[2001:db8::7]:8000"},
        {"origin": "https://mcp.example.com"},
        {},
    ],
)
async def test_whom_the_settings_allow_comes_in(guarded: ASGIApp, headers: dict[str, str]) -> None:
    assert (await ask(guarded, **GOOD, **headers)).status_code not in (401, 403, 421)


async def test_the_scheme_of_the_token_may_be_written_in_any_case(guarded: ASGIApp) -> None:
    assert (await ask(guarded, authorization=f"bearer {TOKEN}")).status_code not in (401, 403, 421)


async def test_a_refused_host_name_is_told_which_setting_allows_it(guarded: ASGIApp) -> None:
    assert "BAILIAN_ALLOWED_HOSTS" in (await ask(guarded, **GOOD, host="evil.example")).text


async def test_the_health_check_is_open_and_says_nothing(guarded: ASGIApp) -> None:
    reply = await ask(guarded, "GET", path="/healthz")

    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


async def test_a_body_beyond_sixteen_mebibytes_is_refused(guarded: ASGIApp) -> None:
    assert (await ask(guarded, content=b" " * (16 * 1024 * 1024 + 1), **GOOD)).status_code == 413


async def test_half_a_surrogate_pair_is_a_bad_request_and_the_server_lives_on(guarded: ASGIApp) -> None:
    broken = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"chat","arguments":{"prompt":"\\ud83d"}}}'

    assert (await ask(guarded, content=broken, **GOOD)).status_code == 400
    assert (await ask(guarded, "GET", path="/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("transport", "request_line"), [("sse", ("GET", "/sse")), ("streamable-http", ("POST", "/mcp"))]
)
async def test_without_a_token_loopback_is_open_to_loopback_names_only(
    transport: Transport, request_line: tuple[str, str]
) -> None:
    method, path = request_line
    async with listening(transport) as app:
        assert (await ask(app, method, path=path, host="evil.example")).status_code == 421
        assert (await ask(app, method, path=path, origin="https://evil.example")).status_code == 403


SPELLINGS = [("sse", "GET", "/sse"), ("sse", "GET", "/sse/"), ("streamable-http", "POST", "/mcp/")]


@pytest.mark.parametrize(("transport", "method", "path"), SPELLINGS)
async def test_a_slash_at_the_end_opens_no_other_door(transport: Transport, method: str, path: str) -> None:
    async with listening(transport, TOKEN, ("mcp.example.com",)) as app:
        assert (await ask(app, method, path=path)).status_code == 401
        assert (await ask(app, method, path=path, **GOOD, host="evil.example")).status_code == 421
        assert (await ask(app, method, path=path, **GOOD, origin="https://evil.example")).status_code == 403


@pytest.mark.parametrize("transport", ["sse", "streamable-http"])
async def test_an_address_with_a_slash_at_its_end_serves_without_a_redirect(
    sandboxed: Callable[[str], str], transport: str
) -> None:
    visited: list[int] = []

    async def note(reply: httpx2.Response) -> None:
        visited.append(reply.status_code)

    url = sandboxed(transport) + "/"
    http = httpx2.AsyncClient(trust_env=False, event_hooks={"response": [note]})
    async with AsyncExitStack() as stack:
        way = sse_client(url, httpx_client_factory=lambda **_: http)  # which opens and closes it
        if transport == "streamable-http":
            way = streamable_http_client(url, http_client=await stack.enter_async_context(http))
        async with Client(way, mode="legacy") as host:
            assert (await host.list_tools()).tools
    assert {status // 100 for status in visited} == {2}


@pytest.mark.parametrize("path", ["/messages", "/healthz/", "/mcp//"])
async def test_nothing_is_redirected(guarded: ASGIApp, path: str) -> None:
    async with listening("sse") as sse_app:
        assert (await ask(sse_app, path=path)).status_code in (404, 405)
    assert (await ask(guarded, path=path, **GOOD)).status_code == 404


async def test_a_stream_that_cannot_be_resumed_begins_anew() -> None:
    async with listening("streamable-http") as app:
        session = await new_session(app)
        async with held(app, "GET", **session, **{"last-event-id": "7"}) as status:
            assert status == 200


# --- how many may be in ---


CALL = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"chat","arguments":{"prompt":"x"}}}'


async def is_open(app: ASGIApp, session: dict[str, str]) -> bool:
    status = (await ask(app, **session)).status_code
    assert status in (200, 404)
    return status == 200


async def test_with_too_many_sessions_the_one_idle_longest_goes() -> None:
    async with listening("streamable-http", max_sessions=3) as app:
        first, second, third = [await new_session(app) for _ in range(3)]
        assert await is_open(app, first)
        fourth = await new_session(app)

        assert [await is_open(app, session) for session in (first, second, third, fourth)] == [True, False, True, True]


async def test_beyond_the_most_sessions_nobody_is_ever_refused() -> None:
    async with listening("streamable-http", max_sessions=2) as app:
        sessions = [await new_session(app) for _ in range(MAX_OPENING + 10)]

        assert [await is_open(app, session) for session in sessions[-3:]] == [False, True, True]


async def test_a_session_that_its_client_ended_makes_room() -> None:
    async with listening("streamable-http", max_sessions=2) as app:
        first, second = [await new_session(app) for _ in range(2)]
        assert (await ask(app, "DELETE", **second)).status_code == 200
        third = await new_session(app)

        assert [await is_open(app, session) for session in (first, second, third)] == [True, False, True]


@pytest.mark.parametrize("content", [b"{", b""])
async def test_a_request_that_opens_no_session_ends_none(content: bytes) -> None:
    async with listening("streamable-http", max_sessions=1) as app:
        session = await new_session(app)
        assert (await ask(app, content=content)).status_code == 400

        assert await is_open(app, session)


async def test_a_session_with_an_open_stream_goes_last() -> None:
    async with listening("streamable-http", max_sessions=2) as app:
        listened_to, idle = [await new_session(app) for _ in range(2)]
        async with held(app, "GET", **listened_to):
            third = await new_session(app)
            assert [await is_open(app, session) for session in (listened_to, idle, third)] == [True, False, True]
            async with held(app, "GET", **third):
                fourth = await new_session(app)
                assert [await is_open(app, s) for s in (listened_to, third, fourth)] == [False, True, True]


@pytest.mark.parametrize("heard", [True, False])
async def test_a_session_does_not_go_before_its_call_has_ended(heard: bool) -> None:
    asked, goes_on = anyio.Event(), anyio.Event()

    async def half_an_answer() -> AsyncIterator[bytes]:
        asked.set()
        yield HALF_AN_ANSWER
        await goes_on.wait()

    wire = FakeDashScope([stream(half_an_answer())])
    async with listening("streamable-http", wire=wire, max_sessions=1) as app:
        calling = await new_session(app)
        async with AsyncExitStack() as client:
            await client.enter_async_context(held(app, "POST", CALL, **calling))
            await asked.wait()
            if not heard:
                await client.aclose()  # the call runs on
            other = await new_session(app)
            another = await new_session(app)

            assert [await is_open(app, s) for s in (calling, other, another)] == [True, False, True]
            goes_on.set()
            with anyio.fail_after(10):
                while await is_open(app, calling):
                    await new_session(app)


# --- how long a header may take ---


HEADER = b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
HEADER += b"accept: application/json, text/event-stream\r\ncontent-length: %d\r\n" % len(INITIALIZE)


@asynccontextmanager
async def impatient(transport: Transport) -> AsyncIterator[Callable[[], Any]]:
    """New connections to a server in this process that gives a header a fifth of a second."""
    given = socket.create_server(("127.0.0.1", 0))
    async with dashscope(FakeDashScope([])) as client:
        server = build(AppContext(client, HOST))
        web = uvicorn.Server(web_config(server, transport, Listener(given, header_s=0.2)))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(web.serve, [given])
            yield lambda: anyio.connect_tcp(*given.getsockname())
            web.should_exit = True


async def cut_off(connection: Any) -> None:
    with anyio.fail_after(5), pytest.raises(anyio.EndOfStream):
        await connection.receive()


async def told_by(connection: Any, words: bytes) -> bytes:
    got = b""
    with anyio.fail_after(5):
        while words not in got:
            got += await connection.receive()
    return got


@pytest.mark.parametrize("first", [b"", b"P", HEADER])
async def test_a_header_that_never_ends_is_cut_off(first: bytes) -> None:
    async with impatient("streamable-http") as connect, await connect() as connection:
        await connection.send(first)
        await cut_off(connection)


async def test_the_second_header_of_a_connection_is_cut_off_too() -> None:
    async with impatient("streamable-http") as connect, await connect() as connection:
        await connection.send(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        await told_by(connection, b'"ok"}')
        await connection.send(HEADER)
        await cut_off(connection)


@pytest.mark.parametrize(
    "header",
    [HEADER + b"x: " + b"a" * 100_000, HEADER + b"x: a\r\n" * 20_000, HEADER + b"Host: evil.example\r\n\r\n"],
    ids=["one long", "many", "two hosts"],
)
async def test_a_header_that_is_none_of_a_host_is_refused(header: bytes) -> None:
    async with impatient("streamable-http") as connect, await connect() as connection:
        with suppress(anyio.BrokenResourceError):  # it may be refused before it was all sent
            await connection.send(header)
        assert (await told_by(connection, b"\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        await cut_off(connection)


async def test_a_client_that_would_speak_http_2_is_answered_in_http_1() -> None:
    """As Java's client asks on plain HTTP, with a body behind it."""
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n\r\n"
    async with impatient("streamable-http") as connect, await connect() as connection:
        await connection.send(HEADER + upgrade + INITIALIZE)
        assert b"HTTP/1.1 200 " in await told_by(connection, b"serverInfo")


async def test_a_slow_body_outlives_the_time_for_a_header() -> None:
    async with impatient("streamable-http") as connect, await connect() as slow, await connect() as later:
        await slow.send(HEADER + b"\r\n" + INITIALIZE[:10])
        await later.send(HEADER)
        await cut_off(later)
        await slow.send(INITIALIZE[10:])
        await told_by(slow, b"serverInfo")


async def test_an_open_stream_outlives_the_time_for_a_header() -> None:
    async with impatient("sse") as connect, await connect() as session, await connect() as later:
        await session.send(b"GET /sse HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        place = (await told_by(session, b"session_id=")).partition(b"data: ")[2].split()[0]
        await later.send(HEADER)
        await cut_off(later)
        async with await connect() as message:
            await message.send(HEADER.replace(b"/mcp", place) + b"\r\n" + INITIALIZE)
            await told_by(session, b"serverInfo")


async def test_a_server_for_teams_takes_its_token_and_names_from_the_settings() -> None:
    environment = {"BAILIAN_HTTP_TOKEN": TOKEN, "BAILIAN_ALLOWED_HOSTS": "mcp.example.com,2001:db8::7"}
    with serving("streamable-http", "--sandbox", "--host", "0.0.0.0", **environment) as (url, _):
        root = url.replace("0.0.0.0", "127.0.0.1").removesuffix("/mcp")
        assert (await ask(root)).status_code == 401
        assert (await ask(root, **GOOD, host="evil.example")).status_code == 421
        assert (await ask(root, content=b" " * (16 * 1024 * 1024 + 1), **GOOD)).status_code == 413
        for name in ("127.0.0.1", "mcp.example.com", "[2001:db8::7]:8000"):
            assert (await ask(root, **GOOD, host=name)).status_code not in (401, 403, 421)
        assert (await ask(root, "GET", path="/healthz")).json() == {"status": "ok"}


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1"])
def test_off_loopback_without_token_and_names_the_start_is_refused(
    capsys: pytest.CaptureFixture[str], address: str
) -> None:
    assert main(["--transport", "sse", "--host", address]) == 2
    assert "set BAILIAN_HTTP_TOKEN (a secret" in capsys.readouterr().err


async def test_a_port_in_use_is_told_without_a_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stopped = await anyio.run_process([*SERVER, "--transport", "sse", "--port", f"{port}"], check=False)

    assert stopped.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use." in stopped.stderr.decode()
    assert "Traceback" not in stopped.stderr.decode()


async def test_files_on_the_servers_disk_are_closed_to_remote_callers(sandboxed: Callable[[str], str]) -> None:
    async with connected(sandboxed("streamable-http"), "legacy") as host:
        result = await host.call_tool("chat", {"prompt": "x", "files": ["README.md"]})

    assert "for callers over HTTP. Give an https URL or a data URI. Whoever runs the server" in str(result.content)


async def test_the_example_of_the_page_runs_against_the_sandbox(sandboxed: Callable[[str], str]) -> None:
    page = (Path(__file__).parent.parent / "docs" / "http.md").read_text("utf-8")
    example = page.partition("```python\n")[2].partition("```")[0]
    assert "http://127.0.0.1:8000/mcp" in example

    code = example.replace("http://127.0.0.1:8000/mcp", sandboxed("streamable-http"))
    ran = await anyio.run_process([sys.executable, "-c", code])

    assert ran.stdout.decode().startswith("[SANDBOX | ")


async def test_nothing_of_a_request_reaches_the_log(tmp_path: Path) -> None:
    async def call(url: str) -> None:
        async with connected(url, "legacy") as host:
            await host.call_tool("chat", {"prompt": "geheim"})

    for transport in ("sse", "streamable-http"):
        with serving(transport, "--sandbox", BAILIAN_LOG_LEVEL="DEBUG") as (url, process):
            await call(url)
            if transport == "sse":
                await broken_message(url)
            process.terminate()
            log = await anyio.to_thread.run_sync(process.communicate)
        assert "geheim" not in log[1]
        assert "cancel" not in log[1].lower()


async def broken_message(url: str) -> None:
    """A message whose text is half a surrogate pair, on an SSE session of its own."""
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as http, http.stream("GET", url) as session:
        async for event in httpx2.EventSource(session):
            place = str(httpx2.URL(url).join(event.data))
            message = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"geheim \\ud83d"}}'
            await http.post(place, content=message, headers={"content-type": "application/json"})
            return


@pytest.mark.parametrize("argument", [["--host", "0.0.0.0"], ["serve", "--port", "9001"]])
async def test_an_address_without_an_http_transport_is_refused(argument: list[str]) -> None:
    stopped = await anyio.run_process([*SERVER, *argument], check=False)

    assert stopped.returncode == 2
    assert b"--host and --port are for HTTP" in stopped.stderr
