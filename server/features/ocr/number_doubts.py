"""How the numbers that were read differ from those of the page's own text, and which differences are none.

What is left of each side when the same is taken from both is explained where it can be: a date in another form, a
number that the layer draws in pieces, the number of a page or of an item, what a picture holds. The rest is told.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...text import first_few
from .alignment import Alignment, align
from .shingles import SHINGLE_CHARS, shingles
from .side import MAX_CELL_LINES, MAX_PIECES, THOUSANDS, Places, Side
from .written_numbers import Token, digits_of

MAX_JOINED_DIGITS, MAX_PUZZLING = 24, 1_000  # numbers that are left: more are another page
MAX_TOLD = 3
EDGE_LINES = 3  # lines at the top and at the foot, where pages are numbered
MIN_NEW_WORDS = 3  # that the layer does not have, around a number that a picture may hold
MIN_PHONE_DIGITS = 9
PAGE_WORDS = frozenset({"page", "p", "pg", "pp", "of", "no", "seite", "第", "页", "共", "頁", "/", "-"})
MAX_PAGE_DIGITS = 4
AMOUNT = re.compile(r"[.%‰万亿+^]|\A-")


@dataclass(frozen=True)
class NumberDifference:
    """Numbers of the layer in whose place the reading has others; none on one side: missing there."""

    own: Places = ()
    read: Places = ()


@dataclass
class Comparison:
    """The layer (`own`) and the reading (`read`), token by token. `counts_itself`: the reading is LaTeX, which numbers
    sections, items and equations when it is set. `blind`: the layer knows nothing of what pictures on the page say."""

    own: Side
    read: Side
    partly: bool
    counts_itself: bool
    blind: bool = True
    pairs: Alignment = field(init=False)

    def __post_init__(self) -> None:
        self.pairs = align(self.own.tokens, self.read.tokens)
        for side, found in ((self.own, self.pairs), (self.read, self.pairs.inverse)):
            side.left = {at for at in found.unmatched if side.tokens[at].number}

    @property
    def _both(self) -> tuple[tuple[Side, Side, Alignment], tuple[Side, Side, Alignment]]:
        return (self.own, self.read, self.pairs), (self.read, self.own, self.pairs.inverse)

    def explain(self) -> None:
        """Take away what is no difference."""
        self._other_forms()
        self._pieces(self.read, self.own)
        for side, other, _ in self._both:
            self._parts(side, other)
        for side, other, pairs in self._both:
            side.left -= self._clipped(side, other, pairs)
        items = [self._lone_items(side, other, pairs) for side, other, pairs in self._both]
        edges = [set() if self.partly else self._at_the_edges(side, pairs) for side, _, pairs in self._both]
        for (side, _, _), *explained in zip(self._both, items, edges, strict=True):
            side.left -= set().union(*explained)
        if self.blind:
            self.read.left -= self._in_a_picture()
        self.own.left -= self._marks_of_notes()
        if not self.partly:
            self.own.left -= self._page_number_among_the_lines()
        if self.partly:
            self.read.left -= self._elsewhere()

    # --- the same, written otherwise ---

    def _other_forms(self) -> None:
        by_form: dict[str, list[int]] = defaultdict(list)
        for at in sorted(self.read.left):
            token = self.read.tokens[at]
            for form in {token.key, *token.forms}:
                by_form[form].append(at)
        for at in sorted(self.own.left):
            token = self.own.tokens[at]
            candidates = [place for form in (token.key, *token.forms) for place in by_form.get(form, ())[:MAX_PIECES]]
            mates = [p for p in candidates if p in self.read.left and token.equals(self.read.tokens[p])]
            if mates:
                near = self.pairs.expected(at)
                mate = next((place for place in mates if place in near), mates[0])
                self._pair(at, mate)
                for form in {self.read.tokens[mate].key, *self.read.tokens[mate].forms}:
                    by_form[form].remove(mate)

    def _pair(self, at: int, place: int) -> None:
        self.pairs.there[at], self.pairs.back[place] = place, at
        self.own.left.discard(at)
        self.read.left.discard(place)

    # --- one number in pieces ---

    def _pieces(self, side: Side, other: Side) -> None:
        """Pieces of a number on one side that is whole on the other."""
        wholes: dict[str, list[int]] = defaultdict(list)
        for at in sorted(other.left):
            for form in {other.tokens[at].key, *other.tokens[at].forms}:
                if len(digits := digits_of(form)) <= MAX_JOINED_DIGITS:
                    wholes[digits].append(at)
        found = list(self._joined(side, other, wholes)) if wholes and len(side.left) <= MAX_PUZZLING else []
        for whole, (first, last) in found:
            if _is_one_number(side.written(first, last)):
                other.left.discard(whole)
                side.left -= set(range(first, last + 1))

    def _joined(self, side: Side, other: Side, wholes: dict[str, list[int]]) -> Iterator[tuple[int, tuple[int, int]]]:
        """Wholes of one side, each with the first and the last of its pieces."""
        taken: set[int] = set()
        for at in sorted(side.left):
            runs = (run for run in side.runs(at) if not taken & set(range(run[0], run[1] + 1)))
            for first, last in runs:
                mates = wholes.get("".join(digits_of(token.key) for token in side.tokens[first : last + 1]), [])
                free = [mate for mate in mates[:MAX_PIECES] if self._is_whole_of(side, other, first, last, mate)]
                if free:
                    mates.remove(free[0])
                    taken |= set(range(first, last + 1))
                    yield free[0], (first, last)
                    break

    def _is_whole_of(self, side: Side, other: Side, first: int, last: int, whole: int) -> bool:
        """Whether the pieces join to it, and none of them stands beside it by itself."""
        there = self.pairs.there if side is self.own else self.pairs.back
        mates = (there[at] for at in range(first, last + 1) if at not in side.left)
        return side.joins_to(first, last, other.tokens[whole]) and all(m < 0 or abs(m - whole) > 2 for m in mates)

    def _parts(self, side: Side, other: Side) -> None:
        """A date, a range or a power on one side that stands in its parts on the other."""
        first_of: dict[str, list[int]] = defaultdict(list)
        for at in sorted(other.left):
            first_of[_bare(other.tokens[at].key)].append(at)
        for at in sorted(side.left):
            parts = [_bare(part) for part in side.tokens[at].parts]
            begins = first_of.get(parts[0], [])[:MAX_PIECES] if parts else []
            found = next(filter(None, (_in_order(other, first, parts) for first in begins)), None)
            if found and (_is_date(side.tokens[at]) or _marks(other, found[0], found[-1]) >= _marks(side, at, at)):
                side.left.discard(at)
                other.left -= set(found)

    # --- what is on one side only, and no matter ---

    def _clipped(self, side: Side, other: Side, pairs: Alignment) -> set[int]:
        """Numbers that the edge of the page cuts: at the end of lines, and the other side goes on."""
        found = []
        for line in side.lines:
            at = line[-1]
            if at in side.left and not side.left.intersection(line[:-1]):
                mates = [p for p in pairs.expected(at) if p in other.left and _is_cut(side.tokens[at], other.tokens[p])]
                found += [(at, mate) for mate in mates[:1]]
        cut = [(at, p) for at, p in found if len(side.tokens[at].key) > 1 and self._goes_on(other, p, pairs)]
        if sum(len(side.tokens[at].key) > 1 for at, _ in found) > 1:
            cut = found
        other.left -= {mate for _, mate in cut}
        return {at for at, _ in cut}

    def _goes_on(self, other: Side, mate: int, pairs: Alignment) -> bool:
        """After a number that is cut on this side, the other has words that are nowhere on this one."""
        following = [
            at for at in range(mate + 1, min(mate + 3, len(other.tokens))) if other.line_of(at) == other.line_of(mate)
        ]
        return bool(following) and all(pairs.inverse.there[at] < 0 for at in following)

    def _lone_items(self, side: Side, other: Side, pairs: Alignment) -> set[int]:
        """Numbers of items where the other side has none in their place: Markdown adds them, LaTeX counts itself."""
        items = {at for at in side.left if side.is_item(at)}
        against = {place for place in other.left if other.is_item(place)}
        if against and not all(other.tokens[place].key in ("1", "-1") for place in against):
            items = set()
        if self.counts_itself and side is self.own:
            items |= {
                at
                for at in side.left
                if side.opens_line(at) and re.fullmatch(r"-?\d{1,2}(?:\.\d{1,2}){0,3}", side.tokens[at].key)
            }
            items |= {at for at in side.left if re.fullmatch(r"-\d{1,3}", side.tokens[at].key)}
        items |= self._counted_twice(side, other, pairs)
        return {at for at in items if not pairs.expected(at) & other.left}

    def _counted_twice(self, side: Side, other: Side, pairs: Alignment) -> set[int]:
        """What is left because the number of an item took its counterpart."""
        spare = Counter(
            side.tokens[at].key
            for line in side.lines
            for at in line[:1]
            if pairs.there[at] >= 0 and side.is_item(at) and not other.is_item(pairs.there[at])
        )
        found: set[int] = set()
        for at in side.left:
            if spare[side.tokens[at].key] > 0:
                spare[side.tokens[at].key] -= 1
                found.add(at)
        return found

    def _at_the_edges(self, side: Side, pairs: Alignment) -> set[int]:
        """Of a page's head and foot what numbers it: whole lines without amounts that are no rows of a table."""
        other = self.read if side is self.own else self.own
        found: set[int] = set()
        count = len(side.lines)
        for number in {*range(min(EDGE_LINES, count)), *range(max(0, count - EDGE_LINES), count)}:
            line = [at for at in side.lines[number] if side.tokens[at].number]
            unread = line and all(at in side.left for at in line) and not _is_of_a_table(side, number)
            if unread and (_is_page_line(side, number) or self._is_running_head(side, number, pairs)):
                found |= {at for at in line if not pairs.expected(at) & other.left}
        found |= self._taken_by_a_head(side, pairs)
        alone = {at for at in _alone_at_an_end(side, pairs) if at in side.left}
        return found | {at for at in alone if not pairs.expected(at) & other.left}

    def _page_number_among_the_lines(self) -> set[int]:
        """All that is not read, alone on its line and far from other such lines: a column of cells has those."""
        alone = {number for number, line in enumerate(self.own.lines) if len(line) == self.own.count(line) == 1}
        lines = {self.own.line_of(at) for at in self.own.left}
        numbers = {self.own.tokens[at].key for at in self.own.left}
        if self.read.left or len(numbers) != 1 or not lines <= alone:
            return set()
        near = {number + step for number in lines for step in range(-MAX_CELL_LINES, MAX_CELL_LINES + 1)}
        small = all(key.isdigit() and len(key) < MAX_PAGE_DIGITS for key in numbers)
        return set(self.own.left) if small and not near & (alone - lines) else set()

    def _marks_of_notes(self) -> set[int]:
        """Digits raised behind a number, which the reading leaves out: a line below begins with the same."""
        notes = {self.own.tokens[line[0]].key for line in self.own.lines if self.own.is_item(line[0])}
        return {at for at in self.own.left if self.own.tokens[at].key in notes and self.own.is_mark(at)}

    def _taken_by_a_head(self, side: Side, pairs: Alignment) -> set[int]:
        """Numbers whose like in a running head took their counterpart: the other side has nothing of that line."""
        found: set[int] = set()
        for number in {0, len(side.lines) - 1}:
            line = side.lines[number] if side.lines else []
            words = [pairs.there[at] for at in line if not side.tokens[at].number]
            if words and all(place < 0 for place in words):
                heads = [side.tokens[at].key for at in line if side.tokens[at].whole and pairs.there[at] >= 0]
                found |= {next((at for at in sorted(side.left) if side.tokens[at].key == key), -1) for key in heads}
        return found - {-1}

    def _is_running_head(self, side: Side, number: int, pairs: Alignment) -> bool:
        """The first or the last line with the number of the page, of which the other side has nothing at all."""
        line = side.lines[number]
        if number not in (0, len(side.lines) - 1) or side.is_row(line[0]):
            return False
        numbers = [side.tokens[at] for at in line if side.tokens[at].number]
        words = [pairs.there[at] for at in line if not side.tokens[at].number]
        short = len(numbers) <= 2 and all(each.whole and len(each.key) <= MAX_PAGE_DIGITS for each in numbers)
        return short and len(words) > 1 and sum(place < 0 for place in words) * 3 >= len(words) * 2

    def _in_a_picture(self) -> set[int]:
        """Numbers among words that the layer does not have: a picture on the page holds them."""
        known = {token.key for token in self.own.tokens}
        letters = "".join(token.key for token in self.own.tokens)
        pieces = {piece for chars in range(1, SHINGLE_CHARS + 1) for piece in shingles(letters, chars)}
        found: set[int] = set()
        for run in _unmatched_runs(self.read, self.pairs.inverse):
            words = {self.read.tokens[at].key for at in run if not self.read.tokens[at].number} - known
            fresh = [word for word in words if not pieces.issuperset(shingles(word, min(len(word), SHINGLE_CHARS)))]
            if len(fresh) >= MIN_NEW_WORDS:
                found |= run & self.read.left
        return found

    def _elsewhere(self) -> set[int]:
        """Of a part that was asked for: what the layer has as often as not, and parts of what it has."""
        own = {token.key for token in self.own.tokens} | {part for token in self.own.tokens for part in token.parts}
        known = {at for at in self.read.left if self.read.tokens[at].key in own}
        return {at for at in known if not any(place in self.own.left for place in self._in_its_place(at))}

    def _in_its_place(self, at: int) -> set[int]:
        """What stands in its place in the layer by both of its neighbours."""
        inverse = self.pairs.inverse
        if not 0 < at < len(self.read.tokens) - 1:
            return set()
        before, after = inverse.there[at - 1], inverse.there[at + 1]
        return {before + 1} if before >= 0 and after == before + 2 else set()

    # --- what is told ---

    def differences(self) -> list[NumberDifference]:
        """What stands in the place of what; what is missing; what was added."""
        changed, missing, added = list[NumberDifference](), list[NumberDifference](), set(self.read.left)
        run_of = {at: run for run in _runs_of(sorted(added)) for at in run}
        for run in _runs_of(sorted(self.own.left)):
            places = {p for at in (run[0], run[-1]) for p in self.pairs.expected(at)} & added
            if places:
                mates = run_of[min(places)]
                if self.partly and not THOUSANDS.fullmatch(self.own.written(run[0], run[-1])):
                    run = [at for at in run if self.pairs.expected(at) & places]
                changed += _changed(run, mates)
                added -= set(mates)
            elif not self.partly:
                missing += [NumberDifference(own=places) for places in self.own.apart(run)]
        return [*changed, *missing, *(NumberDifference(read=places) for places in self.read.apart(sorted(added)))]

    def swaps(self) -> list[tuple[int, int]]:
        """Two numbers in each other's place. Where many are, the columns were read in another order."""
        found = [
            (one, other)
            for one, other in self.pairs.swaps()
            if self.own.tokens[one].key != self.own.tokens[other].key
            and _is_date(self.own.tokens[one]) == _is_date(self.own.tokens[other])
        ]
        return found if len(found) <= max(2, len(self.own.tokens) // 50) else []


def number_doubts(layer: str, read: str, *, partly: bool, counts_itself: bool, layer_is_whole: bool) -> list[str]:
    """In words for a reader; nothing where all numbers agree. `layer_is_whole`: it holds what the page shows."""
    found = Comparison(Side(layer), Side(read), partly, counts_itself)
    found.explain()
    if not layer_is_whole and not partly:
        found.read.left -= {at for at in found.read.left if not found.pairs.inverse.expected(at) & found.own.left}
    return _told(found, found.differences(), found.swaps())


def _told(found: Comparison, differences: list[NumberDifference], swaps: list[tuple[int, int]]) -> list[str]:
    own, read = found.own.shown, found.read.shown
    changed = [(own(each.own), read(each.read)) for each in differences if each.own and each.read]
    missing = [own(each.own) for each in differences if not each.read]
    added = [read(each.read) for each in differences if not each.own]
    return [
        *(f"the page's own text has {one}, the reading {other}" for one, other in changed[:MAX_TOLD]),
        *([f"{len(changed) - MAX_TOLD} more numbers differ"] if len(changed) > MAX_TOLD else []),
        *([f"not read: {first_few(missing)}"] if missing else []),
        *([f"not in the page's own text: {first_few(added)}"] if added else []),
        *(f"{own([one])} and {own([other])} stand in each other's place" for one, other in swaps[:MAX_TOLD]),
    ]


def _is_one_number(written: str) -> bool:
    """Whether a reader takes the pieces for one: thousands set apart, a phone number, or marks between them."""
    if THOUSANDS.fullmatch(written):
        return True
    digits = sum(c.isdigit() for c in written)
    return digits >= MIN_PHONE_DIGITS or not re.search(r"\d\s+\d", written)


def _bare(key: str) -> str:
    return str(int(key)) if key.isdigit() and len(key) <= 4 else key.lstrip("+")


def _in_order(side: Side, first: int, parts: list[str]) -> list[int] | None:
    """Where the parts stand, one after another and not far apart."""
    found = [first]
    for part in parts[1:]:
        near = range(found[-1] + 1, min(found[-1] + 4, len(side.tokens)))
        place = next((at for at in near if at in side.left and _bare(side.tokens[at].key) == part), None)
        if place is None:
            return None
        found.append(place)
    return found


def _is_date(token: Token) -> bool:
    return any(form.startswith("d") for form in (token.key, *token.forms))


def _marks(side: Side, first: int, last: int) -> int:
    """Points and commas."""
    return len(re.findall(r"[.,]", side.written(first, last)))


def _is_cut(one: Token, other: Token) -> bool:
    return one.key != other.key and other.key.startswith(one.key)


def _is_page_line(side: Side, number: int) -> bool:
    line = side.lines[number]
    numbers = [side.tokens[at] for at in line if side.tokens[at].number]
    words = {side.tokens[at].key for at in line if not side.tokens[at].number}
    if any(AMOUNT.search(token.key) and not token.key.lstrip("-").isdigit() for token in numbers):
        return False
    if any(len(token.key) > MAX_PAGE_DIGITS and not token.parts for token in numbers):
        return False
    dated = all(token.key.startswith("d") or re.fullmatch(r"(?:19|20)\d\d", token.key) for token in numbers)
    return (words <= PAGE_WORDS or bool(words & {"page", "页"}) or dated) and not _is_row(side, number, len(numbers))


def _is_of_a_table(side: Side, number: int) -> bool:
    return side.is_among_rows(number) or side.is_in_a_column(number)


def _alone_at_an_end(side: Side, pairs: Alignment) -> Iterator[int]:
    """A small number that is the first line or the last, but for stamps that the other side does not have."""
    for lines in (side.lines, side.lines[::-1]):
        own = (line for line in lines if any(side.tokens[at].number or pairs.there[at] >= 0 for at in line))
        if (line := next(own, [])) and len(line) == 1 and side.tokens[line[0]].whole:
            in_a_column = side.is_in_a_column(side.line_of(line[0]))
            yield from (at for at in line if len(side.tokens[at].key) < MAX_PAGE_DIGITS and not in_a_column)


def _is_row(side: Side, number: int, count: int) -> bool:
    """Whether the line next to it has as many numbers."""
    beside = [side.lines[n] for n in (number - 1, number + 1) if 0 <= n < len(side.lines)]
    return any(side.count(line) == count and len(line) == len(side.lines[number]) for line in beside)


def _unmatched_runs(side: Side, pairs: Alignment) -> Iterator[set[int]]:
    for run in _runs_of(pairs.unmatched):
        yield set(run)


def _runs_of(places: list[int]) -> list[list[int]]:
    """Places that follow each other."""
    runs: list[list[int]] = []
    for at in places:
        if runs and at == runs[-1][-1] + 1:
            runs[-1].append(at)
        else:
            runs.append([at])
    return runs


def _changed(run: list[int], mates: list[int]) -> list[NumberDifference]:
    if len(run) == len(mates):
        return [NumberDifference((at,), (mate,)) for at, mate in zip(run, mates, strict=True)]
    return [NumberDifference(tuple(run), tuple(mates))]
