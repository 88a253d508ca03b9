"""So many a minute: a leaky bucket, of which a part may be taken at once and the rest comes evenly."""

from anyio import current_time

MINUTE_S = 60.0


class Allowance:
    """`per_minute` of something, `at_once` of it in a burst: together never more than that in any minute.

    What is larger than a burst is let through when nothing else is counted, and paid off before the next one. To look
    takes nothing, so that who needs several allowances takes of all of them at the moment when each has enough.
    """

    def __init__(self, per_minute: float, at_once: float, of: str) -> None:
        self._at_once = max(1, int(at_once))
        self._per_s = (per_minute - self._at_once + 1) / MINUTE_S
        self._level, self._level_at = 0.0, 0.0
        self._words = f"{round(per_minute):,} {of} a minute"

    def __str__(self) -> str:
        return self._words

    def wait_s(self, amount: float, before: float = 0) -> float:
        """How long until it may be taken; `before`: what others take first."""
        beyond = self._counted() + before + min(amount, self._at_once) - self._at_once
        return max(0.0, beyond / self._per_s)

    def take(self, amount: float) -> None:
        """It is used now."""
        self._level = self._counted() + amount

    def owe(self, amount: float) -> None:
        """More was used than was taken: the next one waits for it, though for that no longer than a minute."""
        counted = self._counted()
        self._level = max(counted, min(counted + amount, self._at_once + self._per_s * MINUTE_S))

    def _counted(self) -> float:
        now = current_time()
        self._level = max(0.0, self._level - (now - self._level_at) * self._per_s)
        self._level_at = now
        return self._level
