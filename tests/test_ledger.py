"""The ledger itself: whatever happens in whatever order, its sums are what was told, and what is not certain is marked."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from bailian_mcp.server.spending import (
    Cap,
    Database,
    Ledger,
    OverCap,
    ReportSpan,
    RequestEntry,
    Reserved,
    Settlement,
    Unusable,
    day_span,
    in_nano,
)
from bailian_mcp.server.spending.transactions import MAX_OPEN_S
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.anyio
DAY = "2026-11-27"
AT = 1_795_000_000.0
ALL = ReportSpan("2000-01-01", "2999-01-01")
CAP = Cap("DAY", f"day {DAY}", 1_000, "tomorrow")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(Database(tmp_path))


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


# What may become of a request: how it ends, and whether its process sees the end
ENDS = st.sampled_from(["answered", "cut", "failed", "cancelled", "refused", "unsent", "crashed"])
STEPS = st.lists(st.tuples(ENDS, st.integers(0, 400), st.integers(0, 30), st.booleans()), max_size=25)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_under_any_interleaving_the_sums_are_what_was_told_and_what_is_uncertain(
    steps: list[tuple[str, int, int, bool]],
) -> None:
    """Each step holds something; it ends at once or after the others, or never."""

    async def story(folder: Path) -> None:
        database = Database(folder)
        ledger, told, uncertain, later = Ledger(database), 0, 0, []
        for end, most, cost, waits in steps:
            found = await ledger.reserve(entry(), most, 0, [CAP])
            spent = await ledger.spent(CAP.span)
            assert spent is not None
            assert spent <= CAP.limit
            if isinstance(found, OverCap):
                continue
            assert isinstance(found, Reserved)
            cost = min(cost, found.nano or 0)
            settlement = SETTLED[end](cost, found.nano or 0)
            if settlement is None:
                uncertain += found.nano or 0
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
        assert await ledger.spent(CAP.span) == most
        await database.aclose()

    with TemporaryDirectory() as folder:
        anyio.run(story, Path(folder))


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


async def test_what_a_sandbox_answers_moves_to_its_own_sums(ledger: Ledger) -> None:
    await ledger.settle(await held(ledger, 10), answered(3, sandbox=True))

    assert await total(ledger) == (0, 0, 0)
    assert await ledger.spent(CAP.span) == 0
    (row,) = await ledger.sums("day", ReportSpan(DAY, DAY, sandbox=True))
    assert (row.least, row.requests) == (3, 1)
    assert ledger.sandbox


# --- files ---


async def test_two_ledgers_of_one_folder_share_a_cap(tmp_path: Path) -> None:
    one, other = Ledger(Database(tmp_path)), Ledger(Database(tmp_path))
    await held(one, 600)
    found = await other.reserve(entry(), 600, 500, [CAP])

    assert isinstance(found, OverCap)
    assert found.left == 400
    assert isinstance(await other.reserve(entry(), 600, 400, [CAP]), Reserved)


async def test_what_a_dead_process_left_open_is_marked_and_stays_spent(tmp_path: Path) -> None:
    database = Database(tmp_path)
    await held(Ledger(database), 100)  # of this process's number, but by another name: a number that was used again
    late = await held(Ledger(database), 30, at=AT + 10, session="late")
    await held(Ledger(Database(tmp_path)), 1, at=AT + 20)
    with sqlite3.connect(tmp_path / "state.db") as file:
        states = file.execute("SELECT state FROM requests ORDER BY id").fetchall()

    assert states == [("lost",), ("lost",), ("open",)]
    assert await Ledger(database).spent(CAP.span) == 131
    await Ledger(database).settle(late, answered(2))  # it lived, where it could not be seen
    assert await Ledger(database).spent(CAP.span) == 103


async def test_what_another_process_has_under_way_is_left_alone_until_it_must_be_over(tmp_path: Path) -> None:
    database = Database(tmp_path)
    await held(Ledger(database), 100)
    with sqlite3.connect(tmp_path / "state.db") as file:
        file.execute("UPDATE requests SET pid = ?", (os.getppid(),))
    await held(Ledger(Database(tmp_path)), 1)
    with sqlite3.connect(tmp_path / "state.db") as file:
        assert file.execute("SELECT state FROM requests ORDER BY id").fetchone() == ("open",)
    await held(Ledger(Database(tmp_path)), 1, at=AT + MAX_OPEN_S + 1)
    with sqlite3.connect(tmp_path / "state.db") as file:
        assert file.execute("SELECT state FROM requests ORDER BY id").fetchone() == ("lost",)


async def test_who_has_no_cap_does_not_name_a_new_ledger_where_one_was_lost(tmp_path: Path) -> None:
    """Or a cap that is set an hour later would find nothing missing."""
    await held(Ledger(Database(tmp_path)), 100)
    (tmp_path / "state.db").unlink()
    assert isinstance(await Ledger(Database(tmp_path)).reserve(entry(), 1), Reserved)

    assert isinstance(await Ledger(Database(tmp_path)).reserve(entry(), 1, 0, [CAP]), Unusable)


async def test_a_name_that_cannot_be_written_shuts_the_caps(tmp_path: Path) -> None:
    (tmp_path / "ledger.name").mkdir()
    ledger = Ledger(Database(tmp_path))
    found = await ledger.reserve(entry(), 1, 0, [CAP])

    assert isinstance(found, Unusable)
    assert "the state folder cannot be used" in found.why
    assert isinstance(await ledger.reserve(entry(), 1), Reserved)


async def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    await held(Ledger(Database(tmp_path)), 1)

    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_sums_are_rounded_up_to_a_billionth() -> None:
    from decimal import Decimal

    assert in_nano(Decimal("0.0000000001")) == 1
    assert in_nano(Decimal("0.006")) == 6_000_000
    assert day_span(entry(sandbox=True)) == f"sandbox day {DAY}"


# Forks a hundred children, each of which reserves and settles and says so after each, and kills them one after another.
KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from tempfile import TemporaryDirectory
import anyio
from bailian_mcp.server.spending import *

CAP = Cap("DAY", "day 2026-11-27", 10**15, "")

async def spend(say):
    ledger = Ledger(Database(Path(sys.argv[1])))
    while True:
        held = await ledger.reserve(RequestEntry(time.time(), "2026-11-27", "m", session=str(os.getpid())), 100, 1, [CAP])
        os.write(say, b"r")
        await ledger.settle(held, Settlement("answered", 7, 7))
        os.write(say, b"s")

random.seed(17)
for _ in range(100):
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_100_moments_it_loses_no_settled_row_and_opens_no_cap(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=True, timeout=50
    )
    with sqlite3.connect(tmp_path / "state.db") as file:
        rows = file.execute(
            "SELECT session, count(*), sum(state = 'settled'), sum(most) FROM requests GROUP BY session"
        ).fetchall()
        spent = file.execute("SELECT nano FROM spent WHERE span = 'day 2026-11-27'").fetchone()[0]
        summed = file.execute("SELECT sum(most) FROM sums").fetchone()[0]
    kept = {session: (count, settled) for session, count, settled, _ in rows}

    assert len(done.stdout.splitlines()) == 100
    for line in done.stdout.splitlines():
        child, reserved, settled = line.split()
        assert kept[child][0] >= int(reserved)
        assert kept[child][1] >= int(settled)
    assert spent == summed == sum(most for *_, most in rows)
