"""`make reader-time`: what documents take with the second reader and without, on an upstream that takes 6 s a page.

A scan of so many pages, drawn from the truth set, is read whole, call by call; the upstream's answers are perfect
readings. A line says how many pages were checked in time, and the most memory of this process and of the reader's.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import anyio
import httpx2
from mcp import Client
from pydantic import SecretStr

from ...server.app.server import build
from ...server.calls.context import AppContext
from ...server.dashscope import DashScope
from ...server.endpoints import host
from ...server.files import LocalReader
from ..truth import readings
from ..truth.drawing import drawn
from ..truth.marks import placed
from ..truth.rendering import reading_text

UPSTREAM_S = 6.0
KINDS_OF_PAGES = 10
SEED = 7


def scan(count: int) -> tuple[bytes, list[str]]:
    """A PDF of pictures, and a perfect reading of each of the first ones, which come again and again."""
    rng = Random(SEED)
    kinds = [readings.GENRES[at](rng) for at in range(KINDS_OF_PAGES)]
    images = [drawn(page, rng) for page in kinds]
    texts = [placed(reading_text(page, frozenset({"written as plain"}), rng)).text for page in kinds]
    content = BytesIO()
    first, *rest = [images[at % KINDS_OF_PAGES] for at in range(count)]
    first.save(content, "PDF", resolution=200, save_all=True, append_images=rest)
    return content.getvalue(), texts


class Upstream(httpx2.AsyncBaseTransport):
    """Says what is on a page, after a while: it knows it by the size of its picture's data."""

    def __init__(self, texts: dict[int, str], seconds: float) -> None:
        self.texts, self.seconds = texts, seconds

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(await request.aread())
        await anyio.sleep(self.seconds)
        address = body["input"]["messages"][0]["content"][0]["image"]
        text = self.texts[len(address)]
        choice = {"finish_reason": "stop", "message": {"role": "assistant", "content": [{"text": text}]}}
        usage = {"input_tokens": 1_000, "output_tokens": 300, "total_tokens": 1_300}
        reply = {"output": {"choices": [choice]}, "usage": usage, "request_id": "bench"}
        frame = f"id:1\nevent:result\n:HTTP_STATUS/200\ndata:{json.dumps(reply)}\n\n"
        return httpx2.Response(200, content=frame.encode(), headers={"content-type": "text/event-stream"})


@asynccontextmanager
async def served(folder: Path, transport: Upstream, reader: LocalReader, second: bool) -> AsyncIterator[Client]:
    at = host("https://dashscope.aliyuncs.com")
    async with DashScope(at, SecretStr("sk-bench"), redact=str, transport=transport) as client:
        context = AppContext(
            client, at, (folder,), structured=True, local_reader=reader, second_reader=second, soft_timeout_s=3_600
        )
        async with Client(build(context)) as connected:
            yield connected


async def read(client: Client, path: Path, count: int) -> tuple[float, int]:
    """Seconds for all of it, and how many pages were checked in time."""
    begun, left, checked = time.monotonic(), f"1-{count}", 0
    while left:
        result = await client.call_tool("ocr", {"source": str(path), "pages": left}, read_timeout_seconds=3_600)
        data: dict[str, Any] = result.structured_content or {}
        if result.is_error or "pages" not in data:
            raise SystemExit(str(result.content))
        checked += sum("numbers" in page.get("second_reader", {}) for page in data["pages"])
        left = data["next_pages"]
    return time.monotonic() - begun, checked


async def main_async(counts: list[int], seconds: float) -> None:
    print(f"upstream {seconds:g} s a page | pages | without | with | ratio | checked in time | memory of both, MB")
    for count in counts:
        content, texts = scan(count)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            (path := folder / "scan.pdf").write_bytes(content)
            await line(path, count, texts, seconds)


async def line(path: Path, count: int, texts: list[str], seconds: float) -> None:
    transport = Upstream(await lengths(path, texts), seconds)
    async with LocalReader() as reader:
        took = {}
        for second in (False, True):
            async with served(path.parent, transport, reader, second) as client:
                took[second] = await read(client, path, count)
    (alone, _), (both, checked) = took[False], took[True]
    own, children = (
        resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(f"{count} | {alone:.1f} s | {both:.1f} s | {both / alone:.2f} | {checked} | {own} + {children}", flush=True)


async def lengths(path: Path, texts: list[str]) -> dict[int, str]:
    """Which text belongs to a picture of that length, as it will be sent."""
    from ...server.catalog import shipped
    from ...server.catalog.pricing import pixels_for
    from ...server.files import Pdf, open_input

    known = shipped().find("qwen3.5-ocr")
    async with open_input(str(path), (path.parent,)) as found:
        assert isinstance(found, Pdf)
        numbers = range(1, min(found.count, len(texts)) + 1)
        pictures = [await found.picture(number, pixels_for("qwen3.5-ocr", known)) for number in numbers]
    return {len(picture.data_uri): text for picture, text in zip(pictures, texts, strict=False)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", default="1,20,300")
    parser.add_argument("--seconds", type=float, default=UPSTREAM_S, help="of the upstream, for a page")
    asked = parser.parse_args()
    anyio.run(main_async, [int(count) for count in asked.pages.split(",")], asked.seconds)


if __name__ == "__main__":
    main()
