"""What the model of an extraction looks at, read on this machine meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ...calls.call import Call
from ...files import ImageFile, Pdf, Picture
from ...files.read_here import LocalPages, PageGeometry, ReadHere, local_pages
from ..attachments import Shown

ONLY_A_URL = "only its URL is known here"


@dataclass(frozen=True)
class SeenPage:
    """`page`: its number, of a PDF or a file with several."""

    source: str
    page: int | None
    here: ReadHere

    @property
    def trouble(self) -> str:
        """Why it was not read here, in a sentence; empty where it was."""
        where = f"Page {self.page} of {self.source}" if self.page else self.source
        return f"{where} was not read on this machine: {self.here.why}." if self.here.why else ""


@asynccontextmanager
async def second_look(call: Call, *, wanted: bool) -> AsyncIterator["SecondLook"]:
    """Reads only where a second reader is installed, and what is sent is real."""
    context = call.context
    if not (wanted and context.reads_here):
        yield SecondLook()
        return
    async with local_pages(context.local_reader) as pages:
        yield SecondLook(pages, context.second_reader_wait_s)


@dataclass
class SecondLook:
    """Without `_reading` nothing is read, and there are no pages."""

    _reading: LocalPages | None = None
    _wait_s: float = 0.0
    _seen: dict[tuple[str, int], int | None] = field(default_factory=dict)  # source and page; how that is told
    _links: set[tuple[str, int]] = field(default_factory=set)

    def begin(self, source: str, found: Shown, page: int, picture: Picture | None, tile: int) -> None:
        """One of `Looks`."""
        if self._reading is None:
            return
        is_pdf = isinstance(found, Pdf)
        has_pages = is_pdf or (isinstance(found, ImageFile) and found.count > 1)
        self._seen.setdefault((source, page), page if has_pages else None)
        if picture is None:
            self._links.add((source, page))
            return
        number = list(self._seen).index((source, page))
        self._reading.begin(number, str(tile or ""), picture, PageGeometry.of(picture, paper=is_pdf))

    async def pages(self) -> list[SeenPage]:
        """What was read until now, or in the time that an answer may wait for it."""
        if self._reading is None:
            return []
        await self._reading.finish(self._wait_s)
        return [SeenPage(*self._told(key), self._here(number, key)) for number, key in enumerate(self._seen)]

    def _told(self, key: tuple[str, int]) -> tuple[str, int | None]:
        return key[0], self._seen[key]

    def _here(self, number: int, key: tuple[str, int]) -> ReadHere:
        assert self._reading
        return (None if key in self._links else self._reading.of(number)) or ReadHere(why=ONLY_A_URL)
