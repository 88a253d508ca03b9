"""Where files are opened and drawn: in processes of their own (`rendering`), which may be ended at any time."""

import base64
import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal

import anyio
from anyio.abc import Process

from ..errors import InvalidRequest
from .processes import LOST, STUCK_AFTER_S, Running, header_of, started
from .rendering.limits import MAX_SENT_BYTES

MAX_DATA_URI_CHARS = 10 * 1024 * 1024
MAX_INLINE_BYTES = MAX_SENT_BYTES


@dataclass(frozen=True)
class Picture:
    """Sizes in pixels, (width, height); None: not known."""

    mime: str
    content: bytes
    sent: tuple[int, int] | None  # its own size
    shown: tuple[int, int] | None  # of what it shows, as people see it: upright, before it was shrunk
    blank: bool = False
    missing_fonts: tuple[str, ...] = ()  # of which letters could not be drawn
    missing_images: int = 0  # that could not be decoded
    frames: int = 1  # of a moving picture, of which the first is shown
    whole: tuple[int, int] | None = None  # of a tile: the size of what it is cut from, before it was shrunk
    top: int = 0  # of a tile: its first row there

    @property
    def data_uri(self) -> str:
        return f"data:{self.mime};base64,{base64.b64encode(self.content).decode()}"


MAX_FILES_AT_ONCE = 8
CHUNK_BYTES = 1 << 20
END_GRACE_S = 0.3


@dataclass(frozen=True)
class Renderer:
    """So many files at once, in processes with these variables, which hold no key (None: our own)."""

    environment: Mapping[str, str] | None = None
    timeout_s: float = 20  # for one page
    slots: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(MAX_FILES_AT_ONCE))


class RenderedFile:
    """A file with pages, open for drawing. Pages are numbered from 1."""

    kind: Literal["pdf", "image"]

    def __init__(self, name: str, file: BinaryIO, renderer: Renderer) -> None:
        """Takes `file` over."""
        self.name = name
        self.file = file
        self.count = 0
        self.notes: tuple[str, ...] = ()  # what of it is not on its pages
        self._renderer = renderer
        self._slot = AsyncExitStack()
        self._process: Running | None = None
        self._turn = anyio.Lock()

    @property
    def size_bytes(self) -> int:
        return self.file.seek(0, 2)

    async def open(self) -> None:
        """Raises InvalidRequest: it cannot be opened."""
        await self._slot.enter_async_context(self._renderer.slots)
        async with self._turn:
            await self._begin()

    async def aclose(self) -> None:
        await self._end()
        await self._slot.aclose()
        self.file.close()

    async def sizes(self, numbers: Sequence[int], max_pixels: int) -> list[tuple[int, int] | None]:
        """Of the pictures of these pages, in pixels; None: not known."""
        return [sizes[0] if sizes else None for sizes in await self._sizes(numbers, max_pixels, cut=False)]

    async def tile_sizes(self, numbers: Sequence[int], max_pixels: int) -> list[list[tuple[int, int]] | None]:
        """Of the pictures of these pages, cut where that is needed."""
        return await self._sizes(numbers, max_pixels, cut=True)

    async def _sizes(self, numbers: Sequence[int], max_pixels: int, *, cut: bool) -> list[list[tuple[int, int]] | None]:
        try:
            header, _ = await self._asked(self.name, "sizes", max_pixels, int(cut), *numbers)
        except InvalidRequest:  # a page that is never done says nothing of the others
            header, _ = await self._asked(self.name, "rough_sizes", max_pixels, int(cut), *numbers)
        return [sizes and [(width, height) for width, height in sizes] for sizes in header["sizes"]]

    async def tiles(self, number: int, max_pixels: int) -> tuple[int, int]:
        """Into how many tiles a page is cut so that its letters stay legible, and how many that would take.

        Raises:
            InvalidRequest: as `picture`.
        """
        header, _ = await self._asked(self.title(number), "tiles", number, max_pixels)
        return header["count"], header["wanted"]

    async def picture(self, number: int, max_pixels: int, quality: int = 0, tile: int = 0) -> Picture:
        """A page as people see it, of at most that many pixels; a PDF's at 200 dots an inch or less.

        `quality`: of a JPEG, lower than usual; 0: as usual, and a file as it is where it can be sent so. `tile`: one of
        `tiles`, from 1; 0: the whole page.

        Raises:
            InvalidRequest: it is broken, of a shape DashScope does not take, or takes too long or too much memory.
        """
        header, content = await self._asked(self.title(number), "picture", number, max_pixels, quality, tile)
        if header.get("as_it_is"):
            content = self.content()
        (width, height), (full_width, full_height) = header["sent"], header["shown"]
        return Picture(
            header["mime"],
            content,
            (width, height),
            (full_width, full_height),
            header["blank"],
            tuple(header.get("missing_fonts", ())),
            header.get("missing_images", 0),
            header.get("frames", 1),
            tuple(header["whole"]) if tile else None,
            header["top"] if tile else 0,
        )

    def content(self) -> bytes:
        self.file.seek(0)
        return self.file.read()

    def title(self, number: int) -> str:
        return f"Page {number} of {self.name}" if self.count > 1 else self.name

    async def _asked(self, about: str, what: str, *numbers: int) -> tuple[dict[str, Any], bytes]:
        async with self._turn:
            if self._process is None:
                await self._begin()
            assert self._process
            process, answers = self._process
            try:
                with anyio.fail_after(self._renderer.timeout_s + STUCK_AFTER_S):
                    assert process.stdin
                    await process.stdin.send(json.dumps([what, *numbers]).encode() + b"\n")
                    header = await header_of(answers)
                    content = await answers.receive_exactly(header.get("bytes", 0))
            except LOST:
                await self._end()  # and begin anew with the next page
                raise InvalidRequest(
                    f"{about} takes too long or too much memory to draw. Save it anew as PNG or PDF, or scan it."
                ) from None
            except BaseException:  # cancelled: what it still says belongs to nobody
                await self._end()
                raise
        if "refusal" in header:
            raise InvalidRequest(f"{about} {header['refusal']}")
        return header, content

    async def _begin(self) -> None:
        timeout_s, environment = self._renderer.timeout_s, self._renderer.environment
        process, answers = self._process = await started("rendering", timeout_s, environment=environment)
        try:
            with anyio.fail_after(timeout_s + STUCK_AFTER_S):
                await self._hand_over(process)
                header = await header_of(answers)
        except LOST:
            header = {"refusal": "takes too long or too much memory to open. Save it anew as PNG or PDF, or scan it."}
        if "refusal" in header:
            await self._end()
            raise InvalidRequest(f"{self.name} {header['refusal']}")
        self.count = header["pages"]
        self.notes = tuple(f"{self.name} {note}" for note in header["notes"])

    async def _hand_over(self, process: Process) -> None:
        """As many bytes as were announced, though the file may have been changed meanwhile."""
        left = self.size_bytes
        self.file.seek(0)
        assert process.stdin
        await process.stdin.send(json.dumps({"kind": self.kind, "bytes": left}).encode() + b"\n")
        while left and (chunk := self.file.read(min(CHUNK_BYTES, left))):
            await process.stdin.send(chunk)
            left -= len(chunk)
        if left:
            await process.stdin.aclose()

    async def _end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process[0], None
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(END_GRACE_S):  # it ends with its input, unless it is drawing
                assert process.stdin
                await process.stdin.aclose()
                await process.wait()
            if process.returncode is None:
                process.kill()
            await process.aclose()
