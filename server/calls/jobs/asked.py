"""A tools/call as the jobs see it: who asks what, and how long that host waits."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

Report = Callable[..., Awaitable[Any]]


async def unheard(*_: Any) -> None:
    """Progress that nobody asked for."""


@dataclass(frozen=True)
class Asked:
    """`question` makes the key. `patience_s`: how long the host may be kept waiting. `vanished`: whether the
    connection that an answer would take is gone.
    """

    tool: str
    client: str
    question: Callable[[], str]
    patience_s: float
    report: Report = unheard
    vanished: Callable[[], bool] = lambda: False

    @cached_property
    def key(self) -> str:
        """The same for the same question, empty where none is. Made when first compared or kept: few calls are."""
        return self.question()

    def asks_the_same(self, client: str, key: str) -> bool:
        return self.client == client and bool(self.key) and self.key == key

    def after(self, waited_s: float) -> "Asked":
        """By a host that has waited so long already."""

        async def report(seconds: float, *more: Any) -> None:
            await self.report(seconds + waited_s, *more)  # progress never goes back

        return replace(self, patience_s=max(0.0, self.patience_s - waited_s), report=report)
