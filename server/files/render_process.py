"""Opens an image file or a PDF and draws its pages, in a process of its own: a hostile one hangs or crashes in vain.

Run as a script by `renderer`, with the seconds one step may take; it imports nothing of ours. First comes a line
`{"kind": "image" or "pdf", "bytes": n}` and the file, then one request a line: `["picture", page, max_pixels]`,
`["sizes", max_pixels, page ...]` or `["text", page]`. Each is answered by a line of JSON and, if that says `bytes`, as
many of them; what cannot be done by `{"refusal": what is wrong, to follow the file's name}`. Pages count from 1.

Limits of images: https://help.aliyun.com/zh/model-studio/vision and .../qwen-vl-ocr
"""

import json
import os
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import ceil, sqrt
from threading import Timer
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

if TYPE_CHECKING:
    from PIL import Image

MAX_MEMORY_BYTES = 1_500_000_000
DPI = 200  # of a PDF's page: enough for small print; more costs tokens
JPEG_QUALITY = 90
MIN_GREY_LEVELS = 8  # grey levels of 256: a picture that spans fewer shows nothing
MIN_SIDE_PX, MAX_RATIO = 10, 200  # of images that DashScope takes
MAX_SENT_BYTES = 7_500_000  # as base64 it fits into one data URI
MAX_DECODED_BYTES = 160_000_000  # 40 megapixels in colour, 160 in grey
MAX_JPEG_PIXELS = 120_000_000  # a JPEG is decoded at a fraction of its size
MAX_FRAMES = 1_000
LEGAL = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
READ = (*LEGAL, "GIF", "AVIF", "MPO")
MAX_SIZE_ANY_FORMAT = (3840, 2160)  # beyond it DashScope takes JPEG and PNG only
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)  # of EXIF
GREY = ("1", "L", "LA", "I;16", "I;16B", "I;16L", "I", "F")
Size = tuple[int, int]
Response = tuple[dict[str, Any], bytes]


class RenderRefusal(Exception):
    """What is wrong, to follow the name of the file or page."""


class Pages(Protocol):
    count: int

    def size(self, number: int, max_pixels: int) -> Size: ...

    def picture(self, number: int, max_pixels: int) -> Response: ...

    def text(self, number: int) -> str: ...


# --- PDFs ---


class PdfPages:
    def __init__(self, content: bytes) -> None:
        import pypdfium2

        try:
            self._document = pypdfium2.PdfDocument(content)
            self._document.init_forms()  # what was filled in is drawn, too
        except pypdfium2.PdfiumError as error:
            locked = "password" in str(error).lower()
            why = "it is locked: remove its password" if locked else "it is broken, or has no pages: save it again"
            raise RenderRefusal(f"is a PDF that cannot be opened, since {why}.") from None
        self.count = len(self._document)

    def size(self, number: int, max_pixels: int) -> Size:
        with _broken_page():
            points = self._document.get_page_size(number - 1)
        scale = _scale(points, max_pixels)
        return ceil(points[0] * scale), ceil(points[1] * scale)

    def picture(self, number: int, max_pixels: int) -> Response:
        with self._page(number) as page:
            _require_shape(*self.size(number, max_pixels))
            image = page.render(scale=_scale(page.get_size(), max_pixels)).to_pil()
        return _file(image, image.size, lossless=False)

    def text(self, number: int) -> str:
        with self._page(number) as page:
            words = page.get_textpage()
            try:
                whole, shown = words.get_text_range(), words.get_text_bounded()
                text = (
                    whole if _without_blanks(whole) == _without_blanks(shown) else shown
                )  # over its edge is not on it
                return str(text).replace("\r\n", "\n").replace("\ufffe", "")
            finally:
                words.close()

    @contextmanager
    def _page(self, number: int) -> Iterator[Any]:
        with _broken_page():
            page = self._document[number - 1]
            try:
                yield page
            finally:
                page.close()


def _without_blanks(text: str) -> str:
    return "".join(text.split())


@contextmanager
def _broken_page() -> Iterator[None]:
    import pypdfium2

    try:
        yield
    except pypdfium2.PdfiumError:
        raise RenderRefusal("is broken. Save the PDF again.") from None


def _scale(size_pt: tuple[float, float], max_pixels: int) -> float:
    """Pixels a point, for a page of that size; a little less than they allow, since sides are rounded up."""
    width, height = size_pt
    return min(DPI / 72, 0.999 * sqrt(max_pixels / max(width * height, 1e-6)))


# --- images ---


