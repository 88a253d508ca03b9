"""What the ledger does to its tables, each function inside one transaction. Money in nano-CNY."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, get_args

from .entries import Cap, OverCap, RequestEntry, Reserved, Settlement, SpendingGroup
from .store import StateConnection

_KEYS = ("sandbox", "side", "client", "day", "name")
COUNTS = ("requests", "input_tokens", "output_tokens", "least", "most", "uncertain", "unknown")
_ADDED = ", ".join(f"{name} = totals.{name} + excluded.{name}" for name in COUNTS)
_ENTRY = ("at", "day", "model", "region", "tool", "client", "session", "job", "sandbox")
_OPENED = ("id", *_ENTRY, "pid", "process", "state", "least", "most", "request_id")
_OPEN = "state <> 'settled' AND state = 'open'"  # by the index of what is not settled
MAX_OPEN_S = 2 * 3_600  # no request waits for its turn and its answer so long


def day_span(day: str, *, sandbox: bool = False) -> str:
    return f"{_purse(sandbox)}day {day}"


def session_span(session: str, *, sandbox: bool = False) -> str:
    return f"{_purse(sandbox)}session {session}"


def _purse(sandbox: bool) -> str:
    """What a sandbox asks for is no money: it fills caps of its own."""
    return "sandbox " if sandbox else ""


def reserved(
    connection: StateConnection, asked: Reserved, process: str, least: int, caps: Sequence[Cap]
) -> Reserved | OverCap:
    """A row for what is about to be sent, or the cap that leaves too little of all."""
    most = asked.nano
    spent = [OverCap(cap, *spent_in(connection, cap.span)) for cap in caps]
    for over in sorted(spent, key=lambda each: each.left):
        if over.left < least:
            return over
        most = over.left if most is None else min(most, over.left)
    held = replace(asked, nano=most)
    _open(connection, held, process)
    return held


def _open(connection: StateConnection, held: Reserved, process: str) -> None:
    """The row of a request under way."""
    entered = (getattr(held.entry, name) for name in _ENTRY)
    values = held.id, *entered, os.getpid(), process, "open", 0, held.nano, held.entry.key
    connection.execute(_insertion("requests", *_OPENED), values)
    _spend(connection, held.entry, held.nano or 0, held.nano or 0)


def held_for(connection: StateConnection, job: str) -> dict[str, Reserved]:
    """What the parts of a job hold, by their keys; also what a process that is gone held for them."""
    columns = ", ".join(("request_id", "id", "most", *_ENTRY))
    found = connection.execute(
        f"SELECT {columns} FROM requests WHERE job LIKE ? AND state <> 'settled' AND request_id <> ''", (f"{job}.%",)
    ).fetchall()
    return {key: Reserved(id, replace(_entry_of(kept), key=key), most) for key, id, most, *kept in found}


def spent_for(connection: StateConnection, job: str) -> int:
    """What all parts of a job have cost at most, and hold, in nano-CNY."""
    found = connection.execute("SELECT SUM(most) FROM requests WHERE job LIKE ?", (f"{job}.%",)).fetchone()
    return int(found[0] or 0) if found else 0


def settled(connection: StateConnection, request: Reserved, process: str, settlement: Settlement) -> bool:
    """The row and the sums, as they are now known; one that was lost with its process may come back.

    Where there is no row, since none could be written then or another ledger is in its place, it is written now.
    """
    connection.execute("BEGIN IMMEDIATE")
    read = "SELECT most, state FROM requests WHERE id = ?", (request.id,)
    if (found := connection.execute(*read).fetchone()) is None and settlement.outcome != "unsent":
        _open(connection, replace(request, nano=0), process)
        found = connection.execute(*read).fetchone()
    if found is None or found[1] == "settled":
        return True
    most, held = found[0] or 0, found[0] or 0 if found[1] == "open" else 0
    entry, marked = request.entry, settlement.sandbox
    now = replace(entry, sandbox=marked if settlement.came else entry.sandbox or marked)
    _write(connection, request.id, now, settlement)
    if now.sandbox == entry.sandbox:
        _spend(connection, entry, (settlement.most or 0) - most, -held)
    else:
        _spend(connection, entry, -most, -held)
        _spend(connection, now, settlement.most or 0, 0)
    if settlement.outcome != "unsent":
        _book(connection, now, settlement)
        _book_items(connection, now, settlement)
    return True


def _write(connection: StateConnection, id: int, entry: RequestEntry, settlement: Settlement) -> None:
    if settlement.outcome == "unsent":
        connection.execute("DELETE FROM requests WHERE id = ?", (id,))
        return
    connection.execute(
        "UPDATE requests SET state = 'settled', sandbox = ?, outcome = ?, least = ?, most = ?, input_tokens = ?,"
        " output_tokens = ?, request_id = ?, short_id = ?, details = ? WHERE id = ?",
        (
            entry.sandbox,
            settlement.outcome,
            settlement.least,
            settlement.most,
            settlement.input_tokens,
            settlement.output_tokens,
            settlement.request_id,
            settlement.short_id,
            settlement.details,
            id,
        ),
    )


def _book(connection: StateConnection, entry: RequestEntry, settlement: Settlement) -> None:
    """Add a request to the sums, once it has ended; before that, reports look at its row."""
    tokens, most = (settlement.input_tokens, settlement.output_tokens), settlement.most
    counts = 1, *tokens, settlement.least, most or 0, int(not settlement.certain), int(most is None)
    connection.executemany(
        f"{_insertion('totals', *_KEYS, *COUNTS)} ON CONFLICT ({', '.join(_KEYS)}) DO UPDATE SET {_ADDED}",
        [
            (int(entry.sandbox), side, entry.client, entry.day, getattr(entry, side), *counts)
            for side in get_args(SpendingGroup)
        ],
    )


def _spend(connection: StateConnection, entry: RequestEntry, nano: int, held: int) -> None:
    spans = day_span(entry.day, sandbox=entry.sandbox), session_span(entry.session, sandbox=entry.sandbox)
    connection.executemany(
        "INSERT INTO spent (span, nano, held) VALUES (?, ?, ?) ON CONFLICT (span) DO UPDATE"
        " SET nano = spent.nano + excluded.nano, held = spent.held + excluded.held",
        [(span, nano, held) for span in spans],
    )


def set_spent(connection: StateConnection, day: str, nano: int) -> int:
    """What was spent on a day, as somebody says; never less than the ledger itself knows. What counts from here on."""
    ended = "SELECT coalesce(sum(most), 0) FROM totals WHERE sandbox = 0 AND side = 'day' AND day = ?"
    others = "SELECT coalesce(sum(most), 0) FROM requests WHERE sandbox = 0 AND state <> 'settled' AND day = ?"
    known = sum(int(connection.execute(sql, (day,)).fetchone()[0]) for sql in (ended, others))
    connection.execute(
        "INSERT INTO spent (span, nano, held) VALUES (?, ?, 0) ON CONFLICT (span) DO UPDATE SET nano = excluded.nano",
        (day_span(day), counted := max(nano, known)),
    )
    return counted


def _book_items(connection: StateConnection, entry: RequestEntry, settlement: Settlement) -> None:
    connection.executemany(
        "INSERT INTO items (day, sandbox, model, item, uncertain, quantity, nano) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (day, sandbox, model, item, uncertain) DO UPDATE"
        " SET quantity = items.quantity + excluded.quantity, nano = items.nano + excluded.nano",
        [
            (entry.day, int(entry.sandbox), entry.model, item, int(not settlement.certain), quantity, nano)
            for item, (quantity, nano) in settlement.items.items()
        ],
    )


def spent_in(connection: StateConnection, span: str) -> tuple[int, int]:
    """What was spent in a span, and how much of it is held for what is under way."""
    found = connection.execute("SELECT nano, held FROM spent WHERE span = ?", (span,)).fetchone()
    return (int(found[0]), int(found[1])) if found else (0, 0)


def close_lost(connection: StateConnection, process: str, now: float) -> None:
    """Mark what a process had under way that is gone: it stays spent at its bound.

    A mark that is wrong, since that process lives where it cannot be seen, does no harm: it settles all the same.
    """
    found = connection.execute(f"SELECT DISTINCT pid, process FROM requests WHERE {_OPEN}").fetchall()
    gone = [name for pid, name in found if name != process and _is_here(name, process) and not _lives(pid)]
    for name in gone:
        _mark_lost(connection, "process = ?", name)
    _mark_lost(connection, "at < ?", now - MAX_OPEN_S)


def _mark_lost(connection: StateConnection, which: str, value: object) -> None:
    """It is spent at its bound, and held no more."""
    columns = ", ".join((*_ENTRY, "most"))
    found = connection.execute(f"SELECT {columns} FROM requests WHERE {_OPEN} AND {which}", (value,)).fetchall()
    for *kept, most in found:
        _spend(connection, _entry_of(kept), 0, -(most or 0))
    connection.execute(f"UPDATE requests SET state = 'lost', outcome = 'lost' WHERE {_OPEN} AND {which}", (value,))


def _is_here(process: str, own: str) -> bool:
    """Whether it is, or was, a process of this machine; one without the name of its machine was."""
    return process.partition("@")[2] in ("", own.partition("@")[2])


def _lives(pid: int) -> bool:
    """Whether another process of that number is there; on Windows that is left to time."""
    if pid == os.getpid():
        return False
    if sys.platform == "win32":  # pragma: no cover  (there os.kill would end it)
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is another user's
    return True


def _entry_of(kept: Sequence[Any]) -> RequestEntry:
    """From the columns of its row."""
    return RequestEntry(**dict(zip(_ENTRY, kept, strict=True)))


@cache
def _insertion(table: str, *columns: str) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
