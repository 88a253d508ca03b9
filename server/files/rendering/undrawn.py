"""Letters that a page has and PDFium did not draw, for want of a font: drawn here, or the font is named.

PDFium has its own Arial, Times and Courier, without Cyrillic and Greek, and looks no further.
"""

import ctypes
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import hypot
from typing import TYPE_CHECKING, Any

from pypdfium2 import raw

from .fallback_fonts import OURS
from .limits import MAX_LIGHT, MIN_GREY_LEVELS
from .seen_text import text_parts

if TYPE_CHECKING:
    from PIL import Image

VISIBLE = (0, 1, 2, 4, 5, 6)  # text render modes that fill or stroke
MAX_LETTERS = 20_000  # looked at on one page
MAX_LETTER_PX = 2_000
MAX_FONTS = 20  # kept: a size each
MAX_NAMED_FONTS = 20


@dataclass(frozen=True)
class View:
    """How large the whole page is drawn, and how many of its rows are above the picture."""

    size: tuple[int, int]
    top: int = 0


@dataclass(frozen=True)
class Letter:
    """Places in pixels of the picture, `baseline` at its left end."""

    character: str
    font: str
    box: tuple[int, int, int, int]
    baseline: tuple[int, int]
    size: int
    colour: tuple[int, int, int]
    upright: bool


def draw_missing(image: "Image.Image", page: Any, scale: float, view: View) -> list[str]:
    """Draw on `image` what is missing there; the names of fonts of which letters are missing still."""
    from PIL import ImageDraw, ImageFont

    if text_parts(page) is None:
        return []
    missing = [letter for letter in _letters(page, view, scale) if _is_missing(image, letter)]
    pen = ImageDraw.Draw(image)
    font_of = lru_cache(MAX_FONTS)(lambda size: ImageFont.truetype(OURS, size))
    left: dict[str, None] = {}
    for letter in missing:
        font = font_of(min(letter.size, MAX_LETTER_PX))
        if not letter.upright or letter.size > MAX_LETTER_PX or not _has(font, letter.character):
            left[letter.font] = None
            continue
        pen.text(letter.baseline, letter.character, letter.colour, font, anchor="ls")
    return list(left)[:MAX_NAMED_FONTS]


def _is_missing(image: "Image.Image", letter: Letter) -> bool:
    left, top, right, bottom = letter.box
    if right <= 0 or bottom <= 0 or left >= image.width or top >= image.height:
        return False
    box = max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height)
    used = [level for level, count in enumerate(image.crop(box).convert("L").histogram()) if count]
    return not used or used[-1] - used[0] < MIN_GREY_LEVELS


def _has(font: Any, character: str) -> bool:
    """Whether it draws something else than the box for what it has not."""
    drawn, box = font.getmask(character), font.getmask("\U0010ffff")
    return bool(drawn.getbbox()) and (drawn.size != box.size or bytes(drawn) != bytes(box))


def _letters(page: Any, view: View, scale: float) -> Iterator[Letter]:
    """Those whose font is not in the file, and that are meant to be seen."""
    words = page.get_textpage()
    try:
        for at in range(min(words.count_chars(), MAX_LETTERS)):
            written = raw.FPDFText_GetTextObject(words, at)
            font = raw.FPDFTextObj_GetFont(written) if written else None
            character = chr(raw.FPDFText_GetUnicode(words, at))
            if not font or raw.FPDFFont_GetIsEmbedded(font) or unicodedata.category(character)[0] not in "LNS":
                continue
            if (colour := _colour(written)) and raw.FPDFTextObj_GetTextRenderMode(written) in VISIBLE:
                yield _letter(page, words, at, character, font, colour, view, scale)
    finally:
        words.close()


def _letter(page: Any, words: Any, at: int, character: str, font: Any, colour: Any, view: View, scale: float) -> Letter:
    box = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(words, at, box)
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(words, at, x, y)
    left, top = _at(page, view, box.left, box.top)
    right, bottom = _at(page, view, box.right, box.bottom)
    (left, right), (top, bottom) = sorted((left, right)), sorted((top, bottom))
    side = (right - left) // 5  # its neighbours lean over
    inside = left + side, top, max(right - side, left + side + 1), max(bottom, top + 1)
    turned = abs(raw.FPDFText_GetCharAngle(words, at)) > 0.01 or page.get_rotation()
    points = raw.FPDFText_GetFontSize(words, at) * _stretched(words, at)
    baseline = _at(page, view, x.value, y.value)
    return Letter(
        character,
        _name(font),
        inside,
        baseline,
        round(min(max(4, points * scale), MAX_LETTER_PX + 1)),
        colour,
        not turned,
    )


def _stretched(words: Any, at: int) -> float:
    """Many programs write in size 1 and stretch that."""
    matrix = raw.FS_MATRIX()
    return hypot(matrix.c, matrix.d) if raw.FPDFText_GetMatrix(words, at, matrix) else 1.0


def _at(page: Any, view: View, x: float, y: float) -> tuple[int, int]:
    to_x, to_y = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, -view.top, *view.size, 0, x, y, to_x, to_y)
    return to_x.value, to_y.value


def _colour(written: Any) -> tuple[int, int, int] | None:
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not raw.FPDFPageObj_GetFillColor(written, red, green, blue, alpha):
        return 0, 0, 0
    colour = red.value, green.value, blue.value
    return None if alpha.value < 32 or min(colour) > MAX_LIGHT else colour


def _name(font: Any) -> str:
    buffer = ctypes.create_string_buffer(200)
    length = raw.FPDFFont_GetBaseFontName(font, buffer, len(buffer))
    return buffer.raw[: max(0, min(length, len(buffer)) - 1)].decode("utf-8", errors="replace")
