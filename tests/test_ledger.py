"""The ledger itself: whatever happens in whatever order, its sums are what was told, and what is not certain is marked.

Stories with `stores` are the contract of every store; those with `tmp_path` are about files.
"""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any

import anyio
import pytest
from bailian_mcp.server.spending import (
    Cap,
    Database,
    Ledger,
    OverCap,
    PostgresDatabase,
    ReportSpan,
    RequestEntry,
    Reserved,
    Settlement,
    StateStore,
    Unusable,
    day_span,
    in_nano,
)
from bailian_mcp.server.spending.continuity import SPENT_IS_LOST
from bailian_mcp.server.spending.database import STATE_FILE
from bailian_mcp.server.spending.ledger import NOT_NOW
from bailian_mcp.server.spending.transactions import MAX_OPEN_S
from hypothesis import given, settings
from hypothesis import strategies as st
from postgresql import PostgreSQL

from .conftest import Stores

pytestmark = pytest.mark.anyio
DAY = "2026-11-27"
AT = 1_795_000_000.0
ALL = ReportSpan("2000-01-01", "2999-01-01")
CAP = Cap("DAY", f"day {DAY}", 1_000, "tomorrow")


@pytest.fixture
def ledger(stores: Stores) -> Ledger:
    return Ledger(stores())


def entry(**known: Any) -> RequestEntry:
    return RequestEntry(**{"at": AT, "day": DAY, "model": "m", "session": "s", **known})


def answered(nano: int, **known: Any) -> Settlement:
    return Settlement("answered", nano, nano, **known)


async def held(ledger: Ledger, most: int | None, least: int = 0, **known: Any) -> Reserved:
    found = await ledger.reserve(entry(**known), most, least, [CAP])
    assert isinstance(found, Reserved)
    return found


async def total(ledger: Ledger) -> tuple[int, int, int]:
    """Least, most and how many are uncertain."""
    sums = await ledger.sums("day", ALL)
    return sum(each.least for each in sums), sum(each.most for each in sums), sum(each.uncertain for each in sums)


async def spent(ledger: Ledger) -> int:
    nano, _ = await ledger.spent(CAP.span)
    return nano


# What may become of a request: how it ends, and whether its process sees the end
ENDS = st.sampled_from(["answered", "cut", "failed", "cancelled", "refused", "unsent", "crashed"])
STEPS = st.lists(st.tuples(ENDS, st.integers(0, 400), st.integers(0, 30), st.booleans()), max_size=25)


async def added_up(store: StateStore, steps: list[tuple[str, int, int, bool]]) -> None:
    """Each step holds something; it ends at once or after the others, or never."""
    ledger, told, uncertain, under_way, later = Ledger(store), 0, 0, 0, []
    for end, most, cost, waits in steps:
        found = await ledger.reserve(entry(), most, 0, [CAP])
        assert await spent(ledger) <= CAP.limit
        if isinstance(found, OverCap):
            continue
        assert isinstance(found, Reserved)
        cost = min(cost, found.nano or 0)
        settlement = SETTLED[end](cost, found.nano or 0)
        if settlement is None:
            uncertain += found.nano or 0
            under_way += found.nano or 0
            continue
        told += settlement.least
        uncertain += (settlement.most or 0) - settlement.least
        if waits:
            later.append((found, settlement))
        else:
            await ledger.settle(found, settlement)
    for found, settlement in reversed(later):
        await ledger.settle(found, settlement)
    least, most, _ = await total(ledger)
    assert (least, most - least) == (told, uncertain)
    assert await ledger.spent(CAP.span) == (most, under_way)
    await store.aclose()


@settings(max_examples=60)
@given(STEPS)
def test_under_any_interleaving_the_sums_are_what_was_told_and_what_is_uncertain(
    steps: list[tuple[str, int, int, bool]],
) -> None:
    with TemporaryDirectory() as folder:
        anyio.run(added_up, Database(Path(folder)), steps)


