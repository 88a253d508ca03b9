"""Where the two readers of a page differ, with the places: only where the one here is sure of what it saw."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import product
from math import exp

from ....files.read_here import LocalText, local_text, log_likelihood, plain_words
from ....files.readings import Point, ReadLine
from ..alignment import NO_TOKEN, Alignment, align
from ..markup import WORD, counts_itself, unwrapped, without_marks
from ..number_doubts import Comparison, NumberDifference
from ..quality import comparable, share_read
from ..side import Places, Side
from ..written_numbers import digits_of, tokens_of
from .corrected import Corrected, Refusal, corrected

MIN_LIKELY, MIN_LIKELY_ALONE = 0.7, 0.8  # how likely a number that is told must be; with none in its place
MIN_SEEN_DIGITS = 3  # of a number that stands by itself: those of one or two digits are overlooked now and then
MIN_GROUPED_DIGITS, MAX_DIGIT_GROUPS = 9, 8  # of a number that is written in groups, as of a phone
MAX_SWAPS = 1  # on a page: where there are more it was read in another order
MAX_LEFT = 500  # numbers without a counterpart: more are another page
MIN_WORD_CHARS = 2
MIN_ROW_CHARS = 4  # of the words of a row that one of the two has not
MAX_ALIKE = 0.7  # of two words: misprints are none of ours
MIN_WORD_ODDS = 15.0  # as a logarithm, by which a word is likelier than that of the answer
MIN_WORDS, MIN_SHARE_READ = 40, 0.75  # words read here that are sure; the share of them that must be in the answer
AROUND = re.compile(r"\A\W+|\W+\Z")  # a word
MAX_ANSWER_CHARS = 60_000  # of a page: nearly three times what an answer has room for
Outline = tuple[Point, ...]
TextSpan = tuple[int, int]  # of the text that was read here


@dataclass(frozen=True)
class Doubt:
    """What was read here and what is in the answer, one of them empty where that has nothing; and the places."""

    here: str
    answer: str
    places: tuple[Outline, ...] = ()


@dataclass(frozen=True)
class ReadersCompared:
    """How far both agree, 0 to 1: in their words, and in the numbers that are in either; None: there are none."""

    words: float | None
    numbers: float | None
    doubts: tuple[Doubt, ...] = ()
    missing_words: float | None = None  # the share of what was read here that is in the answer, where that is low


def verdict(answer: str, lines: Sequence[ReadLine], *, partly: bool = False) -> ReadersCompared:
    """`answer`: of the model, with its markup; `partly`: only a part of the page was asked for."""
    if len(answer) > MAX_ANSWER_CHARS:
        return ReadersCompared(None, None)
    local, shown = local_text(lines), plain_words(without_marks(answer))
    return _Opinion(local, corrected(local, shown), shown, partly, counts_itself(answer)).verdict()


class _Opinion:
    def __init__(self, before: LocalText, found: Corrected, shown: str, partly: bool, counts_itself: bool) -> None:
        self.before, self.refused, self.whole, local = before, found.refused, found.whole, found.text
        self.local, self.answer, self.partly = local, shown, partly
        layer, read = comparable(local.text, shown, partly=partly)
        self.found = Comparison(Side(layer), Side(read), partly, counts_itself, blind=False)
        self.found.explain()
        self.whole = self.whole and len(self.found.own.left) + len(self.found.read.left) <= MAX_LEFT

    def verdict(self) -> ReadersCompared:
        sure = self._sure_text()
        words = share_read(unwrapped(sure), unwrapped(self.answer)) if sure.strip() else None
        omitted = words is not None and words < MIN_SHARE_READ and len(WORD.findall(sure)) >= MIN_WORDS
        missing = words if omitted and not self.partly else None
        if not self.whole or not sure.strip():
            return ReadersCompared(words, None, missing_words=missing)
        doubts = [each for each in self.found.differences() if self._is_told(each)]
        swaps = [self._swap(*pair) for pair in self.found.swaps()]
        told = [*(self._doubt(each) for each in doubts), *(swaps if len(swaps) <= MAX_SWAPS else [])]
        words_told = [self._word(each) for each in self.refused if self._is_another_word(each)]
        return ReadersCompared(words, self._share_of_numbers(len(told)), (*told, *words_told), missing)

    def _share_of_numbers(self, doubted: int) -> float | None:
        count = sum(token.number for token in self.found.read.tokens)
        return max(0.0, 1 - doubted / count) if count else None

    def _sure_text(self) -> str:
        """Of the lines that were surely read: little, where a page is written by hand or in a script not known."""
        sure = {number for number, line in enumerate(self.local.lines) if line.is_sure}
        kept = (
            c if o is None or o[0] in sure else " " for c, o in zip(self.local.text, self.local.origins, strict=True)
        )
        return "".join(kept)

    def _is_another_word(self, one: Refusal) -> bool:
        """Whether a word was surely read here, and the answer has one in its place that it cannot be."""
        own, claim = ("".join(WORD.findall(text)) for text in (self.before.text[one.start : one.end], one.claim))
        whole = not (own in claim or claim in own or any(c.isdigit() for c in own + claim))
        unlike = SequenceMatcher(None, own, claim, autojunk=False).ratio() <= MAX_ALIKE
        return one.anchored and one.log_odds >= MIN_WORD_ODDS and whole and unlike and self._is_one_word(one)

    def _is_one_word(self, one: Refusal) -> bool:
        texts = [AROUND.sub("", text).split() for text in (self.before.text[one.start : one.end], one.claim)]
        return all(len(words) == 1 and len(words[0]) >= MIN_WORD_CHARS for words in texts)

    def _word(self, one: Refusal) -> Doubt:
        return Doubt(self.before.text[one.start : one.end], one.claim, tuple(self.before.places(one.start, one.end)))

    def _doubt(self, difference: NumberDifference) -> Doubt:
        own, read = difference.own, difference.read
        here, answer = (side.shown(at) if at else "" for side, at in ((self.found.own, own), (self.found.read, read)))
        return Doubt(here, answer, self._outlines(own))

    def _swap(self, one: int, other: int) -> Doubt:
        """Two numbers that were read here, and stand in each other's place in the answer."""
        here, answer = (self.found.own.shown([at]) for at in (one, other))
        return Doubt(here, answer, self._outlines((one,)))

    def _is_told(self, difference: NumberDifference) -> bool:
        own, read = difference.own, difference.read
        if not own:
            return self._was_looked_at(read)
        if read and (rest := self._beyond_the_pieces(own, read)) != own:
            return bool(rest) and self._is_told(NumberDifference(rest))
        if not all(self._sureness(span) >= (MIN_LIKELY if read else MIN_LIKELY_ALONE) for span in self._spans(own)):
            return False
        if not read:
            return self._is_no_speck(own)
        return not self._is_of_a_fraction(own, read) and not self._are_both_in_parentheses(own, read)

    def _are_both_in_parentheses(self, own: Places, read: Places) -> bool:
        """Whether it is the same between parentheses: a sign only after a blank, which is lost now and then."""
        here, there = ((side, side.tokens[at[0]]) for side, at in ((self.found.own, own), (self.found.read, read)))
        alike = len(own) == len(read) == 1 and here[1].key.lstrip("-") == there[1].key.lstrip("-")
        around = (side.text[max(0, token.start - 1) : token.end + 1] for side, token in (here, there))
        return alike and all(text[:1] == "(" and text[-1:] == ")" for text in around)

    def _beyond_the_pieces(self, own: Places, read: Places) -> Places:
        """Without the groups of a long number that the answer has in one: lines may end between them."""
        digits = [digits_of(self.found.own.tokens[at].key) for at in own]
        wholes = {digits_of(self.found.read.tokens[at].key) for at in read}
        for first, count in product(range(len(own)), range(2, MAX_DIGIT_GROUPS + 1)):
            together = "".join(digits[first : first + count])
            if len(together) >= MIN_GROUPED_DIGITS and together in wholes:
                return (*own[:first], *own[first + count :])
        return own

    def _is_of_a_fraction(self, own: Places, read: Places) -> bool:
        """Whether the answer has a fraction, of which but digits were read here: those of one letter are unknown."""
        here = {self.found.own.tokens[at].key for at in own}
        keys = [self.found.read.tokens[at].key for at in read]
        parts = {part for key in keys if "/" in key for part in (*re.split(r"[ /]", key), digits_of(key))}
        return here <= parts

    def _sureness(self, span: TextSpan) -> float:
        """How likely it is what was read here, by itself."""
        found = 0.0
        for number, (first, last) in self.local.letters(*span).items():
            if number in self.local.turned_lines:
                return 0.0
            line = self.local.lines[number]
            columns = line.columns[line.letters[first].first : line.letters[last].last + 1]
            found += log_likelihood(plain_words(line.text_of(first, last)), columns)
        return exp(found)

    def _is_no_speck(self, run: Places) -> bool:
        """Whether what was read here alone is a number. By itself a circle or a stroke may pass for a digit; not so in
        a row between two words that follow each other in the answer.
        """
        if any(len(digits_of(self.found.own.tokens[at].key)) >= MIN_SEEN_DIGITS for at in run):
            return True
        pairs, line_of = self.found.pairs, self.found.own.line_of
        before, after = pairs.neighbour(run[0], -1), pairs.neighbour(run[-1], 1)
        in_a_row = before != NO_TOKEN and line_of(run[0] - 1) == line_of(run[0])
        return (in_a_row and after == before + 1) or _is_of_a_lone_row(self.found.own, pairs.there, run)

    def _was_looked_at(self, run: Places) -> bool:
        """Whether what is only in the answer would have been seen here: between two words of a line, or long enough."""
        there = self.found.pairs.inverse.there
        within = all(self._is_within_a_line(place) for place in self._places_of_its_likes(run))
        long = any(len(digits_of(self.found.read.tokens[at].key)) >= MIN_SEEN_DIGITS for at in run)
        row = _is_of_a_lone_row(self.found.read, there, run)
        return within or ((long or row) and (not self.local.turned_lines or self._is_beside_a_word(run)))

    def _is_beside_a_word(self, run: Places) -> bool:
        """Whether a word next to it in its line of the answer was read here, in a line that is not turned: then it is
        none of what turned lines may hold.
        """
        read, there = self.found.read, self.found.pairs.inverse.there
        near = [at for at in (run[0] - 1, run[-1] + 1) if 0 <= at < len(there) and there[at] != NO_TOKEN]
        mates = [there[at] for at in near if read.line_of(at) == read.line_of(run[0])]
        lines = {line for span in self._spans(tuple(mates)) for line in self.local.letters(*span)}
        return bool(lines - self.local.turned_lines)

    def _places_of_its_likes(self, run: Places) -> list[tuple[int, int]]:
        """What was read here before and after it; and, where its neighbour is alike, before and after that one."""
        keys = [None, *(token.key for token in self.found.read.tokens), None]
        there = [NO_TOKEN, NO_TOKEN, *self.found.pairs.inverse.there, NO_TOKEN, NO_TOKEN]
        first, last = run[0] + 2, run[-1] + 2
        found = [(there[first - 1], there[last + 1])]
        if keys[first - 2] == keys[first - 1]:
            found.append((there[first - 2], there[first - 1]))
        if keys[last] == keys[last - 1]:
            found.append((there[last + 1], there[last + 2]))
        return found

    def _is_within_a_line(self, place: tuple[int, int]) -> bool:
        before, after = place
        return NO_TOKEN not in place and after == before + 1 and self._are_of_one_line(before, after)

    def _are_of_one_line(self, one: int, other: int) -> bool:
        origins = [self.local.origins[span[0]] for span in self._spans((one, other))]
        return len({origin[0] for origin in origins if origin}) == 1

    # --- where a token of the compared text stands in what was read here ---

    @cached_property
    def _places(self) -> Alignment:
        return align(self.found.own.tokens, tokens_of(self.local.text))

    def _outlines(self, run: Places) -> tuple[Outline, ...]:
        return tuple(box for span in self._spans(run) for box in self.local.places(*span))

    def _spans(self, run: Places) -> list[TextSpan]:
        tokens = self._places.other
        found = (self._places.there[at] for at in run)
        return [(tokens[place].start, tokens[place].end) for place in found if place != NO_TOKEN]


def _is_of_a_lone_row(side: Side, there: list[int], run: Places) -> bool:
    """Whether numbers stand among words that the other has not either, and what is around all that follows each other
    there: a row that one of them left out, or read twice.
    """
    first, last = run[0], run[-1]
    while first and there[first - 1] == NO_TOKEN:
        first -= 1
    while last + 1 < len(there) and there[last + 1] == NO_TOKEN:
        last += 1
    keys = [token.key for token in side.tokens[first : last + 1] if not token.number]
    words = [key for key in keys if len(key) > 2 or not key.isascii()]
    are_words = sum(map(len, words)) >= MIN_ROW_CHARS and len(words) * 2 >= len(keys)  # formulas are not
    inside = first > 0 and last + 1 < len(there)
    return are_words and inside and there[last + 1] == there[first - 1] + 1
