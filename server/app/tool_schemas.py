"""A tool file becomes an MCP tool, its schemas as lean as every host would have them."""

from collections.abc import Collection
from functools import cache
from types import ModuleType
from typing import Any

from mcp.server.mcpserver.tools import Tool, ToolManager

from ..calls.call import bound
from ..calls.checked_schemas import checked_schema
from ..calls.delivery import delivered
from ..calls.lean_schemas import inlined, untitled
from ..calls.result import CallResult
from .input_schemas import published_schema
from .tool_files import tool_module

SAID_ONCE = {"Usage", "Cost", "CostLine"}
COMMON = set(CallResult.model_fields)


class ToolsAtUse(ToolManager):
    """The SDK's collection of tools, each loaded when it is first called: most hosts never list them here."""

    def __init__(self, names: Collection[str], *, structured: bool) -> None:
        super().__init__()
        self.names = list(names)
        self._structured = structured

    def get_tool(self, name: str) -> Tool | None:
        return as_tool(tool_module(name), structured=self._structured) if name in self.names else None

    def list_tools(self) -> list[Tool]:
        return [tool for name in self.names if (tool := self.get_tool(name))]


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
        bound(delivered(function)),
        title=module.ANNOTATIONS.title,
        description=_prose(function.__doc__),
        annotations=module.ANNOTATIONS,
        structured_output=structured,
    )
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    tool.parameters = published_schema(checked_schema(arguments))
    if structured:
        output = _output(untitled(tool.fn_metadata.output_schema))
        tool.fn_metadata.output_schema = _or_job(output) if module.ANNOTATIONS.open_world_hint else output
    return tool


def _prose(docstring: str | None) -> str:
    """A docstring's paragraphs, each on one line."""
    paragraphs = (docstring or "").strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _output(schema: Any) -> Any:
    """An answer's schema; of what every tool returns (docs/tools.md tells it) the names say enough."""
    lean = _lean(schema)
    shared = [lean["properties"][name] for name in COMMON & set(lean["properties"])]
    for name in SAID_ONCE & set(lean.get("$defs", {})):
        shared += [lean["$defs"][name], *lean["$defs"][name]["properties"].values()]
    for each in shared:
        each.pop("description", None)
    return inlined(lean)


def _or_job(schema: Any) -> Any:
    """What a tool gives that asks DashScope, or how to get it later: see `calls/jobs`."""
    job = {name: {"type": "string"} for name in ("job", "state", "so_far")}
    either = [{"required": schema["required"]}, {"required": list(job)}]
    rest = {name: value for name, value in schema.items() if name != "required"}
    return {**rest, "properties": {**schema["properties"], **job}, "anyOf": either}


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
