"""From a page to its two texts, with what may differ between them without anyone being wrong."""

import re
from itertools import zip_longest
from random import Random

from .marks import CLOSE, MIDDLE, NUMBER, OPEN, in_layer, in_reading, row, unmarked, with_numbers
from .page import Block, Heading, Item, Page, Pairs, Paragraph, Table
from .printed import NARROW

FULL_WIDTH = {code: code + 0xFEE0 for code in [*range(0x30, 0x3A), *map(ord, ".,%()-:")]}
LIGATURES = {"ffi": "ﬃ", "fi": "ﬁ", "fl": "ﬂ", "ff": "ﬀ"}
MERGED = re.compile(r"(?<=\d)[,' ](?=\d{3}(?!\d))")
KEPT_SPACE = "\ue0ff"
SOFT_HYPHENS = {"Agreement": "Agree\u00adment", "embodiment": "embodi\u00adment", "coefficient": "coef\u00adficient"}


def layer_text(page: Page, traits: frozenset[str], rng: Random) -> str:
    parts = layer_parts(page, traits)
    if "blocks in another order in the layer" in traits:
        rng.shuffle(parts)
    if "a number cut by the page's edge" in traits:
        parts.append("Carried forward 12 345.67")
    text = "\n".join(part for part in (in_layer(part) for part in parts) if part)
    text = unmarked(with_numbers(text, lambda kind, printed: in_layer_number(kind, printed, traits, rng)))
    text = in_layer_letters(text, traits)
    return furnished(with_line_numbers(text) if "line numbers in the layer" in traits else text, page, traits, "layer")


def layer_parts(page: Page, traits: frozenset[str]) -> list[str]:
    texts = [block for block in page.blocks if isinstance(block, Paragraph)]
    if "two columns read across" not in traits or len(texts) < 2:
        return [layer_block(block, traits) for block in page.blocks]
    others = [layer_block(block, traits) for block in page.blocks if block not in texts]
    columns = (wrapped(numbers_kept_whole(in_layer(text.text)), 28, cut=False).split("\n") for text in texts[:2])
    across = "\n".join(f"{left} {right}".strip() for left, right in zip_longest(*columns, fillvalue=""))
    return [*others, across, *(layer_block(text, traits) for text in texts[2:])]


def layer_block(block: Block, traits: frozenset[str]) -> str:
    if isinstance(block, Heading):
        return f"{block.text}\n{block.text}" if "a heading's shadow in the layer" in traits else block.text
    if isinstance(block, Paragraph):
        return wrapped(numbers_kept_whole(in_layer(block.text)), 46, cut="words cut at line ends" in traits)
    if isinstance(block, Item):
        return {None: "\uf0b7 ", True: "☑ ", False: "☐ "}[block.ticked] + block.text
    if isinstance(block, Pairs):
        if "columns read downwards" in traits:
            return "\n".join([*(label for label, _ in block.pairs), *(value for _, value in block.pairs)])
        return "\n".join(f"{label} {value}" for label, value in block.pairs)
    return layer_table(block, traits)


def layer_table(table: Table, traits: frozenset[str]) -> str:
    lines = [table.head, *table.rows]
    if "columns read downwards" in traits:
        cells = "\n".join("\n".join(cell for cell in column if cell) for column in zip(*lines, strict=True))
    else:
        between = "\n" if "a cell a line" in traits else " "
        cells = "\n".join(between.join(cell for cell in line if cell) for line in lines)
    return "\n".join(filter(None, [table.caption, cells]))


def numbers_kept_whole(text: str) -> str:
    """No line ends inside a number."""
    return NUMBER.sub(lambda match: match[0].replace(" ", KEPT_SPACE), text)


def wrapped(text: str, width: int, cut: bool) -> str:
    lines, line = [], ""
    for word in re.findall(r"\S+\s*", text):
        room = width - len(unmarked(line))
        letters = word.strip()
        if line and len(unmarked(word)) > room:
            if cut and room > 4 and letters.isascii() and letters.isalpha() and len(letters) > 7:
                line, word = line + letters[:4] + "-", letters[4:] + " "
            lines.append(line.rstrip())
            line = ""
        line += word
    return "\n".join([*lines, line.rstrip()]).replace(KEPT_SPACE, " ")


