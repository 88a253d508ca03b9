"""An image file. Each frame of a TIFF is a page of its own, as faxes are kept."""

from collections.abc import Sequence

from ..errors import InvalidRequest
from .renderer import MAX_INLINE_BYTES, Picture, RenderedFile

HEIC = (b"heic", b"heix", b"hevc", b"mif1")


def is_image(head: bytes) -> bool:
    heads = (b"\xff\xd8\xff", b"\x89PNG", b"II*\x00", b"MM\x00*", b"GIF8")
    bitmap = head.startswith(b"BM") and head[6:10] == bytes(4)
    webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return head.startswith(heads) or bitmap or webp or head[4:12] == b"ftypavif" or is_heic(head)


def is_heic(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in HEIC


class ImageFile(RenderedFile):
    kind = "image"


class Heic(ImageFile):
    """A photo that DashScope reads and we do not: it is handed on as it is."""

    async def open(self) -> None:
        if self.size_bytes > MAX_INLINE_BYTES:
            said = f"{self.size_bytes / 1e6:.2f} MB; of HEIC {MAX_INLINE_BYTES / 1e6:.1f} MB are sent"
            raise InvalidRequest(f"{self.name} has {said}. Save it as JPEG.")
        self.count = 1

    async def sizes(self, numbers: Sequence[int], max_pixels: int) -> list[tuple[int, int] | None]:
        return [None for _ in numbers]

    async def picture(self, number: int, max_pixels: int) -> Picture:
        return Picture("image/heic", self.content(), None, None)
