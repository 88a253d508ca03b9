"""`make bulk`: a batch of 50,000 inputs at half price, whose server is killed three times: is each there once?

The sandbox answers in a process of its own, on loopback; nothing is billed.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

SERVER = [sys.executable, "-m", "bailian_mcp.server"]
CAP_CNY = "100000"


class Bulk:
    def __init__(self, folder: Path, url: str, how: str, work: dict[str, Any]) -> None:
        self._folder, self._how, self._work, self._chance = folder, how, work, random.Random(7)
        self._environment = {
            "DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": "sk-bulk-0123456789", "BAILIAN_TOOLS": "bulk",
            "BAILIAN_STATE_DIR": str(folder / "state"), "BAILIAN_OUTPUT_DIR": str(folder / "out"),
            "BAILIAN_ALLOWED_DIRS": str(folder), "BAILIAN_MAX_COST_PER_DAY": CAP_CNY, "PATH": os.environ["PATH"],
        }  # fmt: skip
        self.peak_mb = 0.0

    async def run(self, until: str) -> bool:
        """One process: killed when its progress says `until`, or left to its end ("")."""
        parameters = StdioServerParameters(command=SERVER[0], args=SERVER[1:], env=self._environment)
        before = _children()
        async with Client(stdio_client(parameters)) as host:
            (pid,) = _children() - before
            killed = anyio.Event()

            async def progress(_: float, __: float | None, message: str | None) -> None:
                self.peak_mb = max(self.peak_mb, _rss_mb(pid))
                if until and until in (message or "") and not killed.is_set():
                    await anyio.sleep(self._chance.random())
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    killed.set()

            arguments = {**self._work, "output": "results.jsonl", "how": self._how}
            with suppress(Exception):
                result = await host.call_tool("batch", arguments, progress_callback=progress)
                while _said(result).splitlines()[0].find("RUNNING") >= 0 and not killed.is_set():
                    job = (result.structured_content or {}).get("job") or _said(result).split('id="')[1].split('"')[0]
                    result = await host.call_tool("job", {"id": job}, progress_callback=progress)
                print(_said(result).splitlines()[0][:160])
        return not killed.is_set()

    def check(self, count: int) -> dict[str, Any]:
        lines = [json.loads(line) for line in (self._folder / "out" / "results.jsonl").read_text("utf-8").splitlines()]
        ids = Counter(line["id"] for line in lines)
        with sqlite3.connect(self._folder / "state" / "state.db") as ledger:
            rows = ledger.execute("SELECT state, count(*), sum(most) FROM requests GROUP BY state").fetchall()
            jobs = ledger.execute("SELECT count(DISTINCT job) FROM requests").fetchone()[0]
        told = sum(int(float(line.get("cost_cny") or 0) * 1e9 + 0.5) for line in lines)
        return {
            "inputs": count, "lines": len(lines), "each once": set(ids.values()) == {1} and len(ids) == count,
            "ends": dict(Counter(line["end"] for line in lines)), "ledger": rows, "calls in the ledger": jobs,
            "told nano-CNY": told, "left beside the output": sorted(p.name for p in (self._folder / "out").iterdir()),
        }  # fmt: skip


def _said(result: Any) -> str:
    return str(result.content[0].text)


def _children() -> set[int]:
    command = ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    rows = [line.split(None, 1) for line in listed.splitlines()]
    return {int(pid) for pid, command in rows if "bailian_mcp.server" in command and "sandbox" not in command}


def _rss_mb(pid: int) -> float:
    with suppress(OSError, IndexError, ValueError):
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024
    return 0.0


def _prompts(folder: Path, count: int) -> dict[str, Any]:
    with (folder / "inputs.jsonl").open("w", encoding="utf-8") as file:
        for number in range(count):
            line = {"id": f"p{number}", "prompt": f"第 {number} 件专利摘要：一句话概括。"}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    shared = {"model": "qwen-flash", "max_output_tokens": 200}
    return {"tool": "chat", "source": str(folder / "inputs.jsonl"), "arguments": shared}


def _pdf(line: str) -> bytes:
    """One page with one line, in a font that every reader has."""
    drawn = f"BT /F 20 Tf 50 700 Td ({line}) Tj ET".encode()
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    table = b"xref\n0 6\n0000000000 65535 f \n" + rows
    return body + table + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(body)


def _pdfs(folder: Path, count: int) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    for number in range(count):
        (folder / f"p{number}.pdf").write_bytes(_pdf(f"name: patent {number}"))
    return {"tool": "extract", "source": str(folder / "*.pdf"), "arguments": {"json_schema": schema}}


async def _bulk(count: int, how: str, kills: list[str], *, pdfs: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work = (_pdfs if pdfs else _prompts)(folder, count)
        sandbox = subprocess.Popen([*SERVER, "sandbox", "--port", "0"], stderr=subprocess.PIPE, text=True)
        try:
            assert sandbox.stderr
            url = sandbox.stderr.readline().split("DASHSCOPE_BASE_URL=")[1].split()[0]
            bulk = Bulk(folder, url, how, work)
            for until in [*kills, ""]:
                began = time.monotonic()
                ended = await bulk.run(until)
                lasted_s = time.monotonic() - began
                print(f"{'killed at ' + until if until else 'to its end'}: {lasted_s:.1f} s, ended {ended}")
            print(f"peak {bulk.peak_mb:.0f} MB")
            for what, value in bulk.check(count).items():
                print(f"{what}: {value}")
        finally:
            sandbox.kill()
            sandbox.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=50_000)
    parser.add_argument("--how", choices=["half_price", "now"], default="half_price")
    parser.add_argument("--kills", default="planned,planned,batch")
    parser.add_argument("--pdfs", action="store_true", help="extractions from PDFs instead of prompts")
    given = parser.parse_args()
    kills = [each for each in given.kills.split(",") if each]
    anyio.run(partial(_bulk, given.inputs, given.how, kills, pdfs=given.pdfs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