def with_line_numbers(text: str) -> str:
    """Every fifth, as patents have them in the margin."""
    return "\n".join(line if at % 5 else f"{at} {line}" for at, line in enumerate(text.split("\n"), 1))


def in_layer_number(kind: str, printed: str, traits: frozenset[str], rng: Random) -> str:
    if "full-width digits in the layer" in traits:
        printed = printed.translate(FULL_WIDTH)
    if kind not in ("amount", "count", "decimal") or "numbers split by kerning" not in traits:
        return printed
    # Only as kerning splits: after a narrow 1, before the point, or letter by letter.
    form = rng.choice(["one", "point", "letters", "whole", "whole"])
    if form == "one":
        return re.sub(r"^(\D*1)(?=\d)", r"\1 ", printed)
    if form == "point":
        return re.sub(r"([.,])(?=\d\d$)", r" \1", printed)
    # Two such numbers side by side could not be told apart again.
    apart = form == "letters" and len(printed) > 5 and "rows read across" not in traits
    return " ".join(printed) if apart else printed


def in_layer_letters(text: str, traits: frozenset[str]) -> str:
    if "ligatures in the layer" in traits:
        for letters, ligature in LIGATURES.items():
            text = text.replace(letters, ligature)
    if "soft hyphens in the layer" in traits:
        for word, hyphened in SOFT_HYPHENS.items():
            text = text.replace(word, hyphened)
    if "letters without a code in the layer" in traits:
        text = re.sub("[税金时联期告设]", "\ufffd", text)
    return text


def furnished(text: str, page: Page, traits: frozenset[str], where: str) -> str:
    """With what stands around a page, where this text has it."""
    before = [] if f"no header in the {where}" in traits else [page.header]
    after = [] if f"no page number in the {where}" in traits else [page.footer]
    if where == "layer" and "a watermark in the layer" in traits:
        after += ["内部资料 严禁外传" if page.language == "zh" else "CONFIDENTIAL"] * 3
    if where == "layer" and "a watermark with a number in the layer" in traits:
        after += ["USER 48213"] * 4
    return "\n".join([*before, text, *after])


def reading_text(page: Page, traits: frozenset[str], rng: Random) -> str:
    """Still marked, so that one of its numbers can be changed."""
    form = next(form for form in ("markdown", "HTML", "LaTeX", "plain") if f"written as {form}" in traits)
    parts = [reading_block(block, form) for block in page.blocks]
    if "numbers as formulas in the reading" in traits and form in ("markdown", "LaTeX"):
        parts = [
            as_formulas(part, form) if isinstance(block, Paragraph) else part
            for block, part in zip(page.blocks, parts, strict=True)
        ]
    if "lines kept in the reading" in traits:
        parts = [
            wrapped(numbers_kept_whole(part), 60, cut=False) if form == "plain" and "\n" not in part else part
            for part in map(in_reading, parts)
        ]
    if "a number cut by the page's edge" in traits:
        parts.append("Carried forward 12 34")
    if "a stamp only the reading holds" in traits:
        parts.append("RECEIVED 12 MAR 2024")
    text = with_numbers(in_reading("\n\n".join(parts)), lambda kind, printed: in_reading_number(kind, printed, traits))
    if form == "plain" and "full-width punctuation in the reading" in traits:
        text = re.sub(r"(?<!\d)[(),:]|[(),:](?!\d)", lambda match: chr(ord(match[0]) + 0xFEE0), text)
    text = furnished(text, page, traits, "reading")
    if form == "LaTeX":
        text = "```latex\n\\documentclass{article}\n\\begin{document}\n" + escaped(text) + "\n\\end{document}\n```"
    return f"```html\n{text}\n```" if form == "HTML" and "fenced" in traits else text


