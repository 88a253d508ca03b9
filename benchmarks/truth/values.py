"""Values that an extraction claims, each with a text and whether it stands there.

found: as it is written; alike: written in another way, and everyone who reads it agrees; absent: only pieces of it look so.
A percentage is found as its own number (12.5 in "12.5 %") and alike as its share (0.125). 1234.5 in "1,234.50" is alike.
A part of a longer number, name, code, date or version does not stand there; a year beside its month is not asked for.
"""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

from .printed import CAPITAL, MONTHS_DE, MONTHS_EN, MONTHS_FR, SMALL, digits, grouped

SEED = 20240306
ROUNDS = 5
Truth = Literal["found", "alike", "absent"]
Json = str | int | float | bool
SURROUNDINGS = (
    ("", ""), ("Note: ", "."), ("本页记载：", "。"), ("| total | ", " |"), ("Siehe ", " und Anlage."), ("[", "]"),
    ("The annexed statement says:\n", "\nand nothing else."), ("<td>", "</td>"),
)  # fmt: skip


@dataclass(frozen=True)
class Value:
    kind: str
    text: str
    value: Json
    truth: Truth
    places: int | None = None


Claim = tuple[str, str, Json]  # kind, text, value


def values(seed: int = SEED) -> list[Value]:
    rng, made = Random(seed), dict[tuple[str, str], Value]()
    for _ in range(ROUNDS):
        for truth, claims in CLAIMS:
            for claim in claims:
                for kind, text, value in claim(rng):
                    before, after = rng.choice(SURROUNDINGS)
                    one = Value(kind, f"{before}{text}{after}", value, truth)
                    made.setdefault((one.text, repr(value)), one)
        for one in repeated(rng):
            made.setdefault((one.text, repr(one.value)), one)
    return list(made.values())


def day(rng: Random) -> tuple[int, int, int]:
    """Day and month cannot be taken for each other."""
    return rng.randint(2015, 2026), rng.randint(1, 12), rng.randint(13, 28)


def iso(year: int, month: int, day: int) -> str:
    return f"{year}-{month:02}-{day:02}"


def hanzi(number: int) -> str:
    ten, one = divmod(number, 10)
    return ("" if ten == 0 else "十" if ten == 1 else f"{SMALL[ten]}十") + (SMALL[one] if one else "")


# --- found ---


def plain_values(rng: Random) -> Iterator[Claim]:
    count, price = rng.randint(11, 99_999), round(rng.uniform(1, 900), 2) + 0.001
    yield "a whole number", f"共计 {count} 件", count
    yield "a whole number between Chinese words", f"共{count}件商品", count
    yield "a decimal", f"weighs {price:.3f} kg", round(price, 3)
    yield "a percentage as its number", f"rose by {(rate := rng.randint(11, 98) + 0.5)} %", rate
    yield "a number with its currency", f"${count}", count
    yield "an end of a range", f"{count}–{count + 7} units", count + 7
    yield "a negative", f"the change was -{count}", -count
    yield "a number that ends a sentence", f"It was {count}. Then", count
    yield "a number before its unit", f"{count}mm long", count


def plain_strings(rng: Random) -> Iterator[Claim]:
    code = f"{rng.choice('ABKT')}{digits(rng, 5)}"
    yield "a code", f"part {code}, revised", code
    yield "a Chinese name", f"法定代表人：{(name := rng.choice(['王建国', '李晓梅', '陈思远', '赵文博']))}", name
    yield (
        "a name",
        f"signed by {(name := rng.choice(['Ann Berger', 'Jo Lindgren', 'D. Novak', 'S. Moreau']))}, manager",
        name,
    )
    yield "a date as it is written", f"on {(date := iso(*day(rng)))}", date
    yield "a code between Chinese words", f"合同编号{code}已生效", code
    yield "a clock time", f"at {(time := f'{rng.randint(10, 22)}:{rng.randint(10, 59)}')} sharp", time
    yield "an address of mail", f"write to {(mail := f'desk{digits(rng, 2)}@example.org')}", mail
    yield "a word of a longer sentence", f"payable within {digits(rng, 2)} days to the holder", "payable within"
    yield "a true in a form", f'"id_{digits(rng, 3)}": true', True


# --- alike ---