@settings(max_examples=10)
@given(STEPS)
def test_so_they_are_on_a_server(postgresql_server: PostgreSQL, steps: list[tuple[str, int, int, bool]]) -> None:
    postgresql_server.ask("DROP SCHEMA IF EXISTS bailian_mcp CASCADE")
    anyio.run(added_up, PostgresDatabase(postgresql_server.url()), steps)


SETTLED: dict[str, Callable[[int, int], Settlement | None]] = {
    "answered": lambda cost, _: answered(cost),
    "cut": lambda cost, most: Settlement("cut", cost, most),
    "failed": lambda _, most: Settlement("failed", 0, most),
    "cancelled": lambda _, most: Settlement("cancelled", 0, most),
    "refused": lambda *_: Settlement("refused", 0, 0),
    "unsent": lambda *_: Settlement("unsent", 0, 0),
    "crashed": lambda *_: None,
}


async def test_what_is_settled_twice_counts_once(ledger: Ledger) -> None:
    reserved = await held(ledger, 100)
    await ledger.settle(reserved, answered(7))
    await ledger.settle(reserved, answered(7))

    assert await total(ledger) == (7, 7, 0)


async def test_what_nobody_can_price_is_counted_apart(ledger: Ledger) -> None:
    unpriced = await ledger.reserve(entry(), None)
    assert isinstance(unpriced, Reserved)
    await ledger.settle(unpriced, Settlement("answered", 0, None, input_tokens=5))
    (row,) = await ledger.sums("model", ALL)

    assert (row.name, row.requests, row.input_tokens, row.unknown, row.most) == ("m", 1, 5, 1, 0)


async def test_what_costs_more_than_was_held_is_spent_all_the_same(ledger: Ledger) -> None:
    """The bound was wrong: the cap is passed once, by what was really billed, and is shut then."""
    await ledger.settle(await held(ledger, 10), answered(5_000))

    assert isinstance(await ledger.reserve(entry(), 1, 1, [CAP]), OverCap)


async def test_a_day_counts_by_each_of_its_sides(ledger: Ledger) -> None:
    for model, tool, client in (("a", "chat", "x"), ("a", "ocr", "y"), ("b", "chat", "x")):
        reserved = await held(ledger, 10, model=model, tool=tool, client=client)
        await ledger.settle(reserved, answered(1, items={"input": (100, 1)}))

    assert [(each.name, each.requests) for each in await ledger.sums("model", ALL)] == [("a", 2), ("b", 1)]
    assert [(each.name, each.requests) for each in await ledger.sums("tool", ALL)] == [("chat", 2), ("ocr", 1)]
    assert [each.requests for each in await ledger.sums("day", ReportSpan(DAY, DAY, client="x"))] == [2]
    assert [(each.model, each.quantity) for each in await ledger.items(ALL)] == [("a", 200), ("b", 100)]


async def test_a_request_is_found_by_its_id_in_short_and_by_its_job_but_not_by_another_client(ledger: Ledger) -> None:
    reserved = await held(ledger, 10, client="x", job="j1")
    await ledger.settle(reserved, answered(1, request_id="req-12345678", short_id="12345678"))

    found = [len(await ledger.requests(id, "x")) for id in ("req-12345678", "12345678", "j1", "", "j2")]
    assert found == [1, 1, 1, 0, 0]
    assert await ledger.requests("j1", "y") == []
    assert len(await ledger.requests("j1", None)) == 1


async def test_a_call_is_found_whole_by_any_of_its_requests_but_not_by_another_client(ledger: Ledger) -> None:
    for job, id in (("j1", "r1"), ("j1", "r2"), ("j2", "r2"), ("", "r2")):
        reserved = await held(ledger, 10, client="x", job=job)
        await ledger.settle(reserved, answered(1, request_id=f"req-{id}", short_id=id))
    await held(ledger, 10, client="y", job="j1")

    async def found(id: str, client: str = "x") -> list[list[str]]:
        return [[each.request_id for each in call] for call in await ledger.calls(id, client) or []]

    assert await found("r1") == await found("j1") == [["req-r1", "req-r2"]]
    assert await found("req-r2") == [["req-r1", "req-r2"], ["req-r2"]]
    assert await found("r2", "y") == await found("r3") == []
    assert await found("j1", "y") == [[""]]  # its own, under way


