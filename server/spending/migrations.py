"""How the file came to look as it does: each step is taken once, in this order, and never changed."""

import sqlite3


def _jobs(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE jobs (id TEXT PRIMARY KEY, client TEXT NOT NULL, tool TEXT NOT NULL, key TEXT NOT NULL,"
        " state TEXT NOT NULL, started_at REAL NOT NULL, seen_at REAL NOT NULL, replay_until REAL NOT NULL,"
        " cancel_asked INTEGER NOT NULL DEFAULT 0, content TEXT NOT NULL)"
    )
    connection.execute("CREATE INDEX jobs_seen_at ON jobs (seen_at)")


MIGRATIONS = (_jobs,)
