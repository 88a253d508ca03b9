"""Where in the sources a value stands: found by us, never believed of the model, and never guessed.

Exactly first; then with width, spaces, punctuation, thousands separators and Chinese dates made alike. Offsets count
code points of the original text, so that `quote == source[start:end]`.
"""

import re
import unicodedata
from array import array
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property, lru_cache, partial
from io import StringIO
from typing import Any

from anyio import to_thread

from ...catalog import Frozen
from ...json_text import pointer

MAX_EVIDENCE = 500
MAX_EVIDENCE_CHARS = 30_000  # a reply must fit the host, and data is never cut
FIRST_CHINESE = "\u2e80"
# What NFKC leaves apart, though people write one for the other.
SAME_PUNCTUATION = str.maketrans({
    "。": ".", "、": ",", "“": '"', "”": '"', "‘": "'", "’": "'", "「": '"', "」": '"', "『": '"', "』": '"',
    "《": "<", "》": ">", "〈": "<", "〉": ">", "—": "-", "–": "-", "‐": "-", "‑": "-", "−": "-", "・": "·",
    "【": "[", "】": "]",
})  # fmt: skip
# Full dates, year and month, and the eight digits of official records.
DATES = re.compile(
    r"(?<!\d)(?:(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})(?:日|(?!\d))"
    r"|(?P<y2>\d{4})年(?P<m2>\d{1,2})月(?!\d)"
    r"|(?P<y3>(?:19|20)\d\d)(?P<m3>0[1-9]|1[0-2])(?P<d3>0[1-9]|[12]\d|3[01])(?!\d))"
)
SEPARATED = re.compile(r"(?<!\d)(?<!\d[.,])\d{1,3}(?:,\d{3})+(?![\d,])")
WRITTEN_NUMBER = re.compile(r"(?<!\d)(?<!\d[.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\d])")
DATES_AND_NUMBERS = re.compile(f"{DATES.pattern}|{SEPARATED.pattern}")
SAME_WIDTH = ("<wide>", "<narrow>", "<small>", "<noBreak>", "<vertical>")  # not 10⁵, which is no 105
MINUS = "-−－﹣"
MAX_NUMBER_CHARS = 40
MAX_CLUSTER_MARKS = 32  # of one cluster: putting very many in order takes very long


class Evidence(Frozen):
    """`found`: null where there is nothing to look for (null, true, false)."""

    pointer: str
    found: bool | None
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    source: str | None = None


async def find_evidence(data: Any, texts: Mapping[str, str]) -> tuple[tuple[Evidence, ...], int]:
    """Evidence for each value of `data` in the texts, and how many values were left out; in a thread of its own."""
    sources = {name: SearchableText(text) for name, text in texts.items()}
    listed, left_out = await to_thread.run_sync(partial(evidence_of, data, sources))
    return tuple(listed), left_out


def evidence_of(data: Any, sources: Mapping[str, "SearchableText"]) -> tuple[list[Evidence], int]:
    """Evidence for each leaf of `data`, and how many leaves were left out beyond the first ones."""
    leaves = list(_leaves(data, []))
    return [_found(where, value, sources) for where, value in leaves[:MAX_EVIDENCE]], max(0, len(leaves) - MAX_EVIDENCE)


def _leaves(value: Any, path: list[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, [*path, name])
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, [*path, number])
    else:
        yield pointer(path), value


def _found(where: str, value: Any, sources: Mapping[str, "SearchableText"]) -> Evidence:
    if value is None or isinstance(value, bool) or value == "":
        return Evidence(pointer=where, found=None)
    for name, source in sources.items():
        place = source.find(value) if isinstance(value, str) else source.find_number(value)
        if place:
            start, end = place
            return Evidence(pointer=where, found=True, quote=source.text[start:end], start=start, end=end, source=name)
    return Evidence(pointer=where, found=False)


class SearchableText:
    """A text that values are looked up in."""

    def __init__(self, text: str) -> None:
        self.text = text

    def find(self, value: str) -> tuple[int, int] | None:
        """Start and end of the first place that says `value`, exactly or written alike."""
        exact = ((start, start + len(value.strip())) for start in _starts(self.text, value.strip()))
        if place := next(filter(self._stands_alone, exact), None):
            return place
        alike, starts, ends = self._alike
        wanted, _, _ = _normal(value)
        spans = ((at, at + len(wanted)) for at in _starts(alike, wanted))
        whole = ((first, last) for first, last in spans if _is_cut(starts, first) and _is_cut(starts, last))
        places = ((starts[first], ends[last - 1]) for first, last in whole)
        return next(filter(self._stands_alone, places), None)

    def says(self, value: Any) -> bool:
        if isinstance(value, str):
            return self.find(value) is not None
        return isinstance(value, int | float) and not isinstance(value, bool) and self.find_number(value) is not None

    def find_number(self, value: float) -> tuple[int, int] | None:
        """The first number of that very value, however many zeros and separators it is written with."""
        return self._numbers.get(Decimal(repr(value)).normalize())

    @cached_property
    def _numbers(self) -> dict[Decimal, tuple[int, int]]:
        text, starts, ends = self._plainly
        found: dict[Decimal, tuple[int, int]] = {}
        for match in WRITTEN_NUMBER.finditer(text):
            first, last = match.span()
            number = Decimal(match[0].replace(",", "")) if last - first <= MAX_NUMBER_CHARS else None
            if number is None or _in_a_word(text, first):
                continue
            signed = first > 0 and text[first - 1] == "-" and not _spells(text[first - 2 : first - 1])
            place = starts[first - signed], ends[last - 1]
            found.setdefault((-number if signed else number).normalize(), place)
        return found

    def _stands_alone(self, place: tuple[int, int]) -> bool:
        """Whether it is not the middle of a longer number or word: 5 is not in 2025."""
        start, end = place
        return not (_joined(self.text, start, -1) or _joined(self.text, end - 1, +1))

    @cached_property
    def _plainly(self) -> tuple[str, "array[int]", "array[int]"]:
        return _plain_text(self.text)

    @cached_property
    def _alike(self) -> tuple[str, "array[int]", "array[int]"]:
        return _numbers_alike(*self._plainly)


