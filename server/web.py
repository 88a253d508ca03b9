"""MCP over HTTP, as SSE or streamable HTTP, and who may come in.

Host and Origin are always checked (a web page could reach a server on loopback through DNS rebinding); off loopback a
token is needed too. Spec: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
"""

import logging
import re
import secrets
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import anyio
import uvicorn
from anyio.abc import TaskStatus
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .app import App
from .listening import root_url
from .signals import told_to_stop

BODY_BYTES = 16 * 1024 * 1024
SESSIONS, IDLE_S = 1_000, 600  # of 2025: each costs memory, and time when we stop
GRACE_S = 0  # calls are cancelled at once; the SDK itself takes up to a second to end a session of 2025
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
HEALTH = "/healthz"
PORT = re.compile(r":[0-9]*$")

Transport = Literal["sse", "streamable-http"]
PATHS: dict[Transport, str] = {"sse": "/sse", "streamable-http": "/mcp"}


@dataclass(frozen=True)
class Door:
    """Where to listen, and who may come in. An empty token lets everyone in: for loopback only."""

    listening: socket.socket
    token: str = ""
    names: tuple[str, ...] = ()  # host names clients may use, beside those of loopback


async def serve(server: App, transport: Transport, door: Door) -> None:
    """Serve many hosts until SIGTERM or SIGINT; then calls are cancelled and their upstream connections closed."""
    config = uvicorn.Config(
        application(server, transport, door),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
        ws="none",
        proxy_headers=False,
        workers=1,
    )
    web = _Server(config)
    async with anyio.create_task_group() as tasks:
        await tasks.start(_stop_at_signal, web)
        sys.stderr.write(f"bailian-mcp listens on {root_url(door.listening)}{PATHS[transport]}\n")
        await web.serve(sockets=[door.listening])
        tasks.cancel_scope.cancel()


def application(server: App, transport: Transport, door: Door) -> ASGIApp:
    """The ASGI application: the SDK's transport behind the token, and a health check beside it."""

    server.custom_route(HEALTH, methods=["GET"])(_healthy)
    names = (*LOOPBACK_NAMES, *(f"[{name}]" if ":" in name else name for name in door.names))
    security = TransportSecuritySettings(
        allowed_hosts=[spelling for name in names for spelling in (name, f"{name}:*")],
        allowed_origins=[f"{s}://{spelling}" for s in ("http", "https") for n in names for spelling in (n, f"{n}:*")],
    )
    if transport == "sse":
        inner = server.sse_app(max_request_body_size=BODY_BYTES, transport_security=security)
    else:
        inner = server.streamable_http_app(
            max_request_body_size=BODY_BYTES,
            transport_security=security,
            max_sessions=SESSIONS,
            session_idle_timeout=IDLE_S,
        )
    return _Gate(inner, door.token, names)


async def _healthy(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


class _Gate:
    """Lets in who comes by an allowed name and knows the token. The health check is open: it says nothing.

    The SDK checks Host again, and Origin; only here can the refusal say which setting mends it.
    """

    def __init__(self, app: ASGIApp, token: str, names: Sequence[str]) -> None:
        self._app = app
        self._token = token.encode()
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(Headers(scope=scope)) if scope["type"] == "http" and scope["path"] != HEALTH else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        if PORT.sub("", headers.get("host", "")).lower() not in self._names:
            return PlainTextResponse("This host name is not allowed: add it to BAILIAN_ALLOWED_HOSTS.\n", 421)
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if not self._token or (scheme.lower() == "bearer" and secrets.compare_digest(given.encode(), self._token)):
            return None
        said = "Send the token of BAILIAN_HTTP_TOKEN as 'Authorization: Bearer ...'.\n"
        return PlainTextResponse(said, 401, {"WWW-Authenticate": "Bearer"})


class _Server(uvicorn.Server):
    """uvicorn without its own signals: it would raise them again when done, and end us before we have closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _stop_at_signal(web: uvicorn.Server, *, task_status: TaskStatus[None]) -> None:
    await told_to_stop(task_status=task_status)
    for name in ("uvicorn.error", "mcp.server.streamable_http", "mcp.server.sse", "mcp.shared.jsonrpc_dispatcher"):
        logging.getLogger(name).disabled = True  # what is cancelled now is meant to be
    web.should_exit = True
