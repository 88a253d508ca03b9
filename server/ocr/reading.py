"""The pages of a file, read several at once: within the time and the room of one answer, and none paid for in vain."""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import anyio
from pydantic import Field

from ..answer import Completion, combined
from ..attachments import image_part
from ..bailian import Bailian
from ..catalog import Frozen, Model, text_tokens
from ..dashscope import DashScopeError
from ..files import ImageFile, Link, Pdf, Picture
from ..recognition import Job, Way, document_limits, input_tokens, other_settings
from .doubt import Status, disagreement, loop_in, unsupported_numbers, without_loop
from .ranges import as_ranges
from .transcripts import Canvas, Line, Transcript, transcript

AT_ONCE = 4
# Tokens of a reply (hosts take 25,000), and of a page of which nothing is known yet.
ROOM, EXPECTED, LEAST_EXPECTED = 21_000, 5_000, 1_000
USUAL_OUTPUT = 4_096  # what an OCR model may write unless asked for more
SHOWN_NUMBERS = 5
GIVE_UP_AFTER = 3  # failed pages, where none was read
BETTER = ("ok", "disagrees", "truncated", "repeating", "empty", "refused", "failed")
PARTLY = ("key_information_extraction", "table_parsing", "formula_recognition")


class Page(Frozen):
    page: int = Field(description="From 1; 0: the whole document")
    status: Status
    why: str = Field("", exclude_if=lambda v: not v)
    text: str = ""
    lines: tuple[Line, ...] = Field((), exclude_if=lambda v: not v)
    fields: Any = Field(None, exclude_if=lambda v: v is None)

    @property
    def tokens(self) -> int:
        """Its share of a reply, at most."""
        return text_tokens(json.dumps(self.model_dump(mode="json"), ensure_ascii=False)).most


