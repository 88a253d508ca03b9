"""Images that the sandbox really reads, where the extra is installed: still marked, but a reading."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from .recognised import DOUBTFUL, PlacedText
from .requests import SandboxRequest

IMAGE_URI = "data:image/"
ImageReader = Callable[[bytes], Awaitable[Sequence[PlacedText]]]  # of the lines of an image file; none: not read


async def really_read(asked: SandboxRequest, reads: ImageReader | None) -> SandboxRequest:
    """The request with the lines of its image; as it was, where nothing is read here."""
    address = asked.addresses[0] if asked.reads_images and asked.addresses else ""
    if reads is None or asked.name in DOUBTFUL or not address.startswith(IMAGE_URI):
        return asked
    try:
        content = base64.b64decode(address.partition(",")[2], validate=True)
    except binascii.Error:
        return asked
    return replace(asked, read_here=tuple(await reads(content)))
