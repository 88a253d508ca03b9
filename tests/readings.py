"""Pages with numbers on them, made by a seed: their text layer, perfect readings of them, and readings with one change."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

NAMES = ["Bolt", "Washer", "Hinge", "Bracket", "Valve", "Gasket", "Copper pipe", "Filter", "Relay", "Fuse", "散热片", "风扇", "导热垫", "螺丝", "支架"]  # fmt: skip
PROSE = (
    "The delivery was checked on arrival and found to be complete, apart from the parts named below.",
    "Payment is due within the period agreed between both parties of this contract.",
    "本合同一式两份，双方各执一份，自双方签字盖章之日起生效。",
    "乙方应当按照约定的时间和地点交付货物，并提供相应的技术资料。",
)
DAYS = "壹贰叁肆伍陆柒捌玖"


@dataclass
class PageOfNumbers:
    """`lines`: as the page shows them; a line is text, or the cells of a row."""

    lines: list[str | list[str]]
    number: int

    @property
    def layer(self) -> str:
        return (
            "\n".join(line if isinstance(line, str) else " ".join(line) for line in self.lines) + f"\n{self.number}\n"
        )


def made(seed: int) -> PageOfNumbers:
    chance = random.Random(seed)
    lines: list[str | list[str]] = [f"Report 2024 {chance.choice(['Q1', 'Q2', 'Q3'])}", chance.choice(PROSE)]
    for _ in range(chance.randint(3, 9)):
        price = f"{chance.randint(1, 99)}.{chance.randint(11, 99)}"
        amount = (
            f"{chance.randint(1, 980):,}.{chance.randint(10, 99)}"
            if chance.random() < 0.5
            else f"{chance.randint(1, 99)},{chance.randint(100, 999)}.{chance.randint(10, 99)}"
        )
        lines.append([chance.choice(NAMES), str(chance.randint(2, 98)), price, amount])
    facts = [
        f"合同编号：{chance.randint(100, 999):05d}{chance.randint(1000, 9999)}，签订日期：2024年{chance.randint(1, 12)}月{chance.randint(1, 28)}日。",
        f"Balance of -${chance.randint(1000, 9999)} after ({chance.randint(1, 9)},{chance.randint(100, 999)}.50) in fees.",
        f"注册资本{chance.randint(11, 99)}.{chance.randint(1, 9)}万元，大写：{chance.choice(DAYS)}仟{chance.choice(DAYS)}佰元整。",
        f"Growth of {chance.randint(2, 30)}.{chance.randint(1, 9)}% from {chance.randint(8, 12)}:{chance.randint(10, 59)} on, phone 010-6554-{chance.randint(1000, 9999)}.",
        f"Date: 2024-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}, serial SN-00{chance.randint(100, 999)}, about 10^{chance.randint(3, 9)} cells, 1/{chance.randint(3, 9)} of all.",
    ]
    chance.shuffle(facts)
    lines += [chance.choice(PROSE), *facts[: chance.randint(2, 5)], chance.choice(PROSE)]
    return PageOfNumbers(lines, chance.randint(1, 400))


def _rows(page: PageOfNumbers, row: Callable[[list[str]], str], text: Callable[[str], str] = str) -> str:
    return "\n".join(text(line) if isinstance(line, str) else row(line) for line in page.lines)


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isdigit() or c in ",:()%" else c for c in text)


def latex(text: str) -> str:
    text = re.sub(r"([%$])", r"\\\1", text)
    text = re.sub(r"10\^(\d)", r"$10^{\1}$", text)
    return re.sub(r"(?<![\d-])1/(\d)(?!\d)", r"$\\frac{1}{\1}$", text)


PERFECT: dict[str, Callable[[PageOfNumbers, random.Random], tuple[str, str]]] = {
    "as it stands": lambda page, _: (page.layer, page.layer),
    "without the page's number": lambda page, _: (page.layer, page.layer.rsplit("\n", 2)[0]),
    "a layer without the page's number": lambda page, _: (page.layer.rsplit("\n", 2)[0], page.layer),
    "markdown": lambda page, _: (page.layer, _rows(page, lambda row: "| " + " | ".join(row) + " |")),
    "html": lambda page, _: (page.layer, _rows(page, lambda row: "<tr><td colspan=\"2\">" + "</td><td>".join(row) + "</td></tr>")),
    "latex": lambda page, _: (page.layer, "\\begin{tabular}{|l|r|p{3cm}|}\n" + _rows(page, lambda row: " & ".join(map(latex, row)) + r" \\ \hline", latex)),
    "no grouping": lambda page, _: (page.layer, re.sub(r"(?<=\d),(?=\d{3})", "", page.layer)),
    "thousands by a space": lambda page, _: (page.layer, re.sub(r"(?<=\d),(?=\d{3})", " ", page.layer)),
    "full width": lambda page, _: (page.layer, wide(page.layer)),
    "dates otherwise": lambda page, _: (page.layer, re.sub(r"(\d{4})年(\d+)月(\d+)日", lambda d: f"{d[1]}-{int(d[2]):02}-{int(d[3]):02}", re.sub(r"(2024)-(\d\d)-(\d\d)", lambda d: f"{d[1]}年{int(d[2])}月{int(d[3])}日", page.layer))),
    "reflowed": lambda page, _: (page.layer, page.layer.replace("\n", " ")),
    "cells on lines of their own": lambda page, _: (_rows(page, "\n".join), page.layer),
    "column by column": lambda page, _: (by_column(page), _rows(page, lambda row: "| " + " | ".join(row) + " |")),
    "the parts in another order": lambda page, chance: (page.layer, reordered(page, chance)),
    "split by kerning": lambda page, chance: (kerned(page.layer, chance), page.layer),
    "list numbers": lambda page, _: (page.layer, _rows(page, lambda row: "| " + " | ".join(row) + " |", numbered_item())),
    "bullets and bold": lambda page, _: (page.layer, _rows(page, lambda row: "- " + " ".join(f"**{cell}**" for cell in row), lambda line: f"- [x] {line}")),
    "power as the layer draws it": lambda page, _: (re.sub(r"10\^(\d)", r"10\1", page.layer), latex(page.layer)),
}  # fmt: skip


def numbered_item() -> Callable[[str], str]:
    count = iter(range(1, 100))
    return lambda line: f"{next(count)}. {line}"


def by_column(page: PageOfNumbers) -> str:
    rows = [line for line in page.lines if not isinstance(line, str)]
    cells = [cell for column in zip(*rows, strict=True) for cell in column]
    first = next(at for at, line in enumerate(page.lines) if not isinstance(line, str))
    text = [line for line in page.lines if isinstance(line, str)]
    return "\n".join([*text[:first], *cells, *text[first:]])


def reordered(page: PageOfNumbers, chance: random.Random) -> str:
    at = chance.randint(1, len(page.lines) - 1)
    return PageOfNumbers([*page.lines[at:], *page.lines[:at]], page.number).layer


def kerned(text: str, chance: random.Random) -> str:
    return re.sub(r"\d{3,}", lambda d: d[0] if chance.random() < 0.7 else d[0][:1] + " " + d[0][1:], text)


AMOUNT = r"(?<![\d,.-])\d[\d,]*\.\d\d(?![\d.])"


def _sub(pattern: str, change: Callable[[re.Match[str], random.Random], str]) -> Callable[[str, random.Random], str]:
    def changed(text: str, chance: random.Random) -> str:
        places = list(re.finditer(pattern, text))
        if not places:
            return text
        place = chance.choice(places)
        return text[: place.start()] + change(place, chance) + text[place.end() :]

    return changed


def other_digit(found: re.Match[str], chance: random.Random) -> str:
    at = chance.choice([i for i, c in enumerate(found[0]) if c.isdigit()])
    return found[0][:at] + chance.choice([d for d in "123456789" if d != found[0][at]]) + found[0][at + 1 :]


def doubled(found: re.Match[str], chance: random.Random) -> str:
    at = chance.choice([i for i, c in enumerate(found[0]) if c.isdigit()])
    return found[0][:at] + found[0][at] + found[0][at:]


def dropped(found: re.Match[str], chance: random.Random) -> str:
    at = chance.choice([i for i, c in enumerate(found[0]) if c.isdigit()])
    return found[0][:at] + found[0][at + 1 :]


def transposed(found: re.Match[str], chance: random.Random) -> str:
    pairs = [i for i in range(len(found[0]) - 1) if found[0][i : i + 2].isdigit() and found[0][i] != found[0][i + 1]]
    if not pairs:
        return other_digit(found, chance)
    at = chance.choice(pairs)
    return found[0][:at] + found[0][at + 1] + found[0][at] + found[0][at + 2 :]


def swapped(text: str, chance: random.Random) -> str:
    places = list(re.finditer(AMOUNT, text))
    one, other = sorted(chance.sample(places, 2), key=lambda p: p.start())
    return text[: one.start()] + other[0] + text[one.end() : other.start()] + one[0] + text[other.end() :]


def swapped_in_a_row(text: str, chance: random.Random) -> str:
    return _sub(rf"({AMOUNT}) ({AMOUNT})", lambda f, _: f"{f[2]} {f[1]}")(text, chance)


def row_missing(text: str, chance: random.Random) -> str:
    return _sub(rf"\n[^\n]*{AMOUNT} {AMOUNT}(?=\n)", lambda f, _: "")(text, chance)


def row_twice(text: str, chance: random.Random) -> str:
    return _sub(rf"\n[^\n]*{AMOUNT} {AMOUNT}(?=\n)", lambda f, _: f[0] * 2)(text, chance)


CHANGES: dict[str, Callable[[str, random.Random], str]] = {
    "digit substituted": _sub(AMOUNT, other_digit),
    "digit dropped": _sub(AMOUNT, dropped),
    "digit doubled": _sub(AMOUNT, doubled),
    "digits transposed": _sub(AMOUNT, transposed),
    "point lost": _sub(AMOUNT, lambda f, _: f[0].replace(".", "")),
    "point moved": _sub(AMOUNT, lambda f, _: re.sub(r"(\d)\.(\d)", r".\1\2" if len(f[0].split(".")[0]) > 1 else r"\1\2.", f[0])),
    "point for a comma": _sub(r"\d,\d{3}\.\d\d", lambda f, _: f[0].translate({44: ".", 46: ","})),
    "sign lost": _sub(r"-\$", lambda f, _: "$"),
    "sign added": _sub(AMOUNT, lambda f, _: "-" + f[0]),
    "parentheses lost": _sub(r"\((\d,\d{3}\.50)\)", lambda f, _: f[1]),
    "amounts swapped": swapped,
    "amounts of a row swapped": swapped_in_a_row,
    "small quantity": _sub(rf"(?<= )\d\d(?= {AMOUNT} )", other_digit),
    "date": _sub(r"2024-\d\d-\d\d", lambda f, c: f[0][:-1] + str((int(f[0][-1]) + 1) % 10)),
    "chinese date": _sub(r"年\d+月", lambda f, _: f"年{int(f[0][1:-1]) % 12 + 1}月"),
    "invented amount": _sub(r"(?<=\d)(?=\n)", lambda f, _: " 777777.00"),
    "invented line": _sub(r"(?<=\d)\n", lambda f, _: "\n777777.00\n"),
    "amount missing": _sub(AMOUNT, lambda f, _: ""),
    "row missing": row_missing,
    "row twice": row_twice,
    "percent": _sub(r"\d%", lambda f, _: f[0][0]),
    "magnitude": _sub(r"万元", lambda f, _: "亿元"),
    "magnitude lost": _sub(r"万元", lambda f, _: "元"),
    "leading zeros lost": _sub(r"SN-00", lambda f, _: "SN-"),
    "phone": _sub(r"6554-\d{4}", lambda f, c: f[0][:-1] + str((int(f[0][-1]) + 3) % 10)),
    "time": _sub(r":\d\d(?= on)", lambda f, _: ":" + str((int(f[0][1:]) + 5) % 50 + 10)),
    "number split": _sub(AMOUNT, lambda f, _: f[0].replace(".", "")[:2] + " " + f[0].replace(".", "")[2:]),
    "numbers joined": _sub(rf"(?<=\d) (?={AMOUNT})", lambda f, _: ""),
    "chinese numeral": _sub(r"仟(.)佰", lambda f, _: f"佰{f[1]}佰"),
    "chinese digit": _sub(rf"[{DAYS}]仟", lambda f, _: DAYS[(DAYS.index(f[0][0]) + 3) % 9] + "仟"),
    "fraction": _sub(r" 1/\d", lambda f, _: f" 1/{(int(f[0][-1]) + 1) % 10}"),
    "power": _sub(r"10\^\d", lambda f, _: f"10^{(int(f[0][-1]) + 1) % 10}"),
    "rounded": _sub(AMOUNT, lambda f, _: f[0][:-1]),
    "year of the head": _sub(r"Report 2024", lambda f, _: "Report 2021"),
}  # fmt: skip
