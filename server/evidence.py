"""Where in the sources a value stands: found by us, never believed of the model, and never guessed.

Exactly first; then with width, spaces, punctuation, thousands separators and Chinese dates made alike. Offsets count
code points of the original text, so that `quote == source[start:end]`.
"""

import re
import unicodedata
from array import array
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from io import StringIO
from typing import Any

from .catalog import Frozen
from .schemas import pointer

MOST_EVIDENCE = 500
FIRST_CHINESE = "\u2e80"
# What NFKC leaves apart, though people write one for the other.
ALIKE = str.maketrans({
    "。": ".", "、": ",", "“": '"', "”": '"', "‘": "'", "’": "'", "「": '"', "」": '"', "『": '"', "』": '"',
    "《": "<", "》": ">", "〈": "<", "〉": ">", "—": "-", "–": "-", "‐": "-", "‑": "-", "−": "-", "・": "·",
    "【": "[", "】": "]",
})  # fmt: skip
DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
SEPARATED = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)")


class Evidence(Frozen):
    """`found`: null where there is nothing to look for (null, true, false)."""

    pointer: str
    found: bool | None
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    source: str | None = None


def evidence_of(data: Any, sources: Mapping[str, "Source"]) -> tuple[list[Evidence], int]:
    """Evidence for each leaf of `data`, and how many leaves were left out beyond the first ones."""
    leaves = list(_leaves(data, []))
    return [_found(where, value, sources) for where, value in leaves[:MOST_EVIDENCE]], max(
        0, len(leaves) - MOST_EVIDENCE
    )


def _leaves(value: Any, path: list[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, [*path, name])
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, [*path, number])
    else:
        yield pointer(path), value


def _found(where: str, value: Any, sources: Mapping[str, "Source"]) -> Evidence:
    if value is None or isinstance(value, bool) or value == "":
        return Evidence(pointer=where, found=None)
    for name, source in sources.items():
        if place := source.find(_written(value)):
            start, end = place
            return Evidence(pointer=where, found=True, quote=source.text[start:end], start=start, end=end, source=name)
    return Evidence(pointer=where, found=False)


def _written(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value if isinstance(value, str) else f"{value}"


class Source:
    """A text that values are looked up in."""

    def __init__(self, text: str) -> None:
        self.text = text

    def find(self, value: str) -> tuple[int, int] | None:
        """Start and end of the first place that says `value`, exactly or written alike."""
        exact = ((start, start + len(value.strip())) for start in _starts(self.text, value.strip()))
        if place := next(filter(self._stands_alone, exact), None):
            return place
        alike, starts, ends = self._alike
        wanted, _, _ = _normal(value)
        spans = ((at, at + len(wanted)) for at in _starts(alike, wanted))
        whole = ((first, last) for first, last in spans if _is_cut(starts, first) and _is_cut(starts, last))
        places = ((starts[first], ends[last - 1]) for first, last in whole)
        return next(filter(self._stands_alone, places), None)

    def _stands_alone(self, place: tuple[int, int]) -> bool:
        """Whether it is not the middle of a longer number or word: 5 is not in 2025."""
        start, end = place
        return not (_joined(self.text, start, -1) or _joined(self.text, end - 1, +1))

    @cached_property
    def _alike(self) -> tuple[str, "array[int]", "array[int]"]:
        return _normal(self.text)


def _starts(text: str, wanted: str) -> Iterator[int]:
    start = text.find(wanted) if wanted else -1
    while start >= 0:
        yield start
        start = text.find(wanted, start + 1)


def _is_cut(starts: "array[int]", at: int) -> bool:
    """Whether a new piece of the original begins there: a date and a number are one piece each."""
    return at in (0, len(starts)) or starts[at] != starts[at - 1]


def _joined(text: str, edge: int, step: int) -> bool:
    """Whether the character beyond an edge belongs to the same word or number."""
    letter, beyond, further = (text[at : at + 1] if at >= 0 else "" for at in (edge, edge + step, edge + 2 * step))
    if _spells(letter) and _spells(beyond):
        return True
    return letter.isdigit() and beyond in tuple(".,．，") and further.isdigit()


def _spells(character: str) -> bool:
    """Whether it is of a script that writes words between spaces, full-width digits and letters too."""
    wide = "\uff10" <= character <= "\uff5a"
    return character.isalnum() and (character < FIRST_CHINESE or wide)


def _normal(text: str) -> tuple[str, "array[int]", "array[int]"]:
    """`text` made alike, and for each of its characters where the original ones start and end."""
    kept, starts, ends = StringIO(), array("L"), array("L")
    for start, end in _clusters(text):
        characters = _plain(text[start:end])
        kept.write(characters)
        starts.extend([start] * len(characters))
        ends.extend([end] * len(characters))
    return _numbers_alike(kept.getvalue(), starts, ends)


@lru_cache(maxsize=8_192)
def _plain(cluster: str) -> str:
    plain = unicodedata.normalize("NFKC", cluster).translate(ALIKE)
    return "".join(character for character in plain if not character.isspace() and character != "\u200b")


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """A character with the marks that combine with it."""
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or not unicodedata.combining(text[end]):
            yield start, end
            start = end


def _numbers_alike(text: str, starts: "array[int]", ends: "array[int]") -> tuple[str, "array[int]", "array[int]"]:
    """Dates as 2024-03-05 and numbers without thousands separators, each digit still knowing where it stood."""
    pieces: list[str] = []
    new_starts, new_ends, done = array("L"), array("L"), 0

    def keep(characters: str, first: int, last: int) -> None:
        pieces.append(characters)
        new_starts.extend([starts[first]] * len(characters))
        new_ends.extend([ends[last - 1]] * len(characters))

    def copy(first: int, last: int) -> None:
        pieces.append(text[first:last])
        new_starts.extend(starts[first:last])
        new_ends.extend(ends[first:last])

    for match in re.finditer(f"{DATE.pattern}|{SEPARATED.pattern}", text):
        copy(done, match.start())
        if match[1]:
            keep(f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}", match.start(), match.end())
        else:
            keep(match[0].replace(",", ""), match.start(), match.end())
        done = match.end()
    copy(done, len(text))
    return "".join(pieces), new_starts, new_ends
