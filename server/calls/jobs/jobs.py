"""All jobs of a process: begun, waited for, joined, cancelled, and kept."""

import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
from mcp.types import CallToolResult

from ...errors import InvalidRequest
from ...spending import Database, JobRow, KeptJobs, StateStore
from ...text import printable
from ..language import said
from ..result import with_fact
from .asked import Asked
from .bounds import Bounds
from .elsewhere import Elsewhere
from .job import CURRENT_JOB, Job
from .outcome import Outcome
from .remembered import Remembered
from .words import WHY_STOPPED, SoFar, still_running

CLEAN_EVERY_S, HANDLE_WAITS_S = 3_600, 0.3
MAX_UNWRITTEN = 100
Work = Callable[[], Awaitable[CallToolResult]]
JOINED = "the same call was running already: joined, billed once"
REPLAYED = "answered before, but it reached nobody: not billed again"


class Jobs:
    """`async with Jobs(state_folder) as jobs`, or with another `store`; outside of the block a call is simply made.

    The block's task group owns every call: cancelling a request leaves its job to whoever else waits for it.
    """

    def __init__(
        self,
        folder: Path | None = None,
        bounds: Bounds | None = None,
        now: Callable[[], float] = time.time,
        store: StateStore | None = None,
    ) -> None:
        self.database: StateStore = store or Database(folder)  # what else outlives a process is kept there too
        self._bounds = bounds or Bounds()
        self.now = now
        self._kept = KeptJobs(self.database, now)
        self._elsewhere = Elsewhere(self._kept, self._bounds, now)
        self._running: dict[str, Job] = {}
        self.unwritten: dict[str, Job] = {}  # that have ended, while nothing could be written
        self._last_work = AsyncExitStack()  # once all has ended
        self._server_ends = False
        self._remembered = Remembered(self._bounds.max_remembered_chars)
        self._tasks: anyio.abc.TaskGroup | None = None
        self._stack = AsyncExitStack()

    def before_close(self, work: Callable[[], Awaitable[None]]) -> None:
        """To be done once all has ended, while the store is still open."""
        self._last_work.push_async_callback(work)

    async def __aenter__(self) -> Self:
        self._stack.push_async_callback(self.database.aclose)
        await self._stack.enter_async_context(self._last_work)
        self.before_close(self._keep_unwritten)
        self._tasks = await self._stack.enter_async_context(anyio.create_task_group())
        self._tasks.start_soon(self._keep_house)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        """What runs is stopped, and what came of it kept."""
        assert self._tasks
        self._tasks.cancel_scope.cancel()
        return await self._stack.__aexit__(kind, fault, traceback)

    def server_ends(self) -> None:
        """From here on nobody who waits no more has cancelled anything: it ends for them all."""
        self._server_ends = True

    # --- a tools/call ---

    async def answer(self, asked: Asked, work: Work) -> CallToolResult:
        """What the tool gives or raises; where the host will not wait for it, a handle."""
        if self._tasks is None:
            return await work()
        if row := await self._undelivered(asked):
            return _marked(await self._heard(row, asked), REPLAYED)
        joined = self._like(asked)
        if joined is None and (same := await self._elsewhere.same(asked, self._is_ours)):
            return await self._from_elsewhere(same, asked, work)
        return await self._here(joined, asked, work)

    async def _here(self, joined: Job | None, asked: Asked, work: Work) -> CallToolResult:
        """Of a job of this process, which is begun where there is none to join."""
        result = await self._waited_for(joined or self._begun(asked, work), asked)
        return _marked(result, JOINED) if joined else result

    async def _undelivered(self, asked: Asked) -> JobRow | None:
        """What reached nobody, nor has another process given it since."""
        row = self._remembered.undelivered(asked, self.now())
        kept = row and await self._kept.find(row.id)
        if kept and kept.state == "done" and not kept.replay_until:
            self._remembered.add(kept)
            return None
        return row

    async def _from_elsewhere(self, same: JobRow, asked: Asked, work: Work) -> CallToolResult:
        """What comes of the same question in another process; where that is nothing, it is asked here, once."""
        began, began_at = anyio.current_time(), self.now()
        row = await self._elsewhere.ended(same, asked)
        if row and row.state not in WHY_STOPPED:
            return _marked(await self._standing(row, asked), REPLAYED if same.replay_until else JOINED)
        left = asked.after(anyio.current_time() - began)
        return await self._here(self._like(left, since=began_at), left, work)

    def _is_ours(self, id: str) -> bool:
        return id in self._running or id in self.unwritten or self._remembered.get(id) is not None

    def _begun(self, asked: Asked, work: Work) -> Job:
        assert self._tasks
        job = Job(asked, self.now())
        self._running[job.id] = job
        self._tasks.start_soon(self._run, job, work)
        return job

    def _like(self, asked: Asked, since: float = float("inf")) -> Job | None:
        """The same question that has been running for a while, or was begun since."""
        before = self.now() - self._bounds.join_after_s
        old = [job for job in self._running.values() if job.started_at <= before or job.started_at >= since]
        running = (job for job in old if not job.ended.is_set() and not job.cancelled)
        return next((job for job in running if asked.asks_the_same(job.asked.client, job.asked.key)), None)

    async def _run(self, job: Job, work: Work) -> None:
        """In a task of its own, which nothing but the end of the server, a bound or a cancel ends."""
        outcome = None
        try:
            with job.scope:
                job.scope.deadline = anyio.current_time() + self._bounds.max_job_s
                CURRENT_JOB.set(job)
                outcome = await _outcome(work)
        finally:
            job.end(outcome)
            if not job.listeners and self._worth_keeping(job):
                await self._settle(job)

    async def _waited_for(self, job: Job, asked: Asked) -> CallToolResult:
        job.listeners.append(asked.report)
        heard = False
        try:
            with anyio.move_on_after(asked.patience_s):
                await job.ended.wait()
            if not job.ended.is_set():
                await self._hand_out(job)
            heard = True
        finally:
            job.listeners.remove(asked.report)
            self._left(job, heard=heard, vanished=asked.vanished())
        return job.outcome.give() if job.outcome else job.handle(self.now())

    async def _hand_out(self, job: Job) -> None:
        """A client with very many running ones is kept waiting instead."""
        offered = sum(each.offered and each.asked.client == job.asked.client for each in self._running.values())
        if offered >= self._bounds.max_handed_out and not job.offered:
            await job.ended.wait()
            return
        job.offered = True
        assert self._tasks
        written = anyio.Event()
        self._tasks.start_soon(self._keep, [job], written)
        with anyio.move_on_after(HANDLE_WAITS_S):  # no longer for a disk
            await written.wait()

    def _left(self, job: Job, *, heard: bool, vanished: bool) -> None:
        """Somebody waits no more: with what there is, or since the host cancelled."""
        assert self._tasks
        if job.ended.is_set():
            job.delivered = job.delivered or (heard and not vanished)
            if not job.listeners and self._worth_keeping(job):
                self._tasks.start_soon(self._settle, job)
        elif heard:
            job.handed_out = True
        elif job.kept:
            self._tasks.start_soon(self._keep, [job])  # which tells whether somebody waits elsewhere
        else:
            self._end_unless_awaited(job)

    def _end_unless_awaited(self, job: Job) -> None:
        awaited = job.listeners or job.handed_out or job.awaited_until > self.now()
        if not (awaited or job.ended.is_set() or self._server_ends):
            job.cancel()

    # --- what is kept ---

    def _worth_keeping(self, job: Job) -> bool:
        """Of an ended job, which nobody waits for any more."""
        self._running.pop(job.id, None)
        return job.kept or job.handed_out or not job.delivered

    async def _settle(self, job: Job) -> None:
        """It is remembered if anybody could ask for it; else nothing of it stays."""
        unseen = not job.handed_out and (job.delivered or not job.has_anything)
        if unseen and job.kept:
            unseen = await self._kept.forget(job.id)
        if not unseen:
            self._remembered.add(job.row(self.now(), self._bounds.replay_s))
            await self._keep([job])

    async def _keep(self, jobs: list[Job], written: anyio.Event | None = None) -> None:
        """Their rows; what others wish of them is done."""
        now = self.now()
        for job in jobs:
            job.kept = True  # from here on: what ends meanwhile is to be forgotten after it was written
        rows = [job.row(now, self._bounds.replay_s) for job in jobs]
        wishes = await self._kept.keep(rows)
        if wishes is None:
            self.unwritten |= {job.id: job for job in jobs if job.ended.is_set()}
        for wish in wishes or ():
            if job_wished := self._running.get(wish.id):
                job_wished.awaited_until = wish.awaited_until
                if wish.to_end:
                    job_wished.cancel()
        for job in jobs:
            self._end_unless_awaited(job)
        if written:
            written.set()

    async def _keep_unwritten(self) -> None:
        """What could not be written when it ended, until it can."""
        jobs, self.unwritten = list(self.unwritten.values())[-MAX_UNWRITTEN:], {}
        if jobs:
            await self._keep(jobs)

    async def _keep_house(self) -> None:
        """What a process that is killed would lose is written every few seconds."""
        cleaned = float("-inf")
        while True:
            if self.database.exists and self.now() - cleaned > CLEAN_EVERY_S:
                cleaned = self.now()
                await self._kept.forget_old()
            await anyio.sleep(self._bounds.snapshot_s)
            await self._keep_unwritten()
            old = self.now() - self._bounds.snapshot_s
            if jobs := [job for job in self._running.values() if job.started_at <= old and not job.ended.is_set()]:
                await self._keep(jobs)

    async def _standing(self, row: JobRow, asked: Asked) -> CallToolResult:
        """What another process has of it."""
        if row.state == "running":
            return still_running(row.id, self.now() - row.started_at, SoFar())
        return await self._heard(row, asked)

    async def _heard(self, row: JobRow, asked: Asked) -> CallToolResult:
        """Given once: then it has reached somebody."""
        if row.replay_until and not asked.vanished():
            self._remembered.add(row.heard())
            await self._kept.keep([row.heard()])
        return Outcome.of(row.state, row.content).give()

    # --- answers that are longer than the host takes ---

    def keep_text(self, tool: str, client: str, text: str) -> str:
        """Keep a whole answer to be read on; the id of its job, which is kept for that."""
        job = CURRENT_JOB.get() or Job(Asked(tool, client, str, 0), self.now())
        job.whole, job.handed_out = text, True
        if job.id not in self._running:  # nobody opened jobs, or the tool that asks is none
            job.outcome = Outcome("done", CallToolResult(content=[]))
            self._remembered.add(job.row(self.now(), 0))
        return job.id

    async def text(self, id: str, client: str) -> str:
        """The whole of such an answer. Raises InvalidRequest: this client has none of that id, or it was no longer."""
        whole = str(json.loads((await self.view(id, client)).content).get("whole", ""))
        if not whole:
            raise InvalidRequest(f"Nothing more of job {printable(id)} lies behind an offset: call again without one.")
        return whole

    # --- the tool `job` ---

    async def told(self, id: str, asked: Asked, *, cancel: bool = False) -> CallToolResult:
        """What a job gave, once it has, or how far it is.

        Raises:
            InvalidRequest: there is none of that id, or it is another client's, which is told in the same words.
        """
        if cancel:
            await self.cancel(id, asked.client)
        job = self._running.get(id)
        if job and job.asked.client == asked.client:
            return await self._waited_for(job, asked)
        row = await self.view(id, asked.client)
        if row.state == "running":
            row = await self._elsewhere.ended(row, asked) or await self.view(id, asked.client)
        return await self._standing(row, asked)

    async def cancel(self, id: str, client: str) -> None:
        """Raises InvalidRequest as `told` does."""
        await self.view(id, client)
        if job := self._running.get(id):
            job.cancel()
        else:
            await self._kept.ask_to_cancel(id)

    async def view(self, id: str, client: str) -> JobRow:
        """How a job stands. Raises InvalidRequest as `told` does."""
        self._remembered.forget_old(self.now())
        job = self._running.get(id)
        row = job.row(self.now(), 0) if job else self._remembered.get(id)
        row = row or (await self._kept.find(id) if id.isascii() else None)  # half a letter would be no text for SQLite
        if row is None or row.client != client:
            raise InvalidRequest(
                f"There is no job {printable(id)}: its id is another, or its answer was kept for a day and is gone. "
                "job() lists yours; what stands last in an answer's line is for cost(request_id=...)."
            )
        return row

    async def of(self, client: str) -> list[JobRow]:
        """The jobs of a client, the newest first."""
        now = self.now()
        self._remembered.forget_old(now)
        rows = {row.id: row for row in await self._kept.of(client)}
        rows |= {row.id: row for row in self._remembered.of(client)}
        rows |= {
            job.id: job.row(now, 0) for job in self._running.values() if job.handed_out and job.asked.client == client
        }
        return sorted(rows.values(), key=lambda row: row.started_at, reverse=True)


async def _outcome(work: Work) -> Outcome:
    """Whatever it raises is the host's to hear, in the request that asked."""
    try:
        return Outcome("done", await work())
    except Exception as error:  # noqa: BLE001 - raised again to everybody who waits
        return Outcome("failed", error=error)


def _marked(result: CallToolResult, fact: str) -> CallToolResult:
    (block,) = result.content
    text = with_fact(block.text, said(fact))  # type: ignore[union-attr]  # every result of ours is one text
    return result.model_copy(update={"content": [block.model_copy(update={"text": text})]})
