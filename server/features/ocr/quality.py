"""Whether a page that was read agrees with the PDF's own text, where it has one."""

import unicodedata
from collections import Counter
from typing import Literal

from ...files.read_here import plain_words
from .layer_spacing import respaced
from .markup import WORD, counts_itself, unwrapped, without_marks
from .number_doubts import number_doubts
from .page_furniture import without_furniture, without_heads
from .shingles import shingles
from .written_numbers import tokens_of

Status = Literal["ok", "empty", "truncated", "repeating", "refused", "failed", "disagrees"]
MAX_COMPARED_CHARS = 200_000
MIN_LAYER_WORDS = 20  # in a text layer that is worth comparing
MIN_SHARE_ALIKE = 0.85
MIN_SHARE_RELATED = 0.4  # of the words, or the numbers are of something else
MIN_SHARE_WHOLE = 0.6  # of the words read in a layer that holds all of the page: that of a scan may name it only


def disagreement(read: str, layer: str, *, partly: bool) -> str:
    """How what was read differs from the page's own text layer; empty where it does not, or none is there.

    Order does not count, but within a row. A page shows more than its layer holds (pictures), so what is in the layer
    must have been read; where only a part was asked for (`partly`), what was read must be in the layer.
    """
    fits = max(len(read), len(layer)) <= MAX_COMPARED_CHARS
    layer, shown = plain_words(layer[:MAX_COMPARED_CHARS]), plain_words(without_marks(read[:MAX_COMPARED_CHARS]))
    own, seen = Counter(WORD.findall(layer)), Counter(WORD.findall(shown))
    if own.total() < MIN_LAYER_WORDS or not seen or _is_garbled(layer):
        return ""
    layer, shown = comparable(layer, shown, partly=partly)
    own, seen = Counter(WORD.findall(layer)), Counter(WORD.findall(shown))
    both = (own & seen).total()
    share = _share_of_words(layer, shown) if partly else share_read(layer, shown)
    said = []
    if share < MIN_SHARE_ALIKE and (partly or not _is_read(layer, shown)):
        said = [_words_missing(share, partly)]
    if fits and (share >= MIN_SHARE_RELATED or not said):
        whole = max(both / max(1, seen.total()), share_read(shown, layer)) >= MIN_SHARE_WHOLE
        said += number_doubts(layer, shown, partly=partly, counts_itself=counts_itself(read), layer_is_whole=whole)
    return "; ".join([*said, "compare the two"]) if said else ""


def comparable(layer: str, read: str, *, partly: bool) -> tuple[str, str]:
    """Both in one spacing, and without what stands around the text of a page."""
    if not partly:
        layer, read = without_heads(layer, read)
    layer = respaced(layer, read)
    if not partly:
        layer, read = without_furniture(layer, read)
    return unwrapped(layer), unwrapped(read)


def _share_of_words(layer: str, read: str) -> float:
    """Of what was read, without its numbers: they may be written otherwise."""
    own, seen = (Counter(token.key for token in tokens_of(text) if not token.number) for text in (layer, read))
    return (own & seen).total() / seen.total() if seen else 1


def _words_missing(share: float, partly: bool) -> str:
    if partly:
        return f"only {share:.0%} of the words read are in the PDF's own text"
    return f"only {share:.0%} of the words of the PDF's own text were read"


def _is_read(layer: str, read: str) -> bool:
    """Whether a layer was read but for its head and foot."""
    body = "\n".join(layer.strip().split("\n")[1:-1])
    return len(WORD.findall(body)) >= MIN_LAYER_WORDS and share_read(body, read) >= MIN_SHARE_ALIKE


def share_read(layer: str, read: str) -> float:
    """Of the layer's letters, those of words that were read, in any order; of the other words, wherever they end."""
    own, seen = WORD.findall(layer), WORD.findall(read)
    chars, found = sum(map(len, own)), Counter(own) & Counter(seen)
    rest, other = _left_of(own, found), _left_of(seen, found)
    in_words = sum(len(word) * times for word, times in found.items())
    pieces = Counter(shingles(rest))
    share = (pieces & Counter(shingles(other))).total() / max(1, pieces.total())
    return max(found.total() / max(1, len(own)), (in_words + share * len(rest)) / max(1, chars))


def _left_of(words: list[str], found: Counter[str]) -> str:
    """The words that have no counterpart, without what parts them."""
    taken: Counter[str] = Counter()
    left = []
    for word in words:
        taken[word] += 1
        if taken[word] > found[word]:
            left.append(word)
    return "".join(left)


def _is_garbled(layer: str) -> bool:
    """A layer whose fonts do not say which letters they draw."""
    strange = sum((unicodedata.category(c) in ("Co", "Cn", "Cc") and c not in "\r\n\t") or c == "\ufffd" for c in layer)
    return strange * 20 > len(layer)
