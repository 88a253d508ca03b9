"""A tools/call of MCP as the jobs see it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult

from ..calls.client import client_of, has_gone, waits_s
from ..calls.context import AppContext
from ..calls.host_limits import client_name, text_limit
from ..calls.jobs import Asked
from ..calls.question import question_of
from ..errors import InvalidRequest


async def asked(ctx: Context[AppContext, Any], tool: Tool, arguments: Mapping[str, Any]) -> Asked:
    """Who asks what, and how long that host waits.

    Raises:
        InvalidRequest: how long that may be cannot be read.
    """
    request = ctx.request_context
    shared = request.lifespan_context
    if unreadable := shared.mend("BAILIAN_SOFT_TIMEOUT_S"):
        raise InvalidRequest(unreadable)
    client = client_of(request.request)  # those without a name may be many: they join nobody
    limit = text_limit(client_name(request))
    return Asked(
        tool=tool.name,
        client=client,
        question=await question_of(shared, tool.name, tool.fn_metadata.arg_model, arguments, limit) if client else str,
        patience_s=waits_s(request, shared.soft_timeout_s),
        report=ctx.report_progress,
        vanished=partial(has_gone, request.request),
    )


def as_wanted(shared: AppContext, result: CallToolResult) -> CallToolResult:
    """A job's result has data; only programs that ask for data get it."""
    return result if shared.structured else result.model_copy(update={"structured_content": None})
