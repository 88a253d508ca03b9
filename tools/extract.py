"""Structured data from texts, files and images: validated, with its evidence."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import anyio.to_thread
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ..server.calls.call import BoundCall
from ..server.calls.result import CallResult, call_result
from ..server.errors import InvalidRequest
from ..server.features.attachments import texts_and_images
from ..server.features.extract.chunks import Part, parts_of
from ..server.features.extract.evidence import Evidence, SearchableText, evidence_of
from ..server.features.extract.extraction import MAX_PARTS, MIN_WINDOW_TOKENS, _joined, _read, _unread, _window
from ..server.features.extract.part import PartResult
from ..server.features.extract.schema import Schema, Violation
from ..server.json_text import short_json

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
MAX_WORDS_CHARS = 2_000
LONG_DATA_CHARS = 4_000  # characters of data that are better read without indents
NO_EVIDENCE_IN_IMAGES = "What is said in an image only has no place in a text: there is no evidence of it."


class Extraction(CallResult):
    data: Any = Field(description="Fits json_schema where valid is true; else the best attempt")
    valid: bool
    violations: tuple[Violation, ...] = Field(description="What does not fit, by JSON pointer; where parts disagree")
    evidence: tuple[Evidence, ...] = Field(description="For each value where a source says it, in code points")
    attempts: int
    mode: str = Field(description="How the model was held to the schema: json_schema, json_object or prompt")
    notes: tuple[str, ...]


async def extract(
    call: BoundCall,
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
    chosen = call.model_for("extract", model)
    texts, images = await texts_and_images(call, chosen, files)
    texts = {"text": text, **texts} if text.strip() else texts
    if not texts and not images:
        what = "the files are blank" if files else "give text or files"
        raise InvalidRequest(f"There is nothing to extract from: {what}.")
    known = call.known(chosen)
    window = _window(known, schema, instructions)
    if window < MIN_WINDOW_TOKENS:
        raise InvalidRequest(f"The schema and the instructions leave no room for a text on {chosen}: shorten them.")
    parts = parts_of(texts, window) or [()]
    if len(parts) > MAX_PARTS:
        raise InvalidRequest(
            f"The text would be read in {len(parts)} parts, each billed; at most {MAX_PARTS} are. Give less at once, "
            "or use a model with a larger context."
        )
    read, failure = await _read(call, chosen, known, schema, parts, images, instructions)
    done = parts[: len(read)]
    data, violations = read[0].data, read[0].violations
    sources = {name: SearchableText(content) for name, content in texts.items()}
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
        **call.spent(chosen),
        data=data,
        valid=not violations and len(done) == len(parts) and all(each.read for each in read),
        violations=tuple(violations),
        evidence=found,
        attempts=sum(each.attempts for each in read) + bool(failure),
        mode=read[-1].mode,
        notes=tuple(_notes(parts, images, evidence, left_out, read)),
    )
    told = call_result(extraction, _in_words(extraction), *_facts(extraction))
    return told if extraction.valid else told.model_copy(update={"is_error": True})


# --- telling ---


def _notes(
    parts: Sequence[Part], images: Sequence[Any], evidence: bool, left_out: int, read: Sequence[PartResult]
) -> list[str]:
    words = next((each.words for each in reversed(read) if not each.read and each.words.strip()), "")
    return [
        *([f"To be read in {len(parts)} parts."] if len(parts) > 1 else []),
        *([NO_EVIDENCE_IN_IMAGES] if images and evidence else []),
        *([f"Evidence of {left_out:,} more values was left out: ask for fewer fields at once."] if left_out else []),
        *dict.fromkeys(f"An answer is not whole: {each.cut}." for each in read if each.cut),
        *([f"What the model wrote instead, untrusted: {short_json(words, MAX_WORDS_CHARS)}"] if words else []),
    ]


def _in_words(extraction: Extraction) -> str:
    data = json.dumps(extraction.data, ensure_ascii=False)
    lines = [json.dumps(extraction.data, ensure_ascii=False, indent=2) if len(data) < LONG_DATA_CHARS else data]
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
