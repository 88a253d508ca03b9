"""How high the small letters of a PDF's page are, where its text says so."""

from math import hypot
from typing import Any

from pypdfium2 import raw

from .page_words import image_cover
from .seen_text import NOT_PAINTED, text_parts

MIN_LETTERS, MAX_LETTERS_MEASURED = 50, 2_000
SMALL_SHARE = 0.1  # of the letters are smaller still
MAX_IMAGE_COVER = 0.2  # of the page: an image that large may have letters of its own


def small_letter(page: Any) -> float | None:
    """In units of the page; None: its text tells too little of what is to be read there."""
    if text_parts(page) is None or image_cover(page) > MAX_IMAGE_COVER:
        return None
    words = page.get_textpage()
    try:
        count = words.count_chars()
        step = max(1, count // MAX_LETTERS_MEASURED)
        heights = sorted(filter(None, (_height(words, at) for at in range(0, count, step))))
    finally:
        words.close()
    return heights[int(SMALL_SHARE * len(heights))] if len(heights) >= MIN_LETTERS else None


def _height(words: Any, at: int) -> float:
    """0: it is no letter that is painted. Many programs write in size 1 and stretch that."""
    written = raw.FPDFText_GetTextObject(words, at)
    if not written or not chr(raw.FPDFText_GetUnicode(words, at)).isalnum():
        return 0.0
    matrix = raw.FS_MATRIX()
    stretched = hypot(matrix.c, matrix.d) if raw.FPDFText_GetMatrix(words, at, matrix) else 1.0
    painted = raw.FPDFTextObj_GetTextRenderMode(written) not in NOT_PAINTED
    return float(raw.FPDFText_GetFontSize(words, at) * stretched) if painted else 0.0
