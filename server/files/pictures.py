"""A picture as a model can use it: upright, opaque, no larger than it helps, in a format DashScope takes.

Limits: https://help.aliyun.com/zh/model-studio/vision and .../qwen-vl-ocr
"""

import base64
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from math import sqrt
from threading import Lock
from typing import TYPE_CHECKING

from anyio import to_thread
from mcp.server.mcpserver.exceptions import ToolError

from .painter import SHORTEST_SIDE_PX, WIDEST_RATIO, has_shape, is_blank, jpeg

if TYPE_CHECKING:
    from PIL import Image

DATA_URI_CHARACTERS = 10 * 1024 * 1024
FILE_BYTES = 7_500_000  # as base64 it fits into one data URI
IMAGE_BYTES = 50_000_000  # what is read from disk, to be shrunk here
DECODED_BYTES = 160_000_000  # 40 megapixels in colour, 160 in grey
JPEG_PIXELS = 120_000_000  # a JPEG is decoded at a fraction of its size
LEGAL = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")  # HEIC too, which is handed on unread
READ = (*LEGAL, "GIF", "AVIF")
LARGEST_OF_ANY_FORMAT = (3840, 2160)  # beyond it DashScope takes JPEG and PNG only
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)  # of EXIF
GREY = ("1", "L", "LA", "I;16", "I;16B", "I;16L", "I", "F")
ONE_AT_A_TIME = Lock()  # a decoded picture may have hundreds of megabytes


@dataclass(frozen=True)
class Picture:
    """An image, ready to be sent. Sizes in pixels, (width, height); None: not known."""

    mime: str
    content: bytes
    sent: tuple[int, int] | None  # its own size
    shown: tuple[int, int] | None  # of what it shows, as people see it: upright, before it was shrunk
    blank: bool = False

    @property
    def data_uri(self) -> str:
        return f"data:{self.mime};base64,{base64.b64encode(self.content).decode()}"


def is_image(head: bytes) -> bool:
    heads = (b"\xff\xd8\xff", b"\x89PNG", b"II*\x00", b"MM\x00*", b"GIF8")
    bitmap = head.startswith(b"BM") and head[6:10] == bytes(4)
    webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return head.startswith(heads) or bitmap or webp or head[4:12] == b"ftypavif" or is_heic(head)


def is_heic(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"mif1")


class ImageFile:
    """An image file. Each frame of a TIFF is a page of its own, as faxes are kept."""

    def __init__(self, name: str, content: bytes) -> None:
        """Reads the header only.

        Raises:
            ToolError: not an image, or one that must not be unpacked here.
        """
        self.name = name
        self._content = content
        self._unread = is_heic(content[:12])  # handed on as it is
        self.count = 1
        if self._unread:
            _require_bytes(name, len(content))
            return
        with _opened(name, content) as image:
            self._size = image.size
            if image.format == "TIFF":
                self.count = int(getattr(image, "n_frames", 1))

    async def sizes(self, numbers: Sequence[int], most_pixels: int) -> list[tuple[int, int] | None]:
        """Of what will be sent, in pixels; of later frames that of the first. None: not known."""
        return [None if self._unread else shrunk_size(*self._size, most_pixels)] * len(numbers)

    async def picture(self, number: int, most_pixels: int) -> Picture:
        """The frame of that number, from 1.

        Raises:
            ToolError: broken, or of a shape DashScope does not take.
        """
        return await to_thread.run_sync(self._picture, number, most_pixels, abandon_on_cancel=True)

    def _picture(self, number: int, most_pixels: int) -> Picture:
        if self._unread:
            return Picture("image/heic", self._content, None, None)
        try:
            with ONE_AT_A_TIME, _opened(self.name, self._content) as image:
                image.seek(number - 1)
                if not has_shape(*image.size):
                    raise shape_refused(self.name, *image.size)
                return self._made(image, most_pixels)
        except _broken() as error:
            why = "cut off" if "truncated" in str(error).lower() else "broken"
            raise ToolError(f"{self.name} is {why} and cannot be decoded. Save or copy it again.") from None

    def _made(self, image: "Image.Image", most_pixels: int) -> Picture:
        (width, height), kind = image.size, str(image.format)
        turn = image.getexif().get(ORIENTATION, 1)
        as_it_is = (
            self.count == 1
            and turn == 1
            and kind in LEGAL
            and not image.has_transparency_data
            and (kind in ("JPEG", "PNG") or _within((width, height), LARGEST_OF_ANY_FORMAT))
            and width * height <= most_pixels
            and len(self._content) <= FILE_BYTES
        )
        sideways = turn in SIDEWAYS and kind != "TIFF"  # whose size is told as it will be shown
        full = (height, width) if sideways else (width, height)
        drawn = _upright(image, most_pixels)
        if as_it_is:
            return Picture(f"image/{kind.lower()}", self._content, full, full, is_blank(drawn))
        return _encoded(drawn, full, lossless=kind in ("PNG", "GIF", "BMP") and drawn.size == full)


