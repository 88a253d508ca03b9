"""The same question asked of two processes of one state, other workers or other hosts' servers: billed once, too."""

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from bailian_mcp.server.calls.context import AppContext
from bailian_mcp.server.calls.host_limits import TextLimit
from bailian_mcp.server.calls.jobs import Bounds, Jobs
from bailian_mcp.server.calls.question import question_of
from bailian_mcp.server.endpoints import host
from bailian_mcp.server.spending import KeptJobs
from conftest import HOST, FakeDashScope, Stores, dashscope, text_of
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel
from test_jobs import FAST, Tool, asked, handle_of

pytestmark = pytest.mark.anyio
JOINED = "[line | the same call was running already: joined, billed once]\n西湖"
TOGETHER = replace(FAST, join_after_s=0)  # no waiting until it has run for a while


@pytest.fixture(autouse=True)
async def made(stores: Stores) -> None:
    """The store, as an earlier process left it."""
    await KeptJobs(stores()).keep([])


def process(stores: Stores, bounds: Bounds = TOGETHER) -> Jobs:
    return Jobs(None, bounds, store=stores())


async def kept(jobs: Jobs, client: str = "c") -> None:
    """Until others can see that it runs."""
    with anyio.fail_after(5):
        while not await jobs._kept.unfinished(client):
            await anyio.sleep(0.01)


async def awaited(jobs: Jobs) -> None:
    """Until it is known here that somebody waits elsewhere."""
    with anyio.fail_after(5):
        while not all(job.awaited_until for job in jobs._running.values()):
            await anyio.sleep(0.01)


async def writes_no_more(jobs: Jobs) -> None:
    """What runs is written seldom from here on: what others wish of it is not known by itself."""
    jobs._bounds = replace(TOGETHER, snapshot_s=60)
    await anyio.sleep(0.1)  # what is being written


async def ask(jobs: Jobs, tool: Tool, texts: list[str], patience_s: float = 5) -> None:
    texts.append(text_of(await jobs.answer(asked(patience_s=patience_s), tool)))


async def test_what_was_handed_out_here_is_joined_there(stores: Stores) -> None:
    here, there = Tool(), Tool()
    async with process(stores) as one, process(stores) as other, anyio.create_task_group() as tasks:
        id = handle_of(await one.answer(asked(patience_s=0), here))
        await kept(one)
        still = text_of(await other.answer(asked(patience_s=0.05), there))
        tasks.start_soon(let_go, here)
        whole = text_of(await other.answer(asked(), there))
        again = text_of(await other.told(id, asked()))

    assert still.startswith(f'[RUNNING since 0 s: get the whole answer with job(id="{id}"), do not repeat the call | ')
    assert (whole, again) == (JOINED, "[line]\n西湖")
    assert (here.calls, there.calls) == (1, 0)


async def let_go(tool: Tool) -> None:
    await anyio.sleep(0.1)
    tool.go.set()


async def test_an_answer_that_is_given_here_is_kept_for_who_waits_there(stores: Stores) -> None:
    """Nothing else would: it has reached somebody."""
    here, there = Tool(), Tool()
    first: list[str] = []
    second: list[str] = []
    async with process(stores) as one, process(stores) as other:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, one, here, first)
            await kept(one)
            tasks.start_soon(ask, other, there, second)
            await awaited(one)
            here.go.set()
        third = text_of(await other.answer(asked(), there_again := Tool(go=here.go)))

    assert (first, second) == (["[line]\n西湖"], [JOINED])
    assert (third, there.calls, there_again.calls) == ("[line]\n西湖", 0, 1)  # who asks once more wants a second answer


