"""Pages read by this machine alone: no key, no cost, and nothing leaves it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from mcp.server.mcpserver.exceptions import ToolError

from ...calls.call import Call
from ...errors import InvalidRequest, reason_of
from ...files import ImageFile, Pdf, Picture, ReadLine, page_rows
from ...files.read_here import LocalPages, PageGeometry, ReadHere, local_pages
from .page import Page
from .page_input import PageInput, not_in_picture, nothing_drawn
from .page_ranges import as_ranges
from .tasks import OcrTask, TaskName
from .tiles import shrunk
from .transcripts import TextLine

LOCAL = "local"  # the name of the model that is none
LOCAL_TASKS: tuple[TaskName, ...] = ("text_recognition", "advanced_recognition", "multi_lan")
MAX_LOCAL_PIXELS = 8_000_000  # of a page or a tile
MAX_LOCAL_REPLY_TOKENS = 21_000
MIN_CLEAR_SHARE = 0.8  # of a line's letters, on average
NOT_INSTALLED = (
    "model=local needs the extra [local] (360 MB; docs/second-reader.md says how to install it): install it and "
    "restart the server, or name a model of DashScope."
)
NOTHING_FOUND = "no text was found here"


def require_local(call: Call, task: OcrTask) -> None:
    """Raises InvalidRequest: it cannot read here, or not so."""
    if not call.context.local_reader.is_installed:
        raise InvalidRequest(NOT_INSTALLED)
    if task.name not in LOCAL_TASKS:
        raise InvalidRequest(
            f"model=local reads text and its places, and does no {task.name}. Name a model of DashScope."
        )


@dataclass
class LocalRun:
    """One call's way through the pages. `pages`: those that are done, by number."""

    call: Call
    task: OcrTask
    source: ImageFile | Pdf
    numbers: Sequence[int]
    pages: dict[int, Page] = field(default_factory=dict)
    stopped: str = ""

    async def run(self) -> None:
        """Read as many pages as there is room for. Raises ToolError: the only page could not be drawn."""
        async with self.call.heartbeat("reading the pages here"), local_pages(self.call.context.local_reader) as here:
            for number in self.numbers:
                if sum(page.tokens for page in self.pages.values()) > MAX_LOCAL_REPLY_TOKENS:
                    self.stopped = "the answer is full"
                    return
                self.pages[number] = await self._page(number, here)
                done = f"page {number} {self.pages[number].status}: {len(self.pages)} of {len(self.numbers)} pages"
                await self.call.report_now(done)

    @property
    def next_pages(self) -> str:
        return as_ranges([number for number in self.numbers if number not in self.pages])

    async def _page(self, number: int, here: LocalPages) -> Page:
        try:
            return await self._read(number, here)
        except ToolError as error:
            if len(self.numbers) == 1:
                raise
            return Page(page=number, status="failed", why=reason_of(error))

    async def _read(self, number: int, here: LocalPages) -> Page:
        """Raises ToolError: it cannot be drawn."""
        count, wanted = await self.source.tiles(number, MAX_LOCAL_PIXELS)
        pictures = [await self._begun(number, tile if count > 1 else 0, here) for tile in range(1, count + 1)]
        found = here.taken(number)
        assert found  # it was begun
        if not found.why and not found.lines and all(picture.blank for picture in pictures):
            layer = await self.source.text(number) if isinstance(self.source, Pdf) else ""
            return nothing_drawn(PageInput(number, {}, pictures[0], layer))
        page = self._told(number, found)
        for lacking in (*dict.fromkeys(map(not_in_picture, pictures)), shrunk(count, wanted)):
            page = page.doubted(lacking)
        return page

    async def _begun(self, number: int, tile: int, here: LocalPages) -> Picture:
        picture = await self.source.picture(number, MAX_LOCAL_PIXELS, tile=tile)
        here.begin(number, str(tile), picture, PageGeometry.of(picture, paper=isinstance(self.source, Pdf)))
        await here.finish(inf)
        return picture

    def _told(self, number: int, here: ReadHere) -> Page:
        if here.why:
            return Page(page=number, status="failed", why=f"it could not be read here: {here.why}")
        if not here.lines:
            return Page(page=number, status="empty", why=NOTHING_FOUND)
        unclear = sum(line.mean_share < MIN_CLEAR_SHARE for line in here.lines)
        why = f"{unclear} of {len(here.lines)} lines are hard to read" if unclear else ""
        rows = [[here.lines[at] for at in row] for row in page_rows(here.lines)]
        text = "\n".join(" ".join(line.text for line in row) for row in rows)
        return Page(page=number, status="ok", why=why, text=text, lines=self._lines(rows, here))

    def _lines(self, rows: list[list[ReadLine]], here: ReadHere) -> tuple[TextLine, ...]:
        if self.task.name != "advanced_recognition":
            return ()
        lines = [line for row in rows for line in row]
        return tuple(TextLine(text=each.text, corners=each.corners, unit=here.unit, read_here=True) for each in lines)
