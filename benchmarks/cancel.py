"""How long after a host cancels a call its connection to DashScope is closed. A real process over stdio; loopback only.

Run: `.venv/bin/python benchmarks/cancel.py`
"""

import os
import statistics
import sys
import time
from contextlib import aclosing
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

ROUNDS = 20
HALF_AN_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    b'data: {"choices": [{"delta": {"content": "..."}, "finish_reason": null}]}\n\n'
)


async def measured() -> list[float]:
    asked, closed = anyio.create_memory_object_stream[None](1), anyio.create_memory_object_stream[float](1)

    async def answer_half(connection: Any) -> None:
        async with aclosing(connection):
            await connection.receive()
            await connection.send(HALF_AN_ANSWER)
            await asked[0].send(None)
            try:
                while True:
                    await connection.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                await closed[0].send(time.perf_counter())

    took = []
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer_half)
        url = f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}"
        environment = {**os.environ, "DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": "none"}
        server = StdioServerParameters(command=sys.executable, args=["-m", "bailian_mcp.server"], env=environment)
        async with Client(server) as host:
            for _ in range(ROUNDS):
                async with anyio.create_task_group() as call:
                    call.start_soon(host.call_tool, "chat", {"prompt": "x"})
                    await asked[1].receive()
                    start = time.perf_counter()
                    call.cancel_scope.cancel()
                took.append(await closed[1].receive() - start)
        tasks.cancel_scope.cancel()
    return took


if __name__ == "__main__":
    milliseconds = sorted(1000 * seconds for seconds in anyio.run(measured))
    print(
        f"cancel -> upstream closed, {ROUNDS} calls over stdio: "
        f"median {statistics.median(milliseconds):.1f} ms, worst {milliseconds[-1]:.1f} ms"
    )
