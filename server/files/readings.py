"""What was read here of a picture: its lines, where they stand, and how sure each letter is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import dist
from typing import Any

Point = tuple[float, float]
MIN_SURE_SHARE = 0.9  # of a line's letters, on average
ABOVE, BELOW, BESIDE = 0.14, 0.18, 0.12  # of a line's height: what its detector leaves around the ink, mostly more


@dataclass(frozen=True)
class Column:
    """One of those that a line's width is cut into: the letters it may hold and their shares; "" is none."""

    number: int
    shares: tuple[tuple[str, float], ...]  # the likeliest first

    @property
    def letter(self) -> str:
        return self.shares[0][0]


@dataclass(frozen=True)
class ReadLetter:
    """A letter of a line, and its columns: the first and the last, by their place among those that were told."""

    text: str
    first: int
    last: int
    share: float


@dataclass(frozen=True)
class ReadLine:
    """`corners`: four clockwise from where its first letter begins, in pixels of the picture. `columns`: those that may
    hold a letter; `width`: how many there are in all.
    """

    corners: tuple[Point, ...]
    columns: tuple[Column, ...]
    width: float

    @cached_property
    def letters(self) -> tuple[ReadLetter, ...]:
        """The likeliest; one that goes on over several columns is one."""
        found: list[ReadLetter] = []
        for at, column in enumerate(self.columns):
            share = column.shares[0][1]
            before = self.columns[at - 1] if at else None
            if not column.letter:
                continue
            if before and before.number == column.number - 1 and before.letter == column.letter:
                last = found[-1]
                found[-1] = ReadLetter(last.text, last.first, at, max(last.share, share))
            else:
                found.append(ReadLetter(column.letter, at, at, share))
        return tuple(found)

    @property
    def middle(self) -> Point:
        return sum(x for x, _ in self.corners) / len(self.corners), sum(y for _, y in self.corners) / len(self.corners)

    @property
    def sureness(self) -> float:
        """Of the letter that is least sure; 0: there are none."""
        return min((letter.share for letter in self.letters if not letter.text.isspace()), default=0.0)

    @property
    def mean_share(self) -> float:
        return sum(letter.share for letter in self.letters) / max(1, len(self.letters))

    @property
    def is_sure(self) -> bool:
        return self.mean_share >= MIN_SURE_SHARE

    def columns_of(self, first: int, last: int) -> tuple[Column, ...]:
        """All between the letter before the first one and that after the last."""
        left = self.letters[first - 1].last + 1 if first else 0
        right = self.letters[last + 1].first if last + 1 < len(self.letters) else len(self.columns)
        return self.columns[left:right]

    def text_of(self, first: int, last: int) -> str:
        return "".join(letter.text for letter in self.letters[first : last + 1])

    @property
    def text(self) -> str:
        return "".join(letter.text for letter in self.letters)

    def box(self, first: int, last: int) -> tuple[Point, ...]:
        """The corners of some of its letters, without what was left around the line when it was looked for."""
        edges = self._edges
        return self._part(edges[first], edges[last + 1])

    @cached_property
    def _edges(self) -> list[float]:
        """Where each letter begins, as a share of the line's length, and where the last one ends."""
        middles = [(self._number(each.first) + self._number(each.last) + 1) / 2 / self.width for each in self.letters]
        side = min(0.25, BESIDE * dist(self.corners[0], self.corners[3]) / max(1.0, dist(*self.corners[:2])))
        return [side, *((one + other) / 2 for one, other in pairwise(middles)), 1 - side]

    def _number(self, at: int) -> int:
        return self.columns[at].number

    def _part(self, start: float, end: float) -> tuple[Point, ...]:
        top_left, top_right, bottom_right, bottom_left = self.corners
        sides = ((_between(top_left, top_right, at), _between(bottom_left, bottom_right, at)) for at in (start, end))
        (left, lower_left), (right, lower_right) = sides
        return (
            _rounded_point(_between(left, lower_left, ABOVE)),
            _rounded_point(_between(right, lower_right, ABOVE)),
            _rounded_point(_between(right, lower_right, 1 - BELOW)),
            _rounded_point(_between(left, lower_left, 1 - BELOW)),
        )


def _between(one: Point, other: Point, share: float) -> Point:
    return one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share


def _rounded_point(point: Point) -> Point:
    return round(point[0], 1), round(point[1], 1)


def lines_of(told: Sequence[dict[str, Any]]) -> tuple[ReadLine, ...]:
    """As the process that reads tells them."""
    return tuple(ReadLine(_points(line["corners"]), _columns(line["columns"]), line["width"]) for line in told)


def _points(corners: list[list[float]]) -> tuple[Point, ...]:
    return tuple((x, y) for x, y in corners)


def _columns(columns: list[Any]) -> tuple[Column, ...]:
    return tuple(Column(number, tuple((letter, share) for letter, share in shares)) for number, shares in columns)
