"""The pages of an image file: one, or each frame of a TIFF."""

import struct
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

from .cutting import Tiles, tiles_of
from .drawn import facts_of, file_of
from .image_tiles import Uncut, most_tiles
from .limits import (
    ANY_PIXELS,
    MAX_DECODED_BYTES,
    MAX_FRAMES,
    MAX_JPEG_PIXELS,
    MAX_SENT_BYTES,
    MAX_SIZE_ANY_FORMAT,
    RenderRefusal,
    Response,
    Size,
    require_shape,
    shrunk_size,
)

if TYPE_CHECKING:
    from PIL import Image

LEGAL = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
LOSSLESS = ("PNG", "GIF", "BMP")
READ = (*LEGAL, "GIF", "AVIF", "MPO")
MAX_DARK_SHARE = 0.02  # of the ink beside transparency, where the ground is made black
MIN_16_BIT_RANGE = 64  # levels of 65,536: what spans fewer is noise
MAX_SAMPLED_PIXELS = 1_000_000
MAX_DOT_RATIO = 3.0  # of the sides of a dot: more is a mistake
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)  # of EXIF
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # of a TIFF
AT_HAND = (b"\x89PNG", b"\xff\xd8", b"BM", b"GIF8")  # what Pillow reads without loading more
NEGATIVE = (b"MM", WHITE_IS_ZERO, (1,), 1, (16,), ())  # unknown to Pillow, which knows the other byte order
PLAIN_MODES = ("1", "L", "P", "RGB")
GREY = ("1", "L", "LA", "I;16", "I;16B", "I;16L", "I", "F")


