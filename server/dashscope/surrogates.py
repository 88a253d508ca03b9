"""Surrogate pairs that JSON escapes cut apart: an emoji may end one frame and begin the next, or come halved for good.

Half a pair cannot be sent on as UTF-8; it would stop the host's wire with everything on it.
"""

from math import isfinite
from typing import Any

from ..text import repair_surrogates


class SurrogateJoiner:
    """Makes the pieces of one text sendable: pairs are joined across pieces, what stays alone becomes U+FFFD."""

    def __init__(self) -> None:
        self._high = ""

    def __call__(self, piece: str) -> str:
        text, self._high = self._high + piece, ""
        if text[-1:] and "\ud800" <= text[-1] <= "\udbff":
            text, self._high = text[:-1], text[-1]
        return repair_surrogates(text)

    def flush(self) -> str:
        """What is left when no piece follows."""
        half, self._high = self._high, ""
        return "\ufffd" if half else ""


def repair_json(value: Any, deepest: int = 50) -> Any:
    """JSON whose every text is sendable; what lies deeper than anyone nests is left out."""
    if isinstance(value, str):
        return repair_surrogates(value)
    if (isinstance(value, list | dict) and not deepest) or (isinstance(value, float) and not isfinite(value)):
        return None
    if isinstance(value, list):
        return [repair_json(each, deepest - 1) for each in value]
    if isinstance(value, dict):
        return {repair_surrogates(name): repair_json(each, deepest - 1) for name, each in value.items()}
    return value
