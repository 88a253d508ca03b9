"""Who calls: the user of this machine, or somebody over HTTP."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, ClassVar

from mcp.server.mcpserver import Context

from .host_limits import client_name
from .patience import patience_s

THIS_USER = ":user"  # no name of a token has a colon
SESSION_HEADER, SESSION_PARAMETER = "mcp-session-id", "session_id"  # of streamable HTTP, of SSE
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


def session_of(request: Any, now: datetime) -> str:
    """What a cap for a session is for: empty over stdio, where it is the process; over HTTP the session, whose id is
    a secret; in the stateless era a client's hour.
    """
    if request is None:
        return ""
    if id := request.headers.get(SESSION_HEADER) or request.query_params.get(SESSION_PARAMETER):
        return blake2b(id.encode(), digest_size=6).hexdigest()
    return f"{client_of(request) or 'anybody'} {now.astimezone(UTC):%Y-%m-%dT%H}Z"


def has_gone(ctx: Context[Any, Any]) -> bool:
    """Whether the connection that the answer would take is gone. A 2025 session over HTTP does not cancel for that."""
    request = ctx.request_context.request
    return request is not None and request.scope.get(ClientConnection.KEY, ClientConnection()).gone


def waits_s(ctx: Context[Any, Any], soft_timeout_s: float | None) -> float:
    """How long this host may be kept waiting: as the settings say for all, else by what is known of it."""
    if soft_timeout_s is not None:
        return soft_timeout_s
    meta = ctx.request_context.meta or {}
    return patience_s(client_name(ctx), wants_progress="progress_token" in meta)
