"""Times of day as people write them, each as hours, minutes and seconds: 9:50 PM, 下午9点50分, 21时50分."""

import re
from collections.abc import Iterator

HALVES = "上午|下午|晚上|傍晚|凌晨|早上|清晨|中午"
TIME = re.compile(
    rf"(?:(?P<half>{HALVES})[ \u00a0:：]{{0,3}})?"
    r"(?P<hour>\d{1,2})"
    r"(?:[:：](?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?(?!\d)"
    r"|[时時点點](?:(?P<han_minute>\d{1,2})(?:分(?:(?P<han_second>\d{1,2})秒)?)?|(?P<thirty>半)|整)?)?"
    r"(?P<suffix>[ \u00a0]?(?P<letter>[AaPp])(?:\.[Mm]\.|[Mm](?![A-Za-z])))?"
)
HINT = re.compile(
    rf"(?:(?:{HALVES})[ \u00a0:：]{{0,3}}|(?<![\d:：.,/+-])(?<![AaPp][Mm][ ]))\d{{1,2}}[ \u00a0]?[:：时時点點AaPp]"
)
BEYOND = re.compile(r"\d|[:：/]\d|\.\d|,\d|个|分之|\s(?:in the (?:evening|afternoon)|at night)")
AFTERNOON = ("下午", "晚上", "傍晚")
NOON = 12


UNCLEAR = "?"  # 9:50 may be in the evening


def times_in(text: str) -> Iterator[tuple[str, int, int]]:
    """Each time of a text of one width, and where it stands."""
    for hint in HINT.finditer(text):
        found = TIME.match(text, hint.start())
        if found and not BEYOND.match(text, found.end()) and (time := time_of(found)):
            yield time + UNCLEAR * _is_unclear(found), *found.span()


def meant_times(value: str) -> tuple[str, ...]:
    """The time of day that a value is from its first character to its last, and how else it may be told."""
    found = TIME.fullmatch(value)
    time = time_of(found) if found else ""
    if not found or not time:
        return ()
    return (time,) if found["half"] or found["suffix"] else (time, time + UNCLEAR)


def time_of(found: re.Match[str]) -> str:
    """HH:MM:SS, "" where it is no time of day: bare hours are told with their half of the day only."""
    has_colon_or_hour = re.search("[:：时時点點]", found[0].removeprefix(found["half"] or "").lstrip(" \u00a0:："))
    if not (found["minute"] or "分" in found[0] or (found["half"] and has_colon_or_hour) or found["suffix"]):
        return ""
    hour = _hour(int(found["hour"]), found["half"] or "", (found["letter"] or "").lower())
    minute = int(found["minute"] or found["han_minute"] or (30 if found["thirty"] else 0))
    second = int(found["second"] or found["han_second"] or 0)
    return "" if hour is None or max(minute, second) >= 60 else f"{hour:02}:{minute:02}:{second:02}"


def _is_unclear(found: re.Match[str]) -> bool:
    is_told = found["half"] or found["suffix"] or found["hour"].startswith("0")
    return not is_told and 1 <= int(found["hour"]) <= NOON


def _hour(hour: int, half: str, letter: str) -> int | None:
    """Of the whole day; None where the half of the day does not go with it: 晚上1点 is the next day's."""
    if letter:
        return hour % NOON + NOON * (letter == "p") if 1 <= hour <= NOON else None
    if half in AFTERNOON:
        is_early = hour < (5 if half == "晚上" else 1) or hour == NOON
        return None if is_early or hour > 23 else hour + NOON * (hour < NOON)
    if half == "中午":
        return {11: 11, 12: 12, 1: 13}.get(hour)
    return hour if hour < (NOON if half else 24) else None
