"""Structured data from texts, files and images: validated, with its evidence."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import anyio.to_thread
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ..server.answer import Answer, result
from ..server.ask import RequestFailed
from ..server.attachments import texts_and_images
from ..server.bailian import Call
from ..server.catalog import Model, text_tokens
from ..server.errors import InvalidRequest
from ..server.evidence import Evidence, Source, evidence_of
from ..server.extraction import Found, Mode, extract_part, modes
from ..server.parts import Part, merged, parts_of, relaxed
from ..server.schemas import Schema, Violation

ANNOTATIONS = ToolAnnotations(
    title="Extract structured data (百炼结构化抽取)",
    read_only_hint=True,
    destructive_hint=False,
    idempotent_hint=False,
    open_world_hint=True,
)
EXAMPLE = {
    "json_schema": {
        "type": "object",
        "properties": {
            "title": {"type": "string", "description": "发明名称"},
            "applicant": {"type": "string", "description": "申请人"},
            "inventors": {"type": "array", "items": {"type": "string"}, "description": "发明人"},
        },
        "required": ["title", "applicant"],
    },
    "text": "发明名称：一种芯片散热装置\n申请人：杭州某某科技有限公司\n发明人：张三；李四",
}
UNKNOWN_WINDOW = 24_000  # tokens a part may have on a model whose window is not known
LEAST_WINDOW = 500
MOST_PARTS = 60
RESERVED = 2_000  # tokens for the schema's own words, the instructions and a repair
MOST_DATA = 60_000  # characters: a reply must fit the host, and data is never cut
MOST_WORDS = 2_000
LONG = 4_000  # characters of data that are better read without indents
NO_EVIDENCE_IN_IMAGES = "What is said in an image only has no place in a text: there is no evidence of it."


class Extraction(Answer):
    data: Any = Field(description="Fits json_schema where valid is true; else the best attempt")
    valid: bool
    violations: tuple[Violation, ...] = Field(description="What does not fit, by JSON pointer; where parts disagree")
    evidence: tuple[Evidence, ...] = Field(description="For each value where a source says it, in code points")
    attempts: int
    mode: str = Field(description="How the model was held to the schema: json_schema, json_object or prompt")
    notes: tuple[str, ...]


async def extract(
    bailian: Call,
    json_schema: Annotated[
        dict[str, Any], Field(description="JSON Schema (Draft 2020-12) of the data; describe each property")
    ],
    text: Annotated[str, Field(description="Text to extract from")] = "",
    files: Annotated[
        tuple[str, ...],
        Field(
            description="Text files, PDFs with text, images: paths in the allowed folders, data URIs, image URLs",
            max_length=50,
        ),
    ] = (),
    instructions: Annotated[str, Field(description="What to heed beside the schema", max_length=20_000)] = "",
    model: Annotated[str, Field(description="DashScope model id; empty: the server's default")] = "",
    evidence: Annotated[bool, Field(description="Look up where each value stands in the sources")] = True,
) -> Annotated[CallToolResult, Extraction]:
    """Extract structured data from texts, files and images with a model on Alibaba Cloud Model Studio (百炼).

    The answer is validated against your JSON schema here, sent back once if it does not fit, and each value is looked
    up in the source: exact quote and offsets, in Chinese too. Long texts are read in parts. Returns data, violations,
    evidence, tokens and the exact list price.
    """
    schema = Schema(json_schema)
    chosen = bailian.model_for("extract", model)
    texts, images = await texts_and_images(bailian, chosen, files)
    texts = {"text": text, **texts} if text.strip() else texts
    if not texts and not images:
        what = "the files are blank" if files else "give text or files"
        raise InvalidRequest(f"There is nothing to extract from: {what}.")
    known = bailian.known(chosen)
    window = _window(known, schema, instructions)
    if window < LEAST_WINDOW:
        raise InvalidRequest(f"The schema and the instructions leave no room for a text on {chosen}: shorten them.")
    parts = parts_of(texts, window) or [()]
    if len(parts) > MOST_PARTS:
        raise InvalidRequest(
            f"The text would be read in {len(parts)} parts, each billed; at most {MOST_PARTS} are. Give less at once, "
            "or use a model with a larger context."
        )
    read, failure = await _read(bailian, chosen, known, schema, parts, images, instructions)
    done = parts[: len(read)]
    data, violations = read[0].data, read[0].violations
    sources = {name: Source(content) for name, content in texts.items()}
    if len(parts) > 1:
        data, violations = await anyio.to_thread.run_sync(partial(_joined, schema, done, read))
        violations += [Violation(pointer="", message=f"part {len(done) + 1} failed: {failure}")] if failure else []
        violations += _unread(parts, len(done))
    found: tuple[Evidence, ...] = ()
    left_out = 0
    if evidence and texts and any(each.read for each in read):
        listed, left_out = await anyio.to_thread.run_sync(partial(evidence_of, data, sources))
        found = tuple(listed)
    extraction = Extraction(
        **bailian.spent(chosen),
        data=data,
        valid=not violations and len(done) == len(parts) and all(each.read for each in read),
        violations=tuple(violations),
        evidence=found,
        attempts=sum(each.attempts for each in read) + bool(failure),
        mode=read[-1].mode,
        notes=tuple(_notes(parts, images, evidence, left_out, read)),
    )
    told = result(extraction, _in_words(extraction), *_facts(extraction))
    return told if extraction.valid else told.model_copy(update={"is_error": True})


# --- reading ---


def _window(model: Model | None, schema: Schema, instructions: str) -> int:
    """Tokens of source text that a part may have: what the model takes, and no more than its cheapest price tier.

    The schema may be sent twice, and a wrong answer be sent back.
    """
    takes = model.limits.max_input if model else None
    edges = [tier.up_to for price in (model.prices if model else ())[:1] for tier in price.tiers[:1] if tier.up_to]
    words = 2 * text_tokens(json.dumps(schema.given, ensure_ascii=False)).most + text_tokens(instructions).most
    return min([takes or UNKNOWN_WINDOW, *edges]) * 9 // 10 - RESERVED - words


async def _read(
    bailian: Call,
    model: str,
    known: Model | None,
    schema: Schema,
    parts: Sequence[Part],
    images: Sequence[Mapping[str, Any]],
    instructions: str,
) -> tuple[list[Found], str]:
    """The parts in their order, until all are read or there is enough; and a later failure, which loses nothing."""
    shape = schema if len(parts) == 1 else _shape_of_parts(schema)
    ladder: list[Mode] = modes(known, shape, images=bool(images))
    read: list[Found] = []
    for number, part in enumerate(parts, 1):
        of = f"This is part {number} of {len(parts)} of the sources." if len(parts) > 1 else ""
        if of:
            await bailian.say(f"reading part {number} of {len(parts)}")
        here = images if number == 1 else ()
        ask = partial(extract_part, bailian, model, shape, part, here, instructions=instructions, of=of)
        try:
            read.append(await ask(ladder=ladder, repairs=bailian.context.extract_repairs))
        except RequestFailed as error:
            if not read:
                raise
            return read, str(error)
        ladder = ladder[ladder.index(read[-1].mode) :]  # a form that was refused is not tried again
        size = sum(len(json.dumps(each.data, ensure_ascii=False)) for each in read)
        if bailian.has_enough or size > MOST_DATA:
            break
    return read, ""


def _shape_of_parts(schema: Schema) -> Schema:
    try:
        return Schema(relaxed(schema.given))
    except InvalidRequest:  # it refers to what a part may lack
        return schema


def _joined(schema: Schema, parts: Sequence[Part], read: Sequence[Found]) -> tuple[Any, list[Violation]]:
    texts = [Source("\n".join(piece.text for piece in part)) for part in parts]
    data, conflicts = merged([each.data for each in read], lambda part, value: texts[part].says(value))
    violations = [v for each in read if not each.read for v in each.violations]
    violations += [
        Violation(pointer=each.pointer, message=f"parts disagree: kept {_short(each.kept)}, not {_short(each.other)}")
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
    return [Violation(pointer="", message=f"{said} Call again with that text, or raise BAILIAN_ENOUGH_S.")]


def _short(value: Any, most: int = 80) -> str:
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= most else f"{said[: most - 1]}…"


# --- telling ---


def _notes(
    parts: Sequence[Part], images: Sequence[Any], evidence: bool, left_out: int, read: Sequence[Found]
) -> list[str]:
    words = next((each.words for each in reversed(read) if not each.read and each.words.strip()), "")
    return [
        *([f"To be read in {len(parts)} parts."] if len(parts) > 1 else []),
        *([NO_EVIDENCE_IN_IMAGES] if images and evidence else []),
        *([f"Evidence of {left_out:,} more values was left out: ask for fewer fields at once."] if left_out else []),
        *dict.fromkeys(f"An answer is not whole: {each.cut}." for each in read if each.cut),
        *([f"What the model wrote instead, untrusted: {_short(words, MOST_WORDS)}"] if words else []),
    ]


def _in_words(extraction: Extraction) -> str:
    data = json.dumps(extraction.data, ensure_ascii=False)
    lines = [json.dumps(extraction.data, ensure_ascii=False, indent=2) if len(data) < LONG else data]
    if not extraction.valid:
        lines.append("NOT VALID:")
    lines += [f"- {violation.pointer or '(the whole)'}: {violation.message}" for violation in extraction.violations]
    lines += ["Evidence:"] if extraction.evidence else []
    lines += [_evidence_in_words(each) for each in extraction.evidence]
    return "\n".join([*lines, *extraction.notes])


def _evidence_in_words(evidence: Evidence) -> str:
    where = evidence.pointer or "(the whole)"
    if evidence.found is None:
        return f"{where}: nothing to look for"
    if not evidence.found:
        return f"{where}: NOT FOUND in the text"
    return f'{where}: "{evidence.quote}" ({evidence.source}, {evidence.start:,} to {evidence.end:,})'


def _facts(extraction: Extraction) -> list[str]:
    state = "valid" if extraction.valid else "NOT VALID"
    return [state, f"mode {extraction.mode}", f"attempts {extraction.attempts}"]
