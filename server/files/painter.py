"""Draws the pages of a PDF in a process of its own, where a hostile one can hang, crash or eat memory in vain.

Run as a script by `pdfs`, with the seconds one page may take; it imports nothing of ours. First comes `{"bytes": n}` on
a line and the PDF, then a request a line: `["picture", page, most_pixels]`, `["sizes", most_pixels, page ...]` or
`["text", page]`; each is answered by a line of JSON and, where that says `bytes`, as many of them. Pages count from 1.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import ceil, sqrt
from threading import Timer
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from PIL import Image

DPI = 200  # enough for small print; more costs tokens
MEMORY_BYTES = 1_500_000_000
JPEG_QUALITY = 90
EVEN = 8  # grey levels of 256: a picture that spans fewer shows nothing
SHORTEST_SIDE_PX, WIDEST_RATIO = 10, 200  # of images that DashScope takes
Answer = tuple[dict[str, Any], bytes]


def jpeg(image: "Image.Image") -> bytes:
    content = BytesIO()
    image.save(content, "JPEG", quality=JPEG_QUALITY, subsampling=0)  # coloured letters stay sharp
    return content.getvalue()


def is_blank(image: "Image.Image") -> bool:
    used = [level for level, count in enumerate(image.convert("L").histogram()) if count]
    return used[-1] - used[0] < EVEN


def scale_of(size_pt: tuple[float, float], most_pixels: int) -> float:
    """Pixels a point, for a page of that size; a little less than they allow, since sides are rounded up."""
    width, height = size_pt
    return min(DPI / 72, 0.999 * sqrt(most_pixels / max(width * height, 1e-6)))


def pixels(size_pt: tuple[float, float], most_pixels: int) -> tuple[int, int]:
    """Of the picture of a page of that size."""
    scale = scale_of(size_pt, most_pixels)
    return ceil(size_pt[0] * scale), ceil(size_pt[1] * scale)


def has_shape(width: int, height: int) -> bool:
    """Whether DashScope takes an image of that shape."""
    return min(width, height) > SHORTEST_SIDE_PX and max(width, height) <= WIDEST_RATIO * min(width, height)


def main(requests: BinaryIO, answers: BinaryIO, longest_s: float) -> None:
    _limit_memory()
    import pypdfium2

    content = requests.read(json.loads(requests.readline())["bytes"])
    try:
        with _within(longest_s):
            document = pypdfium2.PdfDocument(content)
            document.init_forms()  # what was filled in is drawn, too
            _say(answers, {"pages": len(document)})
    except pypdfium2.PdfiumError as error:
        _say(answers, {"trouble": "locked" if "password" in str(error).lower() else "broken"})
        return
    for line in requests:
        try:
            with _within(longest_s):
                _say(answers, *_answer(document, *json.loads(line)))
        except pypdfium2.PdfiumError:
            _say(answers, {"trouble": "broken"})


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Ends this process when the block takes longer: PDFium cannot be interrupted."""
    end = Timer(seconds, os._exit, (1,))
    end.daemon = True
    end.start()
    try:
        yield
    finally:
        end.cancel()


def _answer(document: Any, what: str, *about: int) -> Answer:
    if what == "sizes":
        most_pixels, *numbers = about
        return {"sizes": [pixels(document.get_page_size(number - 1), most_pixels) for number in numbers]}, b""
    page = document[about[0] - 1]
    try:
        return _text(page) if what == "text" else _picture(page, about[1])
    finally:
        page.close()


def _picture(page: Any, most_pixels: int) -> Answer:
    width, height = pixels(page.get_size(), most_pixels)
    if not has_shape(width, height):
        return {"trouble": "shape", "width": width, "height": height}, b""
    image = page.render(scale=scale_of(page.get_size(), most_pixels)).to_pil()
    content = jpeg(image)
    return {"width": image.width, "height": image.height, "blank": is_blank(image), "bytes": len(content)}, content


def _text(page: Any) -> Answer:
    words = page.get_textpage()
    try:
        text = words.get_text_range().replace("\r\n", "\n").replace("\ufffe", "")
    finally:
        words.close()
    content = text.encode("utf-8", errors="replace")
    return {"bytes": len(content)}, content


def _say(answers: BinaryIO, header: dict[str, Any], content: bytes = b"") -> None:
    answers.write(json.dumps(header).encode() + b"\n" + content)
    answers.flush()


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    allowed = MEMORY_BYTES if most == resource.RLIM_INFINITY else min(MEMORY_BYTES, most)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, most))


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer, float(sys.argv[1]))