@pytest.mark.parametrize("known", [True, False], ids=["as is known here", "who has just joined"])
async def test_who_waits_there_keeps_it_running_when_the_first_host_cancels(stores: Stores, known: bool) -> None:
    here, there = Tool(), Tool()
    texts: list[str] = []
    async with process(stores) as one, process(stores) as other, anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as first:
            first.start_soon(one.answer, asked(), here)
            await kept(one)
            if not known:
                await writes_no_more(one)
            tasks.start_soon(ask, other, there, texts)
            await (awaited(one) if known else joined_in_the_store(one))
            assert any(job.awaited_until for job in one._running.values()) == known
            first.cancel_scope.cancel()
        here.go.set()

    assert texts == [JOINED]
    assert (here.calls, there.calls) == (1, 0)


async def joined_in_the_store(jobs: Jobs) -> None:
    """Until it stands there that somebody waits elsewhere."""
    sql = "SELECT 1 FROM jobs WHERE awaited_until > 0"
    with anyio.fail_after(5):
        while not await jobs.database.run(lambda connection: connection.execute(sql).fetchone()):
            await anyio.sleep(0.01)


async def test_what_reached_nobody_here_is_given_there_once(stores: Stores) -> None:
    here, there = Tool(), Tool()
    here.go.set()
    there.go.set()
    async with process(stores) as one, process(stores) as other:
        await one.answer(asked(vanished=lambda: True), here)
        await kept(one)
        lost = text_of(await other.answer(asked(vanished=lambda: True), there))  # nor did this reach anybody
        first = text_of(await other.answer(asked(), there))
        second = text_of(await other.answer(asked(), there))

    assert lost == first == "[line | answered before, but it reached nobody: not billed again]\n西湖"
    assert (second, there.calls) == ("[line]\n西湖", 1)


async def test_a_failure_there_is_told_as_it_was(stores: Stores) -> None:
    here, there = Tool(), Tool()

    async def failing() -> Any:
        await here()
        raise ToolError("Arrearage: pay first.")

    async with process(stores) as one, process(stores) as other, anyio.create_task_group() as tasks:
        await one.answer(asked(patience_s=0), failing)
        await kept(one)
        tasks.start_soon(let_go, here)
        with pytest.raises(ToolError, match="pay first"):
            await other.answer(asked(), there)

    assert there.calls == 0


@pytest.mark.parametrize("how", ["cancelled", "killed", "gone"])
async def test_what_came_to_nothing_there_is_asked_here(stores: Stores, how: str) -> None:
    here, there = Tool(), Tool()
    there.go.set()
    async with process(stores) as one, process(stores) as other, anyio.create_task_group() as tasks:
        id = handle_of(await one.answer(asked(patience_s=0), here))
        await kept(one)
        end = {
            "cancelled": partial(one.cancel, id, "c"),
            "killed": partial(silent, one),
            "gone": partial(gone, one, id),
        }
        tasks.start_soon(end[how])
        own = text_of(await other.answer(asked(), there))
        here.go.set()

    assert (own, there.calls) == ("[line]\n西湖", 1)


async def test_what_was_waited_for_there_is_not_waited_for_again_here() -> None:
    """Its host gives up at one time, whoever answers; and its progress goes on."""
    told: list[tuple[Any, ...]] = []

    async def report(*progress: Any) -> None:
        told.append(progress)

    host = replace(asked(patience_s=45), report=report)
    await host.after(30).report(0.1, None, "began")

    assert [host.after(waited_s).patience_s for waited_s in (0, 40, 50)] == [45, 5, 0]
    assert told == [(30.1, None, "began")]


async def test_many_who_waited_in_vain_ask_once(stores: Stores) -> None:
    here, there = Tool(), Tool()
    texts: list[str] = []
    later = replace(FAST, join_after_s=0.3)
    async with process(stores, later) as one, process(stores, later) as other, anyio.create_task_group() as tasks:
        await one.answer(asked(patience_s=0), here)
        await kept(one)
        await anyio.sleep(0.3)
        for _ in range(5):
            tasks.start_soon(ask, other, there, texts)
        await awaited(one)
        await silent(one)
        await anyio.sleep(0.3)
        there.go.set()

    assert there.calls == 1
    assert sorted(texts) == sorted(["[line]\n西湖", *[JOINED] * 4])


