"""A text that values are looked up in: exactly first, then as the same may be written; never guessed."""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from ...text import clip
from .alike import Alike, alike, line_hyphens, simplified, spells
from .chinese_numerals import NUMERAL
from .longer_names import is_in_a_longer_name
from .written import MAX_PLACES, Place, WrittenText, compact, meant_dates, meant_number
from .written_fractions import VULGAR
from .written_numbers import CURRENCY_AFTER, CURRENCY_BEFORE, exact, one_width, times_ten
from .written_phones import meant_phone
from .written_times import meant_times

MINUS = "-−－﹣"
MAX_CANDIDATES = 5_000  # of one value are looked at: a text may hold each a million times, and always in a longer word
MAX_REASONS = 20
MAX_TOKEN_CHARS = 40
PLAINLY = re.compile(r"[-+]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?")
FRACTION_SIGN = re.compile(f"[/⁄{''.join(VULGAR)}]")
PERCENT_SIGN = re.compile("[%％‰]|percent|百分")
# A code that begins with letters: KX-7103 is kx-7103; 5MW is not 5mW.
CODE = re.compile(r"[A-Za-z]{1,3}(?:-[A-Za-z0-9]*\d{2}|\d{3})[A-Za-z0-9-]*")
MAX_SHORT_DIGITS = 4
SHORTENED = {6: "M", 9: "B", 3: "K"}
NUMERALS_ONLY = re.compile(f"{NUMERAL}+")


class FoundPlace(NamedTuple):
    """The first place of a value. `places`: in how many it stands; `is_alike`: it is written otherwise there."""

    start: int
    end: int
    places: int
    is_alike: bool