def dates(rng: Random) -> Iterator[Claim]:
    at = year, month, date = day(rng)
    spoken = "".join(SMALL[int(digit)] for digit in str(year))
    for kind, text in (
        ("with dots", f"{date:02}.{month:02}.{year}"),
        ("in Chinese", f"{year}年{month}月{date}日"),
        ("in Chinese with spaces", f"{year} 年 {month:02} 月 {date} 日"),
        ("in Chinese numerals", f"{spoken}年{hanzi(month)}月{hanzi(date)}日"),
        ("in American", f"{MONTHS_EN[month - 1]} {date}, {year}"),
        ("in American, short", f"{MONTHS_EN[month - 1][:3]}. {date}, {year}"),
        ("in English", f"{date} {MONTHS_EN[month - 1]} {year}"),
        (
            "in English with an ordinal",
            f"{date}th {MONTHS_EN[month - 1]} {year}"
            if date not in (21, 22, 23)
            else f"{date} {MONTHS_EN[month - 1]} {year}",
        ),
        ("in German", f"{date}. {MONTHS_DE[month - 1]} {year}"),
        ("in French", f"{date} {MONTHS_FR[month - 1]} {year}"),
        ("with slashes", f"{year}/{month:02}/{date}"),
        ("with slashes, the day first", f"{date}/{month:02}/{year}"),
        ("without separators", f"日期 {year}{month:02}{date}"),
        (
            "full-width",
            f"{year}-{month:02}-{date}".translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"}),
        ),
    ):
        yield f"a date {kind}", text, iso(*at)


def grouped_numbers(rng: Random) -> Iterator[Claim]:
    value = rng.randint(110_000, 98_000_000) / 100
    for style, kind in (("en", "commas"), ("de", "German points"), ("fr", "narrow spaces"), ("ch", "apostrophes")):
        yield f"thousands with {kind}", grouped(value, style), value
    whole = rng.randint(1_000_000, 9_900_000)
    yield "millions with spaces", f"{whole:,}".replace(",", " ") + " inhabitants", whole
    yield "millions with commas", f"{whole:,}", whole
    lakh = rng.randint(1, 9) * 100_000 + rng.randint(10_000, 99_999)
    yield "Indian grouping", f"₹{str(lakh)[0]},{str(lakh)[1:3]},{str(lakh)[3:]}", lakh
    yield "zeros after the point", f"{rng.randint(11, 99)}.00 EUR {(tens := rng.randint(101, 899))}.50", tens + 0.5
    yield "a comma for the point", f"{(part := rng.randint(101, 899))},25 m", part + 0.25
    yield "full-width digits", "".join(chr(ord(digit) + 0xFEE0) for digit in str(whole)), whole
    yield "a text with commas for one without", f"EUR {value:.2f}", f"{value:,.2f}"
    yield "full-width yen", f"￥{value:,.2f}", f"¥{value:,.2f}"


def signs(rng: Random) -> Iterator[Claim]:
    value = rng.randint(1_001, 98_000)
    for kind, text in (("in brackets", f"({value:,}.50)"), ("with a triangle", f"△{value:,}.50"), ("with a black triangle", f"▲{value:,}.50"),
                       ("with a minus sign", f"loss −{value:,}.50"), ("before its currency", f"-${value:,}.50"), ("after it", f"{value:,}.50- EUR")):  # fmt: skip
        yield f"a negative {kind}", text, -(value + 0.5)


def magnitudes(rng: Random) -> Iterator[Claim]:
    tenths = rng.randint(11, 98) if rng.random() < 0.5 else rng.randint(1, 9) * 10 + 5
    text = f"{tenths / 10:.1f}"
    for unit, power in (
        ("亿元", 7),
        ("万元", 3),
        (" million", 5),
        (" billion", 8),
        ("億", 7),
        ("k", 2),
        (" Mio. €", 5),
        ("M", 5),
    ):
        shown = text.replace(".", ",") if "Mio" in unit else text
        yield f"a number of {unit.strip()}", f"{shown}{unit}", tenths * 10**power
    yield "thousands of 万", f"{(count := rng.randint(1, 9))},200万元", (count * 1000 + 200) * 10_000
    yield "a percentage as a share", f"{tenths / 10:.1f} %", round(tenths / 1000, 4)
    yield "a Chinese percentage as a share", f"百分之{hanzi(tens := rng.randint(11, 99))}", tens / 100
    one, two = rng.randint(1, 9), rng.randint(1, 9)
    yield "capital numerals", f"人民币{CAPITAL[one]}万{CAPITAL[two]}仟元整", one * 10_000 + two * 1000
    yield "capital numerals", f"人民币{CAPITAL[one]}佰{CAPITAL[two]}拾元整", one * 100 + two * 10
    yield "one capital numeral", f"人民币{CAPITAL[one]}仟元整", one * 1000
    yield "a Chinese number", f"共{hanzi(tens)}名员工", tens
    yield "a Chinese number of hundreds", f"约{SMALL[one]}百{SMALL[two]}十辆", one * 100 + two * 10
    yield "a power of ten", f"{one}.{two}2×10^5 m", (one * 100 + two * 10 + 2) * 1000
    yield "a raised power of ten", f"{one}.{two}2 × 10⁵ m", (one * 100 + two * 10 + 2) * 1000
    yield "an exponent", f"x = {one}.{two}2e5", (one * 100 + two * 10 + 2) * 1000
    yield "a fraction", f"{rng.choice(['½', '1/2'])} of the stock", 0.5
    yield "a mixed fraction", f"{one}½ cups", one + 0.5


