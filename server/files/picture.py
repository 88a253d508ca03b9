"""A picture, ready to be sent."""

import base64
from dataclasses import dataclass

from .painter import SENT_BYTES

DATA_URI_CHARACTERS = 10 * 1024 * 1024
FILE_BYTES = SENT_BYTES


@dataclass(frozen=True)
class Picture:
    """Sizes in pixels, (width, height); None: not known."""

    mime: str
    content: bytes
    sent: tuple[int, int] | None  # its own size
    shown: tuple[int, int] | None  # of what it shows, as people see it: upright, before it was shrunk
    blank: bool = False

    @property
    def data_uri(self) -> str:
        return f"data:{self.mime};base64,{base64.b64encode(self.content).decode()}"
