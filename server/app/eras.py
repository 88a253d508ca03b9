"""One connection, and the protocol era it is of: open until something other than `server/discover` is asked.

The SDK takes the first request for the decision, whichever it is. But a client whose discover was answered too late for
it falls back to `initialize`, and would be refused on a server that speaks both.
"""

from contextlib import suppress
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from mcp.server.lowlevel import Server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCRequest

from .transports.handshake import DISCOVER


async def serve_either_era(server: Server[Any], read: Any, write: Any) -> None:
    """Serve one host over a pair of message streams until its input ends."""
    onward, rest = anyio.create_memory_object_stream[Any]()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_relay, server, read, write, onward)
        await server.run(rest, write, server.create_initialization_options())
        tasks.cancel_scope.cancel()


async def _relay(server: Server[Any], read: Any, write: Any, onward: MemoryObjectSendStream[Any]) -> None:
    """What comes in goes on, but for the probes before the first other request."""
    decided = False
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # the connection has ended
        async with read, onward:
            async for item in read:
                method = _method(item)
                if method == DISCOVER and not decided:
                    await write.send(await _answer(server, item))
                else:
                    decided = decided or bool(method)
                    await onward.send(item)


def _method(item: SessionMessage | Exception) -> str:
    """What is requested; empty where that is nothing."""
    message = None if isinstance(item, Exception) else item.message
    return message.method if isinstance(message, JSONRPCRequest) else ""


async def _answer(server: Server[Any], probe: SessionMessage) -> Any:
    """The server's answer, on a connection that holds this request alone."""
    ask, asked = anyio.create_memory_object_stream[Any](1)
    reply, replied = anyio.create_memory_object_stream[Any](1)
    async with ask, asked, reply, replied, anyio.create_task_group() as tasks:
        tasks.start_soon(server.run, asked, reply, server.create_initialization_options())
        await ask.send(probe)
        answer = await replied.receive()
        tasks.cancel_scope.cancel()
    return answer
