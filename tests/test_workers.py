"""Several processes behind one port, each a real one."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from bailian_mcp.server.commands.workers import MIN_LIFE_S
from conftest import SERVER, text_of
from mcp import Client

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.name != "posix", reason="sockets are handed on by number")]
LISTENS = "bailian-mcp listens on "


@contextmanager
def workers(*arguments: str, **environment: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Two of them, and their URL."""
    command = [*SERVER, "serve", "--transport", "streamable-http", "--port", "0", "--workers", "2", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    assert process.stderr
    try:
        yield process.stderr.readline().removeprefix(LISTENS).removesuffix(", 2 workers\n"), process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def children(process: "subprocess.Popen[str]") -> set[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    return {int(pid) for pid in found.stdout.split()}


async def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    with anyio.fail_after(seconds):
        while not holds():
            await anyio.sleep(0.05)


async def answered(url: str, era: str) -> str:
    """The socket takes connections before a worker does: so long a first call waits."""
    async with Client(url, mode=era) as host:
        return text_of(await host.call_tool("chat", {"prompt": "你好"}))


async def test_they_answer_one_that_dies_is_replaced_and_told_to_stop_all_are_gone(era: str, tmp_path: Path) -> None:
    with workers("--sandbox", BAILIAN_STATE_DIR=str(tmp_path)) as (url, process):
        assert "SANDBOX" in await answered(url, era)
        await until(lambda: len(children(process)) == 2)
        await anyio.sleep(MIN_LIFE_S)
        gone, stays = sorted(children(process))
        os.kill(gone, signal.SIGKILL)
        assert "SANDBOX" in await answered(url, era)
        await until(lambda: len(children(process) - {gone}) == 2)
        assert stays in children(process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == 0
        assert not Path(f"/proc/{stays}").exists()


async def test_a_job_that_one_began_any_of_them_tells(era: str, tmp_path: Path) -> None:
    slow = subprocess.Popen(
        [*SERVER, "sandbox", "--port", "0", "--latency-ms", "700"], stderr=subprocess.PIPE, text=True
    )
    assert slow.stderr
    try:
        found = re.search(r"http://[\d.:]+", slow.stderr.readline())
        assert found
        settings = {"DASHSCOPE_BASE_URL": found[0], "DASHSCOPE_API_KEY": "sk-x", "BAILIAN_SOFT_TIMEOUT_S": "1"}
        with workers(BAILIAN_STATE_DIR=str(tmp_path), **settings) as (url, _):
            async with Client(url, mode=era) as host:
                handle = text_of(await host.call_tool("chat", {"prompt": "用一句话介绍杭州西湖。"}))
            id = handle.partition('job(id="')[2].partition('"')[0]
            told = handle
            with anyio.fail_after(60):
                while "RUNNING" in told:  # each time on a connection of its own
                    async with Client(url, mode=era) as host:
                        told = text_of(await host.call_tool("job", {"id": id, "wait_s": 5}))
            assert id
            assert "SANDBOX" in told
    finally:
        slow.terminate()
        slow.communicate(timeout=10)


def test_where_no_worker_can_live_the_server_ends_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nif '--inherited' in sys.argv: sys.exit('no worker')\n")
    with workers(PYTHONPATH=str(tmp_path)) as (_, process):
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "no worker" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--workers", "2"], "--workers is for HTTP"),
        (["serve", "--transport", "sse", "--workers", "2"], "--workers is for HTTP"),
        (["serve", "--transport", "streamable-http", "--workers", "0"], "must be 1 to 64"),
    ],
)
def test_what_cannot_be_is_said(arguments: list[str], told: str) -> None:
    done = subprocess.run([*SERVER, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)

    assert done.returncode == 2
    assert told in done.stderr
