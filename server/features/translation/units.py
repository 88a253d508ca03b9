"""What of a document is translated, piece by piece, and the text around it that stays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from .marks import INLINE_TAG, Marked, Tag, first_free, read_marks, span, thing, without_tags
from .untranslated import Untranslated

ANY_LETTER = re.compile(r"[^\W\d_]")
WIDE = re.compile(r"[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")  # written without spaces between words
NO_LINE_BEGIN = frozenset("，。、；：！？）》」』”’…·,.;:!?)]}%")
# What stays as it is in any text: addresses, placeholders of programs, tags of HTML
PROTECTED = re.compile(
    r"https?://[^\s<>\"'）】」』，。；！？]+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+|\{\{[^{}\n]{1,80}\}\}|\$?\{[\w.:!-]{0,40}\}"
    r"|%(?:\(\w+\)|\d+\$)?[sdif@](?![\w%])|</?[A-Za-z][^<>\n]{0,300}>|&(?:#\d+|#x[\da-f]+|[a-z]+);",
    re.IGNORECASE,
)
URL_END = ".,;:!?)]}'\""


@dataclass(frozen=True)
class TextUnit:
    """One piece: without white space around it. `place`: what people call it. `lines`: what stands between its lines.

    `things` and `spans`: by number what its marks stand for, where a form keeps that as text.
    """

    text: str
    place: str
    lines: tuple[str, ...] = ()
    things: Mapping[int, str] = field(default_factory=dict)
    spans: Mapping[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def has_words(self) -> bool:
        return bool(ANY_LETTER.search(without_tags(self.text)))

    def read(self, translation: str) -> Marked:
        """A mark that nobody gave is none of the text's words, either."""
        ours = {*self.things, *self.spans}
        kept = INLINE_TAG.sub(lambda tag: tag[0] if int(tag[3]) in ours or tag[0] in self.text else "", translation)
        return read_marks(kept, self.things, self.spans)

    def restored(self, translation: str) -> str:
        """With what was set aside, in as many lines as before."""
        said = "".join(self._raw(piece) for piece in self.read(translation).pieces)
        lines = in_lines(said, len(self.lines) + 1)
        return lines[0] + "".join(map("".join, zip(self.lines, lines[1:], strict=False)))

    def _raw(self, piece: str | Tag) -> str:
        if isinstance(piece, str):
            return piece
        if piece.kind == "thing":
            return self.things[piece.number]
        return self.spans[piece.number][piece.kind == "close"]


class DocumentForm(Protocol):
    """A document taken apart. `notes`: what of it is not translated; `untranslated`: that which has a place."""

    @property
    def suffix(self) -> str: ...

    @property
    def units(self) -> Sequence[TextUnit]: ...

    @property
    def notes(self) -> Sequence[str]: ...

    @property
    def untranslated(self) -> Sequence[Untranslated]: ...

    def filled(self, translations: Mapping[int, str]) -> bytes:
        """The document with these units in another language, by number, and the others as they were."""
        ...


class TextTemplate:
    """A text as pieces that stay, and numbers of units between them."""

    def __init__(self) -> None:
        self.units: list[TextUnit] = []
        self._pieces: list[str | int] = []

    def keep(self, text: str) -> None:
        if text:
            self._pieces.append(text)

    def offer(self, unit: TextUnit) -> None:
        """To be translated, if it has words."""
        if not unit.has_words:
            self.keep(unit.restored(unit.text))
            return
        self._pieces.append(len(self.units))
        self.units.append(unit)

    def filled(self, translations: Mapping[int, str]) -> str:
        return "".join(piece if isinstance(piece, str) else self._said(piece, translations) for piece in self._pieces)

    def _said(self, number: int, translations: Mapping[int, str]) -> str:
        unit = self.units[number]
        return unit.restored(translations.get(number, unit.text))


class Marking:
    """A text on its way to a unit: what is set aside gets its number here."""

    def __init__(self, *texts: str) -> None:
        self._next = first_free(*texts)
        self.things: dict[int, str] = {}
        self.spans: dict[int, tuple[str, str]] = {}

    def aside(self, raw: str) -> str:
        number, self._next = self._next, self._next + 1
        self.things[number] = self._raw(raw)
        return thing(number)

    def around(self, before: str, text: str, after: str) -> str:
        number, self._next = self._next, self._next + 1
        self.spans[number] = (self._raw(before), self._raw(after))
        return span(number, text)

    def _raw(self, text: str) -> str:
        """What is set aside may hold what was set aside before."""
        return INLINE_TAG.sub(lambda found: self.things.pop(int(found[3]), found[0]), text)

    def protected(self, text: str) -> str:
        """With addresses and placeholders set aside; what ends the sentence behind one does not belong to it."""
        return PROTECTED.sub(lambda found: self._protected(found[0]), text)

    def protected_between(self, text: str) -> str:
        """The same, of a text that has marks already."""
        at, said = 0, ""
        for found in INLINE_TAG.finditer(text):
            said += self.protected(text[at : found.start()]) + found[0]
            at = found.end()
        return said + self.protected(text[at:])

    def _protected(self, raw: str) -> str:
        end = len(raw.rstrip(URL_END)) if raw[:4].lower() == "http" else len(raw)
        return self.aside(raw[:end]) + raw[end:]


def joined(one: str, other: str) -> str:
    """Two stretches of a sentence or a paragraph, with a space where their script has one."""
    if not one or not other:
        return one + other
    return f"{one}{'' if WIDE.match(one[-1]) or WIDE.match(other[0]) else ' '}{other}"


def in_lines(text: str, count: int) -> list[str]:
    """A text in so many lines, as even as its words allow; fewer, where it has not enough of them."""
    given = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    if len(given) == count:
        return given
    whole = given[0]
    for line in given[1:]:
        whole = joined(whole, line)
    places = [at for at in range(1, len(whole)) if _may_break(whole, at)]
    chosen: list[int] = []
    for number in range(1, count):
        aim = len(whole) * number / count
        left = [at for at in places if not chosen or at > chosen[-1]]
        if left:
            chosen.append(min(left, key=lambda at: abs(at - aim)))
    edges = [0, *chosen, len(whole)]
    return [whole[start:end].strip() for start, end in pairwise(edges)]


def _may_break(text: str, at: int) -> bool:
    """Between words, or letters of a script without spaces."""
    before, after = text[at - 1], text[at]
    if after in NO_LINE_BEGIN:
        return False
    return before == " " or bool(WIDE.match(before) and WIDE.match(after))
