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


@dataclass
class AtOnce:
    """One run. What any input would meet ends it, as a cap that leaves too little: the rest waits for another call."""

    call: Call
    tool: BatchTool
    work: WorkFolder
    results: Results
    total: int
    capped: str = ""

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
                    if self.capped:
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
                if not self.capped:
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
            if isinstance(error, DashScopeError) and error.for_any_input and not own.exchanges:
                self.capped = str(failure)
                self.work.note(unbegun=item.id)
                return
            record = failure_of(item.id, own, str(failure))
        self.results.write(record)
