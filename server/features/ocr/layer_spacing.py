"""A layer whose numbers and words are in pieces, or in one with the next, spaced as the reading has them.

Only blanks change, never a digit or a mark: letters set apart, kerning, columns that touch. A number is put together
only where the reading has it oftener than the layer and the layer one of its pieces oftener than the reading.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from ...files.read_here import BLANKS
from .side import Side
from .written_numbers import EVERYDAY, FINANCIAL, SCALES, Token, digits_of, tokens_of

_MAX_WORD_CHARS, MAX_PIECES_OF_NUMBER = 30, 24  # that are put together to one
MAX_LACKING, MAX_TRIES = 1_000, 20_000  # numbers that only the reading has: more are another page
MAX_SIGN_CHARS = 9  # of a sign and a currency before a number
MIN_ROWS_SPLIT = 3  # numbers that a layer splits although its lines look like rows
BETWEEN_LETTERS = re.compile(r"[ ]{0,3}[.,:/\-+^'’(]?[ ]{0,3}|[ ]?[.,:/-]\n[ ]?|[ ]?\n[.,][ ]?")
_TWO_AMOUNTS = re.compile(r"([.,])\d\d\s+\d{1,3}(?:[.,]\d{3}){0,5}\1\d\d(?!\d)")
GLUED_MARK = re.compile(r"(?<=\d)([-+(])[ ]?\Z")
NEXT_GLUED = re.compile(r"[-+(]\d")
INNER_SIGN = re.compile(r"(?<=\d)[-+](?=\d)")
LETTER = r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
WORD_OF_LETTERS = re.compile(f"{LETTER}+")
LETTERS_APART = re.compile(rf"(?<!\w){LETTER}(?: {LETTER}){{3,}}(?!\w)")
# A mark that goes on with the number: a comma or a colon and a blank does not
GOES_ON = re.compile(r"(?:[ ]?[./]|[ ][,:])[ ]?\d|[,:]\d")
WENT_ON = re.compile(r"\d(?:[ ]?[./][ ]?|[ ][,:][ ]?|[,:])\Z")
_FRACTION = re.compile(r"(?<![\d.,/-])(\d{1,2})/(\d{1,2})(?![\d/]|[.,-]\d)")
SPACED_DATE = re.compile(r"(?:1 ?9|2 ?0) ?\d ?\d ?年 ?\d ?\d? ?月(?: ?\d ?\d? ?日)?")
SPACED_NUMERAL = re.compile(rf"[{FINANCIAL}{EVERYDAY}{SCALES}](?: [{FINANCIAL}{EVERYDAY}{SCALES}]){{1,40}}")
NOTE_MARKED = re.compile(r"(?<![\d.,(])(\d[\d.,]{0,20}\d)([1-9])(?=\))")
BETWEEN_WORDS = re.compile(r"[^\W\d]+")


@dataclass(frozen=True, slots=True, eq=False)
class _Atom:
    """A number of the layer, or what stands between the dashes of one."""

    start: int
    end: int
    at: int  # of its token
    digits: str
    cut: bool = False  # whether the token has others


@dataclass(frozen=True, slots=True, eq=False)
class _Lacking:
    """A number that only the reading has, or one of those in a date."""

    place: int
    token: Token


@dataclass(frozen=True, slots=True, eq=False)
class _Whole:
    """A number of the reading, the pieces of it in the layer, and what is written before them."""

    place: int
    first: int
    last: int
    atoms: tuple[_Atom, ...]
    before: str


class _Pieces:
    """Which pieces of the layer's numbers are numbers of the reading."""

    def __init__(self, layer: Side, read: Side) -> None:
        self.layer, self.read, self.tries = layer, read, 0
        own, seen = _names(layer), _names(read)
        self.surplus = Counter({key: times - seen[key] for key, times in _keys(layer).items()})
        spare = Counter({key: times - own[key] for key, times in _keys(read).items()})
        self.lacking: dict[str, list[_Lacking]] = defaultdict(list)  # by their digits
        for place, token in enumerate(read.tokens):
            if token.number and spare[token.key] > 0:
                spare[token.key] -= 1
                for lacking in self._and_its_parts(place):
                    for digits in {digits_of(name) for name in (lacking.token.key, *lacking.token.forms)}:
                        self.lacking[digits].append(lacking)
        self.taken: set[_Lacking] = set()

    def _and_its_parts(self, place: int) -> Iterator[_Lacking]:
        """What stands with words, a date or a magnitude, is in pieces between them."""
        token = self.read.tokens[place]
        yield _Lacking(place, token)
        written = self.read.text[token.start : token.end]
        if any(c.isalpha() for c in written):
            yield from (_Lacking(place, part) for part in tokens_of(BETWEEN_WORDS.sub(" | ", written)) if part.number)

    def wholes(self) -> list[_Whole]:
        """But what looks like cells of rows, unless the layer splits many such."""
        if not 0 < sum(map(len, self.lacking.values())) <= MAX_LACKING:
            return []
        found = [whole for chain in self._chains() for whole in self._wholes_of(chain)]
        cells = {whole for whole in found if self._are_cells(whole)}
        return [whole for whole in found if whole not in cells or len(cells) >= MIN_ROWS_SPLIT]

    def _are_cells(self, whole: _Whole) -> bool:
        first, last = whole.atoms[0].at, whole.atoms[-1].at
        return first < last and self.layer.are_cells(first, last) and self.read.is_row(whole.place) is False

    def _chains(self) -> Iterator[list[_Atom]]:
        """Numbers with nothing between them but what may stand within one."""
        chain: list[_Atom] = []
        for atom in self._atoms():
            if chain and not self._follows(chain[-1], atom):
                yield chain
                chain = []
            chain.append(atom)
        if chain:
            yield chain

    def _atoms(self) -> Iterator[_Atom]:
        for at, token in enumerate(self.layer.tokens):
            if token.number and self.surplus[token.key] > 0:
                cuts = list(INNER_SIGN.finditer(self.layer.text, token.start, token.end))
                starts = [token.start, *(cut.end() for cut in cuts)]
                ends = [*(cut.start() for cut in cuts), token.end]
                yield from (self._atom(start, end, at, bool(cuts)) for start, end in zip(starts, ends, strict=True))
            elif token.number:
                yield self._atom(token.start, token.end, at)

    def _atom(self, start: int, end: int, at: int, cut: bool = False) -> _Atom:
        return _Atom(start, end, at, digits_of(self.layer.text[start:end]), cut)

    def _follows(self, one: _Atom, other: _Atom) -> bool:
        near = other.at - one.at <= 1
        return near and BETWEEN_LETTERS.fullmatch(self.layer.text, one.end, other.start) is not None

    def _wholes_of(self, chain: list[_Atom]) -> list[_Whole]:
        """Long ones first; those of a number with dashes only if nothing of it is left."""
        found: list[_Whole] = []
        first = 0
        while first < len(chain):
            ends = [last for last in self._ends(chain, first) if self.tries <= MAX_TRIES]
            whole = next(filter(None, (self._whole(chain, first, last) for last in ends)), None)
            found += [whole] if whole else []
            first = whole.last + 1 if whole else first + 1
        covered = {atom for whole in found for atom in whole.atoms}
        broken = {atom.at for atom in chain if atom.cut and atom not in covered}
        return [whole for whole in found if not any(atom.at in broken for atom in whole.atoms)]

    def _ends(self, chain: list[_Atom], first: int) -> list[int]:
        """Up to where the digits are those of a number that the layer lacks, long ones first."""
        may_be_alone = chain[first].cut or GLUED_MARK.search(self._before(chain[first]))
        ends, digits = [], ""
        for last in range(first, min(len(chain), first + MAX_PIECES_OF_NUMBER)):
            digits += chain[last].digits
            if digits in self.lacking and (last > first or may_be_alone):
                ends.append(last)
        return ends[::-1]

    def _whole(self, chain: list[_Atom], first: int, last: int) -> _Whole | None:
        atoms = tuple(chain[first : last + 1])
        found = self.lacking["".join(atom.digits for atom in atoms)]
        if not any(atom.cut or self._is_surplus(atom) for atom in atoms):
            return None
        for before in self._ways_before(atoms[0]):
            for each in found:
                if each not in self.taken and self._is_read_as(before, atoms, each.token):
                    self.taken.add(each)
                    self.surplus.subtract([self.layer.tokens[atom.at].key for atom in atoms if not atom.cut])
                    return _Whole(each.place, first, last, atoms, before)
        return None

    def _is_surplus(self, atom: _Atom) -> bool:
        return self.surplus[self.layer.tokens[atom.at].key] > 0

    def _ways_before(self, atom: _Atom) -> tuple[str, ...]:
        """What may be written before it: a mark that touches another number is a sign, or stands between."""
        before = self._before(atom)
        glued = GLUED_MARK.search(before)
        return (f" {glued[1]}", f" {glued[1]} ") if glued else (before,)

    def _is_read_as(self, before: str, atoms: tuple[_Atom, ...], whole: Token) -> bool:
        start, end = atoms[0].start, atoms[-1].end
        self.tries += 1
        if self.tries > MAX_TRIES or _TWO_AMOUNTS.search(self.layer.text, start, end) or self._is_part(start, end):
            return False
        after = "" if NEXT_GLUED.match(self.layer.text, end) else self.layer.text[end : end + 2]
        return self.layer.says(start, end, whole, before, after)

    def _is_part(self, start: int, end: int) -> bool:
        before = self.layer.text[max(0, start - 4) : start]
        return bool(GOES_ON.match(self.layer.text, end) or WENT_ON.search(before))

    def _before(self, atom: _Atom) -> str:
        return self.layer.text[max(0, atom.start - MAX_SIGN_CHARS) : atom.start]


