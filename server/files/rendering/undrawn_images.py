"""Images that a page has and PDFium did not draw, since it cannot decode them: it leaves them out in silence."""

import time
from typing import Any

from pypdfium2 import PdfiumError, raw

from .page_words import images_on

MAX_IMAGES = 2_000  # looked at on one page
MAX_DECODING_S = 3.0  # a JPEG 2000 is decoded once more
LENIENT = {"JBIG2Decode", "CCITTFaxDecode"}  # PDFium draws nothing, or white, for what it cannot decode of these
MAX_BLANK_ROW_BYTES = 8  # of a fax: a white row takes four at most


def count_undrawn(page: Any) -> int:
    """How many images on it cannot be decoded, as far as that shows in a few seconds."""
    end, count = time.monotonic() + MAX_DECODING_S, 0
    for number, (image, box) in enumerate(images_on(page)):
        if number >= MAX_IMAGES or time.monotonic() > end:
            break
        count += _is_on(page, box) and not _decodes(page, image)
    return count


def _is_on(page: Any, box: tuple[float, float, float, float]) -> bool:
    left, bottom, right, top = page.get_bbox()
    return bool(box[0] < right and box[1] < top and box[2] > left and box[3] > bottom)


def _decodes(page: Any, image: Any) -> bool:
    facts = raw.FPDF_IMAGEOBJ_METADATA()
    if not raw.FPDFImageObj_GetImageMetadata(image, page, facts) or not facts.bits_per_pixel:
        return False
    if LENIENT.isdisjoint(image.get_filters()):
        return True
    try:
        low, high = image.get_bitmap().to_pil().convert("L").getextrema()
    except PdfiumError:
        return False
    says_more = raw.FPDFImageObj_GetImageDataRaw(image, None, 0) > MAX_BLANK_ROW_BYTES * facts.height
    return bool(low < high or not says_more)
