"""What a host sees while a call runs: soon, a few times a second at most, and never silent for long."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from ..text import visible

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
        self._start = anyio.current_time()
        self._last = float("-inf")
        self._told_s = -STEP_S

    async def pass_on(self, *progress: Any) -> None:
        """Another call's, as it stands."""
        await self._send(*progress)

    @property
    def elapsed_s(self) -> float:
        return anyio.current_time() - self._start

    @asynccontextmanager
    async def heartbeat(self, doing: str) -> AsyncIterator[None]:
        """Say `doing` whenever nothing else was said for a while."""
        failed: Exception | None = None
        beating = anyio.CancelScope()  # of its own: to end the group's would cancel who called, too, for a moment
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._beat, doing, beating)
            try:
                yield
            except Exception as error:  # noqa: BLE001 - raised again below, bare: a task group would wrap it
                failed = error
            beating.cancel()
        if failed is not None:
            raise failed

    async def report(self, message: Callable[[], str]) -> None:
        """Tell the host, unless it was told something a moment ago, or there is nothing to say."""
        if anyio.current_time() - self._last >= self._every_s and (line := message()):
            await self._report(line)

    async def report_now(self, message: str) -> None:
        """Tell the host, whatever it was told a moment ago: what comes once."""
        await self._report(message)

    async def _beat(self, doing: str, beating: anyio.CancelScope) -> None:
        with beating:
            while True:
                await anyio.sleep_until(max(self._last, self._start) + self._heartbeat_s)
                if anyio.current_time() - self._last >= self._heartbeat_s:
                    await self._report(f"{doing} ({self.elapsed_s:.0f} s)")

    async def _report(self, message: str) -> None:
        self._last = anyio.current_time()
        self._told_s = round(max(self.elapsed_s, self._told_s + STEP_S), 1)
        await self._send(self._told_s, None, message)


def tail(text: str) -> str:
    """The end of `text` on one line, short enough for a status bar."""
    line = " ".join(visible(text[-4 * SHOWN_CHARACTERS :]).split())
    return line if len(line) <= SHOWN_CHARACTERS else "…" + line[-SHOWN_CHARACTERS:].lstrip()
