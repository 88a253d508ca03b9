"""The numbers and dates that an answer holds, each in one form however it is written. Chinese numerals are not read."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

ONE_FORM = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | str.maketrans(
    {"−": "-", "–": "-", "‘": "'", "’": "'"}
)
MARKERS = re.compile(r"^[ \t]*(?:[#>]+[ \t]*)?\(?\d{1,2}[.)、][ \t]*(?=[^\d\s])", re.MULTILINE)  # of a list
MONTH_NUMBERS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
NAMED_MONTH = rf"(?P<name>{'|'.join(MONTH_NUMBERS)})[a-z]{{0,6}}\.?"
DATES = (
    re.compile(r"(?<!\d)(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})(?![\d/.-]*\d)"),
    re.compile(r"(?<!\d)(?P<year>\d{4})\s?年\s?(?P<month>\d{1,2})\s?月\s?(?P<day>\d{1,2})\s?[日号]"),
    re.compile(rf"\b{NAMED_MONTH}\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<year>\d{{4}})(?!\d)"),
    re.compile(rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?{NAMED_MONTH},?\s(?P<year>\d{{4}})(?!\d)"),
)
POWERS = {
    "百": 2, "千": 3, "万": 4, "萬": 4, "亿": 8, "億": 8, "万亿": 12,
    "thousand": 3, "million": 6, "mn": 6, "billion": 9, "bn": 9, "trillion": 12,
}  # fmt: skip
WRITTEN_NUMBER = re.compile(
    r"(?<![a-z0-9_./^])(?P<digits>-?(?:\d{1,3}(?:[,'\u00a0\u202f]\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d{1,2})?)(?![./]?\d|[\^²³¹⁰⁴-⁹])"
    rf"(?:\s?(?P<times>{'|'.join(sorted(POWERS, key=len, reverse=True))})(?![a-z]))?(?P<part>\s?%)?"
)
MAX_EXACT_DIGITS = 28  # which Python's decimals do not round


class Figure(NamedTuple):
    """A number or a date. `values`: what it may mean; 50% is 0.5, and what a question for per cent wants is 50."""

    kind: Literal["number", "date"]
    written: str
    values: frozenset[str]
    start: int
    end: int


def in_one_form(text: str) -> str:
    """Narrow and in lower case, each character in its place."""
    return "".join(low if len(low := char.lower()) == 1 else char for char in text.translate(ONE_FORM))


def figures_in(text: str) -> list[Figure]:
    """Each once, in their order; the numbers of a list's items are none."""
    plain = MARKERS.sub(_blank, in_one_form(text))
    found, chars = list(_dates(plain, text)), list(plain)
    for each in found:
        chars[each.start : each.end] = "#" * (each.end - each.start)
    found += _numbers("".join(chars), text)
    return list({each.values: each for each in sorted(found, key=lambda each: -each.start)}.values())[::-1]


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _dates(plain: str, text: str) -> Iterator[Figure]:
    for pattern in DATES:
        for found in pattern.finditer(plain):
            parts = found.groupdict()
            month = MONTH_NUMBERS[parts["name"]] if "name" in parts else int(parts["month"])
            try:
                day = date(int(parts["year"]), month, int(parts["day"]))
            except ValueError:  # 2024-13-45
                continue
            yield Figure("date", text[found.start() : found.end()], frozenset({str(day)}), *found.span())


def _numbers(plain: str, text: str) -> Iterator[Figure]:
    for found in WRITTEN_NUMBER.finditer(plain):
        values = _values(re.sub("[,'\u00a0\u202f]", "", found["digits"]), found["times"], bool(found["part"]))
        yield Figure("number", text[found.start() : found.end()].strip(), frozenset(values), *found.span())


def _values(digits: str, times: str | None, per_cent: bool) -> Iterator[str]:
    if len(digits) > MAX_EXACT_DIGITS:
        yield digits
        return
    number = Decimal(digits).scaleb(POWERS.get(times or "", 0))
    yield _plain(number)
    if per_cent:
        yield _plain(number.scaleb(-2))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}" if number else "0"
