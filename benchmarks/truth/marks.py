"""Numbers marked inside a text: what kind each is and where it ends up, so that one of them can be changed later."""

import re
from collections.abc import Callable
from dataclasses import dataclass

# Private letters, gone from every text that is handed out.
OPEN, MIDDLE, CLOSE, ROW, ROW_END, LAYER, READING, BOTH_END = map(chr, range(0xE000, 0xE008))
NUMBER = re.compile(f"{OPEN}([^{MIDDLE}]*){MIDDLE}([^{CLOSE}]*){CLOSE}")
TWO_FORMS = re.compile(f"{LAYER}([^{READING}]*){READING}([^{BOTH_END}]*){BOTH_END}")


@dataclass(frozen=True)
class Number:
    """A number of a reading, in code points."""

    start: int
    end: int
    kind: str
    text: str


@dataclass(frozen=True)
class Marked:
    """A text whose numbers and rows are known."""

    text: str
    numbers: tuple[Number, ...]
    rows: tuple[tuple[int, int], ...]


def number(kind: str, printed: str) -> str:
    return f"{OPEN}{kind}{MIDDLE}{printed}{CLOSE}"


def row(text: str) -> str:
    return f"{ROW}{text}{ROW_END}"


def two_forms(layer: str, reading: str) -> str:
    """What a PDF's text and a model write differently by nature, as 1023 and 10^{23}."""
    return f"{LAYER}{layer}{READING}{reading}{BOTH_END}"


def with_numbers(text: str, written: Callable[[str, str], str]) -> str:
    """The text with each number written anew, still marked."""
    return NUMBER.sub(lambda match: number(match[1], written(match[1], match[2])), text)


def unmarked(text: str) -> str:
    return NUMBER.sub(r"\2", text).replace(ROW, "").replace(ROW_END, "")


def in_layer(text: str) -> str:
    return TWO_FORMS.sub(r"\1", text)


def in_reading(text: str) -> str:
    return TWO_FORMS.sub(r"\2", text)


def placed(text: str) -> Marked:
    plain: list[str] = []
    numbers: list[Number] = []
    rows: list[tuple[int, int]] = []
    length = row_start = 0
    for piece in re.split(f"({NUMBER.pattern.replace('(', '(?:')}|[{ROW}{ROW_END}])", text):
        if piece == ROW:
            row_start = length
        elif piece == ROW_END:
            rows.append((row_start, length))
        else:
            match = NUMBER.fullmatch(piece)
            shown = match[2] if match else piece
            if match and shown:
                numbers.append(Number(length, length + len(shown), match[1], shown))
            plain.append(shown)
            length += len(shown)
    return Marked("".join(plain), tuple(numbers), tuple(rows))
