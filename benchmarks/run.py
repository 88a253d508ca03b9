"""`make bench`: bailian-mcp beside the smallest server on the same SDK, in one run, over stdio; loopback only.

Absolute times are this machine's and drift; the ratio is what counts. Rounds alternate between the two.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters
from starts import ERAS, started

HERE = Path(__file__).parent
SERVERS = {
    "bailian-mcp": [sys.executable, "-m", "bailian_mcp.server"],
    "minimal": [sys.executable, str(HERE / "minimal.py")],
}
CATALOG_CALLS: dict[str, dict[str, object]] = {
    "cost": {"input_tokens": 300_000, "output_tokens": 2_000},
    "models": {"query": "便宜的视觉模型"},
}
STARTS = 15  # of each server in each era, by turns
FIRST_S = 0.25  # later progress is not the first
ROUNDS, CALLS, IN_FLIGHT, MANY = 5, 100, 64, 512


@dataclass
class Figures:
    """Samples by name; milliseconds unless the name says otherwise."""

    samples: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.samples.setdefault(name, []).append(value)


class Upstream:
    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, HERE / "upstream.py"], stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{self.line():.0f}"

    def line(self) -> float:
        assert self.process.stdout
        return float(self.process.stdout.readline())


async def measured(command: list[str], upstream: Upstream, figures: Figures) -> None:
    environment = {**os.environ, "DASHSCOPE_BASE_URL": upstream.url, "DASHSCOPE_API_KEY": "none"}
    server = StdioServerParameters(command=command[0], args=command[1:], env=environment)
    start = time.monotonic()
    async with Client(server, mode="legacy") as host:
        offered = {tool.name for tool in (await host.list_tools()).tools}
        figures.add("start -> tools/list, SDK's client", 1000 * (time.monotonic() - start))
        for name, arguments in CATALOG_CALLS.items():
            if name in offered:
                await catalog_calls(host, figures, name, arguments)
        await calls_in_a_row(host, figures)
        await calls_at_once(host, figures)
        await cancelled(host, upstream, figures)


async def catalog_calls(host: Client, figures: Figures, name: str, arguments: dict[str, object]) -> None:
    for number in range(CALLS // 4):
        start = time.monotonic()
        await host.call_tool(name, arguments)
        figures.add(f"{name}{'' if number else ', the first'}", 1000 * (time.monotonic() - start))


async def calls_in_a_row(host: Client, figures: Figures) -> None:
    async def progress(progress: float, total: float | None, message: str | None) -> None:
        sent = [word for word in (message or "").split() if word.replace(".", "").isdigit() and len(word) > 6]
        if sent and progress < FIRST_S:
            figures.add("first chunk -> first progress", 1000 * (time.monotonic() - float(sent[0])))

    await host.call_tool("chat", {"prompt": "warm"})
    for _ in range(CALLS):
        start = time.monotonic()
        await host.call_tool("chat", {"prompt": "x"}, progress_callback=progress)
        figures.add("a call of 20 chunks", 1000 * (time.monotonic() - start))


async def calls_at_once(host: Client, figures: Figures) -> None:
    turns = anyio.Semaphore(IN_FLIGHT)

    async def call() -> None:
        async with turns:
            await host.call_tool("chat", {"prompt": "x"})

    start = time.monotonic()
    async with anyio.create_task_group() as tasks:
        for _ in range(MANY):
            tasks.start_soon(call)
    figures.add(f"calls/s, {IN_FLIGHT} in flight", MANY / (time.monotonic() - start))


async def cancelled(host: Client, upstream: Upstream, figures: Figures) -> None:
    for _ in range(CALLS // 10):
        seen = anyio.Event()

        async def progress(progress: float, total: float | None, message: str | None, seen: anyio.Event = seen) -> None:
            seen.set()

        async def call(progress: object = progress) -> None:
            await host.call_tool("chat", {"prompt": "pause"}, progress_callback=progress)  # type: ignore[arg-type]

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await seen.wait()
            start = time.monotonic()
            tasks.cancel_scope.cancel()
        figures.add("cancel -> upstream closed", 1000 * (await anyio.to_thread.run_sync(upstream.line) - start))


def memory_mib(command: list[str], upstream: Upstream) -> float:
    """Peak resident memory of a process that listed its tools and began a call (POSIX)."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], input=sys.stdin.buffer.read(), stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
    messages = [
        {"id": 0, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 1, "method": "tools/list"},
        {"id": 2, "method": "tools/call", "params": {"name": "chat", "arguments": {"prompt": "x"}}},
    ]
    lines = "".join(json.dumps({"jsonrpc": "2.0", **message}) + "\n" for message in messages)
    environment = {**os.environ, "DASHSCOPE_BASE_URL": upstream.url, "DASHSCOPE_API_KEY": "none"}
    program = [sys.executable, "-c", code, *command]
    told = subprocess.run(program, input=lines.encode(), capture_output=True, env=environment)
    return float(told.stdout) / 1024


@asynccontextmanager
async def upstream_running() -> AsyncIterator[Upstream]:
    upstream = Upstream()
    try:
        yield upstream
    finally:
        upstream.process.terminate()
        upstream.process.wait()


def starts(figures: dict[str, Figures], url: str) -> None:
    for era in [*ERAS] * STARTS:
        for name, command in SERVERS.items():
            for what, value in started(command, era, url).items():
                figures[name].add(what, value)


async def main() -> None:
    figures = {name: Figures() for name in SERVERS}
    async with upstream_running() as upstream:
        for _ in range(ROUNDS):
            for name, command in SERVERS.items():
                await measured(command, upstream, figures[name])
                figures[name].add("peak memory, MiB", memory_mib(command, upstream))
        starts(figures, upstream.url)
    ours, peer = figures.values()
    print(f"median of {ROUNDS} rounds; milliseconds, less is better, unless said otherwise")
    print(f"{'':38}{'bailian-mcp':>14}{'minimal':>12}{'ratio':>9}")
    for name, samples in ours.samples.items():
        one = statistics.median(samples)
        if name in peer.samples:
            other = statistics.median(peer.samples[name])
            print(f"{name:38}{one:14.2f}{other:12.2f}{one / other:9.2f}")
        else:
            print(f"{name:38}{one:14.2f}")
    print(f"worst cancel -> upstream closed: {max(ours.samples['cancel -> upstream closed']):.1f} ms")


if __name__ == "__main__":
    anyio.run(main)
