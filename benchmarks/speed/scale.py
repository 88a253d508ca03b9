"""`make scale`: how time grows with what grows. Each line ends with its exponent: 1 is linear, none may be far above.

The exponent is of the last two sizes, over what the smallest takes; the sandbox answers, on loopback.
"""

import json
import math
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from host import Host, call_of, hosting
from peers import ours
from pypdf import PdfWriter
from upstreams import Upstream

ROUNDS = 3
NOISE_MS = 2.0  # a difference that is none
LIMIT = {"region": "cn-beijing", "rpm": 10**6, "tpm": 10**9, "source": "ratelimit_2026_10"}
NO_LIMITS = {"id": "qwen3.7-plus", "rate_limits": [LIMIT]}  # or the turns that they leave would be measured
ROOT = Path(__file__).parents[2]
Measured = list[tuple[int, float]]


@contextmanager
def server(folder: Path, *options: str, url: str = "", **settings: str) -> Iterator[Host]:
    (folder / "limits.json").write_text(json.dumps({"models": [NO_LIMITS]}), "utf-8")
    given = {
        "BAILIAN_ALLOWED_DIRS": str(folder),
        "BAILIAN_TOOLS": "all",
        "BAILIAN_CATALOG": str(folder / "limits.json"),
    }
    given |= settings
    command = [*ours().command, *options]
    with hosting(command, ours().environment(url, str(folder / "state"), **given)) as host:
        yield host


def ask(host: Host, tool: str, **arguments: Any) -> None:
    """One that ends with an error takes its time, too: the sandbox makes up what an extraction finds."""
    host.ask("tools/call", {"name": tool, "arguments": arguments}, failing=True)


def timed(host: Host, tool: str, rounds: int = ROUNDS, **arguments: Any) -> float:
    """Milliseconds, of the quickest: what is slower was held up by others."""
    return min(_timed(host, tool, arguments) for _ in range(rounds))


def _timed(host: Host, tool: str, arguments: Mapping[str, Any]) -> float:
    since = time.monotonic()
    ask(host, tool, **arguments)
    return 1000 * (time.monotonic() - since)


def exponent(measured: Measured) -> float:
    """Of the last two sizes, without what the smallest takes anyway."""
    (_, least), *_ = measured
    (small, before), (large, after) = measured[-2:]
    if after - least < NOISE_MS:
        return 0.0
    return math.log(max(after - least, NOISE_MS) / max(before - least, NOISE_MS)) / math.log(large / small)


def in_flight(folder: Path) -> Measured:
    """All at once: until the last has its answer."""
    found = []
    with Upstream() as upstream, server(folder, url=upstream.url, BAILIAN_MAX_CONNECTIONS="512") as host:
        for _ in range(100):
            host.call("bench:20")
        for count in (1, 8, 64, 512):
            found.append((count, min(_together(host, count) for _ in range(ROUNDS))))
    return found


def _together(host: Host, count: int) -> float:
    since, left = time.monotonic(), count
    for _ in range(count):
        host.begin("tools/call", call_of("bench:20"))
    while left:
        left -= Host.answers(host.line())
    return 1000 * (time.monotonic() - since)


def history(folder: Path) -> Measured:
    found = []
    with server(folder, "--sandbox") as host:
        for count in (1, 100, 1_000, 10_000):
            turns = [{"role": ("user", "assistant")[n % 2], "content": f"第{n}句话。"} for n in range(count)]
            found.append((count, timed(host, "chat", prompt="总结。", history=turns)))
    return found


def catalog(folder: Path) -> Measured:
    known = json.loads((ROOT / "catalog.json").read_text("utf-8"))["models"]
    model = next(each for each in known if each["id"] == "qwen3.7-plus")
    least = {
        name: model[name] for name in ("vendor", "series", "kind", "type", "input", "limits", "regions", "lifecycle")
    }
    least["prices"] = model["prices"][:1]
    found = []
    for count in (100, 1_000, 10_000):
        models = [{**least, "id": f"made-{number}-plus", "aliases": []} for number in range(count)]
        (folder / "models.json").write_text(json.dumps({"models": models}), "utf-8")
        with server(folder, BAILIAN_CATALOG=str(folder / "models.json")) as host:
            ask(host, "models")
            found.append((count, timed(host, "models", query="便宜的视觉模型")))
    return found


