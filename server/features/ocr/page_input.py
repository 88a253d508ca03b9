"""A page, or a tile of it, before it is sent."""

from dataclasses import dataclass
from typing import Any

from ...files import Picture
from ..attachments import undrawn
from .page import Page

BLANK = "there is nothing on it: it was not sent"
SHOWS_NOTHING = "nothing on it can be seen: it was not sent"
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
    """A page without ink: it is blank only if its own text has no letters either, and it has no images."""
    unseen = undrawn(sheet.picture) if sheet.picture else ""
    if any(map(str.isalnum, sheet.layer)):
        return Page(page=sheet.number, status="failed", why=UNSEEN_TEXT, text=sheet.layer).doubted(unseen)
    if unseen:
        return Page(page=sheet.number, status="failed", why=SHOWS_NOTHING).doubted(unseen)
    return Page(page=sheet.number, status="empty", why=BLANK)


def not_in_picture(picture: Picture | None) -> str:
    """What of a page or a file its picture does not show."""
    if not picture:
        return ""
    return undrawn(picture) or (f"the first of {picture.frames} frames was read" if picture.frames > 1 else "")
