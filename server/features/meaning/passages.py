"""A text in passages that an embedding says well: whole sentences of at most some 500 tokens, each a bit over the next.

Offsets count code points of the text, so that a passage is text[start:end].
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...catalog.pricing import text_tokens

MAX_PASSAGE_TOKENS, OVERLAP_TOKENS = 500, 60
MAX_SENTENCE_TOKENS = MAX_PASSAGE_TOKENS - OVERLAP_TOKENS  # or a passage could be nothing but what two share
# Where one may be put down: the end of a paragraph, of a sentence, of a line.
PASSAGE_ENDS = re.compile(
    r"(?P<paragraph>\n[^\S\n]*\n\s*)|(?P<sentence>[。！？；…]+[”’」』）\"]*|[.!?;]+[\"')\]]*(?=\s))|(?P<line>\n)"
)
WORTH = {"paragraph": 2, "sentence": 1, "line": 0}
WORD_GAP = re.compile(r"[，,、：:\s]")
EMPTY_TOKENS = text_tokens("").likely


@dataclass(frozen=True)
class Sentence:
    """`worth`: how good a place its end is."""

    start: int
    end: int
    tokens: int
    worth: int


def passages_of(text: str) -> list[tuple[int, int]]:
    """Where each begins and ends; blanks around it are left out, and so is what holds nothing else."""
    sentences = list(_sentences(text))
    spans, begin, end = [], 0, 0
    while begin < len(sentences):
        end = _end_of_passage(sentences, begin, end)
        if span := _trimmed(text, sentences[begin].start, sentences[end - 1].end):
            spans.append(span)
        begin = _next_begin(sentences, begin, end)
    return spans


def _end_of_passage(sentences: list[Sentence], begin: int, seen: int) -> int:
    """As many as fit; of where it may end in its second half, the best place, and the last of these.

    `seen`: where the one before ended; this one goes beyond it.
    """
    end, tokens, half = begin, 0, begin
    while end < len(sentences) and tokens + sentences[end].tokens <= MAX_PASSAGE_TOKENS:
        tokens += sentences[end].tokens
        half = end if tokens <= MAX_PASSAGE_TOKENS // 2 else half
        end += 1
    if end == len(sentences):
        return end
    return 1 + max(range(max(half, seen), end), key=lambda at: (sentences[at].worth, at))


def _next_begin(sentences: list[Sentence], begin: int, end: int) -> int:
    """A bit before the end, so that what stands there is whole in one of the two; not across paragraphs."""
    if end == len(sentences) or sentences[end - 1].worth == WORTH["paragraph"]:
        return end
    back, tokens = end, 0
    while back - 1 > begin and tokens + sentences[back - 1].tokens <= OVERLAP_TOKENS:
        back -= 1
        tokens += sentences[back].tokens
    return back


def _sentences(text: str) -> Iterator[Sentence]:
    start = 0
    for found in PASSAGE_ENDS.finditer(text):
        yield from _short_enough(text, start, found.end(), WORTH[found.lastgroup or "line"])
        start = found.end()
    if start < len(text):
        yield from _short_enough(text, start, len(text), WORTH["paragraph"])


def _short_enough(text: str, start: int, end: int, worth: int) -> Iterator[Sentence]:
    """A sentence that is too long for any passage ends at a comma or a space, or anywhere."""
    while (tokens := _tokens(text[start:end])) > MAX_SENTENCE_TOKENS:
        cut = _cut(text, start, start + max(1, (end - start) * MAX_SENTENCE_TOKENS // (tokens + 1)))
        while (part := _tokens(text[start:cut])) > MAX_SENTENCE_TOKENS:  # denser here than on the whole
            cut = start + max(1, (cut - start) * 3 // 4)
        yield Sentence(start, cut, part, 0)
        start = cut
    yield Sentence(start, end, tokens, worth)


def _cut(text: str, start: int, end: int) -> int:
    places = [found.end() for found in WORD_GAP.finditer(text, start + (end - start) // 2, end)]
    return places[-1] if places else end


def _tokens(text: str) -> int:
    return text_tokens(text).likely - EMPTY_TOKENS


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    return (start, end) if start < end else None