def as_formulas(text: str, form: str) -> str:
    """Counts and percentages between dollars, as models do once a page holds formulas."""
    percent = r"\%" if form == "markdown" else "%"
    return re.sub(
        f"{OPEN}(?:count|percent){MIDDLE}[^{CLOSE}]*{CLOSE}", lambda match: f"${match[0].replace('%', percent)}$", text
    )


def escaped(text: str) -> str:
    """Numbers as LaTeX writes them."""
    formula = ("exponent", "fraction")
    return with_numbers(text, lambda kind, shown: shown if kind in formula else re.sub(r"([$%])", r"\\\1", shown))


def reading_block(block: Block, form: str) -> str:
    if isinstance(block, Heading):
        return {
            "markdown": f"# {block.text}",
            "HTML": f"<h2>{block.text}</h2>",
            "LaTeX": rf"\section*{{{block.text}}}",
        }.get(form, block.text)
    if isinstance(block, Paragraph):
        return f"<p>{block.text}</p>" if form == "HTML" else block.text
    if isinstance(block, Item):
        return {None: r"\item " if form == "LaTeX" else "- ", True: "[x] ", False: "[ ] "}[block.ticked] + block.text
    if isinstance(block, Pairs):
        return reading_pairs(block, form)
    return {"markdown": markdown_table, "HTML": html_table, "LaTeX": latex_table}.get(form, plain_table)(block)


def reading_pairs(block: Pairs, form: str) -> str:
    before, after = {"markdown": ("**", "** "), "HTML": ("<p>", " ")}.get(form, ("", " "))
    end = {"HTML": "</p>", "LaTeX": r" \\"}.get(form, "")
    return "".join(row(f"{before}{label}:{after}{value}{end}\n") for label, value in block.pairs).rstrip("\n")


def plain_table(table: Table) -> str:
    lines = "".join(row("  ".join(filter(None, line)) + "\n") for line in table.rows)
    return "\n".join(filter(None, [table.caption, "  ".join(filter(None, table.head)), lines]))


def markdown_table(table: Table) -> str:
    head = f"| {' | '.join(table.head)} |\n|{' --- |' * len(table.head)}\n"
    return (
        (f"{table.caption}\n\n" if table.caption else "")
        + head
        + "".join(row(f"| {' | '.join(line)} |\n") for line in table.rows)
    )


def html_table(table: Table) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n"

    caption = f'<tr><td colspan="{len(table.head)}">{table.caption}</td></tr>\n' if table.caption else ""
    return (
        '<table border="1">\n'
        + caption
        + line(table.head)
        + "".join(row(line(cells)) for cells in table.rows)
        + "</table>"
    )


def latex_table(table: Table) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return " & ".join(cells) + " \\\\\n"

    wide = len(table.head)
    caption = f"\\multicolumn{{{wide}}}{{|c|}}{{{table.caption}}} \\\\ \\cline{{1-{wide}}}\n" if table.caption else ""
    rows = "".join(row(line(cells)) for cells in table.rows)
    top = f"\\begin{{tabular}}{{|{'c|' * wide}}}\n\\hline\n{caption}"
    return f"{top}{line(table.head)}\\hline\n{rows}\\end{{tabular}}\n\\vspace{{0.5cm}}"


def in_reading_number(kind: str, printed: str, traits: frozenset[str]) -> str:
    printed = printed.replace("−", "-").replace(NARROW, " ")
    if kind == "date" and "dates written anew" in traits:
        return date_anew(printed)
    if kind in ("amount", "count") and "thousands not separated" in traits:
        return MERGED.sub("", printed)
    if kind in ("serial", "phone") and "groups of digits joined" in traits:
        return re.sub(r"(?<=\d) (?=\d)", "", printed)
    return printed


def date_anew(printed: str) -> str:
    if match := re.fullmatch(r"(\d{4})年(\d+)月(\d+)日", printed):
        return f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}"
    if match := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", printed):
        return f"{match[1]}年{int(match[2])}月{int(match[3])}日"
    return printed