def codes(rng: Random) -> Iterator[Claim]:
    groups = [digits(rng, 4) for _ in range(4)]
    yield "a card number in groups", " ".join(groups), "".join(groups)
    yield "a card number without its groups", "".join(groups), " ".join(groups)
    yield "a card number in groups with hyphens", "-".join(groups), "".join(groups)
    yield "an IBAN in groups", f"IBAN DE{groups[0][:2]} {' '.join(groups)} 01", f"DE{groups[0][:2]}{''.join(groups)}01"
    yield "a phone number in groups", f"+49 30 {groups[0][:3]} {groups[1]}", f"+4930{groups[0][:3]}{groups[1]}"
    yield "a Chinese phone number in groups", f"138-{groups[0]}-{groups[1]}", f"138{groups[0]}{groups[1]}"
    yield "a code in other case", f"ref kx-{groups[2]}", f"KX-{groups[2]}"
    yield "a full-width code", "".join(chr(ord(letter) + 0xFEE0) for letter in f"ABC{groups[3]}"), f"ABC{groups[3]}"
    hour, minute = rng.randint(1, 9), rng.randint(10, 59)
    yield "a time of twelve hours", f"{hour}:{minute} PM", f"{hour + 12}:{minute}"
    yield "a Chinese time", f"下午{hour}点{minute}分", f"{hour + 12}:{minute}"
    yield "a time with Chinese units", f"{hour + 12}时{minute}分", f"{hour + 12}:{minute}"
    yield "a time of twelve hours", f"at {hour}:{minute} p.m.", f"{hour + 12}:{minute}"


def words(rng: Random) -> Iterator[Claim]:
    name = rng.choice(["Müller", "Schröder", "Lefèvre", "Garção"])
    yield "letters and their accents apart", unicodedata.normalize("NFD", f"Dr. {name}"), f"Dr. {name}"
    company = rng.choice(["Acme GmbH", "Northfield Supply", "Lindqvist Bros", "Green Valley"])
    yield "other case", company.upper(), company
    yield "a line end between words", company.replace(" ", "\n"), company
    yield "several spaces", company.replace(" ", "   "), company
    yield "a no-break space", company.replace(" ", "\u00a0"), company
    word, cut = rng.choice(
        [("agreement", 5), ("liability", 4), ("settlement", 6), ("temperature", 7), ("commission", 3)]
    )
    yield "a word cut at a line end", f"the {word[:cut]}-\n{word[cut:]} of {rng.randint(2000, 2026)}", word
    yield "a soft hyphen", f"the {word[:cut]}\u00ad{word[cut:]} of {rng.randint(2000, 2026)}", word
    for plain, ligature in rng.sample(
        [
            ("efficient", "eﬃcient"),
            ("final offer", "ﬁnal oﬀer"),
            ("workflow", "workﬂow"),
            ("certificate", "certiﬁcate"),
        ],
        2,
    ):
        yield "a ligature", f"the {ligature} of {rng.randint(2000, 2026)}", plain
    for simplified, traditional in rng.sample(
        [
            ("发票号码", "發票號碼"),
            ("台湾", "臺灣"),
            ("张伟华", "張偉華"),
            ("电脑设备", "電腦設備"),
            ("银行账户", "銀行賬戶"),
            ("总经理", "總經理"),
        ],
        3,
    ):
        yield "traditional characters", f"第{rng.randint(2, 40)}項 {traditional}", simplified
    for plain, radical in rng.sample(
        [("人民大学", "⼈⺠⼤学"), ("金山水库", "⾦⼭⽔库"), ("高大门", "⾼⼤门"), ("日用品", "⽇⽤品")], 2
    ):
        yield "Kangxi radicals", f"第{rng.randint(2, 40)}项 {radical}", plain
    yield "Chinese broken by a line end", f"第{rng.randint(2, 40)}项 杭州云杉科\n技有限公司", "杭州云杉科技有限公司"
    yield "Chinese with spaces between", f"第{rng.randint(2, 40)}项 王　建　国", "王建国"
    yield "full-width punctuation", f"第{rng.randint(2, 40)}项 云杉（杭州）科技", "云杉(杭州)科技"
    yield "curly quotes", f"{rng.randint(2, 40)} driver’s licences", "driver's licences"
    yield "a subscript", f"{rng.randint(2, 40)} g H₂O", "H2O"
    yield "a superscript", f"{rng.randint(2, 40)} m² of floor", "m2 of floor"
    yield "a dash for a hyphen", f"season {(year := rng.randint(2001, 2024))}–{year + 1}", f"{year}-{year + 1}"
    yield "a zero-width space", f"{rng.randint(2, 40)} North\u200bfield", "Northfield"


