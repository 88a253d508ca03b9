"""A whole extraction: sources in parts, the parts made one, nothing paid lost."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ...calls.ask import RequestFailed
from ...calls.call import BoundCall
from ...catalog import Model
from ...catalog.pricing import text_tokens
from ...errors import InvalidRequest
from ...json_text import short_json
from .chunks import Part, merged, relaxed
from .evidence import SearchableText
from .part import Mode, PartResult, extract_part, modes
from .schema import Schema, Violation

UNKNOWN_WINDOW_TOKENS = 24_000  # tokens a part may have on a model whose window is not known
MIN_WINDOW_TOKENS = 500
MAX_PARTS = 60
RESERVED_TOKENS = 2_000  # tokens for the schema's own words, the instructions and a repair
MAX_DATA_CHARS = 60_000  # characters: a reply must fit the host, and data is never cut


# --- reading ---


def _window(model: Model | None, schema: Schema, instructions: str) -> int:
    """Tokens of source text that a part may have: what the model takes, and no more than its cheapest price tier.

    The schema may be sent twice, and a wrong answer be sent back.
    """
    takes = model.limits.max_input if model else None
    edges = [tier.up_to for price in (model.prices if model else ())[:1] for tier in price.tiers[:1] if tier.up_to]
    words = 2 * text_tokens(json.dumps(schema.given, ensure_ascii=False)).most + text_tokens(instructions).most
    return min([takes or UNKNOWN_WINDOW_TOKENS, *edges]) * 9 // 10 - RESERVED_TOKENS - words


async def _read(
    call: BoundCall,
    model: str,
    known: Model | None,
    schema: Schema,
    parts: Sequence[Part],
    images: Sequence[Mapping[str, Any]],
    instructions: str,
) -> tuple[list[PartResult], str]:
    """The parts in their order, until all are read or there is enough; and a later failure, which loses nothing."""
    shape = schema if len(parts) == 1 else _shape_of_parts(schema)
    ladder: list[Mode] = modes(known, shape, images=bool(images))
    read: list[PartResult] = []
    for number, part in enumerate(parts, 1):
        of = f"This is part {number} of {len(parts)} of the sources." if len(parts) > 1 else ""
        if of:
            await call.report(f"reading part {number} of {len(parts)}")
        here = images if number == 1 else ()
        ask = partial(extract_part, call, model, shape, part, here, instructions=instructions, of=of)
        try:
            read.append(await ask(ladder=ladder, repairs=call.context.extract_repairs))
        except RequestFailed as error:
            if not read:
                raise
            return read, str(error)
        ladder = ladder[ladder.index(read[-1].mode) :]  # a form that was refused is not tried again
        size = sum(len(json.dumps(each.data, ensure_ascii=False)) for each in read)
        if call.past_soft_timeout or size > MAX_DATA_CHARS:
            break
    return read, ""


def _shape_of_parts(schema: Schema) -> Schema:
    try:
        return Schema(relaxed(schema.given))
    except InvalidRequest:  # it refers to what a part may lack
        return schema


def _joined(schema: Schema, parts: Sequence[Part], read: Sequence[PartResult]) -> tuple[Any, list[Violation]]:
    texts = [SearchableText("\n".join(piece.text for piece in part)) for part in parts]
    data, conflicts = merged([each.data for each in read], lambda part, value: texts[part].says(value))
    violations = [v for each in read if not each.read for v in each.violations]
    violations += [
        Violation(
            pointer=each.pointer, message=f"parts disagree: kept {short_json(each.kept)}, not {short_json(each.other)}"
        )
        for each in conflicts
    ]
    return data, [*violations, *schema.violations(data)]


def _unread(parts: Sequence[Part], done: int) -> list[Violation]:
    if done == len(parts):
        return []
    rest = [piece for part in parts[done:] for piece in part]
    first = rest[0]
    others = [name for name in dict.fromkeys(piece.source for piece in rest) if name != first.source]
    then = f", and all of {', '.join(others)}" if others else ""
    said = f"{done} of {len(parts)} parts were read. Not read: {first.source} from character {first.start:,} on{then}."
    return [Violation(pointer="", message=f"{said} Call again with that text, or raise BAILIAN_SOFT_TIMEOUT_S.")]
