"""The functions that a request lets be called, and what the sandbox calls of them.

Where the choice is free it calls what the last question names, else the first, if it asks for a call at all; two at
once if it says so and `parallel_tool_calls` allows it. Behind the result of a call it answers in words.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .filling import filled

ASKS_FOR_A_CALL = re.compile(r"\b(?:call|function|tool)s?\b|调用|函数|工具", re.IGNORECASE)
ASKS_FOR_TWO = re.compile(r"\b(?:two|twice|both|parallel)\b|两|并行|同时", re.IGNORECASE)


@dataclass(frozen=True)
class SandboxCall:
    name: str
    arguments: str


def forced_tool(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is said of the forced function; empty if it is not among the tools. None: none is forced."""
    choice, tools = options.get("tool_choice"), _tools(options)
    if choice == "required":
        return tools[0] if tools else {}
    name = _function(choice).get("name")
    return next((tool for tool in tools if tool["name"] == name), {}) if name else None


def calls_for(options: Mapping[str, Any], question: str, words: str) -> tuple[SandboxCall, ...]:
    """`question`: the last message, if it is one; `words`: all that was asked, which the arguments are filled from."""
    forced = forced_tool(options)
    chosen = [forced] if forced else _chosen(options, question)
    return tuple(_call(tool, words) for tool in chosen)


def shortened(calls: Sequence[SandboxCall], chars: int) -> tuple[SandboxCall, ...]:
    """As an output limit cuts them."""
    kept: list[SandboxCall] = []
    for call in calls:
        if chars <= 0:
            break
        kept.append(replace(call, arguments=call.arguments[:chars]))
        chars -= len(call.arguments)
    return tuple(kept)


def _chosen(options: Mapping[str, Any], question: str) -> list[dict[str, Any]]:
    tools = [] if options.get("tool_choice") == "none" else _tools(options)
    named = [tool for tool in tools if str(tool["name"]) in question]
    chosen = named or (tools[:1] if ASKS_FOR_A_CALL.search(question) else [])
    two = len(named) > 1 or ASKS_FOR_TWO.search(question)
    if not (chosen and two and options.get("parallel_tool_calls")):
        return chosen[:1]
    others = [tool for tool in tools if tool not in chosen]
    return [*chosen, *others, *chosen][:2] if len(named) < 2 else named


def _call(tool: Mapping[str, Any], words: str) -> SandboxCall:
    schema = {"type": "object", **(tool.get("parameters") or {})}
    return SandboxCall(str(tool["name"]), json.dumps(filled(schema, words), ensure_ascii=False))


def _tools(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = options.get("tools")
    return [inner for tool in (given if isinstance(given, list) else ()) if (inner := _function(tool)).get("name")]


def _function(tool: Any) -> dict[str, Any]:
    """Chat completions nests it under `function`, Responses does not; a built-in tool has no name."""
    inner = tool.get("function", tool) if isinstance(tool, dict) else {}
    return inner if isinstance(inner, dict) else {}