def rows(
    folder: Path, table: str, counts: Sequence[int], row: Callable[[int], Mapping[str, Any]], tool: str
) -> Measured:
    """A call with so many rows in a table of the state's."""
    found, there = [], 0
    for count in counts:
        with server(folder, "--sandbox") as host:
            ask(host, "chat", prompt="x")
        with sqlite3.connect(folder / "state" / "state.db") as state:
            names = tuple(row(0))
            sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
            state.executemany(sql, (tuple(row(number).values()) for number in range(there, count)))
        state.close()
        there = count
        with server(folder, "--sandbox") as host:
            ask(host, "chat", prompt="x")
            found.append((count, timed(host, tool, **({"prompt": "x"} if tool == "chat" else {}))))
    return found


def request_row(number: int) -> dict[str, Any]:
    return {
        "at": float(number), "day": f"2025-{number % 12 + 1:02}-{number % 28 + 1:02}", "model": "qwen3.7-plus",
        "region": "cn-beijing", "tool": "chat", "client": ":user", "session": f"s{number // 200}", "job": f"{number}",
        "sandbox": 1, "pid": 1, "process": "p", "state": "settled", "outcome": "answered", "least": 1, "most": 1,
        "request_id": f"r{number}", "short_id": f"{number:08}",
    }  # fmt: skip


def job_row(number: int) -> dict[str, Any]:
    now, result = time.time() - number / 10, '{"result": {"content": [{"type": "text", "text": "x"}]}}'
    return {
        "id": f"{number:016x}", "client": "another", "tool": "chat", "key": f"{number}", "state": "done",
        "started_at": now, "seen_at": now, "replay_until": 0.0, "cancel_asked": 0, "content": result,
    }  # fmt: skip


def ledger(folder: Path) -> Measured:
    """A call, which reserves and settles; ten million are `make ledger`."""
    return rows(folder, "requests", (0, 10_000, 100_000, 1_000_000), request_row, "chat")


def jobs(folder: Path) -> Measured:
    """The list of one's own, beside those of others."""
    return rows(folder, "jobs", (0, 1_000, 10_000, 100_000), job_row, "job")


def parts(folder: Path) -> Measured:
    found = []
    schema = {"type": "object", "properties": {"rows": {"type": "array", "items": {"type": "string"}}}}
    with server(folder, "--sandbox") as host:
        ask(host, "extract", json_schema=schema, text="x")
        for chars in (1_000, 100_000, 400_000, 1_600_000):
            text = "".join(f"第{n}条：甲方应当于第{n * 7 % 365}天付款。\n" for n in range(chars // 20))
            found.append((chars, timed(host, "extract", rounds=1, json_schema=schema, text=text)))
    return found


def pages(folder: Path) -> Measured:
    found = []
    with server(folder, "--sandbox") as host:
        ask(host, "chat", prompt="x")
        for count in (1, 10, 100, 1_000):
            writer = PdfWriter()
            for _ in range(count):
                writer.add_blank_page(595, 842)
            writer.write(folder / f"{count}.pdf")
            found.append((count, timed(host, "ocr", source=str(folder / f"{count}.pdf"), pages="1")))
    return found


def fields(folder: Path) -> Measured:
    found = []
    with server(folder, "--sandbox") as host:
        for count in (10, 100, 1_000, 5_000):
            ask(host, "extract", json_schema={"type": "object"}, text="x")
            schema = {"type": "object", "properties": {f"field{n}": {"type": "string"} for n in range(count)}}
            found.append((count, timed(host, "extract", json_schema=schema, text="field1: 西湖")))
    return found


LINES: dict[str, Callable[[Path], Measured]] = {
    "calls at once": in_flight,
    "messages of history": history,
    "models of a catalog": catalog,
    "rows of the ledger": ledger,
    "jobs that are kept": jobs,
    "characters of an extraction": parts,
    "pages of a PDF, one read": pages,
    "fields of a schema": fields,
}


def main() -> None:
    chosen = sys.argv[1:] or list(LINES)
    for name, line in LINES.items():
        if name in chosen:
            with tempfile.TemporaryDirectory() as folder:
                measured = line(Path(folder))
            told = "  ".join(f"{size:,}: {ms:,.0f} ms" for size, ms in measured)
            sys.stdout.write(f"{name:30} {told:70} exponent {exponent(measured):.2f}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
