"""The sandbox behind faults: what a service of many does now and then, at random but the same each time."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from bailian_mcp.server import sandbox

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
RATE = (
    b'{"error":{"message":"You exceeded your current requests list.","type":"limit_requests","code":"limit_requests"}}'
)
INTERNAL = b'{"error":{"message":"An internal error.","type":"InternalError","code":"InternalError"}}'
FAULTS = {"none": 839, "rate": 1, "internal": 30, "cut": 50, "slow": 60, "hung": 20}  # in a thousand requests
SLOW_S, HUNG_S = 2.0, 20.0


class FaultyDashScope:
    """An ASGI application. `seen`: how often each fault was given."""

    def __init__(self, seed: int = 17) -> None:
        self._sandbox = sandbox.app()
        self._random = random.Random(seed)
        self.seen = dict.fromkeys(FAULTS, 0)

    async def __call__(self, scope: Message, receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            await self._sandbox(scope, receive, send)
            return
        (fault,) = self._random.choices(list(FAULTS), list(FAULTS.values()))
        self.seen[fault] += 1
        if fault in ("rate", "internal"):
            await _refuse(send, *((429, RATE) if fault == "rate" else (500, INTERNAL)))
            return
        if fault in ("slow", "hung"):
            await anyio.sleep(SLOW_S if fault == "slow" else HUNG_S)
        await self._sandbox(scope, receive, _Cut(send) if fault == "cut" else send)


async def _refuse(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Cut:
    """Ends the stream after its second piece, as a gateway that is restarted does."""

    def __init__(self, send: Send) -> None:
        self._send, self._pieces = send, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self._pieces += 1
            if self._pieces > 2:
                return
            message = {**message, "more_body": message.get("more_body", False) and self._pieces < 2}
        await self._send(message)
