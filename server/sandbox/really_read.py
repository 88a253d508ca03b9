"""Images that the sandbox really reads, where the extra is installed: still marked, but a reading."""

import base64
import binascii
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Protocol

from .recognised import DOUBTFUL, PlacedText
from .requests import SandboxRequest

IMAGE_URI = "data:image/"


class ImageReader(AbstractAsyncContextManager[Any], Protocol):
    """Open as long as the sandbox runs."""

    async def placed_texts(self, content: bytes) -> Sequence[PlacedText]:
        """The lines of an image file; none: it is not read."""
        ...


async def really_read(asked: SandboxRequest, reader: ImageReader | None) -> SandboxRequest:
    """The request with the lines of its image; as it was, where nothing is read here."""
    address = asked.addresses[0] if asked.reads_images and asked.addresses else ""
    if reader is None or asked.name in DOUBTFUL or not address.startswith(IMAGE_URI):
        return asked
    try:
        content = base64.b64decode(address.partition(",")[2], validate=True)
    except binascii.Error:
        return asked
    return replace(asked, read_here=tuple(await reader.placed_texts(content)))
