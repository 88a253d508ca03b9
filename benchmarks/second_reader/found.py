"""What of a page's words and numbers a reader found, in any order, and which letters it took for others."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import pairwise
from statistics import median, quantiles

from ...server.features.ocr.alignment import NO_TOKEN, Alignment, align
from ...server.features.ocr.markup import WORD, unwrapped
from ...server.features.ocr.written_numbers import tokens_of
from ...server.files.read_here import plain_words

MAX_MORE_TOKENS, MAX_LETTERS = 4, 3  # of what stands between two words that both have; of letters taken for others


@dataclass
class Found:
    """Both texts in one width and case; of Chinese each letter is a word."""

    all: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def add(self, truth: str, read: str, seconds: float) -> None:
        for kind, parts in (("words", _words), ("numbers", _numbers)):
            there = parts(truth)
            self.all[kind] += there.total()
            self.found[kind] += (there & parts(read)).total()
        self.seconds.append(seconds)

    def said(self) -> str:
        if not self.seconds:
            return "nothing was read"
        shares = (f"{kind} {self.found[kind] / max(1, count):.1%} of {count}" for kind, count in self.all.items())
        slow = quantiles(self.seconds, n=10)[-1] if len(self.seconds) > 1 else self.seconds[0]
        return f"{', '.join(shares)}; seconds a page: median {median(self.seconds):.1f}, p90 {slow:.1f}"


def _words(text: str) -> Counter[str]:
    return Counter(word for word in WORD.findall(unwrapped(plain_words(text))) if not any(map(str.isdigit, word)))


def _numbers(text: str) -> Counter[str]:
    return Counter(token.key for token in tokens_of(unwrapped(plain_words(text))) if token.number)


def confusions(truth: str, read: str) -> Counter[tuple[str, str]]:
    """Letters of the page and what was read for them, where the words on both sides of them are the same in both."""
    truth, read = plain_words(truth), plain_words(read)
    pairs = align(tokens_of(truth), tokens_of(read))
    found: Counter[tuple[str, str]] = Counter()
    for here, there in _gaps(pairs, truth, read):
        found.update(_letters(here, there))
    return found


def _gaps(pairs: Alignment, truth: str, read: str) -> Iterator[tuple[str, str]]:
    """What stands between two words that follow each other in both, where it differs."""
    matched = [at for at, place in enumerate(pairs.there) if place != NO_TOKEN]
    for one, other in pairwise(matched):
        before, after = pairs.there[one], pairs.there[other]
        if other - one > 1 and 1 <= after - before <= other - one + MAX_MORE_TOKENS:
            yield (
                truth[pairs.one[one].end : pairs.one[other].start],
                read[pairs.other[before].end : pairs.other[after].start],
            )


def _letters(truth: str, read: str) -> Iterator[tuple[str, str]]:
    truth, read = ("".join(text.split()) for text in (truth, read))
    for what, a, b, c, d in SequenceMatcher(None, truth, read, autojunk=False).get_opcodes():
        if what == "replace" and b - a == d - c:
            yield from zip(truth[a:b], read[c:d], strict=True)
        elif what != "equal" and max(b - a, d - c) <= MAX_LETTERS:
            yield truth[a:b], read[c:d]
