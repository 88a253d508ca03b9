"""So many a minute: a leaky bucket, of which a part may be taken at once and the rest comes evenly."""

from aiolimiter import AsyncLimiter
from anyio import current_time

MINUTE_S = 60.0


class Allowance:
    """`per_minute` of something, `at_once` of it in a burst: together never more than that in any minute.

    What is larger than a burst is let through when nothing else is counted, and paid off before the next one.
    """

    def __init__(self, per_minute: float, at_once: float, of: str) -> None:
        self._at_once = max(1, int(at_once))
        self._per_s = (per_minute - self._at_once + 1) / MINUTE_S
        self._bucket = AsyncLimiter(self._at_once, self._at_once / self._per_s)
        self._most_owed = per_minute
        self._owed, self._paid_at, self._taking = 0.0, 0.0, False
        self._words = f"{round(per_minute):,} {of} a minute"

    def __str__(self) -> str:
        return self._words

    def owe(self, amount: float) -> None:
        """More was used than was taken: the next one waits for it, though never for more than a minute's."""
        self._pay_by_time()
        self._owed = min(self._owed + amount, self._most_owed)

    def _pay_by_time(self) -> None:
        """What passes while nobody takes pays off what is owed, or who is refused would be so for ever."""
        if not self._taking:
            now = current_time()
            self._owed = max(0.0, self._owed - (now - self._paid_at) * self._per_s)
            self._paid_at = now

    def is_free(self, amount: float) -> bool:
        """Whether it can be taken without waiting."""
        self._pay_by_time()
        now = self._owed + min(amount, self._at_once)
        return now <= self._at_once and self._bucket.has_capacity(now)

    def wait_s(self, amount: float, before: float) -> float:
        """How long it may take at most; `before`: what others wait for."""
        if not before and self.is_free(amount):
            return 0.0
        return (self._owed + before + min(amount, self._at_once)) / self._per_s

    async def take(self, amount: float) -> None:
        """Return when there is enough; without a pause if there is. One after another: it is no queue."""
        self._pay_by_time()
        self._taking = True
        try:
            while self._owed > 0:
                part = min(self._owed, self._at_once)
                await self._bucket.acquire(part)
                self._owed -= part
            part = min(amount, self._at_once)
            await self._bucket.acquire(part)
            self._owed += amount - part
        finally:
            self._taking, self._paid_at = False, current_time()
