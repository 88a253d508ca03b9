"""What the SDK would stumble over in a request, mended before it gets there."""

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

LAST_EVENT_ID = b"last-event-id"


def mended(app: Starlette, path: str) -> ASGIApp:
    """The application, served at its path with a slash at the end too."""
    app.router.redirect_slashes = False  # behind TLS it would lead to http://, and clients drop the token on the way

    async def serve_mended(scope: Scope, receive: Receive, send: Send) -> None:
        await app(_mended_scope(scope, path) if scope["type"] == "http" else scope, receive, send)

    return serve_mended


def _mended_scope(scope: Scope, path: str) -> Scope:
    """Without Last-Event-ID: we keep no events to resume from, and the SDK then answers nothing at all."""
    own = {"path": path, "raw_path": path.encode()} if scope["path"] == f"{path}/" else {}
    return {**scope, **own, "headers": [pair for pair in scope["headers"] if pair[0] != LAST_EVENT_ID]}
