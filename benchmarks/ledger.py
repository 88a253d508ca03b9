"""`make ledger ARGS="--rows 10000000"`: a ledger of so many rows; what a cap and a report cost then. A few minutes."""

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import anyio
from bailian_mcp.server.spending import Cap, Database, Ledger, ReportSpan, RequestEntry, Reserved, Settlement

DAYS, BATCH, ROUNDS = 365, 100_000, 50
MODELS = [f"qwen{number}-plus" for number in range(12)]
TOOLS = ("chat", "extract", "ocr", "web_search")
DETAILS = '{"usage":{"input_tokens":1000,"output_tokens":500},"cost":{"total":"0.006","lines":[' + "0" * 120 + "]}}"
COLUMNS = (
    "at, day, model, region, tool, client, session, job, sandbox, pid, process, state, outcome, least, most,"
    " input_tokens, output_tokens, request_id, short_id, details"
)
SIDES = ("day", "client", "model", "tool", "session", "region")


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """Evenly over a year: 30 clients, each with 12 models and sessions of 200 calls."""
    chance = random.Random(17)
    for number in range(count):
        day = f"2025-{number * 12 // count + 1:02}-{number * 336 // count % 28 + 1:02}"
        client, session = f"client {number % 30}", f"{number // 6_000}-{number % 30}"
        known = float(number), day, chance.choice(MODELS), "cn-beijing", TOOLS[number % 4], client, session, ""
        end = 6_000_000, 6_000_000, 1_000, 500, f"req-{number:010}", f"{number:08}", DETAILS
        yield *known, 0, 1, "p", "settled", "answered", *end


def fill(file: Path, count: int) -> None:
    with sqlite3.connect(file) as ledger:
        ledger.execute("PRAGMA synchronous=OFF")
        source, sql = rows(count), f"INSERT INTO requests ({COLUMNS}) VALUES ({', '.join('?' * 20)})"
        for _ in range(0, count, BATCH):
            ledger.executemany(sql, (row for row, _ in zip(source, range(BATCH), strict=False)))
            ledger.commit()
        for side in SIDES:
            ledger.execute(
                f"INSERT INTO totals SELECT sandbox, '{side}', client, day, {side}, count(*), sum(input_tokens),"
                " sum(output_tokens), sum(least), sum(most), 0, 0 FROM requests GROUP BY 3, 4, 5"
            )


async def timed(name: str, work: Callable[[], Awaitable[Any]]) -> None:
    samples = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await work()
        samples.append((time.perf_counter() - began) * 1_000)
    sys.stdout.write(f"{name:44} {median(samples):8.2f} ms median, {max(samples):8.2f} most\n")


async def measured(folder: Path) -> None:
    ledger = Ledger(Database(folder))
    cap = Cap("DAY", "day 2026-01-01", 10**15, "tomorrow")

    async def call() -> None:
        held = await ledger.reserve(RequestEntry(time.time(), "2026-01-01", "qwen1-plus"), 10**8, 1, [cap])
        assert isinstance(held, Reserved)
        await ledger.settle(held, Settlement("answered", 6_000_000, 6_000_000, items={"input": (1_000, 2_000_000)}))

    await timed("reserve and settle, under a cap", call)
    week, year = ReportSpan("2025-12-20", "2025-12-28"), ReportSpan("2025-01-01", "2025-12-31")
    await timed("usage of a week, by day", lambda: ledger.sums("day", week))
    await timed("usage of a week, by session", lambda: ledger.sums("session", week))
    await timed("usage of a year, by model", lambda: ledger.sums("model", year))
    mine = ReportSpan(year.first, year.last, client="client 7")
    await timed("usage of a year, by session, of a client", lambda: ledger.sums("session", mine))
    await timed("one request, by its id in short", lambda: ledger.requests("00001234", None))


async def begun(folder: Path) -> None:
    database = Database(folder)
    await Ledger(database).spent("")
    await database.aclose()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    count = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        anyio.run(begun, folder)
        fill(folder / "state.db", count)
        with sqlite3.connect(folder / "state.db") as file:
            sums = file.execute("SELECT count(*) FROM totals").fetchone()[0]
        size = (folder / "state.db").stat().st_size / 1e9
        sys.stdout.write(f"{count:,} rows, {sums:,} sums, {size:.1f} GB\n")
        anyio.run(measured, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
