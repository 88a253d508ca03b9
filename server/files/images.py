"""An image file. Each frame of a TIFF is a page of its own, as faxes are kept."""

from collections.abc import Sequence

from ..errors import InvalidRequest
from .renderer import MAX_INLINE_BYTES, Picture, RenderedFile
from .rendering.limits import ANY_PIXELS

HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
# What is a picture or a document, and of a kind that is not read here
UNREAD_KINDS = {
    b"\x00\x00\x00\x0cjP  ": "a JPEG 2000 image",
    b"\xff\x4f\xff\x51": "a JPEG 2000 image",
    b"\x00\x00\x00\x0cJXL ": "a JPEG XL image",
    b"\xff\x0a": "a JPEG XL image",
    b"8BPS": "a Photoshop file",
    b"\x00\x00\x01\x00": "an icon",
    b"II+\x00": "a BigTIFF image",
    b"MM\x00+": "a BigTIFF image",
    b"%!PS": "a PostScript file",
    b"AT&TFORM": "a DjVu document",
    b"{\\rtf": "an RTF document",
    b"\xd7\xcd\xc6\x9a": "a Windows metafile",
    b"Rar!": "an archive",
    b"7z\xbc\xaf": "an archive",
    b"\x1f\x8b": "an archive",
}


def unread_kind(content: bytes) -> str:
    """What a file is that is not read here; empty where that is not known."""
    return next((kind for head, kind in UNREAD_KINDS.items() if content.startswith(head)), "")


def is_image(head: bytes) -> bool:
    heads = (b"\xff\xd8\xff", b"\x89PNG", b"II*\x00", b"MM\x00*", b"GIF8")
    bitmap = head.startswith(b"BM") and head[6:10] == bytes(4)
    webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return head.startswith(heads) or bitmap or webp or head[4:12] == b"ftypavif" or is_heic(head)


def is_heic(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in HEIC


class ImageFile(RenderedFile):
    kind = "image"

    async def squeezed(self, quality: int, share: float) -> Picture:
        """As a JPEG of that quality, with that share of its pixels."""
        (size,) = await self.sizes([1], ANY_PIXELS)
        assert size  # it was opened
        return await self.picture(1, int(size[0] * size[1] * share), quality)


class Heic(ImageFile):
    """A photo that DashScope reads and we do not: it is handed on as it is."""

    async def open(self) -> None:
        if self.size_bytes > MAX_INLINE_BYTES:
            said = f"{self.size_bytes / 1e6:.2f} MB; of HEIC {MAX_INLINE_BYTES / 1e6:.1f} MB are sent"
            raise InvalidRequest(f"{self.name} has {said}. Save it as JPEG.")
        self.count = 1

    async def sizes(self, numbers: Sequence[int], max_pixels: int) -> list[tuple[int, int] | None]:
        return [None for _ in numbers]

    async def squeezed(self, quality: int, share: float) -> Picture:
        return await self.picture(1, ANY_PIXELS)

    async def tile_sizes(self, numbers: Sequence[int], max_pixels: int) -> list[list[tuple[int, int]] | None]:
        return [None for _ in numbers]

    async def tiles(self, number: int, max_pixels: int) -> tuple[int, int]:
        return 1, 1

    async def picture(self, number: int, max_pixels: int, quality: int = 0, tile: int = 0) -> Picture:
        return Picture("image/heic", self.content(), None, None)
