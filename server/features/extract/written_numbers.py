"""Numbers as people write them: separators of many countries, signs, powers and multipliers; and what is none.

A piece of a longer token (a version, an address, a code, a time) is no number, and neither is 1200 in 1200万. Offsets
are those of the text as it came: `one_width` keeps each character in its place.
"""

import re
from collections.abc import Callable, Iterator
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import NamedTuple

MAX_RUN_CHARS = 100
MAX_PLAIN_DIGITS = 30  # 10^999 is not written out
UNROUNDED = Context(prec=2_000, Emax=MAX_EMAX, Emin=MIN_EMIN)  # Python's own rounds to 28 digits
WIDE_COMMA = re.compile("(?<=[０-９])，(?=[０-９])")
ONE_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "，："} | str.maketrans({
    "⁄": "/",
    "−": "-", "﹣": "-", "‐": "-", "‑": "-", "—": "–", "〜": "~", "’": "'", "﹪": "%", "￥": "¥", "\u202f": "\u00a0",
    "\u2009": "\u00a0", "\u2007": "\u00a0", "\u2006": "\u00a0", "\u2008": "\u00a0",
})  # fmt: skip
# What holds together: letters and digits, and digits with what may stand in a number, a date, a time, a code.
RUN = re.compile(
    r"(?<![A-Za-z0-9_])(?=[A-Za-z_–-]{0,40}\d)[A-Za-z0-9]+"
    r"(?:(?:[-–_]|(?<=\d)[.,':/\u00a0](?=\d)|(?<=\d) (?=\d{3}(?!\d))|(?<=\d[eE])\+(?=\d))[A-Za-z0-9]+)*"
)
SYMBOLS = r"US\$|HK\$|NT\$|[$€£¥₹₩]"
CODES = "RMB|CNY|USD|EUR|GBP|JPY|HKD|CHF|INR|TWD|NTD|KRW|SGD|AUD|CAD|MOP|Rs"
CURRENCY_BEFORE = re.compile(rf"(?:{SYMBOLS}|(?<![A-Za-z])(?:{CODES})\.?)$")
CURRENCY_AFTER = re.compile(
    rf"[ \u00a0]?(?:{SYMBOLS}|(?:{CODES})(?![A-Za-z])|[万萬亿億]?(?:元|圆|圓|美元|欧元|歐元|日元|港元|英镑))"
)
PIECE = re.compile(rf"(?P<code>{CODES})?(?P<digits>\d(?:[\d.,':/\u00a0 ]*\d)?)(?P<tail>[A-Za-z]*(?:(?<=m)[23])?)")
POWER_OF_TEN = re.compile(r"(\d+(?:\.\d+)?)[eE]([-+]?\d{1,3})")
PLAIN = re.compile(r"\d+(?:\.\d+)?")
GROUPED_NUMBER = re.compile(
    r"(?!0)(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3}|\d{1,3}(?:'\d{3})+|\d{1,3}(?:\u00a0\d{3})+)(?:\.\d+)?"
)
SPACED = re.compile(r"\d{1,3}(?:[ \u00a0]\d{3})+(?:[.,]\d+)?")
POINTED = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
POINT_GROUPS = re.compile(r"\d{1,3}(?:\.\d{3}){2,}|\d{1,3}(?:\.\d{3})+,\d+")
COMMA_DECIMALS = re.compile(r"\d+,\d+|\d{1,3}(?:\u00a0\d{3})+,\d+")
PAIR = re.compile(r"\d{2,9}/\d{2,9}")  # 120/80, but neither 3/4 nor 05/12
MAX_DAY = 31
LIST = re.compile(r"\d+(?:,\d+){2,}")
COMMA_COUNTRY = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+,\d{1,2}(?![\d.,])")
POINT_COUNTRY = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+\.\d{1,2}(?![\d.,])")
OPENS_A_RANGE = re.compile(r"\d[^\s\d,，.。;；:：(]{1,4}\Z")  # 30%-50%, 5元-10元
WORD_BEYOND = re.compile(r"[ \u00a0]([A-Za-z]+)")
DASH = re.compile("[-–_]")
MAX_BARE_CHARS = 16
AMOUNT_BEYOND = re.compile(r"[ \u00a0]?\d")
BARE_BEFORE = re.compile(r"|.?[\n\t|;，。；、：\u4e00-\u9fff]|[\d\u4e00-\u9fff，。：\n|] ", re.DOTALL)
BARE_AFTER = re.compile(r"\Z|[\n\t|;，。；、年月日号人个件名页章条]| \d|[ ]?[|]")
RAISED_DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
TIMES_TEN = re.compile(r"[ ]?[×x*·][ ]?10(?:\^\{?([-+]?\d{1,3})\}?|([⁻]?[⁰¹²³⁴-⁹]{1,3}))")
IS_RAISED = re.compile("[⁻]?[⁰¹²³⁴-⁹]+|\\^[-+]?\\d+")
# 千克 is a unit, 万科 a name, 百分 the beginning of another word.
CHINESE_MULTIPLIER = (
    r"[十百千]?[万萬](?![亿億圣科达豪])|[万萬][亿億]|[十百千]?[亿億]|千(?![克米瓦卡帕赫伏焦吨噸字])|百(?![分])"
)
MULTIPLIER = re.compile(
    rf"[ \u00a0]?(?:(?P<chinese>{CHINESE_MULTIPLIER})"
    r"|(?P<word>(?i:thousand|millionen|million|billion|trillion|lakh|crore|milliarden|milliard|tausend|mio|mrd|tsd|bn|mn))"
    r"s?\.?(?![A-Za-z])|(?P<letter>[kKmMBT])(?![A-Za-z0-9]))"
)
TIMES = {
    "十": 1, "百": 2, "千": 3, "万": 4, "萬": 4, "亿": 8, "億": 8,
    "k": 3, "thousand": 3, "tausend": 3, "tsd": 3, "lakh": 5, "crore": 7,
    "m": 6, "mn": 6, "million": 6, "millionen": 6, "mio": 6,
    "b": 9, "bn": 9, "billion": 9, "milliard": 9, "milliarden": 9, "mrd": 9, "t": 12, "trillion": 12,
}  # fmt: skip
CHINESE_PARTS = re.compile(rf"(\d+(?:\.\d+)?)({CHINESE_MULTIPLIER})")
TO = r"[ ]?(?:[~–至到]|-)[ ]?"
MULTIPLIER_AHEAD = re.sub(r"\?P<\w+>", "?:", MULTIPLIER.pattern)
SHARED = re.compile(rf"{TO}\d[\d.,]*(?={MULTIPLIER_AHEAD})")
PERCENT = re.compile(r"[ \u00a0]?(?:(?P<hundred>%|percent\b|per cent\b|pct\b|Prozent\b|pour cent\b)|‰)")
MEASURE_NAMES = """
    m2 m3 dm2 dm3 cm2 cm3 mm2 mm3 km2
    kg g mg t lb lbs oz km m cm mm nm um dm ft in mi ha sqm L l ml mL dl V kV mV W kW MW GW A mA Ah mAh kWh MWh Wh Hz
    kHz MHz GHz h hr hrs min s ms ns d day days weeks months years hours minutes KB MB GB TB PB kB Mbps Gbps kbps bps px
    pt em dpi ppi ppm ppb rpm fps Pa kPa MPa hPa bar psi N kN Nm J kJ MJ cal kcal dB lm lx K C F mol st nd rd th er x X
    pcs pc page pages p pp
"""
MEASURES = frozenset((*MEASURE_NAMES.split(), *CODES.split("|")))


