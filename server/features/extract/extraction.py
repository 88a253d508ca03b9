"""A whole extraction: the sources in parts, the parts made one, and nothing paid lost."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio.to_thread

from ...calls.call import Call
from ...calls.salvage import Salvage
from ...catalog import tier_edge
from ...catalog.pricing import text_tokens
from ...errors import InvalidRequest
from ...json_text import short_json
from ..attachments import images_that_fit
from .chunks import Part, merged, parts_of, relaxed
from .part import Mode, PartResult, extract_part, modes
from .repeats import told_twice
from .schema import Schema, Violation, checked
from .searchable import SearchableText

UNKNOWN_WINDOW_TOKENS = 24_000  # a part may have on a model whose window is not known
MIN_WINDOW_TOKENS = 500
MAX_PARTS = 60
RESERVED_TOKENS = 2_000  # for the schema's own words, the instructions and a repair
MAX_DATA_CHARS = 60_000  # a reply must fit the host, and data is never cut


@dataclass(frozen=True)
class Extracted:
    """What came of it. `parts`: in how many the sources were to be read; `failed`: a later one without an answer."""

    data: Any
    violations: tuple[Violation, ...]
    read: tuple[PartResult, ...]
    parts: int
    failed: PartResult | None = None
    told_twice: tuple[str, ...] = ()
    made_smaller: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        return not self.violations and len(self.read) == self.parts and self.has_data

    @property
    def has_data(self) -> bool:
        """Whether every part gave JSON."""
        return all(part.read for part in self.read)

    @property
    def attempts(self) -> int:
        return sum(part.attempts for part in self.read) + (self.failed.attempts if self.failed else 0)

    @property
    def mode(self) -> Mode:
        return self.read[-1].mode

    @property
    def cuts(self) -> list[str]:
        """Why answers were not whole."""
        return list(dict.fromkeys(part.cut for part in self.read if part.cut))

    @property
    def words(self) -> list[str]:
        """What a model wrote where data was asked for."""
        return [part.unread_words for part in self.read if part.unread_words]


async def extract_all(
    call: Call,
    model: str,
    schema: Schema,
    texts: Mapping[str, str],
    images: Sequence[dict[str, Any]],
    instructions: str,
) -> Extracted:
    """Read the sources, in parts where they are long.

    Raises:
        InvalidRequest: there is no room for the sources, or they would take too many parts.
        RequestFailed: DashScope gave no answer at all.
    """
    parts = _parts(call, model, schema, texts, instructions)
    words = (json.dumps(schema.given, ensure_ascii=False), instructions, *(piece.text for piece in parts[0]))
    images, smaller = await images_that_fit(call, images, *words)
    read, failed = await _read(call, model, schema, parts, images, instructions)
    if len(parts) == 1:
        return Extracted(read[0].data, tuple(read[0].violations), tuple(read), 1, made_smaller=smaller)
    done = parts[: len(read)]
    data, violations = await _made_one(schema, done, read)
    violations += [Violation(pointer="", message=f"part {len(done) + 1} failed: {failed.failure}")] if failed else []
    violations += _unread(parts, len(done))
    twice: tuple[str, ...] = ()
    with Salvage("rows that are told twice could not be looked for"):
        twice = tuple(told_twice([result.data for result in read]))
    return Extracted(data, tuple(violations), tuple(read), len(parts), failed, twice, smaller)


def _parts(call: Call, model: str, schema: Schema, texts: Mapping[str, str], instructions: str) -> list[Part]:
    window = _window_tokens(call, model, schema, instructions)
    if window < MIN_WINDOW_TOKENS:
        raise InvalidRequest(f"The schema and the instructions leave no room for a text on {model}: shorten them.")
    parts = parts_of(texts, window) or [()]
    if len(parts) > MAX_PARTS:
        raise InvalidRequest(
            f"The text would be read in {len(parts)} parts, each billed; at most {MAX_PARTS} are. Give less at once, "
            "or use a model with a larger context."
        )
    return parts


def _window_tokens(call: Call, name: str, schema: Schema, instructions: str) -> int:
    """What a part may have of the sources: what the model takes, and no more than its cheapest price tier here.

    The schema may be sent twice, and a wrong answer be sent back.
    """
    model = call.known(name)
    takes = model.limits.max_input if model else None
    edge = tier_edge(model, call.region, call.today) if model else None
    words = 2 * text_tokens(json.dumps(schema.given, ensure_ascii=False)).most + text_tokens(instructions).most
    return min(filter(None, (takes or UNKNOWN_WINDOW_TOKENS, edge))) * 9 // 10 - RESERVED_TOKENS - words


async def _read(
    call: Call,
    model: str,
    schema: Schema,
    parts: Sequence[Part],
    images: Sequence[Mapping[str, Any]],
    instructions: str,
) -> tuple[list[PartResult], PartResult | None]:
    """The parts in their order; and a later one that failed, which loses nothing."""
    shape = schema if len(parts) == 1 else _shape_of_parts(schema)
    ladder: list[Mode] = modes(call.known(model), shape, images=bool(images))
    read: list[PartResult] = []
    for number, part in enumerate(parts, 1):
        of = f"This is part {number} of {len(parts)} of the sources." if len(parts) > 1 else ""
        if of:
            await call.report(f"reading part {number} of {len(parts)}")
        seen = images if number == 1 else ()
        result = await extract_part(call, model, shape, part, seen, instructions, of, ladder)
        if result.failure and not read:
            raise result.failure
        if result.failure:
            return read, result
        read.append(result)
        ladder = ladder[ladder.index(read[-1].mode) :]  # a form that was refused is not tried again
        size = sum(len(json.dumps(result.data, ensure_ascii=False)) + len(result.unread_words) for result in read)
        if size > MAX_DATA_CHARS:
            break
    return read, None


def _shape_of_parts(schema: Schema) -> Schema:
    try:
        return Schema(relaxed(schema.given))
    except InvalidRequest:  # it refers to what a part may lack
        return schema


async def _made_one(schema: Schema, parts: Sequence[Part], read: Sequence[PartResult]) -> tuple[Any, list[Violation]]:
    """The data of all parts joined, in a thread of its own; where that fails, one after the other."""
    with Salvage("the parts could not be joined, and stand one after the other") as step:
        return await anyio.to_thread.run_sync(partial(_joined, schema, parts, read))
    return [result.data for result in read], [Violation(pointer="", message=step.note)]


def _joined(schema: Schema, parts: Sequence[Part], read: Sequence[PartResult]) -> tuple[Any, list[Violation]]:
    texts = [SearchableText("\n".join(piece.text for piece in part)) for part in parts]
    data, conflicts = merged([result.data for result in read], lambda part, value: texts[part].says(value), schema.sets)
    violations = [violation for result in read for violation in result.lost]
    for conflict in conflicts:
        message = f"parts disagree: kept {short_json(conflict.kept)}, not {short_json(conflict.other, MAX_DATA_CHARS)}"
        violations.append(Violation(pointer=conflict.pointer, message=message))
    return data, [*violations, *checked(schema, data)]


def _unread(parts: Sequence[Part], done: int) -> list[Violation]:
    if done == len(parts):
        return []
    rest = [piece for part in parts[done:] for piece in part]
    first = rest[0]
    others = [name for name in dict.fromkeys(piece.source for piece in rest) if name != first.source]
    then = f", and all of {', '.join(others)}" if others else ""
    said = f"{done} of {len(parts)} parts were read. Not read: {first.source} from character {first.start:,} on{then}."
    return [Violation(pointer="", message=f"{said} Call again with that text.")]