# --- absent ---


def number_parts(rng: Random) -> Iterator[Claim]:
    one, two, three = rng.randint(2, 9), rng.randint(11, 98), rng.randint(101, 980)
    yield "a part of a version", f"Python {one}.{two}.{one + 4}", float(f"{one}.{two}") if two % 10 else one
    yield "the end of a version", f"v{one}.{two}.{three}", three
    yield "a part of an IP address", f"192.168.{one}.{two}", 192.168
    yield "the end of an IP address", f"10.{one}.{three % 255 or 7}.{two}", two
    yield "German thousands as a decimal", f"{one}.{three},56 EUR", float(f"{one}.{three}")
    yield "English thousands as a decimal", f"USD {one},{three}.40", round(three + 0.4, 1)
    yield "the mantissa of an exponent", f"{one}.5e{rng.randint(4, 9)}", one + 0.5
    yield "the mantissa of a power of ten", f"{one}.5 × 10^{rng.randint(4, 9)}", one + 0.5
    yield "the number before a million", f"${one}.5M", one + 0.5
    yield "the number before 亿", f"{one}.5亿元", one + 0.5
    yield "the number before 万", f"{one},200万", one * 1000 + 200
    yield "亿 moved", f"{one}.5亿元", (one * 10 + 5) * 10**6
    yield "亿 moved", f"{one}.5亿元", one * 100 + 50
    yield "万 taken for 亿", f"{one}.5万元", (one * 10 + 5) * 10**7
    yield "a million taken for a billion", f"{one}.5 million", (one * 10 + 5) * 10**8
    yield "a digit of a year", f"in {2000 + two}", two % 10 or 7
    yield "the start of a number", f"{three}{two} units", three
    yield "the end of a number", f"{two}{three} units", three
    yield "the whole part of a decimal", f"{three}.{two} m", three
    yield "the decimals of a decimal", f"{one}.{three} m", three
    yield "decimals cut", f"{one}.{two}5 m", float(f"{one}.{two}")
    yield "decimals rounded", f"{one}.{two}9 m", round(one + two / 100 + 0.01, 2)
    yield "a decimal inside another", f"{two}.5 kg", float(f"{two % 10}.5") if two % 10 else 9.5
    yield "a share taken from a measure", f"{two}.5 kg", round((two + 0.5) / 100, 4)
    yield "the hour of a time", f"{12 + one % 9}:30", 12 + one % 9
    yield "the minutes of a time", f"09:{two % 49 + 11}", two % 49 + 11
    yield "a day of a date", f"截止 2024-0{one}-{two % 18 + 11}", two % 18 + 11
    yield "cells side by side", f"{two}\t{three}", int(f"{two}{three}")
    yield "cells with a bar between", f"{one} | {three}", int(f"{one}{three}")
    yield "lines one under the other", f"{two}\n{three}", int(f"{two}{three}")
    yield "a number with a letter", f"COVID{two} and MP{one}", two
    yield "a number in a word", f"Office{three} suite", three
    yield "digits around a slash", f"{two}/{three}", int(f"{two}{three}")
    yield "digits around a hyphen", f"{two}-{three}", int(f"{two}{three}")
    yield "a half inside a fraction", f"{one}1/2{three}", 0.5


