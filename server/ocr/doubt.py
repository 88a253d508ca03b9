"""Whether a page that was read can be trusted: cut off, going round in loops, empty, or unlike the PDF's own text."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "empty", "truncated", "repeating", "refused", "failed", "disagrees"]
# Nine times the same, and not just dots or dashes; rows of an empty form are no loop.
LOOP = re.compile(r"(.{2,160}?)\1{8,}", re.DOTALL)
TAG = re.compile(r"<[^>]{0,80}>|\\[a-zA-Z]+")
LETTERS = re.compile(r"[^\W\d_]")
WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff]+")
NUMBER = re.compile(r"\d[\d,.]*\d{2}|\d{3,}")
SHORTEST_LOOP = 100
FEWEST_LETTERS = 3  # in what repeats, where the answer was not cut off: forms hold many a "yes / no"
MANY_TURNS = 50
LOOKED_AT = 60_000  # characters at the end, where loops are
LEAST_WORDS = 20  # in a text layer that is worth comparing
ALIKE = 0.6
KEPT_TURNS = 2


@dataclass(frozen=True)
class Loop:
    start: int
    end: int
    unit: str

    @property
    def turns(self) -> int:
        return (self.end - self.start) // len(self.unit)


def loop_in(text: str, *, cut: bool) -> Loop | None:
    """The longest stretch that says the same again and again. `cut`: the answer ended at its limit."""
    found = LOOP.finditer(text, max(0, len(text) - LOOKED_AT))
    loops = [Loop(each.start(), each.end(), each[1]) for each in found if len(each[0]) >= SHORTEST_LOOP]
    real = [loop for loop in loops if _is_loop(loop, text, cut)]
    return max(real, key=lambda loop: loop.end - loop.start, default=None)


def without_loop(text: str, loop: Loop) -> str:
    kept = loop.unit * KEPT_TURNS
    return f"{text[: loop.start]}{kept}[... repeated {loop.turns} times ...]{text[loop.end :]}"


def _is_loop(loop: Loop, text: str, cut: bool) -> bool:
    at_the_end = cut and len(text) - loop.end < 2 * len(loop.unit)
    letters = LETTERS.findall(TAG.sub("", loop.unit))
    return (
        at_the_end
        or (len(letters) >= FEWEST_LETTERS and len(set(letters)) > 1)
        or (bool(letters) and loop.turns >= MANY_TURNS)
    )


def disagreement(read: str, layer: str, *, partly: bool) -> str:
    """How the words that were read differ from the page's own text layer; empty where they do not, or none is there.

    `partly`: only some of the page was asked for, so only what was read must be in the layer. Order does not count.
    """
    own, seen = Counter(_words(layer)), Counter(_words(TAG.sub(" ", read)))
    total = own.total()
    if total < LEAST_WORDS or not seen or _is_garbled(layer):
        return ""
    both = (own & seen).total()
    alike = both / seen.total() if partly else 2 * both / (total + seen.total())
    if alike < ALIKE:
        return f"only {alike:.0%} of its words agree with the PDF's own text: look at the page"
    return ""


def unsupported_numbers(read: str, layer: str) -> list[str]:
    """Numbers that were read, but are nowhere in the page's own text layer: likely misread digits."""
    if len(_words(layer)) < LEAST_WORDS or _is_garbled(layer):
        return []
    digits = re.sub(r"[\s,.]", "", unicodedata.normalize("NFKC", layer))
    numbers = dict.fromkeys(NUMBER.findall(unicodedata.normalize("NFKC", TAG.sub(" ", read))))
    return [number for number in numbers if re.sub(r"[\s,.]", "", number) not in digits]


def _words(text: str) -> list[str]:
    """Chinese by the character, everything else by the word, in one width and case."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _is_garbled(layer: str) -> bool:
    """A layer whose fonts do not say which letters they draw."""
    strange = sum((unicodedata.category(c) in ("Co", "Cn", "Cc") and c not in "\r\n\t") or c == "\ufffd" for c in layer)
    return strange * 20 > len(layer)