async def test_what_a_sandbox_answers_moves_to_its_own_sums(ledger: Ledger) -> None:
    await ledger.settle(await held(ledger, 10), answered(3, sandbox=True))

    assert await total(ledger) == (0, 0, 0)
    assert await spent(ledger) == 0
    (row,) = await ledger.sums("day", ReportSpan(DAY, DAY, sandbox=True))
    assert (row.least, row.requests) == (3, 1)
    assert ledger.sandbox


# --- several processes ---


async def states(store: StateStore) -> list[Any] | None:
    """Of each row, the oldest first."""
    read = "SELECT state FROM requests ORDER BY at, id"
    return await store.run(lambda connection: [state for (state,) in connection.execute(read).fetchall()])


async def moved(store: StateStore, column: str, value: object) -> None:
    """As if the rows were written by another process."""
    await store.run(lambda connection: connection.execute(f"UPDATE requests SET {column} = ?", (value,)))


async def test_two_ledgers_of_one_store_share_a_cap(stores: Stores) -> None:
    one, other = Ledger(stores()), Ledger(stores())
    await held(one, 600)
    found = await other.reserve(entry(), 600, 500, [CAP])

    assert isinstance(found, OverCap)
    assert found.left == 400
    assert isinstance(await other.reserve(entry(), 600, 400, [CAP]), Reserved)


async def test_at_once_they_never_hold_more_than_the_cap(stores: Stores) -> None:
    """Who looks and writes is alone, over all of them."""
    ledgers, found = [Ledger(stores()) for _ in range(4)], []

    async def reserve(ledger: Ledger) -> None:
        found.append(await ledger.reserve(entry(), 70, 70, [CAP]))

    async with anyio.create_task_group() as tasks:
        for ledger in ledgers * 5:
            tasks.start_soon(reserve, ledger)

    assert [sum(isinstance(each, kind) for each in found) for kind in (Reserved, OverCap)] == [14, 6]
    assert await spent(ledgers[0]) == 14 * 70


async def test_what_a_dead_process_left_open_is_marked_and_stays_spent(stores: Stores) -> None:
    store = stores()
    await held(Ledger(store), 100)  # of this process's number, but by another name: a number that was used again
    late = await held(Ledger(store), 30, at=AT + 10, session="late")
    await held(Ledger(stores()), 1, at=AT + 20)

    assert await states(store) == ["lost", "lost", "open"]
    assert await Ledger(store).spent(CAP.span) == (131, 1)  # what is lost is held no more
    await Ledger(store).settle(late, answered(2))  # it lived, where it could not be seen
    assert await Ledger(store).spent(CAP.span) == (103, 1)


async def test_so_is_what_a_process_left_open_whose_number_nobody_has(stores: Stores) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    store = stores()
    await held(Ledger(store), 100)
    await moved(store, "pid", ended.pid)
    await held(Ledger(stores()), 1, at=AT + 1)

    assert await states(store) == ["lost", "open"]


