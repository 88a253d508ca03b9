"""Numbers in Chinese characters, everyday and financial: 三点五亿, 一千二百, 壹仟贰佰元整."""

import re
from collections.abc import Iterator
from decimal import Decimal

from .written_numbers import UNROUNDED, Number, exact, times_ten

DIGIT_OF = {
    digit: number
    for number, digits in enumerate(
        ("零〇○", "一壹", "二贰貳两兩", "三叁參", "四肆", "五伍", "六陆陸", "七柒", "八捌", "九玖")
    )
    for digit in digits
}
SMALL_UNITS = {"十": 1, "拾": 1, "百": 2, "佰": 2, "千": 3, "仟": 3}
LARGE_UNITS = {"万": 4, "萬": 4, "亿": 8, "億": 8}
FINANCIAL_NUMERAL = re.compile("[壹贰貳叁參肆伍陆陸柒捌玖拾佰仟]")
NUMERAL = f"[{''.join((*DIGIT_OF, *SMALL_UNITS, *LARGE_UNITS))}]"
MAX_NUMERALS = 30
NUMERAL_AMOUNT = rf"({NUMERAL}{{1,{MAX_NUMERALS}}})"
NUMERALS = re.compile(
    rf"(?<!{NUMERAL})(?P<percent>百分之)?(?P<whole>{NUMERAL_AMOUNT})(?:点(?P<decimals>[零〇一二三四五六七八九]{{1,9}})(?P<times>[万萬亿億]*))?"
    rf"(?!{NUMERAL})(?:(?P<money>[元圆圓])(?:零?(?P<jiao>[一壹二贰貳两兩三叁參四肆五伍六陆陸七柒八捌九玖])角)?"
    r"(?:零?(?P<fen>[一壹二贰貳两兩三叁參四肆五伍六陆陸七柒八捌九玖])分)?[整正]?)?"
)
# What is counted: without it, one character is more often a piece of a word.
COUNTED_NUMERAL = re.compile("[个個件名人位年天日次台套元份组組家颗只岁歲页頁层層倍种種项項条條]")
NOT_COUNTING = "第周週期初月拜星"


def numerals_in(text: str) -> Iterator[Number]:
    for found in NUMERALS.finditer(text):
        number = _read(found)
        if number is not None and _is_meant(text, found):
            yield Number(number, *found.span())
            if found["percent"]:
                yield Number(times_ten(number, 2), *found.span())


def _read(found: re.Match[str]) -> Decimal | None:
    whole = chinese_number(found["whole"].removeprefix("百分之"))
    if whole is None:
        return None
    tenths = "".join(str(DIGIT_OF[digit]) for digit in found["decimals"] or "")
    number = Decimal(f"{whole}.{tenths}") if tenths else Decimal(whole)
    number = times_ten(number, sum(LARGE_UNITS[unit] for unit in found["times"] or ""))
    hundredths = 10 * DIGIT_OF.get(found["jiao"] or "零", 0) + DIGIT_OF.get(found["fen"] or "零", 0)
    number = times_ten(number, -2) if found["percent"] else number
    return exact(f"{number:f}") if not hundredths else exact(UNROUNDED.add(number, times_ten(Decimal(hundredths), -2)))


def _is_meant(text: str, found: re.Match[str]) -> bool:
    """Whether it is no piece of a word: 一 is in 统一, 五 in 周五, 三点五 may be a time."""
    if found["percent"] or found["times"] or FINANCIAL_NUMERAL.search(found[0]):
        return not found["decimals"] or bool(found["percent"] or found["times"])
    if found["decimals"]:
        return found["whole"] == "零"
    if len(found["whole"]) > 1:
        return True
    before = text[found.start() - 1 : found.start()] if found.start() else ""
    counted = found["money"] or COUNTED_NUMERAL.match(text, found.end())
    return bool(counted) and found["whole"] != "一" and (not before or before not in NOT_COUNTING)


def chinese_number(numerals: str) -> int | None:
    """The number that numerals say by their units, or digit by digit where there are four or more; None for 一百五."""
    if all(numeral in DIGIT_OF for numeral in numerals):
        digits = "".join(str(DIGIT_OF[numeral]) for numeral in numerals)
        return int(digits) if len(digits) == 1 or (len(digits) > 3 and digits[0] != "0") else None
    total = 0
    for unit in ("亿億", "万萬"):
        above, found, below = numerals.rpartition(next((each for each in numerals if each in unit), "\0"))
        if found:
            many = _below_ten_thousand(above) if not total or "万" not in above else None
            if many is None:
                many = chinese_number(above) if unit == "亿億" else None
            if not many:
                return None
            total += many * 10 ** LARGE_UNITS[found]
            if below and below[0] not in "零〇" and len(below) == 1:
                return None
            numerals = below
    rest = _below_ten_thousand(numerals) if numerals else 0
    return None if rest is None else total + rest


def _below_ten_thousand(numerals: str) -> int | None:
    total, digit, last, has_zero = 0, 0, 4, False
    for numeral in numerals:
        if numeral in DIGIT_OF:
            if digit:
                return None
            digit, has_zero = DIGIT_OF[numeral], has_zero or DIGIT_OF[numeral] == 0
            continue
        power = SMALL_UNITS.get(numeral)
        if power is None or power >= last or not (digit or (power == 1 and not total)):
            return None
        total, digit, last = total + (digit or 1) * 10**power, 0, power
    if digit and total and last > 1 and not has_zero:
        return None  # 一百五 is 150
    return total + digit if total + digit else None
