"""The rows of an image file that is cut, one by one."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .cutting import Tiles, is_strip, tiles_of, tiles_wanted
from .drawn import file_of
from .image_letters import letter_px
from .limits import Response, Size, shrunk_size

if TYPE_CHECKING:
    from PIL import Image

MIN_LARGE_PIXELS = 16_000_000  # of an image that may be a drawing of A1: A4 has as many at 400 dots an inch


def most_tiles(size: Size, max_pixels: int) -> int:
    """Of an image of that size, before it is looked at."""
    is_large = is_strip(size) or size[0] * size[1] >= MIN_LARGE_PIXELS
    return tiles_wanted(size, max_pixels, None) if is_large else 1


@dataclass(frozen=True)
class Uncut:
    """A page as people see it, before it is cut. `lossless`: as its file is."""

    number: int
    image: "Image.Image"
    lossless: bool
    _tiles: dict[int, Tiles] = field(default_factory=dict)

    def tiles(self, max_pixels: int) -> Tiles:
        if max_pixels not in self._tiles:
            size = self.image.size
            wanted = self._wanted(max_pixels) if most_tiles(size, max_pixels) > 1 else 1
            self._tiles[max_pixels] = tiles_of(size, wanted, self._grey)
        return self._tiles[max_pixels]

    def _wanted(self, max_pixels: int) -> int:
        """A strip is cut in any case; another image only for small letters: those of a large photo are large, too."""
        size, letter = self.image.size, letter_px(self.image.convert("L"))
        by_letters = tiles_wanted(size, max_pixels, letter) if letter else 1
        return max(by_letters, tiles_wanted(size, max_pixels, None)) if is_strip(size) else by_letters

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
