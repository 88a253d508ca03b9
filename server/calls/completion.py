"""A model's answer in words."""

from secrets import token_hex

from mcp.types import CallToolResult
from pydantic import Field

from .ask import Exchange
from .call import NO_FUNCTIONS
from .functions import CalledFunction, Functions, called_functions
from .language import said
from .reply import why_empty
from .result import CallResult, call_result, incomplete, short_id
from .spent import Spent


class Completion(CallResult):
    """What `chat` gives."""

    answer: str = Field(description="Verbatim")
    reasoning: str = Field("", description="If asked for; its middle left out when long", exclude_if=lambda v: not v)
    finish_reason: str = Field(description="stop, tool_calls, length (limit reached), interrupted (stream cut), ...")
    truncated: bool = Field(description="True: the answer is not whole")
    incomplete: str = Field("", description="Why it is not whole", exclude_if=lambda v: not v)
    thinking: str = Field(description="The thinking level used")
    function_calls: tuple[CalledFunction, ...] = Field((), exclude_if=lambda v: not v)
    notes: tuple[str, ...] = Field((), description="Of files, what is sent otherwise", exclude_if=lambda v: not v)


def completion_result(
    exchange: Exchange,
    spent: Spent,
    *,
    show_reasoning: bool = False,
    functions: Functions = NO_FUNCTIONS,
    notes: tuple[str, ...] = (),
) -> CallToolResult:
    """A model's answer in words, for both kinds of clients. `notes`: of what was sent with the question.

    Calls of functions are an answer where functions were given.
    """
    calls = called_functions(exchange, functions.names)
    not_whole = exchange.incomplete
    if not (calls and functions.given):
        not_whole = not_whole or why_empty(exchange.text, exchange.reasoning, exchange.finish_reason)
    completion = Completion(
        **spent,
        answer=exchange.text,
        reasoning=exchange.reasoning if show_reasoning else "",
        finish_reason=exchange.finish_reason,
        truncated=bool(not_whole),
        incomplete=not_whole,
        thinking=exchange.thinking,
        function_calls=calls,
        notes=notes,
    )
    lines = [" ".join(filter(None, (call.in_words(), said(call.note)))) for call in calls]
    parts = ["\n".join(filter(None, (*lines, completion.answer)))]
    if completion.reasoning:
        parts.append(f"[reasoning, {short_id(completion.request_id) or token_hex(2)}]\n{completion.reasoning}")
    facts = (_how_many(len(calls)), incomplete(completion.incomplete), *notes)
    return call_result(completion, "\n\n".join(parts), *facts)


def _how_many(calls: int) -> str:
    """Which lines below are ours, and not the model's own words."""
    return "" if not calls else "1 function call" if calls == 1 else f"{calls} function calls"
