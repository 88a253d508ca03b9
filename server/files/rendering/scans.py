"""Pages that are one picture: what is drawn of them has no more dots than it has."""

from typing import Any

OVERSIZE_PT = 1_300  # a longer side than A3 has: a scan whose dots were taken for points
MIN_SHARE_COVERED = 0.8  # of the page
MAX_OBJECTS_LOOKED_AT = 50


def scan_scale(page: Any) -> float | None:
    """Pixels a point of the picture that a page much larger than paper is; None: it is none, or of paper's size."""
    from pypdfium2 import raw

    width, height = page.get_size()
    if max(width, height) <= OVERSIZE_PT:
        return None
    scales = []
    for number, piece in enumerate(page.get_objects(max_depth=2)):
        if number == MAX_OBJECTS_LOOKED_AT or piece.type not in (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_FORM):
            return None  # something is drawn beside it, as sharp as may be
        if piece.type == raw.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = piece.get_bounds()
            if (right - left) * (top - bottom) >= MIN_SHARE_COVERED * width * height:
                across, down = piece.get_px_size()
                scales.append(max(across / (right - left), down / (top - bottom)))
    return max(scales, default=None)
