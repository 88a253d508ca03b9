"""The MCP server: finds the tools, publishes their schemas, words bad arguments."""

import re
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, cast
from urllib.parse import unquote

from mcp.server import MCPServer
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, GetPromptResult, InputRequiredResult, Prompt, Resource, ResourceTemplate
from pydantic import ValidationError

from ..calls.arguments import fitted, reworded
from ..calls.checked_schemas import checked_schema
from ..calls.context import AppContext
from ..calls.language import language_of, said
from ..errors import InvalidRequest
from ..text import repair_surrogates
from .asking import as_wanted, asked
from .eras import serve_either_era
from .identity import INSTRUCTIONS, NAME, SAME_FOR_MS, TITLE
from .prompts import Workbench, add_completions
from .resources import add_resources
from .tasks import Tasks
from .tool_files import tool_groups, tools_in
from .tool_schemas import ToolsAtUse
from .version import own_version

SAME_FOR_AN_HOUR = CacheHint(ttl_ms=SAME_FOR_MS, scope="public")
CACHED: tuple[CacheableMethod, ...] = (
    "server/discover", "tools/list", "resources/list", "resources/templates/list", "resources/read",
    "prompts/list",
)  # fmt: skip
# What hosts and gateways set before the names of our tools, and some models repeat: mcp__bailian__chat, functions.chat.
# Another server's name is no name of ours: its tool may cost nothing.
NAMESPACE = re.compile(
    r"(?:[\w-]*(?:__|[./:])|mcp[-_])?bailian(?:[-_ ]?mcp)?(?:__|[-_./:])|(?:functions|tools|default_api)[.:]",
    re.IGNORECASE,
)


