"""A tool file becomes an MCP tool, its schemas as lean as every host would have them."""

import json
import re
from collections import Counter
from functools import cache
from types import ModuleType
from typing import Any

from mcp.server.mcpserver.tools import Tool

from ..calls.delivery import delivered
from ..calls.result import CallResult

SAID_ONCE = {"Usage", "Cost", "CostLine"}
COMMON = set(CallResult.model_fields)
UNTOLD = ("pattern", "exclusiveMaximum", "exclusiveMinimum")
MAX_TOLD_LENGTH = 2_000  # a grammar repeats a character no oftener


@cache  # the schemas of a tool are the same in every server
def as_tool(module: ModuleType, *, structured: bool = False) -> Tool:
    """The function named like its module, as an MCP tool that refuses arguments it does not know.

    `structured`: it publishes what its results look like as data, and gives them so.
    """
    name = module.__name__.rpartition(".")[2]
    missing = [part for part in (name, "ANNOTATIONS", "EXAMPLE") if not hasattr(module, part)]
    if missing:
        raise TypeError(f"tools/{name}.py lacks {', '.join(missing)}: tools/__init__.py says what a tool file holds")
    function = getattr(module, name)
    tool = Tool.from_function(
        delivered(function),
        title=module.ANNOTATIONS.title,
        description=_prose(function.__doc__),
        annotations=module.ANNOTATIONS,
        structured_output=structured or False,
    )
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    tool.parameters = _plain(_untitled(arguments.model_json_schema(by_alias=True)))
    if structured:
        tool.fn_metadata.output_schema = _output(_untitled(tool.fn_metadata.output_schema))
    return tool


def _prose(docstring: str | None) -> str:
    """A docstring's paragraphs, each on one line."""
    paragraphs = (docstring or "").strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _untitled(schema: Any) -> Any:
    """A JSON schema without its titles, which repeat the names and cost every host tokens."""
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: _untitled(v) for k, v in schema.items() if not (k == "title" and isinstance(v, str))}


def _output(schema: Any) -> Any:
    """An answer's schema; of what every tool returns (docs/tools.md tells it) the names say enough."""
    lean = _lean(schema)
    shared = [lean["properties"][name] for name in COMMON & set(lean["properties"])]
    for name in SAID_ONCE & set(lean.get("$defs", {})):
        shared += [lean["$defs"][name], *lean["$defs"][name]["properties"].values()]
    for each in shared:
        each.pop("description", None)
    return _inlined(lean)


def _inlined(schema: dict[str, Any], *, once: bool = True) -> Any:
    """What is defined apart, in its place; `once`: only what is used once."""
    defined = schema.get("$defs", {})
    uses = Counter(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema)))

    def placed(part: Any) -> Any:
        if isinstance(part, list):
            return [placed(each) for each in part]
        if not isinstance(part, dict):
            return part
        name = str(part.get("$ref", "")).rpartition("/")[2]
        if name in defined and (uses[name] == 1 or not once):
            return placed({**defined[name], **{key: value for key, value in part.items() if key != "$ref"}})
        return {key: placed(value) for key, value in part.items()}

    apart = {name: placed(each) for name, each in defined.items() if once and uses[name] != 1}
    whole = placed({key: value for key, value in schema.items() if key != "$defs"})
    return {**whole, "$defs": apart} if apart else whole


def _lean(schema: Any) -> Any:
    """What an answer looks like, in as few words as say it: every host pays for them. Nulls stay."""
    if isinstance(schema, list):
        return [_lean(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    arms = schema.get("anyOf", ())
    if len(arms) == 2 and arms[1] == {"type": "null"} and set(arms[0]) == {"type"}:
        schema = {**schema, "type": [arms[0]["type"], "null"]}
        del schema["anyOf"]
    told = {"const", "enum"} & set(schema)  # whose type shows
    left_out = {"default", "additionalProperties"} | ({"type"} if told else set())
    return {k: _lean(v) for k, v in schema.items() if k not in left_out}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Arguments as every host takes them (tests/test_host_schemas.py): what is left out is checked when called.

    Null is accepted and not told; `auto` says "not set" where a host makes its model fill in every argument.
    """
    schema = _inlined(schema, once=False)
    for argument in schema["properties"].values():
        arms = [arm for arm in argument.get("anyOf", ()) if arm != {"type": "null"}]
        if len(arms) == 1 and argument.get("default", 0) is None:
            del argument["anyOf"], argument["default"]
            argument.update(arms[0])
            if "enum" in argument:
                argument["enum"] = [*argument["enum"], "auto"]
    return dict(_told_everywhere(schema))


def _told_everywhere(part: Any) -> Any:
    """A schema without what some host or grammar refuses."""
    if isinstance(part, list):
        return [_told_everywhere(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {key: value for key, value in part.items() if key not in UNTOLD or isinstance(value, dict)}
    kept = {key: value for key, value in kept.items() if key != "maxLength" or value <= MAX_TOLD_LENGTH}
    return {key: _told_everywhere(value) for key, value in kept.items()}
