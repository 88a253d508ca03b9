"""What a row of the live list says of money: its unit, and the requests that it is for.

Page: https://help.aliyun.com/zh/model-studio/list-models. The unit and the range are words for people, in the language
asked for; they are scaled from what they say, and what is not understood is not guessed.
"""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from ..money import EXACT

Measure = Literal["token", "second", "image", "character"]
Currency = Literal["CNY", "USD"]
UNIT_MEASURES: tuple[tuple[str, Measure], ...] = (
    (r"token", "token"), (r"秒|second", "second"), (r"张|image|picture", "image"), (r"字符?|character", "character"),
)  # fmt: skip
SCALE_WORDS = (
    (r"百万|million|1m\b|1,?000,?000", 1_000_000),
    (r"万|10k\b|10,?000", 10_000),
    (r"千|thousand|1k\b|1,?000", 1_000),
)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
K, M = 1_000, 1_000_000  # as the price page prints them
EDGE = r"(\d+(?:\.\d+)?)([km]?)"
TOKENS_BETWEEN = re.compile(rf"(?:{EDGE}(<=?))?n(?:(<=?){EDGE})?")
TOKENS_ABOVE = re.compile(rf"n(>=?){EDGE}")
MAX_PRICE_CHARS, MAX_AMOUNT = 18, 10**9


@dataclass(frozen=True)
class PriceUnit:
    """`per`: how many of them a price is for. `chinese`: the language it is said in, which tells the currency."""

    measure: Measure
    per: int
    chinese: bool

    def fits(self, currency: Currency) -> bool:
        return self.chinese == (currency == "CNY")

    def in_catalog(self, price: Decimal) -> Decimal:
        """Per million tokens; of anything else per one."""
        return EXACT.divide(EXACT.multiply(price, Decimal(M if self.measure == "token" else 1)), Decimal(self.per))


def price_unit(text: Any) -> PriceUnit | None:
    """None: not understood."""
    said = unicodedata.normalize("NFKC", text).casefold() if isinstance(text, str) else ""
    measure = next((measure for pattern, measure in UNIT_MEASURES if re.search(pattern, said)), None)
    if measure is None:
        return None
    per = next((per for pattern, per in SCALE_WORDS if re.search(pattern, said)), 1)
    return PriceUnit(measure, per, bool(CHINESE.search(said)))


def live_amount(text: Any) -> Decimal | None:
    """A price, which the list says as text. None: it is none."""
    try:
        amount = Decimal(text) if isinstance(text, str) and len(text) <= MAX_PRICE_CHARS else Decimal(-1)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= MAX_AMOUNT else None


@dataclass(frozen=True)
class TokenRange:
    """Requests of more than `over` and at most `up_to` input tokens."""

    over: int = 0
    up_to: int | None = None

    @property
    def label(self) -> str:
        if not self.over and self.up_to is None:
            return "one price"
        return f"{_short(self.over)}<Token" + (f"≤{_short(self.up_to)}" if self.up_to is not None else "")


def token_range(name: Any) -> TokenRange | None:
    """`Default`, `Input<=32k`, `32k<输入<=1m`. None: not understood."""
    said = unicodedata.normalize("NFKC", name).casefold() if isinstance(name, str) else ""
    said = re.sub(r"\s|,", "", said).replace("≤", "<=").replace("≥", ">=")
    if said in ("default", "默认"):
        return TokenRange()
    said = re.sub(r"输入|input(?:tokens?)?|tokens?", "n", said)
    if above := TOKENS_ABOVE.fullmatch(said):
        return TokenRange(_tokens(above[2], above[3]) - (above[1] == ">="))
    between = TOKENS_BETWEEN.fullmatch(said)
    if between is None or (between[1] is None and between[5] is None):
        return None
    over = _tokens(between[1], between[2]) - (between[3] == "<=") if between[1] else 0
    up_to = _tokens(between[5], between[6]) - (between[4] == "<") if between[5] else None
    return TokenRange(max(0, over), up_to)


def _tokens(number: str, unit: str) -> int:
    return int(Decimal(number) * {"k": K, "m": M}.get(unit, 1))


def _short(tokens: int) -> str:
    for size, letter in ((M, "M"), (K, "K")):
        if tokens and tokens % size == 0:
            return f"{tokens // size}{letter}"
    return str(tokens)
