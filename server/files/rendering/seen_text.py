"""What a PDF's page says in its text, as far as people see it."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from math import sqrt
from typing import Any

from pypdfium2 import raw

from .limits import MAX_LIGHT, MAX_TEXT_PARTS, MIN_GREY_LEVELS

NOT_PAINTED = (3, 7)  # text render modes
LOOKED_AT_PT = 1.5  # pixels a point where ink is looked for
MAX_LOOKED_AT_PIXELS = 20_000_000
MAX_LOOKED_AT_LETTERS = 20_000  # looked at on one page: a second
MIN_INKED_SHARE = 0.5  # of an unpainted line, which lies over its scan and is wider or narrower there


@dataclass(frozen=True)
class SeenText:
    """`hidden`: how many letters were left out; `unlooked`: there were too many to look for hidden ones.

    `unmapped`: how many are in fonts that do not say which letters they draw.
    """

    text: str
    hidden: int = 0
    unlooked: bool = False
    unmapped: int = 0


@dataclass(frozen=True)
class DoubtedLetter:
    at: int
    character: str
    doubt: str  # why it may be hidden: `unpainted`, `light`; or empty


def text_parts(page: Any) -> list[Any] | None:
    """None: so many that PDFium would take long to read them: a tenfold takes a hundred times as long."""
    parts = list(islice(page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT]), MAX_TEXT_PARTS + 1))
    return None if len(parts) > MAX_TEXT_PARTS else parts


def seen_text(page: Any, words: Any, parts: list[Any], unit: float) -> SeenText:
    """The text without what nobody sees: unpainted, white on white, off the page.

    A text layer over its scan has ink under most letters of a line. `unit`: of the page, in points.
    """
    whole = words.get_text_range()
    beyond = _count(whole) > _count(words.get_text_bounded())
    if not beyond and not any(map(_doubt, parts)):
        return SeenText(_plain(whole))
    if words.count_chars() > MAX_LOOKED_AT_LETTERS:
        return SeenText(_plain(whole), unlooked=True)
    letters = list(_letters(words))
    image, hidden = _look(page, unit), set[int]()
    for _, line in groupby(letters, _Lines()):
        hidden.update(_hidden_of(list(line), image, page, words, beyond=beyond))
    if not hidden:
        return SeenText(_plain(whole))
    kept = "".join(letter.character for letter in letters if letter.at not in hidden)
    return SeenText(_plain(_paired(kept)), len(hidden))


class _Lines:
    """The number of a letter's line."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, letter: DoubtedLetter) -> int:
        self._number += letter.character == "\n"
        return self._number


def _look(page: Any, unit: float) -> Any:
    width, height = page.get_size()
    scale = min(LOOKED_AT_PT * unit, sqrt(MAX_LOOKED_AT_PIXELS / max(width * height, 1e-6)))
    return page.render(scale=scale, grayscale=True).to_pil().convert("L")


def _letters(words: Any) -> Iterator[DoubtedLetter]:
    doubts: dict[int, str] = {}
    for at in range(words.count_chars()):
        part = raw.FPDFText_GetTextObject(words, at)
        key = ctypes.cast(part, ctypes.c_void_p).value or 0
        if key not in doubts:
            doubts[key] = _doubt(part) if part else ""
        yield DoubtedLetter(at, chr(raw.FPDFText_GetUnicode(words, at)), doubts[key])


def _hidden_of(line: list[DoubtedLetter], image: Any, page: Any, words: Any, *, beyond: bool) -> Iterator[int]:
    """Letters of one line; a whole one of a scan is kept, though letters of its layer stand beside their ink."""
    unpainted = {"inked": 0, "bare": 0}
    bare: list[int] = []
    for letter in line:
        if not letter.character.isalnum() or not (letter.doubt or beyond):
            continue
        box = _box(image, page, words, letter.at)
        if box is None:
            yield letter.at
        elif letter.doubt:
            inked = _has_ink(image, box)
            if letter.doubt == "unpainted":
                unpainted["inked" if inked else "bare"] += 1
                bare += [] if inked else [letter.at]
            elif not inked:
                yield letter.at
    if unpainted["inked"] < MIN_INKED_SHARE * (unpainted["inked"] + unpainted["bare"]):
        yield from bare


def _count(text: str) -> int:
    return sum(map(str.isalnum, text))


def _doubt(part: Any) -> str:
    """Why a part of the text may not be seen; empty where it is as it seems."""
    if raw.FPDFTextObj_GetTextRenderMode(part) in NOT_PAINTED:
        return "unpainted"
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    told = raw.FPDFPageObj_GetFillColor(part, red, green, blue, alpha)
    light = bool(told) and (alpha.value < 32 or min(red.value, green.value, blue.value) > MAX_LIGHT)
    return "light" if light else ""


def _box(image: Any, page: Any, words: Any, at: int) -> tuple[int, int, int, int] | None:
    """Its place on the picture; None: beside it."""
    box = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(words, at, box)
    corners = []
    for x, y in ((box.left, box.top), (box.right, box.bottom)):
        to_x, to_y = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(page, 0, 0, *image.size, 0, x, y, to_x, to_y)
        corners.append((to_x.value, to_y.value))
    (left, right), (top, bottom) = (sorted(side) for side in zip(*corners, strict=True))
    if right < 0 or bottom < 0 or left >= image.width or top >= image.height:
        return None
    return max(left, 0), max(top, 0), min(right + 1, image.width), min(bottom + 1, image.height)


def _has_ink(image: Any, box: tuple[int, int, int, int]) -> bool:
    low, high = image.crop(box).getextrema()
    return bool(high - low >= MIN_GREY_LEVELS)


def _paired(text: str) -> str:
    """Letters that PDFium tells as two halves are one."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\ufffe", "")
