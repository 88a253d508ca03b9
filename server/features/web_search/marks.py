"""The marks in an answer: where it points to pages, in the forms that models write, and what is code.

`[ref_<number>]` is asked for; `docs/replies.md` lists what comes instead.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MAX_RANGE = 50
MAX_MARK_NUMBERS = 60  # of one mark
MAX_DIGITS = 9  # of a number that may be one of ours
NEAR_CHARS = 12  # what stands before a mark and says what it is; a bound, so that no text is read twice
MARK = re.compile(
    r"(?P<address>https?://[^\s()\[\]<>（）【】［］，。；、]{1,2048})"
    r"|\\?(?:(?P<opening>[\[【［〔])(?P<square>[^\[\]【】［］〔〕\n]{1,120}?)\\?[\]】］〕]"
    r"|[(（](?P<round>[^()（）\n]{1,120}?)\\?[)）])"
    r"(?P<link>\(https?://[^\s()]{0,2048}\))?"
    r"|(?<![a-z0-9_])(?<![a-z_/.][/=&?.#-])"
    r"(?P<bare>ref_\d+(?:\s?[-–—~～至到]\s?(?:ref_)?\d+)?)(?![a-z0-9_])"
    r"|(?<!\S)(?P<item>\d{1,2})(?=[.、．)）][ \t*\[])",
    re.IGNORECASE,
)
LINK_AROUND = re.compile(r"\\?\]\((https?://[^\s()]{0,2048})\)")  # [[3]](https://…)
REF = re.compile(r"(?:refs?|references?)[\s_:：#.-]*(?=\d)", re.IGNORECASE)
SOURCE_WORD = re.compile(
    r"(?:参考(?:资料|文献|来源|链接)?|数据来源|来源|引用|资料|文献|出处|网页|搜索结果"
    r"|sources?|citations?|cite|web(?:pages?)?|search results?|results?)[\s_:：#.-]*(?=\d|ref_)",
    re.IGNORECASE,
)
PLACE_IN_PAGE = re.compile(r"†[^,，;；]*")  # 【3†source】, 【3†L1-L5】
RANGE_SIGN = re.compile(r"\s*(?:[-–—~～至到]|\bto\b)\s*(?=\^?(?:ref_)?\d)")
BETWEEN = re.compile(r"(?:[\s,，、;；/&+|]|和|与|及|\band\b)+")
NUMBER = re.compile(r"\^?(?:ref_)?(\d{1,40})(?:-\^?(?:ref_)?(\d{1,40}))?\^?")
BEGINS_LINE = re.compile(r"(?:\A|\n)[ \t>*-]*\Z")
BEFORE_DATA = re.compile(
    r'(?:[=∈⊂]|":)\s*\Z|(?<![a-z0-9_])[a-z_]\Z|(?:区间|范围|数组|向量|矩阵|集合|range|interval|array|vector)\s?\Z',
    re.IGNORECASE | re.ASCII,
)
INSIDE_DATA = re.compile(r"[,(\[{]\s*\Z")  # [[1, 2], [3, 4]], f([1, 2])
AFTER_DATA = re.compile(r" ?(?:之间|区间|[年月天岁个%％℃])")
FENCE_LINE = re.compile(
    r"^(?P<item>[ \t>]{0,12}(?:[-*+]|\d{1,9}[.)])[ \t]{1,4})?[ \t>]{0,12}(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)$",
    re.MULTILINE,
)
TICKS = re.compile(r"`+")
BLOCK_END = re.compile(r"\n(?=[ \t]*(?:\n|[-*+>#|]|\d{1,9}[.)、]))")

Form = Literal["ref", "named", "note", "group", "number", "item"]


@dataclass(frozen=True)
class Mark:
    """`text` points to pages by the numbers they were found with.

    `form`: `ref` is what was asked for and means nothing else; `named` is a word with a number, or 【3】; `note` is
    [^3]; `group` is several plain numbers, or a range; `number` is one in brackets; `item` is the number of a line of
    a list. `as_data`: what stands around it says that plain numbers are no citation.
    """

    text: str
    numbers: tuple[int, ...]
    form: Form
    link: str = ""
    begins_line: bool = False
    as_data: bool = False


@dataclass(frozen=True)
class Code:
    text: str


def pieces(text: str) -> Iterator[str | Code | Mark]:
    """The text in order: prose, code, marks. Joined again they are the text."""
    done = 0
    for start, end in _code(text):
        yield from _prose(text, done, start)
        yield Code(text[start:end])
        done = end
    yield from _prose(text, done, len(text))


def reads_as_mark(group: str) -> bool:
    """Whether what stands between brackets could be taken for a mark."""
    return _numbers(group) is not None or "ref_" in group.lower()


def _prose(text: str, start: int, end: int) -> Iterator[str | Mark]:
    at = done = start
    while found := MARK.search(text, at, end):
        if found["address"]:
            at = found.end()
            continue
        mark = _mark(found)
        if mark is None:  # there may be one inside
            at = found.start() + 1
            continue
        yield text[done : found.start()]
        yield mark
        at = done = found.end()
    yield text[done:end]


def _mark(found: re.Match[str]) -> Mark | None:
    near = found.string[max(0, found.start() - NEAR_CHARS - 1) : found.start()]
    begins = bool(BEGINS_LINE.search(near)) and ("\n" in near or found.start() <= NEAR_CHARS)
    if found["item"]:
        return Mark(found[0], (int(found["item"]),), "item", begins_line=True) if begins else None
    told = _numbers(found["bare"] or found["square"] or found["round"])
    if told is None or (found["round"] and told[1] not in ("ref", "named")):  # (3) counts
        return None
    numbers, form = told
    if form == "number" and found["opening"] in ("【", "〔") and not begins:  # there it would be a heading
        form = "named"
    around = LINK_AROUND.match(found.string, found.end()) if near[-1:] == "[" else None
    link = around[1] if around else (found["link"] or "")[1:-1]
    data = BEFORE_DATA.search(near) or AFTER_DATA.match(found.string, found.end())
    inside_data = form == "group" and INSIDE_DATA.search(near)
    image = link and near.endswith("!")
    return Mark(found[0], numbers, form, link, begins, bool(data or inside_data or image))


def _numbers(inside: str) -> tuple[tuple[int, ...], Form] | None:
    """The numbers that a group names, and how; None where it says something else, too."""
    plain = PLACE_IN_PAGE.sub("", SOURCE_WORD.sub("", REF.sub("ref_", inside.replace("\\", ""))))
    parts = [part for part in BETWEEN.split(RANGE_SIGN.sub("-", plain.strip())) if part]
    matches = [NUMBER.fullmatch(part) for part in parts[: MAX_MARK_NUMBERS + 1]]
    if not parts or len(parts) > MAX_MARK_NUMBERS or None in matches:
        return None
    numbers: list[int] = []
    for match in filter(None, matches):
        first, last = (
            int(digits) if len(digits) <= MAX_DIGITS else 10**MAX_DIGITS for digits in (match[1], match[2] or match[1])
        )
        if 0 <= last - first <= MAX_RANGE:
            numbers += range(first, last + 1)
        elif "ref_" in plain.lower():
            numbers += (first, last)  # its ends at least are meant
        else:
            return None
    return tuple(numbers), _form(inside, plain, len(parts) > 1 or "-" in plain or len(numbers) > 1)


def _form(inside: str, plain: str, several: bool) -> Form:
    if "ref_" in plain.lower():
        return "ref"
    if "^" in plain:
        return "note"
    if plain != inside.replace("\\", ""):
        return "named"
    return "group" if several else "number"


# --- code ---


def _code(text: str) -> Iterator[tuple[int, int]]:
    """Where code stands: fenced blocks, and what stands between runs of as many backticks in one paragraph."""
    done = 0
    for start, end in _fenced(text):
        yield from _inline(text, done, start)
        yield start, end
        done = end
    yield from _inline(text, done, len(text))


def _fenced(text: str) -> Iterator[tuple[int, int]]:
    fence, start = "", 0
    for match in FENCE_LINE.finditer(text):
        if not fence:
            if match["fence"][0] == "~" or "`" not in match["info"]:  # else it is inline code
                fence, start = match["fence"], match.start()
        elif match["fence"].startswith(fence) and not match["info"].strip() and not match["item"]:
            yield start, match.end()
            fence = ""
    if fence:  # one that is not closed holds all that follows
        yield start, len(text)


def _inline(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    paragraph: list[tuple[int, int]] = []
    line = start
    for match in TICKS.finditer(text, start, end):
        if BLOCK_END.search(text, line, match.start()):
            yield from _paired(text, paragraph)
            paragraph = []
        line = match.end()
        paragraph.append(match.span())
    yield from _paired(text, paragraph)


def _paired(text: str, runs: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Each run of backticks opens code up to the next one of its length; one that has none, or is escaped, is text."""
    later: dict[int, int] = {}
    closing: list[int | None] = [None] * len(runs)
    for place in range(len(runs) - 1, -1, -1):
        length = runs[place][1] - runs[place][0]
        closing[place] = later.get(length)
        later[length] = place
    place = 0
    while place < len(runs):
        opened, _ = runs[place]
        closed = None if text[opened - 1 : opened] == "\\" else closing[place]
        if closed is not None:
            yield opened, runs[closed][1]
        place = place + 1 if closed is None else closed + 1
