"""`now`: each input is asked over the one road, several at once; noted before, so that none is asked twice."""

from collections.abc import Iterator
from dataclasses import dataclass

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.server.mcpserver.exceptions import ToolError

from ...calls.call import Call
from ...calls.item_call import ItemCall
from ...dashscope import DashScopeError
from .items import BatchItem, BatchTool
from .results import Results, failure_of, record_of, uncertain_of
from .spool import spooled_items
from .work import WorkFolder

MAX_AT_ONCE = 8  # DashScope's own limits and turns hold beside it
MAX_NOT_TAKEN = 2 * MAX_AT_ONCE  # in a row: then it is no fault of some inputs
NO_KEY_OF_OURS = 401
OF_THE_ACCOUNT = (401, 403)  # a key, a workspace, a model that is not open, a free quota


@dataclass
class AtOnce:
    """One run. What is refused for the account, the service or a cap is left for the same call again: a cap, a key or
    the account end it at once, the others when nothing else comes any more. `why_left`: the last of these reasons.
    """

    call: Call
    tool: BatchTool
    work: WorkFolder
    results: Results
    total: int
    why_left: str = ""
    _is_over: bool = False
    _not_taken: int = 0  # in a row

    async def run(self) -> None:
        for id in sorted(self._begun() - self.results.ids):
            self.results.write(uncertain_of(id))
        send, receive = anyio.create_memory_object_stream[tuple[int, BatchItem]](0)
        async with anyio.create_task_group() as tasks:
            for _ in range(MAX_AT_ONCE):
                tasks.start_soon(self._work, receive.clone())
            receive.close()
            async with send:
                for numbered in self._left():
                    if self._is_over:
                        break
                    await send.send(numbered)

    def _begun(self) -> set[str]:
        begun: set[str] = set()
        for event in self.work.events():
            begun |= {str(event["begun"])} if "begun" in event else set()
            begun -= {str(event.get("unbegun"))}
        return begun

    def _left(self) -> Iterator[tuple[int, BatchItem]]:
        items = enumerate(spooled_items(self.work.path), 1)
        return ((at, item) for at, item in items if item.id not in self.results.ids)

    async def _work(self, items: MemoryObjectReceiveStream[tuple[int, BatchItem]]) -> None:
        async with items:
            async for at, item in items:
                if not self._is_over:
                    await self._asked(at, item)
                    await self.call.report(self._so_far)

    @property
    def _so_far(self) -> str:
        totals = self.results.totals
        return f"{totals.items:,} of {self.total:,} inputs, {totals.cny:f} CNY so far"

    async def _asked(self, at: int, item: BatchItem) -> None:
        self.work.note(begun=item.id)
        own = ItemCall(self.call, str(at))
        try:
            record = record_of(item.id, own, await self.tool.run(own, item.arguments))
        except ToolError as error:
            failure = own.told(error)
            if isinstance(error, DashScopeError) and _can_be_left(error, own):
                self._leave(item, error, str(failure))
                return
            record = failure_of(item.id, own, str(failure))
        self._not_taken = 0
        self.results.write(record)

    def _leave(self, item: BatchItem, error: DashScopeError, said: str) -> None:
        """Nothing of it was billed: it can be asked again."""
        self.work.note(unbegun=item.id)
        self.why_left = said
        self._not_taken += 1
        for_all = error.kind in ("capped", "no_key", "account") or error.status == NO_KEY_OF_OURS
        self._is_over = self._is_over or for_all or self._not_taken >= MAX_NOT_TAKEN


def _can_be_left(error: DashScopeError, own: Call) -> bool:
    """Whether it is no fault of the input, and nothing was paid for it."""
    not_its_fault = error.retry or error.status in OF_THE_ACCOUNT
    not_its_fault = not_its_fault or error.kind in ("capped", "unsent", "no_key", "account")
    return not_its_fault and error.refused_at_once and not any(each.usage for each in own.exchanges)
