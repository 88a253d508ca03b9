"""What the text layers of real PDFs do to a page, and how readings write it: each a layer and a perfect reading of it."""

import random
import re
from collections.abc import Callable

from readings import PageOfNumbers, by_column

Pair = tuple[str, str]
CLAUSES = (
    "The supplier shall keep records of every shipment and present them on request.",
    "Neither party may assign this agreement without the written consent of the other.",
    "Sufficient notice of an inefficient workflow is filed with the office of the buyer.",
    "Any dispute is settled by the courts at the seat of the company.",
    "买方应当在收到货物之后立即检验，并将结果书面通知卖方。",
    "任何一方违反本协议的约定，应当赔偿对方因此受到的损失。",
    "Warranty covers defects of material and workmanship, but not ordinary wear.",
)
PAGE_WORDINGS = (
    "Page {n} of {all}", "Seite {n}/{all}", "Seite {n} von {all}", "第{n}页 共{all}页", "第 {n} 页 / 共 {all} 页", "- {n} -", "{n} / {all}",
    "p. {n}", "{n} de {all}", "Página {n} de {all}", "Page {n}/{all}", "{n} of {all}", "— {n} —", "页码：{n}/{all}", "共{all}页第{n}页", "Pág. {n}",
    "{n} sur {all}", "Pagina {n} di {all}", "Page: {n}", "[{n}]", "Sheet {n} of {all}", "{n} von {all}", "第{n}页", "{n}/{all}", "стр. {n} из {all}",
)  # fmt: skip
STAMPS = ("CONFIDENTIAL copy {n}", "DRAFT 2024-0{d}-1{d}", "机密 编号{n}", "Licensed to user {n}", "内部资料 {n}", "SAMPLE {n}", "Downloaded by {n} on 1{d}.0{d}.2024")  # fmt: skip
FRACTIONS = {"1/2": "½", "3/4": "¾", "2/3": "⅔", "1/4": "¼", "5/8": "⅝", "1/3": "⅓"}
LIGATURES = {"ffi": "ﬃ", "ffl": "ﬄ", "fi": "ﬁ", "fl": "ﬂ", "ff": "ﬀ"}


def longer(page: PageOfNumbers, chance: random.Random) -> PageOfNumbers:
    """With clauses among its lines, as a contract has."""
    lines = list(page.lines)
    for _ in range(chance.randint(14, 24)):
        lines.insert(chance.randint(0, len(lines)), chance.choice(CLAUSES))
    return PageOfNumbers(lines, page.number)


def _lines(page: PageOfNumbers) -> list[str]:
    return page.layer.rstrip("\n").split("\n")


def _inserted(lines: list[str], new: list[str], chance: random.Random) -> str:
    lines = list(lines)
    for each in new:
        lines.insert(chance.randint(0, len(lines)), each)
    return "\n".join(lines)


# --- numbers that are no data ---


