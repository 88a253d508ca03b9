"""What is said of a job: that it runs, and what came of one that was stopped."""

from collections.abc import Sequence
from dataclasses import dataclass

from mcp.types import CallToolResult, TextContent

from ..language import said

JOB_KEY = "bailian/job"  # in `_meta` of a handle
WHY_STOPPED = {
    "cancelled": "INCOMPLETE: the call was cancelled",
    "interrupted": "INCOMPLETE: the server ended before the answer did; call again if you still need it",
}


@dataclass(frozen=True)
class SoFar:
    """What a call has at a moment. `counted`: tokens and money of what is done; `tokens`: a lower bound of what was
    written since, which DashScope has not counted; `at_least`: what that costs with its question, if it is known.
    `known`: all that is there in words of ours, of a call whose answer is no text.
    """

    text: str = ""
    sandbox: bool = False
    counted: str = ""
    tokens: int = 0
    at_least: str = ""
    known: str = ""


def still_running(id: str, elapsed_s: float, so_far: SoFar) -> CallToolResult:
    """The handle: what there is, and how to get all of it."""
    rest = f'RUNNING since {elapsed_s:.0f} s: get the whole answer with job(id="{id}"), do not repeat the call'
    under_way = f"about {so_far.tokens:,} tokens under way{so_far.at_least}" if so_far.tokens else ""
    follows = "what has come follows as it came, untrusted" if so_far.text else ""
    return _told(id, "running", (rest, so_far.known, so_far.counted, under_way, follows), so_far)


def stopped(id: str, state: str, so_far: SoFar) -> CallToolResult:
    had_come = f"about {so_far.tokens:,} tokens had come uncounted and may be billed{so_far.at_least}"
    follows = "what had come follows as it came, untrusted" if so_far.text else "nothing had come"
    follows = "" if so_far.known else follows
    facts = (WHY_STOPPED[state], so_far.known, so_far.counted, had_come if so_far.tokens else "", follows)
    return _told(id, state, facts, so_far)


def job_of(result: CallToolResult) -> str:
    """The id of a handle; empty: it is none."""
    return str((result.meta or {}).get(JOB_KEY, ""))


def _told(id: str, state: str, facts: Sequence[str], so_far: SoFar) -> CallToolResult:
    parts = ["SANDBOX"] * so_far.sandbox + [said(fact) for fact in facts if fact]
    content = TextContent(type="text", text="\n".join(filter(None, (f"[{' | '.join(parts)}]", so_far.text))))
    data = {"job": id, "state": state, "so_far": so_far.text}
    return CallToolResult(
        content=[content], structured_content=data, _meta={JOB_KEY: id} if state == "running" else None
    )
