"""`make soak ARGS="--minutes 30"`: one server, many clients, mixed tools, faults and cancels: what grows?

The sandbox answers, on loopback, so nothing is billed. Samples are of the server's process.
"""

import argparse
import base64
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import uvicorn
from bailian_mcp.server.network import listen, root_url
from mcp import Client
from PIL import Image

from .faults import FaultyDashScope

ERAS = ("legacy", "2026-07-28")
CLIENTS, CALLS_A_CLIENT, PAUSE_S, CANCELLED, SAMPLES = 6, 40, 0.15, 0.1, 12
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("chat", {"prompt": "用一句话介绍杭州西湖。"}),
    ("chat", {"prompt": "think", "thinking": "low"}),
    ("extract", {"json_schema": SCHEMA, "text": "name: 西湖"}),
    ("web_search", {"question": "西湖"}),
    ("ocr", {"source": "picture"}),
    ("cost", {"input_tokens": 1_000, "output_tokens": 100}),
    ("models", {"query": "qwen3.7-plus"}),
    ("usage", {"by": "tool"}),
)


@dataclass(frozen=True)
class Sample:
    minute: float
    rss_mb: float
    files: int
    threads: int
    calls: int
    rows: int
    open_rows: int
    database_mb: float

    def __str__(self) -> str:
        return (
            f"{self.minute:5.1f} min  {self.rss_mb:6.1f} MB  {self.files:3} files  {self.threads:2} threads  "
            f"{self.calls:6} calls  {self.rows:6} rows ({self.open_rows} open)  {self.database_mb:5.1f} MB on disk"
        )


@contextmanager
def upstream() -> Iterator[tuple[str, FaultyDashScope]]:
    app = FaultyDashScope()
    with listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield root_url(listening), app
        server.should_exit = server.force_exit = True
        thread.join(timeout=5)


@contextmanager
def serving(url: str, folder: Path) -> Iterator[tuple[str, int]]:
    """The server, and its process id."""
    environment = {
        "DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": "sk-soak-0123456789", "BAILIAN_STATE_DIR": str(folder),
        "BAILIAN_MAX_COST_PER_DAY": "1000000", "BAILIAN_SOFT_TIMEOUT_S": "5", "PATH": "/usr/bin:/bin",
    }  # fmt: skip
    command = [sys.executable, "-m", "bailian_mcp.server", "serve", "--transport", "streamable-http", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr
        while not (line := process.stderr.readline()).startswith("bailian-mcp listens on "):
            assert line, "the server ended before it listened"
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            yield line.removeprefix("bailian-mcp listens on ").strip(), process.pid
        finally:
            process.terminate()


class Soak:
    def __init__(self, url: str, pid: int, folder: Path, seconds: float) -> None:
        self._url, self._pid, self._folder = url, pid, folder
        self._began, self._seconds = time.monotonic(), seconds
        self._picture = picture()
        self.ended: Counter[str] = Counter()
        self.samples: list[Sample] = []

    async def run(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._sample)
            for number in range(CLIENTS):
                tasks.start_soon(self._client, random.Random(number), ERAS[number % 2])

    @property
    def _left_s(self) -> float:
        return self._began + self._seconds - time.monotonic()

    async def _client(self, chance: random.Random, era: str) -> None:
        """One after another, each with a session of its own."""
        while self._left_s > 0:
            async with Client(self._url, mode=era) as host:
                for _ in range(CALLS_A_CLIENT):
                    if self._left_s <= 0:
                        return
                    await self._call(host, chance)

    async def _call(self, host: Client, chance: random.Random) -> None:
        tool, arguments = chance.choice(CALLS)
        limit_s = chance.random() if chance.random() < CANCELLED else 60
        ended = "cancelled"
        with anyio.move_on_after(limit_s):
            try:
                result = await host.call_tool(tool, self._given(arguments))
                ended = f"error: {said(result)[:60]}" if result.is_error else "answered"
            except Exception as error:  # noqa: BLE001 - counted, whatever it is
                ended = f"raised {type(error).__name__}"
        self.ended[ended] += 1
        await anyio.sleep(PAUSE_S * chance.random() * 2)

    def _given(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {**arguments, "source": self._picture} if "source" in arguments else arguments

    async def _sample(self) -> None:
        while self._left_s > 0:
            await anyio.sleep(min(self._left_s, self._seconds / SAMPLES) + 0.01)
            self.samples.append(self._now())
            sys.stdout.write(f"{self.samples[-1]}\n")
            sys.stdout.flush()

    def _now(self) -> Sample:
        status = Path(f"/proc/{self._pid}/status").read_text("utf-8")
        numbers = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if len(line.split()) > 1}
        file = self._folder / "state.db"
        with sqlite3.connect(file) as ledger:
            rows = ledger.execute("SELECT count(*), sum(state = 'open') FROM requests").fetchone()
        return Sample(
            (time.monotonic() - self._began) / 60,
            int(numbers["VmRSS"]) / 1024,
            len(list(Path(f"/proc/{self._pid}/fd").iterdir())),
            int(numbers["Threads"]),
            self.ended.total(),
            rows[0],
            rows[1] or 0,
            sum(each.stat().st_size for each in self._folder.iterdir()) / 1e6,
        )


def picture() -> str:
    file = BytesIO()
    Image.new("RGB", (320, 200), "steelblue").save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def said(result: Any) -> str:
    return str(result.content[0].text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    seconds = parser.parse_args().minutes * 60
    with tempfile.TemporaryDirectory() as name, upstream() as (url, faults), serving(url, Path(name)) as (at, pid):
        soak = Soak(at, pid, Path(name), seconds)
        anyio.run(soak.run)
        sys.stdout.write(f"calls {dict(soak.ended)}\nupstream {faults.seen}\n")
        last = soak.samples[-1]
        with sqlite3.connect(Path(name) / "state.db") as ledger:
            spent, summed = (
                ledger.execute(sql).fetchone()[0]
                for sql in (
                    "SELECT sum(most) FROM requests",
                    "SELECT sum(most) FROM totals WHERE side = 'day'",
                )
            )
        sys.stdout.write(f"the sums are the rows: {spent == summed}; open at the end: {last.open_rows}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
