"""A model's answer in words."""

from secrets import token_hex

from mcp.types import CallToolResult
from pydantic import Field

from .ask import Exchange
from .reply import why_empty
from .result import CallResult, call_result, incomplete, short_id
from .spent import Spent


class Completion(CallResult):
    """What `chat` gives."""

    answer: str = Field(description="Verbatim")
    reasoning: str = Field("", description="If asked for; its middle left out when long", exclude_if=lambda v: not v)
    finish_reason: str = Field(description="stop, length (limit reached), interrupted (stream cut), ...")
    truncated: bool = Field(description="True: the answer is not whole")
    incomplete: str = Field("", description="Why it is not whole", exclude_if=lambda v: not v)
    thinking: str = Field(description="The thinking level used")
    notes: tuple[str, ...] = Field((), description="Of files, what is sent otherwise", exclude_if=lambda v: not v)


def completion_result(
    exchange: Exchange, spent: Spent, *, show_reasoning: bool = False, notes: tuple[str, ...] = ()
) -> CallToolResult:
    """A model's answer in words, for both kinds of clients. `notes`: of what was sent with the question."""
    not_whole = exchange.incomplete or why_empty(exchange.text, exchange.reasoning, exchange.finish_reason)
    completion = Completion(
        **spent,
        answer=exchange.text,
        reasoning=exchange.reasoning if show_reasoning else "",
        finish_reason=exchange.finish_reason,
        truncated=bool(not_whole),
        incomplete=not_whole,
        thinking=exchange.thinking,
        notes=notes,
    )
    parts = [completion.answer]
    if completion.reasoning:
        parts.append(f"[reasoning, {short_id(completion.request_id) or token_hex(2)}]\n{completion.reasoning}")
    return call_result(completion, "\n\n".join(parts), incomplete(completion.incomplete), *notes)
