"""A text: its white space, its lines and its paragraphs stay as they are."""

import re
from collections.abc import Mapping, Sequence

from .sentences import ends_a_sentence
from .units import WIDE, Marking, TextTemplate, TextUnit
from .untranslated import Untranslated

TEXT_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
MIN_WRAPPED_COLUMNS = 40  # a shorter line ends where it is meant to
LIST_ITEM = re.compile(r"[-*+•·>#|]|\(?\d{1,3}[.)、）]|[（(]?[一二三四五六七八九十]{1,3}[、）)]|第.{1,4}[章节条]")


class PlainText:
    suffix = ".txt"
    notes: tuple[str, ...] = ()
    untranslated: tuple[Untranslated, ...] = ()

    def __init__(self, text: str) -> None:
        self._template = TextTemplate()
        for paragraph in _paragraphs(text):
            self._offer(*paragraph)
        self.units = self._template.units

    def filled(self, translations: Mapping[int, str]) -> bytes:
        return self._template.filled(translations).encode()

    def _offer(self, number: int, lines: list[tuple[str, str]]) -> None:
        """Lines that are one paragraph, with their ends."""
        bodies = [line.strip() for line, _ in lines]
        edges = [edges_of(line) for line, _ in lines]
        marking = Marking(*bodies)
        text = "\n".join(marking.protected(body) for body in bodies)
        self._template.keep(edges[0][0])
        if text:
            self._template.offer(TextUnit(text, f"line {number}", gaps_of(edges, lines), marking.things, marking.spans))
        self._template.keep(edges[-1][1] + lines[-1][1])


def gaps_of(edges: Sequence[tuple[str, str]], lines: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """All the white space between the words of a line and those of the next."""
    ends = zip(edges, lines, edges[1:], strict=False)
    return tuple(after + end + before for (_, after), (_, end), (before, _) in ends)


def edges_of(line: str) -> tuple[str, str]:
    """The white space around a line; of a blank one all of it before."""
    body = line.strip()
    start = line.find(body) if body else len(line)
    return line[:start], line[start + len(body) :]


def _paragraphs(text: str) -> list[tuple[int, list[tuple[str, str]]]]:
    """Lines that go on in the next, as they were wrapped; with the number of the first."""
    lines = [(found[1], found[2]) for found in TEXT_LINE.finditer(text) if found[0]]
    found: list[tuple[int, list[tuple[str, str]]]] = []
    for number, line in enumerate(lines, 1):
        if found and number > 1 and _goes_on(found[-1][1][-1][0], line[0]):
            found[-1][1].append(line)
        else:
            found.append((number, [line]))
    return found


def _goes_on(line: str, following: str) -> bool:
    columns = sum(2 if WIDE.match(letter) else 1 for letter in line.strip())
    if columns < MIN_WRAPPED_COLUMNS or not following.strip() or ends_a_sentence(line):
        return False
    return not LIST_ITEM.match(following.lstrip()) and edges_of(line)[0] == edges_of(following)[0]
