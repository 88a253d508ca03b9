"""Turns: what DashScope takes only so often a second waits here, evenly spaced, for all calls of the process."""

from collections.abc import Awaitable, Callable

import anyio
from aiolimiter import AsyncLimiter

PATIENCE_S = 0.2  # a wait that is not worth a word


class Pacing:
    """A row of turns for each kind of request."""

    def __init__(self) -> None:
        self._turns: dict[str, AsyncLimiter] = {}

    async def turn(self, to: str, per_s: float, waiting: Callable[[], Awaitable[None]]) -> None:
        """Return when it is our turn, never more than `per_s` in any second; `waiting` tells of a wait that is felt."""
        turns = self._turns.setdefault(to, AsyncLimiter(1, 1 / per_s))
        with anyio.move_on_after(PATIENCE_S) as soon:
            await turns.acquire()
        if soon.cancelled_caught:
            await waiting()
            await turns.acquire()
