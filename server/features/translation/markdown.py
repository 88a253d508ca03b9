"""Markdown: front matter, code, formulas, addresses and the marks of its blocks stay; the words between are offered."""

import re
from collections.abc import Iterable, Iterator, Mapping

from .plain_text import TEXT_LINE, edges_of, gaps_of
from .sentences import ends_a_sentence
from .units import Marking, TextTemplate, TextUnit
from .untranslated import Untranslated

CODE_FENCE = re.compile(r"[ >]*(?:[-*+]|\d+[.)])?\s*(`{3,}(?!.*`)|~{3,})")
# Dashes may be a rule, too: between those of front matter stands nothing but YAML, and a key before all else
ONE_LINE_END = r"(?>\r\n|\r|\n)"
YAML_KEY = r"[^\s:#-][^:\r\n]{0,80}:(?=[ \t\r\n])[^\r\n]*"
YAML_LINE = rf"(?:[ \t#\]}}][^\r\n]*|-(?:[ \t][^\r\n]*)?|{YAML_KEY})?"
FRONT = re.compile(
    rf"---[ \t]*{ONE_LINE_END}(?:#[^\r\n]*{ONE_LINE_END})*{YAML_KEY}{ONE_LINE_END}(?:{YAML_LINE}{ONE_LINE_END})*?"
    rf"(?:---|\.\.\.)[ \t]*(?:{ONE_LINE_END}|\Z)"
    rf"|\+\+\+[ \t]*{ONE_LINE_END}(?s:.*?)^\+\+\+[ \t]*(?:{ONE_LINE_END}|\Z)",
    re.MULTILINE,
)
BLOCK_MARKS = re.compile(r"\s*(?:>\s?|#{1,6}\s+|[-*+]\s+(?:\[[ xX]\]\s+)?|\d{1,9}[.)]\s+|\[\^[^\]\s]+\]:\s+|:\s+)*")
HEADING = re.compile(r"\s*#{1,6}\s")
INDENTED_CODE = re.compile(r"(?: {4}|\t)")
HORIZONTAL_RULE = re.compile(r"\s*(?:[-*_=]\s*){3,}$|\s*=+\s*$|\s*-+\s*$")
DEFINITION = re.compile(r"\s*\[[^\]]+\]:\s*\S")
TABLE_EDGE = re.compile(r"\s*\|?\s*:?-{1,}:?\s*(?:\|\s*:?-{1,}:?\s*)*\|?\s*$")
CELL = re.compile(r"(?<!\\)\|")
HTML_BLOCK = re.compile(r"\s*<(!--|(?:script|style|pre|svg)(?=[\s>]|$))", re.IGNORECASE)
HTML_ENDS = {name: re.compile(rf"</{name}>\s*", re.IGNORECASE) for name in ("script", "style", "pre", "svg")}
HTML_ENDS["!--"] = re.compile(r"-->\s*")
MATH_END = re.compile(r"\$\$\s*(?:\{[^{}]*\}\s*)?")  # and the label of the formula
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
    untranslated: tuple[Untranslated, ...] = ()

    def __init__(self, text: str) -> None:
        self._template = TextTemplate()
        front = FRONT.match(text)
        begins = front.end() if front else 0
        self._template.keep(text[:begins])
        first = len(TEXT_LINE.findall(text[:begins])) if begins else 1
        self._lines = [(found[1], found[2]) for found in TEXT_LINE.finditer(text[begins:]) if found[0]]
        self._endless: set[re.Pattern[str]] = set()  # ends that come no more
        self._behind_an_edge = list(_behind_edges(line for line, _ in self._lines))
        self._read(max(1, first))
        self.units = self._template.units

    def filled(self, translations: Mapping[int, str]) -> bytes:
        return self._template.filled(translations).encode()

    def _read(self, first: int) -> None:
        at = 0
        while at < len(self._lines):
            line = self._lines[at][0]
            if (kept := self._kept(at)) > (at, 0):
                self._keep(at, *kept)
                at = kept[0]
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

    def _kept(self, at: int) -> tuple[int, int]:
        """Behind what stays from here on: a line, and the column where words go on in it."""
        line = self._lines[at][0]
        if fence := CODE_FENCE.match(line):
            return self._until(
                at + 1, lambda body: body.strip(" >\t").startswith(fence[1]) and not body.strip(" >\t`~")
            ), 0
        if HTML_BLOCK.match(line):
            return self._behind_html(at)
        if line.strip() == "$$" and (behind := self._behind(at + 1, 0, MATH_END)):
            return behind
        return at + self._stays(at), 0

    def _stays(self, at: int) -> bool:
        """Whether a line does by itself."""
        line = self._lines[at][0]
        if not line.strip() or HORIZONTAL_RULE.match(line.rstrip()) or TABLE_EDGE.match(line.strip()) or _defines(line):
            return True
        before = self._lines[at - 1][0] if at else ""
        code = INDENTED_CODE.match(line) and (not before.strip() or INDENTED_CODE.match(before))
        return bool(code) and not self._in_list(at)

    def _behind_html(self, at: int) -> tuple[int, int]:
        """One block after another; one that nothing ends goes on to a blank line, and not through all that follows."""
        column = 0
        while at < len(self._lines) and (block := HTML_BLOCK.match(self._lines[at][0], column)):
            behind = self._behind(at, block.start(1), HTML_ENDS[block[1].lower()])
            at, column = behind or (self._until(at, lambda body: not body.strip()), 0)
        return at, column

    def _behind(self, at: int, column: int, end: re.Pattern[str]) -> tuple[int, int] | None:
        for line in range(at, at if end in self._endless else len(self._lines)):
            body = self._lines[line][0]
            if found := end.search(body, column):
                return (line, found.end()) if found.end() < len(body) else (line + 1, 0)
            column = 0
        self._endless.add(end)
        return None

    def _keep(self, at: int, behind: int, column: int) -> None:
        self._template.keep("".join(body + end for body, end in self._lines[at:behind]))
        if column:
            body, end = self._lines[behind]
            self._template.keep(body[:column])
            self._lines[behind] = (body[column:], end)

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
        if self._kept(at) > (at, 0) or self._in_table(at) or (marks and marks[0].strip()):
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
