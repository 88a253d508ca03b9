"""Calls that take longer than their host waits, and the same question asked again: nothing paid is lost, nothing twice.

The clock is scaled: a host that gives up at 60 s is one that gives up at some tenths of a second.
"""

import json
import re
import sqlite3
import stat
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import pytest
from bailian_mcp.server.calls.jobs import CURRENT_JOB, Asked, Bounds, Jobs, SoFar
from bailian_mcp.server.endpoints import host
from bailian_mcp.server.spending import Database, JobRow, KeptJobs
from bailian_mcp.server.spending.database import STATE_FILE
from bailian_mcp.server.spending.kept_jobs import WishOfOthers
from conftest import (
    ANSWER,
    FakeDashScope,
    Hosted,
    Stores,
    chunk,
    ended_job,
    finish,
    refusal,
    sse,
    stream,
    text_of,
    usage,
)
from mcp.types import CallToolResult, TextContent
from PIL import Image

pytestmark = pytest.mark.anyio
SOON = 0.05  # how long hosts wait here, in seconds
ID = re.compile(r'job\(id="(\w{16})"\)')
FAST = Bounds(join_after_s=0.2, snapshot_s=0.02, poll_s=0.02)


@dataclass
class Slow:
    """An answer that is half there until it is let go."""

    half: bytes = sse(chunk(content="西湖"), done=False)
    rest: bytes = sse(chunk(content="在杭州。"), finish(), usage())
    go: anyio.Event = field(default_factory=anyio.Event)
    closed: anyio.Event = field(default_factory=anyio.Event)

    async def content(self) -> AsyncIterator[bytes]:
        try:
            yield self.half
            await self.go.wait()
            yield self.rest
        finally:
            self.closed.set()

    def wire(self) -> FakeDashScope:
        return FakeDashScope([lambda: stream(self.content())])


def handle_of(result: Any) -> str:
    found = ID.search(text_of(result).splitlines()[0])
    assert found, text_of(result)
    return found[1]


def told(result: Any) -> tuple[Any, ...]:
    """All that a host gets of a result, but for how long it took."""
    data = {**(result.structured_content or {}), "elapsed_s": 0}
    return text_of(result), data, result.meta, result.is_error


# --- a handle, and what it leads to ---


@pytest.mark.parametrize("structured", [False, True])
async def test_what_a_host_will_not_wait_for_arrives_whole_through_job(hosted: Hosted, structured: bool) -> None:
    slow = Slow()
    wire = slow.wire()
    async with hosted(wire, soft_timeout_s=SOON, structured=structured) as host:
        handle = await host.call_tool("chat", {"prompt": "x"})
        slow.go.set()
        whole = await ended_job(host, handle_of(handle))
        again = await host.call_tool("job", {"id": handle_of(handle)})
    async with hosted(FakeDashScope([stream()]), structured=structured) as host:
        at_once = await host.call_tool("chat", {"prompt": "x"})

    assert text_of(handle).splitlines()[1:] == ["西湖"]
    assert handle.structured_content == (
        {"job": handle_of(handle), "state": "running", "so_far": "西湖"} if structured else None
    )
    assert told(whole) == told(at_once)
    assert again == whole
    assert len(wire.requests) == 1


async def test_a_call_that_is_done_in_time_is_no_job(hosted: Hosted, tmp_path: Path) -> None:
    async with hosted(FakeDashScope([stream()]), kept=(tmp_path / "state",)) as host:
        answer = await host.call_tool("chat", {"prompt": "x"})
        listed = await host.call_tool("job", {})

    assert "RUNNING" not in text_of(answer)
    assert text_of(listed).startswith("No jobs:")
    assert not (tmp_path / "state").exists() or not rows(tmp_path / "state")


async def test_a_handle_tells_what_was_spent_and_what_is_under_way(hosted: Hosted, tmp_path: Path) -> None:
    """A long text in parts: one is counted, the next is not yet."""
    slow = Slow(half=sse(chunk(content='{"title": "西湖'), done=False))
    done = stream(sse(chunk(content='{"title": "西湖"}'), finish(), usage()))
    wire = FakeDashScope([done, lambda: stream(slow.content())])
    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    async with hosted(wire, soft_timeout_s=0.5) as host:
        handle = await host.call_tool("extract", {"json_schema": schema, "text": "湖" * 60_000, "model": "qwen-max"})

    line = text_of(handle).splitlines()[0]
    assert re.search(r"\| 1,000\+500 tokens, 0\.\d+ CNY so far \|", line)
    assert re.search(r"\| about \d+ tokens under way, at least 0\.\d+ CNY \|", line)


