"""Where an answer goes round: the same words again and again, as models write when they lose their place."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ...files.read_here import plain_words
from .markup import unwrapped, without_marks

TAG = re.compile(r"<[^>]{0,80}>|\\[a-zA-Z]+")
LETTERS = re.compile(r"[^\W\d_]")
SAID_WORDS = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff]+")
MAX_LOOKED_AT_CHARS = 60_000  # at the end, where loops are
SEED_CHARS = 8  # that come again where a turn begins
MIN_LOOP_CHARS = 100
MIN_LOOP_LETTERS = 3  # in what repeats, where the answer was not cut off: forms hold many a "yes / no"
MIN_TURNS, MANY_TURNS = 9, 50
LONG_UNIT_CHARS, MIN_LONG_TURNS, MIN_LONG_TURNS_AT_THE_END = 100, 5, 3  # a paragraph is not said so often by chance
KEPT_TURNS = 2


@dataclass(frozen=True)
class Loop:
    start: int
    end: int
    unit: str

    @property
    def turns(self) -> int:
        return (self.end - self.start) // len(self.unit)


def loop_in(text: str, *, cut: bool, layer: str = "") -> Loop | None:
    """The longest stretch that says the same again and again; not what the page's own text says as often.

    `cut`: the answer ended at its limit.
    """
    real = [loop for loop in _periodic(text) if _is_loop(loop, text, cut) and not (layer and _is_in(layer, loop))]
    return max(real, key=lambda loop: loop.end - loop.start, default=None)


def without_loop(text: str, loop: Loop) -> str:
    kept = loop.unit * KEPT_TURNS
    return f"{text[: loop.start]}{kept}[... repeated {loop.turns} times ...]{text[loop.end :]}"


def _periodic(text: str) -> Iterator[Loop]:
    """Stretches that equal themselves some characters before, whatever the length of a turn; each is walked once."""
    last: dict[str, int] = {}
    at = begin = max(0, len(text) - MAX_LOOKED_AT_CHARS)
    while at + SEED_CHARS <= len(text):
        seed = text[at : at + SEED_CHARS]
        before, last[seed] = last.get(seed, -1), at
        if before < 0:
            at += 1
            continue
        start, end = _stretch(text, before, at, begin)
        unit = max(2, at - before)  # one character is told as two
        yield Loop(start, start + (end - start) // unit * unit, text[start : start + unit])
        last.update((text[i : i + SEED_CHARS], i) for i in range(at + 1, end))
        at = begin = max(end, at + 1)


def _stretch(text: str, before: int, at: int, begin: int) -> tuple[int, int]:
    """As far as the text equals itself `at - before` characters earlier."""
    period, start, end = at - before, before, at
    while end < len(text) and text[end] == text[end - period]:
        end += 1
    while start > begin and text[start - 1] == text[start - 1 + period]:
        start -= 1
    return start, end


def _is_loop(loop: Loop, text: str, cut: bool) -> bool:
    length = loop.end - loop.start
    at_the_end = cut and len(text) - loop.end < 2 * len(loop.unit)
    if len(loop.unit) >= LONG_UNIT_CHARS:
        return loop.turns >= (MIN_LONG_TURNS_AT_THE_END if at_the_end else MIN_LONG_TURNS)
    if loop.turns < MIN_TURNS or length < MIN_LOOP_CHARS:
        return False
    letters = LETTERS.findall(TAG.sub("", loop.unit))
    several = len(letters) >= MIN_LOOP_LETTERS and len(set(letters)) > 1
    return at_the_end or several or (bool(letters) and loop.turns >= MANY_TURNS)


def _is_in(layer: str, loop: Loop) -> bool:
    """Whether the page's own text holds the words of a turn as often, but for one: a form, or equal rows."""
    said, own = (
        Counter(SAID_WORDS.findall(unwrapped(plain_words(text)))) for text in (without_marks(loop.unit), layer)
    )
    return bool(said) and all(own[word] >= count * (loop.turns - 1) for word, count in said.items())
