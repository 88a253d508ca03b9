"""Where a value may stand though other letters were read: a recogniser is wrong now and then, and knows it.

What it held possible in the columns of a line says how likely a value is there, against what was read.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise, product
from operator import ne

from ...files.read_here import BLANKS, MANY_DIGITS, LocalText, log_likelihood, plain_words
from ...files.readings import Column
from .searchable import SearchableText, starts_where, writings_of
from .written import Place

MIN_WANTED_CHARS, MAX_WANTED_CHARS = 2, 120  # of a value without blanks
LONG_CHARS = 8  # of these two letters may be others, of fewer one
MAX_SEEDS, MAX_WINDOWS = 200, 20  # of one value are looked at


@dataclass(frozen=True)
class NearReading:
    """A part of a text, and by how much it is likelier than the value there, as a logarithm."""

    place: Place
    log_odds: float


class NearReadings:
    """`local`: in one width and case."""

    def __init__(self, local: LocalText) -> None:
        self._local = local

    def best(self, value: str | float) -> NearReading | None:
        """The likeliest that is no piece of a longer number or word."""
        judged = sorted(self._judged(value), key=lambda each: each[0].log_odds)
        return next((found for found, wanted in judged if self._stands_alone(found.place, wanted)), None)

    def _judged(self, value: str | float) -> Iterator[tuple[NearReading, str]]:
        found = ((place, wanted) for wanted in _writings_read(value) for place in self._places_near(wanted))
        for place, wanted in islice(found, MAX_WINDOWS):
            if columns := self._columns(place):
                here = log_likelihood(self._local.text[slice(*place)], columns)
                yield NearReading(place, here - log_likelihood(_ungrouped(wanted), columns)), wanted

    def _stands_alone(self, place: Place, wanted: str) -> bool:
        """Whether it would be found in its row if it had been read."""
        text, (start, end) = self._local.text, place
        first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        row = f"{text[first:start]}{wanted}{text[end : None if last < 0 else last]}"
        return any(begin <= start - first < stop for begin, stop in SearchableText(row).places(wanted))

    def _places_near(self, wanted: str) -> Iterator[Place]:
        """Where a letter or two are others, or one is missing or too many: some part of it is always the same."""
        own = BLANKS.sub("", wanted)
        if not MIN_WANTED_CHARS <= len(own) <= MAX_WANTED_CHARS:
            return
        wrong, seen = (2 if len(own) >= LONG_CHARS else 1), set[Place]()
        cuts = [len(own) * part // (wrong + 1) for part in range(wrong + 2)]
        for first, last in pairwise(cuts):
            for at in islice(starts_where(self._letters, own[first:last]), MAX_SEEDS):
                for start, end in _windows(at - first, len(own), len(self._letters)):
                    if (start, end) not in seen and _differ_little(self._letters[start:end], own, wrong):
                        yield self._at[start], self._at[end - 1] + 1
                    seen.add((start, end))

    def _columns(self, place: Place) -> tuple[Column, ...]:
        """All between the letters before and after; none where it is of two lines."""
        letters = self._local.letters(*place)
        if len(letters) != 1:
            return ()
        ((number, ends),) = letters.items()
        return self._local.lines[number].columns_of(*ends)

    @cached_property
    def _at(self) -> list[int]:
        """Where each letter that is no blank stands in the text."""
        return [at for at, letter in enumerate(self._local.text) if not letter.isspace()]

    @cached_property
    def _letters(self) -> str:
        return "".join(self._local.text[at] for at in self._at)


def letters_of(value: str) -> str:
    """In one width and case, without blanks."""
    return BLANKS.sub("", plain_words(value))


def _writings_read(value: str | float) -> list[str]:
    """How a value may have been written; also without accents, which are not always read."""
    written = [plain_words(each) for each in writings_of(value)]
    if not isinstance(value, str):
        sign = "-" * (value < 0)
        written = [f"{sign}{each}" for each in (*written, *map(_with_hundredths, written))]
    return list(dict.fromkeys((*written, *map(_unaccented, written))))


def _ungrouped(text: str) -> str:
    """An account or a phone number may be read with the blanks of its groups, or without."""
    together = BLANKS.sub("", text)
    return together if MANY_DIGITS.search(together) else text


def _with_hundredths(number: str) -> str:
    return f"{number}0" if number[-2:-1] == "." else f"{number}.00"


def _unaccented(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def _windows(start: int, length: int, size: int) -> Iterator[Place]:
    for shift, more in product((0, -1, 1), repeat=2):
        if 0 <= start + shift < start + shift + length + more <= size:
            yield start + shift, start + shift + length + more


def _differ_little(one: str, other: str, wrong: int) -> bool:
    """In so many letters, or one has a letter more."""
    if len(one) == len(other):
        return sum(map(bool, map(ne, one, other))) <= wrong
    short, long = sorted((one, other), key=len)
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))
