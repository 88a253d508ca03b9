"""The process that opens an image file or a PDF and draws its pages: a hostile one hangs or crashes in vain.

Run by `renderer`, with the seconds one step may take. First comes a line `{"kind": "image" or "pdf", "bytes": n}` and
the file, then one request a line: `["picture", page, max_pixels, quality, tile]`, `["tiles", page, max_pixels]`,
`["sizes", max_pixels, whether they are cut, page ...]` (`rough_sizes`: no page is to be looked at), `["text", page]` or
`["words", page]`. Each is answered by a line of JSON and, if that says `bytes`, as many of them; what cannot be done by
`{"refusal": what is wrong, to follow the file's name}`. Pages and tiles count from 1; tile 0 is the whole page.
"""

import json
import sys
import warnings
from collections.abc import Iterator
from time import monotonic
from typing import BinaryIO

from ..confined import limit_memory, send, within_time
from .limits import MAX_MEMORY_BYTES, MAX_PAGE_CHARS, Pages, RenderRefusal, Response, Size

MAX_LOOK_S, MAX_SIZING_S = 1.0, 5.0  # at all pages, of which one alone may take long


def main(requests: BinaryIO, answers: BinaryIO, timeout_s: float) -> None:
    warnings.simplefilter("ignore")
    limit_memory(MAX_MEMORY_BYTES)
    first = json.loads(requests.readline())
    content = requests.read(first["bytes"])
    try:
        with within_time(timeout_s):
            pages = _opened(first["kind"], content)
    except RenderRefusal as refusal:
        send(answers, {"refusal": str(refusal)})
        return
    send(answers, {"pages": pages.count, "notes": pages.notes})
    for line in requests:
        request = json.loads(line)
        try:
            with within_time(min(timeout_s, MAX_SIZING_S) if request[0] == "sizes" else timeout_s):
                header, said = _answer(pages, *request)
        except RenderRefusal as refusal:
            header, said = {"refusal": str(refusal)}, b""
        send(answers, header, said)


def _opened(kind: str, content: bytes) -> Pages:
    """Only what opens that kind is loaded: whoever sent the file waits for it."""
    if kind == "pdf":
        from .pdf_pages import PdfPages

        return PdfPages(content)
    from .image_pages import ImagePages

    return ImagePages(content)


def _answer(pages: Pages, what: str, *about: int) -> Response:
    if what in ("sizes", "rough_sizes"):
        max_pixels, cut, *numbers = about
        seconds = MAX_LOOK_S if what == "sizes" else 0
        return {"sizes": list(_sizes(pages, numbers, max_pixels, seconds, cut=bool(cut)))}, b""
    if what == "tiles":
        tiles = pages.tiles(*about)
        return {"count": len(tiles.rows), "wanted": tiles.wanted}, b""
    if what == "picture":
        return pages.picture(*about)
    said = json.dumps(pages.words(*about), ensure_ascii=False) if what == "words" else pages.text(*about)
    if len(said) > MAX_PAGE_CHARS:
        raise RenderRefusal("holds more text than is read at once. Split it and give the parts.")
    content = said.encode("utf-8", errors="replace")
    return {"bytes": len(content)}, content


def _sizes(
    pages: Pages, numbers: list[int], max_pixels: int, seconds: float, *, cut: bool
) -> Iterator[list[Size] | None]:
    """Pages are looked at for so long; of the others the size is one they will not exceed."""
    end = monotonic() + seconds
    for number in numbers:
        looks = monotonic() < end
        try:
            sizes = pages.tiles(number, max_pixels, looks=looks).sizes(max_pixels) if cut else []
            yield sizes if len(sizes) > 1 else [pages.size(number, max_pixels, looks=looks)]
        except RenderRefusal:
            yield None


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer, float(sys.argv[1]))
