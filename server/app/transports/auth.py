"""Who may come in over HTTP: by an allowed name, with the token."""

import re
import secrets
from collections.abc import Mapping, Sequence

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ...calls.client import CLIENT

HEALTH_PATH = "/healthz"
PORT = re.compile(r":[0-9]*$")


class AuthMiddleware:
    """Lets in who comes by an allowed name and knows the token. The health check is open: it says nothing.

    The SDK checks Host again, and Origin; only here can the refusal say which setting mends it.
    """

    def __init__(self, app: ASGIApp, tokens: Mapping[str, str], names: Sequence[str]) -> None:
        """`tokens`: secret -> the name of who has it; none: everyone may come in."""
        self._app = app
        self._tokens = {secret.encode(): name for secret, name in tokens.items()}
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == HEALTH_PATH:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        client = self._client(headers)
        refusal = self._refusal(headers, client)
        await (refusal or self._app)({**scope, CLIENT: client}, receive, send)

    def _client(self, headers: Headers) -> str | None:
        """Who comes; None: with no token of ours. Every token is compared, whichever it is."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        known = [name for secret, name in self._tokens.items() if secrets.compare_digest(given.encode(), secret)]
        return (known[0] if known and scheme.lower() == "bearer" else None) if self._tokens else ""

    def _refusal(self, headers: Headers, client: str | None) -> Response | None:
        if PORT.sub("", headers.get("host", "")).lower() not in self._names:
            return PlainTextResponse("This host name is not allowed: add it to BAILIAN_ALLOWED_HOSTS.\n", 421)
        if client is not None:
            return None
        said = "Send your token (BAILIAN_HTTP_TOKEN, or yours of BAILIAN_HTTP_TOKENS) as 'Authorization: Bearer ...'.\n"
        return PlainTextResponse(said, 401, {"WWW-Authenticate": "Bearer"})
