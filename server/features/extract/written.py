"""What a text says in numbers, dates and codes: read once, looked up by what it means, however it is written."""

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from .chinese_numerals import numerals_in
from .written_dates import WrittenDate, dates_in
from .written_numbers import RUN, Written, exact, numbers_in, one_width
from .written_phones import BARE, is_local, phone_number, phones_in
from .written_times import times_in

Place = tuple[int, int]
MAX_PLACES = 1_000  # of one value are counted
MIN_CODE_CHARS = 11
# Card and account numbers, phones, identity numbers, in the groups that they are written in.
GROUPS = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Z]{2}\d{2}(?:[ \u00a0-][A-Z0-9]{4}){2,7}(?:[ \u00a0-][A-Z0-9]{1,3})?"
    r"|\d{4}(?:[ \u00a0-]\d{4}){2,3}(?:[ \u00a0-]\d{1,3})?"
    r"|1\d\d[ \u00a0-]\d{4}[ \u00a0-]\d{4}|\d{6}[ \u00a0-]\d{8}[ \u00a0-]\d{3}[\dXx]"
    r"|3\d{3}[ \u00a0-]\d{6}[ \u00a0-]\d{5})(?![A-Za-z0-9])"
)
ADDRESSES = re.compile(
    r"(?:https?://|www\.)[^\s<>\"'，。；、）)]+|(?<![\w.+-])[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9-]{1,64}(?:\.[A-Za-z0-9-]{1,64}){1,8}"
)
# What is to be read as the plain digit: of H₂O, m² and cm³, but not of 10⁵ or x².
RAISED_DIGIT = re.compile(r"(?<=[A-Za-z)])[₀-₉]+|(?<=(?<![A-Za-z])m)[²³]|(?<=(?<![A-Za-z])[kcdm]m)[²³]")


