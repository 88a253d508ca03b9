"""What became of a call that the host did not wait for; and the rest of an answer that was longer than it takes."""

from typing import Annotated

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import ConfigDict, Field

from ..server.calls.call import BoundCall, Call
from ..server.calls.delivery import NOTE_CHARS
from ..server.calls.language import said
from ..server.calls.result import tool_result
from ..server.catalog import Frozen
from ..server.errors import InvalidRequest

ANNOTATIONS = ToolAnnotations(
    title="Get the result of a long call, read on a long answer (百炼长任务)",
    read_only_hint=False,  # it ends a call where it is told to
    destructive_hint=False,
    idempotent_hint=True,
    open_world_hint=False,
)
EXAMPLE: dict[str, object] = {}
MAX_WAIT_S, MAX_JOBS_LISTED = 600, 20
NO_JOBS = "No jobs: a call that takes longer than this host waits becomes one, and says its id."
NO_LIST = "Give the id that the call told: jobs are listed for a token of one's own (BAILIAN_HTTP_TOKENS)."


class JobResult(Frozen):
    """What the job's own tool gives; while it runs: its id and its state."""

    model_config = ConfigDict(extra="allow")


async def job(
    call: BoundCall,
    id: Annotated[str, Field(description="As an answer's first line says; empty: lists your jobs of 24 hours")] = "",
    wait_s: Annotated[
        float,
        Field(description="Seconds to wait for it, at most as this host does", ge=0, le=MAX_WAIT_S),
    ] = 40,
    cancel: Annotated[bool, Field(description="End it; what has come is kept")] = False,
    offset: Annotated[int, Field(description="Of a long answer: the character to begin with", ge=0)] = 0,
) -> Annotated[CallToolResult, JobResult]:
    """Get the result of a call that said RUNNING, or read on a long answer.

    Exactly as its tool would have given it, and free: the call was paid when it was made, never repeat it. Results are
    kept for 24 hours.
    """
    name = id.strip()
    if not name and (cancel or offset):
        raise InvalidRequest("id is required with cancel or offset. job() lists your jobs.")
    if not name:
        return await _listed(call)
    if not offset:
        return await call.job(name, wait_s, cancel=cancel)
    return _piece(call, name, await call.context.jobs.text(name, call.client), offset)


async def _listed(call: Call) -> CallToolResult:
    if not call.client:
        raise InvalidRequest(NO_LIST)
    jobs = call.context.jobs
    rows = await jobs.of(call.client)
    listed = rows[:MAX_JOBS_LISTED]
    lines = [
        f'job(id="{row.id}") {row.tool}, {row.state}, begun {_lapse(jobs.now() - row.started_at)} ago' for row in listed
    ]
    lines += [f"{len(rows) - MAX_JOBS_LISTED} more, older ones"] if len(rows) > MAX_JOBS_LISTED else []
    data = JobResult.model_validate({"jobs": [{"id": row.id, "tool": row.tool, "state": row.state} for row in listed]})
    return tool_result(data, "\n".join(map(said, lines)) or said(NO_JOBS))


def _lapse(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _piece(call: Call, id: str, text: str, offset: int) -> CallToolResult:
    """Characters `start` to `end` of `total_chars`."""
    if offset >= len(text):
        raise InvalidRequest(f"That answer has {len(text):,} characters: give a smaller offset.")
    end = call.text_limit.less(NOTE_CHARS).fitting(text, offset)
    piece = {"id": id, "piece": text[offset:end], "start": offset, "end": end, "total_chars": len(text)}
    next_step = f'next: job(id="{id}", offset={end})' if end < len(text) else "the end"
    facts = (f"characters {offset:,} to {end:,} of {len(text):,}", next_step)
    return tool_result(JobResult.model_validate(piece), f"[{' | '.join(map(said, facts))}]\n{piece['piece']}")
