"""How the store came to look as it does: each step is taken once, in this order, and never changed."""

from .store import StateConnection


def _jobs(connection: StateConnection) -> None:
    connection.execute(
        "CREATE TABLE jobs (id TEXT PRIMARY KEY, client TEXT NOT NULL, tool TEXT NOT NULL, key TEXT NOT NULL,"
        " state TEXT NOT NULL, started_at REAL NOT NULL, seen_at REAL NOT NULL, replay_until REAL NOT NULL,"
        " cancel_asked INTEGER NOT NULL DEFAULT 0, content TEXT NOT NULL)"
    )
    connection.execute("CREATE INDEX jobs_seen_at ON jobs (seen_at)")


def _ledger(connection: StateConnection) -> None:
    """Money in nano-CNY. `sums` adds `requests` up by each of their sides, for each client and for everybody, so that a
    report reads few rows however many there are; `items` by what has a price; `spent` is what caps look at,
    of which `held` is for what is under way.
    """
    connection.execute(
        "CREATE TABLE requests (id INTEGER PRIMARY KEY, at REAL NOT NULL, day TEXT NOT NULL, model TEXT NOT NULL,"
        " region TEXT NOT NULL, tool TEXT NOT NULL, client TEXT NOT NULL, session TEXT NOT NULL, job TEXT NOT NULL,"
        " sandbox INTEGER NOT NULL, pid INTEGER NOT NULL, process TEXT NOT NULL, state TEXT NOT NULL,"
        " outcome TEXT NOT NULL DEFAULT '', least INTEGER NOT NULL, most INTEGER,"
        " input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0,"
        " request_id TEXT NOT NULL DEFAULT '', short_id TEXT NOT NULL DEFAULT '', details TEXT NOT NULL DEFAULT '')"
    )
    connection.execute("CREATE INDEX requests_open ON requests (at) WHERE state = 'open'")
    connection.execute("CREATE INDEX requests_request_id ON requests (request_id)")
    connection.execute("CREATE INDEX requests_short_id ON requests (short_id)")
    connection.execute("CREATE INDEX requests_job ON requests (job) WHERE job <> ''")
    connection.execute(
        "CREATE TABLE sums (sandbox INTEGER, side TEXT, client TEXT, day TEXT, name TEXT,"
        " requests INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,"
        " least INTEGER NOT NULL, most INTEGER NOT NULL, uncertain INTEGER NOT NULL, unknown INTEGER NOT NULL,"
        " PRIMARY KEY (sandbox, side, client, day, name)) WITHOUT ROWID"
    )
    connection.execute(
        "CREATE TABLE items (day TEXT, sandbox INTEGER, model TEXT, item TEXT, uncertain INTEGER,"
        " quantity INTEGER NOT NULL, nano INTEGER NOT NULL,"
        " PRIMARY KEY (day, sandbox, model, item, uncertain)) WITHOUT ROWID"
    )
    connection.execute(
        "CREATE TABLE spent (span TEXT PRIMARY KEY, nano INTEGER NOT NULL, held INTEGER NOT NULL) WITHOUT ROWID"
    )
    connection.execute("CREATE TABLE ledger (name TEXT NOT NULL, begun_on TEXT NOT NULL)")


def _sums_of_what_has_ended(connection: StateConnection) -> None:
    """What is under way stands in its row alone, everybody's sums are those of all clients, and what has no id yet is
    in no index of ids: half as many writes. A client's jobs are found however many others there are.
    """
    for name in ("requests_open", "requests_request_id", "requests_short_id"):
        connection.execute(f"DROP INDEX {name}")
    connection.execute("CREATE INDEX requests_unsettled ON requests (day) WHERE state <> 'settled'")
    connection.execute("CREATE INDEX requests_request_id ON requests (request_id) WHERE request_id <> ''")
    connection.execute("CREATE INDEX requests_short_id ON requests (short_id) WHERE short_id <> ''")
    connection.execute("CREATE INDEX jobs_client ON jobs (client, started_at)")
    connection.execute("CREATE INDEX jobs_cancel_asked ON jobs (state) WHERE cancel_asked = 1")
    connection.execute("DELETE FROM sums WHERE client = '*'")
    for side in ("day", "model", "tool", "client", "session", "region"):
        under_way = f"FROM requests WHERE state <> 'settled' AND {side} = sums.name AND day = sums.day"
        under_way += " AND client = sums.client AND sandbox = sums.sandbox"
        connection.execute(
            f"UPDATE sums SET requests = requests - (SELECT count(*) {under_way}),"
            f" least = least - (SELECT coalesce(sum(least), 0) {under_way}),"
            f" most = most - (SELECT coalesce(sum(most), 0) {under_way}),"
            f" uncertain = uncertain - (SELECT count(*) {under_way}),"
            f" unknown = unknown - (SELECT count(*) {under_way} AND most IS NULL) WHERE side = ?",
            (side,),
        )
    connection.execute("DELETE FROM sums WHERE requests = 0")
    # under another name, so that a server of before, which may still run, fails to add what would be wrong here
    connection.execute("ALTER TABLE sums RENAME TO totals")


def _jobs_awaited_elsewhere(connection: StateConnection) -> None:
    """What runs or reached nobody is found for the same question in another process, and kept for who waits there."""
    connection.execute("ALTER TABLE jobs ADD COLUMN awaited_until REAL NOT NULL DEFAULT 0")
    connection.execute("DROP INDEX jobs_cancel_asked")  # wishes are looked for among those that run
    connection.execute("CREATE INDEX jobs_running ON jobs (client) WHERE state = 'running'")
    connection.execute("CREATE INDEX jobs_undelivered ON jobs (client, replay_until) WHERE replay_until > 0")


MIGRATIONS = (_jobs, _ledger, _sums_of_what_has_ended, _jobs_awaited_elsewhere)
