"""How several texts share the room of one result: what a short one leaves, the longer ones get."""

from collections.abc import Sequence

from .host_limits import TextLimit


def fair_pieces(texts: Sequence[str], limit: TextLimit) -> list[str]:
    """The beginning of each text, as much of it as its share of the limit; they fit it together."""
    pieces = list(texts)
    chars, size = max(0, limit.max_chars), max(0, limit.max_bytes)
    by_length = sorted(range(len(texts)), key=lambda at: len(texts[at].encode()))
    for left, at in zip(range(len(texts), 0, -1), by_length, strict=True):
        end = TextLimit(chars // left, size // left).fitting(texts[at])
        pieces[at] = texts[at][:end]
        chars, size = chars - len(pieces[at]), size - len(pieces[at].encode())
    return pieces
