"""The SQLite file of the state folder: opened at first use, in a thread; no call ever fails for it.

https://www.sqlite.org/wal.html: in WAL mode several processes read and write one file, and a commit survives kill -9.
What is short is done at once, since a thread takes longer to ask than SQLite to do it; but where the file is another's
for now, the disk is slow, or the log has to be copied into the file and synced, a thread waits.
"""

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from .migrations import MIGRATIONS
from .store import Made, StateConnection

_LOGGER = logging.getLogger("bailian_mcp")
STATE_FILE = "state.db"
BUSY_S = 2.0  # how long another process may hold the file
LEFT_ALONE_S = 10.0  # the file, after it was held longer: nobody is to wait for it again and again
AGAIN_S = 0.02
IN_MEMORY = ":memory:"
MEND_FOLDER = "see that this user can write there, and restart the server"
MAX_AT_ONCE_S, SLOW_FOR_S = 0.02, 30.0  # what took longer at once is done in a thread for a while
AT_ONCE_IN_A_ROW = 200  # then one in a thread, which may copy the log
LOG_PAGES = 1_000  # that are copied: SQLite's own number
NO_DATABASE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_Work = Callable[[StateConnection], Made]


class Database:
    """`await database.run(work)`: what a function makes of the connection; None where the file could not do it.

    `folder` None, or one that cannot be written: what is kept lives as long as the process.
    """

    def __init__(self, folder: Path | None = None, busy_s: float = BUSY_S, let_alone_s: float = LEFT_ALONE_S) -> None:
        self._busy_s, self._let_alone_s = busy_s, let_alone_s
        self._folder = folder
        self._path = str(folder / STATE_FILE) if folder else ""
        self._connection: sqlite3.Connection | None = None
        self._turn = anyio.Lock(fast_acquire=True)
        self._thread = anyio.CapacityLimiter(1)  # of our own: those of all others may be in use
        self.trouble = "" if folder else "there is no folder to keep it in"  # why nothing outlives the process
        self._told = False
        self._busy_until = 0.0
        self._inode = 0
        self._at_once = AT_ONCE_IN_A_ROW  # how often since a thread did it; the first time opens the file
        self._slow_until = 0.0

    @property
    def folder(self) -> Path | None:
        """Where the file is; None: in memory."""
        return self._folder

    @property
    def exists(self) -> bool:
        """Whether an earlier process left a file here."""
        return self._folder is not None and os.path.exists(self._folder / STATE_FILE)  # False where none may look

    async def run(self, work: _Work[Made], *, short: bool = False) -> Made | None:
        """In one transaction. A cancelled call leaves it whole: it is waited for. What is short may be begun twice."""
        made = None
        with anyio.CancelScope(shield=True), suppress(RuntimeError):  # a machine may have no thread left
            made = await self._done(work, short=short)
        return made

    async def aclose(self) -> None:
        async with self._turn:
            try:
                await to_thread.run_sync(self._close, limiter=self._thread)
            except RuntimeError:  # as above
                self._close()

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    @property
    def _may_do_at_once(self) -> bool:
        if self._connection is None or self._at_once >= AT_ONCE_IN_A_ROW or self._replaced():
            return False
        return time.monotonic() >= self._slow_until

    async def _done(self, work: _Work[Made], *, short: bool) -> Made | None:
        async with self._turn:
            if short and self._may_do_at_once:
                try:
                    return self._done_at_once(work)
                except sqlite3.Error:
                    pass  # as a rule another process has the file: a thread waits for it
            return await to_thread.run_sync(self._try, work, limiter=self._thread)

    def _done_at_once(self, work: _Work[Made]) -> Made:
        self._at_once += 1
        begun = time.monotonic()
        try:
            return self._committed(work)
        finally:
            if (now := time.monotonic()) - begun > MAX_AT_ONCE_S:
                self._slow_until = now + SLOW_FOR_S

    def _try(self, work: _Work[Made]) -> Made | None:
        """In a thread, which may wait."""
        self._at_once = 0
        if self._connection:
            _be_patient(self._connection, self._busy_s)
        try:
            return self._tried(work)
        finally:
            if self._connection:
                _be_patient(self._connection, 0)

    def _tried(self, work: _Work[Made]) -> Made | None:
        if time.monotonic() < self._busy_until:
            return None
        try:
            return self._transaction(work)
        except sqlite3.Error as error:
            kind = _kind(error)
            if kind == sqlite3.SQLITE_BUSY:
                self._busy_until = time.monotonic() + self._let_alone_s
            if kind not in NO_DATABASE:
                self._failed(error)
                return None
        try:
            self._set_aside()
            return self._transaction(work)
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            return None

    def _transaction(self, work: _Work[Made]) -> Made:
        if self._connection and self._replaced():
            self._close()
        self._connection = self._connection or self._opened()
        return self._committed(work)

    def _committed(self, work: _Work[Made]) -> Made:
        assert self._connection
        with self._connection:
            return work(self._connection)

    def _failed(self, error: Exception, what_follows: str = "are not kept for now") -> str:
        """What is wrong; said once."""
        trouble = f"the state folder cannot be used ({error})"
        if not self._told:
            self._told = True
            _LOGGER.warning("jobs and the ledger %s: %s", what_follows, trouble)
        return trouble

    # --- the file ---

    def _replaced(self) -> bool:
        """Whether somebody deleted the file, or put another in its place: what is written here nobody would see."""
        if self._folder is None:
            return False
        try:
            return os.stat(self._path).st_ino != self._inode
        except OSError:
            return True

    def _opened(self) -> sqlite3.Connection:
        try:
            connection = _connected(self._file(), self._busy_s)
            self._inode = os.stat(self._folder / STATE_FILE).st_ino if self._folder else 0
            return connection
        except (OSError, sqlite3.OperationalError) as error:
            if _kind(error) == sqlite3.SQLITE_BUSY:
                raise  # it passes
            self.trouble = f"{self._failed(error, 'are kept in memory only')}: {MEND_FOLDER}"
            self._folder = None
            return _connected(IN_MEMORY, self._busy_s)

    def _file(self) -> str:
        if self._folder is None:
            return IN_MEMORY
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_own(self._folder)
        file = self._folder / STATE_FILE
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o600))
        require_own(file)
        file.chmod(0o600)  # SQLite gives its other files the mode of this one
        return str(file)

    def _set_aside(self) -> None:
        """A file that is none of SQLite's, or broken, is kept under another name, and a new one begun."""
        self._close()
        assert self._folder  # in memory nothing breaks
        file, aside = self._folder / STATE_FILE, self._folder / f"{STATE_FILE}.broken-{time.time_ns()}"
        for ending in ("", "-wal", "-shm"):
            if (old := file.with_name(file.name + ending)).exists():
                old.replace(aside.with_name(aside.name + ending))
        _LOGGER.warning("%s was broken and is set aside as %s; a new one is begun", STATE_FILE, aside.name)


