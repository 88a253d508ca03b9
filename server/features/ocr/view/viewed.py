"""What of a page is shown: its picture, and the words of both readers with their places on it."""

import base64
from dataclasses import dataclass

from ....files.readings import Point

PictureBox = tuple[Point, ...]


@dataclass(frozen=True)
class SeenPicture:
    """Of a kind that browsers show; `width` and `height` in its pixels."""

    content: bytes
    mime: str
    width: int
    height: int

    @property
    def data_uri(self) -> str:
        return f"data:{self.mime};base64,{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True)
class ViewedLine:
    """As it was read on this machine. `corners`: four, clockwise, in pixels of the picture."""

    text: str
    corners: PictureBox


@dataclass(frozen=True)
class ViewedDifference:
    """What was read here, and what the model answered instead; one of them may be empty. `corners`: in pixels of the
    picture; none, where the place is not known.
    """

    here: str
    answer: str
    corners: PictureBox = ()


@dataclass(frozen=True)
class ViewedPage:
    """`why`: the doubts, in words. `text`: the model's answer. `words`, `numbers`: how far both readers agree, 0 to 1;
    None: not known. `not_compared`: why nobody held one against the other; empty where that was done.
    """

    number: int  # from 1; 0: the whole document
    status: str
    why: str = ""
    text: str = ""
    picture: SeenPicture | None = None
    lines: tuple[ViewedLine, ...] = ()
    differences: tuple[ViewedDifference, ...] = ()
    words: float | None = None
    numbers: float | None = None
    not_compared: str = ""
