"""One of two texts that are compared: its numbers and words, the lines they stand on, and what stands between them."""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from ...files.read_here import BLANKS
from .written_numbers import Token, tokens_of

MAX_PIECES, PIECES_BEFORE = 8, 2  # of one number, as kerning splits it; of these before one that is missing
MAX_ITEM_CHARS = 12  # before the number of an item
MAX_SHOWN_CHARS = 40
MAX_CELL_LINES = 3  # between the cells of a column, or of a row, that has each on a line of its own
MAX_ROW_TOKENS = 12
BETWEEN_PIECES = re.compile(r"[ ]{0,3}[.,:/\-^'’年月]?[ ]{0,3}")
PLAIN_CELLS = re.compile(r"[\d ,.]+")
THOUSANDS = re.compile(r"\d{1,3}(?:\s\d{3})+(?: ?[.,]\d+)?")
Places = tuple[int, ...]  # of tokens, in rising order
ITEM = re.compile(r"[\s#>*+\-•·(\[]*\Z")
AFTER_ITEM = re.compile(r"\s?[.)\]、:](?=\s|\D|\Z)")


@dataclass
class Side:
    """One of the two texts, in one width and case."""

    text: str
    tokens: list[Token] = field(init=False)
    left: set[int] = field(default_factory=set)  # numbers without a counterpart, by their place among the tokens

    def __post_init__(self) -> None:
        self.tokens = tokens_of(self.text)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer(r"\n\s*", self.text))]

    def _line_at(self, at: int) -> int:
        return bisect_right(self._line_starts, self.tokens[at].start) - 1

    @cached_property
    def lines(self) -> list[list[int]]:
        """The tokens of each line that has any."""
        lines: dict[int, list[int]] = defaultdict(list)
        for at in range(len(self.tokens)):
            lines[self._line_at(at)].append(at)
        return [lines[number] for number in sorted(lines)]

    @cached_property
    def _line_ends(self) -> list[int]:
        return [line[-1] for line in self.lines]

    def line_of(self, at: int) -> int:
        """The place of a token's line among `lines`."""
        return bisect_left(self._line_ends, at)

    def gap(self, at: int) -> str:
        """What stands between a token and the next."""
        return self.text[self.tokens[at].end : self.tokens[at + 1].start]

    def shown(self, run: Iterable[int]) -> str:
        places = list(run)
        start, end = self.tokens[places[0]].start, self.tokens[places[-1]].end
        before = self.text[max(0, start - 3) : start]
        sign = re.search(r"[-+△▲][$¥€£]?\Z", before) if self.tokens[places[0]].key[:1] in "-+△▲" else None
        return " ".join(((sign[0] if sign else "") + self.text[start:end]).split())[:MAX_SHOWN_CHARS]

    def apart(self, run: list[int]) -> list[Places]:
        """Each number, but those that look like one in pieces together."""
        found: list[Places] = []
        while run:
            together = [at for at in run[1:MAX_PIECES] if THOUSANDS.fullmatch(self.written(run[0], at))]
            last = together[-1] if together else run[0]
            found.append(tuple(at for at in run if at <= last))
            run = [at for at in run if at > last]
        return found

    def written(self, first: int, last: int) -> str:
        return self.text[self.tokens[first].start : self.tokens[last].end]

    def opens_line(self, at: int) -> bool:
        start, here = self._line_starts[self._line_at(at)], self.tokens[at].start
        return here - start <= MAX_ITEM_CHARS and ITEM.match(self.text, start, here) is not None

    def is_item(self, at: int) -> bool:
        """Whether it counts an item of a list: digits that begin a line, and a mark."""
        digits = self.tokens[at].key.lstrip("-")
        short = digits.isdigit() and len(digits) <= 3
        return short and self.opens_line(at) and AFTER_ITEM.match(self.text, self.tokens[at].end) is not None

    def is_mark(self, at: int) -> bool:
        """Whether it is the mark of a footnote: a digit and a parenthesis that nothing opens, behind a number."""
        before = at > 0 and self.tokens[at - 1].number and self.gap(at - 1) == " "
        return before and len(self.tokens[at].key) == 1 and self.text[self.tokens[at].end :][:1] == ")"

    # --- numbers in pieces ---

    def runs(self, at: int) -> Iterator[tuple[int, int]]:
        """The runs of numbers that stand close together and hold this one, long ones first."""
        for start in range(self._reach(at, -1, PIECES_BEFORE), at + 1):
            for end in range(self._reach(at, 1, MAX_PIECES), at - 1, -1):
                if end > start:
                    yield start, end

    def _reach(self, at: int, step: int, most: int) -> int:
        for _ in range(most):
            near = at + step
            if not 0 <= near < len(self.tokens) or not self.tokens[near].number:
                return at
            if not BETWEEN_PIECES.fullmatch(self.gap(min(at, near))):
                return at
            at = near
        return at

    def joins_to(self, first: int, last: int, whole: Token) -> bool:
        """Whether the pieces are together what the other is, with what stands around them: a sign, parentheses."""
        start, end = self.tokens[first].start, self.tokens[last].end
        return self.says(start, end, whole, self.text[max(0, start - 3) : start], self.text[end : end + 2])

    def says(self, start: int, end: int, whole: Token, before: str, after: str) -> bool:
        """Whether what stands there, without its blanks, is that number beside what is before and after it."""
        together = before + BLANKS.sub("", self.text[start:end])
        token = next((t for t in tokens_of(together + after) if t.start == len(before)), None)
        return token is not None and token.end >= len(together) and token.equals(whole)

    def are_cells(self, first: int, last: int) -> bool:
        """Whether the pieces are cells: a row of the same shape is next to theirs, and they are no thousands."""
        written = self.written(first, last)
        plain_cells = PLAIN_CELLS.fullmatch(written) and not THOUSANDS.fullmatch(written)
        return bool(plain_cells) and self.is_row(first) is True

    def is_row(self, at: int) -> bool | None:
        """Whether its line ends with as many numbers as one next to it; None: it does not end with several."""
        row = self.line_of(at)
        beside = [self._cells(self.lines[n]) for n in (row - 1, row + 1) if 0 <= n < len(self.lines)]
        here = self._cells(self.lines[row])
        return here in beside if here > 1 else None

    def is_among_rows(self, number: int) -> bool:
        """Whether it has words and ends with as many numbers as its neighbours: one of them, two where that is one."""
        here, near = self._row_shape(number), [self._row_shape(number + step) for step in (-2, -1, 1, 2)]
        return here > 0 and (near.count(here) > 1 or (here > 1 and here in near[1:3]))

    def _row_shape(self, number: int) -> int:
        line = self.lines[number] if 0 <= number < len(self.lines) else []
        cells = self._cells(line)
        return cells if cells < len(line) <= MAX_ROW_TOKENS else 0

    def is_in_a_column(self, number: int) -> bool:
        """Whether it is a small number alone, and near it is a line that is so too: cells on lines of their own."""
        near = range(max(0, number - MAX_CELL_LINES), min(len(self.lines), number + MAX_CELL_LINES + 1))
        alone = [at for at in near if len(self.lines[at]) == 1 and self.tokens[self.lines[at][0]].whole]
        return number in alone and len(alone) > 1

    def _cells(self, line: list[int]) -> int:
        """How many numbers end it."""
        return next((n for n, at in enumerate(reversed(line)) if not self.tokens[at].number), len(line))

    def count(self, line: list[int]) -> int:
        """The numbers of a line."""
        return sum(self.tokens[at].number for at in line)
