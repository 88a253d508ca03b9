"""MCP over HTTP, as SSE or streamable HTTP, and who may come in.

Host and Origin are always checked (a web page could reach a server on loopback through DNS rebinding); off loopback a
token is needed too. Spec: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
"""

import logging
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import anyio
import uvicorn
from anyio.abc import TaskStatus
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from ...network import root_url
from ..server import App
from .auth import HEALTH_PATH, AuthMiddleware
from .connections import watched
from .header_deadline import HEADER_S, header_deadline
from .mended import mended
from .sessions import Sessions
from .signals import wait_for_shutdown

MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_SESSIONS, SESSION_IDLE_S = 1_000, 1_800  # of 2025: each costs memory, and time when we stop
MAX_OPENING = 100  # what is opened before another has gone, or while every session has a call; the SDK refuses beyond
SHUTDOWN_GRACE_S = 0  # calls are cancelled at once; the SDK itself takes up to a second to end a session of 2025
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")

Transport = Literal["sse", "streamable-http"]
PATHS: dict[Transport, str] = {"sse": "/sse", "streamable-http": "/mcp"}


@dataclass(frozen=True)
class Listener:
    """Where to listen, and who may come in. No tokens let everyone in: for loopback only."""

    listening: socket.socket
    tokens: Mapping[str, str] = field(default_factory=dict)  # secret -> whose it is
    names: tuple[str, ...] = ()  # host names clients may use, beside those of loopback
    max_sessions: int = MAX_SESSIONS
    header_s: float = HEADER_S
    stateless: bool = False  # one of several processes: no session of 2025 is kept


async def serve(server: App, transport: Transport, listener: Listener) -> None:
    """Serve many hosts until SIGTERM or SIGINT; then calls are cancelled and their upstream connections closed."""
    web = _Server(web_config(server, transport, listener))
    async with anyio.create_task_group() as tasks:
        await tasks.start(_stop_at_signal, web, server.ends)
        if not listener.stateless:  # or who started this process has said it
            sys.stderr.write(f"bailian-mcp listens on {root_url(listener.listening)}{PATHS[transport]}\n")
        await web.serve(sockets=[listener.listening])
        tasks.cancel_scope.cancel()


def web_config(server: App, transport: Transport, listener: Listener) -> uvicorn.Config:
    """The application, and how uvicorn serves it."""
    return uvicorn.Config(
        application(server, transport, listener),
        http=header_deadline(listener.header_s),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        ws="none",
        proxy_headers=False,
        workers=1,
    )


def application(server: App, transport: Transport, listener: Listener) -> ASGIApp:
    """The ASGI application: the SDK's transport behind the token, and a health check beside it."""

    server.custom_route(HEALTH_PATH, methods=["GET"])(_healthy)
    names = (*LOOPBACK_NAMES, *(f"[{name}]" if ":" in name else name for name in listener.names))
    security = TransportSecuritySettings(
        allowed_hosts=[spelling for name in names for spelling in (name, f"{name}:*")],
        allowed_origins=[f"{s}://{spelling}" for s in ("http", "https") for n in names for spelling in (n, f"{n}:*")],
    )
    if transport == "sse":
        plain = server.sse_app(max_request_body_size=MAX_BODY_BYTES, transport_security=security)
        return AuthMiddleware(mended(plain, PATHS[transport]), listener.tokens, names)
    plain = server.streamable_http_app(
        max_request_body_size=MAX_BODY_BYTES,
        transport_security=security,
        max_sessions=listener.max_sessions + MAX_OPENING,
        session_idle_timeout=None if listener.stateless else SESSION_IDLE_S,
        stateless_http=listener.stateless,
    )
    sessions = Sessions(watched(mended(plain, PATHS[transport])), listener.max_sessions)
    server.middleware.append(sessions.while_called)
    server.take_no_parameter_headers()
    return AuthMiddleware(sessions, listener.tokens, names)


async def _healthy(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


class _Server(uvicorn.Server):
    """uvicorn without its own signals: it would raise them again when done, and end us before we have closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _stop_at_signal(web: uvicorn.Server, at_end: Callable[[], None], *, task_status: TaskStatus[None]) -> None:
    await wait_for_shutdown(task_status=task_status)
    at_end()
    for name in ("uvicorn.error", "mcp.server.streamable_http", "mcp.server.sse", "mcp.shared.jsonrpc_dispatcher"):
        logging.getLogger(name).disabled = True  # what is cancelled now is meant to be
    web.should_exit = True
