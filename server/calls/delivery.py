"""The end of every call: what it spent is kept, a failure tells it, and the text fits the host."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent

from ..text import repair_surrogates, revealed
from .call import Call
from .host_limits import TextLimit
from .language import said
from .paid_work import kept_if_it_fails
from .receipts import Receipt
from .result import CallResult, fact_line

FAULT = "FAILED inside bailian-mcp after the answer came, which follows as it is: do not repeat the call at once"
NOTE_CHARS = 120  # room for the words that say where the rest is


def delivered(tool: Callable[..., Awaitable[CallToolResult]]) -> Callable[..., Awaitable[CallToolResult]]:
    """The tool as it is served."""

    @wraps(tool)
    async def served(call: Call, **arguments: Any) -> CallToolResult:
        try:
            with kept_if_it_fails(tool.__name__, paid=call.exchanges) as step:
                result = await tool(call, **arguments)
            if step.failed:
                result = _what_was_paid(call)
        except ToolError as failure:
            raise call.told(failure) from failure.__cause__
        finally:
            _keep_receipt(call, tool.__name__)
        return result if call.context.structured else _as_text(call, result)

    return served


def _what_was_paid(call: Call) -> CallToolResult:
    """The model's words as they came, where a fault of ours is in the way of more."""
    paid = CallResult(**call.spent(call.exchanges[-1].model))
    words = "\n\n".join(exchange.text for exchange in call.exchanges if exchange.text)
    told = "\n".join(filter(None, (fact_line(paid, FAULT), words)))
    return CallToolResult(content=[TextContent(type="text", text=told)], is_error=True)


def _keep_receipt(call: Call, tool: str) -> None:
    if not call.exchanges:
        return
    receipt = Receipt(
        **call.spent(call.exchanges[-1].model),
        tool=tool,
        finish_reasons=tuple(dict.fromkeys(exchange.finish_reason for exchange in call.exchanges)),
        thinking=tuple(dict.fromkeys(exchange.thinking for exchange in call.exchanges)),
    )
    call.context.receipts.keep(receipt)


def _as_text(call: Call, result: CallToolResult) -> CallToolResult:
    """The text alone, as much of it as the host takes; the rest is kept to be read on."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    text, steering = revealed(repair_surrogates(block.text))
    if steering:
        text = _with_fact(text, said(f"{steering} control characters made visible, as <U+001B>"))
    if call.text_limit.fitting(text) < len(text):
        text = _first_piece(text, call.context.kept_texts.keep(text), call.text_limit)
    return result.model_copy(update={"content": [TextContent(type="text", text=text)], "structured_content": None})


def _first_piece(text: str, kept_as: str, limit: TextLimit) -> str:
    """What is said of the rest stands in our own line, the first."""
    end = limit.less(NOTE_CHARS).fitting(text)
    rest = said(f'characters 0 to {end:,} of {len(text):,}, read on with job(id="{kept_as}", offset={end})')
    return _with_fact(text[:end], rest)


def _with_fact(text: str, fact: str) -> str:
    """The text with one more fact in our line."""
    line, line_end, body = text.partition("\n")
    if line.startswith("[") and line.endswith("]"):
        return f"{line[:-1]} | {fact}]{line_end}{body}"
    return f"[{fact}]\n{text}"
