"""What was read here as one text, row by row; each of its letters knows where on the page it stands."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import atan2, ceil, cos, dist, sin
from statistics import median

from ..readings import Point, ReadLine
from .plain import plain_words

ROW_SHARE = 0.5  # of a line's height that the middle of the next in its row may be above or below
MIN_COLUMN_LINES, MIN_COLUMN_SHARE = 5, 0.2  # of a column of prose: its lines, and how wide they are on a page
GAPS_TRIED = 80  # over the width of a page
MAX_CROSSING = 0.3  # of the lines, as headings that run over columns
MAX_TURN = 0.5  # as a sine: of a line against the others
LetterOrigin = tuple[int, int]  # a line, and a letter of it


@dataclass(frozen=True)
class LocalText:
    """`text` in one width and case, or in another form; `origins`: of each of its characters, None between lines."""

    lines: tuple[ReadLine, ...]
    text: str
    origins: tuple[LetterOrigin | None, ...]

    def edited(self, edits: Iterable[tuple[int, int, str]]) -> "LocalText":
        """With other texts in the place of some, in rising order; they stand where those stood."""
        text, origins, at = [], list[LetterOrigin | None](), 0
        for start, end, new in edits:
            text += [self.text[at:start], new]
            origins += [*self.origins[at:start], *self._spread(start, end, len(new))]
            at = end
        return LocalText(self.lines, "".join([*text, self.text[at:]]), (*origins, *self.origins[at:]))

    def _spread(self, start: int, end: int, count: int) -> list[LetterOrigin | None]:
        here = self.origins[start:end] or self.origins[start - 1 : start] or (None,)
        return [here[at * len(here) // count] for at in range(count)]

    @cached_property
    def turned_lines(self) -> frozenset[int]:
        """Lines that run in another direction than most: digits one above the other pass for such."""
        if not self.lines:
            return frozenset()
        usual, lines = _direction(self.lines), enumerate(self.lines)
        turned = (at for at, line in lines if len(line.letters) > 1 and abs(sin(_angle(line) - usual)) > MAX_TURN)
        return frozenset(turned)

    def places(self, start: int, end: int) -> list[tuple[Point, ...]]:
        """The boxes of a part of it, one for each of its lines."""
        return [self.lines[line].box(min(found), max(found)) for line, found in self.letters(start, end).items()]

    def letters(self, start: int, end: int) -> dict[int, list[int]]:
        """Of a part of it, by line."""
        letters: dict[int, list[int]] = {}
        for origin in filter(None, self.origins[start:end]):
            letters.setdefault(origin[0], []).append(origin[1])
        return letters


def local_text(lines: Sequence[ReadLine], form: Callable[[str], str] = plain_words, between: str = " ") -> LocalText:
    """`form`: in which each letter stands in the text. `between`: the lines of a row, one character."""
    text, origins = [], list[LetterOrigin | None]()
    for row in page_rows(lines):
        for place, number in enumerate(row):
            if origins:
                text.append("\n" if place == 0 else between)
                origins.append(None)
            for at, letter in enumerate(lines[number].letters):
                plain = form(letter.text) or " "
                text.append(plain)
                origins += [(number, at)] * len(plain)
    return LocalText(tuple(lines), "".join(text), tuple(origins))


def page_rows(lines: Sequence[ReadLine]) -> list[list[int]]:
    """The lines by rows, as they would stand on a page that lies straight; columns of prose one after the other."""
    if not lines:
        return []
    turn = _direction(lines)
    spans = [_Span.of(number, line, turn) for number, line in enumerate(lines)]
    page_width = max(span.right for span in spans) - min(span.left for span in spans)
    return [[span.number for span in row] for block in _blocks(spans, page_width) for row in _rows(block)]


@dataclass(frozen=True)
class _Span:
    """Where a line stands on a page that lies straight."""

    number: int
    left: float
    right: float
    middle: float  # from the top
    height: float

    @classmethod
    def of(cls, number: int, line: ReadLine, turn: float) -> "_Span":
        across = [_turned(corner, -turn)[0] for corner in line.corners]
        height = dist(line.corners[0], line.corners[3])
        return cls(number, min(across), max(across), _turned(line.middle, -turn)[1], height)

    @property
    def width(self) -> float:
        return self.right - self.left


def _blocks(spans: list[_Span], page_width: float) -> list[list[_Span]]:
    """Columns from left to right, between lines that run over both; what has none is one block."""
    gap = _gap(spans, page_width)
    if gap is None:
        return [spans]
    blocks: list[list[_Span]] = []
    band: list[_Span] = []
    for span in [*sorted(spans, key=lambda span: span.middle), None]:
        if span and not span.left < gap < span.right:
            band.append(span)
            continue
        left, right = [each for each in band if each.right <= gap], [each for each in band if each.left >= gap]
        blocks += [block for side in (left, right) if side for block in _blocks(side, page_width)]
        blocks += [[span]] if span else []
        band = []
    return blocks


def _gap(spans: list[_Span], page_width: float) -> float | None:
    """Where the page is parted into columns of prose, whose lines are long: the cells of a table are short."""
    best = None
    step = page_width / GAPS_TRIED
    for gap in sorted({ceil(span.right / step) * step for span in spans}):
        sides = [span.width for span in spans if span.right <= gap], [span.width for span in spans if span.left >= gap]
        crossing = len(spans) - sum(map(len, sides))
        are_prose = all(
            len(side) >= MIN_COLUMN_LINES and median(side) >= MIN_COLUMN_SHARE * page_width for side in sides
        )
        if are_prose and crossing <= MAX_CROSSING * len(spans) and (best is None or crossing < best[0]):
            best = crossing, gap
    return best[1] if best else None


def _rows(spans: list[_Span]) -> list[list[_Span]]:
    rows: list[list[_Span]] = []
    for span in sorted(spans, key=lambda span: span.middle):
        last = rows[-1][-1] if rows else None
        if last and span.middle - last.middle < ROW_SHARE * min(span.height, last.height):
            rows[-1].append(span)
        else:
            rows.append([span])
    return [sorted(row, key=lambda span: span.left) for row in rows]


def _direction(lines: Sequence[ReadLine]) -> float:
    return median(_angle(line) for line in lines)


def _angle(line: ReadLine) -> float:
    (left, top), (right, bottom) = line.corners[:2]
    return atan2(bottom - top, right - left)


def _turned(point: Point, angle: float) -> Point:
    (x, y), c, s = point, cos(angle), sin(angle)
    return x * c - y * s, x * s + y * c