class Number(NamedTuple):
    """A place that says a number."""

    value: Decimal
    start: int
    end: int


class Written(NamedTuple):
    """What holds together from start to end, and the numbers it says; `plain`: the same without separators."""

    start: int
    end: int
    numbers: tuple[Number, ...] = ()
    plain: str = ""
    plain_start: int = 0
    plain_end: int = 0


def one_width(text: str) -> str:
    """`text` with narrow digits and one minus, each character in its place."""
    return WIDE_COMMA.sub(",", text).translate(ONE_WIDTH)


def exact(number: str | Decimal) -> Decimal:
    """A number without the zeros at its end, and without any rounding."""
    return UNROUNDED.normalize(Decimal(number))


def times_ten(number: Decimal, power: int) -> Decimal:
    return exact(UNROUNDED.scaleb(number, power))


def numbers_in(text: str, is_taken: Callable[[int], bool]) -> Iterator[Written]:
    """Every number of a text of one width, and every other token with digits; `is_taken`: not to be read again."""
    comma_country = bool(COMMA_COUNTRY.search(text)) and not POINT_COUNTRY.search(text)
    reader = _Reader(text, comma_country)
    for run in RUN.finditer(text):
        start, end = run.span()
        if start >= reader.done and not is_taken(start):
            yield from reader.read(start, end)