class ImagePages:
    """Each frame of a TIFF is a page, as faxes are kept."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.notes: list[str] = []
        self._uncut: Uncut | None = None
        with _broken_image(), self._opened() as image:
            self._sizes = _sizes(image) if image.format == "TIFF" else [image.size]
        self.count = len(self._sizes)

    def size(self, number: int, max_pixels: int, *, looks: bool = True) -> Size:
        return shrunk_size(*self._sizes[number - 1], max_pixels)

    def text(self, number: int) -> str:
        return ""

    def words(self, number: int) -> dict[str, Any]:
        return {}

    def tiles(self, number: int, max_pixels: int, *, looks: bool = True) -> Tiles:
        size = self._sizes[number - 1]
        most = most_tiles(size, max_pixels)
        if most == 1 or not looks:
            return tiles_of(size, most, None)
        return self._uncut_page(number).tiles(max_pixels)

    def picture(self, number: int, max_pixels: int, quality: int = 0, tile: int = 0) -> Response:
        if tile:
            return self._uncut_page(number).picture(tile, max_pixels)
        with self._frame(number) as image:
            kind, turn = _kind(image), image.getexif().get(ORIENTATION, 1)
            width, height = _square_size(image)
            sideways = turn in SIDEWAYS and kind != "TIFF"  # whose size is told as it will be shown
            full = (height, width) if sideways else (width, height)
            untouched = not quality and self.count == 1 and turn == 1 and full == image.size
            as_it_is = untouched and self._fits(image, max_pixels)
            frames = 1 if kind == "TIFF" else int(getattr(image, "n_frames", 1))
            drawn = _upright(image, max_pixels)
        more = {"frames": frames}
        if as_it_is:
            said = {"sent": full, "mime": f"image/{kind.lower()}", "as_it_is": True}
            return {**facts_of(drawn, full), **more, **said}, b""
        lossless = kind in LOSSLESS and drawn.size == full
        facts, content = file_of(drawn, full, lossless=lossless, quality=quality)
        return {**facts, **more}, content

    def _uncut_page(self, number: int) -> Uncut:
        """Kept until another one is asked for: to decode it for each tile would take long."""
        if self._uncut is None or self._uncut.number != number:
            self._uncut = None
            with self._frame(number) as image:
                lossless = _kind(image) in LOSSLESS
                self._uncut = Uncut(number, _upright(image, ANY_PIXELS), lossless)
        return self._uncut

    @contextmanager
    def _frame(self, number: int) -> Iterator["Image.Image"]:
        with _broken_image(), self._opened() as image:
            image.seek(number - 1)
            _require_room(image)
            require_shape(*image.size)
            yield image

    def _fits(self, image: "Image.Image", max_pixels: int) -> bool:
        kind = _kind(image)
        return (
            kind in LEGAL
            and image.mode in PLAIN_MODES
            and not image.has_transparency_data
            and (kind in ("JPEG", "PNG") or _within(image.size, MAX_SIZE_ANY_FORMAT))
            and image.width * image.height <= max_pixels
            and len(self._content) <= MAX_SENT_BYTES
        )

    def _opened(self) -> "Image.Image":
        """The image, whose header was read and promises no more than may be unpacked."""
        from PIL import Image

        if not self._content.startswith(AT_HAND):
            _load_readers()
        Image.MAX_IMAGE_PIXELS = None  # Pillow would refuse by a count of its own
        image = Image.open(BytesIO(self._content), formats=READ)
        _require_room(image)
        return image


def _load_readers() -> None:
    """Of the other kinds: Pillow would load all it has, of which we read few."""
    from PIL import AvifImagePlugin, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401 - they register

    TiffImagePlugin.OPEN_INFO[NEGATIVE] = ("I;16B", "I;16B")


@contextmanager
def _broken_image() -> Iterator[None]:
    """What Pillow raises on files that were cut or forged."""
    from PIL import UnidentifiedImageError

    try:
        yield
    except UnidentifiedImageError:
        raise RenderRefusal(
            "looks like an image but is broken, or of a kind that is not read. Save it again as PNG or JPEG."
        ) from None
    except (OSError, ValueError, SyntaxError, EOFError, LookupError, ArithmeticError, TypeError, AttributeError,
            struct.error) as error:  # fmt: skip
        why = "cut off" if "truncated" in str(error).lower() else "broken"
        raise RenderRefusal(f"is {why} and cannot be decoded. Save or copy it again.") from None


def _require_room(image: "Image.Image") -> None:
    """Raises RenderRefusal: it promises more than may be unpacked."""
    pixels = image.width * image.height
    most = MAX_JPEG_PIXELS if _kind(image) == "JPEG" else MAX_DECODED_BYTES // (1 if image.mode in GREY else 4)
    if pixels > most:
        raise RenderRefusal(
            f"would unpack to {pixels / 1e6:,.0f} megapixels; {most / 1e6:,.0f} are read of such a file. Shrink it "
            "first."
        )


def _kind(image: "Image.Image") -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)  # a photo with another beside it


def _sizes(image: "Image.Image") -> list[Size]:
    """Of each frame of a TIFF; a later one may say 0 and is refused when it is drawn."""
    sizes = [image.size]
    try:
        while len(sizes) <= MAX_FRAMES:
            image.seek(len(sizes))
            sizes.append((max(1, image.width), max(1, image.height)))
    except EOFError:
        return sizes
    raise RenderRefusal(f"has more than {MAX_FRAMES:,} pages. Split it.")


def _upright(image: "Image.Image", max_pixels: int) -> "Image.Image":
    """Decoded and turned as its EXIF says, in grey or colour, opaque, of at most that many pixels."""
    from PIL import Image, ImageOps

    if _kind(image) == "JPEG":  # is decoded at a fraction of its size
        image.thumbnail(shrunk_size(*image.size, max_pixels), Image.Resampling.LANCZOS, reducing_gap=2)
    square = _square_size(image)  # before it is loaded, which turns it
    image.load()
    negative = _is_negative(image)
    if image.mode == "I;16B":  # which Pillow neither measures nor shrinks
        image = image.convert("I")
    drawn = _plain(ImageOps.exif_transpose(image if square == image.size else image.resize(square)))
    if negative:
        drawn = ImageOps.invert(drawn)
    drawn.thumbnail(shrunk_size(*drawn.size, max_pixels), Image.Resampling.LANCZOS, reducing_gap=2)
    return drawn


def _is_negative(image: "Image.Image") -> bool:
    """A TIFF of 16 bits in which 0 is white: of fewer bits Pillow heeds it."""
    tags = getattr(image, "tag_v2", {})
    return image.mode.startswith("I;16") and tags.get(PHOTOMETRIC) == WHITE_IS_ZERO


def _plain(image: "Image.Image") -> "Image.Image":
    """Opaque, in grey or colour."""
    from PIL import Image

    if image.has_transparency_data:
        drawn = image.convert("RGBA")
        if drawn.getchannel("A").getbbox() is None:  # nothing would be seen: some programs leave that byte at 0
            return drawn.convert("RGB")
        ground = Image.new("RGB", image.size, _ground_of(drawn))
        ground.paste(drawn, mask=drawn.getchannel("A"))
        return ground
    if image.mode == "F":
        return _from_floats(image)
    if image.mode.startswith("I"):
        return _in_8_bits(image)
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode in GREY else "RGB")


def _ground_of(drawn: "Image.Image") -> str:
    """What to put behind the transparent parts: letters on nothing would be lost on their own colour.

    The ink that borders on nothing decides: black only where hardly any of it is dark.
    """
    from PIL import ImageChops, ImageFilter

    inked = drawn.getchannel("A").point(lambda level: 255 * (level > 127))
    beside_nothing = ImageChops.invert(inked).filter(ImageFilter.MaxFilter(3))
    levels = drawn.convert("L").histogram(ImageChops.darker(inked, beside_nothing))
    return "black" if sum(levels[:128]) < MAX_DARK_SHARE * sum(levels) else "white"


def _in_8_bits(image: "Image.Image") -> "Image.Image":
    """From 16 bits of grey; those that use only a part of them are stretched, or they would be black."""
    low, high = cast("tuple[int, int]", image.getextrema())
    if high - low < MIN_16_BIT_RANGE or (low <= 255 and high >= 32_768):
        return image.point(lambda level: level * (1 / 256)).convert("L")
    return image.point(lambda level: (level - low) * (255 / (high - low))).convert("L")


def _from_floats(image: "Image.Image") -> "Image.Image":
    """Measured or rendered grey, in any range: stretched. What is no number says nothing of the range."""
    from PIL import Image

    sample = image.resize(shrunk_size(*image.size, MAX_SAMPLED_PIXELS), Image.Resampling.NEAREST)
    levels = list(filter(isfinite, array("f", sample.tobytes())))
    low, high = min(levels, default=0.0), max(levels, default=0.0)
    if high <= low:
        return Image.new("L", image.size)
    return image.point(lambda level: level * (255 / (high - low)) - low * (255 / (high - low))).convert("L")


def _square_size(image: "Image.Image") -> Size:
    """The size with dots as wide as they are high: a fax has 204 of them an inch across and 98 down."""
    across, down = image.info.get("dpi") or (1, 1)
    if image.getexif().get(ORIENTATION, 1) in SIDEWAYS:  # Pillow turns a TIFF, and not its dots
        across, down = down, across
    ratio = float(across) / float(down) if across and down else 1.0
    width, height = image.size
    if _kind(image) != "TIFF" or not 1.2 < max(ratio, 1 / ratio) < MAX_DOT_RATIO:
        return width, height
    return (width, round(height * ratio)) if ratio > 1 else (round(width / ratio), height)


def _within(size: Size, most: Size) -> bool:
    return max(size) <= max(most) and min(size) <= min(most)