class SearchableText:
    """A text that values are looked up in."""

    def __init__(self, text: str) -> None:
        self.text = text

    def find(self, value: str | float) -> FoundPlace | None:
        """The first place that says `value`, exactly or written alike."""
        places = self.places(value)
        if not places:
            return None
        return FoundPlace(*places[0], len(places), self._is_otherwise(value, places[0]))

    def places(self, value: str | float) -> list[Place]:
        """All that say it in the same way, the first the one to tell."""
        return self._text_places(value.strip()) if isinstance(value, str) else self._number_places(value)

    def says(self, value: object) -> bool:
        return isinstance(value, str | int | float) and not isinstance(value, bool) and self.find(value) is not None

    def why_not(self, value: str | float) -> str:
        """Why a value is not found though something like it stands there; empty where nothing does."""
        if isinstance(value, str) and (uncertain := self._uncertain_date(value)):
            return f"several dates could be meant: {uncertain}"
        for wanted in writings_of(value):
            for start in islice(starts_where(self._one_width, one_width(wanted)), MAX_REASONS):
                if token := self._token_around(start, start + len(wanted), isinstance(value, str)):
                    return f"the text has it as {token}"
        shortened = next((place for each in _shortened(value) for place in self._whole_places(each)), None)
        return f"the text has it as {self.text[slice(*shortened)]}" if shortened else ""

    def _whole_places(self, wanted: str) -> Iterator[Place]:
        places = ((start, start + len(wanted)) for start in islice(starts_where(self._one_width, wanted), MAX_REASONS))
        return filter(self._stands_alone, places)

    # --- texts ---

    def _text_places(self, wanted: str) -> list[Place]:
        exactly = ((start, start + len(wanted)) for start in starts_where(self.text, wanted))
        ways = (
            filter(self._stands_alone, exactly),
            self._meaning(wanted),
            filter(self._stands_alone, self._written_alike(wanted)),
        )
        return next(filter(None, (list(dict.fromkeys(islice(places, MAX_PLACES))) for places in ways)), [])

    def _is_otherwise(self, value: str | float, place: Place) -> bool:
        if isinstance(value, str):
            return self.text[slice(*place)] != value.strip()
        return self._differs(exact(repr(value)), place)

    def _meaning(self, wanted: str) -> Iterator[Place]:
        """Where the same date, number or code is written in another way."""
        dates = meant_dates(wanted)
        if dates:
            yield from self._written.dates.get(dates[0], ()) if len(dates) == 1 else ()
            return
        number = meant_number(wanted)
        if number is not None:
            yield from (place for place in self._written.numbers.get(number, ()) if self._is_amount(wanted, place))
        yield from self._code_of(one_width(wanted))
        for time in meant_times(one_width(wanted)):
            yield from self._written.times.get(time, ())

    def _is_amount(self, wanted: str, place: Place) -> bool:
        """3.10 may be a version, and no 3.1: zeros are left out of money only."""
        quote = self.text[slice(*place)]
        if FRACTION_SIGN.search(wanted) and PERCENT_SIGN.search(quote):
            return False  # one of two is not always a half
        before, after = self.text[max(0, place[0] - 5) : place[0]], one_width(self.text[place[1] : place[1] + 5])
        has_currency = CURRENCY_BEFORE.search(one_width(before).rstrip()) or CURRENCY_AFTER.match(after)
        is_plain = re.fullmatch(r"[-\d.]+", quote) and re.fullmatch(r"[-\d.]+", wanted)
        return not is_plain or quote == wanted or bool(has_currency)

    def _written_alike(self, wanted: str) -> Iterator[Place]:
        own = alike(wanted, WrittenText(wanted).replaced).text
        yield from _places(self._alike, self._alike.text, own)
        small = simplified(own)
        for made in (self._alike, self._joined_lines):
            if made is not None:
                yield from (p for p in _places(made, self._small(made), small) if self._same_case(wanted, p))

    def _same_case(self, wanted: str, place: Place) -> bool:
        """Whether large and small letters are the same, or so many that they do not matter: IT is not it."""
        quote = self.text[slice(*place)]
        letters = len(_cases(wanted))
        if CODE.fullmatch(wanted) and len({*_cases(wanted)}) == len({*_cases(quote)}) == 1:
            return True
        return _cases(wanted) == _cases(quote) or letters > 3 or (letters == 3 and quote.isupper())

    def _stands_alone(self, place: Place) -> bool:
        """Whether it is not a piece of a longer token, number or word: 5 is not in 2025."""
        start, end = place
        if _joined(self.text, start, -1) or _joined(self.text, end - 1, +1) or self._written.cut(start, end):
            return False
        if is_in_a_longer_name(self.text, start, end):
            return False
        quote = self.text[start:end]
        around = self.text[max(0, start - 1) : start] + self.text[end : end + 1]
        if len(quote) == 1 and quote.isascii() and quote.isalpha():
            return not any(map(str.isalnum, around))  # the A of 附件A
        return not (NUMERALS_ONLY.fullmatch(quote) and any(map(NUMERALS_ONLY.fullmatch, around)))

    # --- numbers ---

    def _number_places(self, value: float) -> list[Place]:
        """The numbers of that very value, however they are written; the plainest first."""
        number = exact(repr(value))
        places = self._written.numbers.get(number) or (self._code_of(str(value)) if isinstance(value, int) else [])
        return sorted(places, key=lambda place: (self._differs(number, place), place))

    def _code_of(self, digits: str) -> list[Place]:
        """A phone number however it is grouped, else a long code."""
        return self._written.phones.get(meant_phone(digits)) or self._written.codes.get(compact(digits), [])

    def _differs(self, number: Decimal, place: Place) -> bool:
        quote = self.text[slice(*place)]
        return not PLAINLY.fullmatch(quote) or exact(quote.replace(",", "")) != number

    # --- what is not found ---

    def _uncertain_date(self, value: str) -> str:
        readings = meant_dates(value)
        place = next((self._written.uncertain[each] for each in readings if each in self._written.uncertain), None)
        if place:
            return self.text[slice(*place)]
        return value.strip() if len(readings) > 1 and any(each in self._written.dates for each in readings) else ""

    def _token_around(self, start: int, end: int, is_text: bool) -> str:
        token = self._written.cut(start, end) or self._written.token_at(start)
        token = token or (self._word(start, end) if is_text else (start, end))
        first, last = min(start, token[0]), max(end, token[1])
        text = clip(self.text[first:last], MAX_TOKEN_CHARS)
        return text if last - first > end - start else ""

    def _word(self, start: int, end: int) -> Place:
        """What is joined to both of its sides, a few characters of it, over points and hyphens."""
        first = start
        while start - first < MAX_TOKEN_CHARS and self._is_joint(first - 1):
            first -= 1
        last = end
        while last - end < MAX_TOKEN_CHARS and self._is_joint(last):
            last += 1
        return first, last

    def _is_joint(self, at: int) -> bool:
        around = self.text[max(0, at - 1) : at] + self.text[at + 1 : at + 2]
        is_between = self.text[at : at + 1] in (".", "-") and len(around) == 2 and around.isalnum() and around.isascii()
        return at >= 0 and (self.text[at : at + 1].isalnum() or is_between)

    # --- made once ---

    @cached_property
    def _one_width(self) -> str:
        return one_width(self.text)

    @cached_property
    def _written(self) -> WrittenText:
        return WrittenText(self.text)

    @cached_property
    def _alike(self) -> Alike:
        return alike(self.text, self._written.replaced)

    @cached_property
    def _joined_lines(self) -> Alike | None:
        """With the words whole that the ends of lines have parted."""
        hyphens = line_hyphens(self.text)
        return alike(self.text, {**self._written.replaced, **hyphens}) if hyphens else None

    @cached_property
    def _small_texts(self) -> dict[int, str]:
        return {}

    def _small(self, made: Alike) -> str:
        if id(made) not in self._small_texts:
            self._small_texts[id(made)] = simplified(made.text)
        return self._small_texts[id(made)]