def other_numbers(rng: Random) -> Iterator[Claim]:
    value, cents = rng.randint(1_101, 98_000), rng.randint(12, 98)
    yield "positive where it is negative", f"({value:,}.{cents})", round(value + cents / 100, 2)
    yield "positive where it is negative", f"-{value}", value
    yield "positive where a triangle stands", f"△{value:,}", value
    yield "negative where it is positive", f"revenue {value:,}", -value
    yield "negative where a range ends", f"{value - 100}-{value}", -value
    yield "negative where a code holds a hyphen", f"part A-{value}", -value
    yield (
        "two digits exchanged",
        f"{value:,}.{cents}",
        round(value + (cents % 10 * 10 + cents // 10 if cents % 11 else 1) / 100, 2),
    )
    yield "the point one place on", f"{value}.{cents}", round(value / 10 + cents / 1000, 3)
    yield "ten times as much", f"{value:,}.00", value * 10
    yield "one more", f"{value:,}.00", value + 1
    long = int(digits(rng, 30)[:-1] + rng.choice("123456789"))
    yield "a long number rounded", f"{long}", long // 100 * 100
    yield "a long number one off", f"{long}", long + 1
    yield "a long number in groups one off", f"{long:,}", long - 1
    yield "a share of another percentage", f"{cents}.5 %", round((cents + 1.5) / 100, 4)
    yield "ten times the share", f"{cents}.5 %", round((cents + 0.5) / 10, 3)
    yield "per mille taken for percent", f"{cents}.5 ‰", round((cents + 0.5) / 100, 4)
    yield "a Chinese number with another unit", f"人民币{CAPITAL[3]}仟元整", 300
    yield "a Chinese number cut", f"共{SMALL[2 + cents % 7]}百{SMALL[3]}十人", 30
    yield "true where only a word holds it", f"an untrue {value}", True
    yield "true where only a one stands", f"paid: 1, total {value}", True
    yield "false where true stands", f'"paid": true, "total": {value}', False


def dates_and_times(rng: Random) -> Iterator[Claim]:
    at = year, month, date = day(rng)
    claimed = iso(*at)
    other = month % 12 + 1
    yield "a date of another year", f"{MONTHS_EN[month - 1]} {date}, {year - 1}", claimed
    yield "a date of another month", f"{date}. {MONTHS_DE[other - 1]} {year}", claimed
    yield "a date of another day", f"{year}年{month}月{date - 1}日", claimed
    yield "a day that only begins so", f"{year}年{month}月{date}日", iso(year, month, date // 10)
    yield "a date inside a serial number", f"SN9{year}{month:02}{date}778", claimed
    yield "the month of another year", iso(year - 1, month, date), f"{year}-{month:02}"
    yield "a date with its pieces apart", f"{year} units on line {month}, {date} left", claimed
    yield (
        "a date in Chinese numerals, another year",
        f"{''.join(SMALL[int(d)] for d in str(year - 1))}年{hanzi(month)}月{hanzi(date)}日",
        claimed,
    )
    hour, minute = rng.randint(13, 21), rng.choice([12, 13, 14, 15, 23, 24, 25, 34, 35, 45])
    yield "a time inside a time", f"{hour}:{minute}", f"{hour % 10}:{minute}"
    yield "morning for afternoon", f"{hour - 12}:{minute} AM", f"{hour}:{minute}"
    yield "minutes exchanged", f"{hour}:{minute}", f"{hour}:{minute % 10}{minute // 10}"


def identifiers(rng: Random) -> Iterator[Claim]:
    number = digits(rng, 8)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    yield "an id that goes on", f"INV-{number}", f"INV-{number[:5]}"
    yield "an id that begins earlier", f"99{number}", number
    yield "an id that goes on in letters", f"{number}XB", number
    yield "an id with a letter before it", f"K{number}", number
    yield "an id with one digit changed", f"No. {number}", wrong
    yield "an id without its zero", f"No. 00{number}", number
    yield (
        "a card number with one digit changed",
        f"{number[:4]} {number[4:]} {number[:4]} {number[4:]}",
        f"{number}{wrong}",
    )
    yield (
        "an IBAN with one digit changed",
        f"DE{number[:2]} {number[:4]} {number[4:]} {number[:4]}",
        f"DE{number[:2]}{number}{number[:3]}{(int(number[3]) + 1) % 10}",
    )
    yield "a part of a phone number", f"({number[:3]}) 555-{number[4:]}", number[4:]
    yield "a part of a phone number", f"010-{number[:4]} {number[4:]}", int(number[4:]) if number[4] != "0" else 55
    yield "a phone number with one digit changed", f"+49 30 {number}", f"+4930{wrong}"
    yield "a part of a mail address", f"sales-info{number[:2]}@example.org", f"info{number[:2]}@example.org"
    yield "a host inside another", f"shop{number[:2]}.example.org.cn", f"shop{number[:2]}.example.org"
    yield "an address that goes on", f"https://example.org/{number}b", f"https://example.org/{number}"
    yield "a code with another letter", f"TX-{number}", f"TY-{number}"


def word_parts(rng: Random) -> Iterator[Claim]:
    year = rng.randint(2001, 2026)
    for short, text in rng.sample(
        [
            ("Ann", "Annual report"),
            ("port", "the report"),
            ("man", "Germany"),
            ("Inc", "Since then"),
            ("Otto", "the Ottoman rug"),
            ("Mark", "Denmark"),
        ],
        3,
    ):
        yield "a name inside a word", f"{text} {year}", short
    for short, text in rng.sample(
        [
            ("张三", "张三丰、李四"),
            ("李四", "王五、李四光"),
            ("王明", "王明阳、赵六"),
            ("陈思", "参会：陈思远、吴雨桐"),
        ],
        2,
    ):
        yield "a Chinese name inside a longer one", f"{year}年 {text}", short
    yield "a letter of an appendix", f"见附件{(letter := rng.choice('ABCD'))}第{year % 10 + 1}条", letter
    yield "a letter of a word", f"ABCDX {year}", rng.choice("BCD")
    yield "a formula inside another", f"CO2 in {year}", "CO"
    yield "a sentence that is denied", f"In {year} the Seller shall not pay the fee", "the Seller shall pay the fee"
    yield "a sentence with another word", f"In {year} the Seller shall pay the fee", "the Buyer shall pay the fee"
    yield "words in another order", f"{year}: Berger Ann and Novak Jo", "Ann Novak"
    yield "words apart", f"{year}: Green tea from the Valley", "Green Valley"
    yield "a Chinese company of another town", f"{year}年 上海云杉科技有限公司", "杭州云杉科技有限公司"
    yield "a Chinese word changed in one character", f"{year}年 增值税普通发票", "增值税专用发票"
    yield "a word with an accent of its own meaning", f"{year}: die Tür", "Tor"
    yield "a hyphened name", f"{year}: Ann-Marie Novak", "Ann"


def repeated(rng: Random) -> Iterator[Value]:
    """Found, and in how many places."""
    count = rng.randint(21, 58)
    near = f"{count}.5 kg, 1{count} m, 12:{count}, A{count}, v{count}.1.2"
    for places in (1, 2, 3):
        yield Value(
            "a number among its likes", "; ".join([near, *[f"{count} pieces"] * places]), count, "found", places
        )
    name = rng.choice(["Berger", "Novak", "Lindgren"])
    for places in (1, 2, 4):
        yield Value(
            "a name in several places",
            f"{', '.join([name] * places)} and {name}son on page {count}",
            name,
            "found",
            places,
        )
    code = f"K{digits(rng, 5)}"
    for places in (1, 2):
        yield Value("a code among longer ones", f"{code}7 " + f"{code}; " * places + f"9{code}", code, "found", places)
    firm = rng.choice(["云杉科技", "蓝海物流"])
    yield Value("a Chinese firm in several places", f"{firm}（以下称甲方）第{count}条 {firm}应付款", firm, "found", 2)
    date = iso(*day(rng))
    yield Value("a date in several places", f"{date} to {date}, not 9{date} or {date}9", date, "found", 2)


CLAIMS: tuple[tuple[Truth, tuple[Callable[[Random], Iterator[Claim]], ...]], ...] = (
    ("found", (plain_values, plain_strings)),
    ("alike", (dates, grouped_numbers, signs, magnitudes, codes, words)),
    ("absent", (number_parts, other_numbers, dates_and_times, identifiers, word_parts)),
)