@pytest.mark.parametrize("first", ["who began it", "who joined"])
async def test_when_all_hosts_have_cancelled_it_ends(stores: Stores, first: str) -> None:
    here, there = Tool(), Tool()
    short = replace(TOGETHER, lease_s=0.3)
    began, joined = anyio.CancelScope(), anyio.CancelScope()

    async def ask_within(scope: anyio.CancelScope, jobs: Jobs, tool: Tool) -> None:
        with scope:
            await jobs.answer(asked(), tool)

    async with process(stores, short) as one, process(stores, short) as other, anyio.create_task_group() as tasks:
        tasks.start_soon(ask_within, began, one, here)
        await kept(one)
        tasks.start_soon(ask_within, joined, other, there)
        await awaited(one)
        (job,) = one._running.values()
        for scope in (began, joined) if first == "who began it" else (joined, began):
            assert not job.cancelled
            scope.cancel()
            await anyio.sleep(0.05)
        with anyio.fail_after(5):
            await job.ended.wait()

    assert job.cancelled
    assert (here.calls, there.calls) == (1, 0)


async def test_a_store_that_cannot_be_asked_for_a_while_ends_no_waiting(stores: Stores) -> None:
    here, there = Tool(), Tool()
    store = Hiccup(stores())
    other_jobs = Jobs(None, TOGETHER, store=store)
    async with process(stores) as one, other_jobs as other, anyio.create_task_group() as tasks:
        await one.answer(asked(patience_s=0), here)
        await kept(one)
        tasks.start_soon(let_go_after_a_hiccup, store, here)
        whole = text_of(await other.answer(asked(), there))

    assert (whole, there.calls) == (JOINED, 0)


class Hiccup:
    """A store that is locked for a while."""

    def __init__(self, store: Any) -> None:
        self._store, self.locked = store, False
        self.exists, self.trouble = True, ""

    async def run(self, work: Any, *, short: bool = False) -> Any:
        return None if self.locked else await self._store.run(work, short=short)

    async def aclose(self) -> None:
        await self._store.aclose()


async def let_go_after_a_hiccup(store: Hiccup, tool: Tool) -> None:
    await anyio.sleep(0.1)
    store.locked = True
    await anyio.sleep(0.2)
    store.locked = False
    tool.go.set()


async def test_clocks_that_differ_by_some_seconds_lose_nothing(stores: Stores) -> None:
    """Of two machines on one PostgreSQL."""
    here, there = Tool(), Tool()
    texts: list[str] = []
    ahead = Jobs(None, TOGETHER, now=lambda: time.time() + 5, store=stores())
    behind = Jobs(None, TOGETHER, now=lambda: time.time() + 10, store=stores())
    async with ahead as one, behind as other, anyio.create_task_group() as tasks:
        tasks.start_soon(ask, one, here, texts, 3)
        await kept(one)
        tasks.start_soon(ask, other, there, texts, 3)
        await awaited(one)
        here.go.set()

    assert sorted(texts) == sorted(["[line]\n西湖", JOINED])
    assert there.calls == 0


async def test_an_answer_given_there_is_not_given_here_as_one_that_reached_nobody(stores: Stores) -> None:
    here, there = Tool(), Tool()
    here.go.set()
    async with process(stores) as one, process(stores) as other:
        await one.answer(asked(vanished=lambda: True), here)
        await kept(one)
        await other.answer(asked(), there)
        again = text_of(await one.answer(asked(), here))

    assert (again, here.calls, there.calls) == ("[line]\n西湖", 2, 0)


async def test_what_is_about_to_be_cancelled_is_not_joined(stores: Stores) -> None:
    here, there = Tool(), Tool()
    there.go.set()
    async with process(stores) as one, process(stores) as other:
        id = handle_of(await one.answer(asked(patience_s=0), here))
        await kept(one)
        await writes_no_more(one)
        await other.cancel(id, "c")
        own = text_of(await other.answer(asked(), there))

    assert (own, there.calls) == ("[line]\n西湖", 1)


