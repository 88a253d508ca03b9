"""What was read here as one text, row by row; each of its letters knows where on the page it stands."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sin

from ..page_rows import angle_of, direction_of, page_rows
from ..readings import Point, ReadLine
from .plain import plain_words

MAX_TURN = 0.5  # as a sine: of a line against the others
LetterOrigin = tuple[int, int]  # a line, and a letter of it


@dataclass(frozen=True)
class LocalText:
    """`text` in one width and case, or in another form; `origins`: of each of its characters, None between lines."""

    lines: tuple[ReadLine, ...]
    text: str
    origins: tuple[LetterOrigin | None, ...]

    def edited(self, edits: Iterable[tuple[int, int, str]]) -> "LocalText":
        """With other texts in the place of some, in rising order; they stand where those stood."""
        text, origins, at = [], list[LetterOrigin | None](), 0
        for start, end, new in edits:
            text += [self.text[at:start], new]
            origins += [*self.origins[at:start], *self._spread(start, end, len(new))]
            at = end
        return LocalText(self.lines, "".join([*text, self.text[at:]]), (*origins, *self.origins[at:]))

    def _spread(self, start: int, end: int, count: int) -> list[LetterOrigin | None]:
        here = self.origins[start:end] or self.origins[start - 1 : start] or (None,)
        return [here[at * len(here) // count] for at in range(count)]

    @cached_property
    def turned_lines(self) -> frozenset[int]:
        """Lines that run in another direction than most: digits one above the other pass for such."""
        if not self.lines:
            return frozenset()
        usual, lines = direction_of(self.lines), enumerate(self.lines)
        turned = (at for at, line in lines if len(line.letters) > 1 and abs(sin(angle_of(line) - usual)) > MAX_TURN)
        return frozenset(turned)

    def places(self, start: int, end: int) -> list[tuple[Point, ...]]:
        """The boxes of a part of it, one for each of its lines."""
        return [self.lines[line].box(*ends) for line, ends in self.letters(start, end).items()]

    def letters(self, start: int, end: int) -> dict[int, tuple[int, int]]:
        """Of a part of it the first and the last one, by line."""
        ends: dict[int, tuple[int, int]] = {}
        for line, letter in filter(None, self.origins[start:end]):
            first, last = ends.get(line, (letter, letter))
            ends[line] = min(first, letter), max(last, letter)
        return ends


def local_text(lines: Sequence[ReadLine], form: Callable[[str], str] = plain_words, between: str = " ") -> LocalText:
    """`form`: in which each letter stands in the text. `between`: the lines of a row, one character."""
    text, origins = [], list[LetterOrigin | None]()
    for row in page_rows(lines):
        for place, number in enumerate(row):
            if origins:
                text.append("\n" if place == 0 else between)
                origins.append(None)
            for at, letter in enumerate(lines[number].letters):
                plain = form(letter.text) or " "
                text.append(plain)
                origins += [(number, at)] * len(plain)
    return LocalText(tuple(lines), "".join(text), tuple(origins))
