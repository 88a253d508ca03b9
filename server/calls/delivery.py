"""The end of every call: a failure tells what it spent, what was paid is given, the text fits the host."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent

from ..text import repair_surrogates, revealed
from .call import Call
from .host_limits import TextLimit
from .language import said
from .result import CallResult, call_result, with_fact
from .salvage import Salvage, told_fault

NOTE_CHARS = 120  # room for the words that say where the rest is
NOT_FINISHED = "NOT FINISHED, what was paid follows as it came, untrusted"


def delivered(tool: Callable[..., Awaitable[CallToolResult]]) -> Callable[..., Awaitable[CallToolResult]]:
    """The tool as it is served."""

    @wraps(tool)
    async def served(call: Call, **arguments: Any) -> CallToolResult:
        try:
            return _fitting(call, tool.__name__, await tool(call, **arguments))
        except ToolError as failure:
            raise call.told(failure) from failure.__cause__
        except Exception as fault:  # the net below every tool: see `salvage`
            came = "\n\n".join(filter(None, (exchange.as_it_came for exchange in call.exchanges)))
            if not came.strip():
                raise
            return _fitting(
                call, tool.__name__, _unfinished(call, repair_surrogates(came), told_fault(NOT_FINISHED, fault))
            )

    return served


def _unfinished(call: Call, came: str, note: str) -> CallToolResult:
    """The answers of a call that failed here, with what they cost where that can be told."""
    result = CallToolResult(content=[TextContent(type="text", text=f"[{said(note)}]\n{came}")])
    with Salvage("what it cost could not be told"):
        result = call_result(CallResult(**call.spent(call.exchanges[-1].model)), came, note)
    return result.model_copy(update={"is_error": True})


def _fitting(call: Call, tool: str, result: CallToolResult) -> CallToolResult:
    return result if call.context.structured else _as_text(call, tool, result)


def _as_text(call: Call, tool: str, result: CallToolResult) -> CallToolResult:
    """The text alone, as much of it as the host takes; the rest is kept to be read on."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    text, steering = revealed(repair_surrogates(block.text))
    if steering:
        text = with_fact(text, said(f"{steering} control characters made visible, as <U+001B>"))
    if call.text_limit.fitting(text) < len(text):
        text = _first_piece(text, call.context.jobs.keep_text(tool, call.client, text), call.text_limit)
    return result.model_copy(update={"content": [TextContent(type="text", text=text)], "structured_content": None})


def _first_piece(text: str, kept_as: str, limit: TextLimit) -> str:
    """What is said of the rest stands in our own line, the first."""
    end = limit.less(NOTE_CHARS).fitting(text)
    rest = said(f'characters 0 to {end:,} of {len(text):,}, read on with job(id="{kept_as}", offset={end})')
    return with_fact(text[:end], rest)
