"""A long text in parts that a model can read, and the results of the parts made one."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...catalog.pricing import text_tokens
from ...json_text import pointer
from .tables import table_header

# Where a reader would put the text down, the best places first.
BORDERS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"[。！？；!?;]|\.\s"), re.compile(r"[，,、\s]"))


@dataclass(frozen=True)
class Piece:
    """A stretch of a source: `text` is source[start : start + len(text)]; no two overlap.

    `header`: of the table that goes on in it, from an earlier stretch.
    """

    source: str
    start: int
    text: str
    header: str = ""


Part = tuple[Piece, ...]


def parts_of(sources: Mapping[str, str], max_part_tokens: int) -> list[Part]:
    """The sources in as few parts as fit; small ones share a part, large ones are split at natural borders."""
    parts: list[list[Piece]] = [[]]
    room = max_part_tokens
    for piece in (piece for name, text in sources.items() for piece in _split(name, text, max_part_tokens)):
        tokens = _tokens(piece.text) + (_tokens(piece.header) if piece.header else 0)
        if parts[-1] and tokens > room:
            parts.append([])
            room = max_part_tokens
        parts[-1].append(piece)
        room -= tokens
    return [tuple(part) for part in parts if part]


def _split(name: str, text: str, max_part_tokens: int) -> Iterator[Piece]:
    tokens = _tokens(text)
    length = len(text) if tokens <= max_part_tokens else max(1, int(len(text) * max_part_tokens / tokens * 0.9))
    start, floor, header = 0, 0, ""
    while start < len(text):
        header = table_header(text, floor, start, header)
        room = max_part_tokens - (_tokens(header) if header else 0)
        if room < max_part_tokens // 2:
            header, room = "", max_part_tokens
        end = _border(text, start, start + length)
        while _tokens(text[start:end]) > room and end - start > 1:  # denser here than on the whole
            end = _border(text, start, start + (end - start) * 2 // 3)
        yield Piece(name, start, text[start:end], header)
        start, floor = end, start


def _tokens(text: str) -> int:
    return text_tokens(text).most


def _border(text: str, start: int, end: int) -> int:
    """The last natural border in the second half of a stretch."""
    if end >= len(text):
        return len(text)
    for border in BORDERS:
        places = [match.end() for match in border.finditer(text, start + (end - start) // 2, end)]
        if places:
            return places[-1]
    return end


@dataclass(frozen=True)
class Conflict:
    pointer: str
    kept: Any
    other: Any


def merged(
    results: Sequence[Any], is_found: Callable[[int, Any], bool], sets: Collection[str] = ()
) -> tuple[Any, list[Conflict]]:
    """The results of all parts as one: arrays joined, of single values the first with evidence.

    Parts do not overlap, so what two of them tell stands twice in the sources, and twice in the data: a fee each month.
    `is_found(part, value)`: whether a part's own text says the value; `sets`: pointers of arrays of unique items.
    """
    conflicts: list[Conflict] = []
    whole = _merged(list(enumerate(results)), "", is_found, conflicts)
    for where in sets:
        _make_unique(whole, where.split("/")[1:])
    return whole, conflicts


def _merged(
    values: list[tuple[int, Any]], where: str, is_found: Callable[[int, Any], bool], out: list[Conflict]
) -> Any:
    values = [(part, value) for part, value in values if value not in (None, "", [], {})] or values[:1]
    if values and values[0][1] in (None, ""):
        return values[0][1]
    if not values:
        return None
    if all(isinstance(value, dict) for _, value in values):
        names = dict.fromkeys(name for _, value in values for name in value)
        return {
            name: _merged(
                [(part, value[name]) for part, value in values if name in value],
                where + pointer([name]),
                is_found,
                out,
            )
            for name in names
        }
    if all(isinstance(value, list) for _, value in values):
        return [item for _, items in values for item in items]
    kept = next((value for part, value in values if is_found(part, value)), values[0][1])
    others = {json.dumps(value): value for _, value in values}
    del others[json.dumps(kept)]
    out += [Conflict(where, kept, other) for other in others.values()]
    return kept


def _make_unique(data: Any, path: Sequence[str]) -> None:
    """Of the array that stands there, each item once."""
    for name in path:
        data = data.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(data, dict) else None
    if isinstance(data, list):
        data[:] = {json.dumps(item, sort_keys=True, ensure_ascii=False): item for item in reversed(data)}.values()
        data.reverse()


def relaxed(schema: Any) -> Any:
    """The schema a part has to fit: it may lack what another part holds."""
    if isinstance(schema, list):
        return [relaxed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name not in NEEDS}
    return {
        name: {key: relaxed(inner) for key, inner in value.items()}
        if name in MAPS and isinstance(value, dict)
        else value
        if name in ("enum", "const", "default", "examples")
        else relaxed(value)
        for name, value in kept.items()
    }


NEEDS = (
    "required", "minItems", "minProperties", "dependentRequired", "contains", "minContains", "not", "oneOf", "if",
    "then", "else",
)  # fmt: skip
MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
