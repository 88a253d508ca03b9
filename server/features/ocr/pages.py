"""The pages of a file, read several at once: within the room of one answer, and none paid for in vain."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from operator import attrgetter
from typing import Any

import anyio
from anyio import to_thread
from mcp.server.mcpserver.exceptions import ToolError

from ...calls.ask import Exchange, RequestFailed
from ...calls.call import Call
from ...calls.salvage import Salvage
from ...catalog import plain
from ...dashscope import INTERRUPTED, DashScopeError
from ...errors import reason_of
from ...files import ImageFile, Link, NotReadHere, Pdf, Picture
from ...files.read_here import LocalPages, PageGeometry, ReadHere, local_pages
from ..attachments import TargetModel, image_part
from .page import PARTLY, Page, assess
from .page_input import PageInput, not_in_picture, nothing_drawn
from .page_ranges import as_ranges
from .quality import disagreement
from .second_reader import MIN_SURE
from .tasks import USUAL_OUTPUT_TOKENS, OcrTask, document_limits, input_tokens, ocr_plan, other_settings
from .tiled_page import TiledPage
from .tiles import TileRead, made_one, may_be_cut, shrunk
from .transcripts import Transcript, tells_pixels, transcript

PAGES_AT_ONCE = 4
TILES_AT_ONCE = 4  # of all pages that are cut
# Tokens of a reply (hosts take 25,000), and of a page of which nothing is known yet.
MAX_REPLY_TOKENS, EXPECTED_TOKENS, MIN_EXPECTED_TOKENS = 21_000, 5_000, 1_000
FULL = "the answer is full"
CAP_REACHED = "a spending cap leaves too little"
WITHOUT_KEY = "Without a key, model=local reads text and places on this machine, free of charge."
SAMPLED_PAGES = 100  # pages whose sizes are looked at before
GIVE_UP_AFTER = 3  # failed pages, where none was read


@dataclass
class PageRun:
    """One call's way through the pages asked for. `pages`: those that are done, by number."""

    call: Call
    target: TargetModel
    task: OcrTask
    source: Link | ImageFile | Pdf
    numbers: Sequence[int]
    pages: dict[int, Page] = field(default_factory=dict)
    failure: DashScopeError | None = None  # for which no further page was begun
    _left: deque[int] = field(default_factory=deque)
    _under_way: int = 0
    _full: str = ""
    _tiles_at_once: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(TILES_AT_ONCE))
    _here: LocalPages = field(init=False)
    _unread: ToolError | None = None  # why a page could not be read: of a request before of a drawing

    async def run(self) -> None:
        """Read as many pages as there is room for.

        Raises:
            ToolError: none could be read.
        """
        self._left = deque(self.numbers)
        await self.call.report_now(await self._expectation())
        async with self.call.heartbeat("reading the pages"), local_pages(self.call.context.local_reader) as self._here:
            async with anyio.create_task_group() as tasks:
                for _ in self.numbers[:PAGES_AT_ONCE]:
                    tasks.start_soon(self._work)
            if self.call.exchanges:  # or there is nothing to compare
                await self._here.finish(self.call.context.second_reader_wait_s)
                await self._check(all_done=True)
        none_read = all(page.status == "failed" for page in self.pages.values())
        why = self.failure or (self._unread if none_read else None)
        if why and not (self.call.exchanges and self.pages):
            raise self._with_a_way_without_key(why)

    async def _check(self, *, all_done: bool = False) -> None:
        """Hold what was read against what was read here, as soon as both are there."""
        if all_done and (unreadable := self.call.context.mend("BAILIAN_SECOND_READER", "BAILIAN_SECOND_READER_WAIT_S")):
            why = ReadHere(why=unreadable)
            self.pages = {number: page.checked(why, partly=True) for number, page in self.pages.items()}
            return
        for number in [each for each in self.pages if all_done or self._here.is_ready(each)]:
            if (here := self._here.taken(number)) is None:  # nothing to hold against it, or another page's end took it
                continue
            page, partly = self.pages[number], self.task.name in PARTLY
            with Salvage("what was read here could not be held against it") as step:
                page = await to_thread.run_sync(partial(page.checked, here, partly=partly))
            self.pages[number] = page.doubted(step.note)

    def _with_a_way_without_key(self, error: ToolError) -> ToolError:
        if isinstance(error, DashScopeError) and error.kind == "no_key" and self.call.context.local_reader.is_installed:
            return error.reworded(hint=f"{error.hint} {WITHOUT_KEY}".strip())
        return error

    @property
    def next_pages(self) -> str:
        return as_ranges(sorted(self._left))

    @property
    def stopped(self) -> str:
        """Why no further page was begun; empty where all were."""
        if self.failure and self.failure.kind == "capped":
            return CAP_REACHED
        return str(self.failure or (self._full if self._left else ""))

    @property
    def _so_far(self) -> str:
        if not self.call.exchanges:
            return "nothing paid"
        total = self.call.spent(self.target.name)["cost"].total
        return "cost unknown" if total is None else f"{plain(total)} CNY"

    # --- which page, and whether there is room for one more ---

    async def _work(self) -> None:
        while self._left and self._may_begin():
            number = self._left.popleft()
            self._under_way += 1
            try:
                page = await self._page_or_fault(number)
            finally:
                self._under_way -= 1
            if page is None:
                self._left.appendleft(number)
                return
            self.pages[number] = page
            await self._check()
            await self._tell(f"page {number} {page.status}: {len(self.pages)} of {len(self.numbers)} pages")

    def _may_begin(self) -> bool:
        if self.failure:
            return False
        if not self.pages and not self._under_way:  # one page is always read
            return True
        sizes = [page.tokens for page in self.pages.values()]
        expected = max(MIN_EXPECTED_TOKENS, max(sizes) * 5 // 4) if sizes else EXPECTED_TOKENS
        has_room = sum(sizes) + (self._under_way + 1) * expected <= MAX_REPLY_TOKENS
        self._full = "" if has_room else FULL
        return not self._full

    # --- one page ---

    async def _page_or_fault(self, number: int) -> Page | None:
        """The page; a fault in one of them leaves the others as they are."""
        with Salvage("The page could not be read") as step:
            return await self._page(number)
        return self._failed(number, DashScopeError(f"{step.note}."))

    async def _page(self, number: int) -> Page | None:
        """The page; None where the work ended meanwhile."""
        try:
            count, wanted = await self._tiles(number)
            if count > 1 and may_be_cut(self.task):
                return await self._in_tiles(number, count, wanted)
            sheet = await self._sheet(number, shrunk(1, wanted))
        except ToolError as error:  # DashScope's storage included
            self._unread = self._unread or error
            return Page(page=number, status="failed", why=reason_of(error))
        if not sheet.part:
            return nothing_drawn(sheet)
        if self.failure:
            return None
        try:
            return await self._read_sheet(sheet)
        except RequestFailed as error:
            return self._failed(number, error)

    async def _read_sheet(self, sheet: PageInput) -> Page:
        """Raises RequestFailed: no answer came."""
        page, exchange = await self._asked(sheet, {})
        again = page.status in ("truncated", "repeating") and exchange.finish_reason != INTERRUPTED
        with Salvage("it could not be asked for once more"):
            return await self._better(page, sheet) if again and self._may_ask_again(page) else page
        return page

    async def _tiles(self, number: int) -> tuple[int, int]:
        return (1, 1) if isinstance(self.source, Link) else await self.source.tiles(number, self.target.pixels)

    async def _sheet(self, number: int, note: str) -> PageInput:
        if isinstance(self.source, Link):
            url = self.source.url
            file = {"type": "file", "file": {"file_url": url}}
            return PageInput(number, file if self.source.is_pdf else image_part(url))
        picture = await self.source.picture(number, self.target.pixels)
        layer = await self.source.text(number) if isinstance(self.source, Pdf) else ""
        if picture.blank and not await self._is_faint(picture):
            return PageInput(number, {}, picture, layer)
        address = await self.target.address(picture, self.source.name)
        return PageInput(number, image_part(address), picture, layer, note)

    # --- a page in tiles ---

    async def _in_tiles(self, number: int, count: int, wanted: int) -> Page | None:
        assert not isinstance(self.source, Link)
        layer = await self.source.text(number) if isinstance(self.source, Pdf) else ""
        page = TiledPage(
            number, count, self.source, layer, self.target, self._tiles_at_once,
            ask=self._read_sheet, failed=self._note, stopped=self._why_no_more, tell=self._tell,
        )  # fmt: skip
        return self._made_one(number, await page.read(), layer, shrunk(count, wanted))

    def _why_no_more(self) -> str:
        """Why no further tile may begin."""
        return str(self.failure or "")

    async def _tell(self, done: str) -> None:
        await self.call.report_now(f"{done}, {self._so_far} so far")

    def _made_one(self, number: int, tiles: Sequence[TileRead], layer: str, note: str) -> Page | None:
        if not any(tile.is_read for tile in tiles):
            error = next(filter(None, (tile.failure for tile in tiles)), None)
            return self._failed(number, error) if error else tiles[0].page
        if all(tile.is_blank for tile in tiles):
            return nothing_drawn(PageInput(number, {}, tiles[0].picture, layer))
        with Salvage("its parts could not be joined, and stand one after the other") as step:
            page = made_one(number, tiles, paper=isinstance(self.source, Pdf))
            return self._compared(page, layer).doubted(note)
        text = "\n".join(tile.page.text for tile in tiles)
        return Page(page=number, status="truncated", why=step.note, text=text)

    def _compared(self, page: Page, layer: str) -> Page:
        sandbox = any(exchange.sandbox for exchange in self.call.exchanges)
        if page.status != "ok" or sandbox or not (differs := disagreement(page.text, layer, partly=False)):
            return page
        return page.model_copy(update={"status": "disagrees"}).doubted(differs)

    async def _asked(self, sheet: PageInput, changes: dict[str, Any]) -> tuple[Page, Exchange]:
        names = (f"page {sheet.number}" if len(self.numbers) > 1 else "", sheet.tile)
        label = f"{', '.join(filter(None, names))}: " if any(names) else ""
        self._read_here(sheet)
        exchange = await self.call.ask(ocr_plan(self.call, self.target.name, self.task, sheet.part, changes, label))
        read = _read(self.task, exchange, self._geometry(sheet.picture))
        page = assess(sheet.number, self.task, read, exchange, sheet.layer, whole=not sheet.tile)
        return page.doubted(not_in_picture(sheet.picture)).doubted(sheet.note), exchange

    async def _is_faint(self, picture: Picture) -> bool:
        """Whether a page that looks blank has letters for the other reader."""
        context = self.call.context
        if context.reads_here:
            with anyio.move_on_after(context.second_reader_wait_s), suppress(NotReadHere):
                return any(line.sureness >= MIN_SURE for line in await context.local_reader.lines(picture.content))
        return False

    def _read_here(self, sheet: PageInput) -> None:
        if sheet.picture and self.call.context.reads_here:
            self._here.begin(sheet.number, sheet.tile, sheet.picture, self._geometry(sheet.picture))

    def _geometry(self, picture: Picture | None) -> PageGeometry:
        in_pixels = tells_pixels(self.target.name)
        if not picture:
            return PageGeometry(told_in_pixels=in_pixels)
        return PageGeometry.of(picture, paper=isinstance(self.source, Pdf), told_in_pixels=in_pixels)

    async def _better(self, page: Page, sheet: PageInput) -> Page:
        """The page or, asked for once more with other settings, a better one. A failure of that loses nothing."""
        await self.call.report_now(f"page {page.page} is {page.status}: it is asked for once more")
        try:
            again, _ = await self._asked(sheet, self._changes(page))
        except RequestFailed as error:
            self._note(error)
            return page
        return min(page, again.read_twice(page.status), key=attrgetter("rank"))

    def _changes(self, page: Page) -> dict[str, Any]:
        return other_settings(page.status, self.target.name, self.target.model)

    def _may_ask_again(self, page: Page) -> bool:
        """Whether it can help, and what comes back will fit the answer."""
        others = sum(each.tokens for each in self.pages.values()) + (self._under_way - 1) * EXPECTED_TOKENS
        fits = others + 2 * page.tokens <= MAX_REPLY_TOKENS or len(self.numbers) == 1
        return bool(self._changes(page)) and fits

    def _note(self, error: DashScopeError) -> None:
        """What a failed request means for the pages to come."""
        if error.for_every_request:
            self.failure = self.failure or error

    def _failed(self, number: int, error: DashScopeError) -> Page | None:
        if not isinstance(self._unread, DashScopeError):  # a refusal here would say that nothing was sent
            self._unread = error
        refused = error.filtered
        self._note(error)
        if error.for_every_request:
            return None
        failed = sum(page.status == "failed" for page in self.pages.values()) + 1
        none_read = not self.call.exchanges and failed >= min(GIVE_UP_AFTER, len(self.numbers))
        if len(self.numbers) == 1 or (none_read and not refused):
            self.failure = self.failure or error
        why = f"DashScope's content filter refused the page. [{', '.join(error.details)}]" if refused else str(error)
        return Page(page=number, status="refused" if refused else "failed", why=why)

    async def _expectation(self) -> str:
        """What it will cost, as far as that shows before anything is sent."""
        if isinstance(self.source, Link) and self.source.is_pdf:
            limits = document_limits(self.target.model, self.task)
            return f"a whole PDF by URL{limits}: what it costs shows when it is read"
        pages, count = await self._sizes(), len(self.numbers)
        sizes = [size for page in pages for size in page]
        each = ceil(
            sum(input_tokens(self.target.name, self.target.model, self.task, size) for size in sizes) / len(sizes)
        )
        parts = ceil(count * len(sizes) / len(pages))
        cost = self.call.estimate(self.target.name, each, USUAL_OUTPUT_TOKENS, calls=parts)
        money = (
            f"cost unknown: {cost.reason}"
            if cost.total is None
            else f"at most {plain(cost.total)} CNY, but for pages asked for twice"
        )
        tokens = f"about {each * parts:,} tokens in and up to {USUAL_OUTPUT_TOKENS * parts:,} out"
        cut = f" in {parts} parts" if parts > count else ""
        return f"{count} page{'s' * (count > 1)}{cut}, {tokens}: {money}"

    async def _sizes(self) -> list[Sequence[tuple[int, int] | None]]:
        """Of the tiles of the first pages: the others are taken to be like them."""
        if isinstance(self.source, Link):
            return [[None]]
        numbers = self.numbers[:SAMPLED_PAGES]
        if may_be_cut(self.task):
            return [sizes or [None] for sizes in await self.source.tile_sizes(numbers, self.target.pixels)]
        return [[size] for size in await self.source.sizes(numbers, self.target.pixels)]


def _read(task: OcrTask, exchange: Exchange, geometry: PageGeometry) -> Transcript:
    """An answer as data; where that fails, as it came."""
    with Salvage("the answer could not be understood, and stands as it came") as step:
        return transcript(task, exchange.text, exchange.ocr_result, geometry)
    return Transcript(exchange.as_it_came, problem=step.note)
