"""The most that one request can cost, before it is sent.

Text: a token is a byte at least. Images: by the pixels that a model makes use of. PDFs and the pages that a search
brings in: as much as the model takes, since nobody states their tokens; documents that lie at DashScope as well, where
their texts were not counted. Output: its limit, at the thinking price.
Sound and film: by the formulas that are known, else as much as the model takes, at the price of sound. Speech that is
written down: its seconds, else as many as the model takes.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from ..catalog import Catalog, Model, in_force
from ..catalog.pricing import MARKER_TOKENS, Workload, amount_of, cost_of, is_ocr, pixels_for, seen_as
from ..dashscope import LIMIT_FIELDS
from ..spending import in_nano
from .ask import UNPRICED, RequestPlan
from .context import AppContext
from .thinking import XHIGH_TOKENS

TEMPLATE_ALLOWANCE = 1_000  # tokens of the chat template, and of the prompts that DashScope has behind an OCR task
PART_TOKENS = 16  # what frames a message or a part of it: five of ChatML, a few more where a template says more
MIN_OUTPUT_TOKENS = 256  # an answer that is cut earlier is of no use: then nothing is sent
MAX_OCR_TOKENS = 8_192  # a model for OCR writes of an image: https://help.aliyun.com/zh/model-studio/qwen-vl-ocr
NO_LIMIT_TOKENS = 1_000_000  # where nobody says how much a model takes
# Searches of one request. An agent may make several; DashScope names no limit, and the recorded replies have two.
MAX_SEARCHES = {"turbo": 1, "max": 1, "": 1}
MAX_AGENT_SEARCHES = 10
MAX_HEARD_S = 43_200  # the longest that any model takes: https://help.aliyun.com/zh/model-studio/asr-model
Contents = tuple[int, int, int]  # tokens of text at most, images and documents of a request


@dataclass(frozen=True)
class WorstCase:
    """Of one request to one model. `output_tokens`: the most it can write, reasoning included; of these
    `unbounded_tokens` are reasoning that no parameter can limit.
    """

    catalog: Catalog
    model: str
    region: str
    day: date
    work: Workload
    output_tokens: int
    unbounded_tokens: int = 0
    unknown: str = ""  # why there is none

    @property
    def shortest(self) -> int:
        """Output tokens of the shortest answer that is of use."""
        return min(self.output_tokens, self.unbounded_tokens + MIN_OUTPUT_TOKENS)

    @property
    def why_unknown(self) -> str:
        """Of one that is not known."""
        cost = cost_of(self.catalog, self.model, self.work, region=self.region, on=self.day, scope=self._scopes[0])
        return self.unknown or cost.reason or ""

    @cached_property
    def most(self) -> Decimal | None:
        """In CNY; None: it is not known."""
        return self._amount(self.output_tokens)

    def nano(self, output_tokens: int | None = None) -> int | None:
        """In nano-CNY, with no more output than that; None: it is not known."""
        amount = self.most if output_tokens is None else self._amount(output_tokens)
        return None if amount is None else in_nano(amount)

    def _amount(self, output_tokens: int) -> Decimal | None:
        if self.unknown:
            return None
        work = self.work
        if output_tokens != work.output_tokens:
            work = replace(work, output_tokens=output_tokens)
        amounts = (
            amount_of(self.catalog, self.model, work, region=self.region, on=self.day, scope=scope)
            for scope in self._scopes
        )
        return max((amount for amount in amounts if amount is not None), default=None)

    @cached_property
    def _scopes(self) -> list[str | None]:
        """Which of a region's price scopes a workspace has, DashScope does not say: the dearest is held."""
        model = self.catalog.find(self.model)
        if model is None or model.scope_of(self.model):
            return [None]
        return [price.scope for price in in_force(model, self.region, None, self.day)] or [None]

    def output_within(self, nano: int) -> int:
        """How many output tokens such a sum pays for, beside the input."""
        nothing, million = self.nano(0) or 0, self.nano(1_000_000) or 0
        return min(self.output_tokens, max(0, nano - nothing) * 1_000_000 // max(1, million - nothing))

    def on(self, model: Model) -> "WorstCase":
        """The same work on another model, whose output is bounded alike."""
        most = model.limits.max_output or self.output_tokens
        taken = _taken(model)
        tokens = min(self.work.input_tokens, taken)
        media = {kind: count for kind, count in self.work.input_by_modality.items() if kind != "image"}
        work = replace(self.work, input_tokens=tokens, input_by_modality=_kinds(media, tokens))
        return replace(self, model=model.id, work=work, output_tokens=min(self.output_tokens, most))


def worst_case(context: AppContext, plan: RequestPlan) -> WorstCase:
    """Of a request as it would be sent now, whatever comes of it."""
    model, host = context.known(plan.model), context.host
    body, contents = plan.body, _contents(plan)
    thought = _thought_tokens(plan, body, model)
    answer = _answer_tokens(plan, body, model, contents)
    half_price = plan.batch and (host.known or context.sandboxed)
    work, unknown = _work(plan, model, contents, answer + thought, half_price=half_price)
    unbounded = 0 if _takes_budget(plan, body, model) else thought
    return WorstCase(
        context.catalog(),
        plan.model,
        host.region or "",
        context.today(),
        work,
        answer + thought,
        unbounded_tokens=answer + thought if hears(model) else unbounded,
        unknown=UNPRICED.get(host.kind, unknown),
    )


def _work(
    plan: RequestPlan, model: Model | None, contents: Contents, written: int, *, half_price: bool
) -> tuple[Workload, str]:
    """The input at its most, and the output; and why it has no bound, where it has none."""
    texts, images, documents = contents
    seen = images * _tokens_of_an_image(plan.model, model)
    tokens, most = texts + TEMPLATE_ALLOWANCE + seen, _taken(model)
    kinds = {"image": seen} if seen else {}
    media = {"audio": most} if plan.media_tokens is None else plan.media_tokens
    tokens += sum(media.values())
    if documents or plan.search_strategy or hears(model):
        tokens = most
    elif plan.names_documents:
        tokens = most if plan.document_tokens is None else tokens + plan.document_tokens
    pages, unknown = plan.pdf_pages, ""
    if pages is None:
        pages, unknown = (
            0,
            "nobody has counted the pages of a PDF that is given by URL, and they are billed by the page",
        )
    work = Workload(
        input_tokens=min(tokens, most),
        output_tokens=written,
        input_by_modality=_kinds(kinds | dict(media), min(tokens, most)),
        thinking=True,
        web_searches=MAX_SEARCHES.get(plan.search_strategy, MAX_AGENT_SEARCHES) if plan.search_strategy else 0,
        search_strategy=plan.search_strategy,
        pdf_pages=pages,
        audio_seconds=_seconds(plan, model) if hears(model) else None,
        batch=half_price,
        measured=True,  # what is above a limit is priced all the same
    )
    return work, unknown


def hears(model: Model | None) -> bool:
    """Whether it writes down what is said, and nothing limits how much."""
    return model is not None and model.type == "asr"


def _seconds(plan: RequestPlan, model: Model | None) -> Decimal:
    if plan.audio_seconds is not None:
        return Decimal(plan.audio_seconds)
    assert model
    return Decimal(max(model.limits.audio_seconds, default=MAX_HEARD_S))


def _kinds(kinds: Mapping[str, int], tokens: int) -> dict[str, int]:
    """Never more than all of it: then all of it is the dearest, which is sound."""
    found = {kind: count for kind, count in kinds.items() if count}
    return found if sum(found.values()) <= tokens else {max(found, key="image video audio".index): tokens}


def _taken(model: Model | None) -> int:
    """The most input tokens a request can have."""
    limits = model.limits if model else None
    return (limits and (limits.max_input or limits.context)) or NO_LIMIT_TOKENS


def _contents(plan: RequestPlan) -> Contents:
    words, images, documents, parts = [_json_bytes(dict(plan.parameters))], 0, 0, 0  # functions are among these
    for message in plan.messages:
        words.append(_json_bytes(message["tool_calls"]) if "tool_calls" in message else 0)
        for kind, text in _parts(message.get("content")):
            images += kind == "image_url"
            documents += kind == "file"
            parts += 1
            words.append(len(text.encode("utf-8", "surrogatepass")))
    return sum(words) + parts * PART_TOKENS, images, documents


def _json_bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))


