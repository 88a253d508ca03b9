"""Where a picture is cut into rows, so that its letters stay legible: between two lines, or with an overlap."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, cast

from .limits import MAX_RATIO, Size, shrunk_size

if TYPE_CHECKING:
    from PIL import Image

MAX_TILES = 12  # of one page: each is a request, or an image, of its own
MIN_LETTER_PX = 20.0  # how high letters are to stay
MAX_SHRINK, MAX_STRIP_SHRINK = 1.4, 1.2  # of letters whose size nobody knows: 28 pixels are usual
MIN_STRIP_RATIO = 3.0  # of height to width: a long screenshot, whose answer would be too long as well
OVERLAP_PX = 160  # three or four lines
REACH_PX = 400  # how far from an even cut a better one is looked for
MAX_REACH_SHARE, MAX_OVERLAP_SHARE = 0.2, 0.3  # of a tile's height
INK_STEP = 24  # grey levels between neighbours where ink begins
MIN_BUSY = 2.0  # steps in a row that holds letters
CALM_SHARE = 0.1  # of the steps of a busy row
MAX_NOISE_SHARE = 0.3
MIN_CALM_SHARE = 0.006  # of the rows looked at

GreyRows = Callable[[int, int], "Image.Image"]
"""The rows between two numbers, in grey; they may be drawn smaller."""


@dataclass(frozen=True)
class Tiles:
    """`whole`: the picture's size before it is shrunk; `rows`: from, to; `wanted`: how many would be legible."""

    whole: Size
    rows: tuple[tuple[int, int], ...]
    wanted: int

    def sizes(self, max_pixels: int) -> list[Size]:
        """As they are sent."""
        return [shrunk_size(*self.size(tile), max_pixels) for tile in range(1, len(self.rows) + 1)]

    def size(self, tile: int) -> Size:
        """Of one, from 1, before it is shrunk."""
        top, bottom = self.rows[tile - 1]
        return self.whole[0], bottom - top

    def shares(self, tile: int) -> tuple[float, float]:
        top, bottom = self.rows[tile - 1]
        return top / self.whole[1], bottom / self.whole[1]

    def told(self, tile: int) -> dict[str, Any]:
        """What a picture says of its place."""
        return {"shown": self.size(tile), "whole": self.whole, "top": self.rows[tile - 1][0]}


def is_strip(whole: Size) -> bool:
    return whole[1] >= MIN_STRIP_RATIO * whole[0]


def tiles_wanted(whole: Size, max_pixels: int, letter_px: float | None) -> int:
    """So many that none is shrunk too far. `letter_px`: how high its smallest letters are; None: nobody knows."""
    shrink = MAX_STRIP_SHRINK if is_strip(whole) else MAX_SHRINK
    if letter_px is not None:
        shrink = max(1.0, letter_px / MIN_LETTER_PX)
    return ceil(whole[0] * whole[1] / (max_pixels * shrink**2))


def tiles_of(whole: Size, wanted: int, grey: GreyRows | None) -> Tiles:
    """Without `grey` the cuts are even."""
    count = max(1, min(wanted, MAX_TILES, MAX_RATIO * whole[1] // (2 * whole[0])))
    height = whole[1] / count
    tops, bottoms = [0], list[int]()
    for number in range(1, count):
        bottom, top = _cut(round(number * height), height, grey)
        bottoms.append(bottom)
        tops.append(top)
    return Tiles(whole, tuple(zip(tops, [*bottoms, whole[1]], strict=True)), wanted)


def _cut(at: int, height: float, grey: GreyRows | None) -> tuple[int, int]:
    """Where the upper tile ends and the lower one begins; the latter comes first where no calm row is near."""
    reach = int(min(REACH_PX, MAX_REACH_SHARE * height))
    if grey and reach:
        rows = grey(at - reach, at + reach)
        if (calm := calm_row(rows)) is not None:
            at += round((calm + 0.5) * 2 * reach / rows.height) - reach
            return at, at
    half = int(min(OVERLAP_PX, MAX_OVERLAP_SHARE * height)) // 2
    return at + half, at - half


def calm_row(grey: "Image.Image") -> int | None:
    """The middle of the widest stretch without letters; None: there is none, or what is there is no text."""
    steps = ink_steps(grey)
    least, busy = min(steps), sorted(steps)[int(0.9 * len(steps))]
    if busy - least < MIN_BUSY:
        return len(steps) // 2  # nothing but ground, and lines from top to bottom
    if least > MAX_NOISE_SHARE * busy:
        return None
    stretches = _stretches([each <= least + CALM_SHARE * (busy - least) for each in steps])
    start, end = max(stretches, key=lambda stretch: (stretch[1] - stretch[0], -abs(sum(stretch) - len(steps))))
    return (start + end) // 2 if end - start >= max(2, MIN_CALM_SHARE * len(steps)) else None


def _stretches(calm: list[bool]) -> list[tuple[int, int]]:
    found, start = [(0, 0)], 0
    for row, is_calm in enumerate([*calm, False]):
        if not is_calm:
            found.append((start, row))
            start = row + 1
    return found


def ink_steps(grey: "Image.Image") -> list[float]:
    """How often each row goes from ground to ink and back; noise is smoothed first."""
    from PIL import Image, ImageChops, ImageFilter

    smooth = grey.filter(ImageFilter.BoxBlur(1))
    width, height = smooth.size
    change = ImageChops.difference(smooth.crop((0, 0, width - 1, height)), smooth.crop((1, 0, width, height)))
    counted = change.point(lambda level: 255 * (level >= INK_STEP)).convert("F")
    means = counted.resize((1, height), Image.Resampling.BOX)
    return [cast("float", means.getpixel((0, row))) * (width - 1) / 255 for row in range(height)]
