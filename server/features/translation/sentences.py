"""Where sentences end, in the scripts of many languages, and a long text cut there."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator

from .marks import INLINE_TAG
from .units import WIDE

CLOSING_SIGNS = "”’\"'」』）)》】]"
SPACES = re.compile(r"\s+")
MOST_CHARS_PER_TOKEN = 3  # as tokens are counted here, at their most
WIDE_ENDS = "。！？；…｡"
SENTENCE_SIGNS = WIDE_ENDS + ".!?;؟۔।॥။។"
# Where a reader would put the text down, the best places first; each match ends behind the border
SENTENCE_BORDERS = (
    re.compile(r"\n+"),
    re.compile(
        rf"[{WIDE_ENDS}]+[{re.escape(CLOSING_SIGNS)}]*\s*|[{re.escape(SENTENCE_SIGNS)}]+[{re.escape(CLOSING_SIGNS)}]*\s+"
    ),
    re.compile(r"[，、：,:]\s*(?=\s|[\u2e80-\u9fff])"),
    re.compile(r"\s+"),
)


def ends_a_sentence(line: str) -> bool:
    body = line.rstrip().rstrip(CLOSING_SIGNS)
    return not body or body[-1] in SENTENCE_SIGNS + ":："


def cut(text: str, max_tokens: int, tokens: Callable[[str], int]) -> list[tuple[str, str]]:
    """A text in pieces that fit, each with the white space behind it; one that has no border may be too long.

    Never inside a word, a mark, or the words that two marks hold.
    """
    return [_parted(piece) for piece in _cut(text, max_tokens, tokens)]


def _parted(piece: str) -> tuple[str, str]:
    body = piece.rstrip()
    return body, piece[len(body) :]


def _cut(text: str, max_tokens: int, tokens: Callable[[str], int]) -> Iterator[str]:
    start, free = 0, _outside_spans(text)
    while start < len(text):
        length = min(len(text) - start, MOST_CHARS_PER_TOKEN * max_tokens)
        while tokens(text[start : start + length]) > max_tokens and length > 1:
            length = length * 3 // 4
        end = _border(text, start, start + length, free)
        yield text[start:end]
        start = end


def _border(text: str, start: int, end: int, free: Callable[[int], bool]) -> int:
    """The last good border before `end`; the first one behind it where there is none."""
    if end >= len(text):
        return len(text)
    for border in SENTENCE_BORDERS:
        places = [at for found in border.finditer(text, start, end) if (at := found.end()) < end and free(at)]
        if places and (places[-1] - start) * 4 > end - start:
            return places[-1]
    wide = [at for at in range(start + 1, end) if WIDE.match(text[at - 1]) and WIDE.match(text[at]) and free(at)]
    if wide:
        return wide[-1]
    later = (found.end() for found in SPACES.finditer(text, start))
    return next((at for at in later if free(at)), len(text))


def _outside_spans(text: str) -> Callable[[int], bool]:
    held: list[tuple[int, int]] = []
    opened: dict[str, int] = {}
    for found in INLINE_TAG.finditer(text):
        if found[2].lower() == "x":
            held.append(found.span())
        elif not found[1]:
            opened[found[3]] = found.start()
        elif found[3] in opened:
            held.append((opened.pop(found[3]), found.end()))
    starts: list[int] = []
    until: list[int] = []
    for start, end in sorted(held):
        starts.append(start)
        until.append(max(end, until[-1] if until else 0))
    return lambda at: not (before := bisect_left(starts, at)) or until[before - 1] <= at
