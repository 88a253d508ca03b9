"""MCP over a pair of binary streams, as the SDK wants it; SIGTERM is the end of input.

The SDK has its own, but cannot leave while its reader blocks, and a server must go when it is told to.
"""

import io
import math
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, BinaryIO, cast

import anyio
import anyio.from_thread
import anyio.lowlevel
from mcp.server.stdio import stdio_server

from .signals import told_to_stop


@asynccontextmanager
async def wire(stdin: BinaryIO, stdout: BinaryIO) -> AsyncIterator[Any]:
    """The SDK's (read, write) pair over two streams.

    Ends at the end of input, at SIGTERM and at SIGINT alike: running calls are cancelled, the process can go.
    """
    send, lines = anyio.create_memory_object_stream[str](math.inf)
    threading.Thread(target=_pump, args=(stdin, send, anyio.lowlevel.current_token()), daemon=True).start()
    text = anyio.wrap_file(io.TextIOWrapper(stdout, encoding="utf-8", newline="\n"))
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_end_at_signal, send)
            async with stdio_server(cast("anyio.AsyncFile[str]", lines), text) as streams:
                yield streams
            tasks.cancel_scope.cancel()
    except* BrokenPipeError:
        pass  # the host stopped reading: it has gone, and nobody is left to tell


def _pump(stdin: BinaryIO, send: Any, token: Any) -> None:
    """Hand each line of input to the event loop; a daemon thread, so that a blocked read holds nobody up."""
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, RuntimeError, OSError):  # the loop has ended
        for line in stdin:
            anyio.from_thread.run_sync(send.send_nowait, line.decode("utf-8", errors="replace"), token=token)
        anyio.from_thread.run_sync(send.close, token=token)


async def _end_at_signal(send: Any) -> None:
    await told_to_stop()
    send.close()
