"""What a reply is made of, whichever protocol carried it. A new protocol is a new decoder to these, not a copy."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of the reasoning before the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class FunctionCallDelta:
    """A piece of a function's call, the `index`-th of the reply: id and name come once, arguments (JSON) in pieces."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Tokens so far; the last one of a reply counts. None: not reported. Cache hits are implicit, unless said."""

    input_tokens: int
    output_tokens: int
    reasoning_tokens: int | None
    cached_input_tokens: int | None
    image_tokens: int | None
    cache_write_tokens: int | None = None
    explicit_cached_tokens: int | None = None
    pdf_pages: int | None = None  # that were parsed, and are billed by the page


@dataclass(frozen=True, slots=True)
class OcrResult:
    """What an OCR model found beside its text: `words_info` (lines and their places) or `kv_result` (fields)."""

    found: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finish:
    """Why the model stopped: stop, tool_calls, length, content_filter, `interrupted`, or a word of its own.

    `why`: what is wrong where the word alone does not say it; `kind`: of the failure that cut it off.
    """

    reason: str
    why: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A page a search found. `index`: the number that the answer's marks carry; None where there are no marks."""

    index: int | None
    title: str
    url: str
    site: str


@dataclass(frozen=True, slots=True)
class SearchResults:
    """A search took place: the pages it found, where they are told; how many searches so far, once that is counted."""

    pages: tuple[SearchResult, ...] = ()
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Vectors:
    """Of the texts of a request, by their number."""

    rows: "Mapping[int, array[float]]"


@dataclass(frozen=True, slots=True)
class Ranks:
    """How well documents answer a query, by their number."""

    scores: Mapping[int, float]


Event = (
    TextDelta | ReasoningDelta | FunctionCallDelta | UsageReport | SearchResults | OcrResult | Vectors | Ranks | Finish
)
