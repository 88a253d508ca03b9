"""Who calls: the user of this machine, or somebody over HTTP."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, ClassVar
from uuid import UUID

from mcp.server.context import ServerRequestContext

from ..catalog import in_beijing
from .host_limits import client_name
from .patience import patience_s

THIS_USER = ":user"  # no name of a token has a colon
SESSION_HEADER, SESSION_PARAMETER = "mcp-session-id", "session_id"  # of streamable HTTP, of SSE
ERA_KEY = "io.modelcontextprotocol/protocolVersion"  # in each request of 2026, which knows no sessions
CLIENT = "bailian.client"  # where the HTTP transport puts a name into a request's scope


@dataclass
class ClientConnection:
    """What a request over HTTP came by; the transport keeps it in the scope, under this key."""

    KEY: ClassVar = "bailian.connection"
    gone: bool = False


def client_of(request: Any) -> str:
    """Whose jobs a call may see: this user's over stdio, a named token's over HTTP; empty: nobody's in particular.

    `request`: that of HTTP; None: there is none.
    """
    return THIS_USER if request is None else str(request.scope.get(CLIENT, ""))


def session_of(request: Any, meta: Mapping[str, Any], now: Callable[[], datetime]) -> str:
    """What a cap for a session is for: empty over stdio, where it is the process; over HTTP the session that the SDK
    has opened, whose id is a secret; in the stateless era a client's hour. `meta`: of the request.
    """
    if request is None:
        return ""
    if id := "" if ERA_KEY in meta else _session_id(request):
        return blake2b(id.encode(), digest_size=6).hexdigest()
    return f"{client_of(request) or 'anybody'} {in_beijing(now()):%Y-%m-%d %H}h"


def _session_id(request: Any) -> str:
    """As the SDK has checked it: of SSE a UUID in the address, in any spelling, of streamable HTTP a header."""
    if "messages" not in request.url.path:
        return str(request.headers.get(SESSION_HEADER, ""))
    return UUID(request.query_params[SESSION_PARAMETER]).hex


def has_gone(request: Any) -> bool:
    """Whether the connection that the answer would take is gone. A 2025 session over HTTP does not cancel for that."""
    return request is not None and request.scope.get(ClientConnection.KEY, ClientConnection()).gone


def waits_s(asked: ServerRequestContext[Any, Any], soft_timeout_s: float | None) -> float:
    """How long this host may be kept waiting: as the settings say for all, else by what is known of it."""
    if soft_timeout_s is not None:
        return soft_timeout_s
    return patience_s(client_name(asked), wants_progress="progress_token" in (asked.meta or {}))
