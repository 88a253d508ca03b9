"""What a host sees while a call runs: soon, a few times a second at most, and never silent for long."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import Any

import anyio

from ..text import visible
from .language import said

EVERY_S = 0.3
HEARTBEAT_S = 10.0
SHOWN_CHARACTERS = 80
STEP_S = 0.1


class Progress:
    """Progress of one call; its number is the seconds passed: hosts show it, and it always grows."""

    def __init__(
        self, report: Callable[..., Awaitable[Any]], every_s: float = EVERY_S, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._send = report
        self._every_s = every_s
        self._heartbeat_s = heartbeat_s
        self._start = monotonic()
        self._last = float("-inf")
        self._told_s = -STEP_S

    async def pass_on(self, *progress: Any) -> None:
        """Another call's, as it stands."""
        await self._send(*progress)

    @property
    def elapsed_s(self) -> float:
        return monotonic() - self._start

    @asynccontextmanager
    async def heartbeat(self, doing: str) -> AsyncIterator[None]:
        """Say `doing` whenever nothing else was said for a while."""
        beat = _Heartbeat(self._due, partial(self._beat, doing))
        try:
            yield
        finally:
            await beat.stop()

    @property
    def is_due(self) -> bool:
        """Whether it was told nothing for a moment."""
        return monotonic() - self._last >= self._every_s

    async def report(self, message: Callable[[], str]) -> None:
        """Tell the host, unless it was told something a moment ago, or there is nothing to say."""
        if self.is_due and (line := message()):
            await self._report(said(line))

    async def report_now(self, message: str) -> None:
        """Tell the host, whatever it was told a moment ago: what comes once."""
        await self._report(said(message))

    def _due(self) -> float:
        return max(self._last, self._start) + self._heartbeat_s

    async def _beat(self, doing: str) -> None:
        await self._report(f"{said(doing)} ({self.elapsed_s:.0f} s)")

    async def _report(self, message: str) -> None:
        self._last = monotonic()
        self._told_s = round(max(self.elapsed_s, self._told_s + STEP_S), 1)
        await self._send(self._told_s, None, message)


class _Heartbeat:
    """A timer, and a task only once it is due: most calls end before, and a task costs each of them."""

    def __init__(self, due: Callable[[], float], say: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """`due`: when, by the clock of the loop."""
        self._due, self._say = due, say
        self._loop = asyncio.get_running_loop()
        self._saying: asyncio.Task[None] | None = None
        self._stopped = False
        self._timer = self._loop.call_at(due(), self._look)

    def _look(self) -> None:
        if self._loop.time() >= self._due():
            self._saying = self._loop.create_task(self._say())
            self._saying.add_done_callback(self._said)
        else:
            self._timer = self._loop.call_at(self._due(), self._look)

    def _said(self, saying: asyncio.Task[None]) -> None:
        """A host that cannot be told is none to tell again; what it asked for goes on."""
        self._saying = None
        if not (self._stopped or saying.cancelled() or saying.exception()):
            self._timer = self._loop.call_at(self._due(), self._look)

    async def stop(self) -> None:
        self._stopped = True
        self._timer.cancel()
        if saying := self._saying:
            saying.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait((saying,))


def tail(text: str) -> str:
    """The end of `text` on one line, short enough for a status bar."""
    line = " ".join(visible(text[-4 * SHOWN_CHARACTERS :]).split())
    return line if len(line) <= SHOWN_CHARACTERS else "…" + line[-SHOWN_CHARACTERS:].lstrip()
