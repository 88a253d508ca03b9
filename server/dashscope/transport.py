"""The way to the network under the HTTP client: connections that are kept and used again.

httpx2's own transport costs several times as much of a call (`make bench`) and is taken where a proxy is set. How many
requests there are at once is bounded by who asks, not here.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from typing import Any, Self
from urllib.request import getproxies

import anyio
import anyio.lowlevel
import httpx2

from .http1 import Answer, Http1, Origin

IDLE_S = 5.0  # unused; as long as httpx2 keeps them
PORTS = {"http": 80, "https": 443}
NEXT_ADDRESS_S = 0.25  # https://datatracker.ietf.org/doc/html/rfc8305#section-5


def quick_transport(max_kept: int, *, trust_env: bool) -> "QuickTransport | None":
    """None where the environment names a proxy: httpx2's own knows how to speak to one."""
    proxied = trust_env and {"http", "https", "all"} & set(getproxies())
    return None if proxied else QuickTransport(max_kept, trust_env=trust_env)


class QuickTransport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 over connections of our own. Of the request's timeouts only that to connect is watched."""

    def __init__(self, max_kept: int, *, trust_env: bool = True, idle_s: float = IDLE_S) -> None:
        self._max_kept = max_kept
        self._idle_s = idle_s
        self._trust_env = trust_env
        self._tls: ssl.SSLContext | None = None
        self._kept: deque[Http1] = deque()  # the one that waits longest first

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        head = _head(request)
        origin = Origin(request.url.scheme, request.url.raw_host.decode("ascii"), request.url.port)
        connection = self._free(origin) or await self._opened(origin, request.extensions)
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        try:
            answer = await connection.ask(head, request.stream)
        except BaseException:
            connection.abort()
            raise
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(self, connection, answer))

    async def aclose(self) -> None:
        for connection in self._kept:
            connection.abort()
        self._kept.clear()
        await anyio.lowlevel.cancel_shielded_checkpoint()  # asyncio closes them a turn later

    def keep(self, connection: Http1) -> None:
        connection.idle_since = anyio.current_time()
        self._kept.append(connection)
        if len(self._kept) > self._max_kept:
            self._kept.popleft().abort()

    def _free(self, origin: Origin) -> Http1 | None:
        """The one that was used last, of those that lead there."""
        oldest = anyio.current_time() - self._idle_s
        while self._kept and self._kept[0].idle_since < oldest:
            self._kept.popleft().abort()
        while connection := next((each for each in reversed(self._kept) if each.origin == origin), None):
            self._kept.remove(connection)
            if connection.is_free:
                return connection
            connection.abort()
        return None

    async def _opened(self, origin: Origin, extensions: Mapping[str, Any]) -> Http1:
        if trace := extensions.get("trace"):
            await trace("connection.connect_tcp.started", {})
        loop, port = asyncio.get_running_loop(), origin.port or PORTS[origin.scheme]
        tls = self._context() if origin.scheme == "https" else None
        try:
            with anyio.fail_after(extensions.get("timeout", {}).get("connect")):
                _, connection = await loop.create_connection(
                    lambda: Http1(origin), origin.host, port, ssl=tls, happy_eyeballs_delay=NEXT_ADDRESS_S
                )
        except TimeoutError as error:
            raise httpx2.ConnectTimeout(str(error)) from None
        except (OSError, UnicodeError) as error:  # of TLS too; no such name can be asked for
            raise httpx2.ConnectError(str(error)) from None
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = httpx2.create_ssl_context(trust_env=self._trust_env)
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


class _Body(httpx2.AsyncByteStream):
    """The body of an answer as it comes in; closing it ends the exchange."""

    def __init__(self, transport: QuickTransport, connection: Http1, answer: Answer) -> None:
        self._transport = transport
        self._answer = answer
        self._connection: Http1 | None = connection

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._connection and (came := await self._connection.body(self._answer)):
            return came
        raise StopAsyncIteration

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection and connection.leave():
            self._transport.keep(connection)


def _head(request: httpx2.Request) -> bytes:
    """Raises httpx2.LocalProtocolError: a header would end the line it stands in."""
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%s: %s" % header for header in request.headers.raw]
    head = b"\r\n".join(lines)
    if head.count(b"\r") + head.count(b"\n") != 2 * len(lines) - 2 or b"\0" in head:
        raise httpx2.LocalProtocolError("Illegal header value")
    return head + b"\r\n\r\n"
