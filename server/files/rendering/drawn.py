"""A picture that was drawn here, as a file."""

from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

from .limits import JPEG_QUALITY, MAX_SENT_BYTES, MIN_GREY_LEVELS, Response, Size

if TYPE_CHECKING:
    from PIL import Image


def file_of(image: "Image.Image", full: Size, *, lossless: bool, quality: int = 0) -> Response:
    """What was drawn here, as a file. `full`: its size before it was shrunk; `quality`: of JPEG, lower than usual."""
    content = BytesIO()
    if lossless and not quality:
        image.save(content, "PNG")
    mime = "image/png"
    if not content.tell() or content.tell() > MAX_SENT_BYTES:
        content, mime = BytesIO(), "image/jpeg"
        sharp = 2 if quality else 0  # coloured letters stay so
        image.save(content, "JPEG", quality=quality or JPEG_QUALITY, subsampling=sharp)
    return {**facts_of(image, full), "mime": mime, "bytes": content.tell()}, content.getvalue()


def facts_of(image: "Image.Image", full: Size) -> dict[str, Any]:
    bands = image.split() if image.mode == "RGB" else (image.convert("L"),)  # red on green may be one grey
    spans = [cast("tuple[int, int]", band.getextrema()) for band in bands]
    blank = all(high - low < MIN_GREY_LEVELS for low, high in spans)
    return {"sent": image.size, "shown": full, "blank": blank}
