"""What has ended lately, beside the file: it may be unusable, and a question asked again is looked up at once."""

from collections import OrderedDict

from ...spending import KEPT_S, JobRow
from .asked import Asked


class Remembered:
    """The last rows, as many as fit."""

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        self._rows: OrderedDict[str, JobRow] = OrderedDict()
        self._chars = 0

    def add(self, row: JobRow) -> None:
        self._drop(row.id)
        self._rows[row.id] = row
        self._chars += len(row.content)
        while self._chars > self._max_chars and len(self._rows) > 1:
            self._drop(next(iter(self._rows)))

    def get(self, id: str) -> JobRow | None:
        return self._rows.get(id)

    def of(self, client: str) -> list[JobRow]:
        return [row for row in self._rows.values() if row.client == client]

    def undelivered(self, asked: Asked, now: float) -> JobRow | None:
        """An answer to the same question of the same client, which reached nobody."""
        waiting = (row for row in reversed(self._rows.values()) if row.replay_until > now)
        return next((row for row in waiting if asked.asks_the_same(row.client, row.key)), None)

    def forget_old(self, now: float) -> None:
        for row in [row for row in self._rows.values() if row.seen_at < now - KEPT_S]:
            self._drop(row.id)

    def _drop(self, id: str) -> None:
        if row := self._rows.pop(id, None):
            self._chars -= len(row.content)
