"""The file of the state: what is short is done at once, and what may take long in a thread, one after the other."""

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from bailian_mcp.server.spending import Database, Ledger, ReportSpan
from bailian_mcp.server.spending.database import AT_ONCE_IN_A_ROW, MAX_AT_ONCE_S, _migrate
from bailian_mcp.server.spending.migrations import MIGRATIONS

pytestmark = pytest.mark.anyio
HERE = threading.get_ident()
ALL = ReportSpan("2000-01-01", "2999-01-01")


@pytest.fixture
def era() -> str:
    return "2026-07-28"


def where(_: Any) -> bool:
    """Whether it runs in the thread of the event loop."""
    return threading.get_ident() == HERE


async def opened(folder: Path, **known: float) -> Database:
    database = Database(folder, **known)
    assert await database.run(where, short=True) is False  # the file is opened in a thread
    return database


async def test_what_is_short_needs_no_thread_but_now_and_then(tmp_path: Path) -> None:
    database = await opened(tmp_path)

    assert await database.run(where) is False
    assert [await database.run(where, short=True) for _ in range(AT_ONCE_IN_A_ROW)] == [True] * AT_ONCE_IN_A_ROW
    assert await database.run(where, short=True) is False  # which copies the log into the file, and may have to wait
    assert await database.run(where, short=True) is True
    await database.aclose()


async def test_the_log_stays_short(tmp_path: Path) -> None:
    database = await opened(tmp_path)
    await database.run(lambda connection: connection.execute("CREATE TABLE long (text TEXT)"))
    for _ in range(3 * AT_ONCE_IN_A_ROW):
        await database.run(
            lambda connection: connection.execute("INSERT INTO long VALUES (?)", ("x" * 20_000,)), short=True
        )

    assert (tmp_path / "state.db-wal").stat().st_size < 1.5 * AT_ONCE_IN_A_ROW * 24_000
    await database.aclose()


async def test_a_file_that_another_has_is_waited_for_and_nothing_else_waits(tmp_path: Path) -> None:
    database, turns = await opened(tmp_path), 0
    other = sqlite3.connect(tmp_path / "state.db")
    other.execute("BEGIN IMMEDIATE")

    async def work() -> None:
        nonlocal turns
        for _ in range(10):
            await anyio.sleep(0.01)
            turns += 1
        other.rollback()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)

        def write(connection: Any) -> bool:
            connection.execute("BEGIN IMMEDIATE")
            return where(connection)

        assert await database.run(write, short=True) is False
        assert turns == 10
    assert await database.run(write, short=True) is True
    other.close()
    await database.aclose()


async def test_where_the_disk_is_slow_a_thread_waits_for_it(tmp_path: Path) -> None:
    database = await opened(tmp_path)

    def slowly(connection: Any) -> bool:
        time.sleep(2 * MAX_AT_ONCE_S)
        return where(connection)

    assert await database.run(slowly, short=True) is True
    assert await database.run(where, short=True) is False
    await database.aclose()


async def test_what_is_short_and_what_is_long_never_meet(tmp_path: Path) -> None:
    database, inside, met = await opened(tmp_path), 0, 0

    def work(_: Any) -> None:
        nonlocal inside, met
        inside += 1
        met = max(met, inside)
        time.sleep(0.002)
        inside -= 1

    async def ask(short: bool) -> None:
        await database.run(work, short=short)

    async with anyio.create_task_group() as tasks:
        for number in range(60):
            tasks.start_soon(ask, bool(number % 3))
    assert met == 1
    await database.aclose()


async def test_a_file_that_was_replaced_is_opened_in_a_thread(tmp_path: Path) -> None:
    database = await opened(tmp_path)
    (tmp_path / "state.db").unlink()

    assert await database.run(where, short=True) is False
    assert await database.run(where, short=True) is True
    await database.aclose()


async def test_a_fault_of_the_work_is_the_callers_and_leaves_nothing(tmp_path: Path) -> None:
    database = await opened(tmp_path)
    await database.run(lambda connection: connection.execute("CREATE TABLE told (word TEXT)"))

    def half(connection: Any) -> None:
        connection.execute("INSERT INTO told VALUES ('half')")
        raise LookupError

    for short in (True, False):
        with pytest.raises(LookupError):
            await database.run(half, short=short)
    assert await database.run(lambda connection: connection.execute("SELECT * FROM told").fetchall()) == []
    await database.aclose()


# --- what an older version left ---

COLUMNS = "at, day, model, region, tool, client, session, job, sandbox, pid, process, state, least, most, input_tokens, output_tokens"
SIDES = ("day", "model", "tool", "client", "session", "region")
OLD_ROWS: tuple[tuple[str, str, int | None, int], ...] = (  # client, state, most, tokens
    ("one", "settled", 7, 5),
    ("one", "open", 100, 0),
    ("one", "lost", None, 0),
    ("other", "settled", 3, 2),
    ("other", "open", 50, 0),
)


def as_the_second_step_had_it(connection: sqlite3.Connection) -> None:
    """Every row in the sums, for its client and for everybody, whatever its state."""
    for client, state, most, tokens in OLD_ROWS:
        ended = state == "settled"
        known: dict[str, Any] = {
            "day": "2026-11-27", "model": "m", "region": "cn-beijing", "tool": "chat", "client": client, "session": "s",
        }  # fmt: skip
        row = (1.0, *known.values(), "j", 0, 1, "p", state, most if ended else 0, most, tokens, tokens)
        connection.execute(f"INSERT INTO requests ({COLUMNS}) VALUES ({', '.join('?' * len(row))})", row)
        counts = (1, tokens, tokens, most if ended else 0, most or 0, int(not ended), int(most is None))
        for side in SIDES:
            for whose in (client, "*"):
                connection.execute(
                    "INSERT INTO sums VALUES (0, ?, ?, '2026-11-27', ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " requests = requests + excluded.requests, input_tokens = input_tokens + excluded.input_tokens,"
                    " output_tokens = output_tokens + excluded.output_tokens, least = least + excluded.least,"
                    " most = most + excluded.most, uncertain = uncertain + excluded.uncertain,"
                    " unknown = unknown + excluded.unknown",
                    (side, whose, known[side], *counts),
                )


@pytest.mark.parametrize("client", [None, "one", "other"])
async def test_a_ledger_of_an_older_version_reports_what_it_did(tmp_path: Path, client: str | None) -> None:
    with sqlite3.connect(tmp_path / "state.db") as old:
        _migrate(old, MIGRATIONS[:2])
        as_the_second_step_had_it(old)
    old.close()
    database = Database(tmp_path)
    known = await database.run(lambda connection: connection.execute("SELECT name FROM sqlite_master").fetchall())
    assert ("sums",) not in (known or ())  # an older server that still runs fails to add to it
    rows = [row for row in OLD_ROWS if client in (None, row[0])]
    ended: Callable[[tuple[str, str, int | None, int]], bool] = lambda row: row[1] == "settled"  # noqa: E731

    for side in SIDES:
        sums = await Ledger(database).sums(side, ReportSpan(ALL.first, ALL.last, client)) or []  # type: ignore[arg-type]
        assert sum(each.requests for each in sums) == len(rows)
        assert sum(each.most for each in sums) == sum(most or 0 for _, _, most, _ in rows)
        assert sum(each.least for each in sums) == sum(row[2] or 0 for row in rows if ended(row))
        assert sum(each.input_tokens for each in sums) == sum(tokens for *_, tokens in rows)
        assert sum(each.uncertain for each in sums) == sum(not ended(row) for row in rows)
        assert sum(each.unknown for each in sums) == sum(row[2] is None for row in rows)
    await database.aclose()
