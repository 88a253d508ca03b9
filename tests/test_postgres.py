"""The state on a PostgreSQL server: what is lost, refused and said when the server, or the way to it, fails."""

import json
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import anyio
import pytest
from bailian_mcp.server.catalog import in_beijing
from bailian_mcp.server.commands import usage
from bailian_mcp.server.settings import read_settings
from bailian_mcp.server.spending import (
    Ledger,
    OverCap,
    PostgresDatabase,
    Reserved,
    Unusable,
)
from postgresql import PASSWORD, PostgreSQL, wire_to

from .conftest import KEY, chunk, finish, shaken_hands, sse, upstream
from .test_ledger import ALL, CAP, answered, entry, held, total

pytestmark = pytest.mark.anyio
NOBODY_LISTENS = "postgresql://bailian:planted%2Fpass%3Aword@127.0.0.1:1/postgres"


class Opened(AsyncExitStack):
    """Stores that are closed at the end of a story."""

    def __call__(self, url: str, **given: Any) -> PostgresDatabase:
        store = PostgresDatabase(url, read_settings(BAILIAN_STATE_URL=url).redact, **given)
        self.push_async_callback(store.aclose)
        return store


# --- a connection that is lost ---


async def test_a_server_that_was_restarted_between_two_calls_is_asked_again(server: PostgreSQL) -> None:
    async with Opened() as opened:
        ledger = Ledger(opened(server.url()))
        reserved = await held(ledger, 100)
        server.cut_all()
        await ledger.settle(reserved, answered(7))

        assert await total(ledger) == (7, 7, 0)


async def test_what_cannot_have_been_committed_is_done_once_more_and_not_twice(server: PostgreSQL) -> None:
    begun = 0

    def cut_off(connection: Any) -> int:
        nonlocal begun
        begun += 1
        connection.execute("INSERT INTO spent (span, nano, held) VALUES (?, ?, ?)", ("x", 5, 0))
        if begun == 1:
            server.cut_all()
        return int(connection.execute("SELECT nano FROM spent").fetchone()[0])

    async with Opened() as opened:
        assert await opened(server.url()).run(cut_off) == 5
    assert (begun, server.ask("SELECT nano FROM spent")) == (2, [(5,)])


async def test_cut_off_again_it_is_left(server: PostgreSQL) -> None:
    begun = 0

    def cut_off(connection: Any) -> None:
        nonlocal begun
        begun += 1
        server.cut_all()
        connection.execute("SELECT 1")

    async with Opened() as opened:
        store = opened(server.url())
        assert await store.run(cut_off) is None
        assert "PostgreSQL cannot be used (terminating connection due to administrator command)" in store.trouble
    assert begun == 2


async def test_what_may_have_been_committed_is_not_done_again_and_opens_no_cap(server: PostgreSQL) -> None:
    async with Opened() as opened, wire_to(server) as wire:
        ledger = Ledger(opened(server.url(port=wire.port), let_alone_s=0))
        await held(ledger, 100)
        wire.cut_at = b"COMMIT\0"
        refused = await ledger.reserve(entry(), 30, 30, [CAP])
        spent, _ = await Ledger(opened(server.url())).spent(CAP.span)
        connections, wire.cut_at = wire.connections, b""
        await held(ledger, 1)
        given_back = await ledger.spent(CAP.span)

    assert isinstance(refused, Unusable)
    assert (spent, connections) == (130, 1)
    assert given_back == (101, 101)  # it was never sent


# --- a server that cannot be used ---


async def test_without_the_server_a_cap_lets_nothing_through_and_without_caps_calls_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Opened() as opened:
        ledger = Ledger(opened(NOBODY_LISTENS))
        found = [await ledger.reserve(entry(), 1, 0, caps) for caps in ([CAP], None, [CAP])]

    assert [type(each) for each in found] == [Unusable, Reserved, Unusable]
    assert isinstance(found[0], Unusable)
    assert "Connection refused" in found[0].why
    assert found[0].why.endswith("see that the server runs and that BAILIAN_STATE_URL leads to it")
    assert len(caplog.messages) == 1
    assert "jobs and the ledger are not kept" in caplog.text
    assert PASSWORD not in caplog.text + found[0].why


async def test_nobody_waits_for_it_again_and_again_until_it_is_tried_anew(server: PostgreSQL) -> None:
    async with Opened() as opened, wire_to(server) as wire:
        patient, eager = (opened(server.url("nobody", port=wire.port), let_alone_s=seconds) for seconds in (600, 0))
        for store in (patient, eager):
            for _ in range(3):
                assert await Ledger(store).spent(CAP.span) == (0, 0)
    assert wire.connections == 1 + 3
    assert 'password authentication failed for user "nobody"' in patient.trouble


async def test_once_it_is_back_caps_hold_again(server: PostgreSQL, caplog: pytest.LogCaptureFixture) -> None:
    async with Opened() as opened, wire_to(server) as wire:
        ledger = Ledger(opened(server.url(port=wire.port), answer_s=0.2, let_alone_s=0))
        await held(ledger, 600)
        for _ in range(2):
            wire.deaf = True  # frozen, or behind a network that is gone
            with anyio.fail_after(5):
                assert isinstance(await ledger.reserve(entry(), 1, 1, [CAP]), Unusable)
                await anyio.lowlevel.checkpoint()  # what is shielded hears only here that it was too slow
            wire.deaf = False
            assert isinstance(await ledger.reserve(entry(), 600, 500, [CAP]), OverCap)

    assert len(caplog.messages) == 2  # once for each time


