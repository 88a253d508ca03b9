"""A second reader on this machine: pictures are read in a process of its own (`reading`), which may be ended any time.

Only with the extra `[local]`. It costs nothing, invents nothing, and knows where its letters stand.
"""

import json
import os
from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from types import TracebackType
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from .page_rows import page_rows
from .processes import LOST, STUCK_AFTER_S, Running, header_of, started
from .readings import Point, ReadLine, lines_of

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
        self._process: Running | None = None
        self._is_loaded = False
        self._turn = anyio.Lock()

    @cached_property
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
        lines = lines_of(await self.said_of(content))
        return tuple(lines[number] for row in page_rows(lines) for number in row)

    async def said_of(self, content: bytes) -> list[dict[str, Any]]:
        """The same as the engine says it. Raises NotReadHere."""
        async with self._turn:
            try:
                with anyio.fail_after(MAX_START_S + STUCK_AFTER_S):
                    process, answers = await self._running()
                with anyio.fail_after(self._timeout_s + STUCK_AFTER_S):
                    return await _asked(process, answers, content)
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

    async def _running(self) -> Running:
        """It may have ended by itself, since nobody asked."""
        if self._process and self._process[0].returncode is not None:
            await self._end()
        running = self._process or await self._begin()
        if not self._is_loaded:
            header = await header_of(running[1])
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

    async def _begin(self) -> Running:
        threads = max(1, min(MAX_THREADS, os.cpu_count() or 1))
        self._process = await started("reading", self._timeout_s, threads, environment=self._environment)
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
    header = await header_of(answers)
    if "refusal" in header:
        raise NotReadHere(header["refusal"])
    found: list[dict[str, Any]] = json.loads(await answers.receive_exactly(header["bytes"]))
    return found
