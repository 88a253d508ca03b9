"""Batches at DashScope: each request file is uploaded, created, followed, and its results are brought here.

Any step may be the last of a process; the next one goes on from there. To create is noted first, and found again by our
own name.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint_if_cancelled

from ...calls.ask import RequestPlan
from ...calls.batched import BatchedRequests, batched_plan
from ...calls.call import Call
from ...dashscope import Batches, DashScopeError, FileBatch, StoredFiles
from .replies import reply_of, was_refused
from .work import WorkFolder, json_lines, line_at

POLL_S = 60.0  # as the page advises, at least
SANDBOX_POLL_S = 0.02  # it answers when it is looked at; what only says that it is one, is soon looked at as others
LIST_AGAIN_S, LOOKS = 2.0, 3  # for a batch that may have been created: its list may be late
RESULT_LOOKS = 4  # where fewer results are there than DashScope counts
CANCEL_S = 5.0
MAX_SAID_CHARS = 300
FoundLines = dict[str, tuple[Path | None, int]]
BatchTold = Callable[[str], Awaitable[None]]
_Step = TypeVar("_Step")
_Failure = TypeVar("_Failure", bound=BaseException)


@dataclass(frozen=True)
class Shard:
    """One request file. Names of what belongs to it are made of its own."""

    requests: str

    @property
    def replies(self) -> str:
        return self.requests.replace("requests", "replies")

    @property
    def failures(self) -> str:
        return self.requests.replace("requests", "failures")


@dataclass
class _State:
    """How far a shard is, by the journal."""

    file: str = ""
    creating: str = ""
    batch: str = ""
    over: str = ""
    why: str = ""
    lost: str = ""
    sandbox: str = ""


@dataclass(frozen=True)
class Brought:
    """`why`: nothing of it was taken up; `lost`: what has no answer was, as DashScope counts."""

    why: str = ""
    lost: bool = False
    sandbox: bool = False


class Shards:
    """All of one batch of ours."""

    def __init__(self, call: Call, work: WorkFolder, requests: BatchedRequests, window: str) -> None:
        self._call, self._work, self._requests, self._window = call, work, requests, window
        rest = call.context.dashscope.rest
        self._files, self._batches = StoredFiles(rest), Batches(rest)
        self._states: dict[str, _State] = {}
        for event in work.events():
            if name := event.get("shard"):
                state = self._states.setdefault(str(name), _State())
                vars(state).update({key: str(value) for key, value in event.items() if key != "shard"})

    @property
    def over(self) -> dict[Shard, Brought]:
        """Those whose results are here."""
        states = self._states.items()
        return {
            Shard(name): Brought(state.why, bool(state.lost), bool(state.sandbox))
            for name, state in states
            if state.over
        }

    async def bring(self, shards: list[Shard], told: BatchTold) -> None:
        """All of them, to their end."""
        try:
            async with anyio.create_task_group() as tasks:
                for shard in shards:
                    if not self._state(shard).over:
                        tasks.start_soon(self._bring, shard, told)
        except BaseExceptionGroup as several:
            failures, rest = several.split(DashScopeError)
            if rest or failures is None:
                raise
            raise first_of(failures) from None

    def _state(self, shard: Shard) -> _State:
        return self._states.setdefault(shard.requests, _State())

    async def _bring(self, shard: Shard, told: BatchTold) -> None:
        try:
            batch = await self._created(shard)
            ended = await self._followed(batch, told)
        except anyio.get_cancelled_exc_class():
            if self._call.was_cancelled and (id := self._state(shard).batch):
                await self._cancel(id)
            raise
        await self._collect(shard, ended)
        self._note(shard, durable=True, over=ended.status, sandbox="sandbox" if ended.sandbox else "")

    async def _taken(self, shard: Shard, step: Awaitable[_Step]) -> _Step:
        """What a step gave. Where DashScope refuses it, its inputs are planned anew when somebody asks again."""
        try:
            return await step
        except DashScopeError as error:
            if error.refused_at_once:
                self._note(shard, durable=True, over="unsent")
                for key in self._keys(shard):
                    await self._requests.release(key)
            raise

    def _note(self, shard: Shard, *, durable: bool = False, **event: str) -> None:
        self._work.note(durable=durable, shard=shard.requests, **event)
        vars(self._state(shard)).update(event)

    # --- sent once ---

    async def _created(self, shard: Shard) -> FileBatch:
        state = self._state(shard)
        if state.batch:
            return await self._batches.told(state.batch)
        if not state.file:
            with self._work.file(shard.requests).open("rb") as content:
                name = f"{self._name(shard)}.jsonl"
                stored = await self._taken(shard, self._files.upload("batch", name, content))
            self._note(shard, file=stored.id)
        batch = await self._found(shard) if state.creating else None
        if batch is None:
            self._note(shard, durable=True, creating=self._name(shard))
            batch = await self._taken(shard, self._batches.create(state.file, self._name(shard), self._window))
        self._note(shard, durable=True, batch=batch.id)
        return batch

    async def _found(self, shard: Shard) -> FileBatch | None:
        """What an earlier process may have created and did not live to note."""
        for _ in range(LOOKS):
            if batch := await self._batches.named(self._name(shard)):
                return batch
            await anyio.sleep(LIST_AGAIN_S if not self._call.context.sandboxed else SANDBOX_POLL_S)
        return None

    def _name(self, shard: Shard) -> str:
        plan = self._work.plan or {}
        return f"bailian-mcp {plan.get('batch', '')} {shard.requests.removesuffix('.jsonl')}"

    async def _followed(self, batch: FileBatch, told: BatchTold) -> FileBatch:
        looks = 0
        while not batch.is_over:
            counted = f" {batch.completed + batch.failed:,} of {batch.total:,}" if batch.total else ""
            await told(f"batch {batch.status}{counted}")
            async with self._call.heartbeat(f"batch {batch.status}"):
                await self._pause(batch, looks)
            batch, looks = await self._batches.told(batch.id), looks + 1
        return batch

    async def _pause(self, batch: FileBatch, looks: int) -> None:
        await anyio.sleep(min(POLL_S, SANDBOX_POLL_S * 1.2 ** min(looks, 99)) if batch.sandbox else POLL_S)

    async def _cancel(self, id: str) -> None:
        """Somebody wants no more of it: what is answered by then is billed, and collected by the same call again."""
        with anyio.move_on_after(CANCEL_S, shield=True):
            try:
                await self._batches.cancel(id)
            except DashScopeError:
                return

    # --- brought here ---

    async def _collect(self, shard: Shard, batch: FileBatch) -> None:
        """The results, whole; and what each request counts for, settled."""
        found, lost = await self._results(shard, batch)
        priced = batched_plan({**self._first_body(shard), "messages": []})
        for key, (file, at) in found.items():
            await checkpoint_if_cancelled()
            if file:
                await self._settle(key, line_at(file, at), priced, batch)
            elif lost:
                await self._requests.lost(key, sandbox=batch.sandbox)
            else:
                await self._requests.release(key)
        if lost:
            self._note(shard, lost="lost")
        elif batch.errors:
            self._note(shard, why="; ".join(batch.errors)[:MAX_SAID_CHARS])

    async def _results(self, shard: Shard, batch: FileBatch) -> tuple[FoundLines, bool]:
        """Where they are; and whether DashScope counts more of it as done than it gives, also after a while."""
        found: FoundLines = {}
        for look in range(RESULT_LOOKS):
            if look:
                await self._pause(batch, look)
                batch = await self._batches.told(batch.id)
            await self._download(batch.output_file_id, shard.replies)
            await self._download(batch.error_file_id, shard.failures)
            found = await self._found_lines(shard)
            done = len(found) if batch.status == "completed" else min(len(found), batch.completed + batch.failed)
            if sum(file is not None for file, _ in found.values()) >= done:
                return found, False
        return found, True

    async def _found_lines(self, shard: Shard) -> FoundLines:
        """Read in a thread: half a GB may have come."""
        return await to_thread.run_sync(found_lines, self._work, shard)

    async def _download(self, id: str, name: str) -> None:
        part = self._work.file(f"{name}.part")
        with part.open("wb") as file:
            if id:
                async for piece in self._files.content(id):
                    file.write(piece)
                file.write(b"\n")
        part.replace(self._work.file(name))

    async def _settle(self, key: str, line: Mapping[str, Any], priced: RequestPlan, batch: FileBatch) -> None:
        """`priced`: what is the same for all lines of a file."""
        if reply := reply_of(line, sandbox=batch.sandbox):
            await self._requests.answered(key, priced, reply)
        elif was_refused(line):
            await self._requests.refused(key, "", sandbox=batch.sandbox)
        else:
            await self._requests.lost(key, sandbox=batch.sandbox)

    def _keys(self, shard: Shard) -> list[str]:
        return [str(line["custom_id"]) for _, line in json_lines(self._work.file(shard.requests))]

    def _first_body(self, shard: Shard) -> dict[str, Any]:
        return next(dict(line["body"]) for _, line in json_lines(self._work.file(shard.requests)))


def found_lines(work: WorkFolder, shard: Shard) -> FoundLines:
    """Of each request where its first line is; None: nowhere. What nobody asked for is left out."""
    found: FoundLines = {str(line["custom_id"]): (None, 0) for _, line in json_lines(work.file(shard.requests))}
    for file in (work.file(shard.replies), work.file(shard.failures)):
        for at, line in json_lines(file):
            key = line.get("custom_id")
            if isinstance(key, str) and found.get(key, (file, 0))[0] is None:
                found[key] = (file, at)
    return found


def first_of(failures: BaseExceptionGroup[_Failure]) -> _Failure:
    """Whatever lies around it."""
    first = failures.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first
