"""Our transport beside httpx2's own, over real sockets on loopback: whatever a server does, both say the same of it."""

import asyncio
import gzip
import select
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import anyio
import httpx2
import pytest
import trustme
from anyio.streams.tls import TLSListener
from bailian_mcp.server.dashscope import ChatCompletions, DashScope
from bailian_mcp.server.dashscope.http1 import Http1, Origin, readable
from bailian_mcp.server.dashscope.transport import QuickTransport, quick_transport
from bailian_mcp.server.endpoints import host
from conftest import ANSWER

pytestmark = pytest.mark.anyio
Serve = Callable[["Wire"], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"
TEXT = b"content-type: text/event-stream\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
WHOLE = OK + b"content-length: 2\r\n\r\nhi"


@dataclass
class Wire:
    """One connection, as the server sees it."""

    stream: Any
    heard: bytes = b""

    async def asked(self) -> bytes:
        """The head of the next request; its body is read, too."""
        while b"\r\n\r\n" not in self.heard:
            self.heard += await self.stream.receive()
        head, _, self.heard = self.heard.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        body = bytearray(self.heard)
        while len(body) < length:
            body += await self.stream.receive()
        self.heard = bytes(body[length:])
        return head

    async def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            await self.stream.send(piece)

    def reset(self) -> None:
        """The connection breaks as when a process dies."""
        raw = self.stream.extra(anyio.abc.SocketAttribute.raw_socket)
        raw.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))


@dataclass
class Server:
    url: str = ""
    connections: int = 0
    closed: anyio.Event = field(default_factory=anyio.Event)


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()

    async def connected(stream: Any) -> None:
        server.connections += 1
        async with stream:
            try:
                await serve(Wire(stream))
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                server.closed.set()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as plain, anyio.create_task_group() as tasks:
        listener: Any = TLSListener(plain, tls, standard_compatible=False) if tls else plain
        tasks.start_soon(listener.serve, connected)
        port = plain.extra(anyio.abc.SocketAttribute.local_port)
        server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
        yield server
        tasks.cancel_scope.cancel()


def client(transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=transport, timeout=httpx2.Timeout(None, connect=5), trust_env=False)


def plain() -> httpx2.AsyncBaseTransport:
    return httpx2.AsyncHTTPTransport(trust_env=False)


def quick() -> QuickTransport:
    return QuickTransport(64, trust_env=False)


async def outcome(http: httpx2.AsyncClient, url: str, body: bytes = b"{}") -> tuple[Any, ...]:
    """What came of a request: the answer, or what was raised and how much had come by then."""
    status, came = 0, b""
    try:
        async with http.stream("POST", url, content=body) as response:
            status = response.status_code
            async for piece in response.aiter_bytes():
                came += piece
    except httpx2.RequestError as error:
        return status, came, type(error).__name__
    return status, came, dict(response.headers)


async def both(serve: Serve, times: int = 1, body: bytes = b"{}") -> list[tuple[Any, ...]]:
    """What came of so many requests in a row, which is the same over both."""
    told = []
    for transport in (plain(), quick()):
        with anyio.fail_after(20):
            async with serving(serve) as server, client(transport) as http:
                told.append([await outcome(http, server.url, body) for _ in range(times)])
    assert told[0] == told[1]
    return told[1]


def saying(*pieces: bytes, breaks: bool = False) -> Serve:
    """Says these to each request, and closes."""

    async def serve(wire: Wire) -> None:
        await wire.asked()
        await wire.say(*pieces)
        if breaks:
            wire.reset()

    return serve


def in_bytes(whole: bytes) -> list[bytes]:
    return [whole[at : at + 1] for at in range(len(whole))]


