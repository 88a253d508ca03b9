"""Numbers of a bill: exact decimals in, whole nano units of the currency out; units of usage and of prices."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from functools import lru_cache

from ..nano import NANO_PLACES

EXACT_SUMS = Context(prec=300, traps=[Inexact, InvalidOperation, DivisionByZero])  # it would rather fail
MAX_UNITS_KEPT = 256
MAX_BILLED, FINEST_PLACE = 10**15, 30  # beyond both no bill goes
DECIMAL_TEXT = re.compile(r"[-+]?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{0,18})?(?:[eE][-+]?\d{1,2})?")
UNIT_TEXT = re.compile(r"(百万|千|万|thousand|million|(?:10,?000|1,?000|1)?[km]?)(.*)")
UNIT_SCALES = {"": 1, "千": 10**3, "万": 10**4, "百万": 10**6, "thousand": 10**3, "million": 10**6}
SCALE_NUMERALS = {"1": 1, "1000": 10**3, "10000": 10**4, "k": 10**3, "1k": 10**3, "m": 10**6, "1m": 10**6}
UNIT_WORDS = {
    "token": ("token", "tokens"),
    "second": ("秒", "second", "seconds"),
    "time": ("次", "time", "times", "call", "calls"),
    "image": ("张", "image", "images"),
    "page": ("页", "page", "pages"),
    "character": ("字", "字符", "character", "characters"),
}
CURRENCY_CODE = re.compile("[A-Z]{3}")
CURRENCY_WORDS = {"元": "CNY", "人民币": "CNY", "rmb": "CNY", "美元": "USD"}


@dataclass(frozen=True)
class BilledUnit:
    """`scale` of `base` are one such unit: 千Token is 1,000 of "token"."""

    scale: int
    base: str


def number_of(text: str) -> Decimal | None:
    """The number a cell holds, exactly; None for an empty one.

    Raises:
        ValueError: what stands there is no number, or one of a size that no bill has.
    """
    if not text:
        return None
    number = EXACT_SUMS.create_decimal(text.replace(",", "")) if DECIMAL_TEXT.fullmatch(text) else None
    if number is None or abs(number) >= MAX_BILLED or EXACT_SUMS.remainder(EXACT_SUMS.scaleb(number, FINEST_PLACE), 1):
        raise ValueError(text)
    return number


def nano_of(amount: Decimal) -> int:
    """An amount in billionths of its currency; what is finer is rounded to the nearest."""
    return int(EXACT_SUMS.scaleb(amount, NANO_PLACES).to_integral_value(ROUND_HALF_EVEN))


def is_finer(amount: Decimal) -> bool:
    """Whether an amount has a part that billionths cannot hold."""
    return EXACT_SUMS.scaleb(amount, NANO_PLACES) != nano_of(amount)


def plain_number(number: Decimal) -> str:
    """A quantity as it is read: 1,000 and not 1E+3; no needless zeros."""
    text = f"{number:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


@lru_cache(MAX_UNITS_KEPT)
def unit_of(text: str) -> BilledUnit | None:
    """Token, 千Token, 秒, 次, 张 ...; None for a unit that is not known."""
    found = UNIT_TEXT.fullmatch("".join(text.casefold().split()))
    scale, base = (found[1].replace(",", ""), found[2]) if found else ("", "")
    named = next((name for name, words in UNIT_WORDS.items() if base in words), None)
    times = UNIT_SCALES.get(scale) or SCALE_NUMERALS.get(scale)
    return BilledUnit(times, named) if named and times else None


@lru_cache(MAX_UNITS_KEPT)
def price_unit_of(text: str) -> BilledUnit | None:
    """元/千Token, 每百万tokens, Per 1M tokens: what one price is for."""
    last = text.casefold().rpartition("/")[2]
    return unit_of(re.sub(r"^.*?(?:每|per\b)", "", last))


def currency_of(text: str) -> str:
    """The code of a currency; "?" for what is none, so that nothing is compared in it."""
    code = CURRENCY_WORDS.get(text.casefold(), text.upper())
    return code if CURRENCY_CODE.fullmatch(code) else "?"
