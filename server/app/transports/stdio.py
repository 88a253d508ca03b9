"""MCP over a pair of binary streams, as the SDK wants it; SIGTERM is the end of input.

The SDK has its own, but cannot leave while its reader blocks, and a server must go when it is told to.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import anyio.from_thread
import anyio.lowlevel

from ..server import App
from .front import Front
from .outlet import Outlet
from .signals import wait_for_shutdown
from .wire import Inbox, Outbox

IDLE_GRACE_S = 0.5  # without a byte taken by the host
MAX_GRACE_S = 1.5


@asynccontextmanager
async def streams(front: Front, at_end: Callable[[], None]) -> AsyncIterator[tuple[Inbox, Outbox]]:
    """The SDK's (read, write) pair over the two streams that a front reads for us. `at_end` hears of the end first.

    Ends at the end of input, at SIGTERM and at SIGINT alike: running calls are cancelled, the process can go, even
    when the host has stopped reading what we write.
    """
    token, inbox = anyio.lowlevel.current_token(), Inbox(at_end)
    writer = _Writer(front.outlet, token, front.said)
    outbox = Outbox(writer.write)
    async with _reading(front, inbox, token), anyio.create_task_group() as tasks:
        tasks.start_soon(_end_at_signal, inbox)
        tasks.start_soon(_end_where_nobody_reads, outbox, tasks.cancel_scope)
        tasks.start_soon(_leave_after, inbox, front.outlet, tasks.cancel_scope)
        yield inbox, outbox
        with suppress(BrokenPipeError):
            await writer.write("")  # after what was said before there was a loop
        tasks.cancel_scope.cancel()


async def serve(server: App, front: Front) -> None:
    """Serve one host over two streams until its input ends."""
    async with streams(front, server.ends) as (read, write):
        await server.run_over(read, write)


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

    def _tell(self, written: anyio.Event) -> None:
        with suppress(RuntimeError):  # the loop has ended
            anyio.from_thread.run_sync(written.set, token=self._token)


@asynccontextmanager
async def _reading(front: Front, inbox: Inbox, token: Any) -> AsyncIterator[None]:
    """Input goes to the inbox, read by the event loop where it can; else by the front's thread, which hands it over."""
    held = front.take_over()
    by_thread = held is None
    for line in front.attach(_into_the_loop(inbox, token)) if held is None else held:
        inbox.put(line)
    if by_thread or (held and held[-1] is None):
        yield
        return
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in front.read():
            inbox.put(line)
            if line is None:
                loop.remove_reader(front.fileno())

    loop.add_reader(front.fileno(), read)
    try:
        yield
    finally:
        loop.remove_reader(front.fileno())


def _into_the_loop(inbox: Inbox, token: Any) -> Callable[[bytes | None], None]:
    """What hands a line to the event loop from another thread."""

    def sink(line: bytes | None) -> None:
        anyio.from_thread.run_sync(inbox.put, line, token=token)

    return sink


async def _end_at_signal(inbox: Inbox) -> None:
    await wait_for_shutdown()
    inbox.put(None)


async def _end_where_nobody_reads(outbox: Outbox, scope: anyio.CancelScope) -> None:
    await outbox.gone.wait()
    scope.cancel()


async def _leave_after(inbox: Inbox, outlet: Outlet, scope: anyio.CancelScope) -> None:
    """Replies under way may be taken, but a host that takes nothing, or very long, does not hold the process; nor one
    that reads so little that what it asked is not even looked at.
    """
    await inbox.whole.wait()
    seen = None
    while not inbox.ended.is_set() and (now := (outlet.written, inbox.left)) != seen:
        seen = now
        with anyio.move_on_after(IDLE_GRACE_S):
            await inbox.ended.wait()
    with anyio.move_on_after(MAX_GRACE_S):
        taken = -1
        while outlet.written != taken:
            taken = outlet.written
            await anyio.sleep(IDLE_GRACE_S)
    scope.cancel()
