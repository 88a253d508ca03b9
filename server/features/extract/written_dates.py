"""Dates as people write them, each as the ISO dates it can mean: several where day and month could change places."""

import re
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from .chinese_numerals import DIGIT_OF, chinese_number
from .written_times import TIME, time_of

MONTH_NAMES = {
    name: number
    for number, names in enumerate(
        (
            "january januar jänner janvier jan janv",
            "february februar février fevrier feb févr",
            "march märz maerz mars mar mrz mär",
            "april avril apr avr",
            "may mai",
            "june juni juin jun",
            "july juli juillet jul juil",
            "august août aout aug",
            "september septembre sep sept",
            "october oktober octobre oct okt",
            "november novembre nov",
            "december dezember décembre decembre dec dez déc",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
MONTH_NAME = re.compile(
    rf"(?<![^\W\d_])(?:{'|'.join(sorted(MONTH_NAMES, key=len, reverse=True))})(?![^\W\d_])", re.IGNORECASE
)
YEAR_AFTER = re.compile(r"\.?,?[ \u00a0\n-]{1,3}(?:de )?(?P<year>\d{4})(?![\d]|[.,/:-]\d)")
DAY_AFTER = re.compile(
    r"\.?[ \u00a0-]{1,2}(?P<day>\d{1,2})(?:st|nd|rd|th)?(?:,[ \u00a0\n]{0,2}|[ \u00a0\n-]{1,2})(?P<year>\d{4})"
    r"(?![\d]|[.,/:-]\d)"
)
DAY_BEFORE = re.compile(r"(?<![\dA-Za-z.,/:-])(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.)?(?: of| de|-)?[ \u00a0\n]{0,2}$")
YEAR_BEFORE = re.compile(r"(?<![\dA-Za-z.,/:-])(?P<year>\d{4})[ \u00a0-]$")
DAY_BEHIND = re.compile(r"\.?[ \u00a0-](?P<day>\d{1,2})(?!\d)")
HAN_DAY = "[一二三四五六七八九十廿]{1,3}"
HAN_YEAR = "[零〇○一二三四五六七八九]{4}"
HAN_DATE = re.compile(
    rf"(?<!\d)(?P<year>\d{{4}}|{HAN_YEAR})[ ]?年[ ]?(?P<month>\d{{1,2}}|{HAN_DAY})[ ]?月"
    rf"(?:[ ]?(?P<day>\d{{1,2}}|{HAN_DAY})(?:[ ]?[日号號]|(?!\d)))?"
)
NUMERIC = re.compile(
    r"(?<![A-Za-z\d])(?<![A-Za-z\d][/.,:_])(?:(?<![A-Za-z\d]-)|(?<=[./]\d\d-)|(?<=[./]\d-))(?:"
    r"(?P<year>\d{4})(?P<by>[-/.])(?P<month>\d{1,2})(?P=by)(?P<day>\d{1,2})"
    r"|(?P<one>\d{1,2})(?P<by2>[-/.])(?P<two>\d{1,2})(?P=by2)(?P<year3>\d{4})"
    r"|(?P<year4>(?:19|20)\d\d)(?P<month4>0[1-9]|1[0-2])(?P<day4>0[1-9]|[12]\d|3[01])"
    r"|(?P<year5>\d{4})[-/](?P<month5>0[1-9]|1[0-2])"
    r"|(?P<month6>0[1-9]|1[0-2])/(?P<year6>(?:19|20)\d\d)"
    r")(?![\d_]|[/.,:]\d|-\d(?!\d{3}[./]))(?=$|[^A-Za-z]|T\d\d)"
)
WITHOUT_YEAR = re.compile(r"(?<!\d)\d{1,2}月\d{1,2}[日号號]?|(?<![\d:])\d{1,2}[时時点點]\d{1,2}分(?:\d{1,2}秒)?")
BEFORE_TIME = re.compile(r"(?:T|[ \u00a0]{1,2}|，|, )?")
ZONE = re.compile(r"Z|[-+]\d{2}:?\d{2}")


class WrittenDate(NamedTuple):
    """A date, and where its year stands; `readings`: ISO dates, or year and month; none where the year is not said."""

    start: int
    end: int
    readings: tuple[str, ...]
    year: tuple[int, int] | None = None
    time: str = ""
    time_end: int = 0


def dates_in(text: str) -> Iterator[WrittenDate]:
    """Every date of a text of one width."""
    for finder in (_numeric, _han, _worded):
        yield from (_timed(text, each) for each in finder(text))
    yield from (WrittenDate(*found.span(), ()) for found in WITHOUT_YEAR.finditer(text))


def _numeric(text: str) -> Iterator[WrittenDate]:
    for found in NUMERIC.finditer(text):
        parts = found.groupdict()
        if parts["one"]:
            readings = _either_order(parts["year3"], parts["one"], parts["two"], parts["by2"])
        else:
            number = next(number for number in ("", "4", "5", "6") if parts[f"year{number}"])
            readings = _iso(parts[f"year{number}"], parts[f"month{number}"], parts.get(f"day{number}"))
        year = next(name for name, value in parts.items() if value and name.startswith("year"))
        if readings:
            yield WrittenDate(*found.span(), readings, found.span(year))


def _either_order(year: str, one: str, two: str, by: str) -> tuple[str, ...]:
    """Points stand between day and month, in this order; beside slashes and dashes it is the country that decides."""
    day_first, month_first = _iso(year, two, one), _iso(year, one, two)
    if by == ".":
        return day_first or month_first
    return tuple(dict.fromkeys((*day_first, *month_first)))


def _han(text: str) -> Iterator[WrittenDate]:
    for found in HAN_DATE.finditer(text):
        readings = _iso(*(_figures(found[name]) for name in ("year", "month", "day")))
        if readings:
            yield WrittenDate(*found.span(), readings, found.span("year"))


def _figures(numerals: str | None) -> str | None:
    """Figures of Chinese numerals: 二〇二四 is 2024, 廿五 25."""
    if not numerals or numerals.isdigit():
        return numerals
    if len(numerals) == 4 and all(numeral in DIGIT_OF for numeral in numerals):
        return "".join(str(DIGIT_OF[numeral]) for numeral in numerals)
    return str(chinese_number(numerals.replace("廿", "二十")) or 0)


def _worded(text: str) -> Iterator[WrittenDate]:
    for month in MONTH_NAME.finditer(text):
        number = str(MONTH_NAMES[month[0].lower()])
        start, end = month.span()
        before = text[max(0, start - 12) : start]
        offset = start - len(before)
        if (day := DAY_BEFORE.search(before)) and (year := YEAR_AFTER.match(text, end)):
            yield from _dated(number, day["day"], year, offset + day.start(), year.end())
        elif found := DAY_AFTER.match(text, end):
            yield from _dated(number, found["day"], found, start, found.end())
        elif (year := YEAR_BEFORE.search(before)) and (found := DAY_BEHIND.match(text, end)):
            readings = _iso(year["year"], number, found["day"])
            if readings:
                at = offset + year.start()
                yield WrittenDate(at, found.end(), readings, (at, at + 4))
        elif found := YEAR_AFTER.match(text, end):
            yield from _dated(number, None, found, start, found.end())


def _dated(month: str, day: str | None, year: re.Match[str], start: int, end: int) -> Iterator[WrittenDate]:
    if readings := _iso(year["year"], month, day):
        yield WrittenDate(start, end, readings, year.span("year"))


def _iso(year: str | None, month: str | None, day: str | None) -> tuple[str, ...]:
    """The one date there is, or none."""
    try:
        found = date(int(year or 0), int(month or 0), int(day or 1))
    except ValueError:
        return ()
    return (found.isoformat() if day else found.isoformat()[:7],)


def _timed(text: str, written: WrittenDate) -> WrittenDate:
    before = BEFORE_TIME.match(text, written.end)
    found = TIME.match(text, before.end()) if before else None
    is_day = bool(written.readings) and len(written.readings[0]) == 10
    if not found or not is_day or not (time := time_of(found)):
        return written
    zone = ZONE.match(text, found.end())
    said = zone[0].replace("+00:00", "Z") if zone else ""
    return written._replace(time=f"T{time}{said}", time_end=zone.end() if zone else found.end())
