"""Phone numbers as people write them: in groups, with brackets and country codes. Part of one is no number."""

import re
from collections.abc import Iterator

PHONE_GAP = "[ \u00a0-]"
AREA = r"(?:10|2\d|[3-9]\d\d)"  # of China, where a 0 stands before it at home
MOBILE = rf"1[3-9]\d{PHONE_GAP}?\d{{4}}{PHONE_GAP}?\d{{4}}"
SUBSCRIBER = rf"\d{{3,4}}{PHONE_GAP}?\d{{4}}"
LABEL = r"(?:\b(?i:tel|telephone|phone|fax|mobile|call)|电话|手机|传真|热线|電話|手機|傳真)"
PHONE = re.compile(
    r"(?<![A-Za-z0-9])(?<![A-Za-z0-9][-.,+/])(?:"
    rf"(?:\+|00)86{PHONE_GAP}?(?:{MOBILE}|(?:\(0\){PHONE_GAP}?)?\(?0?{AREA}\)?{PHONE_GAP}?{SUBSCRIBER})"
    rf"|\(0{AREA}\)[ ]?{SUBSCRIBER}|0{AREA}-{SUBSCRIBER}|1[3-9]\d{PHONE_GAP}\d{{4}}{PHONE_GAP}\d{{4}}"
    rf"|(?:\+1[ .-]?)?\([2-9]\d\d\)[ ]?\d{{3}}[ .-]\d{{4}}|\+1[ .-]?[2-9]\d\d[ .-]?\d{{3}}[ .-]?\d{{4}}"
    r"|[2-9]\d\d-[2-9]\d\d-\d{4}"
    rf"|\+(?!86|1{PHONE_GAP}|\d{{1,3}}(?:{PHONE_GAP}\d{{3}}){{2,4}}(?!{PHONE_GAP}?\d))"
    rf"[2-9]\d{{0,2}}(?:{PHONE_GAP}?\(\d{{1,4}}\))?(?:{PHONE_GAP}\d{{2,5}}){{2,5}}"
    r")(?![A-Za-z0-9]|[-.,]\d)"
)
LABELLED = re.compile(
    rf"{LABEL}(?:\.?[ ]?(?P<place>\d{{3,4}}-\d{{4}})|(?:\.|\.?[ ]?[:：])[ ]?"
    rf"(?P<spaced>(?:0{AREA}{PHONE_GAP})?\d{{3,4}}{PHONE_GAP}\d{{4}}))(?![A-Za-z0-9]|[-.,]\d|{PHONE_GAP}\d)"
)
BARE = re.compile(r"\d{10,12}")
MIN_ABROAD_DIGITS = 10
MAX_PHONE_DIGITS = 15
MIN_LOCAL_DIGITS = 7


def phones_in(text: str) -> Iterator[tuple[int, int]]:
    """Where the phone numbers of a text of one width stand, which show by themselves what they are."""
    for found in PHONE.finditer(text):
        is_abroad = found[0].startswith("+")
        if MIN_ABROAD_DIGITS * is_abroad <= len(_digits(found[0])) <= MAX_PHONE_DIGITS:
            yield found.span()
    for found in LABELLED.finditer(text):
        yield found.span("place" if found["place"] else "spaced")


def meant_phone(value: str) -> str:
    """The one way to write a phone number, country code or none; "" where it is none."""
    is_phone = PHONE.fullmatch(value) or BARE.fullmatch(value)
    return phone_number(value) if is_phone else ""


def phone_number(phone: str) -> str:
    digits = _digits(phone)
    if phone.startswith(("+86", "0086")):
        home = digits.removeprefix("00").removeprefix("86").removeprefix("0")
        return home if len(home) == 11 and home[0] == "1" and home[1] in "3456789" else f"0{home}"
    if phone.startswith("+1"):
        return digits[1:]
    return f"+{digits}" if phone.startswith("+") else digits


def is_local(phone: str) -> bool:
    """Whether the end of a phone number is one by itself, without the code of its area or country."""
    return len(_digits(phone)) >= MIN_LOCAL_DIGITS


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)
