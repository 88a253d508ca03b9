"""The rows of jobs: what was answered, or what has come so far; never what was asked."""

import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Literal, NamedTuple

from .store import StateConnection, StateStore

KEPT_S = 24 * 3600.0
DEAD_S = 30.0  # a running job that no process has touched for so long, though a file may be held: its process is gone
JobState = Literal["running", "done", "failed", "cancelled", "interrupted"]


@dataclass(frozen=True)
class JobRow:
    """One job, as it is kept. Times are seconds since 1970.

    `key`: of the question, a hash. `content`: JSON, the result or what has come so far. `replay_until`: until when the
    answer is given to whoever asks the same, since it reached nobody; 0: it did.
    """

    id: str
    client: str
    tool: str
    key: str
    state: JobState
    started_at: float
    seen_at: float
    replay_until: float = 0
    cancel_asked: bool = False
    content: str = ""

    def as_of(self, now: float) -> "JobRow":
        """Honest about a process that ended without a word."""
        lost = self.state == "running" and now - self.seen_at > DEAD_S
        return replace(self, state="interrupted") if lost else self

    def heard(self) -> "JobRow":
        """Somebody has its answer: it is not given again unasked."""
        return replace(self, replay_until=0)


class WishOfOthers(NamedTuple):
    """What another process wants of a running job: that it ends, or that its answer is kept until then."""

    id: str
    to_end: bool
    awaited_until: float


_NAMES = [field.name for field in fields(JobRow)]
_COLUMNS = ", ".join(_NAMES)
_PLACES = ", ".join("?" for _ in _NAMES)
_BUT_CONTENT = _COLUMNS.replace("content", "''")  # which may be long
# Not over a wish to cancel, which may have come meanwhile
_REPLACED = ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name != "cancel_asked")


class KeptJobs:
    """The table. Every method may find the store unusable, and then says None or nothing."""

    def __init__(self, database: StateStore, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    @property
    def _oldest(self) -> float:
        return self._now() - KEPT_S

    async def keep(self, rows: Sequence[JobRow]) -> list[WishOfOthers] | None:
        """Write them, and tell what others wish of what runs."""
        return await self._database.run(lambda connection: _written(connection, rows))

    async def find(self, id: str) -> JobRow | None:
        return next(iter(await self.look(id) or ()), None)

    async def look(self, id: str) -> list[JobRow] | None:
        """The row, if there is one; None: the store cannot be asked now."""
        sql = f"SELECT {_COLUMNS} FROM jobs WHERE id = ? AND seen_at > ?"
        found = await self._database.run(lambda connection: connection.execute(sql, (id, self._oldest)).fetchall())
        return None if found is None else [_row(each).as_of(self._now()) for each in found]

    async def of(self, client: str) -> list[JobRow]:
        """Those of a client, the newest first."""
        sql = f"SELECT {_COLUMNS} FROM jobs WHERE client = ? AND +seen_at > ? ORDER BY started_at DESC LIMIT 100"
        found = await self._database.run(lambda connection: connection.execute(sql, (client, self._oldest)).fetchall())
        return [_row(each).as_of(self._now()) for each in found or ()]

    async def unfinished(self, client: str) -> list[JobRow]:
        """Those of a client that run, or whose answers reached nobody, without their content."""
        if not self._database.exists:
            return []
        sql = (
            f"SELECT {_BUT_CONTENT} FROM jobs WHERE client = ? AND state = 'running' UNION ALL "
            f"SELECT {_BUT_CONTENT} FROM jobs WHERE client = ? AND replay_until > 0 AND replay_until > ?"
        )
        values = (client, client, self._now())
        found = await self._database.run(lambda connection: connection.execute(sql, values).fetchall(), short=True)
        rows = [_row(each).as_of(self._now()) for each in found or ()]
        return [row for row in rows if row.state == "running" or row.replay_until]

    async def wait_for(self, id: str, until: float) -> None:
        """Its answer is to be kept until then, or longer: somebody waits for it who did not begin it."""
        sql, values = "UPDATE jobs SET awaited_until = ? WHERE id = ? AND awaited_until < ?", (until, id, until)
        await self._database.run(lambda connection: connection.execute(sql, values))

    async def ask_to_cancel(self, id: str) -> None:
        """Of a job that another process runs."""
        await self._database.run(
            lambda connection: connection.execute("UPDATE jobs SET cancel_asked = 1 WHERE id = ?", (id,))
        )

    async def forget(self, id: str) -> bool:
        """Unless somebody waits for it elsewhere; whether nothing of it stays."""
        now = self._now()
        return await self._database.run(lambda connection: _forgotten(connection, id, now)) is not False

    async def forget_old(self) -> None:
        before = self._oldest
        await self._database.run(lambda connection: connection.execute("DELETE FROM jobs WHERE seen_at < ?", (before,)))


def _written(connection: StateConnection, rows: Sequence[JobRow]) -> list[WishOfOthers]:
    sql = f"INSERT INTO jobs ({_COLUMNS}) VALUES ({_PLACES}) ON CONFLICT (id) DO UPDATE SET {_REPLACED}"
    connection.executemany(sql, [astuple(row) for row in rows])
    wished = "state = 'running' AND (cancel_asked = 1 OR awaited_until > 0)"
    found = connection.execute(f"SELECT id, cancel_asked, awaited_until FROM jobs WHERE {wished}").fetchall()
    return [WishOfOthers(id, bool(to_end), until) for id, to_end, until in found]


def _forgotten(connection: StateConnection, id: str, now: float) -> bool:
    connection.execute("DELETE FROM jobs WHERE id = ? AND awaited_until <= ?", (id, now))
    return connection.execute("SELECT 1 FROM jobs WHERE id = ?", (id,)).fetchone() is None


def _row(values: tuple[object, ...]) -> JobRow:
    return JobRow(*values)  # type: ignore[arg-type]  # as they were written
