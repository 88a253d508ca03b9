"""A DashScope for the bench: one process on loopback. What the prompt says is how it answers, in server-sent events.

`bench:20` (and whatever else is asked): 20 chunks at once, the first with the moment it was sent. `bench:slow`: one
chunk after 200 ms. `bench:paced`: 20 chunks, 5 ms apart. `bench:big`: 5 MB in 1,000 chunks. `bench:pause`: one chunk,
then nothing until the connection is closed; the moment of that is printed. Moments are of the system's clock.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Iterator
from typing import cast

CHUNKS, SLOW_S, PACE_S = 20, 0.2, 0.005
BIG_CHUNKS, BIG_CHARS = 1_000, 1_700  # of three bytes each
ASKED = re.compile(rb"bench:(slow|paced|big|pause)")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data: str) -> bytes:
    line = f"data: {data}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(line), line)


def piece(content: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
    return chunk(json.dumps({"id": "chatcmpl-bench", "choices": [choice], "usage": None}, ensure_ascii=False))


USAGE = {"prompt_tokens": 9, "completion_tokens": 20, "total_tokens": 29}
WORDS, LAST = piece("字" * 4), piece("字" * 4, "stop")
BIG = piece("字" * BIG_CHARS)
END = chunk(json.dumps({"id": "chatcmpl-bench", "choices": [], "usage": USAGE})) + chunk("[DONE]") + b"0\r\n\r\n"


class Served(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.came, self.pausing = cast("asyncio.Transport", transport), b"", False
        self.rest: Iterator[bytes] = iter(())

    def data_received(self, data: bytes) -> None:
        self.came += data
        head, found, body = self.came.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if found and len(body) >= (int(length[1]) if length else 0):
            self.came = b""
            asked = ASKED.search(body)
            self.answer(asked[1].decode() if asked else "20")

    def answer(self, asked: str) -> None:
        if asked == "slow":
            loop = asyncio.get_running_loop()
            loop.call_later(SLOW_S, self.transport.write, HEAD + LAST + END)
            return
        self.transport.write(HEAD + piece(f"{time.monotonic()} "))
        if asked == "pause":
            self.pausing = True
        elif asked == "paced":
            self.rest = iter([WORDS] * (CHUNKS - 2) + [LAST, END])
            self.go_on()
        else:
            for each in [BIG] * BIG_CHUNKS if asked == "big" else [WORDS] * (CHUNKS - 2):
                self.transport.write(each)
            self.transport.write(LAST)
            self.transport.write(END)

    def go_on(self) -> None:
        if each := next(self.rest, b""):
            self.transport.write(each)
            asyncio.get_running_loop().call_later(PACE_S, self.go_on)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.pausing:
            sys.stdout.write(f"{time.monotonic()}\n")
            sys.stdout.flush()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Served, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())
