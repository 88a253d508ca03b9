"""The MCP server: finds the tools, publishes their schemas, words bad arguments."""

import importlib
import json
import pkgutil
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any, BinaryIO

from mcp.server import MCPServer
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, InputRequiredResult
from pydantic import ValidationError

from .. import tools
from . import stdio
from .answer import Answer
from .bailian import Shared
from .errors import InvalidRequest
from .resources import add_resources
from .wording import complaints

NAME = "bailian"
TITLE = "Alibaba Cloud Model Studio (百炼)"
INSTRUCTIONS = (
    "Models of Alibaba Cloud Model Studio (百炼, DashScope). Calls are billed per token: every answer ends with its "
    "token counts and list price, so check them before repeating a call. Answers may be in Chinese."
)
SAME_FOR_AN_HOUR = CacheHint(ttl_ms=3_600_000, scope="public")
SAID_ONCE = {"Usage", "Cost", "CostLine"}
COMMON = set(Answer.model_fields)
CACHED: tuple[CacheableMethod, ...] = (
    "server/discover", "tools/list", "resources/list", "resources/templates/list", "resources/read",
)  # fmt: skip


class App(MCPServer[Shared]):
    """MCPServer that words its refusals for a model, and runs on our standard streams."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Shared, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        tool = self._tool_manager.get_tool(name)
        if tool is None:
            raise ToolError(
                f"There is no such tool. Tools: {', '.join(t.name for t in self._tool_manager.list_tools())}."
            )
        required = tool.parameters.get("required", ())
        given = {key: value for key, value in arguments.items() if value is not None or key in required}
        try:  # hosts send null for what is not set
            return await super().call_tool(name, given, context)
        except UnexpectedToolError as crash:
            raise UnexpectedToolError(
                f"{name} failed inside bailian-mcp, not because of its arguments, and may have been billed: "
                "do not repeat it at once. The server's log on stderr has the details."
            ) from crash.__cause__
        except ToolError as refusal:
            if isinstance(refusal.__cause__, ValidationError):
                parameters = list(tool.parameters["properties"])
                raise InvalidRequest(_sendable(_reworded(refusal.__cause__, parameters))) from refusal.__cause__
            own_words = str(refusal).removeprefix(f"Error executing tool {name}: ")
            raise ToolError(_sendable(own_words)) from refusal.__cause__

    async def run_on(self, stdin: BinaryIO, stdout: BinaryIO) -> None:
        """Serve one host over two streams until its input ends."""
        async with stdio.wire(stdin, stdout) as (read, write):
            server = self._lowlevel_server
            await server.run(read, write, server.create_initialization_options())


def build(shared: Shared, *, log_level: Any = "WARNING") -> App:
    """The server with every tool in `tools/`, over what all its calls share."""

    @asynccontextmanager
    async def lend(_: MCPServer[Shared]) -> AsyncIterator[Shared]:
        yield shared  # opened by the front door: SSE enters a lifespan once per connection

    app = App(
        NAME,
        title=TITLE,
        instructions=INSTRUCTIONS,
        version=own_version(),
        tools=[_tool(module) for module in tool_modules()],
        lifespan=lend,
        subscriptions=False,
        cache_hints=dict.fromkeys(CACHED, SAME_FOR_AN_HOUR),
        log_level=log_level,
    )
    add_resources(app, shared)
    return app


def tool_modules() -> list[ModuleType]:
    """The modules of `tools/`, by name; a leading underscore means: not a tool."""
    names = sorted(m.name for m in pkgutil.iter_modules(tools.__path__) if not m.name.startswith("_"))
    return [importlib.import_module(f"{tools.__name__}.{name}") for name in names]


def own_version() -> str:
    try:
        return version("bailian-mcp")
    except PackageNotFoundError:  # run from a bare clone
        return "0"


@cache  # the schemas of a tool are the same in every server
def _tool(module: ModuleType) -> Tool:
    """The function named like its module, as an MCP tool that refuses arguments it does not know."""
    name = module.__name__.rpartition(".")[2]
    missing = [part for part in (name, "ANNOTATIONS", "EXAMPLE") if not hasattr(module, part)]
    if missing:
        raise TypeError(f"tools/{name}.py lacks {', '.join(missing)}: tools/__init__.py says what a tool file holds")
    function = getattr(module, name)
    tool = Tool.from_function(
        function, title=module.ANNOTATIONS.title, description=_prose(function.__doc__), annotations=module.ANNOTATIONS
    )
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    tool.parameters = _plain(_untitled(arguments.model_json_schema(by_alias=True)))
    tool.fn_metadata.output_schema = _output(_untitled(tool.fn_metadata.output_schema))
    return tool


def _prose(docstring: str | None) -> str:
    """A docstring's paragraphs, each on one line."""
    paragraphs = (docstring or "").strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _sendable(text: str) -> str:
    """Text that UTF-8 can carry: a path or a name may hold halves of surrogate pairs, which would stop the wire."""
    return text.encode("utf-8", errors="replace").decode()


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


def _inlined(schema: dict[str, Any]) -> Any:
    """What is defined apart and used once, in its place."""
    defined = schema.get("$defs", {})
    uses = Counter(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema)))

    def placed(part: Any) -> Any:
        if isinstance(part, list):
            return [placed(each) for each in part]
        if not isinstance(part, dict):
            return part
        name = str(part.get("$ref", "")).rpartition("/")[2]
        if uses[name] == 1:
            return placed({**defined[name], **{key: value for key, value in part.items() if key != "$ref"}})
        return {key: placed(value) for key, value in part.items()}

    apart = {name: placed(each) for name, each in defined.items() if uses[name] != 1}
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
    """Optional arguments as plain types: several hosts stumble over `anyOf` with null. Null still means: not given."""
    for argument in schema["properties"].values():
        arms = [arm for arm in argument.get("anyOf", ()) if arm != {"type": "null"}]
        if len(arms) == 1 and argument.get("default", 0) is None:
            del argument["anyOf"], argument["default"]
            argument.update(arms[0])
    return schema


def _reworded(error: ValidationError, parameters: list[str]) -> str:
    details = error.errors(include_url=False, include_input=False)
    said = complaints(details)
    if any(each["type"] == "extra_forbidden" and len(each["loc"]) == 1 for each in details):
        said.append(f"This tool takes: {', '.join(parameters)}.")
    return " ".join([*said, "Correct this and call again."])
