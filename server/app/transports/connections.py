"""Whether a request's connection is still there: the SDK does not end a 2025 call when it is not."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...calls.client import ClientConnection


def watched(app: ASGIApp) -> ASGIApp:
    """The application; each request's scope tells of its connection."""

    async def serve_watched(scope: Scope, receive: Receive, send: Send) -> None:
        connection = ClientConnection()

        async def receive_watched() -> Message:
            message = await receive()
            connection.gone = connection.gone or message["type"] == "http.disconnect"
            return message

        await app({**scope, ClientConnection.KEY: connection}, receive_watched, send)

    return serve_watched