ODD_BUT_WHOLE = {
    "a byte at a time": in_bytes(CHUNKED + b"1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"),
    "chunks of odd sizes, an extension, trailers": [CHUNKED + b"001;x=y\r\nh\r\n1 \r\ni\r\n0\r\nx-later: 1\r\n\r\n"],
    "hints before": [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", WHOLE],
    "until the connection ends": [OK + TEXT + b"\r\nh", b"i"],
    "of HTTP/1.0": [b"HTTP/1.0 200 OK\r\n\r\nhi"],
    "closed by request": [OK + b"connection: close\r\ncontent-length: 2\r\n\r\nhi"],
    "lines without a return": [b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi"],
    "both lengths": [OK + b"content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"],
    "headers twice, and not in ASCII": [OK + b"x-a: 1\r\nx-a: 2\r\nx-b: \xe9\r\ncontent-length: 2\r\n\r\nhi"],
    "no reason": [b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nhi"],
    "more than was said": [WHOLE + b"HTTP/1.1 500 No\r\n\r\n"],
}


@pytest.mark.parametrize("what", ODD_BUT_WHOLE)
async def test_an_answer_is_read_however_it_is_written(what: str) -> None:
    assert (await both(saying(*ODD_BUT_WHOLE[what])))[0][:2] == (200, b"hi")


async def test_a_compressed_answer_is_read() -> None:
    body = gzip.compress(b"hi" * 10_000)
    head = OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)

    assert (await both(saying(head, body[:9], body[9:])))[0][1] == b"hi" * 10_000


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_an_answer_without_a_body_ends_with_its_head(status: bytes) -> None:
    async def serve(wire: Wire) -> None:
        while True:
            await wire.asked()
            await wire.say(b"HTTP/1.1 " + status + b"\r\n\r\n")

    assert [answer[1] for answer in await both(serve, times=2)] == [b"", b""]


LONG = b"a" * 70_000
BROKEN = {
    "nothing": [], "half a head": [OK], "no HTTP": [b"SSH-2.0-OpenSSH_9.6\r\n"], "no number": [b"HTTP/1.1 abc\r\n\r\n"],
    "hints alone": [b"HTTP/1.1 100 Continue\r\n\r\n"],
    "too little": [OK + b"content-length: 9\r\n\r\nhi"], "no last chunk": [CHUNKED, b"2\r\nhi\r\n"],
    "no such chunk": [CHUNKED, b"2\r\nhi\r\nx\r\n"], "no end of a chunk": [CHUNKED, b"2\r\nhi\r\n1\r\nabc\r\n"],
    "a header that does not end": [OK + b"x: " + LONG, LONG], "a head that does not end": [OK + b"x: y\r\n" * 20_000],
    "a line that does not end": [b"HTTP/1.1 200 " + LONG, LONG],
    "two lengths": [OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nhi"],
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
async def test_what_breaks_off_or_is_no_http_is_told_as_a_broken_connection(what: str) -> None:
    *_, failure = (await both(saying(*BROKEN[what])))[0]

    assert failure == "RemoteProtocolError"


@pytest.mark.parametrize("pieces", [(), (OK,), (CHUNKED, b"2\r\nhi\r\n"), (OK + b"\r\n",)], ids=len)
async def test_a_connection_that_dies_is_told_as_one(pieces: tuple[bytes, ...]) -> None:
    assert (await both(saying(*pieces, breaks=True)))[0][2] == "ReadError"


async def test_hints_without_an_end_are_no_answer() -> None:
    """httpx2's own would read them for ever."""
    hint = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    with anyio.fail_after(20):
        async with serving(saying(*[hint * 100] * 1_000)) as server, client(quick()) as http:
            assert (await outcome(http, server.url))[2] == "RemoteProtocolError"


async def test_trailers_without_an_end_break_the_connection() -> None:
    pieces = [CHUNKED + b"2\r\nhi\r\n0\r\n", *[b"x: " + b"a" * 5_000 + b"\r\n"] * 50]

    assert (await both(saying(*pieces)))[0][:3] == (200, b"hi", "RemoteProtocolError")


async def test_an_upgrade_nobody_asked_for_is_no_answer() -> None:
    pieces = [b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", b"hi"]
    async with serving(saying(*pieces)) as server, client(quick()) as http:
        assert (await outcome(http, server.url))[2] == "RemoteProtocolError"


# --- connections that are kept ---


async def test_a_connection_serves_many_requests_one_after_the_other() -> None:
    async def serve(wire: Wire) -> None:
        while True:
            await wire.asked()
            await wire.say(WHOLE)

    async with serving(serve) as server, client(quick()) as http:
        for _ in range(5):
            assert (await outcome(http, server.url))[1] == b"hi"
        assert server.connections == 1


@pytest.mark.parametrize("breaks", [False, True])
async def test_a_server_that_promises_to_keep_a_connection_and_closes_it_loses_no_request(breaks: bool) -> None:
    taken: list[anyio.Event] = []
    left: list[anyio.Event] = []

    async def serve(wire: Wire) -> None:
        await wire.asked()
        await wire.say(WHOLE)
        await taken[-1].wait()
        if breaks:
            wire.reset()
        await wire.stream.aclose()
        left[-1].set()

    async with serving(serve) as server, client(quick()) as http:
        for _ in range(20):
            taken.append(anyio.Event())
            left.append(anyio.Event())
            assert (await outcome(http, server.url))[1] == b"hi"
            taken[-1].set()
            await left[-1].wait()
        assert server.connections == 20


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"\0"])
async def test_what_comes_between_two_requests_answers_none(more: bytes) -> None:
    taken = anyio.Event()

    async def serve(wire: Wire) -> None:
        await wire.asked()
        await wire.say(WHOLE)
        await taken.wait()
        await wire.say(more)
        await wire.stream.receive()

    async with serving(serve) as server, client(quick()) as http:
        assert (await outcome(http, server.url))[1] == b"hi"
        taken.set()
        await server.closed.wait()
        assert (await outcome(http, server.url))[1] == b"hi"
        assert server.connections == 2


async def test_an_answer_that_is_left_in_the_middle_closes_its_connection() -> None:
    async def serve(wire: Wire) -> None:
        await wire.asked()
        await wire.say(CHUNKED, b"2\r\nhi\r\n")
        await wire.stream.receive()

    with anyio.fail_after(10):
        async with serving(serve) as server, client(quick()) as http:
            async with http.stream("GET", server.url) as response:
                assert [await anext(response.aiter_bytes())] == [b"hi"]
            await server.closed.wait()


async def test_a_request_that_is_cancelled_closes_its_connection() -> None:
    asked = anyio.Event()

    async def serve(wire: Wire) -> None:
        await wire.asked()
        asked.set()
        await wire.stream.receive()

    with anyio.fail_after(10):
        async with serving(serve) as server, client(quick()) as http, anyio.create_task_group() as tasks:
            tasks.start_soon(http.get, server.url)
            await asked.wait()
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await server.closed.wait()


async def test_no_more_are_kept_than_may_be_and_none_for_long() -> None:
    async def serve(wire: Wire) -> None:
        while True:
            await wire.asked()
            await wire.say(WHOLE)

    none_for_long = QuickTransport(64, idle_s=-1)
    async with serving(serve) as one, serving(serve) as other, client(QuickTransport(1)) as http:
        for server, connections in ((one, 1), (one, 1), (other, 1), (other, 1), (one, 2)):
            assert (await outcome(http, server.url))[1] == b"hi"
            assert server.connections == connections
        async with client(none_for_long) as forgetful:
            for connections in (3, 4):
                assert (await outcome(forgetful, one.url))[1] == b"hi"
                assert one.connections == connections


async def test_a_server_of_ones_own_that_closes_a_kept_connection_is_asked_once_more() -> None:
    asked = 0

    async def serve(wire: Wire) -> None:
        nonlocal asked
        await wire.asked()
        asked += 1
        await wire.say(OK + TEXT + b"content-length: %d\r\n\r\n" % len(ANSWER), ANSWER)
        await wire.asked()

    async with serving(serve) as server, DashScope(host(f"{server.url}v1"), None, redact=str) as dashscope:
        for connections in (1, 2):
            async with dashscope.stream(ChatCompletions(), {"model": "any", "messages": []}) as reply:
                assert [event async for event in reply.events]
            assert (asked, server.connections) == (connections, connections)


# --- what is sent ---


async def test_a_refusal_that_comes_before_all_is_sent_is_heard() -> None:
    async def serve(wire: Wire) -> None:
        await wire.stream.receive()
        await wire.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await anyio.sleep_forever()

    async with serving(serve) as server, client(quick()) as http:
        with anyio.fail_after(10):
            assert (await outcome(http, server.url, b"x" * 30_000_000))[:2] == (413, b"no")
            assert (await outcome(http, server.url, b"x" * 30_000_000))[:2] == (413, b"no")
        assert server.connections == 2


async def test_a_server_that_goes_away_while_it_is_sent_to_is_told_as_a_broken_connection() -> None:
    async def many() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_000_000

    async def serve(wire: Wire) -> None:
        await wire.stream.receive()
        wire.reset()

    with anyio.fail_after(10):
        async with serving(serve) as server, client(quick()) as http:
            with pytest.raises(httpx2.NetworkError):
                await http.post(server.url, content=many(), headers={"content-length": "1000000000"})


async def test_a_body_in_pieces_goes_no_faster_than_it_is_taken_and_arrives_whole() -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(400):
            sent += 1
            yield b"x" * 100_000

    async def serve(wire: Wire) -> None:
        first = await wire.stream.receive()
        await anyio.wait_all_tasks_blocked()
        assert sent < 400
        wire.heard = first
        await wire.asked()
        await wire.say(WHOLE)

    with anyio.fail_after(20):
        async with serving(serve) as server, client(quick()) as http:
            response = await http.post(server.url, content=pieces(), headers={"content-length": "40000000"})
    assert response.text == "hi"
    assert sent == 400


async def test_an_answer_comes_no_faster_than_it_is_taken_and_whole() -> None:
    said = 0

    async def serve(wire: Wire) -> None:
        nonlocal said
        await wire.asked()
        await wire.say(OK + b"content-length: 40000000\r\n\r\n")
        for _ in range(400):
            await wire.say(b"x" * 100_000)
            said += 1

    with anyio.fail_after(20):
        async with serving(serve) as server, client(quick()) as http, http.stream("GET", server.url) as response:
            await anyio.wait_all_tasks_blocked()
            assert said < 400
            assert sum([len(piece) async for piece in response.aiter_raw()]) == 40_000_000


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\0b"])
async def test_no_header_begins_another(value: str) -> None:
    async with client(quick()) as http:
        with pytest.raises(httpx2.LocalProtocolError):
            await http.get("http://127.0.0.1:9/", headers={"x-any": value})


# --- where it leads ---


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", f"http://{'a' * 70}.example/"])
async def test_where_nobody_listens_no_connection_is_made(url: str) -> None:
    async with client(quick()) as http:
        with pytest.raises(httpx2.ConnectError):
            await http.get(url)


async def test_a_server_that_never_shakes_hands_is_not_waited_for() -> None:
    async def serve(wire: Wire) -> None:
        await anyio.sleep_forever()

    async with serving(serve) as server, client(quick()) as http:
        with pytest.raises(httpx2.ConnectTimeout):
            await http.get(server.url.replace("http:", "https:"), timeout=httpx2.Timeout(None, connect=0.1))


async def test_over_tls_a_connection_is_kept_and_broken_off_alike(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    async def serve(wire: Wire) -> None:
        while b"/cut" not in await wire.asked():
            await wire.say(WHOLE)
        await wire.say(CHUNKED, b"2\r\nhi\r\n")

    async with serving(serve, context) as server:
        async with client(QuickTransport(64, trust_env=False)) as distrustful:
            with pytest.raises(httpx2.ConnectError, match="certificate"):
                await distrustful.get(server.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        async with client(QuickTransport(64)) as http:
            for _ in range(3):
                assert (await outcome(http, server.url))[1] == b"hi"
            assert (await outcome(http, f"{server.url}cut"))[1:] == (b"hi", "RemoteProtocolError")
            assert (await outcome(http, server.url))[1] == b"hi"
    assert server.connections == 2


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_where_a_proxy_is_set_httpx2_speaks_to_it(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert quick_transport(64, trust_env=True)

    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert quick_transport(64, trust_env=True) is None
    assert quick_transport(64, trust_env=False)


async def test_a_connection_that_is_given_up_is_shut_before_anything_else_is_done() -> None:
    """Whoever was cancelled has much to do, and asyncio closes a connection in its next turn."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        origin = Origin("http", "127.0.0.1", listening.getsockname()[1])
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Http1(origin), origin.host, origin.port)
        other, _ = listening.accept()
        with other:
            other.settimeout(5)
            connection.abort()
            assert other.recv(1) == b""  # no turn of the loop between
        await anyio.lowlevel.checkpoint()
        connection.abort()  # once more is no matter


async def test_what_is_given_up_is_sent_no_further_to_a_server_that_says_nothing_more() -> None:
    """It has closed its half and reads no more: what lies in our buffer would go out all the same, and be billed."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with client(QuickTransport(1)) as http:
            with anyio.move_on_after(0.5):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(outcome, http, url, b"x" * 20_000_000)
                    other, _ = await anyio.to_thread.run_sync(listening.accept)
                    other.shutdown(socket.SHUT_WR)
                    await anyio.sleep_forever()
            with other:
                other.settimeout(5)
                came = await anyio.to_thread.run_sync(_all_that_came, other)
    assert 0 < came < 20_000_000


def _all_that_came(connection: socket.socket) -> int:
    came = 0
    try:
        while piece := connection.recv(1 << 20):
            came += len(piece)
    except OSError:
        pass
    return came


def test_without_poll_a_connection_is_looked_at_as_windows_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "poll", raising=False)
    one, other = socket.socketpair()
    with one, other:
        may_read = readable(one)
        assert not may_read()
        other.send(b"x")
        assert may_read()
