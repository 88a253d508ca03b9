"""Structured data from texts, files and images: validated, with its evidence."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BeforeValidator, Field

from ..server.calls.call import BoundCall
from ..server.calls.language import said
from ..server.calls.result import CallResult, call_result
from ..server.calls.salvage import Salvage
from ..server.errors import InvalidRequest
from ..server.features.attachments import Attached, texts_and_images
from ..server.features.extract.drafts import inside_wrapper
from ..server.features.extract.evidence import Evidence, find_evidence
from ..server.features.extract.extraction import Extracted, extract_all
from ..server.features.extract.schema import Schema, Violation
from ..server.features.extract.second_look import SeenPage, second_look
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
MAX_QUOTE_CHARS = 2_000
MAX_WORDS_CHARS = 60_000  # of an answer that could not be read: it was paid, too
WROTE = "What the model wrote instead, untrusted:"
UNWRAPPED = "json_schema was what OpenAI's API wraps around a schema: the schema inside was used."
NO_EVIDENCE_IN_IMAGES = "What is said in an image only has no place in a text: there is no evidence of it."


class Extraction(CallResult):
    data: Any = Field(description="Fits json_schema where valid is true; else the best attempt")
    valid: bool
    violations: tuple[Violation, ...] = Field(description="What does not fit, by JSON pointer; where parts disagree")
    evidence: tuple[Evidence, ...] = Field(description="For each value where a source says it, in code points or a box")
    attempts: int
    mode: str = Field(description="How the model was held to the schema: json_schema, json_object or prompt")
    notes: tuple[str, ...]


def _evidence_mode(given: Any) -> Any:
    """A switch is meant by some models: on is all of it."""
    return {True: "all", False: "none"}.get(given, given) if isinstance(given, bool) else given


async def extract(
    call: BoundCall,
    json_schema: Annotated[
        dict[str, Any], Field(description="JSON Schema (Draft 2020-12) of the data; describe each property")
    ],
    text: Annotated[str, Field(description="Text to extract from")] = "",
    files: Annotated[
        tuple[str, ...],
        Field(
            description="Text, DOCX, PPTX, EPUB, PDFs with text, images: paths in the allowed folders, data URIs, "
            "image URLs",
            max_length=50,
        ),
    ] = (),
    instructions: Annotated[str, Field(description="What to heed beside the schema", max_length=20_000)] = "",
    model: Annotated[str, Field(description="DashScope model id; empty: the server's default")] = "",
    evidence: Annotated[
        Literal["doubtful", "all", "none"] | None,
        BeforeValidator(_evidence_mode),
        Field(description="Where values stand in the sources: told of those not found (default), of all, of none"),
    ] = None,
) -> Annotated[CallToolResult, Extraction]:
    """Extract structured data from texts, files and images with a model on Alibaba Cloud Model Studio (百炼).

    The answer is validated against your JSON schema here, sent back once if it does not fit, and each value is looked
    up in the source: exact quote and offsets, in Chinese too. Long texts are read in parts. The first line says what
    it cost, then come the data as JSON, what does not fit, and the values that no source says.
    """
    chosen = call.model_for("extract", model)
    call.require_settings("BAILIAN_EXTRACT_REPAIRS")
    schema = Schema(inner := inside_wrapper(json_schema))
    async with second_look(call, wanted=evidence != "none") as look:
        read, seen = await texts_and_images(call, chosen, files, look.begin)
        texts = {**({"text": text} if text.strip() else {}), **{name: each.text for name, each in read.items()}}
        _require_sources(files, texts, seen)
        extracted = await extract_all(call, chosen, schema, texts, seen.parts, instructions)
        pages = await look.pages()
    page_starts = {name: each.page_starts for name, each in read.items()}
    looked_up = evidence != "none" and (texts or pages) and any(part.read for part in extracted.read)
    found, notes = await _evidence_of(extracted.data, texts, page_starts, pages) if looked_up else ((), ())
    without_place = [NO_EVIDENCE_IN_IMAGES] if seen.parts and evidence != "none" and not pages else []
    extraction = Extraction(
        **call.spent(chosen),
        data=extracted.data,
        valid=extracted.valid,
        violations=extracted.violations,
        evidence=found,
        attempts=extracted.attempts,
        mode=extracted.mode,
        notes=(
            *([] if inner is json_schema else [UNWRAPPED]),
            *schema.notes,
            *seen.notes,
            *without_place,
            *notes,
            *_notes(extracted),
        ),
    )
    told = call_result(
        extraction, _in_words(extraction, evidence or "doubtful"), "" if extraction.valid else "NOT VALID"
    )
    return told if extraction.valid else told.model_copy(update={"is_error": True})


def _require_sources(files: Sequence[str], texts: Mapping[str, str], seen: Attached) -> None:
    """Raises InvalidRequest: there is nothing in them."""
    if not texts and not seen.parts:
        blank = "nothing can be seen in the files" if seen.notes else "the files are blank"
        what = f"There is nothing to extract from: {blank if files else 'give text or files'}."
        raise InvalidRequest(" ".join((what, *seen.notes)))


async def _evidence_of(
    data: Any, texts: Mapping[str, str], page_starts: Mapping[str, Sequence[int]], pages: Sequence[SeenPage]
) -> tuple[tuple[Evidence, ...], Sequence[str]]:
    """Where the values stand, and what is to be noted of that."""
    with Salvage("The values could not be looked up in the sources") as step:
        found, left_out = await find_evidence(data, texts, page_starts, pages)
        more = f"Evidence of {left_out:,} more values was left out: ask for fewer fields at once."
        return found, [*filter(None, (page.trouble for page in pages)), *([more] if left_out else [])]
    return (), [f"{step.note}."]


# --- telling ---


def _notes(extracted: Extracted) -> list[str]:
    return [
        *([f"To be read in {extracted.parts} parts."] if extracted.parts > 1 else []),
        *extracted.made_smaller,
        *extracted.told_twice,
        *(f"An answer is not whole: {cut}." for cut in extracted.cuts),
        *(f"{WROTE} {short_json(words, MAX_WORDS_CHARS)}" for words in extracted.words),
    ]


def _in_words(extraction: Extraction, evidence: str) -> str:
    """The data on one line, which nothing inside it can end; then what is to be said of it."""
    lines = [json.dumps(extraction.data, ensure_ascii=False, separators=(",", ":"))]
    lines += [f"- {each.pointer or said('(the whole)')}: {said(each.message)}" for each in extraction.violations]
    shown = [each for each in extraction.evidence if each.found is False or (each.found and evidence == "all")]
    return "\n".join([*lines, *map(_evidence_in_words, shown), *map(_note_in_words, extraction.notes)])


def _note_in_words(note: str) -> str:
    """What a model wrote is nobody's sentence of ours."""
    return said(WROTE) + note.removeprefix(WROTE) if note.startswith(WROTE) else said(note)


def _evidence_in_words(evidence: Evidence) -> str:
    where = evidence.pointer or said("(the whole)")
    stands = _place_in_words(evidence)
    if not evidence.found:
        why = f" ({said(evidence.why)})" if evidence.why else ""
        near = f"; {said('read here')}: {stands}" if evidence.read_here else ""
        return f"{where}: {said('NOT FOUND in the sources')}{why}{near}"
    places = f" x{evidence.places}" if (evidence.places or 0) > 1 else ""
    return f"{where}: {stands}{places}"


def _place_in_words(evidence: Evidence) -> str:
    """What stands there, and where: from a character of a text on, or in a box of a page."""
    source = "" if evidence.source == "text" else f" of {evidence.source}"
    page = f", {said(f'page {evidence.page}')}" if evidence.page else ""
    box = ",".join(f"{side:g}" for side in evidence.box or ())
    at = f"{box} {evidence.unit}" if box else evidence.start
    quote = short_json(evidence.read_here if box else evidence.quote, MAX_QUOTE_CHARS)
    return f"{quote} @{at}{source}{page}"
