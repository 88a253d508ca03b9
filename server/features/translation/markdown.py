"""Markdown: front matter, code, formulas, addresses and the marks of its blocks stay; the words between are offered."""

import re
from collections.abc import Iterable, Iterator, Mapping

from .plain_text import TEXT_LINE, edges_of, gaps_of
from .sentences import ends_a_sentence
from .units import Marking, TextTemplate, TextUnit

CODE_FENCE = re.compile(r"[ >]*(?:[-*+]|\d+[.)])?\s*(`{3,}|~{3,})")
FRONT = re.compile(r"\A(---|\+\+\+)[ \t]*(?:\r\n|\r|\n).*?^\1[ \t]*(?:\r\n|\r|\n|\Z)", re.DOTALL | re.MULTILINE)
BLOCK_MARKS = re.compile(r"\s*(?:>\s?|#{1,6}\s+|[-*+]\s+(?:\[[ xX]\]\s+)?|\d{1,9}[.)]\s+|\[\^[^\]\s]+\]:\s+|:\s+)*")
HEADING = re.compile(r"\s*#{1,6}\s")
INDENTED_CODE = re.compile(r"(?: {4}|\t)")
HORIZONTAL_RULE = re.compile(r"\s*(?:[-*_=]\s*){3,}$|\s*=+\s*$|\s*-+\s*$")
DEFINITION = re.compile(r"\s*\[[^\]]+\]:\s*\S")
TABLE_EDGE = re.compile(r"\s*\|?\s*:?-{1,}:?\s*(?:\|\s*:?-{1,}:?\s*)*\|?\s*$")
CELL = re.compile(r"(?<!\\)\|")
HTML_BLOCK = re.compile(r"\s*<(?:!--|/?(?:script|style|pre|svg|iframe)\b)", re.IGNORECASE)
HTML_ENDS = {"!--": "-->", "script": "</script>", "style": "</style>", "pre": "</pre>", "svg": "</svg>"}
# Inside a line, in this order: code, formulas, footnotes, what is linked to, references
CODE_SPAN = re.compile(r"(?<![\\`])(`{1,8})(?!`).{1,2000}?(?<!`)\1(?!`)", re.DOTALL)
FORMULA_SPAN = re.compile(
    r"\$\$.{1,2000}?\$\$|(?<![\\$\w])\$(?=\S)[^$\n]{1,500}?(?<=\S)\$(?![\w$])|\\\(.{1,500}?\\\)|\\\[.{1,500}?\\\]"
)
FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,200}\]")
LINK = re.compile(
    r"(!?\[)((?:[^\[\]\n]|\[[^\[\]\n]*\]){0,2000})(\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"\n]*\")?\)|\]\[[^\[\]\n]*\])"
)
AUTOLINK = re.compile(r"<(?:https?:|mailto:)[^<>\s]{1,2000}>")


