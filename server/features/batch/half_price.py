"""`half_price`: DashScope's batches. In rounds: what an input needs first is asked of all, then what that led to.

A tool is run as ever, over answers that came already; the request it then makes is the next round's. So an extraction
is validated and looked up here, and what does not fit is sent back once more, at half price too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled
from mcp.server.mcpserver.exceptions import ToolError

from ...calls.ask import Exchange, RequestFailed, RequestPlan
from ...calls.batched import BatchedRequests, batched_plan, worst_bounds
from ...calls.call import Call
from ...calls.item_call import NotAnsweredYet, PlannedItemCall
from ...errors import InvalidRequest
from .answers import Answers
from .items import BatchItem, BatchTool
from .lines import RequestFiles, input_of, key_of, line_of, require_batchable
from .results import Results, failure_of, record_of
from .shards import Shard, Shards
from .spool import spooled_items
from .work import WorkFolder, json_lines

MAX_REQUESTS = 3  # of one input, one after the other
MAX_ROUNDS = 6  # some of which may bring nothing: a batch that expired
TOO_MANY = f'It needs more than {MAX_REQUESTS} requests one after the other, as long texts do: use how="now" for it.'
LEFT_UNANSWERED = "DashScope left it unanswered. Ask for it again."


@dataclass
class HalfPrice:
    """One run of a batch; another process may have begun it."""

    call: Call
    tool: BatchTool
    work: WorkFolder
    results: Results
    requests: BatchedRequests
    window: str
    total: int
    latest: list[str]  # the last of what DashScope said of it
    notes: list[str] = field(default_factory=list)

    async def run(self) -> None:
        await self.requests.open()
        shards = Shards(self.call, self.work, self.requests, self.window)
        rounds = dict(sealed_rounds(self.work))
        for names in rounds.values():
            await shards.bring([Shard(name) for name in names], self._told)
        for number in range(len(rounds) + 1, len(rounds) + MAX_ROUNDS + 1):
            names = await self._planned(number, await self._answers(shards))
            if not names:
                await self.requests.keep_only(())
                return
            await shards.bring([Shard(name) for name in names], self._told)
        await self._ended(await self._answers(shards))

    async def _answers(self, shards: Shards) -> Answers:
        """Read in a thread: they may be large."""
        over = shards.over
        return await to_thread.run_sync(lambda: Answers(self.call, self.work, over))

    async def _told(self, said: str) -> None:
        self.latest[:] = [said]
        totals = self.results.totals
        written = f"{totals.items:,} of {self.total:,} inputs written, " if totals.items else ""
        await self.call.report(f"{written}{said}")

    # --- a round ---

    async def _planned(self, number: int, answers: Answers) -> list[str]:
        """The request files of a round, sealed; what is whole by now is written out."""
        files = RequestFiles(self.work.path, number)
        least, most = 0, 0
        for at, item in self._left():
            await checkpoint()  # a hundred thousand of them keep nobody waiting
            came = answers.of(at)
            plan = await self._next_request(item, came)
            line = plan and self._line(key_of(at, number, plan), item, plan, came)
            if not (plan and line):
                continue
            one, other = worst_bounds(self.call, plan)
            least, most = least + (one or 0), most + (other or 0)
            files.add(plan.body, line)
            await self._told(f"{files.lines:,} requests planned")
        names = files.close()
        if not names:
            return []
        if files.long_lines:
            self.notes.append(f"{files.long_lines:,} requests are longer than the 1 MB that DashScope advises.")
        await self._hold(names, files.lines, least, most)
        self.work.note(durable=True, round=number, files=names)
        return names

    def _line(self, key: str, item: BatchItem, plan: RequestPlan, came: list[Exchange | RequestFailed]) -> bytes | None:
        """None: a batch cannot ask this; that is written."""
        try:
            if len(came) >= MAX_REQUESTS:
                raise InvalidRequest(TOO_MANY)
            require_batchable(plan)
            return line_of(key, plan.body)
        except InvalidRequest as refusal:
            self._write_failure(item, came, refusal.reason)
        return None

    def _write_failure(self, item: BatchItem, came: list[Exchange | RequestFailed], said: str) -> None:
        own = PlannedItemCall(self.call)
        own.exchanges += [each.exchange if isinstance(each, RequestFailed) else each for each in came]
        self.results.write(failure_of(item.id, own, said))

    async def _next_request(self, item: BatchItem, answers: list[Exchange | RequestFailed]) -> RequestPlan | None:
        """None: the input has its result, which is written."""
        own = PlannedItemCall(self.call, answers)
        try:
            record = record_of(item.id, own, await self.tool.run(own, item.arguments))
        except (NotAnsweredYet, BaseExceptionGroup):  # a tool may ask several things at once
            if own.planned is None:
                raise
            return own.planned
        except ToolError as error:
            record = failure_of(item.id, own, str(own.told(error)))
        self.results.write(record)
        return None

    async def _hold(self, names: list[str], count: int, least: int, most: int) -> None:
        """Hold the worst case of every line, within what the caps leave; limits that make it fit go into the lines.

        Raises:
            DashScopeError: it does not fit; nothing was sent, and nothing is held.
        """
        share = await self.requests.share(count, least, most)
        try:
            keys: set[str] = set()
            for name in names:
                keys.update(await self._hold_file(name, share))
            await self.requests.keep_only(keys)
        except anyio.get_cancelled_exc_class():
            if self.call.was_cancelled:  # a server that ends has no time, and the next one finds what is held
                with anyio.CancelScope(shield=True):
                    await self.requests.keep_only(())
            raise
        except BaseException:
            await self.requests.keep_only(())
            raise

    async def _hold_file(self, name: str, share: float | None) -> list[str]:
        """Its keys."""
        keys, part = [], self.work.file(f"{name}.part")
        with part.open("wb") as held:
            for _, line in json_lines(self.work.file(name)):
                await checkpoint_if_cancelled()
                keys.append(key := str(line["custom_id"]))
                plan = await self.requests.hold(key, batched_plan(line["body"], str(input_of(key))), share)
                held.write(line_of(key, plan.body))
        part.replace(self.work.file(name))
        return keys

    # --- the end ---

    async def _ended(self, answers: Answers) -> None:
        """After the last round: what is still not whole is said."""
        for at, item in self._left():
            await checkpoint()
            came = answers.of(at)
            if await self._next_request(item, came) is not None:
                self._write_failure(item, came, LEFT_UNANSWERED)

    def _left(self) -> Iterator[tuple[int, BatchItem]]:
        for at, item in enumerate(spooled_items(self.work.path), 1):
            if item.id not in self.results.ids:
                yield at, item


def sealed_rounds(work: WorkFolder) -> Iterator[tuple[int, list[str]]]:
    """Rounds whose files are complete and held for."""
    for event in work.events():
        if "round" in event:
            yield int(event["round"]), list(event["files"])