def _encoded(image: "Image.Image", full: tuple[int, int], *, lossless: bool) -> Picture:
    """What was shrunk or turned here, as a file. `full`: its size before it was shrunk."""
    content = BytesIO()
    if lossless:
        image.save(content, "PNG")
    if lossless and content.tell() <= FILE_BYTES:
        return Picture("image/png", content.getvalue(), image.size, full, is_blank(image))
    return Picture("image/jpeg", jpeg(image), image.size, full, is_blank(image))


def shape_refused(name: str, width: int, height: int) -> ToolError:
    return ToolError(
        f"{name} is {width}x{height} px: both sides must exceed {SHORTEST_SIDE_PX} px and their ratio stay within "
        f"{WIDEST_RATIO}:1. Scale or crop it first."
    )


def shrunk_size(width: float, height: float, most_pixels: int) -> tuple[int, int]:
    scale = min(1, sqrt(most_pixels / (width * height)))
    return max(1, int(width * scale)), max(1, int(height * scale))


def _opened(name: str, content: bytes) -> "Image.Image":
    """An image whose header was read, and promises no more than may be unpacked."""
    from PIL import Image, UnidentifiedImageError  # heavy: only when an image is read

    Image.MAX_IMAGE_PIXELS = None  # Pillow would warn or refuse by a count of its own
    warnings.filterwarnings("ignore", module="PIL")  # of what it leaves out: nobody reads them
    try:
        image = Image.open(BytesIO(content), formats=READ)
    except UnidentifiedImageError:
        raise ToolError(
            f"{name} looks like an image but is broken, or of a kind that is not read. Save it again as PNG or JPEG."
        ) from None
    except _broken():
        raise ToolError(f"{name} is broken and cannot be decoded. Save or copy it again.") from None
    pixels = image.width * image.height
    most = JPEG_PIXELS if image.format == "JPEG" else DECODED_BYTES // (1 if image.mode in GREY else 4)
    if pixels > most:
        image.close()
        raise ToolError(
            f"{name} would unpack to {pixels / 1e6:,.0f} megapixels; {most / 1e6:,.0f} are read of such a file. "
            "Shrink it first."
        )
    return image


def _upright(image: "Image.Image", most_pixels: int) -> "Image.Image":
    """Decoded and turned as its EXIF says, in grey or colour, opaque, of at most that many pixels."""
    from PIL import Image, ImageOps

    size = shrunk_size(*image.size, most_pixels)
    if image.format == "JPEG":  # is decoded at a fraction of its size
        image.thumbnail(size, Image.Resampling.LANCZOS, reducing_gap=2)
    image.load()
    drawn = _plain(ImageOps.exif_transpose(image))
    drawn.thumbnail(shrunk_size(*drawn.size, most_pixels), Image.Resampling.LANCZOS, reducing_gap=2)
    return drawn


def _plain(image: "Image.Image") -> "Image.Image":
    from PIL import Image, ImageStat

    if image.has_transparency_data:  # letters on nothing would be lost on their own colour
        drawn = image.convert("RGBA")
        alpha = drawn.getchannel("A")
        light = ImageStat.Stat(drawn.convert("L"), mask=alpha.point(lambda level: 255 * (level > 127))).mean
        ground = Image.new("RGB", image.size, "black" if light and light[0] > 127 else "white")
        ground.paste(drawn, mask=alpha)
        return ground
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.point(lambda level: level * (1 / 256)).convert("L")
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode in GREY else "RGB")


def _within(size: tuple[int, int], most: tuple[int, int]) -> bool:
    return max(size) <= max(most) and min(size) <= min(most)


def _require_bytes(name: str, size: int, most: int = FILE_BYTES) -> None:
    if size > most:
        raise ToolError(
            f"{name} has {size / 1e6:.2f} MB; {most / 1e6:.1f} MB are read of such a file. Shrink it first."
        )


def _broken() -> tuple[type[Exception], ...]:
    """What Pillow raises on files that were cut or forged."""
    from PIL import Image

    return (
        OSError, ValueError, SyntaxError, EOFError, LookupError, ArithmeticError, TypeError, AttributeError,
        struct.error, Image.DecompressionBombError,
    )  # fmt: skip
