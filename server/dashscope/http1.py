"""One HTTP/1.1 connection: httptools reads it, asyncio carries it, with or without TLS.

It takes what h11 takes of servers that write HTTP loosely, and no more. A request at a time; GET, POST and DELETE.
"""

import asyncio
import select
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

import httptools
import httpx2

MAX_HEAD_BYTES = 100 * 1024  # of a head, of trailers, or of anything else that is no body; h11's limit in httpx2
MAX_WAITING_BYTES = 1024 * 1024  # of a body that nobody has taken yet: then the other side waits


def readable(connection: Any) -> Callable[[], bool]:
    """What tells whether there is something to read, be it the end."""
    if not hasattr(select, "poll"):  # Windows, where any number will do
        return lambda: bool(select.select([connection], [], [], 0)[0])
    looking = select.poll()
    looking.register(connection, select.POLLIN)
    return lambda: bool(looking.poll(0))


class Origin(NamedTuple):
    """What one connection leads to."""

    scheme: str
    host: str
    port: int | None


class Answer:
    """What has come of one answer; httptools calls it with each part."""

    def __init__(self) -> None:
        self.status = 0  # until the whole head has come
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False
        self.may_stay = True  # the connection, after it
        self.ends_with_connection = False
        self.waiting_bytes = 0  # of the body
        self._pieces: list[bytes] = []
        self._head_bytes = self._bare_bytes = 0
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(  # as h11 is
            lenient_chunked_length=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )

    def feed(self, data: bytes) -> None:
        """Raises httpx2.RemoteProtocolError: it is no answer. What follows one is only kept from beginning another."""
        before = self.waiting_bytes
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.may_stay = False
            if not self.complete:
                raise httpx2.RemoteProtocolError(str(error)) from None
        self._bare_bytes = 0 if self.waiting_bytes > before else self._bare_bytes + len(data)
        if self._bare_bytes > MAX_HEAD_BYTES and not self.complete:
            raise httpx2.RemoteProtocolError("Receive buffer too long")

    def take(self) -> bytes:
        """What has come of the body since the last time."""
        came = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self.waiting_bytes = 0
        return came

    # --- what httptools tells ---

    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("an answer to nothing")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES:
            raise ValueError("too long")
        if not self.status:  # what follows a body is no header
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # a hint: the answer itself is still to come
            self.headers.clear()
            return
        self.status = status
        told = {name.lower() for name, _ in self.headers}
        self.ends_with_connection = not told & {b"content-length", b"transfer-encoding"}

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.waiting_bytes += len(piece)

    def on_message_complete(self) -> None:
        if self.status:
            self.complete = True
            self.may_stay = self.may_stay and self._parser.should_keep_alive()


class Http1(asyncio.Protocol):
    """What comes in is kept until it is taken; whoever waits is woken by any change."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.answer: Answer | None = None  # to what is asked now
        self.idle_since = 0.0
        self._carrier: asyncio.Transport | None = None
        self._change: asyncio.Future[None] | None = None
        self._failure: httpx2.TransportError | None = None  # nothing can come, or go, any more
        self._full = False  # the other side takes no more for now
        self._sent = False

    # --- what asyncio tells ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._carrier = cast("asyncio.Transport", transport)  # uvloop's is of no class of asyncio's
        self._may_read = readable(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        answer = self.answer
        if answer is None or answer.complete:  # it answers nothing
            self.abort()
            return
        try:
            answer.feed(data)
        except httpx2.RemoteProtocolError as error:
            self._fail(error)
        if answer.waiting_bytes > MAX_WAITING_BYTES and self._carrier:
            self._carrier.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._carrier = None
        if exc is not None:
            self._fail(httpx2.ReadError(str(exc)))
        elif self.answer is None or not self.answer.status:
            self._fail(httpx2.RemoteProtocolError("Server disconnected without sending a response."))
        else:
            self.answer.complete = self.answer.complete or self.answer.ends_with_connection
            self._fail(httpx2.RemoteProtocolError("peer closed connection without sending complete message body"))

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()

    # --- one exchange ---

    async def ask(self, head: bytes, body: httpx2.AsyncByteStream) -> Answer:
        """Send a request; the answer, of which the head has come. It may come before all was sent.

        Raises:
            httpx2.TransportError: none came.
        """
        answer = self.answer = Answer()
        self._sent = await self._send(head, body, answer)
        while not answer.status:
            if self._failure:
                raise self._failure
            await self._changed()
        return answer

    async def _send(self, head: bytes, body: httpx2.AsyncByteStream, answer: Answer) -> bool:
        """Whether all was; nobody reads the rest of what is refused already."""
        waiting: Sequence[bytes] = (head,)
        async for piece in body:
            self._write((*waiting, piece))
            waiting = ()
            while self._full and not self._failure and answer.status < 400:
                await self._changed()
            if self._failure or answer.status >= 400:
                return False
        self._write(waiting)
        return True

    async def body(self, answer: Answer) -> bytes:
        """What has come of it since it was last asked for; empty at its end.

        Raises:
            httpx2.TransportError: it will not be whole.
        """
        while not answer.waiting_bytes:
            if answer.complete:
                return b""
            if self._failure:
                raise self._failure
            await self._changed()
        if answer.waiting_bytes > MAX_WAITING_BYTES and self._carrier:
            self._carrier.resume_reading()
        return answer.take()

    def leave(self) -> bool:
        """End an exchange, wherever it is; whether another one may follow."""
        answer, self.answer = self.answer, None
        stays = answer is not None and answer.complete and answer.may_stay and self._sent and self._carrier is not None
        if not stays:
            self.abort()
        return stays

    @property
    def is_free(self) -> bool:
        """Whether another exchange may begin: nothing may have come since the last one, not even an end."""
        if self._carrier is None or self._carrier.is_closing():
            return False
        return not self._may_read()

    def abort(self) -> None:
        """At once: asyncio closes it in its next turn, and who was cancelled may have much to do in this one."""
        if self._carrier:
            with suppress(OSError):
                self._carrier.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            self._carrier.abort()

    def _write(self, pieces: Sequence[bytes]) -> None:
        if self._carrier and pieces:
            self._carrier.writelines(pieces)

    def _fail(self, failure: httpx2.TransportError) -> None:
        self._failure = self._failure or failure
        self.abort()
        self._wake()

    def _wake(self) -> None:
        if self._change and not self._change.done():
            self._change.set_result(None)

    async def _changed(self) -> None:
        self._change = asyncio.get_running_loop().create_future()
        await self._change
