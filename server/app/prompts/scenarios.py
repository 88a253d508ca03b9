"""The five kinds of work of the patent workbench, each as the calls that do it.

What they are and with which models is the founding documents' (`advice` in catalog.json), in what is in service today.
Sizes are of a usual patent, to be told with a price; `cost` tells any other.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from ...calls.context import AppContext
from ...catalog import plain
from ...catalog.pricing import text_tokens
from ...errors import InvalidRequest
from .choice import ModelNeed, chosen_model
from .steps import ToolStep, block
from .texts import sentences, words

Given = Mapping[str, str]  # the arguments of a prompt, each without space around it
SENTENCE_OF_A_PATENT = "Patents: formal legal style of the field, terms translated alike throughout."
CLAIMS_SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "description": "发明名称"},
        "applicant": {"type": "string", "description": "申请人"},
        "claims": {
            "type": "array",
            "description": "权利要求，按编号",
            "items": {
                "type": "object",
                "properties": {
                    "number": {"type": "integer", "description": "权利要求编号"},
                    "independent": {"type": "boolean", "description": "是否独立权利要求"},
                    "depends_on": {
                        "type": "array", "items": {"type": "integer"}, "description": "引用的权利要求编号；独立的为空",
                    },
                    "text": {"type": "string", "description": "全文，逐字照抄"},
                },
                "required": ["number", "independent", "depends_on", "text"],
            },
        },
    },
    "required": ["title", "claims"],
}  # fmt: skip
TRANSLATING = ModelNeed("patent abstract translation", "translation", tool="translate")
REWORDING = ModelNeed("patent abstract translation", "json_object")
EXTRACTING = ModelNeed("claim analysis", "json_object", tool="extract")
SEEING = ModelNeed("patent drawings", "vision")
BATCHING = ModelNeed("bulk work", "batch")
HARD_READING = ModelNeed("hard reading", "thinking")
DRAWING_PIXELS = "1654x2339"  # A4 at 200 dpi
MAX_COUNT = 1_000_000
TERM = re.compile(r"([^=＝]+)[=＝](.+)")


def abstract(context: AppContext, tools: Collection[str], given: Given) -> str:
    """Qwen-MT where its tool is switched on, else a chat model."""
    whole = "".join([given["text"], given.get("terms", ""), SENTENCE_OF_A_PATENT])
    sizes = {"input_tokens": text_tokens(whole).most, "output_tokens": text_tokens(given["text"]).most}
    target, terms = given.get("target_lang") or "English", _terms(given.get("terms", ""))
    if "translate" in tools:
        model = chosen_model(context, TRANSLATING, given.get("model", ""))
        called = {"text": given["text"], "target_lang": target, "terms": terms, "domain": SENTENCE_OF_A_PATENT}
        return words("abstract", step=ToolStep("translate", {**called, "model": model}, model, sizes).told(context))
    model = chosen_model(context, REWORDING, given.get("model", ""))
    listed = "; ".join(f"{word}={translation}" for word, translation in terms.items())
    translator = words("translator", target=given.get("target_lang") or words("english"))
    system = sentences([translator, *([words("use_terms", terms=listed)] if terms else [])])
    called = {"prompt": given["text"], "system": system, "preset": "translation", "model": model}
    step = ToolStep("chat", called, model, sizes).told(context)
    return f"{words('off', tool='translate', group='documents')}\n\n{words('abstract', step=step)}"


def claims(context: AppContext, tools: Collection[str], given: Given) -> str:
    model = chosen_model(context, EXTRACTING, given.get("model", ""))
    called = {
        "files": [given["file"]],
        "json_schema": CLAIMS_SCHEMA,
        "instructions": words("claims_instructions"),
        "evidence": "all",
        "model": model,
    }
    reading = ToolStep("extract", called, model, {"input_tokens": 15_000, "output_tokens": 6_000})
    asked = {"prompt": words("claims_question"), "thinking": "medium", "model": model}
    analysis = ToolStep("chat", asked, model, {"input_tokens": 7_000, "output_tokens": 5_000, "thinking": True})
    return words("claims", read=reading.told(context), analyse=analysis.told(context))


def drawing(context: AppContext, tools: Collection[str], given: Given) -> str:
    """A model that sees, and one that reads letters: what both say of a sign is sure."""
    if given["image"].lower().endswith(".pdf"):
        raise InvalidRequest("A drawing is an image: save the page as PNG, or read the whole PDF with `ocr`.")
    seeing = chosen_model(context, SEEING, given.get("model", ""))
    reader = context.models.get("ocr", "") or (
        "" if context.host.kind == "other" else context.catalog().defaults["ocr"]
    )
    letters = ToolStep(
        "ocr", {"source": given["image"], "model": reader}, reader,
        {"input_tokens": 100, "output_tokens": 500, "images": [DRAWING_PIXELS]},
    )  # fmt: skip
    signs = words("known_signs", signs=given["signs"]) if given.get("signs") else words("unknown_signs")
    asked = {"prompt": f"{words('drawing_question')} {signs}", "files": [given["image"]], "model": seeing}
    looked = ToolStep("chat", asked, seeing, {"input_tokens": 300, "output_tokens": 1_500, "images": [DRAWING_PIXELS]})
    return words("drawing", letters=letters.told(context), see=looked.told(context))


def bulk(context: AppContext, tools: Collection[str], given: Given) -> str:
    """A list of prompts is asked, files are extracted from."""
    count = _count(given.get("count", ""))
    model = chosen_model(context, BATCHING, given.get("model", ""))
    instruction = given.get("instruction") or words("bulk_instruction")
    listed = given["source"].lower().endswith(".jsonl")
    shared = {"system": instruction} if listed else {"json_schema": CLAIMS_SCHEMA, "instructions": instruction}
    called = {
        "tool": "chat" if listed else "extract",
        "source": given["source"],
        "arguments": json.dumps({**shared, **({"model": model} if model else {})}, ensure_ascii=False),
        "how": "half_price",
    }
    one_call = (
        {"input_tokens": 4_000, "output_tokens": 500} if listed else {"input_tokens": 15_000, "output_tokens": 6_000}
    )
    all_calls = {**one_call, "calls": count, "batch": True}
    if "batch" not in tools:
        one = {"prompt": words("one_patent"), "system": instruction, "model": model}
        trial = ToolStep("chat", one, model, one_call)
        whole = block("cost", {"models": [model] if model else [], **all_calls})
        return (
            f"{words('off', tool='batch', group='bulk')}\n\n{words('no_bulk', trial=trial.told(context), cost=whole)}"
        )
    trial = ToolStep("batch", {**called, "dry_run": True}, model, all_calls)
    whole = block("batch", {**called, "output": "patents.jsonl" if listed else "patents.csv"})
    return words("bulk", dry=trial.told(context), run=whole)


def reading(context: AppContext, tools: Collection[str], given: Given) -> str:
    file = given.get("file", "")
    reads = "pdf" if file.lower().partition("?")[0].endswith(".pdf") else "image" if file else ""
    model = chosen_model(context, replace(HARD_READING, reads=reads), given.get("model", ""))
    asked = {
        "prompt": f"{given['question']}\n\n{words('reading_instruction')}",
        "files": [file] if file else [],
        "thinking": "high",
        "model": model,
    }
    step = ToolStep("chat", asked, model, {"input_tokens": 20_000, "output_tokens": 8_000, "thinking": True})
    fee = context.catalog().fee("pdf_page", context.host.region) if reads == "pdf" else None
    pages = [words("page_fee", fee=plain(fee.price))] if fee else []
    return words("reading", step="\n".join([step.told(context), *pages]))


def needs(tools: Collection[str]) -> dict[str, ModelNeed]:
    """Of each prompt, what its `model` must be able to do."""
    return {
        "patent_abstract": TRANSLATING if "translate" in tools else REWORDING,
        "patent_claims": EXTRACTING,
        "patent_drawing": SEEING,
        "patent_bulk": BATCHING,
        "patent_reading": HARD_READING,
    }


SCENARIOS: dict[str, Callable[[AppContext, Collection[str], Given], str]] = {
    "patent_abstract": abstract,
    "patent_claims": claims,
    "patent_drawing": drawing,
    "patent_bulk": bulk,
    "patent_reading": reading,
}


def _terms(given: str) -> dict[str, str]:
    """`word=translation; word=translation`. Raises InvalidRequest: it is written otherwise."""
    pairs = [piece.strip() for piece in re.split(r"[;；\n]", given) if piece.strip()]
    found = [TERM.fullmatch(pair) for pair in pairs]
    if not all(found):
        raise InvalidRequest("terms must be written as word=translation; word=translation.")
    return {match[1].strip(): match[2].strip() for match in found if match}


def _count(given: str) -> int:
    digits = given.replace(",", "") or "100"
    if not digits.isdecimal() or len(digits) > len(str(MAX_COUNT)) or not 1 <= int(digits) <= MAX_COUNT:
        raise InvalidRequest(f"count must be a number from 1 to {MAX_COUNT:,}.")
    return int(digits)
