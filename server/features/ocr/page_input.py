"""A page, or a tile of it, before it is sent."""

from dataclasses import dataclass
from typing import Any

from ...files import Picture
from ...text import first_few
from .page import Page

BLANK = "there is nothing on it: it was not sent"
UNSEEN_TEXT = "nothing on it can be seen, though it has a text of its own, which follows: it was not sent"


@dataclass(frozen=True)
class PageInput:
    """A page as it is sent, and what is known of it here: its picture, the text it holds itself."""

    number: int
    part: dict[str, Any]
    picture: Picture | None = None
    layer: str = ""
    note: str = ""  # to be said of it, whatever is read
    tile: str = ""  # which one it is, of a page that is cut


def nothing_drawn(sheet: PageInput) -> Page:
    """A page without ink: it is empty only if its own text has no letters either."""
    if not any(map(str.isalnum, sheet.layer)):
        return Page(page=sheet.number, status="empty", why=BLANK)
    page = Page(page=sheet.number, status="failed", why=UNSEEN_TEXT, text=sheet.layer)
    return page.doubted(not_in_picture(sheet.picture))


def not_in_picture(picture: Picture | None) -> str:
    """What of a page or a file its picture does not show."""
    if picture and picture.missing_fonts:
        return f"letters in fonts that the file does not carry could not be drawn: {first_few(picture.missing_fonts)}"
    return f"the first of {picture.frames} frames was read" if picture and picture.frames > 1 else ""
