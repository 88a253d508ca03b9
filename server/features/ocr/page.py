"""A page as it is returned: what was read on it, and the doubts about that."""

import json
from functools import cached_property
from typing import Any

from pydantic import Field

from ...calls.ask import Exchange
from ...calls.language import said
from ...calls.salvage import Salvage
from ...catalog import Frozen
from ...catalog.pricing import text_tokens
from ...dashscope import FILTERED
from ...files.read_here import ReadHere
from .check_boxes import with_check_boxes
from .loops import loop_in, without_loop
from .quality import Status, disagreement
from .second_reader import SecondOpinion, opinion, placed_lines
from .tasks import OcrTask
from .transcripts import NO_CORNERS, TextLine, Transcript

CUT = "the output limit was reached and the rest is missing: cut the page into parts, or try another model"
NOTHING_READ = "no text came, though there is something on the page: look at it, or try another task or model"
READ_AT_ALL = ("ok", "disagrees", "empty")
PLACES_OF_OURS = "its places are told by this machine, not by the model"
BETTER = ("ok", "disagrees", "truncated", "repeating", "empty", "refused", "failed")
PLAIN_TASKS = ("text_recognition", "multi_lan")  # the others answer with markup, which stays as it is
PARTLY = ("key_information_extraction", "table_parsing", "formula_recognition")


class Page(Frozen):
    page: int = Field(description="From 1; 0: the whole document")
    status: Status
    why: str = Field("", exclude_if=lambda v: not v)
    text: str = ""
    lines: tuple[TextLine, ...] = Field((), exclude_if=lambda v: not v)
    fields: Any = Field(None, exclude_if=lambda v: v is None)
    second_reader: SecondOpinion | None = Field(None, exclude_if=lambda v: v is None)

    @cached_property
    def tokens(self) -> int:
        """Its share of a reply, at most."""
        return text_tokens(json.dumps(self.model_dump(mode="json"), ensure_ascii=False)).most

    def doubted(self, why: str) -> "Page":
        """The page, and one more thing to be said of it."""
        return self.model_copy(update={"why": "; ".join(filter(None, (self.why, why)))}) if why else self

    def checked(self, here: ReadHere | None, *, partly: bool) -> "Page":
        """The page, and what was read of it here; only where it passes for read."""
        page = self._placed(here) if here and here.lines and self.why == NO_CORNERS else self
        if here is None or page.status not in READ_AT_ALL:
            return page
        found, differs = opinion(Transcript(page.text, fields=page.fields).words, here, partly=partly)
        status: Status = "disagrees" if differs else page.status
        return page.model_copy(update={"second_reader": found, "status": status}).doubted(differs)

    def _placed(self, here: ReadHere) -> "Page":
        """With places for an answer that tells none."""
        lines = placed_lines(self.text, here.lines, here.unit)
        return self.model_copy(update={"status": "ok", "why": PLACES_OF_OURS, "lines": lines})

    def read_twice(self, before: str) -> "Page":
        """The page, and that it was read before with that status."""
        return self.doubted(f"read twice: at first {before}")

    @property
    def why_told(self) -> str:
        """In the language of the call: what is ours alone piece by piece; what a failure says may hold anything."""
        ours = self.status in ("ok", "disagrees", "empty")
        return "; ".join(map(said, self.why.split("; "))) if ours else said(self.why)

    @property
    def rank(self) -> tuple[int, int]:
        """The less, the better; of two that were cut off the longer one is."""
        return BETTER.index(self.status), -len(self.text) if self.status == "truncated" else 0


def assess(number: int, task: OcrTask, read: Transcript, exchange: Exchange, layer: str, *, whole: bool = True) -> Page:
    """A page with its doubts. `layer`: its own text, which is more than was read, where that is not the whole page."""
    with Salvage("whether it can be trusted was not checked") as step:
        status, why, text = _doubts(task, read, exchange, layer, whole=whole)
    if step.note:
        status, why, text = "truncated" if exchange.truncated else "ok", read.problem or step.note, read.text
    why = "; ".join(filter(None, (why, read.note)))
    return Page(page=number, status=status, why=why, text=text, lines=read.lines, fields=read.fields)


def _doubts(task: OcrTask, read: Transcript, exchange: Exchange, layer: str, *, whole: bool) -> tuple[Status, str, str]:
    cut = exchange.truncated
    if exchange.finish_reason == "content_filter" or exchange.stopped_by in FILTERED:
        return "refused", "DashScope's content filter cut the answer off", read.text
    came = loop_in(exchange.text, cut=cut, layer=layer)
    kept = came if read.text == exchange.text else loop_in(read.text, cut=cut, layer=layer)
    if loop := came or kept:
        shown = " ".join(loop.unit.split())[:40]
        why = f'"{shown}" came {loop.turns} times: the rest of the page may be missing'
        return "repeating", why, without_loop(read.text, kept) if kept else read.text
    if cut:
        return "truncated", CUT if exchange.finish_reason == "length" else exchange.incomplete, _shown(task, read)
    if read.problem:
        return "failed", read.problem, read.text
    if read.empty:
        return "empty", NOTHING_READ, ""
    compared = whole and not exchange.sandbox
    differs = disagreement(read.words, layer, partly=task.name in PARTLY) if compared else ""
    return ("disagrees" if differs else "ok"), differs, _shown(task, read)


def _shown(task: OcrTask, read: Transcript) -> str:
    return with_check_boxes(read.text) if task.name in PLAIN_TASKS else read.text
