"""The numbers and words of a page in the order they are written: amounts, dates, times, serials, Chinese numerals.

A number's key is its value as written, without grouping: zeros at its ends count, as serials and roundings show there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
FINANCIAL, EVERYDAY, SCALES = "壹贰叁肆伍陆柒捌玖拾佰仟貳參陸", "零〇一二三四五六七八九十百千两", "零〇万亿萬億"
COUNTED = "年月日条章节元角分亿万号期次款项岁倍"
# A blank that kerning leaves before a point or a comma; a dash, but the sign of an amount that follows another
KERNED_MARK = r"[ ](?:\.(?=\d{1,4}(?!\d|[.,]\d)|\d{3},\d\d(?!\d))|,(?=\d{2,3}(?!\d)))"
JOINING_DASH = r"(?:(?<![.,]\d\d)-|-(?!\d{1,3}(?:[.,]?\d{3}){0,5}[.,]\d\d(?![\d])))"
TOKEN = re.compile(
    r"(?P<ymd>(?<![\d.,/-])(?:1 ?9|2 ?0) ?\d ?\d\s{0,2}年\s{0,2}\d ?\d?\s{0,2}月(?:\s{0,2}\d ?\d?\s{0,2}[日号])?"
    r"|(?<![\d.,/-])(?:19|20)\d\d(?P<mark>[-/.])\d{1,2}(?P=mark)\d{1,2}(?![\d]|[-/.,]\d))"
    r"|(?P<md>(?<!\d)\d{1,2}\s{0,2}月\s{0,2}\d{1,2}\s{0,2}[日号])"
    rf"|(?P<named>(?<!\w){MONTH}\.?\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}(?!\d)"
    rf"|(?<!\w)\d{{1,2}}(?:st|nd|rd|th)?(?:\sof)?[\s-]{MONTH}\.?,?[\s-]\d{{4}}(?!\d))"
    r"|(?P<clock>(?<!\d)\d{1,2}\s?[时點点]\s?\d{2}\s?分)"
    rf"|(?P<hanzi>[零〇]{{0,2}}[{FINANCIAL}][{FINANCIAL}{SCALES}]{{0,40}}|[{EVERYDAY}{SCALES}]{{2,40}}"
    rf"|(?<=第)[{EVERYDAY}]|[{EVERYDAY}](?=[{COUNTED}]))"
    r"|(?P<mixed>(?<![\w.,/:^-])\d{1,3}(?:[ ]{1,3}|-)\d{1,2}/\d{1,3}(?![\d/]|[.,-]\d))"
    rf"|(?P<number>(?:(?<![\w.,)])\.)?\d+(?:(?:['’.,:/]|{KERNED_MARK}|{JOINING_DASH}|\^[+-]?)\d+)*(?:(?<=\d)e[+-]?\d{{1,3}}(?![a-z\d]))?)"
    r"|(?P<word>[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\d_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)"
)
SUFFIX = re.compile(r"(?:[ ]{0,2}|\n)(%|‰|[百千万亿萬億]{1,3}|(?:thousand|million|billion|trillion|bn|mn|mio|mrd)\b)")
GROUPED = re.compile(r"\d{1,3}(?:[,'’]\d{3})+(?:\.\d+)?|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?")
DOTTED_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.(?:19|20)\d\d")
POINTS_GROUP = re.compile(r"\d{1,3}(?:\.\d{3})+,\d{1,2}")  # what is grouped by points has its comma for the point
CURRENCY = r"(?:us|rmb|cny|usd|hk)?\s?[$¥€£]?\s?"
SIGNED = re.compile(rf"(?:^|(.))([-+△▲])(\s{{0,2}}){CURRENCY}$", re.DOTALL)
SIGN_MARK = re.compile(r"[-+△▲(—~～至到]")  # one of them stands in all that is a sign, or may be one
APART = re.compile(r"(?:[—~～至到]|--)\s?$")
GLUED_SIGN = re.compile(r"[.,]\d{1,2}(?:(?<=[.,]\d\d)|\s?[%€$£¥])(?:-\s?|[ ]-\n)$")
OPENING = re.compile(rf"(?:^|(.))\(\s?{CURRENCY}[-]?$", re.DOTALL)
CLOSING = re.compile(r"\s?\)")
YEAR = re.compile(r"(?:19|20)\d\d")
MAX_KEY_CHARS = 80  # what is longer is no number, and is compared as it stands
DIGITS = {
    **{c: n for n, c in enumerate("零一二三四五六七八九")}, **{c: n for n, c in enumerate("壹贰叁肆伍陆柒捌玖", 1)},
    "〇": 0, "两": 2, "貳": 2, "參": 3, "陸": 6,
}  # fmt: skip
TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}


@dataclass(frozen=True, slots=True)
class Token:
    """A number or a word. `forms`: other ways to write the same; `parts`: what it is put together from."""

    key: str
    start: int
    end: int
    number: bool = False
    forms: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    def equals(self, other: "Token") -> bool:
        return self.key == other.key or self.key in other.forms or other.key in self.forms

    @property
    def whole(self) -> bool:
        """Digits and nothing else: it may count pages or the items of a list."""
        return self.key.isdigit()


def digits_of(key: str) -> str:
    return re.sub(r"\D", "", key)


def tokens_of(text: str) -> list[Token]:
    """Of a text in one width and case."""
    return list(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while found := TOKEN.search(text, at):
        at = found.end()
        kind = "ymd" if found["ymd"] else str(found.lastgroup)
        if kind == "word":
            yield Token(found[0], found.start(), at)
            continue
        token = _number(kind, found, text)
        at = token.end
        yield token


def _number(kind: str, found: re.Match[str], text: str) -> Token:
    written, start, end = found[0], found.start(), found.end()
    if kind in ("ymd", "md"):
        return _date(_integers(written.replace(" ", "")), start, end)
    if kind == "named":
        return _named_date(written, start, end)
    if kind == "clock":
        return Token(":".join(_clock(re.findall(r"\d+", written))), start, end, True)
    if kind == "mixed":
        return _mixed(written, start, end, text)
    if kind == "hanzi":
        return Token(_value(written), start, end, True)
    return _plain_number(written, start, end, text)


def _integers(written: str) -> tuple[str, ...]:
    return tuple(str(int(each)) for each in re.findall(r"\d{1,8}", written))


def _date(parts: tuple[str, ...], start: int, end: int) -> Token:
    compact = "".join(part.zfill(2) for part in parts)
    return Token("d" + "-".join(parts), start, end, True, (compact,), parts)


def _named_date(written: str, start: int, end: int) -> Token:
    named = re.search(MONTH, written)
    month = MONTHS.index(named[0][:3]) + 1 if named else 0
    day, year = _integers(written)
    return _date((year, str(month), day), start, end)


def _clock(parts: list[str]) -> list[str]:
    return [str(int(parts[0])), *parts[1:]]


def _mixed(written: str, start: int, end: int, text: str) -> Token:
    """A whole number and a fraction, as in 2 3/4."""
    whole, fraction = re.split(r"-|\s+", written)
    sign = _sign(written, text, start, end).partition("?")[0]
    key = f"{sign}{whole} {fraction}"
    return Token(
        key, start, end, True, (sign + whole + fraction, f"{sign}{whole}-{fraction}"), (sign + whole, fraction)
    )


def _plain_number(written: str, start: int, end: int, text: str) -> Token:
    pieces, written = written.split(" "), written.replace(" ", "")
    key, forms, parts = _reading_of(written) if len(written) <= MAX_KEY_CHARS else (written, (), ())
    if len(pieces) > 1:
        parts = tuple(_reading_of(piece.lstrip(","))[0] for piece in pieces)
    suffix = SUFFIX.match(text, end)
    if suffix and suffix[1]:
        end, key = suffix.end(), key + suffix[1].replace("萬", "万").replace("億", "亿")
    sign = _sign(written, text, start, end)
    if sign.startswith("?"):
        forms = (*forms, sign[1:] + key)
    elif sign:
        key, forms = sign + key, tuple(sign + form for form in forms)
    return Token(key, start, end, True, forms, parts)


def _reading_of(written: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The key of digits and marks, other forms, and the parts they have."""
    if written.isdigit():
        return written, (), ()
    if "^" in written:
        return (
            written,
            (written.replace("^", ""), written.replace("^", "").replace("+", "")),
            tuple(re.split(r"\^", written)),
        )
    if re.fullmatch(r"\d{1,2}(?::\d\d){1,2}", written):
        return ":".join(_clock(written.split(":"))), (), tuple(written.split(":"))
    if re.search(r"[:/-]", written):
        return _joined(written)
    if GROUPED.fullmatch(written):
        return re.sub(r"[,'’]", "", written), (), ()
    if DOTTED_DATE.fullmatch(written):
        return _joined(written)
    if POINTS_GROUP.fullmatch(written):
        return written, (written.replace(".", ""),), tuple(written.split(","))
    parts = tuple(written.split(",")) if "," in written else tuple(written.split(".")) if written.count(".") > 1 else ()
    return ("0" + written if written.startswith(".") else written), (), parts


