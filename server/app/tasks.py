"""Jobs as tasks of the protocol, for clients that say they know them: then the client waits, and not the model.

https://modelcontextprotocol.github.io/ext-tasks/specification/2026-07-28/tasks
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import require_client_extension
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolRequestParams, CallToolResult, RequestParams, TextContent
from pydantic import Field

from ..calls.client import client_of
from ..calls.jobs import KEPT_S, Asked, Jobs, JobView, job_of
from ..errors import InvalidRequest
from .asking import as_wanted
from .identity import TASKS

MODERN = frozenset({"2026-07-28"})
POLL_MS, TTL_MS = 5_000, int(KEPT_S * 1000)
RequestContext = ServerRequestContext[Any, Any]


class TaskParams(RequestParams):
    """Which task is meant."""

    task_id: str = Field(alias="taskId")


class UpdateParams(TaskParams):
    """Answers to what a task asked; ours ask nothing."""

    input_responses: dict[str, Any] = Field(alias="inputResponses")


class Tasks(Extension):
    """A call that said RUNNING, and how it is asked about."""

    identifier = TASKS

    def methods(self) -> Sequence[MethodBinding]:
        return (
            MethodBinding("tasks/get", TaskParams, _get, MODERN),
            MethodBinding("tasks/update", UpdateParams, _update, MODERN),
            MethodBinding("tasks/cancel", TaskParams, _cancel, MODERN),
        )

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: RequestContext, call_next: CallNext
    ) -> HandlerResult:
        result = await call_next(ctx)
        id = job_of(result) if isinstance(result, CallToolResult) else ""
        if not id or not _declared(ctx):
            return result
        return {"resultType": "task", **_task(await _viewed(ctx, id))}


def _declared(ctx: RequestContext) -> bool:
    """Whether this client, with this request, says that it knows tasks."""
    capabilities = ctx.session.client_capabilities if ctx.protocol_version in MODERN else None
    return TASKS in ((capabilities and capabilities.extensions) or {})


async def _get(ctx: RequestContext, params: TaskParams) -> HandlerResult:
    view = await _viewed(ctx, params.task_id)
    task = _task(view)
    if task["status"] == "completed":
        task["result"] = await _result(ctx, view.id)
    return task


async def _update(ctx: RequestContext, params: UpdateParams) -> HandlerResult:
    """What no task of ours asked for is ignored, as the specification says."""
    await _viewed(ctx, params.task_id)
    return {}


async def _cancel(ctx: RequestContext, params: TaskParams) -> HandlerResult:
    view = await _viewed(ctx, params.task_id)
    await _jobs(ctx).cancel(view.id, view.client)
    return {}


async def _viewed(ctx: RequestContext, id: str) -> JobView:
    """Raises MCPError: the client did not say that it knows tasks, or has none of that id."""
    require_client_extension(ctx, TASKS)
    try:
        return await _jobs(ctx).view(id, client_of(ctx.request))
    except InvalidRequest as unknown:
        raise MCPError(INVALID_PARAMS, str(unknown)) from None


async def _result(ctx: RequestContext, id: str) -> dict[str, Any]:
    """As the call itself would have answered."""
    asked = Asked("tasks/get", client_of(ctx.request), str, 0)  # tasks have no progress
    try:
        result = await _jobs(ctx).told(id, asked)
    except ToolError as error:
        result = CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True)
    wanted = as_wanted(ctx.lifespan_context, result)
    return wanted.model_dump(mode="json", by_alias=True, exclude_none=True)


def _task(view: JobView) -> dict[str, Any]:
    """`failed` is for faults of the protocol: a call that failed has completed, with an error as its result."""
    status = {"running": "working", "cancelled": "cancelled"}.get(view.state, "completed")
    times = {"createdAt": _iso(view.started_at), "lastUpdatedAt": _iso(view.seen_at)}
    return {"taskId": view.id, "status": status, **times, "ttlMs": TTL_MS, "pollIntervalMs": POLL_MS}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _jobs(ctx: RequestContext) -> Jobs:
    jobs: Jobs = ctx.lifespan_context.jobs
    return jobs
