"""The same call in another process of this state: another worker, or the server of another host."""

from collections.abc import Callable

import anyio

from ...spending import JobRow, KeptJobs
from ..progress import Progress
from .asked import Asked
from .bounds import Bounds

RUNS_ELSEWHERE = "waiting for the same call, which another server of this state makes"


class Elsewhere:
    """What other processes do, as far as they have written it."""

    def __init__(self, kept: KeptJobs, bounds: Bounds, now: Callable[[], float]) -> None:
        self._kept, self._bounds, self._now = kept, bounds, now

    async def same(self, asked: Asked, is_ours: Callable[[str], bool]) -> JobRow | None:
        """The same question that has been running there for a while, or whose answer reached nobody."""
        before = self._now() - self._bounds.join_after_s
        rows = [row for row in await self._kept.unfinished(asked.client) if not is_ours(row.id)]
        waited_for = (row for row in rows if row.replay_until or row.started_at <= before)
        return next((row for row in waited_for if asked.asks_the_same(row.client, row.key)), None)

    async def ended(self, id: str, asked: Asked) -> JobRow | None:
        """How it ended, or how far it is when the host would wait no more; None: nothing of it is kept any more."""
        found = await self._kept.find(id)
        if not (found and found.state == "running"):
            return found
        await self._kept.wait_for(id, self._now() + asked.patience_s)
        with anyio.move_on_after(asked.patience_s):
            async with Progress(asked.report).heartbeat(RUNS_ELSEWHERE):
                while found and found.state == "running":
                    await anyio.sleep(self._bounds.poll_s)
                    found = await self._kept.find(id)
        return found
