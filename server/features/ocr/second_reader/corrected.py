"""What was read here, corrected by what the model read wherever both may be meant by what is on the page.

A recogniser is wrong now and then, and knows it: the right letter is among those it held possible. What of the model's
reading is likely enough there is taken over; what is left of the differences is one.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ....files.read_here import BLANKS, MAX_LOG_ODDS, LocalText, log_likelihood
from ....files.readings import Column
from ..alignment import NO_TOKEN, align
from ..written_numbers import tokens_of

MAX_RUN_TOKENS, MAX_MORE_TOKENS, MAX_CLAIM_CHARS = 12, 4, 120
MAX_LETTERS_HELD = 5_000_000  # a second or two
LEFT_MARKS, RIGHT_MARKS = re.compile(r"[^\w\s]{1,4}\s?\Z"), re.compile(r"\s?[^\w\s]{1,4}")


@dataclass(frozen=True)
class Refusal:
    """What the model read instead of a part of the text, though it is not what is on the page."""

    start: int
    end: int
    claim: str
    log_odds: float  # by which what was read here is likelier
    anchored: bool  # whether what stands before and after it on its line is the same in both


@dataclass(frozen=True)
class Corrected:
    """`refused`: what was not taken over, in places of the text as it was. `whole`: whether all was gone through; two
    texts that have nearly nothing in common are not.
    """

    text: LocalText
    refused: list[Refusal]
    whole: bool


def corrected(local: LocalText, read: str) -> Corrected:
    """`read`: in one width and case, without markup."""
    differences = _Differences(local, read)
    found = list(differences.judged())
    edits = [(each.start, each.end, each.claim) for each in found if each.log_odds <= MAX_LOG_ODDS]
    refused = [each for each in found if each.log_odds > MAX_LOG_ODDS]
    return Corrected(local.edited(sorted(edits)), refused, differences.work <= MAX_LETTERS_HELD)


@dataclass(frozen=True)
class _Part:
    """A part of a line that was read here, between what both have."""

    start: int
    end: int
    columns: Sequence[Column]


class _Differences:
    def __init__(self, local: LocalText, read: str) -> None:
        self.local, self.read = local, read
        self.own, self.seen = tokens_of(local.text), tokens_of(read)
        self.pairs = align(self.own, self.seen)
        self.work = 0  # letters that were held against columns

    def judged(self) -> Iterator[Refusal]:
        """For each part that differs the likeliest of the claims."""
        for first, last in self._runs():
            part = self._part(first, last)
            claims = {claim.strip() for claim in self._claims(first, last)} if part else set()
            self.work += len(part.columns) * sum(map(len, claims)) if part else 0
            if self.work > MAX_LETTERS_HELD:
                return
            if part and claims:
                said = self.local.text[part.start : part.end]
                start, end = part.start + len(said) - len(said.lstrip()), part.end - len(said) + len(said.rstrip())
                here = log_likelihood(said, part.columns)
                best, claim = max((log_likelihood(claim, part.columns), claim) for claim in claims)
                yield Refusal(start, max(start, end), claim, here - best, self._is_anchored(first, last))

    def _runs(self) -> Iterator[tuple[int, int]]:
        """Tokens of a line without a counterpart, from the first to the last of each run."""
        run: list[int] = []
        for at in self.pairs.unmatched:
            if run and (at != run[-1] + 1 or self._line(at) != self._line(run[0])):
                yield run[0], run[-1]
                run = []
            run.append(at)
        if run:
            yield run[0], run[-1]

    def _is_anchored(self, first: int, last: int) -> bool:
        near = [at for at in (first - 1, last + 1) if self._line(at) == self._line(first)]
        return len(near) == 2 and all(self.pairs.there[at] != NO_TOKEN for at in near)

    def _line(self, at: int) -> int | None:
        origin = self.local.origins[self.own[at].start] if 0 <= at < len(self.own) else None
        return origin[0] if origin else None

    def _part(self, first: int, last: int) -> _Part | None:
        """All between the tokens before and after that are of the same line."""
        number = self._line(first)
        if number is None or last - first >= MAX_RUN_TOKENS:
            return None
        start = self.own[first - 1].end if self._line(first - 1) == number else self._edge(first, -1)
        end = self.own[last + 1].start if self._line(last + 1) == number else self._edge(last, 1)
        line = self.local.lines[number]
        before = self.local.origins[start - 1] if start else None
        after = self.local.origins[end] if end < len(self.local.text) else None
        first_letter = before[1] + 1 if before and before[0] == number else 0
        last_letter = (after[1] if after and after[0] == number else len(line.letters)) - 1
        return _Part(start, end, line.columns_of(first_letter, last_letter))

    def _edge(self, at: int, step: int) -> int:
        """Where the line of a token begins or ends in the text."""
        origins, number = self.local.origins, self._line(at)
        place = self.own[at].start if step < 0 else self.own[at].end - 1
        while 0 <= place + step < len(origins) and (origin := origins[place + step]) and origin[0] == number:
            place += step
        return place if step < 0 else place + 1

    def _claims(self, first: int, last: int) -> Iterator[str]:
        """What the model may have read there."""
        for start, end in self._places(first, last):
            if start > end:
                between = self.read[self.seen[end].end : self.seen[start].start]
                yield from {between, ""}
                continue
            here, there = self.seen[start].start, self.seen[end].end
            before = self.seen[start - 1].end if start else 0
            after = self.seen[end + 1].start if end + 1 < len(self.seen) else len(self.read)
            left = LEFT_MARKS.search(self.read, before, here)
            right = RIGHT_MARKS.match(self.read, there, after)
            first_words, last_words = (self.read[self.seen[at].start : self.seen[at].end] for at in (start, end))
            starts = {here, left.start() if left else here, before}
            starts |= {here + blank.end() for blank in BLANKS.finditer(first_words)}  # a date may begin on another line
            ends = {there, right.end() if right else there, after}
            ends |= {there - len(last_words) + blank.start() for blank in BLANKS.finditer(last_words)}
            yield from {self.read[a:b] for a in starts for b in ends if 0 < b - a <= MAX_CLAIM_CHARS}

    def _places(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Tokens of the reading, from the first to the last, that stand where the run would."""
        before, after, count = self.pairs.neighbour(first, -1), self.pairs.neighbour(last, 1), last - first + 1
        if before >= 0 and after >= 0 and 0 <= after - before - 1 <= count + MAX_MORE_TOKENS:
            yield before + 1, after - 1
            return
        if before >= 0:
            yield from self._free(before + 1, 1, count)
        if after >= 0:
            yield from self._free(after - 1, -1, count)

    def _free(self, at: int, step: int, count: int) -> Iterator[tuple[int, int]]:
        """Up to so many tokens without a counterpart, and one more or less, from one on."""
        most = 0
        while (
            most < count + MAX_MORE_TOKENS
            and 0 <= at + step * most < len(self.seen)
            and self.pairs.back[at + step * most] == NO_TOKEN
        ):
            most += 1
        for length in range(max(1, count - MAX_MORE_TOKENS), most + 1):
            ends = sorted((at, at + step * (length - 1)))
            yield ends[0], ends[1]
