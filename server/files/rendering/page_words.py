"""What a PDF's page says beside its text: in forms, in notes, in an image that covers it."""

import ctypes
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from pypdfium2 import PdfMatrix, raw

MIN_COVER = 0.4  # of a page by images: what it says may be in these
MAX_SPARSE_LETTERS = 300  # beside such images: a stamp, a letterhead; a page of text has ten times as many
GRID = 100  # cells across and down, by which a cover is counted
MIN_GARBLED = 0.2  # of the letters without a meaning
MAX_OBJECTS = 20_000  # of a page, looked through for its images
MAX_FORM_FIELDS, MAX_NOTES = 3_000, 10_000  # of a page: PDFium takes longer and longer to find a field
MAX_BESIDE_CHARS = 1_000_000  # of a page
FREE_TEXT, NOTE, STAMP_NOTE = 3, 1, 13  # annotations
MARKS = (4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15)  # lines, shapes, highlights, strokes, carets, ink: with a comment each
NOTE_KINDS = {FREE_TEXT: "note", NOTE: "comment", STAMP_NOTE: "stamp", **dict.fromkeys(MARKS, "comment")}
UNSEEN_FLAGS = 2 | 32  # hidden, not viewed
CHECKED = {True: "yes", False: "no"}


def says_more(page: Any, text: str) -> str:
    """Why a page is to be looked at beside its text; empty where the text is all."""
    letters = [letter for letter in text if not letter.isspace()]
    lost = sum(unicodedata.category(letter) in ("Cc", "Co", "Cn") or letter == "\ufffd" for letter in letters)
    if letters and lost >= MIN_GARBLED * len(letters):
        return "garbled"
    if sum(map(str.isalnum, letters)) < MAX_SPARSE_LETTERS and image_cover(page) >= MIN_COVER:
        return "covered"
    return ""


def image_cover(page: Any) -> float:
    """How much of the page its images take together: a scan may be in strips, which may overlap."""
    left, bottom, right, top = page.get_bbox()
    rows = [0] * GRID  # a bit for each cell
    for _, box in images_on(page):
        start, end = (_cells_before(edge, left, right) for edge in box[::2])
        low, high = (_cells_before(edge, bottom, top) for edge in box[1::2])
        across = (1 << end) - (1 << start)
        rows[low:high] = [row | across for row in rows[low:high]]
    return sum(map(int.bit_count, rows)) / GRID**2


def _cells_before(edge: float, start: float, end: float) -> int:
    """How many have their middle before it; `max` comes first, since it leaves out what is no number."""
    return round(GRID * min(1.0, max(0.0, (edge - start) / max(end - start, 1e-6))))


def images_on(page: Any) -> Iterator[tuple[Any, tuple[float, float, float, float]]]:
    """Each with its box on the page. As a rule it is among the first: drawings may have a million parts."""
    outer = [PdfMatrix()]  # of the forms that lead to a part, by level: its own place is told as of the last of them
    for part in islice(page.get_objects(max_depth=4), MAX_OBJECTS):
        if part.type == raw.FPDF_PAGEOBJ_FORM:
            outer[part.level + 1 :] = [part.get_matrix().multiply(outer[part.level])]
        elif part.type == raw.FPDF_PAGEOBJ_IMAGE:
            yield part, outer[part.level].on_rect(*part.get_bounds())


def beside_the_text(page: Any, form: Any) -> tuple[list[str], int]:
    """Values of filled fields and the words of notes, each under its name; and how many annotations were left out."""
    count = raw.FPDFPage_GetAnnotCount(page)
    told: list[str] = []
    fields, room = 0, MAX_BESIDE_CHARS
    for number in range(count):
        annotation = raw.FPDFPage_GetAnnot(page, number)
        try:
            fields += bool(annotation) and raw.FPDFAnnot_GetSubtype(annotation) == raw.FPDF_ANNOT_WIDGET
            if fields > MAX_FORM_FIELDS or number >= MAX_NOTES or room < 0:
                return told, count - number
            if annotation and not raw.FPDFAnnot_GetFlags(annotation) & UNSEEN_FLAGS:
                told += _told(annotation, form)
                room -= len(told[-1]) if told else 0
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    return told, 0


def _told(annotation: Any, form: Any) -> Iterator[str]:
    kind = raw.FPDFAnnot_GetSubtype(annotation)
    if kind == raw.FPDF_ANNOT_WIDGET and form:
        name = _wide(lambda *to: raw.FPDFAnnot_GetFormFieldName(form, annotation, *to))
        if value := _value(annotation, form):
            yield f"{_on_one_line(name)}: {_indented(value)}"
    elif kind in NOTE_KINDS and (
        said := _wide(lambda *to: raw.FPDFAnnot_GetStringValue(annotation, b"Contents", *to)).strip()
    ):
        yield f"{NOTE_KINDS[kind]}: {_indented(said)}"


def _on_one_line(name: str) -> str:
    """A name with a line break would be another field's."""
    return " ".join("".join(" " if _is_control(letter) else letter for letter in name).split())


def _indented(said: str) -> str:
    """Lines of a value are told from fields: they stand farther in."""
    lines = ("".join(letter for letter in line if not _is_control(letter)) for line in said.splitlines())
    return "\n  ".join(lines)


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Zl", "Zp")


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
