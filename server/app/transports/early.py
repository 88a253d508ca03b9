"""What a connection's first requests are told before the SDK is loaded, and what it must see of them afterwards.

A probe (`server/discover`) decides nothing and is done when it is answered, and so are `ping` and the lists.
`initialize` is handed on, so that the SDK knows what was agreed; a host of 2026 is told of by a request that the SDK
refuses at once, since its first one decides the era. What the SDK says to either is not sent. Standard library only.
"""

import json
from typing import Any

from . import handshake
from .listing import Listing

MAX_EARLY = 16  # replies, which wait in memory while a host does not read


class Early:
    """A connection before the SDK has it; `listing`: what is listed in it, if that is known."""

    def __init__(self, listing: Listing | None = None) -> None:
        self.listing = listing
        self.said = b""  # how the line begins that the SDK need not give any more
        self._left = MAX_EARLY
        self._era = ""  # which the host has chosen

    def take(self, line: bytes) -> tuple[bytes, bytes]:
        """What to answer to a line, and what the SDK must be told; either may be empty.

        The first request that is left to the SDK ends this: what comes after it, may build on it.
        """
        message = handshake.request(line) if self._left else None
        reply = self._reply(message) if message else None
        if message and reply:
            self._left -= 1
            return reply, self._onward(message, line)
        if message or (b'"method"' in line and b'"id"' in line):  # a request, perhaps
            self._left = 0
        return b"", line

    def _reply(self, message: dict[str, Any]) -> bytes | None:
        era, method = handshake.era(message), message["method"]
        if method == handshake.INITIALIZE:
            return None if self._era else handshake.answer(message)
        if method == handshake.DISCOVER:
            return None if self._era == handshake.AGREED else handshake.answer(message)
        if era != (self._era or handshake.ENVELOPE):  # 2025 begins with `initialize`
            return None
        if method == handshake.PING and era == handshake.AGREED:
            return handshake.reply(message, {})
        result = self.listing.result(method, era) if self.listing else None
        return handshake.reply(message, result) if result else None

    def _onward(self, message: dict[str, Any], line: bytes) -> bytes:
        if message["method"] == handshake.DISCOVER or self._era:
            return b""
        self.said = handshake.head(message)
        if message["method"] == handshake.INITIALIZE:
            self._era = handshake.AGREED
            return line
        self._era = handshake.ENVELOPE
        return json.dumps({**message, "method": handshake.PING}).encode() + b"\n"  # which is no method of 2026
