"""The parts of a document asked for, a few at once: what came is kept, and what did not is said with its place.

One user message and `translation_options`: https://help.aliyun.com/zh/model-studio/qwen-mt-api
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import anyio
from anyio import to_thread

from ...calls.ask import Exchange, RequestFailed, RequestPlan
from ...calls.call import Call
from ...calls.reply import why_empty
from ...calls.salvage import Salvage
from ...catalog import plain
from ...catalog.pricing import text_tokens
from ...dashscope import INTERRUPTED, ChatCompletions, DashScopeError
from ...errors import InvalidRequest
from .languages import looks_wrong
from .marks import without_tags
from .pairs import Pair, memory_for, terms_for
from .parts import Passage, TextPart, parts_for, tokens_at_most
from .units import ANY_LETTER, TextUnit, joined
from .untranslated import Untranslated, tell

PARTS_AT_ONCE = 4
MAX_TRANSLATED_PARTS = 400
MAX_INPUT_TOKENS = 7_500  # of 8,192: how many it will be is not known exactly
MAX_TERM_TOKENS, MAX_MEMORY_TOKENS, MAX_MEMORY = 2_500, 1_500, 10
OUTPUT_PER_INPUT = 1.2  # tokens, as a guess before anything is sent
MAX_FAILED_PARTS = 3  # failed parts, where none came
MIN_EQUAL_LETTERS = 12  # of fewer, a text may be the same in both languages
ANOTHER_FORM = "it came back in another number of paragraphs than it has"
WORD_TOO_LONG = "one word of it is longer than a request takes"
LIMIT_REACHED = "the output limit was reached in it"
EQUAL = "it came back as it was"


@dataclass(frozen=True)
class Wish:
    """How a text is to be translated, in the terms of `translation_options`."""

    source_lang: str
    target_lang: str
    terms: Sequence[Pair] = ()
    memory: Sequence[Pair] = ()
    domain: str = ""

    def options(self, text: str) -> dict[str, Any]:
        """For one part: only what it has a use for, since all of it is billed as input."""
        options: dict[str, Any] = {"source_lang": self.source_lang, "target_lang": self.target_lang}
        room = MAX_INPUT_TOKENS - tokens_at_most(text)
        terms = list(_within(self.terms_in(text), min(room, MAX_TERM_TOKENS)))
        room -= sum(map(_size, terms))
        memory = list(_within(memory_for(text, self.memory, MAX_MEMORY), min(room, MAX_MEMORY_TOKENS)))
        options |= {"terms": _as_objects(terms)} if terms else {}
        options |= {"tm_list": _as_objects(memory)} if memory else {}
        return {**options, "domains": self.domain} if self.domain else options

    def terms_in(self, text: str) -> list[Pair]:
        return terms_for(text, self.terms)


def _within(pairs: Sequence[Pair], room: int) -> Iterator[Pair]:
    for pair in pairs:
        room -= _size(pair)
        if room < 0:
            return
        yield pair


def _size(pair: Pair) -> int:
    return tokens_at_most(pair[0]) + tokens_at_most(pair[1]) + 8


def _as_objects(pairs: Sequence[Pair]) -> list[dict[str, str]]:
    return [{"source": source, "target": target} for source, target in pairs]


@dataclass
class Translating:
    """One call's way through the parts of a document."""

    call: Call
    model: str
    units: Sequence[TextUnit]
    wish: Wish
    parts: int = 0
    failure: DashScopeError | None = None  # for which no further part was begun
    untranslated: list[Untranslated] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _said: dict[Passage, str] = field(default_factory=dict)
    _lost: dict[Passage, tuple[str, str]] = field(default_factory=dict)  # why, and what came
    _left: deque[TextPart] = field(default_factory=deque)
    _all: list[TextPart] = field(default_factory=list)
    _options: dict[TextPart, dict[str, Any]] = field(default_factory=dict)
    _too_long: list[int] = field(default_factory=list)
    _begun: int = 0
    _done: int = 0
    _failed: int = 0
    _more: int = 0  # requests that may yet be made beside the parts

    async def run(self) -> dict[int, str]:
        """The units that are in the other language, by number; `untranslated` says what is not.

        Raises:
            InvalidRequest: there are too many parts.
            DashScopeError: nothing came at all.
        """
        await to_thread.run_sync(self._prepare, abandon_on_cancel=True)
        if self.parts > MAX_TRANSLATED_PARTS:
            raise InvalidRequest(
                f"The text would be translated in {self.parts} parts, each billed; at most {MAX_TRANSLATED_PARTS} are. "
                "Give less at once."
            )
        await self.call.report_now(self._expectation())
        async with self.call.heartbeat("translating"), anyio.create_task_group() as tasks:
            for _ in self._all[:PARTS_AT_ONCE]:
                tasks.start_soon(self._work)
        if self.failure and not self._said and not any(came for _, came in self._lost.values()):
            raise self.failure
        return await to_thread.run_sync(self._result)

    def _prepare(self) -> None:
        """What takes a while in a long text."""
        self._all, self._too_long = parts_for(self.units)
        self.parts = len(self._all)
        self._left, self._more = deque(self._all), 2 * self.parts + 8
        if self.parts <= MAX_TRANSLATED_PARTS:
            self._options = {part: self.wish.options(part.text) for part in self._all}

    def _options_of(self, part: TextPart) -> dict[str, Any]:
        return self._options.get(part) or self.wish.options(part.text)

    # --- asking ---

    async def _work(self) -> None:
        while self._left and not self.failure:
            part = self._left.popleft()
            try:
                exchange = await self.call.ask(self._plan(part))
            except RequestFailed as error:
                self._note_failure(part, error)
                continue
            with Salvage("an answer could not be set beside its text") as step:
                self._take(part, exchange)
            if step.note:
                self._give_up(part.pieces, step.note, exchange.text)
            self._done += 1
            await self.call.report_now(f"{self._done} of {self._begun + len(self._left)} parts, {self._so_far} so far")

    def _plan(self, part: TextPart) -> RequestPlan:
        known = self.call.known(self.model)
        thinking = self.call.thinking(self.model)
        parameters = {
            **self.call.output_limit(self.model, thinking),
            "translation_options": self._options_of(part),
        }
        self._begun += 1
        count = self._begun + len(self._left)
        label = f"part {self._begun} of {count}: " if count > 1 else ""
        protocol = ChatCompletions(cumulative=bool(known and known.cumulative))
        message = {"role": "user", "content": part.text}
        return RequestPlan(self.model, protocol, [message], thinking, parameters, label)

    def _note_failure(self, part: TextPart, error: RequestFailed) -> None:
        self._failed += 1
        if error.for_every_request:
            self._left.appendleft(part)
            self.failure = self.failure or error
            return
        self._give_up(part.pieces, str(error))
        if not self._said and self._failed >= min(MAX_FAILED_PARTS, self.parts):
            self.failure = self.failure or error

    def _take(self, part: TextPart, exchange: Exchange) -> None:
        """What came, by piece; what is cut off or in another form is asked for again in halves, where that can help."""
        if exchange.incomplete:
            self._take_beginning(part, exchange)
            return
        said = part.answers(exchange.text)
        if said is None and not self._again(part):
            self._give_up(part.pieces, ANOTHER_FORM, exchange.text)
        for piece, text in zip(part.pieces, said or (), strict=False):
            if text.strip():
                self._said[piece] = text.strip()
            else:
                self._give_up([piece], why_empty("", exchange.reasoning, exchange.finish_reason))

    def _take_beginning(self, part: TextPart, exchange: Exchange) -> None:
        begun = part.begun(exchange.text)
        self._said.update(zip(part.pieces, begun, strict=False))
        rest = TextPart(part.pieces[len(begun) :])
        at_limit = exchange.finish_reason == "length"
        if at_limit and self._again(rest):
            return
        came = "" if not exchange.text.strip() else exchange.text.strip().split("\n\n")[-1]
        self._give_up(rest.pieces, LIMIT_REACHED if at_limit else exchange.incomplete, came)
        if exchange.finish_reason == INTERRUPTED:
            self._failed += 1

    def _again(self, part: TextPart) -> bool:
        """Whether it is asked for once more, in halves."""
        if len(part.pieces) < 2 or self._more < 2:
            return False
        self._more -= 2
        self._left.extendleft(reversed(part.halves))
        return True

    def _give_up(self, pieces: Sequence[Passage], why: str, came: str = "") -> None:
        for number, piece in enumerate(pieces):
            self._lost[piece] = (why, "" if number else came)

    # --- what there is ---

    def _result(self) -> dict[int, str]:
        for part in self._left:
            self._give_up(part.pieces, f"not begun: {self.failure}")
        pieces: dict[int, list[Passage]] = {}
        for piece in (piece for part in self._all for piece in part.pieces):
            pieces.setdefault(piece.unit, []).append(piece)
        for number in self._too_long:
            tell(self.untranslated, self.units[number].place, WORD_TOO_LONG)
        found = {number: self._joined(number, each) for number, each in pieces.items()}
        by_text = {self.units[number].text: text for number, text in found.items() if text}
        return {n: by_text[unit.text] for n, unit in enumerate(self.units) if unit.text in by_text}

    def _joined(self, number: int, pieces: Sequence[Passage]) -> str:
        """A unit; a piece of it that did not come stands as it was. Empty where none came."""
        whole, gap = "", ""
        lost = [self._lost[piece] for piece in pieces if piece not in self._said and piece in self._lost]
        for piece in pieces:
            said = self._said.get(piece, piece.text)
            whole = f"{whole}{gap}{said}" if "\n" in gap else joined(whole, said)
            gap = piece.gap
        if lost:
            why, came = lost[0]
            tell(self.untranslated, self.units[number].place, why, came)
        if len(lost) == len(pieces):
            return ""
        if not lost:
            self._doubt(self.units[number], whole)
        return whole

    def _doubt(self, unit: TextUnit, said: str) -> None:
        """What of a translation is none, or not as it was asked for."""
        if any(exchange.sandbox for exchange in self.call.exchanges):
            return
        target = self.wish.target_lang
        plain_source, plain_said = without_tags(unit.text), without_tags(said)
        if plain_said == plain_source and len(ANY_LETTER.findall(plain_source)) >= MIN_EQUAL_LETTERS:
            tell(self.untranslated, unit.place, EQUAL)
        elif looks_wrong(plain_said, target):
            tell(self.untranslated, unit.place, f"it came back in other letters than those of {target}")
        if lost := unit.read(said).lost:
            self.notes.append(f"{unit.place}: {len(lost)} marks of its form were lost in the translation")
        lower = plain_said.lower()
        for source, wanted in self.wish.terms_in(plain_source):
            if wanted.lower() not in lower:
                self.notes.append(f"{unit.place}: {source} is not translated as {wanted}")

    @property
    def in_words(self) -> str:
        """What came, one piece a line: where no document could be made or written of it."""
        return "\n".join(
            without_tags(self._said[piece]) for part in self._all for piece in part.pieces if piece in self._said
        )

    # --- telling what it costs ---

    @property
    def _so_far(self) -> str:
        total = self.call.spent(self.model)["cost"].total
        return "cost unknown" if total is None else f"{plain(total)} CNY"

    def _expectation(self) -> str:
        """What it will cost, as far as that shows before anything is sent."""
        sizes = [self._input_tokens(part) for part in self._all]
        each = ceil(sum(sizes) / max(1, len(sizes)))
        wrote = ceil(each * OUTPUT_PER_INPUT)
        cost = self.call.estimate(self.model, each, wrote, calls=len(sizes))
        money = f"cost unknown: {cost.reason}" if cost.total is None else f"about {plain(cost.total)} CNY"
        parts = f"{len(sizes)} part{'s' * (len(sizes) != 1)}"
        return f"{parts}, about {each * len(sizes):,} tokens in and {wrote * len(sizes):,} out: {money}"

    def _input_tokens(self, part: TextPart) -> int:
        options = self._options_of(part)
        pairs = [pair for name in ("terms", "tm_list") for pair in options.get(name, ())]
        beside = " ".join(word for pair in pairs for word in pair.values()) + self.wish.domain
        return text_tokens(f"{part.text} {beside}").likely