class Markdown:
    suffix = ".md"
    notes: tuple[str, ...] = ()

    def __init__(self, text: str) -> None:
        self._template = TextTemplate()
        front = FRONT.match(text)
        begins = front.end() if front else 0
        self._template.keep(text[:begins])
        first = len(TEXT_LINE.findall(text[:begins])) if begins else 1
        self._lines = [(found[1], found[2]) for found in TEXT_LINE.finditer(text[begins:]) if found[0]]
        self._behind_an_edge = list(_behind_edges(line for line, _ in self._lines))
        self._read(max(1, first))
        self.units = self._template.units

    def filled(self, translations: Mapping[int, str]) -> bytes:
        return self._template.filled(translations).encode()

    def _read(self, first: int) -> None:
        at = 0
        while at < len(self._lines):
            line = self._lines[at][0]
            if (kept := self._kept(at)) > at:
                self._template.keep("".join(body + end for body, end in self._lines[at:kept]))
                at = kept
            elif self._in_table(at):
                self._row(first + at, *self._lines[at])
                at += 1
            else:
                following = at + 1
                while not HEADING.match(line) and following < len(self._lines) and self._goes_on(following):
                    following += 1
                self._paragraph(first + at, self._lines[at:following])
                at = following

    # --- what stays ---

    def _kept(self, at: int) -> int:
        """Behind the lines from here on that stay as they are."""
        line = self._lines[at][0]
        if fence := CODE_FENCE.match(line):
            return self._until(
                at + 1, lambda body: body.strip(" >\t").startswith(fence[1]) and not body.strip(" >\t`~")
            )
        if (html := HTML_BLOCK.match(line)) and (end := HTML_ENDS.get(html[0].strip().strip("</").lower())):
            return at + 1 if end in line.lower() else self._until(at + 1, lambda body: end in body.lower())
        if line.strip() == "$$":
            return self._until(at + 1, lambda body: body.strip() == "$$")
        alone = (
            not line.strip() or HORIZONTAL_RULE.match(line.rstrip()) or TABLE_EDGE.match(line.strip()) or _defines(line)
        )
        before = self._lines[at - 1][0] if at else ""
        code = (
            INDENTED_CODE.match(line) and (not before.strip() or INDENTED_CODE.match(before)) and not self._in_list(at)
        )
        return at + 1 if alone or code else at

    def _until(self, at: int, ends: object) -> int:
        while at < len(self._lines):
            at += 1
            if ends(self._lines[at - 1][0]):  # type: ignore[operator]  # a function of a line
                break
        return at

    def _in_list(self, at: int) -> bool:
        """Whether an indented line may belong to an item above it."""
        for body, _ in reversed(self._lines[max(0, at - 40) : at]):
            if body.strip() and not body[0].isspace():
                return bool(re.match(r"[-*+]\s|\d{1,9}[.)]\s", body))
        return False

    # --- tables ---

    def _in_table(self, at: int) -> bool:
        """Rows stand around a line of dashes, and each has a bar."""
        if not CELL.search(self._lines[at][0]):
            return False
        if at + 1 < len(self._lines) and TABLE_EDGE.match(self._lines[at + 1][0]) and "-" in self._lines[at + 1][0]:
            return True
        return self._behind_an_edge[at]

    def _row(self, number: int, line: str, end: str) -> None:
        at = 0
        held = [found.span() for found in CODE_SPAN.finditer(line)]
        for bar in CELL.finditer(line):
            if any(start < bar.start() < stop for start, stop in held):
                continue
            self._words(number, line[at : bar.start()])
            self._template.keep("|")
            at = bar.end()
        self._words(number, line[at:])
        self._template.keep(end)

    # --- words ---

    def _goes_on(self, at: int) -> bool:
        """Whether a line is the same paragraph as the one before."""
        line, before = self._lines[at][0], self._lines[at - 1][0]
        marks = BLOCK_MARKS.match(line)
        if self._kept(at) > at or self._in_table(at) or (marks and marks[0].strip()):
            return False
        if not BLOCK_MARKS.sub("", before, count=1).strip():  # marks alone
            return False
        return not before.endswith(("  ", "\\")) and not HEADING.match(before) and not ends_a_sentence(before)

    def _paragraph(self, number: int, lines: list[tuple[str, str]]) -> None:
        marks = BLOCK_MARKS.match(lines[0][0])
        begins = marks.end() if marks else 0
        self._template.keep(lines[0][0][:begins])
        bodies = [lines[0][0][begins:], *(line for line, _ in lines[1:])]
        edges = [edges_of(body) for body in bodies]
        self._template.keep(edges[0][0])
        self._words(number, "\n".join(body.strip() for body in bodies), gaps_of(edges, lines))
        self._template.keep(edges[-1][1] + lines[-1][1])

    def _words(self, number: int, text: str, between: tuple[str, ...] = ()) -> None:
        body = text.strip()
        start = text.find(body) if body else len(text)
        self._template.keep(text[:start])
        if body:
            marking = Marking(body)
            marked = _marked(body, marking)
            self._template.offer(TextUnit(marked, f"line {number}", between, marking.things, marking.spans))
        self._template.keep(text[start + len(body) :])


def _behind_edges(lines: Iterable[str]) -> Iterator[bool]:
    """Of each line, whether those above it with bars reach up to an edge."""
    behind = False
    for line in lines:
        yield behind
        behind = bool(CELL.search(line)) and (behind or ("|" in line and bool(TABLE_EDGE.match(line))))


def _defines(line: str) -> bool:
    """Where a link leads; a footnote has words."""
    return bool(DEFINITION.match(line)) and not line.lstrip().startswith("[^")


def _marked(text: str, marking: Marking) -> str:
    """Code first: what looks like anything else in it is none."""
    for pattern in (CODE_SPAN, FORMULA_SPAN, AUTOLINK, FOOTNOTE):
        text = pattern.sub(lambda found: marking.aside(found[0]), text)
    for _ in range(2):  # an image that is a link
        text = LINK.sub(lambda found: marking.around(found[1], found[2], found[3]), text)
    return marking.protected_between(text)