async def test_who_waits_too_long_for_the_others_is_refused(server: PostgreSQL) -> None:
    async with Opened() as opened:
        ledger = Ledger(opened(server.url(), answer_s=0.1))
        await held(ledger, 1)
        with_lock = opened(server.url())
        refused: list[Any] = []

        def hold(connection: Any) -> None:
            connection.execute("BEGIN IMMEDIATE")
            anyio.from_thread.run(refuse)

        async def refuse() -> None:
            refused.append(await ledger.reserve(entry(), 1, 1, [CAP]))

        await with_lock.run(hold)
    assert [type(each) for each in refused] == [Unusable]


async def test_a_fault_of_ours_leaves_nothing_half_written(server: PostgreSQL) -> None:
    def faulty(connection: Any) -> None:
        connection.execute("INSERT INTO spent (span, nano, held) VALUES (?, ?, ?)", ("x", 5, 0))
        raise ZeroDivisionError

    async with Opened() as opened:
        store = opened(server.url())
        with pytest.raises(ZeroDivisionError):
            await store.run(faulty)
        assert await Ledger(store).spent("x") == (0, 0)


async def test_without_psycopg_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bailian_mcp.server.spending.postgres_connection", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    found = await Ledger(PostgresDatabase(NOBODY_LISTENS)).reserve(entry(), 1, 1, [CAP])

    assert found == Unusable(
        "BAILIAN_STATE_URL needs psycopg, the extra [postgres]: pip install 'psycopg[binary]>=3.3.6'"
    )


# --- tables ---


async def test_replicas_that_start_at_once_make_the_tables_once(server: PostgreSQL) -> None:
    async with Opened() as opened, anyio.create_task_group() as tasks:
        for ledger in [Ledger(opened(server.url())) for _ in range(6)]:
            tasks.start_soon(held, ledger, 10)

    assert server.ask("SELECT count(*), sum(most) FROM requests") == [(6, 60)]


async def test_a_role_needs_no_more_than_a_schema_of_its_own(server: PostgreSQL) -> None:
    server.ask(f"CREATE ROLE modest LOGIN PASSWORD '{PASSWORD}'")
    server.ask("CREATE SCHEMA bailian_mcp AUTHORIZATION modest")
    async with Opened() as opened:
        await held(Ledger(opened(server.url("modest"))), 10)

    assert server.ask("SELECT most FROM requests") == [(10,)]
    server.ask("DROP OWNED BY modest")
    server.ask("DROP ROLE modest")


async def test_a_role_that_may_make_no_tables_is_said(server: PostgreSQL) -> None:
    server.ask(f"CREATE ROLE modest LOGIN PASSWORD '{PASSWORD}'")
    async with Opened() as opened:
        found = await Ledger(opened(server.url("modest"))).reserve(entry(), 1, 1, [CAP])
    server.ask("DROP ROLE modest")

    assert isinstance(found, Unusable)
    assert "permission denied for database postgres" in found.why


async def test_an_id_with_a_nul_is_nobodys_and_shuts_no_cap(server: PostgreSQL) -> None:
    """Anybody may send one, and no text of PostgreSQL can hold it."""
    async with Opened() as opened:
        ledger = Ledger(opened(server.url()))
        assert await ledger.requests("\0", None) == []
        await held(ledger, 10, model="a\0b")

        assert [row.name for row in await ledger.sums("model", ALL)] == ["a\N{REPLACEMENT CHARACTER}b"]


# --- as it is set ---


async def test_a_call_over_the_cap_of_a_server_that_is_gone_sends_nothing_and_says_no_password() -> None:
    given = {"DASHSCOPE_API_KEY": KEY, "BAILIAN_STATE_URL": NOBODY_LISTENS}
    async with upstream(sse(chunk(content="ok"), finish())) as dashscope:
        given["DASHSCOPE_BASE_URL"] = dashscope.url
        async with shaken_hands(**given, BAILIAN_MAX_COST_PER_DAY="1") as host:
            refused = await host.call(1, prompt="x")

        assert not dashscope.asked.is_set()
    said = json.dumps(refused)
    assert "A spending cap is set and cannot be held: PostgreSQL cannot be used" in said
    assert "planted" not in said


def test_usage_reads_the_server_and_takes_somebodys_word(
    server: PostgreSQL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BAILIAN_STATE_URL", server.url())

    async def spend() -> None:
        async with Opened() as opened:
            ledger = Ledger(opened(server.url()))
            await ledger.settle(await held(ledger, 100, day=today), answered(7))

    today = str(in_beijing(datetime.now(UTC)).date())
    anyio.run(spend)
    assert usage.main(usage.UsageOptions("day", 2, "csv")) == 0
    told = capsys.readouterr().out
    assert usage.main(usage.UsageOptions("day", 1, "table", Decimal("12.5"))) == 0

    assert f"{today},1,0,0,0.000000007,0.000000007,0,0" in told
    assert "12.5 CNY are counted as spent" in capsys.readouterr().out
    assert server.ask(f"SELECT nano FROM spent WHERE span = 'day {today}'") == [(12_500_000_000,)]


@pytest.mark.parametrize(
    ("url", "status", "says"),
    [(NOBODY_LISTENS, 1, "PostgreSQL cannot be used"), ("mysql://x", 2, "BAILIAN_STATE_URL must read postgresql://")],
)
def test_usage_says_what_is_wrong_with_the_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, status: int, says: str
) -> None:
    monkeypatch.setenv("BAILIAN_STATE_URL", url)

    assert usage.main(usage.UsageOptions("day", 1)) == status
    assert says in capsys.readouterr().err
