"""Fractions as people write them, alone and behind a whole number: ½, 9½, 1/2, 9 1/2. Which page of two is none."""

import re
from collections.abc import Iterator
from decimal import Decimal
from math import gcd

from .written_numbers import Number, exact

WRITTEN_OUT = "½=1/2 ¼=1/4 ¾=3/4 ⅕=1/5 ⅖=2/5 ⅗=3/5 ⅘=4/5 ⅛=1/8 ⅜=3/8 ⅝=5/8 ⅞=7/8 ⅒=1/10 ⅓=1/3 ⅔=2/3 ⅙=1/6 ⅚=5/6"
VULGAR = {pair[0]: pair[2:] for pair in WRITTEN_OUT.split()}
HALVED = "(?:2|4|8|16|32|64)"  # 3/5 may be a mark, 3/10 a day
WRITTEN_FRACTION = re.compile(
    r"(?<![\w.,/:^])(?<!\w-)(?<!\d )(?P<minus>-)?(?:(?:(?P<whole>\d{1,4})[ \u00a0]?)?"
    rf"(?P<vulgar>[{''.join(VULGAR)}])(?!\w)"
    rf"|(?:(?P<units>\d{{1,4}})[ \u00a0-])?(?P<slashed>\d{{1,2}}/{HALVED})(?![A-Za-z0-9_/:]|[.,-]\d))"
)
# What tells which of several, or a day.
COUNT_BEFORE = re.compile(
    r"(?:[第页頁(\[（【#]|日期[:：]?|(?<![A-Za-z])"
    r"(?i:page|pp?\.|part|sheet|no\.|step|vol\.|episode|on|by|until|since|due|date:?))[ \u00a0]?$"
)
COUNT_AFTER = re.compile(r"[ \u00a0]?(?:[页頁月号日)\]）】]|of\b|pages?\b)")
LINE_BEFORE = re.compile(r"(?:^|\n)[ \t]*$")
LINE_AFTER = re.compile(r"[ \t]*(?:\r?\n|$)")


def fractions_in(text: str) -> Iterator[Number]:
    """Every fraction that is a decimal number without rounding; of a text of one width."""
    for found in WRITTEN_FRACTION.finditer(text):
        numerator, denominator = map(int, (VULGAR.get(found["vulgar"] or "") or found["slashed"]).split("/"))
        is_exact = denominator % 3 != 0
        if is_exact and (found["vulgar"] or (numerator < denominator and gcd(numerator, denominator) == 1)):
            if found["slashed"] and not found["units"] and _counts(text, *found.span()):
                continue
            total = int(found["whole"] or found["units"] or 0) + Decimal(numerator) / denominator
            yield Number(exact(-total if found["minus"] else total), *found.span())


def _counts(text: str, start: int, end: int) -> bool:
    """Whether it is the first page of two: alone on its line, in brackets, behind a word that says so."""
    before = text[max(0, start - 12) : start]
    is_alone = LINE_BEFORE.search(before) and LINE_AFTER.match(text, end)
    return bool(is_alone or COUNT_BEFORE.search(before) or COUNT_AFTER.match(text, end))