def _joined(written: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    dotted = DOTTED_DATE.fullmatch(written)
    parts = tuple(_reading_of(part)[0] for part in re.split(r"[:/.-]" if dotted else r"[:/-]", written))
    forms: tuple[str, ...] = ()
    if re.fullmatch(r"\d{1,2}([-/.])\d{1,2}\1(?:19|20)\d\d", written):
        one, two, year = (str(int(part)) for part in parts)
        forms = (f"d{year}-{one}-{two}", f"d{year}-{two}-{one}")
    elif re.fullmatch(r"\d{1,4}[-/]\d{1,2}", written):
        forms = (f"d{int(parts[0])}-{int(parts[1])}",)
    marks = iter(re.findall(r"[:/.-]" if dotted else r"[:/-]", written))
    return parts[0] + "".join(next(marks) + part for part in parts[1:]), forms, parts


def _sign(written: str, text: str, start: int, end: int) -> str:
    """`-` or `+`, nothing, or `?` before one that may be a sign and may just stand between."""
    before = text[max(0, start - 9) : start]
    if not SIGN_MARK.search(before):
        return ""
    if GLUED_SIGN.search(before):
        return "?-"
    if found := SIGNED.search(before):
        tight = not found[3] or "\n" in found[3]
        if found[1] and ((found[1].isascii() and found[1].isalnum()) or found[1] in ")]}%-+"):
            return ""
        if not tight or (found[1] and found[1].isalnum()):
            return "?+" if found[2] == "+" else "?-"
        return "+" if found[2] == "+" else "-"
    if (opened := OPENING.search(before)) and CLOSING.match(text, end):
        return _of_parentheses(written, opened[1] or "\n")
    return "?-" if APART.search(before) else ""


def _of_parentheses(written: str, before: str) -> str:
    """Accountants put what is less than nothing into them; others years, phone codes and the numbers of a list."""
    if not written.isdigit():
        return "-" if re.fullmatch(r"[\d.,]+", written) and not (before.isascii() and before.isalpha()) else ""
    if before.isalnum() or written.startswith("0") or YEAR.fullmatch(written):
        return ""
    return "?-" if len(written) <= 2 and before == "\n" else "-"


def _value(written: str) -> str:
    """Of a Chinese numeral, in digits."""
    if all(c in DIGITS for c in written):
        return "".join(str(DIGITS[c]) for c in written)
    total = section = digit = 0
    for c in written:
        if c in MYRIADS:
            here, scale = section + digit, MYRIADS[c]
            total = (total + here or 1) * scale if scale > 10**4 else total + (here or 1) * scale
            section = digit = 0
        elif c in TENS:
            section, digit = section + (digit or 1) * TENS[c], 0
        else:
            digit = DIGITS[c]
    return str(total + section + digit)
