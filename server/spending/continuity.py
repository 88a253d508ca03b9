"""Whether the ledger is the one that was begun here: a lost file must not look like a day without spending.

A small file beside the database names the ledger it should hold. Who deletes both begins anew, and knows it.
A PostgreSQL server needs no such file: losing one is nothing that happens unseen.
"""

import os
from pathlib import Path
from secrets import token_hex

from .store import StateConnection
from .transactions import spend

NAME_FILE = "ledger.name"
SPENT_IS_LOST = (
    "what was spent today stood in a file that is gone or was broken. Say how much it was: "
    "bailian-mcp usage --confirm-spent CNY"
)


class Continuity:
    """`folder` None: on a server, or in memory, where nothing can be lost."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known = ""  # the name of the ledger that is in order

    def trouble(self, connection: StateConnection, today: str) -> str:
        """What is wrong, empty where nothing is. A new ledger gets its name here."""
        if self._folder is None:
            return ""
        name, begun_on = _name_of(connection, today)
        if name == self._known:
            return ""
        try:
            # one that took the place of another on an earlier day holds all of this one
            if self._expected() not in ("", name) and begun_on == today:
                return SPENT_IS_LOST
            self._expect(name)
        except OSError as error:
            return f"the state folder cannot be used ({error})"
        self._known = name
        return ""

    def confirm(self, connection: StateConnection, day: str, span: str, nano: int) -> None:
        """Somebody says what the lost file held. Raises OSError."""
        name, _ = _name_of(connection, day)
        spend(connection, [span], nano)
        self._expect(name)

    def _expected(self) -> str:
        try:
            return (self._folder / NAME_FILE).read_text("utf-8").strip() if self._folder else ""
        except FileNotFoundError:
            return ""

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