def respaced(layer: str, read: str) -> str:
    """The layer, both in one width and case."""
    layer = SPACED_DATE.sub(lambda date: BLANKS.sub("", date[0]), _with_fractions(layer, read))
    layer = SPACED_NUMERAL.sub(
        lambda letters: joined if (joined := letters[0].replace(" ", "")) in read else letters[0], layer
    )
    layer = _with_marks_apart(layer, read)
    words = frozenset(WORD_OF_LETTERS.findall(read))
    layer = LETTERS_APART.sub(lambda letters: _put_together(letters[0].split(" "), words), layer)
    edits: list[tuple[int, int, str]] = []
    for whole in _Pieces(Side(layer), Side(read)).wholes():
        start, end = whole.atoms[0].start, whole.atoms[-1].end
        glued = GLUED_MARK.search(layer[max(0, start - 3) : start])
        edits.append(
            (start - 1 if glued else start, end, (whole.before if glued else "") + BLANKS.sub("", layer[start:end]))
        )
    return _edited(layer, edits)


def _with_fractions(layer: str, read: str) -> str:
    """Fractions whose numbers stand one above the other, on lines of their own in the layer."""
    for (above, below), times in (Counter(_FRACTION.findall(read)) - Counter(_FRACTION.findall(layer))).items():
        stacked = re.compile(rf"(?<![\d.,:/-]){above}[ ]?\n[ ]?{below}(?![\d%]|[.,:/-]\d)")
        layer = stacked.sub(f"{above}/{below}", layer, count=times)
    return layer


