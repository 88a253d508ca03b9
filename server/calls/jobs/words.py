"""What is said of a job: that it runs, and what came of one that was stopped."""

from dataclasses import dataclass

from mcp.types import CallToolResult, TextContent

from ..language import said

JOB_KEY = "bailian/job"  # in `_meta` of a handle
WHY_STOPPED = {
    "cancelled": "INCOMPLETE: the call was cancelled; what had come follows",
    "interrupted": "INCOMPLETE: the server ended before the answer did; what had come follows",
}


@dataclass(frozen=True)
class SoFar:
    """What a call has at a moment: its text, and its tokens and money in words of ours."""

    text: str = ""
    facts: tuple[str, ...] = ()


def still_running(id: str, elapsed_s: float, so_far: SoFar) -> CallToolResult:
    """The handle: what there is, and how to get the rest."""
    rest = f'RUNNING since {elapsed_s:.0f} s: get the rest with job(id="{id}"), do not repeat the call'
    return _told(id, "running", (rest, *so_far.facts), so_far.text)


def stopped(id: str, state: str, so_far: SoFar) -> CallToolResult:
    return _told(id, state, (WHY_STOPPED[state], *so_far.facts), so_far.text)


def _told(id: str, state: str, facts: tuple[str, ...], text: str) -> CallToolResult:
    line = f"[{' | '.join(map(said, facts))}]"
    content = TextContent(type="text", text="\n".join(filter(None, (line, text))))
    meta = {JOB_KEY: id} if state == "running" else None
    return CallToolResult(content=[content], structured_content={"job": id, "state": state}, _meta=meta)


def job_of(result: CallToolResult) -> str:
    """The id of a handle; empty: it is none."""
    return str((result.meta or {}).get(JOB_KEY, ""))