class WrittenText:
    """The numbers, dates and codes of a text; `replaced`: pieces that are written in one way in texts made alike."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.numbers: dict[Decimal, list[Place]] = defaultdict(list)
        self.dates: dict[str, list[Place]] = defaultdict(list)
        self.codes: dict[str, list[Place]] = defaultdict(list)
        self.phones: dict[str, list[Place]] = defaultdict(list)
        self.times: dict[str, list[Place]] = defaultdict(list)
        self.uncertain: dict[str, Place] = {}
        self.replaced: dict[int, tuple[int, str]] = {}
        self._years: set[Place] = set()
        plain = one_width(text)
        dates = sorted(dates_in(plain), key=lambda each: (each.start, -each.end))
        groups = [found.span() for found in (*ADDRESSES.finditer(plain), *GROUPS.finditer(plain))]
        self._phones = set(phones_in(plain))
        groups += self._phones
        spans = _Spans([(each.start, each.end) for each in dates] + groups)
        self._keep_dates(dates)
        numbers = list(self._keep_numbers(numbers_in(plain, spans.holds)))
        self._keep_codes(plain, groups)
        self._keep_phones(plain)
        for time, *place in times_in(plain):
            _keep(self.times[time], (place[0], place[1]))
        self._keep_raised_digits()
        for numeral in numerals_in(plain):
            if not spans.holds(numeral.start):
                _keep(self.numbers[numeral.value], (numeral.start, numeral.end))
        self._spans = _Spans([(each.start, each.end) for each in dates] + groups + numbers)

    def _keep_dates(self, dates: Iterable[WrittenDate]) -> None:
        done = 0
        for each in dates:
            if each.start < done:
                continue
            done = each.end
            if each.year:
                self._years.add(each.year)
                if (year := self.text[slice(*each.year)]).isdecimal():
                    _keep(self.numbers[Decimal(year)], each.year)
            if len(each.readings) == 1:
                self.replaced[each.start] = each.end, each.readings[0]
                _keep(self.dates[each.readings[0]], (each.start, each.end))
                if each.time:
                    _keep(self.dates[each.readings[0] + each.time], (each.start, each.time_end))
            for reading in each.readings if len(each.readings) > 1 else ():
                self.uncertain.setdefault(reading, (each.start, each.end))

    def _keep_numbers(self, numbers: Iterable[Written]) -> Iterable[Place]:
        for each in numbers:
            if each.plain:
                self.replaced[each.plain_start] = each.plain_end, each.plain
            for number in each.numbers:
                _keep(self.numbers[number.value], (number.start, number.end))
            yield each.start, each.end

    def _keep_codes(self, plain: str, groups: Iterable[Place]) -> None:
        runs = (found.span() for found in RUN.finditer(plain))
        long_ones = {place for place in (*groups, *runs) if place[1] - place[0] >= MIN_CODE_CHARS}
        for start, end in sorted(long_ones):
            if code := compact(plain[start:end]):
                _keep(self.codes[code], (start, end))

    def _keep_phones(self, plain: str) -> None:
        bare = (found.span() for found in RUN.finditer(plain) if BARE.fullmatch(found[0]))
        for start, end in sorted({*self._phones, *bare}):
            _keep(self.phones[phone_number(plain[start:end])], (start, end))

    def _keep_raised_digits(self) -> None:
        for found in RAISED_DIGIT.finditer(self.text):
            self.replaced[found.start()] = found.end(), unicodedata.normalize("NFKC", found[0])

    def cut(self, start: int, end: int) -> Place | None:
        """The token that a stretch begins or ends inside of; the year of a date may be taken out of it.

        So may a phone number without the code of its area.
        """
        for at in (start, end):
            token = self._spans.around(at)
            is_phone = token in self._phones and token[1] == end and is_local(self.text[start:end])
            if token and not is_phone and not ((start, end) in self._years or (start, end - 1) in self._years):
                return token
        return None

    def token_at(self, at: int) -> Place | None:
        return self._spans.around(at) or self._spans.around(at + 1)


class _Spans:
    """Stretches of a text, those that overlap made one."""

    def __init__(self, spans: list[Place]) -> None:
        self._starts, self._ends = array("I"), array("I")
        for start, end in sorted(spans):
            if self._ends and start < self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def holds(self, at: int) -> bool:
        """Whether one begins there or before, and has not ended."""
        number = bisect_right(self._starts, at) - 1
        return number >= 0 and at < self._ends[number]

    def around(self, at: int) -> Place | None:
        """The one that has a character on either side."""
        number = bisect_right(self._starts, at - 1) - 1
        is_inside = at > 0 and number >= 0 and self._starts[number] < at < self._ends[number]
        return (self._starts[number], self._ends[number]) if is_inside else None


def _keep(places: list[Place], place: Place) -> None:
    if len(places) < MAX_PLACES:
        places.append(place)


def compact(text: str) -> str:
    """A long code without the spaces and dashes of its groups; "" where it is none."""
    code = re.sub("[ \u00a0-]", "", text).upper()
    is_code = len(code) >= MIN_CODE_CHARS and code.isascii() and code.isalnum() and any(map(str.isdigit, code))
    return code if is_code else ""


def meant_dates(value: str) -> tuple[str, ...]:
    """The dates, with their time where there is one, that a value can mean; none where it is no date."""
    plain = one_width(value.strip())
    for each in dates_in(plain):
        if each.start == 0 and each.readings and len(plain) in (each.end, each.time_end):
            return tuple(reading + (each.time if len(plain) == each.time_end else "") for reading in each.readings)
    return ()


def meant_number(value: str) -> Decimal | None:
    """The number that a value is from its first character to its last."""
    plain = one_width(value.strip())
    for each in (number for written in numbers_in(plain, lambda at: False) for number in written.numbers):
        if (each.start, each.end) == (0, len(plain)):
            return exact(each.value)
    found = next(iter(numerals_in(plain)), None)
    return found.value if found and (found.start, found.end) == (0, len(plain)) else None
