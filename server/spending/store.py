"""What a store of the state is, a SQLite file or a PostgreSQL server: functions that run SQL in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

Made = TypeVar("Made")


class Rows(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class StateConnection(Protocol):
    """SQL as SQLite speaks it, with `?` for values. Who looks before it writes executes BEGIN IMMEDIATE first."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Rows: ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> object: ...


class StateStore(Protocol):
    """`await store.run(work)`: what a function makes of the connection; None where the store could not do it."""

    @property
    def folder(self) -> Path | None:
        """Where its file is; None: it is none in a folder."""

    @property
    def exists(self) -> bool:
        """Whether an earlier process may have left something."""

    @property
    def trouble(self) -> str:
        """Why nothing outlives the process now; empty where it does."""

    async def run(self, work: Callable[[StateConnection], Made], *, short: bool = False) -> Made | None:
        """`short`: a few rows, found by their keys; what takes longer is done in a thread, at any rate."""

    async def aclose(self) -> None: ...