@dataclass
class Reading:
    """One call's way through the pages asked for. `pages`: those that are done, by number."""

    bailian: Bailian
    model: str
    known: Model | None
    job: Job
    way: Way
    source: Link | ImageFile | Pdf
    numbers: Sequence[int]
    pages: dict[int, Page] = field(default_factory=dict)
    completions: list[Completion] = field(default_factory=list)
    failure: DashScopeError | None = None  # for which no further page was begun
    _left: deque[int] = field(default_factory=deque)
    _under_way: int = 0
    _drawing: anyio.Lock = field(default_factory=anyio.Lock)  # one thread draws: each keeps the memory it once had

    async def run(self) -> None:
        """Read as many pages as there are time and room for.

        Raises:
            ToolError: none could be read, and nothing was paid for.
        """
        self._left = deque(self.numbers)
        await self.bailian.tell(await self._expectation())
        async with anyio.create_task_group() as tasks:
            for _ in self.numbers[:AT_ONCE]:
                tasks.start_soon(self._work)
        if not self.completions and (self.failure or all(page.status == "failed" for page in self.pages.values())):
            raise self.failure or Bailian.refusal(self.pages[min(self.pages)].why)

    @property
    def next_pages(self) -> str:
        return as_ranges(sorted(self._left))

    @property
    def total(self) -> str:
        """The money so far, in words."""
        cost = combined(self.completions, 0)["cost"] if self.completions else None
        return "nothing paid" if cost is None else f"{cost.total} CNY" if cost.total else "cost unknown"

    # --- which page, and whether there is time and room for one more ---

    async def _work(self) -> None:
        while self._left and self._may_begin():
            number = self._left.popleft()
            self._under_way += 1
            try:
                page = await self._page(number)
            finally:
                self._under_way -= 1
            self.pages[number] = page
            done = f"{len(self.pages)} of {len(self.numbers)} pages"
            await self.bailian.tell(f"page {number} {page.status}: {done}, {self.total} so far")

    def _may_begin(self) -> bool:
        if self.failure or (self.pages and self.bailian.has_enough):
            return False
        sizes = [page.tokens for page in self.pages.values()]
        expected = max(LEAST_EXPECTED, max(sizes) * 5 // 4) if sizes else EXPECTED
        alone = not self.pages and not self._under_way
        return alone or sum(sizes) + (self._under_way + 1) * expected <= ROOM

    # --- one page ---

    async def _page(self, number: int) -> Page:
        try:
            picture, layer = await self._seen(number)
        except Bailian.refusal as error:
            return Page(page=number, status="failed", why=str(error))
        if picture and picture.blank:
            return Page(page=number, status="empty", why="there is nothing on it: it was not sent")
        try:
            page = await self._asked(number, picture, layer, {})
            if page.status in ("truncated", "repeating") and not self.bailian.has_enough:
                page = min(page, await self._asked_again(page, picture, layer), key=_doubtfulness)
            return page
        except DashScopeError as error:
            return self._failed(number, error)

    async def _seen(self, number: int) -> tuple[Picture | None, str]:
        """The page as a picture, and the text it holds itself."""
        if isinstance(self.source, Link):
            return None, ""
        pixels = self.bailian.recipient(self.model).pixels
        async with self._drawing:
            picture = await self.source.picture(number, pixels)
            return picture, await self.source.text(number) if isinstance(self.source, Pdf) else ""

    async def _asked(self, number: int, picture: Picture | None, layer: str, settings: dict[str, Any]) -> Page:
        part = await self._part(picture)
        about = f"page {number}: " if len(self.numbers) > 1 else ""
        heard = await self.bailian.recognise(self.model, self.way, part, settings, about=about)
        self.completions.append(heard.completion)
        canvas = Canvas(picture.sent, picture.shown, isinstance(self.source, Pdf)) if picture else Canvas()
        read = transcript(self.job, heard.completion.text, heard.found, canvas)
        return judged(number, self.job, read, heard.completion, layer)

    async def _part(self, picture: Picture | None) -> dict[str, Any]:
        if picture:
            return image_part(await self.bailian.recipient(self.model).address(picture))
        assert isinstance(self.source, Link)
        url = self.source.url
        return {"type": "file", "file": {"file_url": url}} if self.source.is_pdf else image_part(url)

    async def _asked_again(self, page: Page, picture: Picture | None, layer: str) -> Page:
        """Once, with other settings. A failure of it loses nothing."""
        await self.bailian.tell(f"page {page.page} is {page.status}: it is asked for once more")
        try:
            return await self._asked(page.page, picture, layer, other_settings(page.status, self.known))
        except DashScopeError as error:
            return Page(page=page.page, status="failed", why=str(error))

    def _failed(self, number: int, error: DashScopeError) -> Page:
        refused = error.filtered or error.stopped_the_answer
        failed = sum(page.status == "failed" for page in self.pages.values()) + 1
        none_read = not self.completions and failed >= min(GIVE_UP_AFTER, len(self.numbers))
        if error.for_every_request or len(self.numbers) == 1 or (none_read and not refused):
            self.failure = self.failure or error
        return Page(page=number, status="refused" if refused else "failed", why=str(error))

    async def _expectation(self) -> str:
        """What it will cost, as far as that shows before anything is sent."""
        if isinstance(self.source, Link) and self.source.is_pdf:
            return f"a whole PDF by URL{document_limits(self.known, self.job)}: what it costs shows when it is read"
        sizes = await self._sizes()
        tokens = sum(input_tokens(self.model, self.known, self.job, size) for size in sizes)
        cost = self.bailian.estimate(self.model, ceil(tokens / len(sizes)), USUAL_OUTPUT, calls=len(sizes))
        money = f"at most about {cost.total} CNY" if cost.total else f"cost unknown: {cost.reason}"
        return f"{len(sizes)} page{'s' * (len(sizes) > 1)}, about {tokens:,} tokens to read: {money}"

    async def _sizes(self) -> list[tuple[int, int] | None]:
        if isinstance(self.source, Link):
            return [None]
        sizes = await self.source.sizes(self.bailian.recipient(self.model).pixels)
        return [sizes[number - 1] for number in self.numbers]


def judged(number: int, job: Job, read: Transcript, completion: Completion, layer: str) -> Page:
    """A page with its doubts."""
    status, why, text = _doubts(job, read, completion, layer)
    return Page(page=number, status=status, why=why, text=text, lines=read.lines, fields=read.fields)


def _doubts(job: Job, read: Transcript, completion: Completion, layer: str) -> tuple[Status, str, str]:
    cut = completion.truncated
    if completion.finish_reason == "content_filter":
        return "refused", "DashScope's content filter cut the answer off", read.text
    if loop := loop_in(completion.text, cut=cut):
        shown = " ".join(loop.unit.split())[:40]
        why = f'"{shown}" came {loop.turns} times: the rest of the page may be missing'
        return "repeating", why, _tamed(read.text, cut)
    if cut:
        return "truncated", completion.incomplete, read.text
    if read.trouble:
        return "failed", read.trouble, read.text
    if read.empty:
        return "empty", "no text came, though there is something on the page", ""
    if differs := disagreement(read.words, layer, partly=job.task in PARTLY):
        return "disagrees", differs, read.text
    return "ok", _in_doubt(unsupported_numbers(read.words, layer)), read.text


def _tamed(text: str, cut: bool) -> str:
    """The text with its loop shortened: nobody reads it a hundred times."""
    loop = loop_in(text, cut=cut)
    return without_loop(text, loop) if loop else text


def _in_doubt(numbers: list[str]) -> str:
    if not numbers:
        return ""
    more = f" and {len(numbers) - SHOWN_NUMBERS} more" if len(numbers) > SHOWN_NUMBERS else ""
    shown = ", ".join(numbers[:SHOWN_NUMBERS])
    return f"the PDF's own text does not hold {shown}{more}: check these numbers"


def _doubtfulness(page: Page) -> tuple[int, int]:
    return BETTER.index(page.status), -len(page.text) if page.status == "truncated" else 0
