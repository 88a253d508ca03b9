"""What a translation must not touch, set aside: `<x1/>` is a thing, `<g1>...</g1>` holds words of a form of their own.

So XLIFF names them (https://docs.oasis-open.org/xliff/v1.2/os/xliff-core.html). A model may lose one: that shows here.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

INLINE_TAG = re.compile(r"<\s*(/?)\s*([gx])\s*(\d{1,6})\s*(/?)\s*>", re.IGNORECASE)
MarkKind = Literal["thing", "open", "close"]


@dataclass(frozen=True)
class Tag:
    kind: MarkKind
    number: int


@dataclass(frozen=True)
class Marked:
    """A translation with its marks read. `lost`: those that were not where they could be used."""

    pieces: tuple[str | Tag, ...]
    lost: tuple[int, ...] = ()


def thing(number: int) -> str:
    return f"<x{number}/>"


def span(number: int, text: str) -> str:
    return f"<g{number}>{text}</g{number}>"


def first_free(*texts: str) -> int:
    """A number that no text has in what looks like a mark."""
    return max((int(found[3]) for text in texts for found in INLINE_TAG.finditer(text)), default=0) + 1


def without_tags(text: str) -> str:
    return INLINE_TAG.sub("", text)


def read_marks(text: str, things: Collection[int], spans: Collection[int]) -> Marked:
    """Each thing once, those that are missing at the end; of the spans those that are opened and closed in order."""
    pieces = _pieces(text, things, spans)
    whole = _closed(pieces)
    seen: set[int] = set()
    kept: list[str | Tag] = []
    for piece in pieces:
        if isinstance(piece, Tag) and piece.kind == "thing" and piece.number not in seen:
            seen.add(piece.number)
            kept.append(piece)
        elif isinstance(piece, str) or piece.number in whole:
            kept.append(piece)
    missing = [number for number in things if number not in seen]
    kept += [Tag("thing", number) for number in missing]
    return Marked(tuple(kept), tuple(sorted({*missing, *(number for number in spans if number not in whole)})))


def _pieces(text: str, things: Collection[int], spans: Collection[int]) -> list[str | Tag]:
    pieces: list[str | Tag] = []
    at = 0
    for found in INLINE_TAG.finditer(text):
        number, is_span = int(found[3]), found[2].lower() == "g"
        if number not in (spans if is_span else things):
            continue
        pieces += [text[at : found.start()]] if found.start() > at else []
        pieces.append(Tag("thing" if not is_span else "close" if found[1] else "open", number))
        at = found.end()
    return [*pieces, text[at:]] if at < len(text) else pieces


def _closed(pieces: list[str | Tag]) -> set[int]:
    """The spans that stand once, and inside of each other or apart."""
    marks = [piece for piece in pieces if isinstance(piece, Tag) and piece.kind != "thing"]
    twice = {mark.number for mark, count in Counter(marks).items() if count > 1}
    opened: dict[int, None] = {}  # in their order
    whole: set[int] = set()
    for mark in marks:
        if mark.number in twice:
            continue
        if mark.kind == "open":
            opened[mark.number] = None
        elif mark.number in opened:
            while opened.popitem()[0] != mark.number:
                pass  # one that is never closed inside
            whole.add(mark.number)
    return whole
