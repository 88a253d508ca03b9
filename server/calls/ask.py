"""One request: a feature plans it, `Call.ask` sends it and prices it, and what it spent is never lost."""

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Any

from ..catalog import Cost, Model, Usage, unpriced
from ..catalog.pricing import Workload, cost_of, lifecycle_warnings
from ..dashscope import (
    INTERRUPTED,
    BeforeAttempt,
    DashScopeError,
    FunctionCall,
    Heard,
    Reply,
    SearchResult,
    WireProtocol,
)
from ..errors import InvalidRequest
from ..text import thoughts_apart
from .context import AppContext
from .reply import elide_middle, why_incomplete
from .salvage import Salvage
from .thinking import ThinkingParameters

FILE_ID = "fileid://"  # https://help.aliyun.com/zh/model-studio/long-context-qwen-long
UNPRICED = {
    "plan": "plan: this call draws on the plan's quota, not on money per token",
    "other": "not DashScope: this server's prices are not known",
}


NO_MEDIA: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class RequestPlan:
    """Everything that is to be said of one request before it is sent. It does nothing itself.

    `protocol` decodes one reply, so a plan serves one request. `label`: which part of the work it is, for the progress.
    `before_attempt` is awaited before each attempt. `pdf_pages`: of PDFs among the messages, as counted here; None:
    nobody counted. `media_tokens`: of sound and film among them, by modality; None: nobody knows. `audio_seconds`: of
    speech that is to be written down; None: not known. `document_tokens`: at most, of documents that the messages name
    by their ids; None: nobody counted.
    """

    model: str
    protocol: WireProtocol
    messages: Sequence[Mapping[str, Any]]
    thinking: ThinkingParameters
    parameters: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    before_attempt: BeforeAttempt | None = None
    search_strategy: str = ""
    pdf_pages: int | None = 0
    media_tokens: Mapping[str, int] | None = field(default_factory=lambda: NO_MEDIA)
    audio_seconds: int | None = 0
    batch: bool = False  # answered later, at the batch price
    timeout_s: float | None = None  # of this request, where it may take longer than others
    part: str = ""  # of many inputs that a call works on, which
    document_tokens: int | None = None

    @property
    def names_documents(self) -> bool:
        """Whether its messages name files that lie at DashScope, whose texts it puts in their place."""
        return any(each["role"] == "system" and FILE_ID in each.get("content", "") for each in self.messages)

    @cached_property
    def body(self) -> dict[str, Any]:
        """In the terms of chat completions; the protocol says it in its own."""
        given = {"model": self.model, "messages": list(self.messages)}
        return {**given, **self.thinking.parameters, **self.parameters}


@dataclass(frozen=True)
class Exchange:
    """One request and what came of it, with its price. One that failed has a price too, where DashScope counted it.

    `incomplete`: why the text is not whole, empty when it is; `stopped_by`: the kind of the failure that cut it off.
    `searches`: None where DashScope did not say; `ocr_result`: what an OCR model found beside its text; `label`: the
    plan's; `vectors` and `ranks`: of its texts, by their number.
    """

    model: str
    text: str
    reasoning: str
    finish_reason: str
    incomplete: str
    stopped_by: str
    thinking: str
    usage: Usage | None
    cost: Cost
    request_id: str
    sandbox: bool
    search_results: tuple[SearchResult, ...] = ()
    searched: bool = False
    searches: int | None = None
    ocr_result: Mapping[str, Any] = field(default_factory=dict)
    heard: Heard | None = None
    label: str = ""
    function_calls: tuple[FunctionCall, ...] = ()
    vectors: "Mapping[int, array[float]]" = field(default_factory=dict)
    ranks: Mapping[int, float] = field(default_factory=dict)

    @property
    def truncated(self) -> bool:
        return bool(self.incomplete)

    @property
    def was_cut(self) -> bool:
        """Before its end: more than was counted may be billed."""
        return self.finish_reason == INTERRUPTED

    @property
    def as_it_came(self) -> str:
        """All that was paid for, as text: where nothing better could be made of it."""
        found = json.dumps(self.ocr_result, ensure_ascii=False) if self.ocr_result else ""
        calls = (f"-> {call.name} {call.arguments}" for call in self.function_calls)
        return "\n".join(filter(None, (self.text, found, *calls, *(page.url for page in self.search_results))))


class RequestFailed(DashScopeError):
    """A request without an answer; `exchange` holds what it spent, as far as DashScope told."""

    def __init__(self, error: DashScopeError, exchange: Exchange) -> None:
        super().__init__(error.message, hint=error.hint, **error.known)
        self.exchange = exchange
        self.args = error, exchange  # what it is made of: a copy is made of that again


def refused_before(context: AppContext, plan: RequestPlan, error: DashScopeError) -> RequestFailed:
    """A failure of a request that was not sent: it cost nothing."""
    return RequestFailed(error, replace(exchange_of(context, plan, Reply()), cost=Cost(total=Decimal())))