def _starts(text: str, wanted: str) -> Iterator[int]:
    start = text.find(wanted) if wanted else -1
    while start >= 0:
        yield start
        start = text.find(wanted, start + 1)


def _is_cut(starts: "array[int]", at: int) -> bool:
    """Whether a new piece of the original begins there: a date and a number are one piece each."""
    return at in (0, len(starts)) or starts[at] != starts[at - 1]


def _joined(text: str, edge: int, step: int) -> bool:
    """Whether the character beyond an edge belongs to the same word or number."""
    letter, beyond, further = (text[at : at + 1] if at >= 0 else "" for at in (edge, edge + step, edge + 2 * step))
    if _spells(letter) and _spells(beyond):
        return True
    if step < 0 and letter.isdigit() and beyond and beyond in MINUS:
        return not further.isalnum()  # its sign: -5 is not 5, but 1-5 holds a 5
    return letter.isdigit() and beyond in tuple(".,．，") and further.isdigit()


def _spells(character: str) -> bool:
    """Whether it is of a script that writes words between spaces, full-width digits and letters too."""
    wide = "\uff10" <= character <= "\uff5a" or "\ufb00" <= character <= "\ufb06"
    return character.isalnum() and (character < FIRST_CHINESE or wide)


def _in_a_word(text: str, first: int) -> bool:
    """Whether a Latin letter or a point stands before a number, as in A4 and .5; behind it stands a unit."""
    before = text[first - 1 : first] if first else ""
    return before == "." or (before.isascii() and before.isalpha())


def _normal(text: str) -> tuple[str, "array[int]", "array[int]"]:
    """`text` made alike, and for each of its characters where the original ones start and end."""
    return _numbers_alike(*_plain_text(text))


def _plain_text(text: str) -> tuple[str, "array[int]", "array[int]"]:
    """One width, one punctuation, and spaces only where they part two words or numbers."""
    kept, starts, ends = StringIO(), array("L"), array("L")
    before, gap = "", -1
    for start, end in _clusters(text):
        characters = _plain(text[start:end])
        if not characters:
            gap = start if text[start].isspace() else gap
            continue
        if gap >= 0 and _spells(before) and _spells(characters[0]):
            kept.write(" ")
            starts.append(gap)
            ends.append(gap + 1)
        before, gap = characters[-1], -1
        kept.write(characters)
        starts.extend([start] * len(characters))
        ends.extend([end] * len(characters))
    return kept.getvalue(), starts, ends


@lru_cache(maxsize=8_192)
def _plain(cluster: str) -> str:
    composed = unicodedata.normalize("NFC", cluster)
    plain = "".join(
        unicodedata.normalize("NFKC", character)
        if unicodedata.decomposition(character).startswith(SAME_WIDTH)
        else character
        for character in composed
    ).translate(SAME_PUNCTUATION)
    return "".join(character for character in plain if not character.isspace() and character != "\u200b")


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """A character with the marks that combine with it."""
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or not unicodedata.combining(text[end]) or end - start == MAX_CLUSTER_MARKS:
            yield start, end
            start = end


def _numbers_alike(text: str, starts: "array[int]", ends: "array[int]") -> tuple[str, "array[int]", "array[int]"]:
    """Dates as 2024-03-05 and numbers without thousands separators, each digit still knowing where it stood."""
    pieces: list[str] = []
    new_starts, new_ends, done = array("L"), array("L"), 0

    def keep(characters: str, first: int, last: int) -> None:
        pieces.append(characters)
        new_starts.extend([starts[first]] * len(characters))
        new_ends.extend([ends[last - 1]] * len(characters))

    def copy(first: int, last: int) -> None:
        pieces.append(text[first:last])
        new_starts.extend(starts[first:last])
        new_ends.extend(ends[first:last])

    for match in DATES_AND_NUMBERS.finditer(text):
        copy(done, match.start())
        parts = [match[name] for name in ("y", "m", "d", "y2", "m2", "y3", "m3", "d3") if match[name]]
        date = "-".join(f"{int(part):02}" for part in parts)
        keep(date or match[0].replace(",", ""), match.start(), match.end())
        done = match.end()
    copy(done, len(text))
    return "".join(pieces), new_starts, new_ends
