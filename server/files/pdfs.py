"""A PDF, page by page: as pictures, and its own text layer. PDFium runs in a process of its own (`painter`)."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp.server.mcpserver.exceptions import ToolError

from . import painter
from .pictures import Picture, shape_refused

PDFS_AT_ONCE = 8
MOST_BYTES = 150_000_000
MOST_CHARACTERS = 5_000_000
CHUNK = 1 << 20
GRACE_S = 0.3
HEADER_BYTES = 1 << 20


@dataclass(frozen=True)
class Studio:
    """Where PDFs are drawn: so many at once, in processes with these variables, which hold no key (None: our own)."""

    surroundings: Mapping[str, str] | None = None
    longest_s: float = 20  # for one page
    seats: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(PDFS_AT_ONCE))


class Pdf:
    """An open PDF. Pages are numbered from 1."""

    def __init__(self, name: str, file: BinaryIO, studio: "Studio") -> None:
        """Takes `file` over."""
        self.name = name
        self.file = file
        self.bytes = file.seek(0, 2)
        self.count = 0
        self._studio = studio
        self._seats = AsyncExitStack()
        self._painter: tuple[Process, BufferedByteReceiveStream] | None = None
        self._turn = anyio.Lock()

    async def open(self) -> None:
        """Raises ToolError: locked, broken or too large."""
        if self.bytes > MOST_BYTES:
            raise ToolError(
                f"{self.name} has {self.bytes / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} MB are read. Split it."
            )
        await self._seats.enter_async_context(self._studio.seats)
        async with self._turn:
            await self._start()

    async def aclose(self) -> None:
        await self._stop()
        await self._seats.aclose()
        self.file.close()

    async def sizes(self, numbers: Sequence[int], most_pixels: int) -> list[tuple[int, int] | None]:
        """Of the pictures of these pages, in pixels."""
        header, _ = await self._asked(self.name, "sizes", most_pixels, *numbers)
        return [(width, height) for width, height in header["sizes"]]

    async def picture(self, number: int, most_pixels: int) -> Picture:
        """A page as it prints, at 200 dots an inch, or as many as `most_pixels` leave.

        Raises:
            ToolError: the page cannot be drawn, or takes too long or too much memory.
        """
        page = f"Page {number} of {self.name}"
        header, content = await self._asked(page, "picture", number, most_pixels)
        if header.get("trouble") == "shape":
            raise shape_refused(page, header["width"], header["height"])
        size = (header["width"], header["height"])
        return Picture("image/jpeg", content, size, size, header["blank"])

    async def text(self, number: int) -> str:
        """The page's text layer; empty where it has none."""
        _, content = await self._asked(f"Page {number} of {self.name}", "text", number)
        return content.decode()

    async def texts(self, most_characters: int = MOST_CHARACTERS) -> list[str]:
        """The text layers of all pages; empty ones where there is none, as in a scan.

        Raises:
            ToolError: more than is read at once.
        """
        pages: list[str] = []
        for number in range(1, self.count + 1):
            pages.append(await self.text(number))
            most_characters -= len(pages[-1])
            if most_characters < 0:
                raise ToolError(f"{self.name} holds more text than is read at once. Split it and give the parts.")
        return pages

    def content(self) -> bytes:
        self.file.seek(0)
        return self.file.read()

    # --- the process that draws ---

    async def _asked(self, about: str, what: str, *numbers: int) -> tuple[dict[str, Any], bytes]:
        async with self._turn:
            if self._painter is None:
                await self._start()
            assert self._painter
            process, answers = self._painter
            try:
                assert process.stdin
                await process.stdin.send(json.dumps([what, *numbers]).encode() + b"\n")
                header = json.loads(await answers.receive_until(b"\n", HEADER_BYTES))
                content = await answers.receive_exactly(header.get("bytes", 0))
            except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
                await self._stop()  # and begin anew with the next page
                raise ToolError(
                    f"{about} takes too long or too much memory to draw. Print it into a new PDF, or scan it."
                ) from None
            except BaseException:  # cancelled: what it still says belongs to nobody
                await self._stop()
                raise
        if header.get("trouble") == "broken":
            raise ToolError(f"{about} is broken. Save the PDF again.")
        return header, content

    async def _start(self) -> None:
        process = await anyio.open_process(
            [sys.executable, "-P", painter.__file__, str(self._studio.longest_s)],
            env=self._studio.surroundings,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin
        assert process.stdout
        self._painter = (process, BufferedByteReceiveStream(process.stdout))
        try:
            await process.stdin.send(json.dumps({"bytes": self.bytes}).encode() + b"\n")
            self.file.seek(0)
            while chunk := self.file.read(CHUNK):
                await process.stdin.send(chunk)
            header = json.loads(await self._painter[1].receive_until(b"\n", HEADER_BYTES))
        except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
            header = {"trouble": "broken"}
        if "trouble" in header:
            await self._stop()
            locked = header["trouble"] == "locked"
            why = "it is locked: remove its password" if locked else "it is broken, or has no pages: save it again"
            raise ToolError(f"{self.name} is a PDF that cannot be opened, since {why}.")
        self.count = header["pages"]

    async def _stop(self) -> None:
        if self._painter is None:
            return
        process, self._painter = self._painter[0], None
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(GRACE_S):  # it ends with its input, unless it is drawing
                assert process.stdin
                await process.stdin.aclose()
                await process.wait()
            if process.returncode is None:
                process.kill()
            await process.aclose()
