"""The tool that a request forces, and what the sandbox calls it with. Where the choice is free it calls none."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .filling import filled


@dataclass(frozen=True)
class ForcedCall:
    name: str
    arguments: str


def forced_tool(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is said of the forced function; empty if it is not among the tools. None: none is forced."""
    choice = options.get("tool_choice")
    given = options.get("tools")
    tools = [inner for tool in (given if isinstance(given, list) else ()) if (inner := _function(tool)).get("name")]
    if choice == "required":
        return tools[0] if tools else {}
    name = _function(choice).get("name")
    return next((tool for tool in tools if tool["name"] == name), {}) if name else None


def forced_call(tool: Mapping[str, Any], words: str) -> ForcedCall:
    schema = {"type": "object", **(tool.get("parameters") or {})}
    return ForcedCall(str(tool["name"]), json.dumps(filled(schema, words), ensure_ascii=False))


def _function(tool: Any) -> dict[str, Any]:
    """Chat completions nests it under `function`, Responses does not; a built-in tool has no name."""
    inner = tool.get("function", tool) if isinstance(tool, dict) else {}
    return inner if isinstance(inner, dict) else {}
