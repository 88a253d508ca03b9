"""MCP over a pair of binary streams, as the SDK wants it; SIGTERM is the end of input.

The SDK has its own, but cannot leave while its reader blocks, and a server must go when it is told to.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, cast

import anyio.from_thread
import anyio.lowlevel
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.server.stdio import stdio_server

from ..server import App
from .front import Front
from .outlet import Outlet
from .signals import wait_for_shutdown

IDLE_GRACE_S = 0.5  # without a byte taken by the host
MAX_GRACE_S = 1.5


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
            writer = _Writer(front.outlet, token, front.said)
            tasks.start_soon(_leave_after, ended, front.outlet, tasks.cancel_scope)
            wire_in, wire_out = cast("anyio.AsyncFile[str]", _Lines(lines, ended)), cast("anyio.AsyncFile[str]", writer)
            async with stdio_server(wire_in, wire_out) as streams:
                yield streams
            await writer.write("")  # after what was said before there was a loop
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
    """Writes one text at a time, as the SDK writes them."""

    def __init__(self, outlet: Outlet, token: Any, said: bytes = b"") -> None:
        """`said`: how the line begins that the host already has."""
        self._said = said
        self._outlet = outlet
        self._token = token

    async def write(self, text: str) -> None:
        content = text.encode()
        if self._said and content.startswith(self._said):
            self._said = b""
            return
        content = content[self._outlet.write_now(content) :]
        if content or not text:  # nothing to say: to wait for what was said before
            written = anyio.Event()
            self._outlet.put(content, partial(self._tell, written))
            await written.wait()
            if self._outlet.failed:
                raise BrokenPipeError from self._outlet.failed

    async def flush(self) -> None:
        """Nothing is held back."""

    def _tell(self, written: anyio.Event) -> None:
        with suppress(RuntimeError):  # the loop has ended
            anyio.from_thread.run_sync(written.set, token=self._token)


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


async def _leave_after(ended: anyio.Event, outlet: Outlet, scope: anyio.CancelScope) -> None:
    """Replies under way may be taken, but a host that takes nothing, or very long, does not hold the process."""
    await ended.wait()
    with anyio.move_on_after(MAX_GRACE_S):
        seen = -1
        while outlet.written != seen:
            seen = outlet.written
            await anyio.sleep(IDLE_GRACE_S)
    scope.cancel()
