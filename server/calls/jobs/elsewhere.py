"""The same call in another process of this state: another worker, or the server of another host."""

from collections.abc import Callable

import anyio

from ...spending import KEPT_S, JobRow, KeptJobs
from ..progress import Progress
from .asked import Asked
from .bounds import Bounds

RUNS_ELSEWHERE = "waiting for the call, which another server of this state makes"


class Elsewhere:
    """What other processes do, as far as they have written it."""

    def __init__(self, kept: KeptJobs, bounds: Bounds, now: Callable[[], float]) -> None:
        self._kept, self._bounds, self._now = kept, bounds, now

    async def same(self, asked: Asked, is_ours: Callable[[str], bool]) -> JobRow | None:
        """The same question that has been running there for a while, or whose answer reached nobody."""
        before = self._now() - self._bounds.join_after_s
        rows = [row for row in await self._kept.unfinished(asked.client) if not is_ours(row.id)]
        waited_for = (row for row in rows if row.replay_until or (row.started_at <= before and not row.cancel_asked))
        return next((row for row in waited_for if asked.asks_the_same(row.client, row.key)), None)

    async def ended(self, row: JobRow, asked: Asked) -> JobRow | None:
        """How it ended, or that it runs on when the host would wait no more, and then for whoever asks for it by its
        id. None: nothing of it is kept any more, or it cannot be read now. `row`: it may be without its content.
        """
        seen, renewed_at = await self._look(row), float("-inf")
        with anyio.move_on_after(asked.patience_s):
            async with Progress(asked.report).heartbeat(RUNS_ELSEWHERE):
                while seen and seen.state == "running":
                    if (now := self._now()) - renewed_at >= self._bounds.lease_s / 4:
                        await self._kept.wait_for(row.id, now + self._bounds.lease_s)
                        renewed_at = now
                    await anyio.sleep(self._bounds.poll_s)
                    seen = await self._look(seen)
        if seen and seen.state == "running":
            await self._kept.wait_for(row.id, self._now() + KEPT_S)
            seen = await self._look(seen)
        return seen if seen and (seen.content or seen.state == "running") else None

    async def _look(self, row: JobRow) -> JobRow | None:
        """How it stands; as it did, where the store cannot be asked now."""
        found = await self._kept.look(row.id)
        return row if found is None else next(iter(found), None)
