"""Which token of one text is which of another that says the same in another order; linear in their length."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from .written_numbers import Token

NO_TOKEN = -1
NEAR, MAX_SLOT = 4, 40  # tokens between the neighbours of one that is in its place: in a row, and over rows
Context = Callable[[Sequence[str], int], Hashable]
CONTEXTS: tuple[Context, ...] = (
    lambda keys, at: tuple(keys[max(0, at - 2) : at + 3]) if 2 <= at < len(keys) - 2 else None,
    lambda keys, at: tuple(keys[at - 1 : at + 2]) if 0 < at < len(keys) - 1 else None,
    lambda keys, at: tuple(keys[at - 1 : at + 1]) if at else None,
    lambda keys, at: tuple(keys[at : at + 2]) if at < len(keys) - 1 else None,
    lambda keys, at: keys[at],
)


@dataclass
class Alignment:
    """`there`: for each token of the one text its place in the other, or NO_TOKEN; `back`: the same from the other."""

    one: list[Token]
    other: list[Token]
    there: list[int]
    back: list[int]

    @property
    def inverse(self) -> "Alignment":
        return Alignment(self.other, self.one, self.back, self.there)

    @cached_property
    def unmatched(self) -> list[int]:
        return [at for at, place in enumerate(self.there) if place == NO_TOKEN]

    def expected(self, at: int) -> set[int]:
        """Where a token of the one text would stand in the other, by its neighbours."""
        before, after = self.neighbour(at, -1), self.neighbour(at, 1)
        return {place for place in (before + 1 if before >= 0 else -1, after - 1) if 0 <= place < len(self.other)}

    def neighbour(self, at: int, step: int) -> int:
        """The place of the token before (-1) or after (1) it; NO_TOKEN where that has none."""
        near = at + step
        return self.there[near] if 0 <= near < len(self.one) else NO_TOKEN

    def swaps(self) -> Iterator[tuple[int, int]]:
        """Pairs of numbers that stand in each other's place."""
        yield from self._neighbours_swapped()
        strays = [at for at in range(1, len(self.one) - 1) if self._is_stray(at)]
        by_slot = {slot: at for at in strays for slot in range(self.there[at - 1] + 1, self.there[at + 1])}
        for at in strays:
            mate = by_slot.get(self.there[at], NO_TOKEN)
            if mate > at + 1 and by_slot.get(self.there[mate]) == at:
                yield at, mate

    def _is_stray(self, at: int) -> bool:
        before, here, after = self.there[at - 1 : at + 2]
        slot = self.one[at].number and NO_TOKEN not in (before, here) and 1 < after - before <= MAX_SLOT
        return slot and not before < here < after

    def _neighbours_swapped(self) -> Iterator[tuple[int, int]]:
        """Two that follow each other, between two others: the four of them are in one place of the other text."""
        for at in range(len(self.one) - 1):
            if not (self.one[at].number and self.one[at + 1].number):
                continue
            second, first = self.there[at : at + 2]
            around = [place for place in (self.neighbour(at, -1), self.neighbour(at + 1, 1)) if place != NO_TOKEN]
            if NO_TOKEN in (first, second) or not first < second <= first + NEAR or not around:
                continue
            before, after = self.neighbour(at, -1), self.neighbour(at + 1, 1)
            in_place = before == NO_TOKEN or first - NEAR <= before < first
            if in_place and (after == NO_TOKEN or second < after <= second + NEAR):
                yield at, at + 1


def align(one: list[Token], other: list[Token]) -> Alignment:
    """What has the same neighbours first, then what only is the same."""
    keys, others = [token.key for token in one], [token.key for token in other]
    found = Alignment(one, other, [NO_TOKEN] * len(one), [NO_TOKEN] * len(other))
    for context in CONTEXTS:
        _match(found, keys, others, context)
        _spread(found, keys, others)
    _match(found, keys, others, CONTEXTS[-1], equally_often=False)
    return found


def _match(
    found: Alignment, keys: list[str], others: list[str], context: Context, *, equally_often: bool = True
) -> None:
    places: tuple[dict[Hashable, list[int]], dict[Hashable, list[int]]] = (defaultdict(list), defaultdict(list))
    for side, (names, map_of) in enumerate(((keys, found.there), (others, found.back))):
        for at in range(len(names)):
            if map_of[at] == NO_TOKEN and (what := context(names, at)) is not None:
                places[side][what].append(at)
    for what, here in places[0].items():
        there = places[1].get(what, [])
        if len(here) == len(there) or not equally_often:
            for at, place in zip(here, there, strict=False):
                found.there[at], found.back[place] = place, at


def _spread(found: Alignment, keys: list[str], others: list[str]) -> None:
    """From what is matched to its neighbours on both sides."""
    for step, order in ((1, range(len(keys))), (-1, range(len(keys) - 1, -1, -1))):
        for at in order:
            near, place = at + step, found.there[at] + step
            if found.there[at] == NO_TOKEN or not (0 <= near < len(keys) and 0 <= place < len(others)):
                continue
            free = found.there[near] == NO_TOKEN and found.back[place] == NO_TOKEN
            if free and keys[near] == others[place]:
                found.there[near], found.back[place] = place, near
