"""One request: a feature plans it, `Call.ask` sends it and prices it, and what it spent is never lost."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..catalog import Cost, Usage
from ..dashscope import DashScopeError, SearchResult, WireProtocol
from .thinking import ThinkingParameters

BeforeAttempt = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class RequestPlan:
    """Everything that is to be said of one request before it is sent. It does nothing itself.

    `protocol` decodes one reply, so a plan serves one request. `label`: which part of the work it is, for the progress.
    `before_attempt` is awaited before each attempt. `pdf_pages`: of PDFs among the messages, as counted here; None:
    nobody counted.
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

    @property
    def body(self) -> dict[str, Any]:
        """In the terms of chat completions; the protocol says it in its own."""
        given = {"model": self.model, "messages": list(self.messages)}
        return {**given, **self.thinking.parameters, **self.parameters}


@dataclass(frozen=True)
class Exchange:
    """One request and what came of it, with its price. One that failed has a price too, where DashScope counted it.

    `incomplete`: why the text is not whole, empty when it is; `stopped_by`: the kind of the failure that cut it off.
    `searches`: None where DashScope did not say; `ocr_result`: what an OCR model found beside its text.
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

    @property
    def truncated(self) -> bool:
        return bool(self.incomplete)


class RequestFailed(DashScopeError):
    """A request without an answer; `exchange` holds what it spent, as far as DashScope told."""

    def __init__(self, error: DashScopeError, exchange: Exchange) -> None:
        super().__init__(error.message, hint=error.hint, **error.known)
        self.exchange = exchange
