"""What has come of one reply, event by event: the only place that keeps it."""

from array import array
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .events import (
    INTERRUPTED,
    Event,
    Finish,
    FunctionCallDelta,
    Heard,
    OcrResult,
    Ranks,
    ReasoningDelta,
    SearchResult,
    SearchResults,
    TextDelta,
    UsageReport,
    Vectors,
)
from .function_calls import FunctionCall
from .surrogates import SurrogateJoiner, repair_json

CONTENT = TextDelta | ReasoningDelta | FunctionCallDelta


@dataclass
class Reply:
    """A reply on its way. `events` may be read once, inside the block that gave this; what they said stays here.

    `searches` and `pdf_pages` are counts of what is billed beside tokens; None: not reported.
    """

    request_id: str = ""
    sandbox: bool = False
    sent: bool = False  # whatever comes of it
    refused: bool = False  # the last time, before any work on it began
    withdrawn: bool = False  # before any work on it began, as DashScope confirmed
    events: AsyncGenerator[Event] = field(init=False, repr=False)
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    finish: Finish | None = None
    counts: UsageReport | None = None
    pdf_pages: int | None = None
    searched: bool = False
    searches: int | None = None
    search_results: list[SearchResult] = field(default_factory=list)
    ocr_result: dict[str, Any] = field(default_factory=dict)
    heard: Heard | None = None
    call_pieces: dict[int, list[FunctionCallDelta]] = field(default_factory=dict)  # by their index
    vectors: "dict[int, array[float]]" = field(default_factory=dict)
    ranks: dict[int, float] = field(default_factory=dict)
    chars: int = 0
    done: bool = False  # the other side says that nothing follows
    went_on: bool = False  # behind an end: some say "stop" in each frame
    _begun: bool = False
    _counted: bool = False
    _text: SurrogateJoiner = field(default_factory=SurrogateJoiner)
    _reasoning: SurrogateJoiner = field(default_factory=SurrogateJoiner)

    @property
    def whole(self) -> bool:
        """Whether it ended, and was counted after that: counts that came before may not be the last.

        A refusal may go on, and so may what went on before.
        """
        ended = self.finish is not None and self.finish.reason != "refusal" and not self.went_on
        return ended and self._counted

    @property
    def usage(self) -> UsageReport | None:
        """The last count; None where nobody counted. A zero beside what is written is no count."""
        counts = self.counts
        if counts is None or (not counts.output_tokens and counts.audio_seconds is None and self._wrote):
            return None
        if counts.reasoning_tokens == 0 and any(self.reasoning):
            return replace(counts, reasoning_tokens=None)
        return counts

    @property
    def answered(self) -> bool:
        return self._wrote or bool(self.vectors) or bool(self.ranks)

    @property
    def _wrote(self) -> bool:
        return any(self.text) or any(self.reasoning) or bool(self.ocr_result or self.call_pieces)

    @property
    def function_calls(self) -> tuple[FunctionCall, ...]:
        """Joined; in the order in which they began."""
        return tuple(map(FunctionCall.of, self.call_pieces.values()))

    @property
    def written(self) -> str:
        """All that the model wrote, and is counted."""
        return "".join((*self.text, *self.reasoning, *(f"{call.name}{call.arguments}" for call in self.function_calls)))

    @property
    def finish_reason(self) -> str:
        return self.finish.reason if self.finish else INTERRUPTED

    def end(self) -> None:
        """The other side says that this was all; where anything came, it need not say why it stopped."""
        self.done = True
        if self._begun and self.finish is None:
            self.observe(Finish("stop"))

    def observe(self, event: Event) -> Event:
        """Keep what an event says; the event as it may be handed on."""
        self._begun = True
        self.went_on |= self.finish is not None and isinstance(event, CONTENT)
        match event:
            case TextDelta() | ReasoningDelta() | FunctionCallDelta():
                return self._write(event)
            case Finish():
                if self.finish is None or self.finish.reason == "stop":  # a cut stays one, whatever follows
                    self.finish = event
                self._counted = False
            case UsageReport():
                self._count(event)
            case _:
                return self._find(event)
        return event

    def _write(self, event: TextDelta | ReasoningDelta | FunctionCallDelta) -> Event:
        """What the model writes."""
        match event:
            case TextDelta(text):
                self.chars += len(text)
                self.text.append(whole := self._text(text))
                return event if whole is text else TextDelta(whole)
            case ReasoningDelta(text):
                self.chars += len(text)
                self.reasoning.append(whole := self._reasoning(text))
                return event if whole is text else ReasoningDelta(whole)
            case _:
                self.chars += len(event.name) + len(event.arguments)
                self.call_pieces.setdefault(event.index, []).append(event)
        return event

    def _find(self, event: SearchResults | OcrResult | Vectors | Ranks | Heard) -> Event:
        """What is found beside it, or instead."""
        match event:
            case SearchResults(results, count):
                self.searched = True
                self.search_results += results
                self.searches = count or self.searches
            case OcrResult(found):
                event = OcrResult(repair_json(found))
                self._merge(event.found)
            case Heard():
                self.heard = event
            case Vectors(rows):
                self.vectors |= rows
            case _:
                self.ranks |= event.scores
        return event

    def _count(self, report: UsageReport) -> None:
        self._counted = True
        told = report.output_tokens or not (self.counts and self.counts.output_tokens)
        if report.audio_seconds is not None or (report.input_tokens and told):
            self.counts = report
        self.pdf_pages = self.pdf_pages if report.pdf_pages is None else report.pdf_pages

    def flush(self) -> list[Event]:
        """What was held back, since its other half might still have come."""
        return [self.observe(TextDelta(half))] if (half := self._text.flush()) else []

    def _merge(self, found: Mapping[str, Any]) -> None:
        """Lists come whole again and again, or piece by piece; whatever else came last counts."""
        for name, value in found.items():
            before = self.ocr_result.get(name)
            if isinstance(before, list) and isinstance(value, list) and value[: len(before)] != before:
                value = before + value
            self.ocr_result[name] = value or before
