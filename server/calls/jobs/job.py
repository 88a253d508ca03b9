"""One call that runs in a task of its own, whoever waits for it."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import anyio
from mcp.types import CallToolResult

from ...spending import JobRow, JobState
from ..language import IN_CHINESE, language_of
from ..salvage import Salvage
from .asked import Asked, Report
from .outcome import Outcome
from .words import SoFar, still_running, stopped

JOB_ID_BYTES = 8  # who knows an id may read, so none can be guessed
CURRENT_JOB: ContextVar["Job | None"] = ContextVar("current_job", default=None)


@dataclass(eq=False)
class Job:
    """A running call, or one that has ended a moment ago."""

    asked: Asked
    started_at: float  # seconds since 1970
    chinese: bool = field(default_factory=IN_CHINESE.get)  # what is said of it, whoever asks
    id: str = field(default_factory=lambda: token_hex(JOB_ID_BYTES))
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ended: anyio.Event = field(default_factory=anyio.Event)
    outcome: Outcome | None = None
    so_far: Callable[[], SoFar] = SoFar
    listeners: list[Report] = field(default_factory=list)
    whole: str = ""  # its answer, where that is longer than the host takes
    offered: bool = False  # its id is on its way to somebody
    handed_out: bool = False  # somebody has its id
    delivered: bool = False  # somebody has its result
    kept: bool = False  # it has a row
    cancelled: bool = False
    awaited_until: float = 0  # somebody waits for it in another process, at most until then

    async def report(self, *progress: Any) -> None:
        """To everybody who waits."""
        for report in tuple(self.listeners):
            await report(*progress)

    def now_there(self) -> SoFar:
        """What it has; nothing where that cannot be told."""
        with Salvage("what a job has so far could not be told"):
            return self.so_far()
        return SoFar()

    def cancel(self) -> None:
        self.cancelled = True
        self.scope.cancel()

    def end(self, outcome: Outcome | None) -> None:
        """None: it was stopped, by somebody or with the server."""
        state: JobState = "cancelled" if self.cancelled else "interrupted"
        self.outcome = outcome or Outcome(state, stopped(self.id, state, self.now_there()))
        self.ended.set()

    @property
    def has_anything(self) -> bool:
        """Whether an answer, or anything of one, came."""
        return (self.outcome is not None and self.outcome.state == "done") or bool(self.now_there().text)

    def handle(self, now: float) -> CallToolResult:
        """What is told of it while it runs."""
        with language_of("zh" if self.chinese else "en", None):
            return still_running(self.id, now - self.started_at, self.now_there())

    def row(self, now: float, replay_s: float) -> JobRow:
        """As it is kept: of a running one, what there would be if the process ended here."""
        outcome = self.outcome or Outcome("running", stopped(self.id, "interrupted", self.now_there()))
        state = outcome.state
        undelivered = state == "done" and not self.delivered
        replay_until = now + replay_s if undelivered and self.asked.key else 0
        return JobRow(
            id=self.id,
            client=self.asked.client,
            tool=self.asked.tool,
            key=self.asked.key,
            state=state,
            started_at=self.started_at,
            seen_at=now,
            replay_until=replay_until,
            content=outcome.content(self.whole),
        )
