"""Who may come in over HTTP: by an allowed name, with the token."""

import re
import secrets
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

HEALTH_PATH = "/healthz"
PORT = re.compile(r":[0-9]*$")


class AuthMiddleware:
    """Lets in who comes by an allowed name and knows the token. The health check is open: it says nothing.

    The SDK checks Host again, and Origin; only here can the refusal say which setting mends it.
    """

    def __init__(self, app: ASGIApp, token: str, names: Sequence[str]) -> None:
        self._app = app
        self._token = token.encode()
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = (
            self._refusal(Headers(scope=scope)) if scope["type"] == "http" and scope["path"] != HEALTH_PATH else None
        )
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        if PORT.sub("", headers.get("host", "")).lower() not in self._names:
            return PlainTextResponse("This host name is not allowed: add it to BAILIAN_ALLOWED_HOSTS.\n", 421)
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if not self._token or (scheme.lower() == "bearer" and secrets.compare_digest(given.encode(), self._token)):
            return None
        said = "Send the token of BAILIAN_HTTP_TOKEN as 'Authorization: Bearer ...'.\n"
        return PlainTextResponse(said, 401, {"WWW-Authenticate": "Bearer"})
