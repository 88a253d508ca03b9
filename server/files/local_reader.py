"""A second reader on this machine: pictures are read in a process of its own (`reading`), which may be ended any time.

Only with the extra `[local]`. It costs nothing, invents nothing, and knows where its letters stand.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from .page_rows import page_rows
from .readings import Point, ReadLine, lines_of
from .renderer import LOST, MAX_HEADER_BYTES, STUCK_AFTER_S

# By itself, since all of ours would take longer to load
READING_START = (
    "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('reading.process', run_name='__main__')"
)
NEEDED = ("rapidocr", "onnxruntime")
MAX_PAGE_S = 60.0
MAX_THREADS = 4
MAX_START_S = 60.0


class NotReadHere(Exception):
    """Why a picture was not read on this machine."""


class LocalReader:
    """One process for all calls, started when first asked; one picture after another."""

    def __init__(self, environment: Mapping[str, str] | None = None, *, timeout_s: float = MAX_PAGE_S) -> None:
        self._environment, self._timeout_s = environment, timeout_s
        self._process: tuple[Process, BufferedByteReceiveStream] | None = None
        self._is_loaded = False
        self._turn = anyio.Lock()

    @property
    def is_installed(self) -> bool:
        return all(find_spec(name) for name in NEEDED)

    async def __aenter__(self) -> "LocalReader":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        await self._end()

    async def lines(self, content: bytes) -> tuple[ReadLine, ...]:
        """Of an image file of any kind that Pillow knows, in its pixels; row by row, however the picture is turned.

        Raises:
            NotReadHere: it cannot be read, or takes too long or too much memory.
        """
        async with self._turn:
            try:
                with anyio.fail_after(MAX_START_S + STUCK_AFTER_S):
                    process, answers = await self._running()
                with anyio.fail_after(self._timeout_s + STUCK_AFTER_S):
                    said = await _asked(process, answers, content)
            except LOST:
                await self._end()  # and begin anew with the next picture
                raise NotReadHere("it takes too long or too much memory") from None
            except OSError as error:
                raise NotReadHere(f"no process can be started ({error.strerror})") from None
            except NotReadHere:
                raise
            except BaseException:  # cancelled: what it still says belongs to nobody; what only loads is for the next
                if self._is_loaded:
                    await self._end()
                raise
        lines = lines_of(said)
        return tuple(lines[number] for row in page_rows(lines) for number in row)

    async def _running(self) -> tuple[Process, BufferedByteReceiveStream]:
        """It may have ended by itself, since nobody asked."""
        if self._process and self._process[0].returncode is not None:
            await self._end()
        running = self._process or await self._begin()
        if not self._is_loaded:
            header = json.loads(await running[1].receive_until(b"\n", MAX_HEADER_BYTES))
            if "refusal" in header:
                await self._end()
                raise NotReadHere(header["refusal"])
            self._is_loaded = True
        return running

    async def placed_texts(self, content: bytes) -> list[tuple[str, tuple[Point, ...]]]:
        """Each line and its corners; none where nothing can be read here."""
        if not self.is_installed:
            return []
        try:
            return [(line.text, line.corners) for line in await self.lines(content)]
        except NotReadHere:
            return []

    async def _begin(self) -> tuple[Process, BufferedByteReceiveStream]:
        threads = str(max(1, min(MAX_THREADS, os.cpu_count() or 1)))
        process = await anyio.open_process(
            [sys.executable, "-P", "-c", READING_START, str(Path(__file__).parent), str(self._timeout_s), threads],
            env=self._environment,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout
        self._process = process, BufferedByteReceiveStream(process.stdout)
        return self._process

    async def _end(self) -> None:
        if self._process is None:
            return
        process, self._process, self._is_loaded = self._process[0], None, False
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.aclose()


async def _asked(process: Process, answers: BufferedByteReceiveStream, content: bytes) -> list[dict[str, Any]]:
    assert process.stdin
    await process.stdin.send(json.dumps({"bytes": len(content)}).encode() + b"\n" + content)
    header = json.loads(await answers.receive_until(b"\n", MAX_HEADER_BYTES))
    if "refusal" in header:
        raise NotReadHere(header["refusal"])
    found: list[dict[str, Any]] = json.loads(await answers.receive_exactly(header["bytes"]))
    return found
