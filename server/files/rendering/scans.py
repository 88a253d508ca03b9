"""A page that shows images and nothing else, as scanners make them: drawn finer than those are, it only costs more."""

from collections.abc import Iterator
from ctypes import c_int, c_uint
from math import hypot, inf
from typing import Any

from pypdfium2 import PdfMatrix, raw

from .seen_text import NOT_PAINTED

MAX_SCAN_PARTS = 10_000  # looked at: the words of a layer that nobody sees are among them
MIN_WHITE = 250  # of a colour: the ground that some programs paint first
LINK_NOTE = 2  # an annotation that shows nothing


def finest_image(page: Any) -> float:
    """Pixels to a unit of the page, in the finest of its images; 0: it shows anything else, or nothing."""
    if any(kind != LINK_NOTE for kind in _annotations(page)):
        return 0.0
    finest, spreads = 0.0, [PdfMatrix()]  # of the forms that lead to a part, by level
    for count, part in enumerate(page.get_objects()):
        del spreads[part.level + 1 :]
        if count == MAX_SCAN_PARTS or _shows_more(part):
            return 0.0
        if part.type in (raw.FPDF_PAGEOBJ_FORM, raw.FPDF_PAGEOBJ_IMAGE):
            spread = part.get_matrix().multiply(spreads[part.level])
            spreads.append(spread)
            finest = max(finest, _fineness(part, spread) if part.type == raw.FPDF_PAGEOBJ_IMAGE else 0.0)
    return finest


def _annotations(page: Any) -> Iterator[int]:
    for number in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, number)
        yield raw.FPDFAnnot_GetSubtype(annotation) if annotation else 0
        raw.FPDFPage_CloseAnnot(annotation)


def _shows_more(part: Any) -> bool:
    """Whether it is a part that people see and that is no image."""
    if part.type == raw.FPDF_PAGEOBJ_TEXT:
        return raw.FPDFTextObj_GetTextRenderMode(part) not in NOT_PAINTED
    if part.type == raw.FPDF_PAGEOBJ_PATH:
        return not _is_unseen_path(part)
    return part.type not in (raw.FPDF_PAGEOBJ_FORM, raw.FPDF_PAGEOBJ_IMAGE)


def _is_unseen_path(part: Any) -> bool:
    """A path that only clips, or a white ground."""
    filled, stroked = c_int(), c_int()
    raw.FPDFPath_GetDrawMode(part, filled, stroked)
    if stroked.value or not filled.value:
        return not stroked.value
    red, green, blue, alpha = (c_uint() for _ in range(4))
    told = raw.FPDFPageObj_GetFillColor(part, red, green, blue, alpha)
    return bool(told) and min(red.value, green.value, blue.value) >= MIN_WHITE


def _fineness(image: Any, spread: Any) -> float:
    """The larger of its two: a fax has twice as many dots across as down."""
    across, down = c_uint(), c_uint()
    if not raw.FPDFImageObj_GetImagePixelSize(image, across, down):
        return inf
    sides = hypot(spread.a, spread.b), hypot(spread.c, spread.d)
    dots = across.value, down.value
    return max((count / side for count, side in zip(dots, sides, strict=True) if side > 0), default=0.0)
