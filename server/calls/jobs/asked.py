"""A tools/call as the jobs see it: who asks what, and how long that host waits."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

Report = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Asked:
    """`key`: the same for the same question of the same client, empty where none may be joined. `patience_s`: how long
    the host may be kept waiting. `vanished`: whether the connection that an answer would take is gone.
    """

    tool: str
    client: str
    key: str
    patience_s: float
    report: Report
    vanished: Callable[[], bool] = lambda: False