class Arguments(BaseModel):
    prompt: str


class Writing(Arguments):
    output: str = ""


async def test_where_a_file_is_written_and_how_much_the_host_takes_is_a_part_of_the_question(tmp_path: Path) -> None:
    async def key(arguments: type[BaseModel], folder: str, max_chars: int) -> str:
        context = AppContext(client, HOST, output_folder=tmp_path / folder)
        return (await question_of(context, "chat", arguments, {"prompt": "x"}, TextLimit(max_chars, 9)))()

    async with dashscope(FakeDashScope([])) as client:
        assert await key(Writing, "a", 9) == await key(Writing, "a", 9) != ""
        assert await key(Writing, "a", 9) != await key(Writing, "b", 9)
        assert await key(Arguments, "a", 9) == await key(Arguments, "b", 9)  # hosts of two projects
        assert await key(Arguments, "a", 9) != await key(Arguments, "a", 8)


async def test_the_sandboxes_of_two_servers_are_asked_the_same() -> None:
    """Each has a port of its own."""

    async def key(port: int, *, sandboxed: bool) -> str:
        context = AppContext(client, host(f"http://127.0.0.1:{port}"), sandboxed=sandboxed)
        return (await question_of(context, "chat", Arguments, {"prompt": "x"}, TextLimit(9, 9)))()

    async with dashscope(FakeDashScope([])) as client:
        sandboxes = {await key(port, sandboxed=True) for port in (7, 8)}
        others = {await key(port, sandboxed=False) for port in (7, 8)}

    assert (len(sandboxes), len(others), len(sandboxes | others)) == (1, 2, 3)


async def silent(jobs: Jobs) -> None:
    """As a process that was killed a while ago is."""
    await nothing_more_is_written(jobs)
    await jobs.database.run(lambda connection: connection.execute("UPDATE jobs SET seen_at = seen_at - 1000"))


async def gone(jobs: Jobs, _: str) -> None:
    """As where somebody deleted the store."""
    await nothing_more_is_written(jobs)
    await jobs.database.run(lambda connection: connection.execute("DELETE FROM jobs"))


async def nothing_more_is_written(jobs: Jobs) -> None:
    for job in jobs._running.values():
        job.started_at = float("inf")
    await anyio.sleep(0.2)  # what is being written


@pytest.mark.parametrize(
    "other", [{"key": "another"}, {"client": "d"}, {"key": ""}], ids=["question", "client", "no question"]
)
async def test_nothing_else_is_joined_there(stores: Stores, other: dict[str, str]) -> None:
    here, there = Tool(), Tool()
    there.go.set()
    async with process(stores) as one, process(stores) as second:
        await one.answer(asked(patience_s=0), here)
        await kept(one)
        await second.answer(asked(**other), there)
        here.go.set()

    assert there.calls == 1


async def test_twins_of_a_moment_stay_two(stores: Stores) -> None:
    here, there = Tool(), Tool()
    there.go.set()
    async with process(stores, replace(FAST, join_after_s=60)) as one:
        async with process(stores, replace(FAST, join_after_s=60)) as other:
            await one.answer(asked(patience_s=0), here)
            await kept(one)
            await other.answer(asked(), there)
        here.go.set()

    assert there.calls == 1


async def test_a_store_that_cannot_be_asked_stops_no_call(stores: Stores) -> None:
    there = Tool()
    there.go.set()
    async with process(stores) as jobs:
        jobs._kept = jobs._elsewhere._kept = KeptJobs(Unusable())  # type: ignore[arg-type]
        assert text_of(await jobs.answer(asked(), there)) == "[line]\n西湖"


class Unusable:
    exists = True

    async def run(self, *_: Any, **__: Any) -> None:
        """It could not do it."""