async def test_what_a_process_held_that_dies_while_others_live_is_not_waited_for(stores: Stores) -> None:
    """It comes free no more: who waited for it waited half a minute, and was refused all the same."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    ledger, store = Ledger(stores()), stores()
    await held(ledger, 1)
    await held(Ledger(store), 900, at=AT + 1, session="other")
    await store.run(
        lambda connection: connection.execute("UPDATE requests SET pid = ? WHERE session = 'other'", (ended.pid,))
    )
    found = await ledger.reserve(entry(), 500, 500, [CAP])

    assert isinstance(found, OverCap)
    assert (found.spent, found.held) == (901, 0)
    assert await states(store) == ["lost", "lost"]


@pytest.mark.parametrize(
    "elsewhere", [("pid", os.getppid()), ("process", "abc@another-machine")], ids=["process", "machine"]
)
async def test_what_another_process_has_under_way_is_left_alone_until_it_must_be_over(
    stores: Stores, elsewhere: tuple[str, object]
) -> None:
    store = stores()
    await held(Ledger(store), 100)
    await moved(store, *elsewhere)
    await held(Ledger(stores()), 1, at=AT + 1)
    before = await states(store)
    await held(Ledger(stores()), 1, at=AT + MAX_OPEN_S + 1)
    after = await states(store)

    assert before
    assert after
    assert (before[0], after[0]) == ("open", "lost")


# --- files ---


async def test_who_has_no_cap_does_not_name_a_new_ledger_where_one_was_lost(tmp_path: Path) -> None:
    """Or a cap that is set an hour later would find nothing missing."""
    await held(Ledger(Database(tmp_path)), 100)
    (tmp_path / "state.db").unlink()
    assert isinstance(await Ledger(Database(tmp_path)).reserve(entry(), 1), Reserved)

    assert isinstance(await Ledger(Database(tmp_path)).reserve(entry(), 1, 0, [CAP]), Unusable)


async def test_a_folder_that_vanishes_under_a_running_server_opens_no_cap(tmp_path: Path) -> None:
    """Who starts anew cannot know of it; who was there does, until somebody says what was spent."""
    state = tmp_path / "state"
    ledger = Ledger(Database(state))
    await held(ledger, 100)
    state.rename(tmp_path / "elsewhere")
    found = await ledger.reserve(entry(), 1, 0, [CAP])
    await Ledger(Database(state)).confirm(DAY, 100)

    assert isinstance(found, Unusable)
    assert found.why == SPENT_IS_LOST
    await held(ledger, 1)
    assert await ledger.spent(CAP.span) == (101, 1)


async def test_a_name_that_cannot_be_written_shuts_the_caps(tmp_path: Path) -> None:
    (tmp_path / "ledger.name").mkdir()
    ledger = Ledger(Database(tmp_path))
    found = await ledger.reserve(entry(), 1, 0, [CAP])

    assert isinstance(found, Unusable)
    assert "ledger.name cannot be read" in found.why
    assert isinstance(await ledger.reserve(entry(), 1), Reserved)


async def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    await held(Ledger(Database(tmp_path)), 1)

    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_sums_are_rounded_up_to_a_billionth() -> None:
    from decimal import Decimal

    assert in_nano(Decimal("0.0000000001")) == 1
    assert in_nano(Decimal("0.006")) == 6_000_000
    assert day_span(DAY, sandbox=True) == f"sandbox day {DAY}"


async def test_what_cannot_be_written_is_said_once_and_nothing_of_it_lasts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(tmp_path)

    def faulty(connection: Any) -> None:
        connection.execute("INSERT INTO nowhere VALUES (1)")

    assert [await database.run(faulty) for _ in range(2)] == [None, None]
    assert len(caplog.messages) == 1
    await held(Ledger(database), 1)


async def test_a_broken_file_that_cannot_be_set_aside_shuts_the_caps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state.db").write_bytes(b"no database " * 999)

    def stays(*_: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "replace", stays)

    assert isinstance(await Ledger(Database(tmp_path)).reserve(entry(), 1, 0, [CAP]), Unusable)


async def test_a_file_that_another_process_makes_at_the_same_moment_is_waited_for(tmp_path: Path) -> None:
    """Workers of a new folder; SQLite changes how a file is kept at once or not at all."""
    other = sqlite3.connect(tmp_path / STATE_FILE, isolation_level=None, check_same_thread=False)
    (tmp_path / STATE_FILE).chmod(0o600)
    other.execute("BEGIN IMMEDIATE")
    Timer(0.1, other.execute, ["ROLLBACK"]).start()

    assert await Database(tmp_path).run(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)


async def test_a_file_that_is_locked_when_it_is_first_needed_is_used_once_it_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is nothing that lasts: to keep all in memory until a restart would shut caps, or lose what is spent, for good."""
    await held(Ledger(Database(tmp_path)), 1)
    store = Database(tmp_path, busy_s=0.05, let_alone_s=0)
    ledger = Ledger(store)
    with sqlite3.connect(tmp_path / "state.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        shut, unheld = await ledger.reserve(entry(), 1, 0, [CAP]), await ledger.reserve(entry(), 5)
        other.execute("ROLLBACK")
    assert isinstance(unheld, Reserved)
    await ledger.settle(unheld, answered(3))
    await held(ledger, 1, at=AT + 1)

    assert isinstance(shut, Unusable)
    assert shut.why == NOT_NOW
    assert (store.folder, await Ledger(Database(tmp_path)).spent(CAP.span)) == (tmp_path, (5, 1))
    assert "in memory" not in caplog.text
    assert "database is locked" in caplog.text


@pytest.mark.parametrize("then", ["a report", "the end"])
async def test_what_a_lock_kept_from_being_written_is_written_by_the_time_of(then: str, tmp_path: Path) -> None:
    ledger = Ledger(Database(tmp_path, busy_s=0.05, let_alone_s=0))
    under_way = await held(ledger, 5)
    with sqlite3.connect(tmp_path / "state.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        await ledger.settle(under_way, answered(3))
        other.execute("ROLLBACK")
    if then == "the end":
        await ledger.aclose()
        ledger = Ledger(Database(tmp_path))

    assert await ledger.spent(CAP.span) == (3, 0)


async def test_where_the_name_of_a_ledger_cannot_be_written_caps_are_shut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss would not be seen."""

    def stays(*_: Any) -> None:
        raise PermissionError("read only")

    monkeypatch.setattr(os, "replace", stays)
    ledger = Ledger(Database(tmp_path))
    await held(ledger, 1)
    found = await ledger.reserve(entry(), 1, 0, [CAP])

    assert isinstance(found, Unusable)
    assert "read only" in found.why


async def test_a_process_of_another_user_is_one_that_lives(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores()
    await held(Ledger(store), 100)

    def theirs(*_: Any) -> None:
        raise PermissionError

    def another(connection: Any) -> None:
        connection.execute("UPDATE requests SET pid = 1")

    monkeypatch.setattr(os, "kill", theirs)
    await store.run(another)
    await held(Ledger(stores()), 1)

    assert await states(store) == ["open", "open"]


async def test_what_could_not_be_settled_at_once_is_settled_before_the_next_request(tmp_path: Path) -> None:
    ledger = Ledger(Database(tmp_path))
    reserved = await held(ledger, 100)
    with sqlite3.connect(tmp_path / "state.db") as other:
        other.execute("ALTER TABLE requests RENAME TO elsewhere")
        other.commit()
        await ledger.settle(reserved, answered(7))
        other.execute("ALTER TABLE elsewhere RENAME TO requests")
        other.commit()
    await held(ledger, 1)

    assert await ledger.spent(CAP.span) == (8, 1)


async def test_what_was_under_way_when_another_ledger_took_its_place_settles_no_request_of_that_one(
    tmp_path: Path,
) -> None:
    """Each counts its rows from one: the second request would have been settled with what the first came to."""
    ledger = Ledger(Database(tmp_path))
    old = await ledger.reserve(entry(session="old"), 100)
    (tmp_path / "state.db").unlink()
    new = await ledger.reserve(entry(session="new"), 50)
    assert isinstance(old, Reserved)
    assert isinstance(new, Reserved)
    await ledger.settle(old, answered(3))
    await ledger.settle(old, answered(3))
    await ledger.settle(new, answered(20))

    assert {each.name: each.most for each in await ledger.sums("session", ALL)} == {"old": 3, "new": 20}
    assert await ledger.spent(CAP.span) == (23, 0)


@pytest.mark.parametrize(("settlement", "rows"), [(answered(7), ["settled"]), (Settlement("unsent", 0, 0), [])])
async def test_what_the_ledger_could_not_take_before_it_was_sent_it_takes_once_it_has_ended(
    tmp_path: Path, settlement: Settlement, rows: list[str]
) -> None:
    """Without caps a request goes out all the same: it is spent, and a cap that is set elsewhere is to know of it."""
    ledger = Ledger(Database(tmp_path))
    await ledger.settle(await held(ledger, 1), Settlement("unsent", 0, 0))
    with sqlite3.connect(tmp_path / "state.db") as other:
        other.execute("ALTER TABLE requests RENAME TO elsewhere")
        other.commit()
        unheld = await ledger.reserve(entry(), 100)
        other.execute("ALTER TABLE elsewhere RENAME TO requests")
        other.commit()
    assert isinstance(unheld, Reserved)
    await ledger.settle(unheld, settlement)

    assert await ledger.spent(CAP.span) == (settlement.most, 0)
    assert await states(Database(tmp_path)) == rows


# Forks children, each of which reserves and settles and says so after each, and kills them one after another.
KILLED = """
import os, random, signal, sqlite3, sys, time
import anyio._backends._asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
import anyio
from bailian_mcp.server.spending import *

CAP = Cap("DAY", "day 2026-11-27", 10**15, "")

async def spend(say):
    place = sys.argv[1]
    ledger = Ledger(PostgresDatabase(place) if "://" in place else Database(Path(place)))
    while True:
        held = await ledger.reserve(RequestEntry(time.time(), "2026-11-27", "m", session=str(os.getpid())), 100, 1, [CAP])
        os.write(say, b"r")
        await ledger.settle(held, Settlement("answered", 7, 7))
        os.write(say, b"s")

random.seed(17)
for _ in range(int(sys.argv[2])):
    hear, say = os.pipe()
    child = os.fork()
    if not child:
        os.close(hear)
        anyio.run(spend, say)
    os.close(say)
    assert os.read(hear, 1) == b"r"
    time.sleep(random.random() / 100)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    said = b"r"
    while more := os.read(hear, 1 << 16):
        said += more
    os.close(hear)
    print(child, said.count(b"r"), said.count(b"s"))
"""


async def killed(place: str, times: int, store: StateStore) -> None:
    """What was settled before each kill is kept, and the sums are those of the rows."""
    command = [sys.executable, "-c", KILLED, place, str(times)]
    uncounted = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # it is killed
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50, env=uncounted)

    def read(connection: Any) -> Any:
        settled = "sum(CASE state WHEN 'settled' THEN 1 ELSE 0 END)"
        rows = connection.execute(f"SELECT session, count(*), {settled}, sum(most) FROM requests GROUP BY session")
        ended = connection.execute("SELECT sum(most) FROM totals WHERE side = 'day'").fetchone()[0]
        others = connection.execute("SELECT coalesce(sum(most), 0) FROM requests WHERE state <> 'settled'")
        return rows.fetchall(), ended + others.fetchone()[0]

    rows, summed = await store.run(read) or ([], 0)
    kept = {session: (count, settled) for session, count, settled, _ in rows}

    assert len(done.stdout.splitlines()) == times
    for line in done.stdout.splitlines():
        child, reserved, settled = line.split()
        assert kept[child][0] >= int(reserved)
        assert kept[child][1] >= int(settled)
    assert await spent(Ledger(store)) == summed == sum(most for *_, most in rows)
    await store.aclose()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
async def test_killed_at_100_moments_it_loses_no_settled_row_and_opens_no_cap(tmp_path: Path) -> None:
    await killed(str(tmp_path), 100, Database(tmp_path))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
async def test_killed_at_10_moments_a_replica_loses_none_either(server: PostgreSQL) -> None:
    await killed(server.url(), 10, PostgresDatabase(server.url()))