def _parts(content: Any) -> Iterator[tuple[str, str]]:
    """The kind of each part of a message, and its text."""
    if isinstance(content, str):
        yield "text", content
        return
    for part in content or ():
        assert isinstance(part, Mapping)
        yield str(part["type"]), str(part.get("text", ""))


def _tokens_of_an_image(name: str, model: Model | None) -> int:
    """Of the largest that it makes use of."""
    _, patch_px = seen_as(name, model)
    return pixels_for(name, model) // patch_px**2 + MARKER_TOKENS


def _answer_tokens(plan: RequestPlan, body: Mapping[str, Any], model: Model | None, contents: Contents) -> int:
    """The limit; OCR requests set none, and models for OCR stop by themselves."""
    if model and not model.writes:
        return 0
    given = next((body[name] for name in LIMIT_FIELDS if body.get(name)), None)
    _, _, documents = contents
    usual = MAX_OCR_TOKENS if is_ocr(plan.model, model) and not documents else NO_LIMIT_TOKENS
    return int(given or (model and model.limits.max_output) or usual)


def _thought_tokens(plan: RequestPlan, body: Mapping[str, Any], model: Model | None) -> int:
    """Reasoning beside the limit: `max_completion_tokens` holds it too, `max_tokens` does not."""
    if "max_completion_tokens" in body or body.get("enable_thinking") is False:
        return 0
    if model is None or not _may_think(body, model):
        return 0
    budget = body.get("thinking_budget") if plan.protocol.takes_budget else None
    return int(budget or model.limits.max_reasoning or XHIGH_TOKENS)


def _may_think(body: Mapping[str, Any], model: Model) -> bool:
    """Where the catalog does not know: if it is asked to, or a partner sells it, since some of theirs do."""
    if model.thinking is None:
        return bool(body.get("enable_thinking")) or "/" in model.id
    return model.thinking.mode != "none"


def _takes_budget(plan: RequestPlan, body: Mapping[str, Any], model: Model | None) -> bool:
    """Whether reasoning can be limited: an effort is no limit."""
    known = "thinking_budget" in body or (model is not None and model.thinking is not None)
    return plan.protocol.takes_budget and known and "reasoning_effort" not in body
