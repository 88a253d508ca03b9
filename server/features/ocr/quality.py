"""Whether a page that was read can be trusted: cut off, going round in loops, empty, or unlike the PDF's own text."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from ...text import first_few

Status = Literal["ok", "empty", "truncated", "repeating", "refused", "failed", "disagrees"]
# Nine times the same, and not just dots or dashes; rows of an empty form are no loop.
LOOP = re.compile(r"(.{2,160}?)\1{8,}", re.DOTALL)
TAG = re.compile(r"<[^>]{0,80}>|\\[a-zA-Z]+")
LETTERS = re.compile(r"[^\W\d_]")
WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff]+")
PRINTED_NUMBER = re.compile(r"\d(?:[\d,.{}]*\d)?(?: \d{3}(?!\d)(?:[.,]\d+)?)*")
MIN_LOOP_CHARS = 100
MIN_LOOP_LETTERS = 3  # in what repeats, where the answer was not cut off: forms hold many a "yes / no"
MANY_TURNS = 50
MAX_COMPARED_CHARS = 60_000  # characters at the end, where loops are
MIN_LAYER_WORDS = 20  # in a text layer that is worth comparing
MIN_SHARE_ALIKE = 0.85
MIN_DIGITS, MAX_NUMBERS, MAX_SHOWN_NUMBER_CHARS = 3, 500, 40
BETWEEN_DIGITS = re.compile(r"[\s,.{}]")
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
    found = LOOP.finditer(text, max(0, len(text) - MAX_COMPARED_CHARS))
    loops = [Loop(each.start(), each.end(), each[1]) for each in found if len(each[0]) >= MIN_LOOP_CHARS]
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
        or (len(letters) >= MIN_LOOP_LETTERS and len(set(letters)) > 1)
        or (bool(letters) and loop.turns >= MANY_TURNS)
    )


def disagreement(read: str, layer: str, *, partly: bool) -> str:
    """How what was read differs from the page's own text layer; empty where it does not, or none is there.

    Order does not count. A page shows more than its layer holds (pictures), so what is in the layer must have been
    read; where only a part was asked for (`partly`), what was read must be in the layer.
    """
    read, layer = _plain(TAG.sub(" ", read[:MAX_COMPARED_CHARS])), _plain(layer[:MAX_COMPARED_CHARS])
    own, seen = Counter(WORD.findall(layer)), Counter(WORD.findall(read))
    if own.total() < MIN_LAYER_WORDS or not seen or _is_garbled(layer):
        return ""
    both, added, left_out = (own & seen).total(), _missing(read, layer), _missing(layer, read)
    said = _partly_wrong(both / seen.total(), added) if partly else _wrong(both / own.total(), added, left_out)
    return f"{'; '.join(said)}: compare the two" if said else ""


def _partly_wrong(share: float, added: list[str]) -> list[str]:
    said = [f"only {share:.0%} of the words read are in the PDF's own text"] if share < MIN_SHARE_ALIKE else []
    return said + ([f"the PDF's own text does not hold {first_few(added)}"] if added else [])


def _wrong(share: float, added: list[str], left_out: list[str]) -> list[str]:
    said = [f"only {share:.0%} of the words of the PDF's own text were read"] if share < MIN_SHARE_ALIKE else []
    instead = f" (but {first_few(added)}, which it does not hold)" if added else ""
    return said + ([f"the PDF's own text holds {first_few(left_out)}, not read{instead}"] if left_out else [])


def _missing(one: str, other: str) -> list[str]:
    """Numbers of one text that are nowhere in the other: likely misread, or left out."""
    digits = BETWEEN_DIGITS.sub("", other)
    numbers = {number: BETWEEN_DIGITS.sub("", number) for number in PRINTED_NUMBER.findall(one)}
    long = [(number, plain) for number, plain in numbers.items() if len(plain) >= MIN_DIGITS][:MAX_NUMBERS]
    return [number[:MAX_SHOWN_NUMBER_CHARS] for number, plain in long if plain not in digits]


def _plain(text: str) -> str:
    """In one width and case, with the words that a line's end has cut put together."""
    return unicodedata.normalize("NFKC", text.replace("-\n", "")).casefold()


def _is_garbled(layer: str) -> bool:
    """A layer whose fonts do not say which letters they draw."""
    strange = sum((unicodedata.category(c) in ("Co", "Cn", "Cc") and c not in "\r\n\t") or c == "\ufffd" for c in layer)
    return strange * 20 > len(layer)
