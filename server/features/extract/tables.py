"""The header of a table that is cut: Markdown, tabs, CSV, or columns of aligned text."""

import re

MAX_HEADER_CHARS = 2_000
RULE = frozenset("|:- \t\r")
QUOTED = re.compile(r'"[^"\n]*"')
BETWEEN_COLUMNS = tuple(map(re.compile, (r"\|", r"\t", ";", ",", r"(?<=\S)(?: {2,}|\u3000+)(?=\S)")))
SURE_COLUMNS = BETWEEN_COLUMNS[:2]  # the others stand in prose too
FIGURE = re.compile(r"\d")


def table_header(text: str, floor: int, cut: int, earlier: str) -> str:
    """The header of the table whose rows stand on both sides of a cut; "" where there is none.

    `floor`: where the part before begins; `earlier`: the header it was given, of a table that it is itself a part of.
    """
    if cut == 0 or text[cut - 1] != "\n":
        return ""
    row = text[cut : cut + MAX_HEADER_CHARS].partition("\n")[0]
    for separator in BETWEEN_COLUMNS:
        if count := _columns(separator, row):
            first, lines = _first_of_table(text[floor:cut].splitlines(), separator, count)
            before = text[max(0, floor - MAX_HEADER_CHARS) : max(0, floor - 1)].rpartition("\n")[2]
            began_before = first == 0 and text[floor - 1 : floor] == "\n" and _columns(separator, before) == count
            return earlier if began_before else _fitting(_header(lines, separator, row))
    return ""


def _first_of_table(lines: list[str], separator: re.Pattern[str], columns: int) -> tuple[int, list[str]]:
    """Where the last table of these lines begins, and its lines."""
    first = len(lines)
    while first and _columns(separator, lines[first - 1]) == columns:
        first -= 1
    return first, lines[first:]


def _header(table: list[str], separator: re.Pattern[str], row: str) -> str:
    if len(table) > 1 and "-" in table[1] and RULE.issuperset(table[1]):
        return "\n".join(table[:2])
    has_words_only = bool(table) and not FIGURE.search(table[0]) and bool(FIGURE.search(row))
    return table[0] if table and (separator in SURE_COLUMNS or has_words_only) else ""


def _columns(separator: re.Pattern[str], line: str) -> int:
    return len(separator.findall(QUOTED.sub("", line.strip(" \r"))))


def _fitting(header: str) -> str:
    return header if len(header) <= MAX_HEADER_CHARS else ""
