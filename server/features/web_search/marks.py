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
MARK = re.compile(
    r"\\?(?:(?P<opening>[\[【［〔])(?P<square>[^\[\]【】［］〔〕\n]{1,120}?)\\?[\]】］〕]"
    r"|[(（](?P<round>[^()（）\n]{1,120}?)\\?[)）])"
    r"(?P<link>\(https?://[^\s()]{0,2048}\))?"
    r"|(?<![a-z0-9_/=&?.#-])(?P<bare>ref_\d+)(?![a-z0-9_])",
    re.IGNORECASE,
)
REF = re.compile(r"(?:refs?|references?)[\s_:：#.-]*(?=\d)", re.IGNORECASE)
SOURCE_WORD = re.compile(
    r"(?:参考(?:资料|文献|来源|链接)?|来源|引用|资料|文献|出处|网页|sources?|citations?|cite)[\s_:：#.-]*(?=\d|ref_)",
    re.IGNORECASE,
)
RANGE_SIGN = re.compile(r"\s*(?:[-–—~～至到]|\bto\b)\s*(?=\^?(?:ref_)?\d)")
BETWEEN = re.compile(r"(?:[\s,，、;；/&+|]|和|与|及|\band\b)+")
NUMBER = re.compile(r"\^?(?:ref_)?(\d{1,40})(?:-\^?(?:ref_)?(\d{1,40}))?")
FENCE_LINE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
TICKS = re.compile(r"`+")

Form = Literal["ref", "group", "number"]


@dataclass(frozen=True)
class Mark:
    """`text` points to pages by the numbers they were found with. `form`: `ref` is what was asked for and means nothing
    else; `group` is several numbers, a range or a word with a number; `number` is one in brackets.
    """

    text: str
    numbers: tuple[int, ...]
    form: Form
    link: str = ""
    begins_line: bool = False


@dataclass(frozen=True)
class Code:
    text: str


def pieces(text: str) -> Iterator[str | Code | Mark]:
    """The text in order: prose, code, marks. Joined again they are the text."""
    done = 0
    for start, end in _code(text):
        yield from _prose(text[done:start])
        yield Code(text[start:end])
        done = end
    yield from _prose(text[done:])


def reads_as_mark(group: str) -> bool:
    """Whether what stands between brackets could be taken for a mark."""
    return _numbers(group) is not None or "ref_" in group.lower()


def _prose(text: str) -> Iterator[str | Mark]:
    at = done = 0
    while found := MARK.search(text, at):
        mark = _mark(found)
        if mark is None:  # there may be one inside
            at = found.start() + 1
            continue
        yield text[done : found.start()]
        yield mark
        at = done = found.end()
    yield text[done:]


def _mark(found: re.Match[str]) -> Mark | None:
    inside = found["bare"] or found["square"] or found["round"]
    told = _numbers(inside)
    if told is None:
        return None
    numbers, form = told
    if form != "ref" and (found["round"] or found.string[: found.start()][-1:] in ("=", "∈")):
        return None  # (3) counts, and an interval is none of ours
    if form == "number" and found["opening"] in ("【", "〔"):
        form = "group"
    before = found.string.rfind("\n", 0, found.start()) + 1
    begins = not found.string[before : found.start()].strip(" \t-*>")
    return Mark(found[0], numbers, form, (found["link"] or "")[1:-1], begins)


def _numbers(inside: str) -> tuple[tuple[int, ...], Form] | None:
    """The numbers that a group names, and how; None where it says something else, too."""
    plain = SOURCE_WORD.sub("", REF.sub("ref_", inside.replace("\\", "")))
    named = plain != inside or "^" in plain
    parts = [part for part in BETWEEN.split(RANGE_SIGN.sub("-", plain.strip())) if part]
    matches = [NUMBER.fullmatch(part) for part in parts[: MAX_MARK_NUMBERS + 1]]
    if not parts or len(parts) > MAX_MARK_NUMBERS or None in matches:
        return None
    numbers: list[int] = []
    for match in filter(None, matches):
        first, last = (
            int(digits) if len(digits) <= MAX_DIGITS else 10**MAX_DIGITS for digits in (match[1], match[2] or match[1])
        )
        if not 0 <= last - first <= MAX_RANGE:
            return None
        numbers += range(first, last + 1)
    if "ref_" in plain.lower():
        return tuple(numbers), "ref"
    return tuple(numbers), "group" if named or len(parts) > 1 or "-" in plain or len(numbers) > 1 else "number"


# --- code ---


def _code(text: str) -> Iterator[tuple[int, int]]:
    """Where code stands: fenced blocks, and what stands between runs of as many backticks on one line."""
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
            fence, start = match[1], match.start()
        elif match[1][0] == fence[0] and len(match[1]) >= len(fence):
            yield start, match.end()
            fence = ""
    if fence:  # one that is not closed holds all that follows
        yield start, len(text)


def _inline(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    opened: dict[int, int] = {}
    line = 0
    for match in TICKS.finditer(text, start, end):
        if text.find("\n", line, match.start()) >= 0:
            opened.clear()
        line = match.end()
        length = len(match[0])
        if length in opened:
            yield opened[length], match.end()
            opened.clear()
        else:
            opened[length] = match.start()
