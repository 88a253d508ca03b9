"""One connection, and the protocol era it is of: open until something other than `server/discover` is asked.

The SDK takes the first request for the decision, whichever it is. But a client whose discover was answered too late for
it falls back to `initialize`, and would be refused on a server that speaks both.
"""

from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCRequest

from .transports.handshake import DISCOVER
from .transports.wire import MessageStream


async def serve_either_era(server: Server[Any], read: Any, write: Any) -> None:
    """Serve one host over a pair of message streams until its input ends."""
    await server.run(_Probed(server, read, write), write, server.create_initialization_options())


class _Probed(MessageStream):
    """What comes in, but for the probes before the first other request, which are answered here."""

    def __init__(self, server: Server[Any], read: Any, write: Any) -> None:
        self._server, self._read, self._write = server, read, write
        self._decided = False

    async def receive(self) -> Any:
        while True:
            item = await self._read.receive()
            method = _method(item)
            if method != DISCOVER or self._decided:
                self._decided = self._decided or bool(method)
                return item
            await self._write.send(await _answer(self._server, item))

    async def aclose(self) -> None:
        await self._read.aclose()


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
