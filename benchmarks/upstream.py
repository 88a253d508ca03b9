"""A DashScope for the bench: one process on loopback, 20 chunks a reply, each with the moment it was sent.

With `pause` in the prompt the reply stops after its first chunk, until the connection is closed. Prints its port, then
for each such connection the moment it was closed. Moments are of the system-wide monotonic clock.
"""

import asyncio
import json
import sys
import time

CHUNKS = 20
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def frame(content: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
    data = f"data: {json.dumps({'choices': [choice], 'usage': None})}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":20,"total_tokens":29}}\n\ndata: [DONE]\n\n'
END = b"%x\r\n%s\r\n0\r\n\r\n" % (len(USAGE), USAGE)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            writer.write(HEAD + frame(f"{time.monotonic()} "))
            await writer.drain()
            if b"pause" in body:
                await reader.read(1)
                sys.stdout.write(f"{time.monotonic()}\n")
                sys.stdout.flush()
                break
            for number in range(1, CHUNKS):
                writer.write(frame("字" * 4, "stop" if number == CHUNKS - 1 else None))
                await writer.drain()
            writer.write(END)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