async def test_a_failure_is_told_by_job_in_the_words_of_its_tool(hosted: Hosted) -> None:
    slow = Slow()

    async def late() -> AsyncIterator[bytes]:
        await slow.go.wait()
        yield sse('data: {"error": {"code": "Arrearage", "message": "good standing"}}\n\n', done=False)

    steps = [lambda: stream(late())]
    async with hosted(FakeDashScope(list(steps)), soft_timeout_s=SOON) as host:
        handle = await host.call_tool("chat", {"prompt": "x"})
        slow.go.set()
        failed = await ended_job(host, handle_of(handle))
        again = await host.call_tool("job", {"id": handle_of(handle)})
        at_once = await host.call_tool("chat", {"prompt": "y"})

    assert failed.is_error
    assert text_of(failed) == text_of(again) == text_of(at_once)
    assert "The Alibaba Cloud account owes money" in text_of(failed)


async def test_job_waits_as_long_as_it_is_asked_to_and_shows_what_there_is(hosted: Hosted) -> None:
    slow = Slow()
    async with hosted(slow.wire(), soft_timeout_s=SOON) as host:
        id = handle_of(await host.call_tool("chat", {"prompt": "x"}))
        still = await host.call_tool("job", {"id": id, "wait_s": 0})
        listed = await host.call_tool("job", {})

    assert handle_of(still) == id
    assert text_of(still).splitlines()[1:] == ["西湖"]
    assert re.fullmatch(rf'job\(id="{id}"\) chat, running, begun \d s ago', text_of(listed))


async def test_progress_goes_on_for_whoever_waits(hosted: Hosted) -> None:
    slow = Slow()
    seen: list[str] = []

    async def keep(progress: float, total: float | None, message: str | None) -> None:
        seen.append(message or "")

    async with hosted(slow.wire(), soft_timeout_s=0.5) as host, anyio.create_task_group() as tasks:
        id = handle_of(await host.call_tool("chat", {"prompt": "x"}))
        tasks.start_soon(lambda: host.call_tool("job", {"id": id}, progress_callback=keep))
        await anyio.wait_all_tasks_blocked()
        slow.go.set()
        await slow.closed.wait()

    assert any("在杭州" in said for said in seen)


async def test_sixty_four_jobs_at_once_each_lead_to_their_own_answer(hosted: Hosted) -> None:
    slow = Slow()
    wire = FakeDashScope([lambda: stream(echo(wire.body["messages"][0]["content"]))])

    async def echo(prompt: str) -> AsyncIterator[bytes]:
        await slow.go.wait()
        yield sse(chunk(content=f"<{prompt}>"), finish(), usage())

    answers: dict[str, str] = {}
    handles: set[str] = set()
    async with hosted(wire, soft_timeout_s=SOON) as host:

        async def ask(prompt: str) -> None:
            id = handle_of(await host.call_tool("chat", {"prompt": prompt}))
            handles.add(id)
            if len(handles) == 64:
                slow.go.set()
            answers[prompt] = text_of(await ended_job(host, id)).splitlines()[-1]

        async with anyio.create_task_group() as tasks:
            for number in range(64):
                tasks.start_soon(ask, f"问题{number}")

    assert answers == {f"问题{number}": f"<问题{number}>" for number in range(64)}
    assert len(wire.requests) == 64


async def test_a_long_list_of_jobs_is_cut(hosted: Hosted) -> None:
    slow = Slow()
    async with hosted(slow.wire(), soft_timeout_s=0) as host:
        async with anyio.create_task_group() as tasks:
            for number in range(23):
                tasks.start_soon(host.call_tool, "chat", {"prompt": f"{number}"})
        listed = text_of(await host.call_tool("job", {})).splitlines()

    assert len(listed) == 21
    assert listed[-1] == "3 more, older ones"


async def test_what_ends_about_when_the_host_is_answered_is_neither_lost_nor_asked_twice(hosted: Hosted) -> None:
    """Sixty calls that end from 10 ms before the handle to 10 ms after it."""

    async def ending_after(delay_s: float) -> AsyncIterator[bytes]:
        await anyio.sleep(delay_s)
        yield ANSWER

    delays = iter(0.09 + 0.02 * number / 60 for number in range(60))
    wire = FakeDashScope([lambda: stream(ending_after(next(delays)))])
    answers: list[str] = []
    async with hosted(wire, soft_timeout_s=0.1) as host:

        async def ask(number: int) -> None:
            result = await host.call_tool("chat", {"prompt": f"{number}"})
            if text_of(result).startswith("[RUNNING"):
                result = await ended_job(host, handle_of(result))
            answers.append(text_of(result))

        async with anyio.create_task_group() as tasks:
            for number in range(60):
                tasks.start_soon(ask, number)

    assert [each.splitlines()[-1] for each in answers] == ["西湖在杭州。"] * 60
    assert len(wire.requests) == 60


