"""A page as it was read here, to look values up in: as written, as held possible, and over the ends of lines."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...files.read_here import MAX_LOG_ODDS, LocalText, ReadHere, local_text
from ...files.readings import Point, ReadLine
from .near_readings import NearReadings, letters_of
from .searchable import SearchableText
from .written import Place

MIN_SURE_PART = 0.9  # of the letters of a page, in such lines
MIN_NEAR_CHARS = 4  # of what is told though it cannot be the value
MIN_PIECE_CHARS, MAX_WRAPPED_CHARS = 2, 500  # of a value over several lines: its first piece, and all of it
SCRIPTS = ("LATIN", "CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH", "HALFWIDTH")  # that are read here
CELLS = "\t"  # between those of a row: 3 and 382,80 are no 3 382,80
Rectangle = tuple[float, ...]


@dataclass(frozen=True)
class Sighting:
    """Something that was read: its box [left, top, right, bottom], its row from the top, its own letters. `is_value`:
    False where it is near the value, and cannot be it.
    """

    box: Rectangle
    row: int
    text: str
    is_value: bool = True


class PageText:
    def __init__(self, here: ReadHere) -> None:
        self._local = local_text(here.lines, str, CELLS)
        self._text = SearchableText(self._local.text)
        self._plain = local_text(here.lines, between=CELLS)
        self._near = NearReadings(self._plain)

    def sightings(self, value: str | float) -> list[Sighting]:
        """All places of a value; else one that may be it; else of what is near it and stands alone."""
        if places := self._text.places(value):
            return [_seen(self._local, [place]) for place in places]
        near = self._near.best(value)
        if near and near.log_odds <= MAX_LOG_ODDS:
            return [_seen(self._plain, [near.place])]
        if pieces := self._wrapped(value):
            return [_seen(self._plain, pieces)]
        is_told = near and near.place[1] - near.place[0] >= MIN_NEAR_CHARS
        return [_seen(self._plain, [near.place], is_value=False)] if near and is_told else []

    def may_miss(self, value: str | float) -> bool:
        """Whether it may stand there though it was not read."""
        return not self._is_sure or not all(map(_is_read_here, str(value)))

    @cached_property
    def _is_sure(self) -> bool:
        """Whether the letters of the page were, but for a few. Where there are none, that is sure."""
        counts = [(len(line.letters), line.is_sure) for line in self._local.lines]
        return sum(count for count, sure in counts if sure) >= MIN_SURE_PART * sum(count for count, _ in counts)

    # --- over the ends of lines, as in a narrow cell ---

    def _wrapped(self, value: str | float) -> list[Place]:
        """The pieces of a value, from the end of a line on."""
        wanted = letters_of(value)[:MAX_WRAPPED_CHARS] if isinstance(value, str) else ""
        for number, letters in self._lines.items():
            lengths = range(min(len(letters), len(wanted) - 1), MIN_PIECE_CHARS - 1, -1)
            length = next((length for length in lengths if letters.endswith(wanted[:length])), 0)
            if length and (rest := self._continued(number, wanted[length:])):
                return [self._place(number, len(letters) - length, len(letters)), *rest]
        return []

    def _continued(self, number: int, wanted: str) -> list[Place]:
        """Of what is wanted a piece at the beginning of each line below; none where it does not go on so."""
        places = []
        while wanted:
            below = self._below(number)
            letters = self._lines.get(below, "") if below is not None else ""
            length = min(len(letters), len(wanted))
            if below is None or letters[:length] != wanted[:length]:
                return []
            places.append(self._place(below, 0, length))
            number, wanted = below, wanted[length:]
        return places

    def _below(self, number: int) -> int | None:
        """The next line that stands under any part of it."""
        own = self._local.lines[number]
        left, right = _across(own)
        under = [
            (line.middle[1], at)
            for at in self._lines
            if (line := self._local.lines[at]).middle[1] > own.middle[1]
            and (sides := _across(line))[0] < right
            and sides[1] > left
        ]
        return min(under)[1] if under else None

    @cached_property
    def _lines(self) -> dict[int, str]:
        """Of each line its letters in one width and case, without blanks."""
        return {line: "".join(self._plain.text[at] for at in places) for line, places in self._places.items()}

    @cached_property
    def _places(self) -> dict[int, list[int]]:
        places: dict[int, list[int]] = {}
        for at, (letter, origin) in enumerate(zip(self._plain.text, self._plain.origins, strict=True)):
            if origin and not letter.isspace():
                places.setdefault(origin[0], []).append(at)
        return places

    def _place(self, line: int, first: int, end: int) -> Place:
        places = self._places[line]
        return places[first], places[end - 1] + 1


def _seen(local: LocalText, places: Sequence[Place], *, is_value: bool = True) -> Sighting:
    corners = [corner for place in places for box in local.places(*place) for corner in box]
    text = " ".join(piece for place in places for piece in _pieces(local, place))
    return Sighting(_around(corners), local.text.count("\n", 0, places[0][0]), text, is_value)


def _pieces(local: LocalText, place: Place) -> Iterator[str]:
    """In its own letters, line by line."""
    for number, ends in local.letters(*place).items():
        yield local.lines[number].text_of(*ends)


def _around(corners: Sequence[Point]) -> Rectangle:
    across, down = [x for x, _ in corners], [y for _, y in corners]
    return min(across), min(down), max(across), max(down)


def _across(line: ReadLine) -> tuple[float, float]:
    left, _, right, _ = _around(line.corners)
    return left, right


def _is_read_here(letter: str) -> bool:
    return not letter.isalpha() or unicodedata.name(letter, "").startswith(SCRIPTS)
