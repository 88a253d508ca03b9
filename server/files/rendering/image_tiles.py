"""The rows of an image file that is cut, one by one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .cutting import Tiles, is_strip, tiles_of, tiles_wanted
from .drawn import file_of
from .limits import Response, Size, shrunk_size

if TYPE_CHECKING:
    from PIL import Image


def image_tiles_wanted(size: Size, max_pixels: int) -> int:
    """Strips only: the letters of a large photo are large, too."""
    return tiles_wanted(size, max_pixels, None) if is_strip(size) else 1


@dataclass(frozen=True)
class Uncut:
    """A page as people see it, before it is cut. `lossless`: as its file is."""

    number: int
    image: "Image.Image"
    lossless: bool

    def tiles(self, max_pixels: int) -> Tiles:
        return tiles_of(self.image.size, image_tiles_wanted(self.image.size, max_pixels), self._grey)

    def _grey(self, top: int, bottom: int) -> "Image.Image":
        return self.image.crop((0, top, self.image.width, bottom)).convert("L")

    def picture(self, tile: int, max_pixels: int) -> Response:
        from PIL import Image

        tiles = self.tiles(max_pixels)
        top, bottom = tiles.rows[tile - 1]
        drawn = self.image.crop((0, top, self.image.width, bottom))
        full = drawn.size
        drawn.thumbnail(shrunk_size(*full, max_pixels), Image.Resampling.LANCZOS)
        facts, content = file_of(drawn, full, lossless=self.lossless and drawn.size == full)
        return {**facts, **tiles.told(tile)}, content
