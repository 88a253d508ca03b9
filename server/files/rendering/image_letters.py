"""How high the small letters on a large image are, where it looks like a document: on one ground, in lines."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .cutting import ink_steps

if TYPE_CHECKING:
    from PIL import Image

SAMPLED_SIDE_PX = 800
GROUND_LEVELS, MIN_GROUND_SHARE = 12, 0.6  # around the most usual grey: photos have no such ground
STRIPS, STRIP_PX = 8, 400
MIN_STEPS = 2.0  # more in a row than lines from top to bottom have
MIN_HEIGHT_PX, MAX_HEIGHT_PX = 6, 200
MIN_LINES_OF_TEXT = 40
SMALL_LINES = 0.25  # of the lines are lower still


def letter_px(grey: "Image.Image") -> float | None:
    """None: it is no document, or there is too little text."""
    if not _has_ground(grey):
        return None
    heights = sorted(height for strip in _strips(grey) for height in _line_heights(ink_steps(strip)))
    return heights[int(SMALL_LINES * len(heights))] if len(heights) >= MIN_LINES_OF_TEXT else None


def _has_ground(grey: "Image.Image") -> bool:
    from PIL import Image

    levels = grey.resize((SAMPLED_SIDE_PX, SAMPLED_SIDE_PX), Image.Resampling.NEAREST).histogram()
    usual = max(range(256), key=levels.__getitem__)
    ground = levels[max(0, usual - GROUND_LEVELS) : usual + GROUND_LEVELS + 1]
    return sum(ground) >= MIN_GROUND_SHARE * sum(levels)


def _strips(grey: "Image.Image") -> Iterator["Image.Image"]:
    width = min(STRIP_PX, grey.width // STRIPS)
    for number in range(STRIPS):
        left = (2 * number + 1) * grey.width // (2 * STRIPS) - width // 2
        yield grey.crop((left, 0, left + width, grey.height))


def _line_heights(steps: list[float]) -> Iterator[int]:
    """Of rows with ink between rows without."""
    least, height = sorted(steps)[len(steps) // 10], 0
    for step in [*steps, 0.0]:
        if step >= least + MIN_STEPS:
            height += 1
            continue
        if MIN_HEIGHT_PX <= height <= MAX_HEIGHT_PX:
            yield height
        height = 0