def require_own_files(context: AppContext, messages: Sequence[Mapping[str, Any]]) -> None:
    """Raises InvalidRequest: a caller over HTTP names a file of this account, which need not be the caller's."""
    told = (str(each.get("content", "")) for each in messages if each["role"] == "system")
    if context.remote and any(FILE_ID in text.lower() for text in told):
        raise InvalidRequest(
            "A file at DashScope is named by its id, which callers over HTTP cannot do. Give the file in `files`."
        )


def exchange_of(context: AppContext, plan: RequestPlan, reply: Reply) -> Exchange:
    """What came of a plan, with its price."""
    usage = Usage.model_validate(reply.usage, from_attributes=True) if reply.usage else None
    text, reasoning = "".join(reply.text), "".join(reply.reasoning)
    if context.host.kind == "other" and not reasoning:
        reasoning, text = thoughts_apart(text)
    price = None
    with Salvage("its price could not be made out") as pricing:
        price = _cost(context, plan, reply, usage)
    return Exchange(
        model=plan.model,
        text=text,
        reasoning=elide_middle(reasoning),
        finish_reason=reply.finish_reason,
        incomplete=why_incomplete(reply),
        stopped_by=reply.finish.kind if reply.finish else "",
        thinking=plan.thinking.used,
        usage=usage,
        cost=price or unpriced(pricing.note),
        request_id=reply.request_id,
        sandbox=reply.sandbox,
        search_results=tuple(reply.search_results),
        searched=reply.searched,
        searches=reply.searches,
        ocr_result=reply.ocr_result,
        heard=reply.heard,
        label=plan.label,
        function_calls=reply.function_calls,
        vectors=reply.vectors,
        ranks=reply.ranks,
    )


def _cost(context: AppContext, plan: RequestPlan, reply: Reply, usage: Usage | None) -> Cost:
    """The only place where a request is priced."""
    kind, warnings = context.host.kind, [*plan.thinking.warnings, *_host_warnings(context, reply)]
    if kind != "dashscope":
        return unpriced(UNPRICED[kind], *warnings)
    if usage is None:
        warnings += ["A search was made, which is billed too."] if reply.searched else []
        warnings += (
            lifecycle_warnings(known, plan.model, context.today()) if (known := context.known(plan.model)) else []
        )
        return unpriced("DashScope reported no usage; the call may still be billed", *warnings)
    pages = plan.pdf_pages if reply.pdf_pages is None else reply.pdf_pages
    if pages is None:
        return unpriced(
            "DashScope did not say how many PDF pages it parsed, and they are billed by the page", *warnings
        )
    if pages and reply.pdf_pages is None:
        warnings.append("DashScope did not say how many PDF pages it parsed: those of the file are priced.")
    if reply.searched and reply.searches is None:
        warnings.append("DashScope did not say how many searches it made: one is priced.")
    kinds = _by_modality(reply)
    if uncounted := _uncounted(context.known(plan.model), plan, usage, kinds):
        return unpriced(uncounted, *warnings)
    heard = None if usage.audio_seconds is None else Decimal(usage.audio_seconds)
    work = replace(
        Workload.of(usage, reasoned=bool(reply.reasoning or usage.reasoning_tokens), audio_seconds=heard),
        input_by_modality=kinds,
        web_searches=(reply.searches or 1) if reply.searched else 0,
        search_strategy=plan.search_strategy,
        pdf_pages=pages,
        batch=plan.batch and (context.host.known or reply.sandbox),  # another host than DashScope's has no half price
    )
    if reply.finish_reason == INTERRUPTED:
        warnings.append("It was cut off: what came after the last count may be billed too.")
    price = cost_of(context.catalog(), plan.model, work, region=context.host.region, on=context.now())
    return price.model_copy(update={"warnings": (*warnings, *price.warnings)})


def _by_modality(reply: Reply) -> dict[str, int]:
    """What was read beside text, as far as it was counted."""
    counts = reply.usage
    assert counts  # or there would be no price
    told = {"image": counts.image_tokens, "audio": counts.audio_tokens, "video": counts.video_tokens}
    return {kind: count for kind, count in told.items() if count}


def _uncounted(model: Model | None, plan: RequestPlan, usage: Usage, kinds: Mapping[str, int]) -> str:
    """What DashScope did not count, and bills by a price of its own."""
    tiers = [tier for price in (model.prices if model else ()) for tier in price.tiers]
    if usage.audio_seconds is None and any(tier.audio_second is not None for tier in tiers):
        return "DashScope did not say how many seconds it heard, and they are what is billed"
    sounds = plan.media_tokens is None or any(plan.media_tokens.values())
    if sounds and not {"audio", "video"} & set(kinds) and any(tier.input_by_modality for tier in tiers):
        return "DashScope did not say how many tokens were sound or film, which have prices of their own"
    return ""


def _host_warnings(context: AppContext, reply: Reply) -> list[str]:
    if context.host.kind != "dashscope" or context.host.known or reply.sandbox:
        return []
    return ["This host is none of Alibaba's own: what it charges may differ."]
