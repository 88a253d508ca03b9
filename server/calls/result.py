"""What an answer carries, and how it reads: one short line of facts, then the answer itself.

The line comes first: it survives wherever a host cuts a text, and no words of a model can stand before it.
"""

import re
from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import Field

from ..catalog import Cost, CostLine, Frozen, Usage, plain
from .language import said

PER = {1_000_000: "/M", 1_000: "/1,000", 1: ""}
SHORT_ID_CHARS = 8
NO_ID = re.compile(r"[^\w.:-]")  # our line could be broken with it
UUID = re.compile(r"[0-9a-f]{8}-")  # others begin alike, and differ at their end


class CallResult(Frozen):
    """What every answer that called DashScope carries."""

    model: str = Field(description="The model id that was sent")
    usage: Usage | None = Field(None, description="Absent when DashScope reported none", exclude_if=lambda v: v is None)
    cost: Cost
    request_id: str
    request_ids: tuple[str, ...]
    elapsed_s: float
    sandbox: bool = Field(
        False, description="True: made by the sandbox, no model was asked", exclude_if=lambda v: not v
    )


def call_result(result: CallResult, text: str, *facts: str) -> CallToolResult:
    """An answer as text and as data. `text` is the answer; `facts`: what else changes what to do, for the line."""
    whole = "\n".join(filter(None, (fact_line(result, *facts), text)))
    told = tool_result(result, whole)
    return told.model_copy(update={"meta": {"usage": _billed(result)}}) if result.usage else told


def tool_result(data: Frozen, text: str) -> CallToolResult:
    """The same thing said twice: as text, and as data for the programs that ask for it."""
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content=data.model_dump(mode="json")
    )


def fact_line(result: CallResult, *facts: str) -> str:
    """`[qwen3.7-plus | 11+35 tokens | 0.000302 CNY | 17f5c078]`, and more only where it changes what to do."""
    several = f"{len(result.request_ids)} requests, " if len(result.request_ids) > 1 else ""
    parts = [
        "SANDBOX" if result.sandbox else "",
        result.model,
        *map(said, (tokens(result.usage), money(result.cost))),
        said(several + (short_id(result.request_id) or _unnamed(result))),
        *map(said, (*facts, *(f"note: {warning}" for warning in result.cost.warnings))),
    ]
    return f"[{' | '.join(filter(None, parts))}]"


def _unnamed(result: CallResult) -> str:
    """Where all was there already, nothing was asked."""
    asked = result.request_ids or result.usage is None or result.usage.input_tokens or result.usage.output_tokens
    return "request id unknown" if asked else "no request"


def with_fact(text: str, fact: str) -> str:
    """The text of a result with one more fact in its line, which it gets where it has none."""
    if line := first_line(text):
        return f"{line[:-1]} | {fact}]{text[len(line) :]}"
    return f"[{fact}]\n{text}"


def first_line(text: str) -> str:
    """Of a result: who answered, and what it cost; empty where it has none."""
    line = text.partition("\n")[0]
    return line if line.startswith("[") and line.endswith("]") else ""


def incomplete(why: str) -> str:
    return f"INCOMPLETE: {why}" if why else ""


def short_id(request_id: str) -> str:
    """What of a request id stands in a line; `cost` takes it too."""
    request_id = NO_ID.sub("", request_id)
    return request_id[:SHORT_ID_CHARS] if UUID.match(request_id) else request_id[-SHORT_ID_CHARS:]


def _billed(result: CallResult) -> dict[str, Any]:
    """In the form Dify reads: https://github.com/langgenius/dify (api/core/tools/mcp_tool). No price: none is said."""
    assert result.usage
    counts = {"prompt_tokens": result.usage.input_tokens, "completion_tokens": result.usage.output_tokens}
    if result.cost.total is None:
        return counts
    return {**counts, "total_price": plain(result.cost.total), "currency": result.cost.currency}


# --- in words ---


def tokens(usage: Usage | None) -> str:
    """`11+35 tokens`: in and out; what of it was reasoning. `12 s of audio`, where that is what counts."""
    if usage is None:
        return "tokens unknown"
    if usage.audio_seconds is not None:
        heard = f"{usage.audio_seconds:,} s of audio"
        counted = usage.input_tokens or usage.output_tokens
        return f"{usage.input_tokens:,}+{usage.output_tokens:,} tokens of {heard}" if counted else heard
    thought = f" ({usage.reasoning_tokens:,} reasoning)" if usage.reasoning_tokens else ""
    return f"{usage.input_tokens:,}+{usage.output_tokens:,} tokens{thought}"


def money(cost: Cost) -> str:
    return f"cost unknown: {cost.reason}" if cost.total is None else f"{plain(cost.total)} {cost.currency}"


def sum_in_words(cost: Cost) -> str:
    """How the money comes about: `0.006 CNY = 1,000 input x 2/M + 500 output x 8/M (0<Token≤256K)`."""
    if cost.total is None or cost.tier is None:
        return money(cost)
    return f"{money(cost)} = {' + '.join(map(_product, cost.lines)) or 'nothing'} ({cost.tier})"


def _product(line: CostLine) -> str:
    return f"{line.quantity:,} {line.item} x {plain(line.unit_price)}{PER[line.per]}"
