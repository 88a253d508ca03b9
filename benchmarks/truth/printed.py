"""Numbers as they are printed: by country, by kind, each marked."""

from random import Random

from .marks import number as number

NARROW = "\u202f"  # what French typesetting puts between thousands
MONTHS_EN = "January February March April May June July August September October November December".split()  # noqa: SIM905
MONTHS_DE = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()  # noqa: SIM905
MONTHS_FR = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()  # noqa: SIM905
CAPITAL = "零壹贰叁肆伍陆柒捌玖"
SMALL = "〇一二三四五六七八九"


def grouped(value: float, style: str, decimals: int = 2) -> str:
    """`style`: en 1,234.50; de 1.234,50; fr 1 234,50; ch 1'234.50; plain 1234.50."""
    text = f"{value:,.{decimals}f}"
    if style == "plain":
        return text.replace(",", "")
    marks = {"en": ",.", "de": ".,", "fr": f"{NARROW},", "ch": "'."}[style]
    return text.translate({ord(","): marks[0], ord("."): marks[1]})


def amount(rng: Random, style: str = "en", low: float = 20, high: float = 90_000, sign: str = "") -> str:
    """`sign`: - before, () around, a trailing -, △ or $ and ¥ as currencies."""
    text = grouped(low * (high / low) ** rng.random(), style)
    return number("amount", f"({text})" if sign == "()" else f"{text}-" if sign == "trailing" else sign + text)


def whole(rng: Random, style: str = "en", low: int = 1_000, high: int = 900_000, sign: str = "") -> str:
    text = grouped(int(low * (high / low) ** rng.random()), style, 0)
    return number("count", f"({text})" if sign == "()" else sign + text)


def quantity(rng: Random, high: int = 20) -> str:
    return number("quantity", str(rng.choice([1, 2, 3, 6, 7, 8, 12, rng.randint(1, high), rng.randint(1, high)])))


def decimal(rng: Random, low: float, high: float, decimals: int = 1, comma: bool = False, sign: str = "") -> str:
    text = f"{rng.uniform(low, high):.{decimals}f}"
    return number("decimal", sign + (text.replace(".", ",") if comma else text))


def percent(rng: Random, high: float = 40, decimals: int = 1, space: str = "", comma: bool = False) -> str:
    text = f"{rng.uniform(0.3, high):.{decimals}f}"
    return number("percent", f"{text.replace('.', ',') if comma else text}{space}%")


def date(rng: Random, style: str) -> str:
    """`style`: iso, zh, hanzi, us, en, de, dots, fr, slashes."""
    year, month, day = rng.randint(2015, 2026), rng.randint(1, 12), rng.randint(1, 28)
    ten = ["", "十", "二十"][day // 10] + ("" if day % 10 == 0 else SMALL[day % 10])
    months = ["", *"一二三四五六七八九十", "十一", "十二"]
    return number(
        "date",
        {
            "iso": f"{year}-{month:02}-{day:02}",
            "zh": f"{year}年{month}月{day}日",
            "hanzi": "".join(SMALL[int(digit)] for digit in str(year)) + f"年{months[month]}月{ten}日",
            "us": f"{MONTHS_EN[month - 1]} {day}, {year}",
            "en": f"{day} {MONTHS_EN[month - 1]} {year}",
            "de": f"{day}. {MONTHS_DE[month - 1]} {year}",
            "fr": f"{day} {MONTHS_FR[month - 1]} {year}",
            "dots": f"{day:02}.{month:02}.{year}",
            "slashes": f"{month:02}/{day:02}/{year}",
        }[style],
    )


def clock(rng: Random) -> str:
    return number("time", f"{rng.randint(5, 22):02}:{rng.randint(1, 59):02}")


def digits(rng: Random, count: int, first: str = "123456789") -> str:
    return rng.choice(first) + "".join(rng.choice("0123456789") for _ in range(count - 1))


def serial(rng: Random, before: str = "", count: int = 8, zeros: int = 0) -> str:
    return number("serial", before + "0" * zeros + digits(rng, count - zeros))


def card(rng: Random) -> str:
    return number("serial", " ".join(["6222", *(digits(rng, 4) for _ in range(3))]))


def iban(rng: Random) -> str:
    return number("serial", " ".join([f"DE{digits(rng, 2)}", *(digits(rng, 4) for _ in range(4)), digits(rng, 2)]))


def phone(rng: Random, language: str) -> str:
    forms = {
        "zh": [
            f"010-{digits(rng, 4, '68')} {digits(rng, 4)}",
            f"1{digits(rng, 2, '358')} {digits(rng, 4)} {digits(rng, 4)}",
        ],
        "en": [f"({digits(rng, 3)}) 555-{digits(rng, 4)}", f"+1 {digits(rng, 3)}-555-{digits(rng, 4)}"],
        "de": [f"+49 30 {digits(rng, 6)}", f"089/{digits(rng, 4)}-{digits(rng, 2)}"],
        "fr": [f"01 {digits(rng, 2)} {digits(rng, 2)} {digits(rng, 2)} {digits(rng, 2)}"],
    }
    return number("phone", rng.choice(forms[language]))


def magnitude(rng: Random, units: tuple[str, ...] = ("万", "亿")) -> str:
    return number("magnitude", f"{rng.uniform(1.1, 98):.{rng.choice([1, 2])}f}{rng.choice(units)}")


def capital(rng: Random) -> str:
    """A sum in the numerals of Chinese cheques."""
    units = ["万", "仟", "佰", "拾"]
    parts = [CAPITAL[rng.randint(1, 9)] + unit for unit in units[rng.randint(0, 2) :]]
    return number("chinese", "".join(parts) + CAPITAL[rng.randint(1, 9)] + "元整")


def spoken(rng: Random) -> str:
    """A count in plain Chinese numerals."""
    ten, one = rng.randint(2, 9), rng.randint(1, 9)
    return number(
        "chinese", rng.choice([f"{SMALL[ten]}十{SMALL[one]}", f"{SMALL[ten]}百{SMALL[one]}十", f"{SMALL[ten]}百"])
    )


def page_number(rng: Random, high: int = 240) -> str:
    return number("page", str(rng.randint(8, high)))