class ImagePages:
    """Each frame of a TIFF is a page, as faxes are kept."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        with _broken_image(), self._opened() as image:
            self._size = image.size
            self.count = _frames(image) if image.format == "TIFF" else 1

    def size(self, number: int, max_pixels: int) -> Size:
        """Of a later frame that of the first."""
        return shrunk_size(*self._size, max_pixels)

    def text(self, number: int) -> str:
        return ""

    def picture(self, number: int, max_pixels: int) -> Response:
        with _broken_image(), self._opened() as image:
            image.seek(number - 1)
            _require_shape(*image.size)
            kind, turn = _kind(image), image.getexif().get(ORIENTATION, 1)
            width, height = image.size
            sideways = turn in SIDEWAYS and kind != "TIFF"  # whose size is told as it will be shown
            full = (height, width) if sideways else (width, height)
            as_it_is = self.count == 1 and turn == 1 and self._fits(image, max_pixels)
            drawn = _upright(image, max_pixels)
        if as_it_is:
            return {**_facts(drawn, full), "sent": full, "mime": f"image/{kind.lower()}", "as_it_is": True}, b""
        return _file(drawn, full, lossless=kind in ("PNG", "GIF", "BMP") and drawn.size == full)

    def _fits(self, image: "Image.Image", max_pixels: int) -> bool:
        kind = _kind(image)
        return (
            kind in LEGAL
            and not image.has_transparency_data
            and (kind in ("JPEG", "PNG") or _within(image.size, MAX_SIZE_ANY_FORMAT))
            and image.width * image.height <= max_pixels
            and len(self._content) <= MAX_SENT_BYTES
        )

    def _opened(self) -> "Image.Image":
        """The image, whose header was read and promises no more than may be unpacked."""
        from PIL import Image

        Image.MAX_IMAGE_PIXELS = None  # Pillow would refuse by a count of its own
        image = Image.open(BytesIO(self._content), formats=READ)
        pixels = image.width * image.height
        most = MAX_JPEG_PIXELS if _kind(image) == "JPEG" else MAX_DECODED_BYTES // (1 if image.mode in GREY else 4)
        if pixels > most:
            raise RenderRefusal(
                f"would unpack to {pixels / 1e6:,.0f} megapixels; {most / 1e6:,.0f} are read of such a file. Shrink it "
                "first."
            )
        return image


def shrunk_size(width: float, height: float, max_pixels: int) -> Size:
    scale = min(1, sqrt(max_pixels / (width * height)))
    return max(1, int(width * scale)), max(1, int(height * scale))


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


def _kind(image: "Image.Image") -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)  # a photo with another beside it


def _frames(image: "Image.Image") -> int:
    count = 1
    try:
        while count <= MAX_FRAMES:
            image.seek(count)
            count += 1
    except EOFError:
        return count
    raise RenderRefusal(f"has more than {MAX_FRAMES:,} pages. Split it.")


def _upright(image: "Image.Image", max_pixels: int) -> "Image.Image":
    """Decoded and turned as its EXIF says, in grey or colour, opaque, of at most that many pixels."""
    from PIL import Image, ImageOps

    if _kind(image) == "JPEG":  # is decoded at a fraction of its size
        image.thumbnail(shrunk_size(*image.size, max_pixels), Image.Resampling.LANCZOS, reducing_gap=2)
    image.load()
    drawn = _plain(ImageOps.exif_transpose(image))
    drawn.thumbnail(shrunk_size(*drawn.size, max_pixels), Image.Resampling.LANCZOS, reducing_gap=2)
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


def _within(size: Size, most: Size) -> bool:
    return max(size) <= max(most) and min(size) <= min(most)


# --- both ---


def _require_shape(width: int, height: int) -> None:
    if min(width, height) <= MIN_SIDE_PX or max(width, height) > MAX_RATIO * min(width, height):
        raise RenderRefusal(
            f"is {width}x{height} px: both sides must exceed {MIN_SIDE_PX} px and their ratio stay within "
            f"{MAX_RATIO}:1. Scale or crop it first."
        )


def _file(image: "Image.Image", full: Size, *, lossless: bool) -> Response:
    """What was drawn here, as a file. `full`: its size before it was shrunk."""
    content = BytesIO()
    if lossless:
        image.save(content, "PNG")
    mime = "image/png"
    if not lossless or content.tell() > MAX_SENT_BYTES:
        content, mime = BytesIO(), "image/jpeg"
        image.save(content, "JPEG", quality=JPEG_QUALITY, subsampling=0)  # coloured letters stay sharp
    return {**_facts(image, full), "mime": mime, "bytes": content.tell()}, content.getvalue()


def _facts(image: "Image.Image", full: Size) -> dict[str, Any]:
    used = [level for level, count in enumerate(image.convert("L").histogram()) if count]
    return {"sent": image.size, "shown": full, "blank": used[-1] - used[0] < MIN_GREY_LEVELS}


# --- the process ---


def main(requests: BinaryIO, answers: BinaryIO, timeout_s: float) -> None:
    warnings.simplefilter("ignore")
    _limit_memory()
    first = json.loads(requests.readline())
    content = requests.read(first["bytes"])
    try:
        with _within_time(timeout_s):
            pages: Pages = PdfPages(content) if first["kind"] == "pdf" else ImagePages(content)
    except RenderRefusal as refusal:
        _send(answers, {"refusal": str(refusal)})
        return
    _send(answers, {"pages": pages.count})
    for line in requests:
        try:
            with _within_time(timeout_s):
                header, said = _answer(pages, *json.loads(line))
        except RenderRefusal as refusal:
            header, said = {"refusal": str(refusal)}, b""
        _send(answers, header, said)


def _answer(pages: Pages, what: str, *about: int) -> Response:
    if what == "sizes":
        max_pixels, *numbers = about
        return {"sizes": [_size(pages, number, max_pixels) for number in numbers]}, b""
    if what == "picture":
        return pages.picture(*about)
    content = pages.text(*about).encode("utf-8", errors="replace")
    return {"bytes": len(content)}, content


def _size(pages: Pages, number: int, max_pixels: int) -> Size | None:
    try:
        return pages.size(number, max_pixels)
    except RenderRefusal:
        return None


@contextmanager
def _within_time(seconds: float) -> Iterator[None]:
    """Ends this process when the block takes longer: what it calls cannot be interrupted."""
    end = Timer(seconds, os._exit, (1,))
    end.daemon = True
    end.start()
    try:
        yield
    finally:
        end.cancel()


def _send(answers: BinaryIO, header: dict[str, Any], content: bytes = b"") -> None:
    answers.write(json.dumps(header).encode() + b"\n" + content)
    answers.flush()


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    allowed = MAX_MEMORY_BYTES if most == resource.RLIM_INFINITY else min(MAX_MEMORY_BYTES, most)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, most))


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer, float(sys.argv[1]))
