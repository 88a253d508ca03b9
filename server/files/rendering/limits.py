"""What is drawn, and how large. Limits of images: https://help.aliyun.com/zh/model-studio/vision and .../qwen-vl-ocr"""

from math import sqrt
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .cutting import Tiles

MAX_MEMORY_BYTES = 1_500_000_000
MAX_PAGE_CHARS = 6_000_000  # as JSON
DPI = 200  # of a PDF's page: enough for small print; more costs tokens
MIN_SCAN_PIXELS = 1_000_000  # a scan with fewer is enlarged to so many: small letters, for a thousand tokens at most
JPEG_QUALITY = 90
MIN_GREY_LEVELS = 8  # grey levels of 256: a picture that spans fewer shows nothing
MAX_TEXT_PARTS = 15_000  # of a page: PDFium takes 2 s for so many that are one letter each, and 200 s for 100,000
MAX_LIGHT = 230  # of a letter's colour: a lighter one may be meant not to be seen
MIN_SIDE_PX, MAX_RATIO = 10, 200  # of images that DashScope takes
MAX_SENT_BYTES = 7_500_000  # as base64 it fits into one data URI
MAX_DECODED_BYTES = 160_000_000  # 40 megapixels in colour, 160 in grey
MAX_JPEG_PIXELS = 120_000_000  # a JPEG is decoded at a fraction of its size
MAX_FRAMES = 1_000
MAX_SIZE_ANY_FORMAT = (3840, 2160)  # beyond it DashScope takes JPEG and PNG only
ANY_PIXELS = 1 << 40
Size = tuple[int, int]
Response = tuple[dict[str, Any], bytes]


class RenderRefusal(Exception):
    """What is wrong, to follow the name of the file or page."""


class Pages(Protocol):
    """`notes`: what of the file is not on its pages, in sentences that follow its name."""

    count: int
    notes: list[str]

    def size(self, number: int, max_pixels: int, *, looks: bool) -> Size: ...

    def tiles(self, number: int, max_pixels: int, *, looks: bool = True) -> "Tiles": ...

    def picture(self, number: int, max_pixels: int, quality: int = 0, tile: int = 0) -> Response: ...

    def text(self, number: int) -> str: ...

    def words(self, number: int) -> dict[str, Any]: ...


def shrunk_size(width: float, height: float, max_pixels: int) -> Size:
    scale = min(1, sqrt(max_pixels / (width * height)))
    return max(1, int(width * scale)), max(1, int(height * scale))


def require_shape(width: int, height: int) -> None:
    """Raises RenderRefusal: DashScope takes no image of that shape."""
    if min(width, height) <= MIN_SIDE_PX or max(width, height) > MAX_RATIO * min(width, height):
        raise RenderRefusal(
            f"is {width}x{height} px: both sides must exceed {MIN_SIDE_PX} px and their ratio stay within "
            f"{MAX_RATIO}:1. Scale or crop it first."
        )