async def test_beyond_the_most_jobs_of_a_client_a_call_is_waited_for(hosted: Hosted) -> None:
    slow, quick = Slow(), anyio.Event()
    wire = slow.wire()
    async with hosted(wire, soft_timeout_s=SOON, kept=(None, replace(FAST, max_handed_out=1))) as host:
        handle_of(await host.call_tool("chat", {"prompt": "x"}))
        async with anyio.create_task_group() as tasks:

            async def second() -> None:
                assert "西湖在杭州。" in text_of(await host.call_tool("chat", {"prompt": "y"}))
                quick.set()

            tasks.start_soon(second)
            await anyio.sleep(4 * SOON)
            assert not quick.is_set()
            slow.go.set()


# --- cancelled ---


async def test_a_cancel_before_the_handle_closes_the_upstream_and_keeps_what_came(hosted: Hosted) -> None:
    slow = Slow()
    wire = slow.wire()
    async with hosted(wire) as host:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.call_tool, "chat", {"prompt": "x"})
            while not wire.requests:
                await anyio.sleep(0.01)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(2):
            await slow.closed.wait()
        listed = text_of(await host.call_tool("job", {}))
        kept = await host.call_tool("job", {"id": handle_of_list(listed)})

    assert "chat, cancelled" in listed
    assert text_of(kept).splitlines()[1:] == ["西湖"]
    assert text_of(kept).startswith("[INCOMPLETE: the call was cancelled | about ")


def handle_of_list(listed: str) -> str:
    found = ID.search(listed)
    assert found, listed
    return found[1]


async def test_after_the_handle_only_job_ends_the_work(hosted: Hosted) -> None:
    slow = Slow()
    async with hosted(slow.wire(), soft_timeout_s=SOON) as host:
        id = handle_of(await host.call_tool("chat", {"prompt": "x"}))
        with anyio.move_on_after(SOON):  # a client that asks for it, and gives up
            await host.call_tool("job", {"id": id})
        assert not slow.closed.is_set()
        ended = await ended_job(host, id, cancel=True)
        again = await host.call_tool("job", {"id": id})

    assert slow.closed.is_set()
    assert text_of(ended).splitlines()[1:] == ["西湖"]
    assert "the call was cancelled" in text_of(ended)
    assert text_of(again) == text_of(ended)


# --- asked by `Jobs` itself, where a race can be held still ---


def asked(key: str = "k", patience_s: float = 5, client: str = "c", **more: Any) -> Asked:
    async def report(*_: Any) -> None:
        """Nobody looks."""

    return Asked("chat", client, lambda: key, patience_s, report, **more)


def answer(text: str = "西湖") -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=f"[line]\n{text}")])


@dataclass
class Tool:
    """A tool that answers when it may, and counts how often it was asked. `deaf`: its answer is there already."""

    go: anyio.Event = field(default_factory=anyio.Event)
    calls: int = 0
    deaf: bool = False

    async def __call__(self) -> CallToolResult:
        self.calls += 1
        with anyio.CancelScope(shield=self.deaf):
            await self.go.wait()
        return answer()


async def test_an_answer_that_lost_the_race_with_a_cancel_is_given_to_the_same_question_once() -> None:
    tool = Tool(deaf=True)
    async with Jobs() as jobs:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(jobs.answer, asked(), tool)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        tool.go.set()
        await anyio.wait_all_tasks_blocked()
        first, second = await jobs.answer(asked(), tool), await jobs.answer(asked(), tool)

    assert text_of(first) == "[line | answered before, but it reached nobody: not billed again]\n西湖"
    assert text_of(second) == "[line]\n西湖"
    assert tool.calls == 2


async def test_what_a_connection_lost_is_given_to_the_same_question_and_to_no_other() -> None:
    tool = Tool()
    tool.go.set()
    async with Jobs() as jobs:
        await jobs.answer(asked(vanished=lambda: True), tool)
        await anyio.wait_all_tasks_blocked()
        others = [await jobs.answer(asked(key), tool) for key in ("other", "")]
        stranger = await jobs.answer(asked(client="d"), tool)
        same = await jobs.answer(asked(), tool)

    assert [text_of(each) for each in (*others, stranger)] == ["[line]\n西湖"] * 3
    assert "not billed again" in text_of(same)
    assert tool.calls == 4


