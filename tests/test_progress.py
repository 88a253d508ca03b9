"""Progress: at once, then a few times a second, and a heartbeat when nothing comes."""

from typing import Any

import anyio
import pytest
from bailian_mcp.server.calls.progress import Progress, tail

pytestmark = pytest.mark.anyio


async def test_the_first_news_is_told_at_once_and_the_next_only_after_a_while() -> None:
    said: list[tuple[float, str]] = []
    later = anyio.Event()

    async def report(progress: float, total: float | None, message: str) -> None:
        said.append((progress, message))

    progress = Progress(report, every_s=0.02)
    await progress.report(lambda: "one")
    await progress.report(lambda: "two")
    with anyio.move_on_after(0.03):
        await later.wait()
    await progress.report(lambda: "three")

    assert [message for _, message in said] == ["one", "three"]
    assert said[0][0] < said[1][0]


async def test_silence_is_filled_with_growing_heartbeats_until_the_block_is_left() -> None:
    said: list[float] = []
    enough = anyio.Event()

    async def report(progress: float, total: float | None, message: str) -> None:
        assert message == f"waiting for qwen ({progress:.0f} s)"
        said.append(progress)
        if len(said) == 3:
            enough.set()

    progress = Progress(report, heartbeat_s=0.005)
    with anyio.fail_after(5):
        async with progress.heartbeat("waiting for qwen"):
            await enough.wait()

    assert said == sorted(set(said))


async def test_its_number_is_tenths_of_a_second_and_grows_however_fast_news_come() -> None:
    said: list[float] = []

    async def report(progress: float, total: float | None, message: str) -> None:
        said.append(progress)

    progress = Progress(report)
    for _ in range(20):
        await progress.report_now("news")

    assert said == sorted(set(said))
    assert said == [round(each, 1) for each in said]


async def test_news_makes_a_heartbeat_needless() -> None:
    said: list[str] = []

    async def report(progress: float, total: float | None, message: str) -> None:
        said.append(message)

    progress = Progress(report, every_s=0, heartbeat_s=0.05)
    async with progress.heartbeat("waiting"):
        with anyio.move_on_after(0.08):
            while True:
                await progress.report(lambda: "news")
                await anyio.sleep(0.001)

    assert set(said) == {"news"}


async def test_a_host_that_takes_no_news_holds_nothing_up() -> None:
    asked = anyio.Event()

    async def report(*_: object) -> None:
        asked.set()
        await anyio.sleep_forever()

    with anyio.fail_after(5):
        async with Progress(report, heartbeat_s=0.001).heartbeat("waiting"):
            await asked.wait()


async def test_a_host_that_cannot_be_told_is_not_told_again_and_its_call_goes_on() -> None:
    told = 0

    async def report(*_: object) -> None:
        nonlocal told
        told += 1
        raise anyio.BrokenResourceError

    async with Progress(report, heartbeat_s=0.001).heartbeat("waiting"):
        with anyio.move_on_after(0.05):
            await anyio.sleep_forever()

    assert told == 1


async def test_an_error_inside_the_block_comes_out_as_itself() -> None:
    async def report(*_: object) -> None:
        raise NotImplementedError

    with pytest.raises(KeyError, match="x"):
        async with Progress(report).heartbeat("waiting"):
            raise KeyError("x")


@pytest.mark.parametrize(("text", "shown"), [("", ""), (" a\n b ", "a b"), ("x" * 81, "…" + "x" * 80)])
def test_the_tail_is_one_short_line(text: str, shown: str) -> None:
    assert tail(text) == shown


def test_what_a_model_says_cannot_reorder_the_line_that_shows_it() -> None:
    assert tail("甲\u202e乙\x1b[31m丙") == "甲乙[31m丙"


async def test_what_was_told_a_moment_ago_begins_no_further_heartbeat_of_a_block_that_is_left() -> None:
    """The host has it, and the event loop is still to say so to us."""
    said: list[Any] = []
    told = anyio.Event()

    async def report(*progress: Any) -> None:
        said.append(progress)
        told.set()

    async with Progress(report, heartbeat_s=0.001).heartbeat("waiting"):
        await told.wait()
    await anyio.sleep(0.02)

    assert len(said) == 1