def _with_marks_apart(layer: str, read: str) -> str:
    """Marks of footnotes, glued to numbers that the reading has without them."""
    seen = Side(read)
    raised = Counter(token.parts[0].replace(",", "") for token in seen.tokens if "^" in token.key and token.parts)
    lacking = _keys(seen) + raised - _keys(Side(layer))

    def apart(found: re.Match[str]) -> str:
        key = tokens_of(found[1])[0].key
        lacking[key] -= 1
        return f"{found[1]} {found[2]}" if lacking[key] >= 0 else found[0]

    return NOTE_MARKED.sub(apart, layer)


def _put_together(letters: list[str], words: frozenset[str]) -> str:
    found, first = [], 0
    while first < len(letters):
        ends = range(min(len(letters), first + _MAX_WORD_CHARS), first + 1, -1)
        end = next((end for end in ends if "".join(letters[first:end]) in words), first + 1)
        found.append("".join(letters[first:end]))
        first = end
    return " ".join(found)


def _edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    kept, at = [], 0
    for start, end, new in edits:
        kept += [text[at:start], new]
        at = end
    return "".join([*kept, text[at:]])


def _keys(side: Side) -> Counter[str]:
    return Counter(token.key for token in side.tokens if token.number)


def _names(side: Side) -> Counter[str]:
    """Of numbers, in every form."""
    return Counter(name for token in side.tokens if token.number for name in {token.key, *token.forms})
