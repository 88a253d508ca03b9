"""A PDF's page as a picture, or some rows of it."""

from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

from .cutting import GreyRows
from .limits import Size
from .undrawn import View, draw_missing

if TYPE_CHECKING:
    from PIL import Image

MAX_LOOK_PIXELS = 8_000_000  # of a page, where it is looked at for rows without letters


def page_picture(page: Any, scale: float, rows: tuple[float, float] = (0, 1)) -> tuple["Image.Image", list[str]]:
    """`scale`: pixels to a unit; `rows`: from, to, in shares of the page's height. And fonts that were missing."""
    width, height = (ceil(side * scale) for side in page.get_size())
    top, bottom = (round(share * height) for share in rows)
    cut = (0, _units(height - bottom, scale), 0, _units(top, scale))
    image = page.render(scale=scale, crop=cut).to_pil()
    return image, draw_missing(image, page, scale, View((width, height), top))


def _units(pixels: int, scale: float) -> float:
    """What pypdfium2 rounds up to so many pixels."""
    return max(0, pixels - 0.5) / scale


def grey_rows(page: Any, whole: Size) -> GreyRows:
    """The page is drawn once, smaller."""
    units = page.get_size()
    scale = min(whole[0] / units[0], sqrt(MAX_LOOK_PIXELS / (units[0] * units[1])))
    look: Image.Image = page.render(scale=scale, grayscale=True).to_pil().convert("L")
    share = look.height / whole[1]

    def rows(top: int, bottom: int) -> "Image.Image":
        first = round(top * share)
        return look.crop((0, first, look.width, max(first + 1, round(bottom * share))))

    return rows
