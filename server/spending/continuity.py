"""Whether the ledger is the one that was begun here: a lost file must not look like a day without spending.

A small file beside the database names the ledger it should hold. Who deletes both begins anew, and knows it.
A PostgreSQL server needs no such file: losing one is nothing that happens unseen.
"""

import os
from pathlib import Path
from secrets import token_hex

from .store import StateConnection, StateStore
from .transactions import set_spent

NAME_FILE, MAX_LEDGER_NAME_CHARS = "ledger.name", 100
NOT_WAITED_FOR = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)  # a pipe, or a link, in its place
SPENT_IS_LOST = "what was spent today stood in a file that is gone or was broken"
CONFIRM = "Say how much it was: bailian-mcp usage --confirm-spent CNY"


class Continuity:
    """Of a store in a folder: on a server, or in memory, nothing can be lost."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._known = ""  # the name of the ledger that is in order
        self._failure = ""
        self.unwritten = ""  # a name that is to be written

    @property
    def _folder(self) -> Path | None:
        return self._store.folder

    def trouble(self, connection: StateConnection, today: str) -> str:
        """What is wrong, empty where nothing is. A new ledger gets its name here."""
        if self._folder is None:
            return ""
        name, begun_on = _name_of(connection, today)
        if name == self._known:
            return ""
        try:
            # one that took the place of another on an earlier day holds all of this one
            if begun_on == today and self._is_other(name):
                return SPENT_IS_LOST
        except (OSError, ValueError) as error:
            return f"{NAME_FILE} cannot be read ({error})"
        self.unwritten = name
        return self._failure

    def _is_other(self, name: str) -> bool:
        """Than the ledger that was here; who knew one sees also that all of its folder is gone."""
        expected = self._expected()
        return expected != name and bool(expected or self._known)

    def write_name(self, _: object) -> None:
        """Once the ledger of that name is there for good."""
        name, self.unwritten = self.unwritten, ""
        try:
            self._expect(name)
        except (OSError, ValueError) as error:
            self._failure = f"the state folder cannot be used ({error})"
            return
        self._known, self._failure = name, ""

    def confirm(self, connection: StateConnection, day: str, nano: int) -> int:
        """Somebody says what was spent on a day, all together; what counts from here on. Raises OSError."""
        connection.execute("BEGIN IMMEDIATE")
        name, _ = _name_of(connection, day)
        counted = set_spent(connection, day, nano)
        self._expect(name)
        return counted

    def _expected(self) -> str:
        """Raises OSError or ValueError: there is something else in its place."""
        assert self._folder
        try:
            file = os.open(self._folder / NAME_FILE, os.O_RDONLY | NOT_WAITED_FOR)
        except FileNotFoundError:
            return ""
        with os.fdopen(file, encoding="utf-8") as opened:
            return opened.read(MAX_LEDGER_NAME_CHARS).strip()

    def _expect(self, name: str) -> None:
        """In one step, so that no other process reads half a name."""
        if self._folder and self._expected() != name:
            new = self._folder / f"{NAME_FILE}.{token_hex(4)}"
            with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
                file.write(name)
            os.replace(new, self._folder / NAME_FILE)


def _name_of(connection: StateConnection, today: str) -> tuple[str, str]:
    """The name of the ledger, and the day it was begun on."""
    found = connection.execute("SELECT name, begun_on FROM ledger").fetchone()
    if found is None:
        found = token_hex(8), today
        connection.execute("INSERT INTO ledger (name, begun_on) VALUES (?, ?)", found)
    return str(found[0]), str(found[1])
