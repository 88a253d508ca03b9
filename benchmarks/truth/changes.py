"""One number of a perfect reading made wrong, as models and misprints do it."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .marks import Marked, Number
from .printed import CAPITAL, MONTHS_DE, MONTHS_EN, MONTHS_FR, SMALL

LOOKALIKE = {"0": "68", "1": "74", "2": "7", "3": "8", "4": "9", "5": "6", "6": "80", "7": "1", "8": "36", "9": "4"}
LETTER = {"0": "O", "1": "l", "5": "S", "8": "B"}
MEASURED = ("amount", "count", "decimal")
POINT = re.compile(r"(?<=\d)[.,](?=(?:\d{1,2}|\d{4,6})(?!\d))")
AMBIGUOUS = re.compile(r"\D*[1-9]\d{0,2}[.,]\d{3}\D*")
SIGN = re.compile(r"^[-+]|^\((?=.*\)$)|-$")
UNITS = re.compile(r" ?(million|billion|万|亿|k|M|m|µ)(?=Ω|g|$)")


@dataclass(frozen=True)
class Change:
    kind: str
    before: str
    after: str
    reading: str


Written = Callable[[Random, str], str | None]


def put(marked: Marked, number: Number, text: str) -> str:
    return marked.text[: number.start] + text + marked.text[number.end :]


def with_digit(rng: Random, text: str, places: list[int]) -> str | None:
    if not places:
        return None
    at = rng.choice(places)
    return text[:at] + rng.choice(LOOKALIKE[text[at]]) + text[at + 1 :]


def digit_places(text: str) -> list[int]:
    return [at for at, letter in enumerate(text) if letter in LOOKALIKE]


def substituted(rng: Random, text: str) -> str | None:
    return with_digit(rng, text, digit_places(text))


def first_digit(rng: Random, text: str) -> str | None:
    return with_digit(rng, text, digit_places(text)[:1])


def fraction_start(text: str) -> int:
    """Where the decimals begin; the end of the text without any."""
    match = POINT.search(text)
    return match.start() if match else len(text)


def telling_places(text: str) -> list[int]:
    """Without the zeros at the end of what may be decimals: one more or less of them says the same."""
    end = len(re.sub(r"0*\D*$", "", text)) if re.search("[.,]", text) else len(text)
    return [at for at in digit_places(text) if at < end]


def dropped(rng: Random, text: str) -> str | None:
    places = telling_places(text)
    if len(digit_places(text)) < 2 or not places:
        return None
    at = rng.choice(places)
    left = text[:at] + text[at + 1 :]
    return left if left[:1].isdigit() or not text[:1].isdigit() else None


def doubled(rng: Random, text: str) -> str | None:
    places = [at for at in telling_places(text) if at < fraction_start(text)]
    if not places or text[places[0]] == "0":
        return None
    at = rng.choice(places)
    return text[: at + 1] + text[at:]


def point_lost(rng: Random, text: str) -> str | None:
    return POINT.sub("", text, count=1) if POINT.search(text) else None


def point_moved(rng: Random, text: str) -> str | None:
    match = POINT.search(text)
    if not match or not re.search("[1-9]", text):
        return None
    at, point = match.start(), match[0]
    if re.match(r"\d\d", text[at + 1 :]):
        return text[:at] + text[at + 1] + point + text[at + 2 :]
    return text[: at - 1] + point + text[at - 1] + text[at + 1 :] if re.search(r"\d\d$", text[:at]) else None


def separator_swapped(rng: Random, text: str) -> str | None:
    """12,345 is not 12.345."""
    return text.translate({ord(","): ".", ord("."): ","}) if AMBIGUOUS.fullmatch(text) else None


def sign_lost(rng: Random, text: str) -> str | None:
    return SIGN.sub("", text).removesuffix(")") if SIGN.search(text) and not text.startswith("+") else None


def sign_added(rng: Random, text: str) -> str | None:
    return None if SIGN.search(text) else f"-{text}"


def transposed(rng: Random, text: str) -> str | None:
    places = [at for at in digit_places(text)[1:] if text[at - 1].isdigit() and text[at - 1] != text[at]]
    if not places:
        return None
    at = rng.choice(places)
    return text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :]


def year_changed(rng: Random, text: str) -> str | None:
    if match := re.search(r"\d{4}", text):
        return text.replace(match[0], str(int(match[0]) + rng.choice([-1, 1, 10, -10])))
    return text.replace("二〇二", "二〇一") if "二〇二" in text else None


def month_changed(rng: Random, text: str) -> str | None:
    for months in (MONTHS_EN, MONTHS_DE, MONTHS_FR):
        for month in months:
            if f" {month} " in f" {text} ":
                return text.replace(month, rng.choice([other for other in months if other != month]))
    match = re.search(r"(?<=\d{4}[-年])\d+|(?<=^\d\d\.)\d\d|^\d\d(?=/)", text)
    if not match:
        return None
    other = rng.choice([month for month in range(1, 13) if month != int(match[0])])
    return (
        text[: match.start()] + f"{other:0{2 if match[0][0] == '0' or text[4:5] != '年' else 1}}" + text[match.end() :]
    )


def day_changed(rng: Random, text: str) -> str | None:
    match = re.search(r"(?<=[-/]\d\d[-/])\d\d(?!\d)|(?<=\d/)\d\d(?=/)|\d+(?=日)|^\d+(?=[. ])|\d+(?=, )", text)
    if not match:
        return None
    day = int(match[0])
    other = day + rng.choice([-1, 1] if day % 10 else [1]) if day < 20 else day - rng.choice([1, 10])
    return text[: match.start()] + f"{max(other, 1) if other != 0 else 2:0{len(match[0])}}" + text[match.end() :]


def percent_changed(rng: Random, text: str) -> str | None:
    return rng.choice([substituted, first_digit, point_lost])(rng, text)


def magnitude_changed(rng: Random, text: str) -> str | None:
    other = {"万": "亿", "亿": "万", "million": "billion", "billion": "million", "k": "M", "M": "k", "m": "", "µ": "m"}
    match = UNITS.search(text)
    if not match:
        return None
    return UNITS.sub("", text) if rng.random() < 0.6 else text.replace(match[1], other[match[1]])


def zero_lost(rng: Random, text: str) -> str | None:
    return re.sub(r"^(\D*)0", r"\1", text) if re.match(r"\D*0\d", text) else None


def time_changed(rng: Random, text: str) -> str | None:
    hour, minute = text.split(":")
    if rng.random() < 0.5 and minute[0] != minute[1] and minute[1] in "012345":
        return f"{hour}:{minute[1]}{minute[0]}"
    return f"{(int(hour) + rng.choice([1, 10, 12])) % 24:02}:{minute}"


def split(rng: Random, text: str) -> str | None:
    """18 37, never at a place where thousands are set apart, nor in a long number that is read in groups."""
    match = re.search(r"(?<![\d.,'])\d{4,7}(?!\d)", text)
    if not match or " " in text or (len(match[0]) > 5 and not POINT.search(text)):
        return None
    at = match.start() + rng.choice([place for place in range(2, len(match[0]) - 1) if len(match[0]) - place != 3])
    return f"{text[:at]} {text[at:]}"


def numeral_changed(rng: Random, text: str) -> str | None:
    units = {"仟": "佰", "拾": "佰", "万": "仟", "十": "百", "百": "十"}
    places = [
        at
        for at, letter in enumerate(text)
        if letter in CAPITAL[1:] + SMALL[1:] or (letter in units and rng.random() < 0.5)
    ]
    if not places:
        return None
    at = rng.choice(places)
    numerals = CAPITAL if text[at] in CAPITAL else SMALL
    other = units.get(text[at]) or rng.choice([each for each in numerals[1:] if each != text[at]])
    return text[:at] + other + text[at + 1 :]


def exponent_changed(rng: Random, text: str) -> str | None:
    raised = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
    plain = text.translate({ord(letter): "0123456789-"[at] for at, letter in enumerate(raised)})
    other = plain.removeprefix("-") if plain[0] == "-" and rng.random() < 0.4 else substituted(rng, plain)
    if other is None or plain == text:
        return other
    return other.translate({ord(letter): raised[at] for at, letter in enumerate("0123456789-")})


def rounded(rng: Random, text: str) -> str | None:
    """18.37 -> 18.4, where that loses something."""
    match = re.fullmatch(r"(.*?)(\d*)([.,])(\d)([1-9])(\D*)", text)
    if not match:
        return None
    tenths = int(match[2] or "0") * 10 + int(match[4]) + (int(match[5]) >= 5)
    if len(str(tenths // 10)) != len(match[2]):
        return None
    return f"{match[1]}{tenths // 10}{match[3]}{tenths % 10}{match[6]}"


def as_letter(rng: Random, text: str) -> str | None:
    places = [at for at in digit_places(text) if text[at] in LETTER]
    if not places or len(digit_places(text)) < 3:
        return None
    at = rng.choice(places)
    return text[:at] + LETTER[text[at]] + text[at + 1 :]


def left_out(rng: Random, text: str) -> str | None:
    return ""


def invented(rng: Random, text: str) -> str | None:
    new = rng.choice(
        ["777777.00", "88,888.00", "4,019.73", "612.50", f"{rng.randint(1000, 99999)}.{rng.randint(10, 99)}"]
    )
    return f"{text} {new}"


OF_A_NUMBER: dict[str, tuple[tuple[str, ...], Written]] = {
    "digit substituted": (MEASURED, substituted),
    "first digit substituted": (MEASURED, first_digit),
    "digit dropped": (MEASURED, dropped),
    "digit doubled": (MEASURED, doubled),
    "decimal point lost": (MEASURED, point_lost),
    "decimal point moved": (MEASURED, point_moved),
    "comma and point swapped": (MEASURED, separator_swapped),
    "sign lost": ((*MEASURED, "percent"), sign_lost),
    "sign added": (MEASURED, sign_added),
    "two digits transposed": (MEASURED, transposed),
    "small quantity changed": (("quantity",), substituted),
    "quantity missing": (("quantity",), left_out),
    "year of a date changed": (("date",), year_changed),
    "month of a date changed": (("date",), month_changed),
    "day of a date changed": (("date",), day_changed),
    "amount invented": (("amount",), invented),
    "amount missing": (("amount", "count"), left_out),
    "percent changed": (("percent",), percent_changed),
    "unit of magnitude changed": (("magnitude",), magnitude_changed),
    "number of a magnitude changed": (("magnitude",), substituted),
    "leading zero lost": (("serial",), zero_lost),
    "serial digit changed": (("serial",), substituted),
    "serial digits transposed": (("serial",), transposed),
    "phone digit changed": (("phone",), substituted),
    "time changed": (("time",), time_changed),
    "number split": (("count", "amount", "serial"), split),
    "Chinese numeral changed": (("chinese",), numeral_changed),
    "fraction changed": (("fraction",), substituted),
    "page reference changed": (("page",), substituted),
    "exponent changed": (("exponent",), exponent_changed),
    "amount rounded": (("amount", "decimal"), rounded),
    "digit read as a letter": (("amount", "count", "serial"), as_letter),
}


def changed_number(kind: str, rng: Random, marked: Marked, split_layer: bool) -> Change | None:
    kinds, written = OF_A_NUMBER[kind]
    if kind == "number split" and split_layer:
        return None  # the layer itself splits them: who reads both cannot tell
    chosen = [number for number in marked.numbers if number.kind in kinds]
    for number in rng.sample(chosen, len(chosen)):
        if kind == "sign added" and marked.text[: number.start].rstrip()[-1:] in ("-", "–", "±", "~", "("):
            continue
        after = written(rng, number.text)
        if after is not None and after != number.text:
            return Change(kind, number.text, after, put(marked, number, after))
    return None


def swapped(rng: Random, marked: Marked, split_layer: bool) -> Change | None:
    for kind in rng.sample(["amount", "count", "quantity", "decimal"], 4):
        numbers = [number for number in marked.numbers if number.kind == kind]
        pairs = [(one, two) for one, two in itertools.pairwise(numbers) if one.text != two.text]
        if pairs:
            one, two = rng.choice(pairs)
            text = put(marked, two, one.text)
            return Change("two numbers swapped", f"{one.text} … {two.text}", f"{two.text} … {one.text}",
                          text[: one.start] + two.text + text[one.end :])  # fmt: skip
    return None


def copied(rng: Random, marked: Marked, split_layer: bool) -> Change | None:
    """The value of a neighbour once more, as models slip by a line."""
    for kind in rng.sample(["amount", "count", "serial", "quantity"], 4):
        numbers = [number for number in marked.numbers if number.kind == kind]
        pairs = [(one, two) for one, two in itertools.pairwise(numbers) if one.text != two.text]
        if pairs:
            one, two = rng.choice(pairs)
            return Change("neighbour's value copied", two.text, one.text, put(marked, two, one.text))
    return None


def joined(rng: Random, marked: Marked, split_layer: bool) -> Change | None:
    """12 and 35 become 1235; not where 12 345 could be one number with its thousands set apart."""
    pairs = [
        (one, two)
        for one, two in zip(marked.numbers, marked.numbers[1:], strict=False)
        if any(start <= one.start and two.end <= end for start, end in marked.rows)
        if re.fullmatch(r"\d{2,}", one.text) and re.match(r"\d", two.text) and not re.match(r"\d{3}(?!\d)", two.text)
    ]
    if not pairs or split_layer:
        return None
    one, two = rng.choice(pairs)
    text = put(marked, two, "")
    return Change(
        "two numbers joined",
        f"{one.text} {two.text}",
        one.text + two.text,
        text[: one.end] + two.text + text[one.end :],
    )


def row_changed(kind: str, rng: Random, marked: Marked) -> Change | None:
    rows = [
        (start, end)
        for start, end in marked.rows
        if any(start <= n.start < end and len(n.text) > 1 for n in marked.numbers)
    ]
    if not rows:
        return None
    start, end = rng.choice(rows)
    line = marked.text[start:end]
    after = "" if kind == "row missing" else line if line.endswith("\n") else f"\n{line}"
    changed = marked.text[:start] + marked.text[end:] if not after else marked.text[:end] + after + marked.text[end:]
    return Change(kind, line.strip(), (after and f"{line.strip()} twice"), changed)


def row_invented(rng: Random, marked: Marked, split_layer: bool) -> Change | None:
    """A row like another, with numbers of its own."""
    rows = [
        (start, end)
        for start, end in marked.rows
        if any(start <= n.start < end and n.kind in MEASURED for n in marked.numbers)
    ]
    if not rows:
        return None
    start, end = rng.choice(rows)
    line, at = "", start
    for number in marked.numbers:
        if start <= number.start < end:
            line += marked.text[at : number.start] + re.sub(r"[1-9]", lambda _: rng.choice("123456789"), number.text)
            at = number.end
    line = f"{line}{marked.text[at:end]}".rstrip("\n")
    return Change("row invented", "", line, f"{marked.text[:start]}{line}\n{marked.text[start:]}")


OF_A_PAGE: dict[str, Callable[[Random, Marked, bool], Change | None]] = {
    "two numbers swapped": swapped,
    "neighbour's value copied": copied,
    "two numbers joined": joined,
    "row invented": row_invented,
    "row missing": lambda rng, marked, _: row_changed("row missing", rng, marked),
    "row duplicated": lambda rng, marked, _: row_changed("row duplicated", rng, marked),
}
KINDS = (*OF_A_NUMBER, *OF_A_PAGE)


def change(kind: str, rng: Random, marked: Marked, split_layer: bool) -> Change | None:
    if kind in OF_A_PAGE:
        return OF_A_PAGE[kind](rng, marked, split_layer)
    return changed_number(kind, rng, marked, split_layer)