async def test_a_delivered_answer_is_never_given_again() -> None:
    tool = Tool()
    tool.go.set()
    async with Jobs() as jobs:
        for _ in range(3):
            assert text_of(await jobs.answer(asked(), tool)) == "[line]\n西湖"
    assert tool.calls == 3


async def test_an_answer_nobody_asks_for_in_ten_minutes_is_not_given_later() -> None:
    tool, now = Tool(), [1e9]
    tool.go.set()
    async with Jobs(now=lambda: now[0]) as jobs:
        await jobs.answer(asked(vanished=lambda: True), tool)
        await anyio.wait_all_tasks_blocked()
        now[0] += 601
        later = await jobs.answer(asked(), tool)

    assert text_of(later) == "[line]\n西湖"
    assert tool.calls == 2


async def test_fifty_twins_are_fifty_and_fifty_more_after_ten_seconds_join_one() -> None:
    tool, now = Tool(), [1e9]
    results: list[str] = []
    async with Jobs(now=lambda: now[0]) as jobs, anyio.create_task_group() as tasks:

        async def ask() -> None:
            results.append(text_of(await jobs.answer(asked(), tool)))

        for _ in range(50):
            tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        assert tool.calls == 50
        now[0] += 10
        for _ in range(50):
            tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        tool.go.set()

    assert tool.calls == 50
    joined = "[line | the same call was running already: joined, billed once]\n西湖"
    assert sorted(map(results.count, {"[line]\n西湖", joined})) == [50, 50]


async def test_one_that_joined_goes_on_when_the_first_is_cancelled() -> None:
    tool, now = Tool(), [1e9]
    async with Jobs(now=lambda: now[0]) as jobs, anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as first:
            first.start_soon(jobs.answer, asked(), tool)
            await anyio.wait_all_tasks_blocked()
            now[0] += 10
            tasks.start_soon(jobs.answer, asked(), tool)
            await anyio.wait_all_tasks_blocked()
            first.cancel_scope.cancel()
        await anyio.wait_all_tasks_blocked()
        (job,) = jobs._running.values()
        assert not job.cancelled
        tool.go.set()
    assert tool.calls == 1


# --- which questions are the same ---


CHANGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("chat", {"prompt": "x"}, {"prompt": "x "}),
    ("chat", {"prompt": "x"}, {"prompt": "x", "temperature": 0}),
    ("chat", {"prompt": "x"}, {"prompt": "x", "history": [{"role": "user", "content": "y"}]}),
    ("chat", {"prompt": "x", "model": "qwen-max"}, {"prompt": "x", "model": "qwen-plus"}),
    ("web_search", {"question": "x"}, {"question": "x", "sites": ["example.com"]}),
]


async def requests_of(hosted: Hosted, *calls: tuple[str, dict[str, Any]], between: Any = None, **shared: Any) -> int:
    """How many requests a call makes and another after it that runs beside it, ten (scaled) seconds later."""
    slow = Slow()
    wire = slow.wire()
    bounds = replace(FAST, join_after_s=0.1)
    async with hosted(wire, kept=(None, bounds), **shared) as host, anyio.create_task_group() as tasks:
        for name, arguments in calls:
            tasks.start_soon(host.call_tool, name, arguments)
            while not wire.requests:  # the first takes a while on a busy machine
                await anyio.sleep(0.01)
            await anyio.sleep(0.15)
            if between:
                between()
        slow.go.set()
    return len(wire.requests)


async def test_the_same_question_joins(hosted: Hosted) -> None:
    call = ("chat", {"prompt": "x"})
    assert await requests_of(hosted, call, call, ("chat", {"prompt": "x", "model": ""})) == 1


async def test_it_joins_nothing_where_the_settings_say_so(hosted: Hosted) -> None:
    call = ("chat", {"prompt": "x"})
    assert await requests_of(hosted, call, call, replay=False) == 2


