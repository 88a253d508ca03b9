"""What has arrived of one reply, taken in event by event."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..catalog import Usage
from ..dashscope import INTERRUPTED, Event, Finish, OcrResult, ReasoningDelta, SearchResult, SearchResults, TextDelta
from .progress import tail


@dataclass
class ReplyAccumulator:
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    usage: Usage | None = None
    finished: Finish = field(default_factory=lambda: Finish(INTERRUPTED))
    search_strategy: str = ""
    pages: list[SearchResult] = field(default_factory=list)
    searched: bool = False
    searches: int | None = None
    recognised: dict[str, Any] = field(default_factory=dict)
    pdf_pages: int | None = 0  # as counted here before; None: nobody counted
    pages_told: bool = False

    @property
    def billed_searches(self) -> int:
        return (self.searches or 1) if self.searched else 0

    @property
    def incomplete(self) -> str:
        """Why the answer is not whole; empty when it is."""
        if self.finished.reason == "length":
            return "the output limit was reached; ask for less, or raise max_output_tokens where the tool has it"
        if self.finished.reason == "content_filter":
            return "DashScope's content filter cut the answer off"
        return self.finished.why

    def take(self, event: Event) -> None:
        match event:
            case TextDelta(text):
                self.text.append(text)
            case ReasoningDelta(text):
                self.reasoning.append(text)
            case Finish():
                self.finished = event
            case SearchResults(pages, count):
                self.searched = True
                self.pages += pages
                self.searches = count or self.searches
            case OcrResult(found):
                self._merge(found)
            case _:  # Counted
                self.usage = Usage.model_validate(event, from_attributes=True)
                if event.pdf_pages is not None:
                    self.pdf_pages, self.pages_told = event.pdf_pages, True

    def _merge(self, found: Mapping[str, Any]) -> None:
        """Lists come whole again and again, or piece by piece; whatever else came last counts."""
        for name, value in found.items():
            before = self.recognised.get(name)
            if isinstance(before, list) and isinstance(value, list) and value[: len(before)] != before:
                value = before + value
            self.recognised[name] = value or before

    def news(self, model: str) -> str:
        said = [piece for piece in self.text or self.reasoning if piece]
        if not said:
            return f"{model} found {len(self.pages)} pages" if self.pages else f"{model} began"
        return f"{model} {'says' if self.text else 'thinks'}: {tail(''.join(said[-40:]))}"
