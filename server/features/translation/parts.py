"""Units in as few requests as fit, and what came back set beside them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...catalog.pricing import text_tokens
from .sentences import cut
from .units import Segment

MAX_TEXT_TOKENS = 2_600  # of a text: its translation may have four times as many, and a model writes 8,192
MAX_WORD_TOKENS = 6_000  # of a piece in which there is no border
PIECES_IN_PART = 60
FRAME_TOKENS = text_tokens("").most
BETWEEN_PASSAGES = "\n\n"
BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")


@dataclass(frozen=True)
class Passage:
    """A unit, or a stretch of a long one. `gap`: the white space behind it there."""

    unit: int
    text: str
    gap: str = ""


@dataclass(frozen=True)
class TextPart:
    """What one request translates."""

    pieces: tuple[Passage, ...]

    @property
    def text(self) -> str:
        return BETWEEN_PASSAGES.join(piece.text for piece in self.pieces)

    @property
    def halves(self) -> tuple["TextPart", "TextPart"]:
        middle = len(self.pieces) // 2
        return TextPart(self.pieces[:middle]), TextPart(self.pieces[middle:])

    def answers(self, said: str) -> list[str] | None:
        """The answer by piece; None where it has not as many: nobody knows then which is whose."""
        said = "\n".join(said.strip().splitlines())
        if len(self.pieces) == 1:
            return [said]
        blocks = BLANK_LINES.split(said)
        if len(blocks) != len(self.pieces) and not any("\n" in piece.text for piece in self.pieces):
            blocks = [line.strip() for line in said.split("\n") if line.strip()]
        return blocks if len(blocks) == len(self.pieces) and all(blocks) else None

    def begun(self, said: str) -> list[str]:
        """Of an answer that is cut off: what came whole, by piece, in its order."""
        blocks = BLANK_LINES.split("\n".join(said.strip().splitlines()))[:-1]
        return blocks if all(blocks) and len(blocks) < len(self.pieces) else []


def parts_for(units: Sequence[Segment]) -> tuple[list[TextPart], list[int]]:
    """The units in parts, and those of which one word is too long for a request. What is said twice is asked once."""
    parts: list[list[Passage]] = [[]]
    too_long: list[int] = []
    room, asked = MAX_TEXT_TOKENS, set[str]()
    for number, unit in enumerate(units):
        if unit.text in asked:
            continue
        asked.add(unit.text)
        pieces = list(_pieces(number, unit.text))
        if any(tokens_at_most(piece.text) > MAX_WORD_TOKENS for piece in pieces):
            too_long.append(number)
            continue
        for piece in pieces:
            size = tokens_at_most(piece.text)
            if parts[-1] and (size > room or len(parts[-1]) >= PIECES_IN_PART):
                parts.append([])
                room = MAX_TEXT_TOKENS
            parts[-1].append(piece)
            room -= size
    return [TextPart(tuple(part)) for part in parts if part], too_long


def _pieces(number: int, text: str) -> Iterator[Passage]:
    for body, gap in cut(text, MAX_TEXT_TOKENS, tokens_at_most):
        yield Passage(number, body, gap)


def tokens_at_most(text: str) -> int:
    """At most; without what a request has beside its text."""
    return text_tokens(text).most - FRAME_TOKENS + 1
