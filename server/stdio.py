"""The process's standard streams as MCP's wire: nobody else reads or writes them; SIGTERM is the end of input.

The SDK guards the streams too, but only while it serves, and it cannot leave while its reader blocks.
"""

import io
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, BinaryIO, cast

import anyio
import anyio.from_thread
import anyio.lowlevel

_claimed: tuple[BinaryIO, BinaryIO] | None = None


def claim() -> None:
    """Take stdin and stdout away from everyone else, before anything that might print is imported."""
    global _claimed
    wire_in, wire_out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    _claimed = wire_in, wire_out


@asynccontextmanager
async def wire() -> AsyncIterator[Any]:
    """The claimed streams as the SDK's (read, write) pair.

    Ends at the end of input, at SIGTERM and at SIGINT alike: running calls are cancelled, the process can go.
    """
    from mcp.server.stdio import stdio_server

    assert _claimed is not None, "claim() comes first"
    wire_in, wire_out = _claimed
    send, lines = anyio.create_memory_object_stream[str](0)
    threading.Thread(target=_pump, args=(wire_in, send, anyio.lowlevel.current_token()), daemon=True).start()
    stdout = anyio.wrap_file(io.TextIOWrapper(wire_out, encoding="utf-8", newline="\n"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_at_signal, send)
        async with stdio_server(cast("anyio.AsyncFile[str]", lines), stdout) as streams:
            yield streams
        tasks.cancel_scope.cancel()


def _pump(wire_in: BinaryIO, send: Any, token: Any) -> None:
    """Hand each line of input to the event loop; a daemon thread, so that a blocked read holds nobody up."""
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.RunFinishedError, RuntimeError, OSError):
        for line in wire_in:
            anyio.from_thread.run(send.send, line.decode("utf-8", errors="replace"), token=token)
        anyio.from_thread.run_sync(send.close, token=token)


async def _end_at_signal(send: Any) -> None:
    if sys.platform == "win32":
        return
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            send.close()
            return
