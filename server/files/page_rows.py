"""In which order the lines of a page are read: row by row, and columns of prose one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, ceil, cos, dist, sin
from statistics import median

from .readings import Point, ReadLine

ROW_SHARE = 0.5  # of a line's height that the middle of the next in its row may be above or below
MIN_COLUMN_LINES, MIN_COLUMN_SHARE = 5, 0.2  # of a column of prose: its lines, and how wide they are on a page
GAPS_TRIED = 80  # over the width of a page
MAX_CROSSING = 0.3  # of the lines, as headings that run over columns


def page_rows(lines: Sequence[ReadLine]) -> list[list[int]]:
    """The lines by rows, as they would stand on a page that lies straight; columns of prose one after the other."""
    if not lines:
        return []
    turn = direction_of(lines)
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


def direction_of(lines: Sequence[ReadLine]) -> float:
    return median(angle_of(line) for line in lines)


def angle_of(line: ReadLine) -> float:
    (left, top), (right, bottom) = line.corners[:2]
    return atan2(bottom - top, right - left)


def _turned(point: Point, angle: float) -> Point:
    (x, y), c, s = point, cos(angle), sin(angle)
    return x * c - y * s, x * s + y * c