def _is_bare(text: str, start: int, end: int) -> bool:
    """Whether digits have nothing around them that could change what they say: so most do in a table."""
    is_whole = text[start:end].isdecimal() and end - start < MAX_BARE_CHARS and (text[start] != "0" or end - start == 1)
    return bool(is_whole and BARE_BEFORE.fullmatch(text[max(0, start - 2) : start]) and BARE_AFTER.match(text, end))


class _Reader:
    """What reads the runs of a text; `done`: where digits are read up to, beyond their own run."""

    def __init__(self, text: str, comma_country: bool) -> None:
        self.text, self.comma_country, self.done = text, comma_country, 0

    def read(self, start: int, end: int) -> Iterator[Written]:
        run = self.text[start:end]
        if _is_bare(self.text, start, end):
            yield Written(start, end, (Number(Decimal(run), start, end),))
        elif " " in run and not (len(run) <= MAX_RUN_CHARS and self._is_spaced_number(run, start, end)):
            yield from self._each(start, run.split(" "))
        elif len(run) > MAX_RUN_CHARS:
            yield Written(start, end)
        elif POWER_OF_TEN.fullmatch(run):
            number, power = POWER_OF_TEN.fullmatch(run).groups()  # type: ignore[union-attr]
            yield self._signed(times_ten(Decimal(number), int(power)), start, end, end)
        elif PAIR.fullmatch(run) and max(map(int, run.split("/"))) > MAX_DAY:
            yield from self._each(start, run.split("/"))
        elif LIST.fullmatch(run) and not GROUPED_NUMBER.fullmatch(run):
            yield from self._each(start, run.split(","))
        elif DASH.search(run):
            yield from self._range(start, end)
        else:
            yield self._single(start, end)

    def _each(self, start: int, pieces: list[str]) -> Iterator[Written]:
        for piece in pieces:
            yield from self.read(start, start + len(piece))
            start += len(piece) + 1

    def _range(self, start: int, end: int) -> Iterator[Written]:
        """From a number to a larger one; whatever else has dashes inside is a code of some kind."""
        pieces = DASH.split(self.text[start:end])
        amounts = [self._amount(piece, start, end) for piece in pieces]
        rises = len(pieces) == 2 and None not in amounts and amounts[0] < amounts[1]  # type: ignore[operator]
        if not rises or any(re.match(r"0\d", piece) for piece in pieces):
            yield Written(start, end)
            return
        middle = start + len(pieces[0])
        yield self._single(start, middle)
        yield self._single(middle + 1, end, is_signed=False)

    def _amount(self, piece: str, start: int, end: int) -> Decimal | None:
        read = PIECE.fullmatch(piece)
        return self._value(read["digits"], start, end) if read and (read["tail"] or "m") in MEASURES else None

    def _single(self, start: int, end: int, *, is_signed: bool = True) -> Written:
        read = PIECE.fullmatch(self.text, start, end)
        if not read:
            return Written(start, end)
        first, last = read.span("digits")
        value = self._value(read["digits"], first, end)
        if value is None:
            return Written(start, end)
        if multiplied := self._multiplied(value, first, last):
            return multiplied
        if read["tail"] and read["tail"] not in MEASURES:
            return Written(start, end)
        if self._follows_a_point(first, read["code"]):
            is_fraction = read["digits"].isdigit() and not self.text[max(0, first - 2) : first - 1].isalnum()
            return _one(exact(f"0.{read['digits']}"), first - 1, last) if is_fraction else Written(start, end)
        written = self._signed(value, first, last, last) if is_signed else _one(value, first, last)
        return self._with_plain(written, read["digits"], first, last)

    def _with_plain(self, written: Written, digits: str, first: int, last: int) -> Written:
        """Also without its separators, and what it is of one if it counts hundredths."""
        numbers = written.numbers
        if numbers and (percent := PERCENT.match(self.text, last)):
            share = times_ten(numbers[0].value, -2 if percent["hundred"] else -3)
            is_whole = share == share.to_integral_value()  # 1 is not meant by 100%
            numbers = numbers if is_whole else (*numbers, Number(share, numbers[0].start, percent.end()))
        plain = "" if PLAIN.fullmatch(digits) or not numbers else f"{numbers[0].value.copy_abs():f}"
        if digits.startswith("00") or re.match(r"0\d\d", digits):
            numbers = ()  # a code: 7 is not 007
        return written._replace(numbers=numbers, plain=plain, plain_start=first, plain_end=last)

    # --- how much ---

    def _value(self, digits: str, start: int, end: int) -> Decimal | None:
        """What digits with their separators say; None where it is a version, a time, or could be two things."""
        if "/" in digits:
            return None
        if POINT_GROUPS.fullmatch(digits) or (self.comma_country and POINTED.fullmatch(digits)):
            is_address = digits.count(".") == 3 and all(int(part) < 256 for part in digits.split(".") if part.isdigit())
            return None if is_address else exact(digits.replace(".", "").replace(",", "."))
        if PLAIN.fullmatch(digits):
            return exact(digits)
        if GROUPED_NUMBER.fullmatch(digits):
            return None if self.comma_country and digits.count(",") == 1 else exact(re.sub("[,'\u00a0]", "", digits))
        if SPACED.fullmatch(digits):
            return exact(re.sub("[ \u00a0]", "", digits).replace(",", "."))
        if COMMA_DECIMALS.fullmatch(digits) and (
            self.comma_country or digits.startswith("0,") or self._is_measured(start, end)
        ):
            return exact(digits.replace("\u00a0", "").replace(",", "."))
        return None

    def _is_spaced_number(self, run: str, start: int, end: int) -> bool:
        """2 345 678, but not 100 200 300, which may be three columns."""
        read = PIECE.fullmatch(run)
        if not read or not SPACED.fullmatch(read["digits"]):
            return False
        groups = read["digits"].split(" ")
        return (len(groups) > 2 and len(groups[0]) < 3) or "," in groups[-1] or self._is_measured(start, end)

    def _is_measured(self, start: int, end: int) -> bool:
        """Whether a currency or a unit shows that it is one number."""
        beyond = WORD_BEYOND.match(self.text, end)
        return bool(
            self._has_currency(start, end)
            or self.text[end - 1 : end].isalpha()
            or PERCENT.match(self.text, end)
            or (MULTIPLIER.match(self.text, end))
            or (beyond and beyond[1] in MEASURES and beyond[1] != "in")
        )

    def _has_currency(self, start: int, end: int) -> bool:
        before = self.text[max(0, start - 5) : start].rstrip(" \u00a0").removesuffix("-")
        return bool(CURRENCY_BEFORE.search(before) or CURRENCY_AFTER.match(self.text, end))

    def _multiplied(self, value: Decimal, first: int, last: int) -> Written | None:
        """1200万, 1.5 million, $1.5M, 3×10⁵; and the 10 of 10~20万. None where nothing multiplies it."""
        text = self.text
        if power := TIMES_TEN.match(text, last):
            raised, self.done = power[1] or power[2].translate(RAISED_DIGITS), power.end()
            return self._signed(times_ten(value, int(raised)), first, last, power.end())
        if raised_to := IS_RAISED.match(text, last):
            self.done = raised_to.end()
            return Written(first, raised_to.end())
        shared = SHARED.match(text, last)
        at = shared.end() if shared else last
        found = MULTIPLIER.match(text, at)
        if not found:
            return None
        if found["chinese"] and not shared:
            return self._chinese(first, last, value)
        if found["letter"] and not self._is_multiplier(found["letter"], first, found):
            return (
                Written(first, found.end()) if found["letter"] in "MBkK" and found.start() + 1 == found.end() else None
            )
        return self._signed(times_ten(value, _power(found)), first, last, found.end())

    def _is_multiplier(self, letter: str, first: int, found: re.Match[str]) -> bool:
        """Of one letter: k at once, the others only where there is money; 5 M may be five metres or moles."""
        has_currency = self._has_currency(first, found.end())
        return has_currency or (letter in "kK" and found.end() - found.start() == 1 and letter != "K")

    def _chinese(self, first: int, last: int, value: Decimal) -> Written:
        """One or more: 1200万, 1亿2000万."""
        found = MULTIPLIER.match(self.text, last)
        assert found
        power, end = _power(found), found.end()
        total = times_ten(value, power)
        while part := CHINESE_PARTS.match(self.text, end):
            below = sum(TIMES[each] for each in part[2])
            if below >= power:
                self.done = part.end()
                return Written(first, part.end())
            total, power, end = UNROUNDED.add(total, times_ten(Decimal(part[1]), below)), below, part.end()
        self.done = end
        if end < len(self.text) and self.text[end].isdigit():  # 3万5: who knows
            self.done += 1
            return Written(first, end + 1)
        return self._signed(exact(total), first, last, end)

    # --- its sign and its neighbours ---

    def _follows_a_point(self, first: int, code: str | None) -> bool:
        """As in .5 and a.5."""
        before = self.text[first - 1 : first] if first and not code else ""
        return before == "." and self.text[max(0, first - 3) : first] not in ("No.", "no.", "Nr.")

    def _signed(self, value: Decimal, first: int, last: int, end: int) -> Written:
        """With the sign before it, behind it or around it; the place covers both."""
        text = self.text
        before = text[max(0, first - 8) : first]
        bare = CURRENCY_BEFORE.sub("", before.rstrip(" \u00a0"))
        inner = before.removesuffix("-")
        if inner != before and CURRENCY_BEFORE.search(inner):  # $-5
            return _one(
                value.copy_negate(), first - len(before) + len(CURRENCY_BEFORE.sub("", inner)), end, first, last
            )
        bare = before if bare == before.rstrip(" \u00a0") else bare
        at = first - len(before) + len(bare)
        if bare[-1:] in ("△", "▲") or bare[-2:] in ("△ ", "▲ "):
            return _one(value.copy_negate(), at - 1 - bare.endswith(" "), end, first, last)
        if self._is_minus(at):
            return _one(value.copy_negate(), at - 1, end, first, last)
        money = bool(re.search("[.,']", text[first:last]))
        if money and text[end : end + 1] == "-" and self._ends_behind_a_minus(end + 1):
            return _one(value.copy_negate(), first, end + 1, first, last)
        if self._is_in_parentheses(at, end) and (money or at < first):
            return _one(value.copy_negate(), at - 1, end + 1, first, last)
        return _one(value, first, end, first, last)

    def _is_minus(self, at: int) -> bool:
        sign, before = (self.text[max(0, place) : place + 1] for place in (at - 1, at - 2))
        if sign == "–":
            return before.isspace() or before in ("", "(", "：", ":", "|")
        if OPENS_A_RANGE.search(self.text, max(0, at - 7), max(0, at - 1)):
            return False
        return sign == "-" and not (before.isascii() and before.isalnum()) and before not in ("-", "–")

    def _ends_behind_a_minus(self, at: int) -> bool:
        """Whether nothing follows that a dash could reach to, but a currency."""
        currency = CURRENCY_AFTER.match(self.text, at)
        is_last = bool(currency) and not AMOUNT_BEYOND.match(self.text, currency.end() if currency else at)
        return is_last or not self.text[at : at + 2].strip(" -")

    def _is_in_parentheses(self, at: int, end: int) -> bool:
        """As accounts write what is owed: (1,234.50), with nothing else inside, and no word before it; not (2024)."""
        inside = self.text[at - 1 : at] == "(" and self.text[end : end + 1] == ")"
        before = self.text[at - 2 : at - 1] if at > 1 else ""
        return inside and not before.isalnum()


def _one(value: Decimal, start: int, end: int, first: int = 0, last: int = 0) -> Written:
    number = Number(exact(value), start, end)
    is_plain = last and end > last and first == start and number.value.adjusted() < MAX_PLAIN_DIGITS
    plain = f"{number.value.copy_abs():f}" if is_plain else ""
    return Written(start, end, (number,), plain, first, end)


def _power(found: re.Match[str]) -> int:
    if found["chinese"]:
        return sum(TIMES[each] for each in found["chinese"])
    return TIMES[(found["word"] or found["letter"]).lower()]