@pytest.mark.parametrize(("tool", "one", "other"), CHANGES)
async def test_one_changed_argument_never_joins(
    hosted: Hosted, tool: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert await requests_of(hosted, (tool, one), (tool, other)) == 2


@pytest.mark.parametrize(("byte", "requests"), [(b"x", 1), (b"y", 2)])
async def test_one_changed_byte_of_a_file_never_joins(
    hosted: Hosted, tmp_path: Path, byte: bytes, requests: int
) -> None:
    """The answer may be that it is no schema's: what counts is whether it was asked again."""
    file = tmp_path / "a.txt"
    file.write_bytes(b"x" * 100)
    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    call = ("extract", {"json_schema": schema, "files": [str(file)], "model": "qwen-max"})

    def change() -> None:
        file.write_bytes(b"x" * 99 + byte)

    count = await requests_of(hosted, call, call, between=change, folders=(tmp_path,), extract_repairs=0)
    assert count == requests


# --- what is kept ---


def rows(folder: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(folder / STATE_FILE) as connection:
        return connection.execute("SELECT id, state FROM jobs").fetchall()


async def test_an_answer_survives_a_restart(hosted: Hosted, tmp_path: Path) -> None:
    slow = Slow()
    async with hosted(slow.wire(), soft_timeout_s=SOON, kept=(tmp_path / "s",)) as host:
        id = handle_of(await host.call_tool("chat", {"prompt": "x"}))
        slow.go.set()
        before = await ended_job(host, id)
    async with hosted(FakeDashScope([]), kept=(tmp_path / "s",)) as host:
        after = await host.call_tool("job", {"id": id})

    assert after == before
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "s").iterdir()} == {0o600}


async def test_an_answer_that_reached_nobody_is_given_after_a_restart_too(stores: Stores) -> None:
    tool = Tool()
    tool.go.set()
    async with Jobs(store=stores()) as jobs:
        await jobs.answer(asked(vanished=lambda: True), tool)
    async with Jobs(store=stores()) as jobs:
        for _ in range(2):
            await jobs.of("c")  # asks after the store was asked what it has
        same = await jobs.answer(asked(), tool)

    assert "not billed again" in text_of(same)
    assert tool.calls == 1


