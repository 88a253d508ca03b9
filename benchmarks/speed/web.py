"""The cheapest hosts there can be over HTTP: one connection each, a call at a time, in one event loop."""

import asyncio
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

from host import HELLO, call_of

META = "io.modelcontextprotocol/"
ERA = "2026-07-28"
ENVELOPE = {f"{META}protocolVersion": ERA, f"{META}clientInfo": HELLO["clientInfo"], f"{META}clientCapabilities": {}}
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
STARTS_S = 20.0


def request(prompt: str, port: int) -> bytes:
    """A call of 2026, which knows no sessions."""
    params = {**call_of(prompt), "_meta": ENVELOPE}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    head = (
        f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"accept: application/json, text/event-stream\r\nmcp-protocol-version: {ERA}\r\nmcp-method: tools/call\r\n"
        f"mcp-name: chat\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Caller(asyncio.Protocol):
    """Asks again whenever it is answered, until its time is over."""

    def __init__(self, asked: bytes, until: float) -> None:
        self.done = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked, self._until, self._came = asked, until, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._asked)

    def data_received(self, data: bytes) -> None:
        self._came += data
        if not whole(self._came):
            return
        if b'"result"' not in self._came or b'"isError":true' in self._came:
            self.ended.set_exception(RuntimeError(self._came[:500].decode(errors="replace")))
            self._transport.abort()
            return
        self.done, self._came = self.done + 1, b""
        if time.monotonic() < self._until:
            self._transport.write(self._asked)
        else:
            self._transport.abort()
            self.ended.set_result(None)


def whole(reply: bytes) -> bool:
    head, found, body = reply.partition(b"\r\n\r\n")
    if length := LENGTH.search(head):
        return len(body) >= int(length[1])
    return bool(found) and body.endswith(b"0\r\n\r\n")


async def _at_once(port: int, prompt: str, in_flight: int, seconds: float) -> float:
    loop, since = asyncio.get_running_loop(), time.monotonic()
    made = [
        await loop.create_connection(lambda: Caller(request(prompt, port), since + seconds), "127.0.0.1", port)
        for _ in range(in_flight)
    ]
    callers = [caller for _, caller in made]
    await asyncio.gather(*(caller.ended for caller in callers))
    return sum(caller.done for caller in callers) / (time.monotonic() - since)


def at_once(port: int, prompt: str, in_flight: int, seconds: float) -> float:
    """Calls a second."""
    return asyncio.run(_at_once(port, prompt, in_flight, seconds))


def one(port: int, prompt: str, calls: int) -> Iterator[float]:
    """Milliseconds of each of some calls, one after another."""
    asked = request(prompt, port)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(calls):
            since, came = time.monotonic(), b""
            connection.sendall(asked)
            while not whole(came):
                came += connection.recv(1 << 16)
            yield 1000 * (time.monotonic() - since)


@contextmanager
def serving(command: Sequence[str], env: Mapping[str, str]) -> Iterator[int]:
    """A server over HTTP: its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [*command, str(port)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env
    )
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    until: Any = time.monotonic() + STARTS_S
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError("the server did not start")
