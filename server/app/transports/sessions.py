"""The sessions of the 2025 protocol: of too many, the one idle longest goes, where the SDK would refuse everybody.

Only public seams are used: we look on at the SDK's HTTP, and end a session as its client would, with DELETE. Its
middleware tells of the calls that have lost their connection, for they run on.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_Context = ServerRequestContext[Any, Any]
_Use = Literal["call", "stream"]


class Sessions:
    """The application, with no more than so many sessions open, unless a call is running in every one."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._open: dict[str, Counter[_Use]] = {}  # the one used longest ago is the first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = Headers(scope=scope).get(MCP_SESSION_ID_HEADER) if scope["type"] == "http" else None
        await (self._continue(name, scope, receive, send) if name else self._begin(scope, receive, send))

    async def while_called(self, ctx: _Context, call_next: Callable[[_Context], Awaitable[Any]]) -> Any:
        """Middleware of the server: a session is in use until its call has ended, whoever still listens."""
        name = ctx.request.headers.get(MCP_SESSION_ID_HEADER, "") if ctx.request else ""
        with self._in_use(name, "call"):
            return await call_next(ctx)

    async def _begin(self, scope: Scope, receive: Receive, send: Send) -> None:
        with ExitStack() as opening:

            async def watch(message: Message) -> None:
                if name := _opened(message):
                    self._open[name] = Counter()
                    opening.enter_context(self._in_use(name, "call"))
                    await self._make_room(scope)
                await send(message)

            await self._app(scope, receive, watch)

    async def _continue(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        async def watch(message: Message) -> None:
            if _ended(scope, message):
                self._open.pop(name, None)
            await send(message)

        with self._in_use(name, "stream" if scope["method"] == "GET" else "call"):
            await self._app(scope, receive, watch)

    @contextmanager
    def _in_use(self, name: str, use: _Use) -> Iterator[None]:
        uses = self._open.get(name, Counter())
        uses[use] += 1
        try:
            yield
        finally:
            uses[use] -= 1
            if name in self._open:
                self._open[name] = self._open.pop(name)

    async def _make_room(self, scope: Scope) -> None:
        while len(self._open) > self._most and (name := self._idlest()):
            del self._open[name]
            await self._end(name, scope)

    def _idlest(self) -> str | None:
        """Many hosts hold a stream open day and night: those go last. A session with a call never goes."""
        free = [name for name, uses in self._open.items() if not uses["call"]]
        return min(free, key=lambda name: self._open[name]["stream"] > 0, default=None)

    async def _end(self, name: str, scope: Scope) -> None:
        """By the host name of the request that needs the room: it has been let in. One that has expired is a 404."""
        host = [pair for pair in scope["headers"] if pair[0] == b"host"]
        headers = [*host, (MCP_SESSION_ID_HEADER.encode(), name.encode())]
        with anyio.CancelScope(shield=True):  # half an end would be a session that nobody counts
            await self._app({**scope, "method": "DELETE", "headers": headers}, _no_body, _unheard)


def _opened(message: Message) -> str | None:
    if message["type"] != "http.response.start" or message["status"] >= 400:
        return None
    return Headers(raw=message["headers"]).get(MCP_SESSION_ID_HEADER)


def _ended(scope: Scope, message: Message) -> bool:
    """Whether this answers the client's DELETE, or tells it that the session is gone."""
    status = message["status"] if message["type"] == "http.response.start" else 0
    return status == 404 or (scope["method"] == "DELETE" and 200 <= status < 300)


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _unheard(_: Message) -> None:
    pass
