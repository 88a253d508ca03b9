"""What is shown of each page, gathered: it is drawn and read here once more, for its picture and its lines' places."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ....calls.language import said
from ....errors import InvalidRequest
from ....files import ImageFile, InputFile, LocalReader, NotReadHere, Pdf, Picture, ReadLine, Renderer, open_input
from ....files.read_here import Unit
from ..page import Page
from ..second_reader import SecondOpinion
from .viewed import PictureBox, SeenPicture, ViewedDifference, ViewedLine, ViewedPage

SHOWN_PIXELS = 4_000_000  # A4 at 200 dots an inch, as a PDF is drawn
KINDS_OF_BROWSERS = ("image/png", "image/jpeg", "image/webp", "image/bmp")
MAX_PICTURES_BYTES = 64_000_000  # of a file; browsers take more, but not at once
REDRAWN_QUALITY = 90  # of a JPEG, of what is of another kind
WITHOUT_READER = "the second reader is not installed (docs/second-reader.md says how)"
SWITCHED_OFF = "the second reader is switched off (BAILIAN_SECOND_READER)"
NOT_ASKED = "only one reader answered"


async def viewed_file(
    source: str, folders: tuple[Path, ...], pages: Sequence[Page], reader: LocalReader | None, renderer: Renderer
) -> tuple[ViewedPage, ...]:
    """Pages that were read of a file, with pictures where it can still be opened. `reader` None: it is switched off."""
    try:
        async with open_input(source, folders, renderer) as found:
            return await viewed_pages(pages, found, reader)
    except InvalidRequest:
        return await viewed_pages(pages, None, reader)


async def viewed_pages(
    pages: Sequence[Page], found: InputFile | None, reader: LocalReader | None, max_bytes: int = MAX_PICTURES_BYTES
) -> tuple[ViewedPage, ...]:
    """`found`: the open file that they are from; a URL, or None, has no pictures. Words of ours are in the language of
    the call. `max_bytes`: of pictures, after which pages have none.
    """
    viewed: list[ViewedPage] = []
    for page in pages:
        picture = await _picture(found, page.page) if max_bytes > 0 else None
        max_bytes -= len(picture.content) if picture else 0
        viewed.append(await _viewed(page, picture, reader))
    return tuple(viewed)


async def _viewed(page: Page, picture: Picture | None, reader: LocalReader | None) -> ViewedPage:
    lines, unread = await _lines(picture, reader)
    seen, opinion = _seen(picture), page.second_reader
    return ViewedPage(
        number=page.page,
        status=page.status,
        why=page.why_told,
        text=page.text,
        picture=seen,
        lines=tuple(ViewedLine(line.text, line.corners) for line in lines),
        differences=_differences(opinion, picture) if opinion else (),
        words=opinion.words if opinion else None,
        numbers=opinion.numbers if opinion else None,
        not_compared=said((opinion.why if opinion else unread or NOT_ASKED) or ""),
    )


async def _picture(found: InputFile | None, number: int) -> Picture | None:
    """None: there is none, or none that a browser shows."""
    if not isinstance(found, ImageFile | Pdf) or number < 1:
        return None
    with suppress(InvalidRequest):  # the page says already why it could not be read
        picture = await found.picture(number, SHOWN_PIXELS)
        if picture.mime not in KINDS_OF_BROWSERS:
            picture = await found.picture(number, SHOWN_PIXELS, REDRAWN_QUALITY)
        return picture if _seen(picture) else None
    return None


def _seen(picture: Picture | None) -> SeenPicture | None:
    if picture is None or picture.sent is None or picture.mime not in KINDS_OF_BROWSERS:
        return None
    return SeenPicture(picture.content, picture.mime, *picture.sent)


async def _lines(picture: Picture | None, reader: LocalReader | None) -> tuple[tuple[ReadLine, ...], str]:
    """And why there are none."""
    if reader is None or not reader.is_installed:
        return (), WITHOUT_READER if reader else SWITCHED_OFF
    if picture is None:
        return (), ""
    try:
        return await reader.lines(picture.content), ""
    except NotReadHere as error:
        return (), str(error)


def _differences(opinion: SecondOpinion, picture: Picture | None) -> tuple[ViewedDifference, ...]:
    return tuple(
        ViewedDifference(each.here, each.answer, _on_picture(each.corners, each.unit, picture))
        for each in opinion.differences
    )


def _on_picture(corners: PictureBox, unit: Unit, picture: Picture | None) -> PictureBox:
    """In pixels of the picture: a place is told in permille of its sides, or in pixels before it was shrunk."""
    if picture is None or not picture.sent:
        return ()
    whole = (1000, 1000) if unit == "permille" else picture.shown or picture.sent
    across, down = (sent / side for sent, side in zip(picture.sent, whole, strict=True))
    return tuple((x * across, y * down) for x, y in corners)
