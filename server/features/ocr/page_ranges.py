"""Pages as people write them: "1-3,7"."""

import re
import unicodedata
from collections.abc import Sequence

from ...errors import InvalidRequest

RANGE = re.compile(r"(\d{1,9})(?:\s*[-~–—]\s*(\d{1,9})?)?")
SEPARATORS = re.compile(r"[,;、\s]*[,;、][,;、\s]*|\s+")
CJK_WORDS = re.compile("[第页至到]")
MAX_PAGES_CHARS = 2_000


def pages_in(text: str, count: int) -> list[int]:
    """The pages meant, each once, in their order; empty text: all; "5-": to the end.

    Raises:
        InvalidRequest: not written so, or outside of 1 to `count`.
    """
    plain = CJK_WORDS.sub(
        lambda word: "-" if word[0] in "至到" else "", unicodedata.normalize("NFKC", text[:MAX_PAGES_CHARS])
    )
    plain = plain.strip(" \t\r\n,;、")
    if not plain:
        return list(range(1, count + 1))
    found: set[int] = set()
    for piece in SEPARATORS.split(re.sub(r"\s*[-~–—]\s*", "-", plain)):
        match = RANGE.fullmatch(piece)
        if match is None or len(text) > MAX_PAGES_CHARS:
            raise InvalidRequest(f'pages must read like "1-3,7"; there {_are(count)}.')
        first = int(match[1])
        last = int(match[2]) if match[2] else count if "-" in piece else first
        if not 1 <= first <= last <= count:
            wrong = "ends before it begins" if first > last else "is outside"
            raise InvalidRequest(f"There {_are(count)}, and {piece} {wrong}.")
        found.update(range(first, last + 1))
    return sorted(found)


def _are(count: int) -> str:
    return f"are {count} pages, from 1 to {count}" if count > 1 else "is one page"


def as_ranges(pages: Sequence[int]) -> str:
    """The shortest way to write pages that rise."""
    ranges: list[list[int]] = []
    for page in pages:
        if ranges and page == ranges[-1][1] + 1:
            ranges[-1][1] = page
        else:
            ranges.append([page, page])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