def _be_patient(connection: sqlite3.Connection, busy_s: float) -> None:
    """For so long where another process has the file. Who does not wait does not copy the log either."""
    connection.execute(f"PRAGMA busy_timeout = {1_000 * busy_s:.0f}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES if busy_s else 0}")


def require_own(path: Path) -> None:
    """Raises PermissionError: others could put links there, or read what is written."""
    found = path.stat()
    if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022):
        raise PermissionError(f"{path} is another user's, or others may write to it")


def _kind(error: Exception) -> int:
    """Of what SQLite says: https://www.sqlite.org/rescode.html; 0 where it is another's."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _connected(path: str, busy_s: float) -> sqlite3.Connection:
    """A connection whose tables are of this version. SQLite does not wait for who makes the file, too."""
    until = time.monotonic() + busy_s
    while True:
        try:
            return _connected_once(path, busy_s)
        except sqlite3.OperationalError as error:
            if _kind(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(AGAIN_S)


def _connected_once(path: str, busy_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=busy_s, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten: answers may be private
        _migrate(connection, MIGRATIONS)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, steps: Sequence[Callable[[StateConnection], Any]]) -> None:
    """The steps that this file has not taken, each in a transaction that one process takes alone."""
    while True:
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            done = connection.execute("PRAGMA user_version").fetchone()[0]
            if done >= len(steps):
                return
            steps[done](connection)
            connection.execute(f"PRAGMA user_version = {done + 1}")
