"""Where on the page people see something stands that was found in the image as it was sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..readings import Point
from ..renderer import Picture

PixelSize = tuple[int, int]
Unit = Literal["px", "permille"]


@dataclass(frozen=True)
class PageGeometry:
    """The image that was read: as it was sent, and as people see it (in pixels; None: not known).

    `paper`: a page that has no pixels of its own, so that places on it are told in permille of its sides.
    `told_in_pixels`: by the model, in its text. `top`, `whole`: of a tile, its first row, and the size of what it was
    cut from, as people see that.
    """

    sent: PixelSize | None = None
    shown: PixelSize | None = None
    paper: bool = False
    told_in_pixels: bool = False
    top: int = 0
    whole: PixelSize | None = None

    @classmethod
    def of(cls, picture: Picture, *, paper: bool, told_in_pixels: bool = False) -> "PageGeometry":
        return cls(picture.sent, picture.shown, paper, told_in_pixels, picture.top, picture.whole)

    @property
    def unit(self) -> Unit:
        return "permille" if self.paper else "px"

    def from_pixels(self, corners: Sequence[Point]) -> tuple[Point, ...]:
        """Pixels of the image as sent."""
        if not self.sent or not self.shown:
            return _rounded(corners)
        return self._on_the_page([(x / self.sent[0], y / self.sent[1]) for x, y in corners])

    def from_permille(self, corners: Sequence[Point]) -> tuple[tuple[Point, ...], Unit]:
        if not self.shown or (self.paper and not self.whole):
            return _rounded(corners), "permille"
        return self._on_the_page([(x / 1000, y / 1000) for x, y in corners]), self.unit

    def _on_the_page(self, shares: Sequence[Point]) -> tuple[Point, ...]:
        """From shares of the image's sides."""
        assert self.shown
        (width, height), whole = self.shown, self.whole or self.shown
        across, down = (1000 / whole[0], 1000 / whole[1]) if self.paper else (1.0, 1.0)
        return _rounded([(x * width * across, (self.top + y * height) * down) for x, y in shares])


def _rounded(corners: Sequence[Point]) -> tuple[Point, ...]:
    """To a tenth; whole numbers without a point."""
    return tuple((_short(x), _short(y)) for x, y in corners)


def _short(number: float) -> float:
    tenth = round(number, 1)
    return int(tenth) if tenth == int(tenth) else tenth
