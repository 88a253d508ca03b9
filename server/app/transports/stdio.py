"""MCP over a pair of binary streams, as the SDK wants it; SIGTERM is the end of input.

The SDK has its own, but cannot leave while its reader blocks, and a server must go when it is told to.
"""

import asyncio
import math
import os
import select
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from queue import SimpleQueue
from typing import Any, BinaryIO, cast

import anyio.from_thread
import anyio.lowlevel
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.server.stdio import stdio_server

from ..server import App
from .front import Front, can_be_polled
from .signals import wait_for_shutdown

IDLE_GRACE_S = 0.5  # without a byte taken by the host
MAX_GRACE_S = 1.5
PIECE_BYTES = 8 * 1024  # how finely it is seen that the host takes bytes


@asynccontextmanager
async def streams(front: Front) -> AsyncIterator[Any]:
    """The SDK's (read, write) pair over the two streams that a front reads for us.

    Ends at the end of input, at SIGTERM and at SIGINT alike: running calls are cancelled, the process can go, even
    when the host has stopped reading what we write.
    """
    send, lines = anyio.create_memory_object_stream[str](math.inf)
    token = anyio.lowlevel.current_token()
    ended = anyio.Event()
    try:
        async with send, lines, _reading(front, send, token), anyio.create_task_group() as tasks:
            tasks.start_soon(_end_at_signal, send)
            writer = _Writer(front.stdout, token, front.said)
            tasks.start_soon(_leave_after, ended, writer, tasks.cancel_scope)
            wire_in, wire_out = cast("anyio.AsyncFile[str]", _Lines(lines, ended)), cast("anyio.AsyncFile[str]", writer)
            async with stdio_server(wire_in, wire_out) as streams:
                yield streams
            tasks.cancel_scope.cancel()
    except* BrokenPipeError:
        pass  # the host stopped reading: it has gone, and nobody is left to tell


async def serve(server: App, front: Front) -> None:
    """Serve one host over two streams until its input ends."""
    async with streams(front) as (read, write):
        await server.run_over(read, write)


class _Lines:
    """Lines of input, as the SDK iterates them; tells when they end."""

    def __init__(self, lines: MemoryObjectReceiveStream[str], ended: anyio.Event) -> None:
        self._lines = lines
        self._ended = ended

    async def __aiter__(self) -> AsyncIterator[str]:
        async for line in self._lines:
            yield line
        self._ended.set()


class _Writer:
    """Writes what the host takes at once, and the rest in a daemon thread: a host that does not read holds up nothing
    but this. One text at a time.
    """

    def __init__(self, stdout: BinaryIO, token: Any, said: bytes = b"") -> None:
        """`said`: how the line begins that the host already has."""
        self._said = said
        self._room = _Room(stdout)
        self._texts: SimpleQueue[tuple[bytes, anyio.Event]] = SimpleQueue()
        self._failed: OSError | None = None
        self.written = 0  # bytes the host has taken
        threading.Thread(target=self._work, args=(stdout, token), daemon=True).start()

    async def write(self, text: str) -> None:
        content = text.encode()
        if self._said and content.startswith(self._said):
            self._said = b""
            return
        if taken := self._room.write(content):
            self.written += taken
            content = content[taken:]
        if content:
            written = anyio.Event()
            self._texts.put((content, written))
            await written.wait()
            if self._failed:
                raise BrokenPipeError from self._failed

    async def flush(self) -> None:
        """Nothing is held back."""

    def _work(self, stdout: BinaryIO, token: Any) -> None:
        with suppress(RuntimeError):  # the loop has ended
            while True:
                content, written = self._texts.get()
                try:
                    for start in range(0, len(content), PIECE_BYTES):
                        self._write(stdout, content[start : start + PIECE_BYTES])
                except OSError as error:
                    self._failed = error
                anyio.from_thread.run_sync(written.set, token=token)

    def _write(self, stdout: BinaryIO, content: bytes) -> None:
        while content:
            taken = stdout.write(content)
            self.written += taken
            content = content[taken:]


class _Room:
    """What a pipe or socket takes without making anybody wait. It stays in blocking mode: others may share it."""

    def __init__(self, stdout: BinaryIO) -> None:
        self._fd = -1
        if can_be_polled(stdout):
            self._fd = stdout.fileno()
            self._poll = select.poll()
            self._poll.register(self._fd, select.POLLOUT)

    def write(self, content: bytes) -> int:
        """How much of it was taken. Raises BrokenPipeError: nobody reads there any more.

        Where it is writable, a piece of PIPE_BUF bytes fits: https://man7.org/linux/man-pages/man7/pipe.7.html
        """
        taken = 0
        rest = memoryview(content)
        while self._fd >= 0 and taken < len(content) and self._poll.poll(0) == [(self._fd, select.POLLOUT)]:
            taken += os.write(self._fd, rest[taken : taken + select.PIPE_BUF])
        return taken


@asynccontextmanager
async def _reading(front: Front, send: Any, token: Any) -> AsyncIterator[None]:
    """Input goes to `send`, read by the event loop where it can; else by the front's thread, which hands it over."""
    held = front.take_over()
    by_thread = held is None
    for line in front.attach(_into_the_loop(send, token)) if held is None else held:
        _take(send, line)
    if by_thread or (held and held[-1] is None):
        yield
        return
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in front.read():
            _take(send, line)
            if line is None:
                loop.remove_reader(front.fileno())

    loop.add_reader(front.fileno(), read)
    try:
        yield
    finally:
        loop.remove_reader(front.fileno())


def _into_the_loop(send: Any, token: Any) -> Callable[[bytes | None], None]:
    """What hands a line to the event loop from another thread."""

    def sink(line: bytes | None) -> None:
        anyio.from_thread.run_sync(_take, send, line, token=token)

    return sink


def _take(send: Any, line: bytes | None) -> None:
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # the connection has ended
        if line is None:
            send.close()
        else:
            send.send_nowait(line.decode("utf-8", errors="replace"))


async def _end_at_signal(send: Any) -> None:
    await wait_for_shutdown()
    send.close()


async def _leave_after(ended: anyio.Event, writer: _Writer, scope: anyio.CancelScope) -> None:
    """Replies under way may be taken, but a host that takes nothing, or very long, does not hold the process."""
    await ended.wait()
    with anyio.move_on_after(MAX_GRACE_S):
        seen = -1
        while writer.written != seen:
            seen = writer.written
            await anyio.sleep(IDLE_GRACE_S)
    scope.cancel()
