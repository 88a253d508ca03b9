"""SubRip subtitles: numbers, times and the lines of each cue stay.

The form: a number, a line of times, lines of text, a blank line (https://www.matroska.org/technical/subtitles.html).
"""

import re
from collections.abc import Mapping

from .units import Marking, TextTemplate, TextUnit
from .untranslated import Untranslated

CUE_TIMES = r"\d{1,3}:\d{2}:\d{2}[,.]\d{1,3}[ \t]*-->[ \t]*\d{1,3}:\d{2}:\d{2}[,.]\d{1,3}[^\r\n]*"
CUE = re.compile(rf"(?:^[ \t]*(\d+)[ \t]*(?:\r\n|\r|\n))?^[ \t]*{CUE_TIMES}(?:\r\n|\r|\n|\Z)", re.MULTILINE)
CUE_LINE_END = re.compile(r"[^\S\r\n]*(?:\r\n|\r|\n)\s*")


class Subtitles:
    suffix = ".srt"
    notes: tuple[str, ...] = ()
    untranslated: tuple[Untranslated, ...] = ()

    def __init__(self, text: str) -> None:
        """Raises ValueError: there is no cue in it."""
        self._template = TextTemplate()
        cues = list(CUE.finditer(text))
        if not cues:
            raise ValueError
        head = text[: cues[0].start()]
        first = 1 + head.count("\n", 0, len(head) - len(head.lstrip()))
        self._words(f"line {first}", head)
        for order, cue in enumerate(cues):
            end = cues[order + 1].start() if order + 1 < len(cues) else len(text)
            self._template.keep(cue[0])
            self._words(f"cue {cue[1] or order + 1}", text[cue.end() : end])
        self.units = self._template.units

    def filled(self, translations: Mapping[int, str]) -> bytes:
        return self._template.filled(translations).encode()

    def _words(self, place: str, words: str) -> None:
        body = words.strip()
        start = words.find(body) if body else len(words)
        self._template.keep(words[:start])
        if body:
            lines = CUE_LINE_END.split(body)
            marking = Marking(body)
            text = "\n".join(marking.protected(line) for line in lines)
            between = tuple(found[0] for found in CUE_LINE_END.finditer(body))
            self._template.offer(TextUnit(text, place, between, marking.things, marking.spans))
        self._template.keep(words[start + len(body) :])
