"""What a PDF's page says: its text as far as people see it, and what stands beside the text in forms and notes."""

import ctypes
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from pypdfium2 import raw

from .limits import MAX_LIGHT, MIN_GREY_LEVELS

NOT_PAINTED = (3, 7)  # text render modes
LOOKED_AT_PT = 1.5  # pixels a point where ink is looked for
MIN_COVER = 0.5  # of a page by images: what it says may be in these
MAX_SPARSE_LETTERS = 200  # beside such an image: a stamp, a page number
MIN_GARBLED = 0.2  # of the letters without a meaning
FREE_TEXT, NOTE, STAMP_NOTE = 3, 1, 13  # annotations
NOTE_KINDS = {FREE_TEXT: "note", NOTE: "comment", STAMP_NOTE: "stamp"}
HIDDEN_FLAG = 2
CHECKED = {True: "yes", False: "no"}


def seen_text(page: Any, words: Any) -> tuple[str, int]:
    """The text without what nobody sees, and how many letters that were: unpainted, white on white, off the page.

    A text layer over its scan has ink under each letter.
    """
    whole, shown = words.get_text_range(), words.get_text_bounded()
    if beyond := _letters(whole) - _letters(shown):  # over its edge
        return _plain(shown), beyond
    if not any(_may_hide(part) for part in page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT])):
        return _plain(whole), 0
    image = page.render(scale=LOOKED_AT_PT, grayscale=True).to_pil().convert("L")
    kept, hidden = [], 0
    for at in range(words.count_chars()):
        character = chr(raw.FPDFText_GetUnicode(words, at))
        if character.isalnum() and not _has_ink(image, page, words, at):
            hidden += 1
        else:
            kept.append(character)
    return (_plain("".join(kept)), hidden) if hidden else (_plain(whole), 0)


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _may_hide(part: Any) -> bool:
    if raw.FPDFTextObj_GetTextRenderMode(part) in NOT_PAINTED:
        return True
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    told = raw.FPDFPageObj_GetFillColor(part, red, green, blue, alpha)
    return bool(told) and (alpha.value < 32 or min(red.value, green.value, blue.value) > MAX_LIGHT)


def _has_ink(image: Any, page: Any, words: Any, at: int) -> bool:
    box = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(words, at, box)
    corners = []
    for x, y in ((box.left, box.top), (box.right, box.bottom)):
        to_x, to_y = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(page, 0, 0, *image.size, 0, x, y, to_x, to_y)
        corners.append((to_x.value, to_y.value))
    (left, top), (right, bottom) = corners
    left, right, top, bottom = min(left, right), max(left, right) + 1, min(top, bottom), max(top, bottom) + 1
    if right <= 0 or bottom <= 0 or left >= image.width or top >= image.height:
        return False
    low, high = image.crop((max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height))).getextrema()
    return bool(high - low >= MIN_GREY_LEVELS)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\ufffe", "")


def says_more(page: Any, text: str) -> str:
    """Why a page is to be looked at beside its text; empty where the text is all."""
    letters = [letter for letter in text if not letter.isspace()]
    lost = sum(unicodedata.category(letter) in ("Cc", "Co", "Cn") or letter == "\ufffd" for letter in letters)
    if letters and lost >= MIN_GARBLED * len(letters):
        return "garbled"
    if sum(map(str.isalnum, letters)) < MAX_SPARSE_LETTERS and _cover(page) >= MIN_COVER:
        return "covered"
    return ""


def _cover(page: Any) -> float:
    """How much of the page its largest image takes."""
    width, height = page.get_size()
    sizes = [0.0]
    for image in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=4):
        left, bottom, right, top = image.get_bounds()
        sizes.append(max(0.0, min(right, width) - max(left, 0)) * max(0.0, min(top, height) - max(bottom, 0)))
    return float(max(sizes) / max(width * height, 1e-6))


def beside_the_text(page: Any, form: Any) -> Iterator[str]:
    """Values of filled form fields and the words of notes, each on a line under its name."""
    for number in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, number)
        try:
            if annotation and not raw.FPDFAnnot_GetFlags(annotation) & HIDDEN_FLAG:
                yield from _told(annotation, form)
        finally:
            raw.FPDFPage_CloseAnnot(annotation)


def _told(annotation: Any, form: Any) -> Iterator[str]:
    kind = raw.FPDFAnnot_GetSubtype(annotation)
    if kind == raw.FPDF_ANNOT_WIDGET and form:
        name = _wide(lambda *to: raw.FPDFAnnot_GetFormFieldName(form, annotation, *to))
        if value := _value(annotation, form):
            yield f"{name}: {value}"
    elif kind in NOTE_KINDS and (
        said := _wide(lambda *to: raw.FPDFAnnot_GetStringValue(annotation, b"Contents", *to)).strip()
    ):
        yield f"{NOTE_KINDS[kind]}: {said}"


def _value(annotation: Any, form: Any) -> str:
    field = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    if field in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
        if not raw.FPDFAnnot_IsChecked(form, annotation):
            return "" if field == raw.FPDF_FORMFIELD_RADIOBUTTON else CHECKED[False]
        return _wide(lambda *to: raw.FPDFAnnot_GetFormFieldExportValue(form, annotation, *to)) or CHECKED[True]
    return _wide(lambda *to: raw.FPDFAnnot_GetFormFieldValue(form, annotation, *to)).strip()


def _wide(read: Callable[..., int]) -> str:
    """A text that PDFium writes as UTF-16, with the zero at its end counted."""
    length = read(None, 0)
    if length <= 2:
        return ""
    buffer = (ctypes.c_ushort * (length // 2))()
    read(buffer, length)
    return bytes(buffer)[:-2].decode("utf-16-le", errors="replace")