@pytest.mark.parametrize("freed", ["soon", "at the end"])
async def test_an_answer_that_a_lock_kept_from_being_written_is_written_later(freed: str, tmp_path: Path) -> None:
    tool = Tool()
    tool.go.set()
    await KeptJobs(Database(tmp_path)).keep([])
    async with Jobs(None, FAST, store=Database(tmp_path, busy_s=0.02, let_alone_s=0)) as jobs:
        with sqlite3.connect(tmp_path / STATE_FILE, isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            await jobs.answer(asked(vanished=lambda: True), tool)
            while not jobs.unwritten:
                await anyio.lowlevel.checkpoint()
            other.execute("ROLLBACK")
        while freed == "soon" and jobs.unwritten:
            await anyio.lowlevel.checkpoint()
    async with Jobs(tmp_path) as jobs:
        for _ in range(2):
            await jobs.of("c")  # asks after the store was asked what it has
        same = await jobs.answer(asked(), tool)

    assert "not billed again" in text_of(same)
    assert tool.calls == 1


async def test_a_server_that_ends_keeps_what_had_come(hosted: Hosted, tmp_path: Path) -> None:
    slow = Slow()
    async with hosted(slow.wire(), soft_timeout_s=SOON, kept=(tmp_path,)) as host:
        id = handle_of(await host.call_tool("chat", {"prompt": "x"}))
    async with hosted(FakeDashScope([]), kept=(tmp_path,)) as host:
        kept = await host.call_tool("job", {"id": id})

    assert slow.closed.is_set()
    assert text_of(kept).startswith(
        "[INCOMPLETE: the server ended before the answer did; call again if you still need it | about "
    )
    assert text_of(kept).splitlines()[1:] == ["西湖"]


async def test_a_second_server_sees_a_job_and_ends_it(hosted: Hosted, tmp_path: Path) -> None:
    slow = Slow()
    wire = slow.wire()
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(hosted(wire, soft_timeout_s=SOON, kept=(tmp_path, FAST)))
        two = await stack.enter_async_context(hosted(FakeDashScope([]), kept=(tmp_path, FAST)))
        id = handle_of(await one.call_tool("chat", {"prompt": "x"}))
        seen = await two.call_tool("job", {"id": id, "wait_s": 0})
        ended = await ended_job(two, id, cancel=True, wait_s=5)

    assert handle_of(seen) == id
    assert text_of(ended).splitlines()[1:] == ["西湖"]
    assert "the call was cancelled" in text_of(ended)
    assert len(wire.requests) == 1


async def test_a_second_server_gives_the_answer_of_the_first(hosted: Hosted, tmp_path: Path) -> None:
    slow = Slow()
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(hosted(slow.wire(), soft_timeout_s=SOON, kept=(tmp_path, FAST)))
        two = await stack.enter_async_context(hosted(FakeDashScope([]), kept=(tmp_path, FAST)))
        id = handle_of(await one.call_tool("chat", {"prompt": "x"}))
        slow.go.set()
        there = await ended_job(two, id, wait_s=5)
        here = await ended_job(one, id)

    assert there == here
    assert text_of(there).splitlines()[1:] == ["西湖在杭州。"]


async def test_another_clients_job_is_told_as_an_unknown_one() -> None:
    tool = Tool()
    async with Jobs() as jobs:
        handle = await jobs.answer(asked(patience_s=0, client="mine"), tool)
        id = handle_of(handle)
        words = []
        for client, each in (("other", id), ("", id), ("mine", "0" * 16)):
            with pytest.raises(Exception, match="There is no job") as refused:
                await jobs.told(each, asked(client=client))
            words.append(str(refused.value).replace(each, "ID"))
        tool.go.set()
        mine = await jobs.told(id, asked(client="mine"))

    assert len(set(words)) == 1
    assert text_of(mine) == "[line]\n西湖"


@pytest.mark.parametrize("folder", ["under a file", "open to others", "broken", "not a database"])
async def test_a_state_folder_that_cannot_be_used_fails_no_call(
    hosted: Hosted, tmp_path: Path, caplog: pytest.LogCaptureFixture, folder: str
) -> None:
    state = tmp_path / "state"
    if folder == "under a file":
        state.write_text("no folder")
    elif folder == "open to others":
        state.mkdir()
        state.chmod(0o777)
    else:
        state.mkdir()
        content = b"no database at all" * 1_000 if folder == "not a database" else await broken(tmp_path)
        (state / STATE_FILE).write_bytes(content)
    slow = Slow()
    async with hosted(slow.wire(), soft_timeout_s=SOON, kept=(state, FAST)) as host:
        id = handle_of(await host.call_tool("chat", {"prompt": "x"}))
        slow.go.set()
        whole = await ended_job(host, id)
        assert await host.call_tool("job", {"id": id}) == whole

    assert text_of(whole).splitlines()[1:] == ["西湖在杭州。"]
    if folder in ("under a file", "open to others"):
        assert sum("kept in memory only" in said for said in caplog.messages) == 1
    else:
        assert any("set aside" in said for said in caplog.messages)
        assert [file.read_bytes() for file in state.glob("*broken-*") if file.name.count("-") == 1] == [content]


async def broken(folder: Path) -> bytes:
    """A file of ours whose first page is right and whose others are not."""
    tool = Tool()
    tool.go.set()
    async with Jobs(folder) as jobs:
        await jobs.answer(asked(vanished=lambda: True), tool)
    content = (folder / STATE_FILE).read_bytes()
    return content[:4096] + b"\xff" * (len(content) - 4096)


async def test_a_full_disk_loses_no_answer(hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(self: Database, work: Any, *, short: bool = False) -> None:
        """As it says where SQLite has no room."""

    slow = Slow()
    async with hosted(slow.wire(), soft_timeout_s=SOON, kept=(tmp_path,)) as host:
        monkeypatch.setattr(Database, "run", full)
        id = handle_of(await host.call_tool("chat", {"prompt": "x"}))
        slow.go.set()
        whole = await ended_job(host, id)
        again = await host.call_tool("job", {"id": id})

    assert text_of(whole).splitlines()[1:] == ["西湖在杭州。"]
    assert again == whole


async def test_nothing_that_was_asked_is_kept(hosted: Hosted, tmp_path: Path) -> None:
    slow = Slow()
    async with hosted(slow.wire(), soft_timeout_s=SOON, kept=(tmp_path, FAST)) as host:
        await host.call_tool("chat", {"prompt": "我的秘密问题", "system": "another secret"})
        await anyio.sleep(0.1)
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert "西湖".encode("unicode_escape") in content
    assert not any(secret.encode() in content for secret in ("我的秘密问题", "another secret"))
    assert "我的秘密问题".encode("unicode_escape") not in content


async def test_after_a_day_nothing_of_it_is_left(tmp_path: Path) -> None:
    tool, now = Tool(), [1e9]
    tool.go.set()
    async with Jobs(tmp_path, now=lambda: now[0]) as jobs:
        await jobs.answer(asked(vanished=lambda: True), tool)
    assert len(rows(tmp_path)) == 1
    now[0] += 24 * 3600 + 1
    async with Jobs(tmp_path, now=lambda: now[0]):
        await anyio.sleep(0.1)
    assert rows(tmp_path) == []


async def test_a_row_that_no_process_touches_is_interrupted(stores: Stores) -> None:
    """kill -9: nothing was said, and the store still has it as running."""
    now, tool = [1e9], Tool()
    async with Jobs(store=stores(), now=lambda: now[0]) as jobs:
        id = handle_of(await jobs.answer(asked(patience_s=0), tool))
        kept = KeptJobs(stores(), lambda: now[0])
        alive = await kept.find(id)
        now[0] += 31
        dead = await kept.find(id)

    assert alive
    assert dead
    assert (alive.state, dead.state) == ("running", "interrupted")


async def test_a_wish_to_cancel_reaches_the_process_that_runs_the_job(stores: Stores) -> None:
    tool = Tool()
    async with Jobs(None, FAST, store=stores()) as jobs, Jobs(None, FAST, store=stores()) as others:
        id = handle_of(await jobs.answer(asked(patience_s=0.1), tool))
        ended = await others.told(id, asked(), cancel=True)

    assert "the call was cancelled" in text_of(ended)


async def test_what_is_kept_is_found_listed_and_forgotten(stores: Stores) -> None:
    now = [1e9]
    kept = KeptJobs(stores(), lambda: now[0])
    row = JobRow("a", "c", "chat", "k", "done", 1e9, 1e9, replay_until=1e9 + 600, content="[西湖]")
    later = replace(row, id="b", started_at=1e9 + 1, state="running", replay_until=0)
    assert await kept.keep([row, later]) == []
    await kept.ask_to_cancel("b")
    for until in (1e9 + 9, 1e9 + 5):  # the longest of them
        await kept.wait_for("b", until)

    assert await kept.find("a") == row
    assert [each.id for each in await kept.of("c")] == ["b", "a"]
    assert {each.id for each in await kept.unfinished("c")} == {"a", "b"}
    assert await kept.unfinished("d") == []
    for second in (2, 3):  # and nothing is written over a wish, which may come while its row is
        assert await kept.keep([replace(later, seen_at=1e9 + second)]) == [WishOfOthers("b", True, 1e9 + 9)]
    assert await kept.keep([replace(later, state="cancelled")]) == []
    assert not await kept.forget("b")
    now[0] = 1e9 + 9
    assert await kept.forget("b")
    assert await kept.find("b") is None
    now[0] = 1e9 + 600
    assert await kept.unfinished("c") == []
    now[0] += 24 * 3_600 + 1
    await kept.forget_old()
    now[0] = 1e9
    assert await kept.of("c") == []


async def test_a_fault_in_what_is_said_of_a_job_ends_neither_it_nor_the_server() -> None:
    tool = Tool()

    async def faulty() -> CallToolResult:
        job = CURRENT_JOB.get()
        assert job
        job.so_far = lambda: SoFar(str(1 // 0))
        return await tool()

    async with Jobs(bounds=FAST) as jobs:
        id = handle_of(await jobs.answer(asked(patience_s=0.1), faulty))
        ended = await jobs.told(id, asked(), cancel=True)
        tool.go.set()
        other = await jobs.answer(asked("other"), tool)

    assert "the call was cancelled" in text_of(ended)
    assert text_of(other) == "[line]\n西湖"


async def test_a_day_is_a_day_on_a_server_that_stays_up(tmp_path: Path) -> None:
    tool, now = Tool(), [1e9]
    tool.go.set()
    async with Jobs(tmp_path, replace(FAST, max_remembered_chars=0), now=lambda: now[0]) as jobs:
        for key in ("one", "two"):
            await jobs.answer(asked(key, vanished=lambda: True), tool)
        await anyio.sleep(0.1)
        ids = [id for id, _ in rows(tmp_path)]
        kept = [row.id for row in await jobs.of("c")]
        now[0] += 24 * 3600 + 1
        later = await jobs.of("c")
        for id in ids:
            with pytest.raises(Exception, match="There is no job"):
                await jobs.told(id, asked())
        await anyio.sleep(0.1)

    assert sorted(kept) == sorted(ids)
    assert later == []
    assert rows(tmp_path) == []


async def test_cancelling_what_is_done_gives_the_answer(tmp_path: Path) -> None:
    tool = Tool()
    async with Jobs(tmp_path, FAST) as jobs:
        id = handle_of(await jobs.answer(asked(patience_s=0), tool))
        tool.go.set()
        first = await jobs.told(id, asked())
        again = await jobs.told(id, asked(), cancel=True)

    assert again == first


async def test_a_wish_to_cancel_another_servers_job_is_left_to_it(stores: Stores) -> None:
    """Each process looks at all wishes when it writes, and ends only its own."""
    one_tool, other_tool = Tool(), Tool()
    slow = replace(FAST, snapshot_s=60)
    async with Jobs(None, FAST, store=stores()) as one, Jobs(None, slow, store=stores()) as other:
        await one.answer(asked("one", patience_s=0), one_tool)
        id = handle_of(await other.answer(asked("other", patience_s=0), other_tool))
        seen = await one.told(id, asked(patience_s=0.05))
        await one.cancel(id, "c")
        await anyio.sleep(0.1)
        assert not any(job.cancelled for job in one._running.values())

    assert text_of(seen).startswith("[RUNNING")


async def test_a_file_that_another_process_holds_keeps_no_handle_waiting(tmp_path: Path) -> None:
    tool = Tool()
    async with Jobs(tmp_path, FAST) as jobs:
        await jobs.answer(asked("first", patience_s=0), tool)
        holder = sqlite3.connect(tmp_path / STATE_FILE)
        holder.execute("BEGIN IMMEDIATE")
        with anyio.fail_after(5):
            handles = [handle_of(await jobs.answer(asked(f"{n}", patience_s=0), tool)) for n in range(8)]
        tool.go.set()
        with anyio.fail_after(5):
            answers = [text_of(await jobs.told(id, asked())) for id in handles]
        holder.close()

    assert answers == ["[line]\n西湖"] * 8


async def test_a_folder_that_nobody_may_look_into_stops_no_server() -> None:
    tool = Tool()
    tool.go.set()
    async with Jobs(Path("/" + "x" * 300)) as jobs:
        await anyio.sleep(0.05)
        assert text_of(await jobs.answer(asked(), tool)) == "[line]\n西湖"


async def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / STATE_FILE).symlink_to(tmp_path / "elsewhere")
    async with Jobs(tmp_path / "s", FAST) as jobs:
        await jobs.answer(asked(patience_s=0), Tool())

    assert not (tmp_path / "elsewhere").exists()
    assert any("kept in memory only" in said for said in caplog.messages)


async def test_what_cannot_be_told_from_others_joins_nothing(hosted: Hosted, tmp_path: Path) -> None:
    """Arguments that are refused, files too large to be looked at, depths that are no JSON: each in its own words."""
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(200_000_000)
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"properties": {"a": deep}}
    slow = Slow()
    bounds = replace(FAST, join_after_s=0)
    async with hosted(slow.wire(), soft_timeout_s=SOON, kept=(None, bounds), folders=(tmp_path,)) as host:
        await host.call_tool("chat", {"prompt": "x"})
        refused = [
            text_of(await host.call_tool("chat", {"prompt": ""})),
            text_of(await host.call_tool("chat", {"prompt": "x", "files": [str(tmp_path / "huge.bin")]})),
            text_of(await host.call_tool("extract", {"json_schema": json.dumps(deep), "text": "x"})),
        ]

    assert refused[0].startswith("prompt must not be empty.")
    assert "are read" in refused[1]
    assert "nested" in refused[2]


async def test_of_a_picture_no_price_is_told_while_it_is_read(hosted: Hosted) -> None:
    picture = BytesIO()
    Image.effect_noise((40, 40), 50).save(picture, "PNG")
    uri = f"data:image/png;base64,{b64encode(picture.getvalue()).decode()}"
    async with hosted(Slow().wire(), soft_timeout_s=2) as client:
        handle = text_of(await client.call_tool("chat", {"prompt": "x", "files": [uri]}))

    assert "| about 1 tokens under way |" in handle


async def test_elsewhere_no_price_is_told_of_what_is_under_way(hosted: Hosted) -> None:
    slow = Slow()
    other = host("http://127.0.0.1:9/v1")
    async with hosted(slow.wire(), soft_timeout_s=SOON, host=other, models={"chat": "m"}) as client:
        handle = text_of(await client.call_tool("chat", {"prompt": "x"}))

    assert "| about 1 tokens under way |" in handle


async def test_the_answer_is_the_same_with_jobs_and_without(hosted: Hosted) -> None:
    async with hosted(FakeDashScope([stream(ANSWER)])) as host:
        with_jobs = await host.call_tool("chat", {"prompt": "x"})
    async with hosted(FakeDashScope([stream(ANSWER)]), jobs=Jobs()) as host:
        without = await host.call_tool("chat", {"prompt": "x"})

    assert told(with_jobs) == told(without)


async def test_a_refusal_needs_no_job(hosted: Hosted) -> None:
    async with hosted(FakeDashScope([refusal(400, "Arrearage", "good standing")])) as host:
        failed = await host.call_tool("chat", {"prompt": "x"})
        listed = await host.call_tool("job", {})

    assert failed.is_error
    assert text_of(listed).startswith("No jobs:")