class App(MCPServer[AppContext]):
    """MCPServer that words its refusals for a model, in the language of the call, and runs on our standard streams."""

    language = "auto"
    ends: Callable[[], None]  # to be told when no more will be asked, before what runs is stopped
    groups_unread = ""  # what to do about a BAILIAN_TOOLS that cannot be read
    workbench: Workbench
    add_resources: Callable[[], None] | None = None  # until somebody asks for one: most hosts never do

    def offer(self, names: Collection[str], *, structured: bool) -> None:
        self._tool_manager = ToolsAtUse(names, structured=structured)

    async def list_resources(self) -> list[Resource]:
        self._have_resources()
        return await super().list_resources()

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        self._have_resources()
        return await super().list_resource_templates()

    async def read_resource(
        self, uri: Any, context: Context[AppContext, Any] | None = None
    ) -> Iterable[Any] | InputRequiredResult:
        self._have_resources()
        with language_of(self.language, unquote(str(uri))):
            return await super().read_resource(uri, context)

    def _have_resources(self) -> None:
        if add := self.add_resources:
            self.add_resources = None
            add()

    async def list_prompts(self) -> list[Prompt]:
        return self.workbench.listed()

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[AppContext, Any] | None = None
    ) -> GetPromptResult:
        return self.workbench.prompt(name, arguments or {})

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[AppContext, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        with language_of(self.language, arguments), failures_said():
            return await self._answered(name, arguments, context)

    async def _answered(
        self, name: str, arguments: dict[str, Any], context: Context[AppContext, Any] | None
    ) -> CallToolResult | InputRequiredResult:
        """By the tool itself or, where it asks DashScope, by its job, which the host need not wait for."""
        tool = self._tool(name)
        fits = fitted(arguments, checked_schema(tool.fn_metadata.arg_model))
        work = partial(self._called, tool, fits, context)
        if context is None or not (tool.annotations and tool.annotations.open_world_hint):
            return await work()
        shared = context.request_context.lifespan_context
        return as_wanted(shared, await shared.jobs.answer(await asked(context, tool, fits), work))

    def _tool(self, name: str) -> Tool:
        bare = _without_namespace(name)
        tool = self._tool_manager.get_tool(name) or self._tool_manager.get_tool(bare)
        if tool is None:
            raise ToolError(_no_such_tool(bare, self.workbench.tools, self.groups_unread))
        return tool

    async def _called(
        self, tool: Tool, fits: dict[str, Any], context: Context[AppContext, Any] | None
    ) -> CallToolResult:
        """A job's failure has the language of the call that began it, whoever asks for it."""
        with failures_said():
            return await self._call_in_english(tool, fits, context)

    async def _call_in_english(
        self, tool: Tool, fits: dict[str, Any], context: Context[AppContext, Any] | None
    ) -> CallToolResult:
        """As each tool does, this words a failure in English; an answer has its language already."""
        name = tool.name
        try:
            return cast("CallToolResult", await super().call_tool(name, fits, context))  # no tool asks the user
        except UnexpectedToolError as crash:
            raise UnexpectedToolError(
                f"{name} failed inside bailian-mcp, not because of its arguments, and may have been billed: "
                "do not repeat it at once. The server's log on stderr has the details."
            ) from crash.__cause__
        except ToolError as refusal:
            if isinstance(refusal.__cause__, ValidationError):
                parameters = list(tool.parameters["properties"])
                raise InvalidRequest(repair_surrogates(reworded(refusal.__cause__, parameters))) from refusal.__cause__
            own_words = str(refusal).removeprefix(f"Error executing tool {name}: ")
            raise ToolError(repair_surrogates(own_words)) from refusal.__cause__

    def take_no_parameter_headers(self) -> None:
        """No argument of any tool is repeated in a header (`x-mcp-header`): the SDK would walk through a tool's whole
        schema, twice, to see that at each call over HTTP.
        """
        self._lowlevel_server.get_tool_input_schema = _no_schema

    async def run_over(self, read: Any, write: Any) -> None:
        """Serve one host over a pair of message streams until its input ends."""
        await serve_either_era(self._lowlevel_server, read, write)


def build(context: AppContext, *, groups: Collection[str] | None = None, log_level: Any = "WARNING") -> App:
    """The server with the tools of these groups (None: of all), over what all its calls share."""

    @asynccontextmanager
    async def lifespan(_: MCPServer[AppContext]) -> AsyncIterator[AppContext]:
        yield context  # opened by the command: SSE enters a lifespan once per connection

    app = App(
        NAME,
        title=TITLE,
        instructions=INSTRUCTIONS,
        version=own_version(),
        lifespan=lifespan,
        extensions=[Tasks()],
        subscriptions=False,
        cache_hints=dict.fromkeys(CACHED, SAME_FOR_AN_HOUR),
        log_level=log_level,
    )
    app.language = context.language
    app.ends = context.jobs.server_ends
    app.groups_unread = context.mend("BAILIAN_TOOLS")
    app.offer(names := tools_in(groups), structured=context.structured)
    app.workbench = Workbench(context, names)
    add_completions(app, context, names)
    app.add_resources = partial(add_resources, app, context)
    return app


@contextmanager
def failures_said() -> Iterator[None]:
    """What is raised meanwhile, in the language of the call."""
    try:
        yield
    except UnexpectedToolError as crash:
        raise UnexpectedToolError(said(str(crash))) from crash.__cause__
    except ToolError as refusal:
        raise ToolError(said(str(refusal))) from refusal.__cause__


def _no_schema(name: str) -> dict[str, Any]:
    return {}


def _without_namespace(name: str) -> str:
    found = NAMESPACE.match(name)
    return name[found.end() :] if found else name


def _no_such_tool(name: str, tools: Collection[str], groups_unread: str) -> str:
    group = tool_groups().get(name)
    if group and groups_unread:
        return f"{name} is not switched on here. {groups_unread} Tools: {', '.join(tools)}."
    if group:
        return (
            f"{name} is not switched on here: it is one of the {group} tools. Add {group} to BAILIAN_TOOLS in the "
            f"server's environment and restart the server. Tools: {', '.join(tools)}."
        )
    return f"There is no such tool. Tools: {', '.join(tools)}."
