"""Batches at DashScope: each request file is uploaded, created, followed, and its results are brought here.

Any step may be the last of a process; the next one goes on from there. To create is noted first, and found again by our
own name.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import anyio

from ...calls.ask import RequestPlan
from ...calls.batched import BatchedRequests, batched_plan
from ...calls.call import Call
from ...dashscope import Batches, DashScopeError, FileBatch, StoredFiles
from .replies import reply_of
from .work import WorkFolder, json_lines

POLL_S = 60.0  # as the page advises, at least
SANDBOX_POLL_S = 0.02  # it answers when it is looked at
LIST_AGAIN_S, LOOKS = 2.0, 3  # for a batch that may have been created: its list may be late
CANCEL_S = 5.0
MAX_SAID_CHARS = 300
BatchTold = Callable[[str], Awaitable[None]]


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
    sandbox: str = ""


@dataclass(frozen=True)
class Brought:
    """`why`: nothing of it was answered."""

    why: str = ""
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
        return {Shard(name): Brought(state.why, bool(state.sandbox)) for name, state in states if state.over}

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
            raise _first(failures) from None

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
        except DashScopeError as error:
            if error.refused_at_once and not self._state(shard).batch:
                await self._unsent(shard)
            raise
        await self._collect(shard, ended)
        self._note(shard, durable=True, over=ended.status, sandbox="sandbox" if ended.sandbox else "")

    async def _unsent(self, shard: Shard) -> None:
        """Nothing of it was taken: its inputs are planned anew when somebody asks again."""
        for _, line in json_lines(self._work.file(shard.requests)):
            await self._requests.release(str(line["custom_id"]))
        self._note(shard, durable=True, over="unsent")

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
                stored = await self._files.upload("batch", f"{self._name(shard)}.jsonl", content)
            self._note(shard, file=stored.id)
        batch = await self._found(shard) if state.creating else None
        if batch is None:
            self._note(shard, durable=True, creating=self._name(shard))
            batch = await self._batches.create(state.file, self._name(shard), self._window)
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
        while not batch.is_over:
            counted = f" {batch.completed + batch.failed:,} of {batch.total:,}" if batch.total else ""
            await told(f"batch {batch.status}{counted}")
            async with self._call.heartbeat(f"batch {batch.status}"):
                await anyio.sleep(SANDBOX_POLL_S if batch.sandbox else POLL_S)
            batch = await self._batches.told(batch.id)
        return batch

    async def _cancel(self, id: str) -> None:
        """Somebody wants no more of it: what is answered by then is billed, and collected by the same call again."""
        with anyio.move_on_after(CANCEL_S, shield=True):
            try:
                await self._batches.cancel(id)
            except DashScopeError:
                return

    # --- brought here ---

    async def _collect(self, shard: Shard, batch: FileBatch) -> None:
        """The results, whole; and what each line counts for, settled."""
        for id, name in ((batch.output_file_id, shard.replies), (batch.error_file_id, shard.failures)):
            if not self._work.file(name).exists():
                await self._download(id, name)
        priced = batched_plan({**self._first_body(shard), "messages": []})
        for _, line in json_lines(self._work.file(shard.replies)):
            await self._settle(line, priced, batch)
        for _, line in json_lines(self._work.file(shard.failures)):
            await self._requests.refused(str(line.get("custom_id")), "", sandbox=batch.sandbox)
        for _, line in json_lines(self._work.file(shard.requests)):
            await self._requests.release(str(line["custom_id"]))
        if batch.errors:
            self._note(shard, why="; ".join(batch.errors)[:MAX_SAID_CHARS])

    async def _download(self, id: str, name: str) -> None:
        part = self._work.file(f"{name}.part")
        with part.open("wb") as file:
            if id:
                async for line in self._files.lines(id):
                    file.write(line.encode() + b"\n" if line else b"")
        part.replace(self._work.file(name))

    async def _settle(self, line: Mapping[str, Any], priced: RequestPlan, batch: FileBatch) -> None:
        """`priced`: what is the same for all lines of a file."""
        key = str(line.get("custom_id"))
        if reply := reply_of(line, sandbox=batch.sandbox):
            await self._requests.answered(key, priced, reply)
        else:
            await self._requests.refused(key, "", sandbox=batch.sandbox)

    def _first_body(self, shard: Shard) -> dict[str, Any]:
        return next(dict(line["body"]) for _, line in json_lines(self._work.file(shard.requests)))


def _first(failures: BaseExceptionGroup[DashScopeError]) -> DashScopeError:
    return next(_leaves(failures))


def _leaves(group: BaseExceptionGroup[DashScopeError]) -> Iterator[DashScopeError]:
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _leaves(each)
        else:
            yield each