def _cases(text: str) -> list[bool]:
    """Of each letter that is large or small, whether it is large."""
    plain = unicodedata.normalize("NFKC", text)
    return [letter.isupper() for letter in plain if letter.isupper() or letter.islower()]


def writings_of(value: str | float) -> list[str]:
    """How a value may stand at the beginning of a longer token."""
    if isinstance(value, str):
        return [value.strip()]
    number = exact(repr(value)).copy_abs()
    return list(dict.fromkeys((f"{number:f}", f"{number:,f}")))


def _shortened(value: str | float) -> Iterator[str]:
    """8.2M of 8200000: who knows whether millions are meant."""
    number = meant_number(value) if isinstance(value, str) else exact(repr(value))
    if number is None:
        return
    for power, letter in SHORTENED.items():
        shorter = times_ten(number.copy_abs(), -power)
        if shorter >= 1 and len(shorter.as_tuple().digits) <= MAX_SHORT_DIGITS:
            yield f"{shorter:f}{letter}"
            yield f"{shorter:f} {letter}"


def starts_where(text: str, wanted: str) -> Iterator[int]:
    """Where a text stands; in a very long word only once."""
    start, seen = text.find(wanted) if wanted else -1, 0
    while start >= 0 and seen < MAX_CANDIDATES:
        yield start
        start, seen = text.find(wanted, start + 1), seen + 1


def _places(made: Alike, text: str, wanted: str) -> Iterator[Place]:
    for at in starts_where(text, wanted):
        if place := made.place(at, at + len(wanted)):
            yield place


def _joined(text: str, edge: int, step: int) -> bool:
    """Whether the character beyond an edge belongs to the same word or number."""
    letter, beyond, further = (text[at : at + 1] if at >= 0 else "" for at in (edge, edge + step, edge + 2 * step))
    if spells(letter) and spells(beyond):
        return True
    if step < 0 and letter.isdigit() and beyond and beyond in MINUS:
        return not further.isalnum()  # its sign: -5 is not 5, but 1-5 holds a 5
    return letter.isdigit() and beyond in tuple(".,．，") and further.isdigit()
