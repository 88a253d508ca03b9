"""Two tiles of a page become one: what stands in both, where they overlap, is kept once."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from math import ceil

from .transcripts import TextLine

MIN_ALIKE = 0.85  # of two readings of one line; their digits must be the same
MIN_LIKENED_CHARS, MAX_LIKENED_CHARS = 4, 500
MORE_LINES = 3  # than an even spread would put into the overlap
MIN_SHARED = 0.5  # of the smaller of two boxes that are one line's
LINE_DIGITS = re.compile(r"\d+")
TWICE = "where it was cut no line was found in both parts, so some may stand twice"
AS_OFTEN = "where it was cut its lines are alike, so some may stand twice"


@dataclass(frozen=True)
class Seam:
    """The lower tile begins at `start`, the upper one ends at `end`; `height`: of a tile. In the unit of corners."""

    start: float
    end: float
    height: float

    @property
    def share(self) -> float:
        """Of a tile, what the other one has as well."""
        return max(0.0, self.end - self.start) / self.height


# --- without places ---


def joined_at(upper: Sequence[str], lower: Sequence[str], seam: Seam) -> tuple[int, int, str]:
    """How many lines of the upper tile are kept, from which on those of the lower one, and what is to be noted.

    The last lines of the one are the first of the other. Only the very first of them, and the very last, may have been
    cut through: the other tile has it whole. Nothing else is left out: a line may well stand on the page twice.
    """
    above, below = _said(upper), _said(lower)
    whole = len(upper), 0
    if not seam.share or not above or not below:
        return *whole, ""
    most = min(ceil(seam.share * max(len(above), len(below))) + MORE_LINES, len(above), len(below))
    runs = {n: _run([upper[at] for at in above[-n:]], [lower[at] for at in below[:n]]) for n in range(1, most + 1)}
    best = max(map(len, runs.values()))
    if not best:
        return *whole, TWICE
    counts = [count for count, alike in runs.items() if len(alike) == best]
    sure = int(seam.share * min(len(above), len(below))) - 1
    count = counts[0] if len(counts) == 1 else max((each for each in counts if each <= sure), default=0)
    note = "" if len(counts) == 1 else AS_OFTEN
    if not count:
        return *whole, note
    last = _alike(upper[above[-1]], lower[below[count - 1]])
    return above[-1] + last, below[count - 1] + last, note


def _said(lines: Sequence[str]) -> list[int]:
    return [number for number, line in enumerate(lines) if line.strip()]


def _run(above: Sequence[str], below: Sequence[str]) -> set[str]:
    """What these lines say alike: the more, the surer it is one run. Nothing where those between differ."""
    alike = list(map(_alike, above, below))
    return {line for line, is_alike in zip(below, alike, strict=True) if is_alike} if all(alike[1:-1]) else set()


def _alike(one: str, other: str) -> bool:
    one, other = (re.sub(r"\s+", "", unicodedata.normalize("NFKC", line)).casefold() for line in (one, other))
    if one == other or not MIN_LIKENED_CHARS <= min(len(one), len(other)) <= MAX_LIKENED_CHARS:
        return one == other
    if LINE_DIGITS.findall(one) != LINE_DIGITS.findall(other):
        return False
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= MIN_ALIKE


# --- with places ---


def joined_lines(upper: Sequence[TextLine], lower: Sequence[TextLine], seam: Seam) -> tuple[tuple[TextLine, ...], str]:
    """A line in one place is one line: it is kept as the tile read it of whose edge it is farther away."""
    if not all(line.corners for line in (*upper, *lower)):
        end, start, note = joined_at([line.text for line in upper], [line.text for line in lower], seam)
        return (*upper[:end], *lower[start:]), note
    left_out = set[int]()
    for one in (line for line in upper if _span(line, 1)[1] > seam.start):
        for other in (line for line in lower if _span(line, 1)[0] < seam.end):
            if _in_one_place(one, other):
                near_end = seam.end - _span(one, 1)[1] < _span(other, 1)[0] - seam.start
                left_out.add(id(one if near_end else other))
    return tuple(line for line in (*upper, *lower) if id(line) not in left_out), ""


def _in_one_place(one: TextLine, other: TextLine) -> bool:
    return all(_shared(_span(one, axis), _span(other, axis)) for axis in (0, 1))


def _span(line: TextLine, axis: int) -> tuple[float, float]:
    values = [corner[axis] for corner in line.corners]
    return min(values), max(values)


def _shared(one: tuple[float, float], other: tuple[float, float]) -> bool:
    both = min(one[1], other[1]) - max(one[0], other[0])
    return both >= MIN_SHARED * max(min(one[1] - one[0], other[1] - other[0]), 1e-6)