def line_numbers(where: str) -> Callable[[PageOfNumbers, random.Random], Pair]:
    def numbered(page: PageOfNumbers, chance: random.Random) -> Pair:
        page = longer(page, chance)
        lines, step = _lines(page), chance.choice([1, 5])
        first = step if chance.random() < 0.6 else step * chance.randint(2, 30)
        marks = {at: str(first + (at // step) * step) for at in range(step - 1, len(lines), step)}
        if where == "together":
            block = "\n".join(marks.values()) if chance.random() < 0.7 else " ".join(marks.values())
            return ("\n".join([block, *lines] if chance.random() < 0.5 else [*lines, block]), page.layer)
        if where == "alone":
            return "\n".join(
                part for at, line in enumerate(lines) for part in ([marks[at]] if at in marks else []) + [line]
            ), page.layer
        return "\n".join(f"{marks[at]} {line}" if at in marks else line for at, line in enumerate(lines)), page.layer

    return numbered


def line_numbers_in_any_order(page: PageOfNumbers, chance: random.Random) -> Pair:
    """Of a margin that the layer has in pieces, each on a line of its own."""
    page, step = longer(page, chance), chance.choice([1, 5, 5])
    first = step * chance.choice([1, 1, 7])
    read = _without_rows(page)
    marks = [str(first + n * step) for n in range(max(4, len(read) // step))]
    return _inserted(read, marks, chance), "\n".join(read)


def page_number_among_the_lines(page: PageOfNumbers, chance: random.Random) -> Pair:
    """Alone on its line, in a layer whose parts are in another order than on the page."""
    read = _without_rows(longer(page, chance))
    parts = [read[at : at + 4] for at in range(0, len(read), 4)]
    chance.shuffle(parts)
    parts.insert(chance.randint(0, len(parts)), [str(page.number % 200 + 1)])
    return "\n".join(line for part in parts for line in part), "\n".join(read)


def _without_rows(page: PageOfNumbers) -> list[str]:
    return [line for line in page.lines if isinstance(line, str)] + [
        f"Sum {page.number % 90 + 10}.{page.number % 90 + 10}"
    ]


def page_line(page: PageOfNumbers, chance: random.Random) -> str:
    return chance.choice(PAGE_WORDINGS).format(n=page.number, all=page.number + chance.randint(0, 40))


def page_line_in_the_layer(page: PageOfNumbers, chance: random.Random) -> Pair:
    page = longer(page, chance) if chance.random() < 0.5 else page
    lines = _lines(page)[:-1]
    return _inserted(lines, [page_line(page, chance)], chance), "\n".join(lines)


def page_line_in_the_reading(page: PageOfNumbers, chance: random.Random) -> Pair:
    return page_line_in_the_layer(page, chance)[::-1]


def page_lines_otherwise(page: PageOfNumbers, chance: random.Random) -> Pair:
    lines = _lines(page)[:-1]
    return _inserted(lines, [page_line(page, chance)], chance), "\n".join([*lines, str(page.number)])


def stamp(page: PageOfNumbers, chance: random.Random) -> str:
    return chance.choice(STAMPS).format(n=chance.randint(100, 99999), d=chance.randint(1, 9))


def watermarks(page: PageOfNumbers, chance: random.Random) -> Pair:
    mark, times = stamp(page, chance), chance.randint(3, 8)
    lines = _lines(page)
    if chance.random() < 0.3:
        return "\n".join([*lines, *[mark] * times]), page.layer
    return _inserted(lines, [mark] * times, chance), page.layer if chance.random() < 0.6 else f"{mark}\n{page.layer}"


def stamped(page: PageOfNumbers, chance: random.Random) -> Pair:
    return _inserted(_lines(page), [stamp(page, chance)], chance), page.layer


# --- numbers in pieces, or glued ---


def point_apart(page: PageOfNumbers, chance: random.Random) -> Pair:
    gap = chance.choice([r" \1", r" \1", r"\1 "])
    return re.sub(r"(?<=\d)([.,])(?=\d\d(?:\D|$))", gap, page.layer), page.layer


def point_apart_in_german(page: PageOfNumbers, chance: random.Random) -> Pair:
    german = PageOfNumbers([line if isinstance(line, str) else [cell.translate({44: ".", 46: ","}) for cell in line] for line in page.lines], page.number)  # fmt: skip
    return re.sub(r"(?<=\d),(?=\d\d(?:\D|$))", " ,", german.layer), german.layer


def glued_signs(page: PageOfNumbers, chance: random.Random) -> Pair:
    """A column of amounts, some below zero, without anything between them."""
    comma = chance.random() < 0.6
    amounts = [f"{chance.choice(['', '-'])}{chance.randint(1, 9999):,}.{chance.randint(10, 99)}" for _ in range(6)]
    if comma:
        amounts = [amount.translate({44: ".", 46: ","}) for amount in amounts]
    column = re.sub(r"\n-", "-", "\n".join(["0.00" if not comma else "0,00", *amounts]))
    rows = "\n".join(f"Row{chr(65 + n)} {amount}" for n, amount in enumerate(amounts))
    names = "\n".join(f"Row{chr(65 + n)}" for n in range(6))
    opening = "Opening 0,00" if comma else "Opening 0.00"
    return f"{page.layer}Opening\n{names}\n{column}\n", f"{page.layer}{opening}\n{rows}\n"


def columns_downwards(page: PageOfNumbers, chance: random.Random) -> Pair:
    layer = by_column(page)
    return layer.replace("\n", " ") if chance.random() < 0.5 else layer, page.layer


def cut_at_the_edge(page: PageOfNumbers, chance: random.Random) -> Pair:
    """The page ends before its last column does; the layer goes on."""
    cut, lines = chance.randint(1, 3), [line if isinstance(line, str) else " ".join(line) for line in page.lines]
    rows = [at for at, line in enumerate(page.lines) if not isinstance(line, str)]
    return "\n".join(lines), "\n".join(line[:-cut] if at in rows else line for at, line in enumerate(lines))


def digits_apart(page: PageOfNumbers, chance: random.Random) -> Pair:
    """Letter by letter, all numbers of a line; columns stand two blanks apart."""
    lines = [line if isinstance(line, str) else "  ".join(line) for line in [*page.lines, str(page.number)]]
    apart = [re.sub(r"\d[\d.,'-]*\d", lambda d: " ".join(d[0]), line) if chance.random() < 0.6 else line for line in lines]  # fmt: skip
    return "\n".join(apart), page.layer


def letters_and_digits_apart(page: PageOfNumbers, chance: random.Random) -> Pair:
    lines = [line if isinstance(line, str) else " ".join(line) for line in [*page.lines, str(page.number)]]
    apart = ["  ".join(" ".join(word) for word in line.split(" ")) if chance.random() < 0.4 else line for line in lines]
    return "\n".join(apart), page.layer


def touching_columns(page: PageOfNumbers, chance: random.Random) -> Pair:
    """Three columns of numbers with signs, of which some touch the number before."""
    rows = [[f"{chance.choice(['', '-', '-', '+'])}{chance.randint(1, 99)}.{chance.randint(0, 9)}" for _ in range(3)] for _ in range(6)]  # fmt: skip
    named = [f"Row{chr(65 + n)} {' '.join(row)}" for n, row in enumerate(rows)]
    glued = [re.sub(r"(?<=\d) (?=[-+])", "", row) if chance.random() < 0.8 else row for row in named]
    return page.layer + "\n".join(glued), page.layer + "\n".join(named)


def footnote_marks(page: PageOfNumbers, chance: random.Random) -> Pair:
    """Raised in print, glued to their numbers in the layer; a reading raises them, sets them apart or leaves them out."""
    way = chance.choice(["<sup>{})</sup>", " {})", "", "^{})"])
    rows, read = [], []
    for n in range(5):
        amount = f"{chance.randint(1, 99)},{chance.randint(100, 999)}"
        mark = chance.randint(1, 3) if chance.random() < 0.6 else 0
        rows.append(f"Row{chr(65 + n)} {amount}{f'{mark})' if mark else ''}")
        read.append(f"Row{chr(65 + n)} {amount}{way.format(mark) if mark else ''}")
    notes = [f"{n}) {chance.choice(CLAUSES)}" for n in range(1, 4)]
    return page.layer + "\n".join([*rows, *notes]), page.layer + "\n".join([*read, *notes])


# --- words ---


def cut_words(page: PageOfNumbers, chance: random.Random) -> Pair:
    page = longer(page, chance)
    hyphen = chance.choice(["-\n", "\u00ad\n", "\u00ad", "‐\n", " ", "-\n\n"])
    layer = re.sub(r"(?<=[a-z]{3})(?=[a-z]{3})", lambda _: hyphen if chance.random() < 0.3 else "", page.layer)
    return layer, page.layer


def ligatures(page: PageOfNumbers, chance: random.Random) -> Pair:
    page = longer(page, chance)
    layer = page.layer
    for plain, drawn in LIGATURES.items():
        layer = layer.replace(plain, f"{drawn} " if chance.random() < 0.5 else drawn)
    return layer, page.layer


def spaced_letters(page: PageOfNumbers, chance: random.Random) -> Pair:
    page = longer(page, chance)
    return re.sub(r"[A-Za-z]{2,}", lambda w: " ".join(w[0]) if chance.random() < 0.5 else w[0], page.layer), page.layer


def joined_words(page: PageOfNumbers, chance: random.Random) -> Pair:
    page = longer(page, chance)
    return re.sub(r"(?<=[a-z]) (?=[a-z])", lambda _: "" if chance.random() < 0.7 else " ", page.layer), page.layer


def shuffled_and_cut(page: PageOfNumbers, chance: random.Random) -> Pair:
    page = longer(page, chance)
    lines = cut_words(page, chance)[0].split("\n\n")[0].split("\n") if chance.random() < 0.2 else _lines(page)
    layer = [re.sub(r"(?<=[a-z]{3})(?=[a-z]{3})", lambda _: " " if chance.random() < 0.2 else "", line) for line in lines]  # fmt: skip
    parts = [layer[at : at + 3] for at in range(0, len(layer), 3)]
    chance.shuffle(parts)
    return "\n".join(line for part in parts for line in part), "\n".join(lines)


# --- fractions and formulas ---


def fractions(page: PageOfNumbers, chance: random.Random) -> Pair:
    """Each in one writing here and in another there."""
    writings = (
        lambda f, n: f"{n}{FRACTIONS[f]}", lambda f, n: f"{n} {f}".strip(), lambda f, n: f"${n}\\frac{{{f[0]}}}{{{f[-1]}}}$",
        lambda f, n: f"{n} {f[0]}⁄{f[-1]}".strip(), lambda f, n: f"${n}\\dfrac{f[0]}{f[-1]}$", lambda f, n: f"{n}<sup>{f[0]}</sup>⁄<sub>{f[-1]}</sub>",
        lambda f, n: f"{n} {FRACTIONS[f]}".strip(), lambda f, n: f"${n}\\,\\tfrac{{{f[0]}}}{{{f[-1]}}}$", lambda f, n: f"{n}{chr(0x2070 + int(f[0])) if f[0] not in '123' else ' ¹²³'[int(f[0])]}⁄{chr(0x2080 + int(f[-1]))}",
        lambda f, n: f"${n}\\nicefrac{{{f[0]}}}{{{f[-1]}}}$", lambda f, n: f"{n}-{f}".lstrip("-"),
    )  # fmt: skip
    layers = (writings[0], writings[1], writings[3], writings[6], writings[8], writings[10])
    layer, read = [], []
    for n in range(4):
        fraction, whole = chance.choice(list(FRACTIONS)), chance.choice(["", "2", "11", "4"])
        text = f"Cut{chr(65 + n)} {{}} inch from the board {chr(65 + n)}"
        layer.append(text.format(chance.choice(layers)(fraction, whole)))
        read.append(text.format(chance.choice(writings)(fraction, whole)))
    return page.layer + "\n".join(layer), page.layer + "\n".join(read)


def formulas(page: PageOfNumbers, chance: random.Random) -> Pair:
    n, m = chance.randint(11, 99), chance.randint(100, 999)
    ways = (
        (f"mass {n},{m}.5 kg", f"mass $ {n}\\,{m}.5 \\, \\mathrm{{kg}}$"), (f"at -{n} °C", f"at $-{n}^{{\\circ}}\\text{{C}}$"), (f"N = 6.{n} × 10^23", f"$N = 6.{n} \\times 10^{{23}}$"),
        (f"N = 6.{n} × 1023", f"$N = 6.{n} \\cdot 10^{{23}}$"), (f"loss of 0.{n} %", f"loss of $0.{n}\\,\\%$"), (f"{n},{m} items", f"${n}{{,}}{m}$ items"),
        (f"±{n}.5 mm", f"$\\pm {n}.5\\,\\text{{mm}}$"), (f"x12 = {n}", f"$x_{{12}} = {n}$"), (f"£{n},{m}", f"\\pounds {n},{m}"), (f"{n}.5 µm", f"${n}.5\\,\\mu\\mathrm{{m}}$"),
        (f"value -{n}.{m}", f"value $-{n}.{m}$"), (f"area {n} m²", f"area ${n} \\, \\text{{m}}^2$"), (f"1.{n}·10-6 F", f"$1.{n} \\cdot 10^{{-6}}$ F"), (f"{n} {m} EUR", f"${n} \\, {m}$ EUR"),
        (f"{n}° 15' N", f"${n}^\\circ 15' N$"), (f"total {n},{m}.50", f"$\\text{{total }} \\mathbf{{{n}\\,{m}.50}}$"), (f"about {n} {m}.5 t", f"about ${n}~{m}.5$ t"), (f"at –{n} °C", f"at $ - {n} ^ {{ \\circ }} \\mathrm {{ C }}$"),
        (f"cost ${n},{m}.50", f"cost $\\${n},{m}.50$"), (f"{n}%–{n + 9}%", f"${n}\\%-{n + 9}\\%$"), (f"p < 0.0{n}", f"$p < 0.0{n}$"), (f"CO2 {n} ppm", f"$\\mathrm{{CO}}_2$ {n} ppm"),
        (f"{n},{m} pcs", f"$\\num{{{n}{m}}}$ pcs"), (f"{n}.5 V", f"\\SI{{{n}.5}}{{\\volt}} V"), (f"= {n} (3)", f"$= {n} \\tag{{3}}$"), (f"{n} {m}.5 J", f"${n}\\ {m}.5$ J"), (f"{n},{m}.5 J", f"${n}\\;{m}.5$ J"),
    )  # fmt: skip
    chosen = chance.sample(ways, 5)
    return page.layer + "\n".join(own for own, _ in chosen), page.layer + "\n".join(read for _, read in chosen)


LAYERS: dict[str, Callable[[PageOfNumbers, random.Random], Pair]] = {
    "line numbers on lines of their own": line_numbers("alone"),
    "line numbers before lines": line_numbers("before"),
    "line numbers together": line_numbers("together"),
    "line numbers in any order": line_numbers_in_any_order,
    "a page's number among the lines": page_number_among_the_lines,
    "digits apart": digits_apart,
    "letters and digits apart": letters_and_digits_apart,
    "columns that touch": touching_columns,
    "marks of footnotes": footnote_marks,
    "a page's number in any words in the layer": page_line_in_the_layer,
    "a page's number in any words in the reading": page_line_in_the_reading,
    "a page's number in other words": page_lines_otherwise,
    "watermarks": watermarks,
    "a stamp": stamped,
    "a blank at the point": point_apart,
    "a blank at the German comma": point_apart_in_german,
    "signs glued": glued_signs,
    "columns downwards": columns_downwards,
    "cut at the edge": cut_at_the_edge,
    "words cut": cut_words,
    "ligatures": ligatures,
    "letters apart": spaced_letters,
    "words joined": joined_words,
    "blocks shuffled and words cut": shuffled_and_cut,
    "fractions": fractions,
    "formulas": formulas,
}


def several(page: PageOfNumbers, chance: random.Random) -> Pair:
    """One of them, and over it what stands beside a text."""
    kind = chance.choice([kind for kind in LAYERS if kind != "several at once"])
    layer, read = LAYERS[kind](page, chance)
    lines = layer.rstrip("\n").split("\n")
    if chance.random() < 0.4 and "page's number" not in kind:
        lines = _inserted(lines, [page_line(page, chance)], chance).split("\n")
    if chance.random() < 0.4:
        lines = _inserted(lines, [stamp(page, chance)] * chance.randint(3, 6), chance).split("\n")
    if chance.random() < 0.4 and "line numbers" not in kind:
        lines = [f"{at} {line}" if at % 5 == 0 else line for at, line in enumerate(lines, 1)]
    return "\n".join(lines), read


LAYERS["several at once"] = several
