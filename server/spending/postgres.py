"""The state on a PostgreSQL server, for replicas on several machines: connected at first use, in a thread."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from .store import Made, StateConnection

if TYPE_CHECKING:
    from .postgres_connection import PostgresConnection

_LOGGER = logging.getLogger("bailian_mcp")
ANSWER_S = 10.0  # the most that a statement waits for an answer: the server may be frozen, the network gone
LET_ALONE_S = 10.0  # a server that could not be used: nobody is to wait for it again and again
NO_DRIVER = "BAILIAN_STATE_URL needs psycopg, the extra [postgres]: pip install 'psycopg[binary]>=3.3.6'"
MEND = "see that the server runs and that BAILIAN_STATE_URL leads to it"


class PostgresFailure(Exception):
    """The server could not do it, or nobody knows whether it did."""


class ConnectionLost(PostgresFailure):
    """Before anything can have been committed: it may be done once more."""


class PostgresDatabase:
    """A `StateStore`. While the server cannot be used, `run` gives None and `trouble` says why; then it is tried again.

    `redact`: takes secrets out of what is said. `let_alone_s`: until a server that could not be used is tried again.
    """

    folder = None
    exists = True  # what was kept is the server's to know: nothing is looked for on this machine

    def __init__(
        self,
        url: str,
        redact: Callable[[str], str] = str,
        answer_s: float = ANSWER_S,
        let_alone_s: float = LET_ALONE_S,
    ) -> None:
        self._url = url
        self._redact = redact
        self._answer_s = answer_s
        self._let_alone_s = let_alone_s
        self._connection: PostgresConnection | None = None
        self._turn = anyio.CapacityLimiter(1)
        self._said = ""  # since the server was last of use
        self._let_alone_until = 0.0

    @property
    def trouble(self) -> str:
        return self._said if time.monotonic() < self._let_alone_until else ""

    async def run(self, work: Callable[[StateConnection], Made], *, short: bool = False) -> Made | None:
        """In one transaction, however short: its server is waited for in a thread."""
        made = None
        with anyio.CancelScope(shield=True), suppress(RuntimeError):  # a machine may have no thread left
            made = await to_thread.run_sync(self._try, work, limiter=self._turn)
        return made

    async def aclose(self) -> None:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._hang_up, limiter=self._turn)

    def _try(self, work: Callable[[StateConnection], Made]) -> Made | None:
        if self.trouble:
            return None
        try:
            made = self._transaction(work)
        except ImportError:
            self._failed(NO_DRIVER)
            return None
        except PostgresFailure as failure:
            self._failed(f"PostgreSQL cannot be used ({self._redact(str(failure))}): {MEND}")
            return None
        self._said = ""
        return made

    def _transaction(self, work: Callable[[StateConnection], Made]) -> Made:
        """Once more on a new connection, where the old one was lost before anything can have been committed."""
        try:
            return self._once(work)
        except ConnectionLost:
            return self._once(work)

    def _once(self, work: Callable[[StateConnection], Made]) -> Made:
        try:
            self._connection = self._connection or self._connected()
            return self._connection.transaction(work)
        except BaseException:
            self._hang_up()
            raise

    def _connected(self) -> "PostgresConnection":
        from .postgres_connection import connected  # psycopg, which who has no server need not have

        return connected(self._url, self._answer_s)

    def _hang_up(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _failed(self, trouble: str) -> None:
        if not self._said:
            _LOGGER.warning("jobs and the ledger are not kept: %s", trouble)
        self._said, self._let_alone_until = trouble, time.monotonic() + self._let_alone_s
