"""One connection to a PostgreSQL server. The only file that imports psycopg: loaded when a server is first asked.

https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED: each statement sees what was committed
before it began. So whoever has waited for the lock sees what its last holder wrote, and a cap is exact.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.rows import TupleRow

from .migrations import MIGRATIONS
from .postgres import ConnectionLost, PostgresFailure
from .postgres_sql import as_kept, for_postgres
from .store import Made, Rows, StateConnection

STATE_SCHEMA = "bailian_mcp"
SERVER_CONNECT_S = 5
# In one round trip, and for this transaction only: a pooler may give the next one to another connection. A machine that
# dies while it holds the lock would hold it for hours, if the server did not end such a transaction.
BEGIN = (
    f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL search_path = {STATE_SCHEMA};"
    " SET LOCAL lock_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '10s'"
)
SHUT_DOWN = ("57P01", "57P02", "25P03")  # https://www.postgresql.org/docs/current/errcodes-appendix.html


class _Patient(psycopg.Connection[TupleRow]):
    """psycopg waits for an answer for ever by itself."""

    answer_s: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        return super().wait(gen, interval, self.answer_s if timeout is None else timeout)


class PostgresConnection:
    """A `StateConnection`."""

    def __init__(self, raw: psycopg.Connection[TupleRow]) -> None:
        self._raw = raw

    def close(self) -> None:
        self._raw.close()

    def transaction(self, work: Callable[[StateConnection], Made]) -> Made:
        """Raises PostgresFailure. After that, as after any fault, it is to be closed: what was begun is rolled back."""
        try:
            self._raw.execute(BEGIN)
            made = work(self)
        except psycopg.Error as error:
            lost = self._raw.closed or error.sqlstate in SHUT_DOWN
            raise (ConnectionLost if lost else PostgresFailure)(_reason(error)) from None
        try:
            self._raw.execute("COMMIT")
        except psycopg.Error as error:
            raise PostgresFailure(_reason(error)) from None
        return made

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        return self._raw.execute(for_postgres(sql), as_kept(values))

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> None:
        with self._raw.cursor() as cursor:
            cursor.executemany(for_postgres(sql), [as_kept(row) for row in rows])


def connected(url: str, answer_s: float) -> PostgresConnection:
    """A connection whose tables are of this version. Raises PostgresFailure."""
    given: dict[str, Any] = {
        "prepare_threshold": None,
        "connect_timeout": SERVER_CONNECT_S,
    }  # poolers keep nothing prepared
    try:
        raw = _Patient.connect(url, autocommit=True, application_name="bailian-mcp", **given)
    except psycopg.Error as error:
        raise PostgresFailure(_reason(error)) from None
    raw.answer_s = answer_s
    connection = PostgresConnection(raw)
    try:
        connection.transaction(_migrate)
    except BaseException:
        connection.close()
        raise
    return connection


def _reason(error: psycopg.Error) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _migrate(connection: StateConnection) -> None:
    """The steps that this database has not taken, in one transaction that one process takes alone."""
    connection.execute("BEGIN IMMEDIATE")
    if not _is_there(connection, "to_regnamespace", STATE_SCHEMA):
        connection.execute(f"CREATE SCHEMA {STATE_SCHEMA}")
    if not _is_there(connection, "to_regclass", f"{STATE_SCHEMA}.version"):
        connection.execute("CREATE TABLE version (steps INTEGER NOT NULL)")
        connection.execute("INSERT INTO version (steps) VALUES (0)")
    taken = connection.execute("SELECT steps FROM version").fetchone()[0]
    for step in MIGRATIONS[taken:]:
        step(connection)
    connection.execute("UPDATE version SET steps = ? WHERE steps < ?", (len(MIGRATIONS), len(MIGRATIONS)))


def _is_there(connection: StateConnection, named: str, name: str) -> bool:
    return bool(connection.execute(f"SELECT {named}(?) IS NOT NULL", (name,)).fetchone()[0])
