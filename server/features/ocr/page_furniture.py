"""What stands on a page beside its text, and only one side has: numbers of lines and of pages, watermarks and stamps.

It is taken away before the two are compared: its numbers are no data, and would be taken for those of the text.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from .markup import WORD

Span = tuple[int, int]
LINE = re.compile(r"[^\n]+")
MAX_INDENT_CHARS = 40

# --- numbers of lines ---

INTEGER = re.compile(r"(?<![\w.,:/'’+^-])\d{1,3}(?![\d%^]|[.,:/'’-]\d)")
STEPS = (1, 5, 2, 10)
MIN_OF_FIRST, MIN_AT_EDGES, MIN_ANYWHERE = 2, 3, 6  # lines that are numbered: 5 and 10, and by where the numbers stand
MIN_SHARE_LACKING = 0.8
MIN_IN_ANY_ORDER, MAX_SHARE_BESIDE = 3, 0.34  # of those that stand alone, next to other numbers that do

# --- numbers of pages ---

PAGE = (
    r"(?:pages?|pg|pp?|seite(?:nzahl)?|página|pagina|pág|pag|sheet|blatt|folio|стр(?:аница)?|strona|strana|sida|side|pagină|sayfa"
    r"|trang|halaman|ページ|頁|页码?|쪽|페이지)"
)
SMALL = re.compile(r"(?<![\d.,])[1-9]\d{0,3}(?!\d|[.,]\d)")
COUNT, OF = r"(\d{1,4})(?![\d%]|[.,]\d)", r"[ \t]{0,2}(?:of|von|de|sur|di|da|из|z|ze|av|af|van|till|/|\|)[ \t]{0,2}"
LINE_HEAD, LINE_TAIL = r"(?m:^)[ \t]{0,9}", r"[ \t]{0,9}(?m:$)"
PAGE_COUNTS = [
    re.compile(pattern)
    for pattern in (
        r"共\s?(\d{1,4})\s?[页頁][ \t,;/|·-]{0,3}第\s?(\d{1,4})\s?[页頁]",
        r"第\s?(\d{1,4})\s?[页頁](?:[ \t,;/|·-]{0,3}共\s?(\d{1,4})\s?[页頁])?",
        rf"(?<![^\W\d]){PAGE}[ \t.:#-]{{0,3}}{COUNT}(?:{OF}{COUNT})?",
        rf"{LINE_HEAD}(?:[^\W\d]{{1,12}}[ \t.:]{{1,3}})?{COUNT}{OF}{COUNT}(?:[ \t]{PAGE})?{LINE_TAIL}",
        rf"{LINE_HEAD}(\d{{1,4}})[ \t]?(?:ページ|页|頁|쪽|페이지){LINE_TAIL}",
        rf"{LINE_HEAD}([-—·•~|*])[ \t]?(\d{{1,4}})[ \t]?\1{LINE_TAIL}",
        rf"{LINE_HEAD}\[[ \t]?(\d{{1,4}})[ \t]?\]{LINE_TAIL}",
    )
]

# --- watermarks and stamps ---

MARK_WORD = re.compile(r"\w+")
MARK_AMOUNT = re.compile(r"(?<![\d.,])\d[\d,.]*[.,]\d\d(?![\d.,])|\d\s?[%‰万亿]")
STAMP = re.compile(
    r"(?<!\w)(?:draft|copy|confidential|sample|specimen|void|duplicate|watermark|licen[sc]ed to|downloaded|uncontrolled"
    r"|printed|do not (?:copy|distribute)|entwurf|kopie|muster|vertraulich|brouillon|copie|copia|borrador|confidencial"
    r"|confidentiel)(?!\w)|机密|秘密|绝密|内部资料|内部文件|副本|样本|样张|草稿|草案|作废|受控|水印|仅供"
)
MAX_MARK_WORDS, MIN_TIMES = 16, 3

# --- running heads ---

PAGE_ALONE = re.compile(r"\W{0,9}\d{1,4}\W{0,9}")
HEAD_NUMBER = re.compile(r"[a-z]{0,2}\d{1,4}")
ROW_NUMBER = re.compile(r"[-+(]?\d[\d.,:%)]*")
DECIMAL = re.compile(r"\d[.,]\d|\d\s?[%‰万亿]")
SENTENCE_ENDS = (".", ";", ":", "。", "，", "；")
MAX_HEAD_WORDS = 12


@dataclass(frozen=True)
class _PageCount:
    numbers: tuple[int, ...]
    span: Span


def without_heads(layer: str, read: str) -> tuple[str, str]:
    """Both without the running heads that the other does not have: their numbers would pass for those of the text."""
    own, seen = Counter(WORD.findall(layer)), Counter(WORD.findall(read))
    return _blanked(layer, _lacking_heads(layer, own - seen)), _blanked(read, _lacking_heads(read, seen - own))


def _lacking_heads(text: str, lacking: Counter[str]) -> list[Span]:
    lines = [line for line in LINE.finditer(text) if MARK_WORD.search(line[0])]
    heads = []
    for near in (lines, lines[::-1]):
        rest = near[1:] if near and PAGE_ALONE.fullmatch(near[0][0]) else near
        if rest and _is_head(rest[0][0], lacking) and not _are_rows([line[0] for line in rest[:3]]):
            heads.append(rest[0].span())
    return heads


def _is_head(line: str, lacking: Counter[str]) -> bool:
    """Words that the other side does not have, and a small number or a year; no sentence."""
    words = WORD.findall(line)
    if len(words) > MAX_HEAD_WORDS or DECIMAL.search(line) or line.rstrip().endswith(SENTENCE_ENDS):
        return False
    numbers = [word for word in words if any(c.isdigit() for c in word)]
    missing = sum(lacking[word] > 0 for word in words if word not in numbers)
    small = 0 < len(numbers) <= 2 and all(HEAD_NUMBER.fullmatch(word) for word in numbers)
    return small and missing > 1 and missing * 3 >= (len(words) - len(numbers)) * 2


def _are_rows(lines: list[str]) -> bool:
    """Whether the next line ends with as many numbers as the first; if that is one, also the line after it."""
    ends = [_numbers_at_the_end(line) for line in lines]
    alike = ends.count(ends[0]) - 1
    return ends[0] > 0 and (alike > 1 or (ends[0] > 1 and ends[0] in ends[1:2]))


def _numbers_at_the_end(line: str) -> int:
    words = line.split()[: -MAX_HEAD_WORDS - 1 : -1]
    return next((count for count, word in enumerate(words) if not ROW_NUMBER.fullmatch(word)), len(words))


def without_furniture(layer: str, read: str) -> tuple[str, str]:
    """Both texts, in one width and case, without what one of them has around the text of the page."""
    for strip in (_without_marks, _without_line_numbers, _without_page_counts):
        layer, read = strip(layer, read)
    return layer, read


def _blanked(text: str, spans: Iterable[Span]) -> str:
    """Without the spans; what stood around them on a line does not move together."""
    kept, at = [], 0
    for start, end in sorted(spans):
        before = text[max(0, start - MAX_INDENT_CHARS) : start].rstrip(" \t")
        at_edge = not before or before.endswith("\n") or text[end : end + 1] in ("", "\n")
        kept += [text[at:start], "" if at_edge else " | "]
        at = max(at, end)
    return "".join([*kept, text[at:]])


# --- numbers of lines ---


def _without_line_numbers(layer: str, read: str) -> tuple[str, str]:
    """The layer without numbers at a constant step, of which the reading has nearly none."""
    unnumbered = _blanked(read, (each.span for each in _page_counts(read)))
    here, there = (Counter(int(number) for number in INTEGER.findall(text)) for text in (layer, unnumbered))
    lacking = here - there
    places = list(INTEGER.finditer(layer))
    edges = _at_edges(layer, places)
    spans = _alone_in_any_order(layer, places, lacking)
    lacking -= Counter(int(layer[start:end]) for start, end in spans)
    only_here = [place for place in edges if lacking[int(place[0])] > 0]
    for candidates, least in ((only_here, MIN_AT_EDGES), (edges, MIN_AT_EDGES), (places, MIN_ANYWHERE)):
        for run in _runs_at_a_step([place for place in candidates if place.span() not in spans], least, lacking):
            missing = [place for place in run if lacking[int(place[0])] > 0]
            if len(missing) >= max(MIN_OF_FIRST, MIN_SHARE_LACKING * len(run)):
                lacking -= Counter(int(place[0]) for place in missing)
                spans |= {place.span() for place in missing}
    return _blanked(layer, spans), read


def _alone_in_any_order(text: str, places: list[re.Match[str]], lacking: Counter[int]) -> set[Span]:
    """Numbers of lines that stand alone, each once, as all of a series do; but where others stand so next to them."""
    alone = {number: place for number, place in enumerate(LINE.finditer(text)) if place[0].strip().isdigit()}
    of_line = {place.end() - len(place[0].lstrip()): number for number, place in alone.items()}
    found = {of_line[p.start()]: p for p in places if p.start() in of_line and lacking[int(p[0])] > 0}
    values = Counter(int(place[0]) for place in found.values())
    for step in STEPS:
        series = _series(values, step)
        kept = {number for number, place in found.items() if int(place[0]) in series}
        beside = {number for number in kept if {number - 1, number + 1} & (alone.keys() - kept)}
        if len(kept) >= MIN_IN_ANY_ORDER and len(beside) <= MAX_SHARE_BESIDE * len(kept):
            return {found[number].span() for number in kept}
    return set()


def _series(values: Counter[int], step: int) -> set[int]:
    """The longest that grows by the step and is a multiple of it."""
    best: list[int] = []
    run: list[int] = []
    for value in sorted(value for value, times in values.items() if times == 1 and value % step == 0):
        run = [*run, value] if run and value - run[-1] in (step, 2 * step) else [value]
        best = max(best, run, key=len)
    return set(best)


def _at_edges(text: str, places: list[re.Match[str]]) -> list[re.Match[str]]:
    """Those that begin or end a line, or stand together with the next."""
    together = {
        place.start()
        for one, other in pairwise(places)
        if int(other[0]) - int(one[0]) in STEPS and not text[one.end() : other.start()].strip()
        for place in (one, other)
    }
    edges = set(together)
    for line in LINE.finditer(text):
        edges |= {line.end() - len(line[0].lstrip()), line.start() + len(line[0].rstrip())}
    return [place for place in places if edges.intersection(place.span())]


def _runs_at_a_step(places: list[re.Match[str]], least: int, lacking: Counter[int]) -> Iterator[list[re.Match[str]]]:
    """Runs of numbers that grow by the same: first those that the other side lacks, long ones before others."""
    found: list[list[re.Match[str]]] = []
    for step in STEPS:
        run_to: dict[int, list[re.Match[str]]] = {}
        for place in places:
            number = int(place[0])
            run = run_to.pop(number - step, []) or run_to.pop(number - 2 * step, [])
            if len(run) >= len(run_to.get(number, ())):
                run.append(place)
                run_to[number] = run
            elif run:
                run_to[int(run[-1][0])] = run
        found += run_to.values()
    taken: set[Span] = set()
    for run in sorted(
        (run for run in found if len(run) >= least or (least == MIN_AT_EDGES and _are_first(run))),
        key=lambda run: (_share_lacking(run, lacking) >= MIN_SHARE_LACKING, len(run)),
        reverse=True,
    ):
        if free := [place for place in run if place.span() not in taken]:
            taken |= {place.span() for place in free}
            yield free


def _share_lacking(run: list[re.Match[str]], lacking: Counter[int]) -> float:
    return sum(lacking[int(place[0])] > 0 for place in run) / len(run)


def _are_first(run: list[re.Match[str]]) -> bool:
    """Of a short page, whose every fifth line is numbered."""
    return [int(place[0]) for place in run] == [5, 10]


# --- numbers of pages ---


def _without_page_counts(layer: str, read: str) -> tuple[str, str]:
    """Both without those that the other does not have; if each has its own, they differ, and stay."""
    here, there = _page_counts(layer), _page_counts(read)
    own, seen = Counter(SMALL.findall(layer)), Counter(SMALL.findall(read))
    only_here = [each for each in _unlike(here, there) if _lacks(each, own, seen)]
    only_there = [each for each in _unlike(there, here) if _lacks(each, seen, own)]
    if not only_there or not only_here or _same_page(only_here, only_there):
        return _blanked(layer, (each.span for each in only_here)), _blanked(read, (each.span for each in only_there))
    return layer, read


def _lacks(count: _PageCount, own: Counter[str], other: Counter[str]) -> bool:
    """Whether the other side has it nowhere: a text that says on which page something is has it too."""
    return any(own[str(number)] > other[str(number)] for number in count.numbers)


def _page_counts(text: str) -> list[_PageCount]:
    found: dict[Span, _PageCount] = {}
    free = text
    for pattern in PAGE_COUNTS:
        for match in pattern.finditer(free):
            numbers = tuple(sorted(int(group) for group in match.groups() if group and group.isdigit()))
            found[match.span()] = _PageCount(numbers, match.span())
        free = pattern.sub(lambda match: "\x00" * len(match[0]), free)
    return list(found.values())


def _unlike(counts: list[_PageCount], others: list[_PageCount]) -> list[_PageCount]:
    known = Counter(each.numbers for each in others)
    unlike = []
    for each in counts:
        if known[each.numbers] > 0:
            known[each.numbers] -= 1
        else:
            unlike.append(each)
    return unlike


def _same_page(ones: list[_PageCount], others: list[_PageCount]) -> bool:
    """Whether one side only adds how many pages there are."""
    shorter, longer = sorted(({number for each in side for number in each.numbers} for side in (ones, others)), key=len)
    return shorter < longer


# --- watermarks and stamps ---


def _without_marks(layer: str, read: str) -> tuple[str, str]:
    own, seen = _lines_by_words(layer), _lines_by_words(read)
    said = _in_a_row(MARK_WORD.findall(read))
    marks = {
        words
        for words, places in own.items()
        if len(places) >= MIN_TIMES and len(places) - said.count(_in_a_row(words)) >= MIN_TIMES - 1
    }
    known = Counter(STAMP.findall(layer)), Counter(STAMP.findall(read))
    stripped = []
    for text, lines, lacking in ((layer, own, known[0] - known[1]), (read, seen, known[1] - known[0])):
        stamps = {words for words in lines if words not in marks and _is_lacking_stamp(text, lines[words], lacking)}
        stripped.append(_blanked(text, (span for words in marks | stamps for span in lines[words])))
    return stripped[0], stripped[1]


def _in_a_row(words: Iterable[str]) -> str:
    return "".join(f" {word} " for word in words)


def _is_lacking_stamp(text: str, spans: list[Span], lacking: Counter[str]) -> bool:
    found = [STAMP.findall(text[start:end]) for start, end in spans]
    return all(words and all(lacking[word] > 0 for word in words) for words in found)


def _lines_by_words(text: str) -> dict[tuple[str, ...], list[Span]]:
    """Short lines with a word and without an amount."""
    lines: dict[tuple[str, ...], list[Span]] = defaultdict(list)
    for line in LINE.finditer(text):
        words = tuple(MARK_WORD.findall(line[0])) if len(line[0]) <= MAX_MARK_WORDS * 8 else ()
        named = any(not word.isdigit() for word in words)
        if named and len(words) <= MAX_MARK_WORDS and not MARK_AMOUNT.search(line[0]):
            lines[words].append(line.span())
    return lines
