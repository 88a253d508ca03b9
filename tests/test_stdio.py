"""The server over stdio: both eras, long Chinese text, cancel, the end, and a clean wire.

What starts, ends, logs or prints is a real process; what is only said over the wire is heard over pipes.
"""

import base64
import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from bailian_mcp.server.app.tool_files import CORE, tool_modules
from conftest import (
    ENVELOPE,
    HELLO,
    KEY,
    SERVER,
    Raw,
    cancel_under_way,
    chunk,
    lines,
    over_pipes,
    process,
    raw,
    shaken_hands,
    sse,
    text_of,
    told,
    upstream,
)
from mcp import Client, StdioServerParameters
from papers import drawn, saved

pytestmark = pytest.mark.anyio
SEEDS = sorted((Path(__file__).parent.parent.parent / "shared" / "seeds").glob("*.txt"))
# Tao Yuanming, the Peach Blossom Spring (about 421): public domain, and long when repeated
PEACH_BLOSSOM = "晋太元中，武陵人捕鱼为业。缘溪行，忘路之远近。忽逢桃花林，夹岸数百步，中无杂树，芳草鲜美，落英缤纷。\n"
LONG_TEXTS = {"桃花源记": PEACH_BLOSSOM * 400, **{seed.stem: seed.read_text("utf-8") for seed in SEEDS[:1]}}
HALF_AN_ANSWER = sse(chunk(content="西湖"), done=False)
WHOLE = sse(chunk(content="local"), {"choices": [{"delta": {}, "finish_reason": "stop"}]})


async def test_a_byte_order_mark_before_the_first_message_is_swallowed() -> None:
    """PowerShell pipes one."""
    async with raw("--sandbox", greeted=False) as server:
        await server.stdin.send(b"\xef\xbb\xbf")
        await server.shake_hands()
        result = await server.call(1, prompt="x")

    assert "SANDBOX" in result["content"][0]["text"]


async def test_of_a_sandbox_what_is_never_sent_is_marked_as_well() -> None:
    blank = f"data:image/png;base64,{base64.b64encode(saved(drawn())).decode()}"
    with anyio.fail_after(60):
        async with Client(process("--sandbox")) as host:
            said = text_of(await host.call_tool("ocr", {"source": blank}))

    assert said.startswith("[SANDBOX | qwen3.5-ocr | 0+0 tokens | 0 CNY")
    assert "it was not sent" in said


@pytest.mark.both_eras
async def test_long_chinese_texts_are_answered_with_progress(era: str) -> None:
    with anyio.fail_after(60):
        async with Client(process("--sandbox", "--structured"), mode=era) as host:
            for name, text in LONG_TEXTS.items():
                messages: list[str] = []
                result = await host.call_tool("chat", {"prompt": text}, progress_callback=told(messages))
                data = result.structured_content or {}
                assert data["usage"]["input_tokens"] == len(text), name  # a token a character: nothing was lost
                assert text[:200] in data["answer"], name
                assert data["sandbox"] is True, name
                assert messages, name


@pytest.mark.both_eras
async def test_without_a_key_the_server_starts_lists_its_tools_and_chat_says_what_to_do(era: str) -> None:
    with anyio.fail_after(60):
        async with Client(process(), mode=era) as host:
            tools = (await host.list_tools()).tools
            result = await host.call_tool("chat", {"prompt": "你好"})

    assert "chat" in [tool.name for tool in tools]
    assert result.is_error
    assert "DASHSCOPE_API_KEY" in str(result.content)


async def test_the_demos_block_starts_the_server_from_another_folder(tmp_path: Path) -> None:
    with anyio.fail_after(90):
        demo = await anyio.run_process([*SERVER, "demo"], cwd=tmp_path)
        shown = demo.stdout.decode()
        block = json.loads(shown[shown.index('{\n  "mcpServers"') :])["mcpServers"]["bailian"]
        server = StdioServerParameters(command=block["command"], args=["--sandbox"], env=block["env"], cwd=tmp_path)
        async with Client(server) as host:
            result = await host.call_tool("chat", {"prompt": "你好"})

    assert text_of(result).startswith("[SANDBOX | qwen3.7-plus | ")
    assert len(shown.splitlines()) <= 48  # one screen
    assert {line[2:].partition(":")[0] for line in shown.splitlines() if line.startswith("> ")} == {
        module.__name__.rpartition(".")[2] for module in tool_modules([CORE])
    }
    assert "[SANDBOX | qwen3.7-plus | 11+35 tokens | 0.000302 CNY | " in shown


@pytest.mark.both_eras
async def test_a_plain_openai_compatible_server_answers_without_a_price(era: str) -> None:
    with anyio.fail_after(60):
        async with upstream(WHOLE) as server:
            environment = {
                "DASHSCOPE_BASE_URL": f"{server.url}/v1",
                "DASHSCOPE_API_KEY": "x",
                "BAILIAN_CHAT_MODEL": "llama",
                "BAILIAN_STRUCTURED": "true",
            }
            async with Client(over_pipes(**environment), mode=era) as client:
                result = await client.call_tool("chat", {"prompt": "你好"})

    data = result.structured_content or {}
    assert (data["model"], data["answer"]) == ("llama", "local")
    assert data["cost"]["reason"].startswith("not DashScope")


# --- cancel, and the end ---


@pytest.mark.both_eras
async def test_a_cancelled_call_closes_the_upstream_and_the_server_lives_on(era: str) -> None:
    with anyio.fail_after(60):
        async with upstream(HALF_AN_ANSWER) as dashscope:
            environment = {"DASHSCOPE_BASE_URL": dashscope.url, "DASHSCOPE_API_KEY": KEY}
            async with Client(over_pipes(**environment), mode=era) as host:
                await cancel_under_way(host, dashscope)
                assert (await host.list_tools()).tools


async def test_what_the_end_of_input_stops_was_cancelled_by_nobody(tmp_path: Path) -> None:
    """A batch at DashScope would be cancelled with it, and paid again."""
    async with upstream(HALF_AN_ANSWER) as dashscope:
        environment = {
            "DASHSCOPE_BASE_URL": dashscope.url,
            "DASHSCOPE_API_KEY": KEY,
            "BAILIAN_STATE_DIR": str(tmp_path),
        }
        async with shaken_hands(**environment) as server:
            asked = {"name": "chat", "arguments": {"prompt": "x"}, "_meta": {"progressToken": 1}}
            await server.send(id=1, method="tools/call", params=asked)
            while "西湖" not in await server.line():
                pass

    with closing(sqlite3.connect(tmp_path / "state.db")) as kept:
        assert kept.execute("SELECT state FROM jobs").fetchall() == [("interrupted",)]


@pytest.mark.parametrize("end", ["end of input", signal.SIGTERM, signal.SIGINT])
async def test_the_process_ends_cleanly_in_the_middle_of_a_call(end: str | signal.Signals) -> None:
    async with (
        upstream(HALF_AN_ANSWER) as dashscope,
        raw(DASHSCOPE_BASE_URL=dashscope.url, DASHSCOPE_API_KEY=KEY) as server,
    ):
        await server.send(id=1, method="tools/call", params={"name": "chat", "arguments": {"prompt": "x"}})
        await dashscope.asked.wait()
        if isinstance(end, signal.Signals):
            server.running.send_signal(end)
        else:
            await server.end_of_input()
        with anyio.fail_after(2):
            status = await server.ended()
            await dashscope.closed.wait()

    assert status == 0
    assert server.stderr == b""


def test_a_host_that_stops_reading_is_left_without_a_traceback() -> None:
    with subprocess.Popen(
        [*SERVER, "--sandbox"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as server:
        assert server.stdin
        assert server.stdout
        server.stdout.close()
        server.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        server.stdin.flush()
        assert server.wait(timeout=30) == 0
        assert server.stderr
        assert server.stderr.read() == b""


async def test_a_finished_reply_is_given_whole_to_a_host_that_reads_slowly() -> None:
    long = sse(chunk(content="长" * 300_000), {"choices": [{"delta": {}, "finish_reason": "stop"}]})
    given = {"DASHSCOPE_API_KEY": KEY, "BAILIAN_STRUCTURED": "true"}
    async with upstream(long) as dashscope, raw(DASHSCOPE_BASE_URL=dashscope.url, **given) as server:
        await server.send(id=1, method="tools/call", params={"name": "chat", "arguments": {"prompt": "x"}})
        server.rest += await server.stdout.receive()  # it has begun to write
        await server.end_of_input()
        while (more := await read_slowly(server)) is not None:
            server.rest += more
        await server.running.wait()

    whole = [json.loads(line) for line in server.rest.decode().splitlines()]
    assert whole[-1]["result"]["structuredContent"]["answer"] == "长" * 300_000


async def read_slowly(server: Raw) -> bytes | None:
    await anyio.sleep(0.01)
    try:
        return await server.stdout.receive(64 * 1024)
    except anyio.EndOfStream:
        return None


@pytest.mark.parametrize("end", ["end of input", signal.SIGTERM])
async def test_a_host_that_reads_nothing_any_more_does_not_hold_the_process(end: str | signal.Signals) -> None:
    long = sse(chunk(content="长" * 1_000_000), {"choices": [{"delta": {}, "finish_reason": "stop"}]})
    async with upstream(long) as dashscope:
        environment = {**os.environ, "DASHSCOPE_BASE_URL": dashscope.url, "DASHSCOPE_API_KEY": KEY}
        with subprocess.Popen(SERVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as server:
            assert server.stdin
            hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
            for message in (
                {"id": 0, "method": "initialize", "params": hello},
                {"method": "notifications/initialized"},
                {"id": 1, "method": "tools/call", "params": {"name": "chat", "arguments": {"prompt": "x"}}},
            ):
                server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
                server.stdin.flush()
            with anyio.fail_after(30):
                await dashscope.asked.wait()
                await anyio.to_thread.run_sync(select.select, [server.stdout], [], [])  # it writes, nobody reads
                if isinstance(end, signal.Signals):
                    server.send_signal(end)
                else:
                    server.stdin.close()
                with anyio.fail_after(5):
                    assert await anyio.to_thread.run_sync(server.wait) == 0


# --- the era of a connection ---


@pytest.mark.parametrize("gone", [[], [{"method": "notifications/cancelled", "params": {"requestId": 1}}]])
async def test_a_client_that_gave_up_its_probe_may_still_initialize(gone: list[dict[str, Any]]) -> None:
    with anyio.fail_after(30):
        async with lines() as server:
            await server.send(id=1, method="server/discover", params={"_meta": ENVELOPE})
            for message in gone:  # as the TypeScript SDK sends when it waits no longer
                await server.send(**message)
            await server.send(id=2, method="initialize", params=HELLO)
            discovered, initialized = await server.reply(1), await server.reply(2)
            await server.send(method="notifications/initialized")
            await server.send(id=3, method="tools/list")
            listed = await server.reply(3)
            await server.send(id=4, method="server/discover", params={"_meta": ENVELOPE})
            too_late = await server.reply(4)

    assert discovered["result"]["supportedVersions"] == ["2026-07-28"]
    assert initialized["result"]["protocolVersion"] == "2025-11-25"
    assert len(listed["result"]["tools"]) == len(tool_modules([CORE]))
    assert "handshake protocol era" in too_late["error"]["message"]


async def test_a_client_that_probes_twice_and_then_asks_is_of_the_era_it_asks_in() -> None:
    with anyio.fail_after(30):
        async with lines() as server:
            for id in (1, 2):
                await server.send(id=id, method="server/discover", params={"_meta": ENVELOPE})
                assert "result" in await server.reply(id)
            await server.send(id=3, method="tools/list", params={"_meta": ENVELOPE})
            listed = await server.reply(3)
            await server.send(id=4, method="server/discover", params={"_meta": ENVELOPE})
            discovered = await server.reply(4)
            await server.send(id=5, method="initialize", params=HELLO)
            refused = await server.reply(5)

    assert len(listed["result"]["tools"]) == len(tool_modules([CORE]))
    assert "result" in discovered
    assert refused["error"]["code"] == -32022


async def test_a_probe_that_is_none_is_refused_and_decides_nothing() -> None:
    with anyio.fail_after(30):
        async with lines() as server:
            await server.send(id=1, method="server/discover")
            assert "error" in await server.reply(1)
            await server.shake_hands()


async def test_a_host_that_only_probes_may_leave() -> None:
    with anyio.fail_after(30):
        async with lines() as server:
            await server.send(id=1, method="server/discover", params={"_meta": ENVELOPE})
            await server.reply(1)


# --- bad input does not end it ---


async def test_half_a_surrogate_pair_from_dashscope_does_not_end_it() -> None:
    halves = b'data: {"choices":[{"delta":{"content":"a\\ud83d"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    async with (
        upstream(halves) as dashscope,
        shaken_hands(DASHSCOPE_BASE_URL=dashscope.url, DASHSCOPE_API_KEY=KEY) as server,
    ):
        result = await server.call(1, prompt="x")
        await server.send(id=2, method="ping")
        await server.reply(2)

    assert result["content"][0]["text"].endswith("\na\ufffd")


async def test_after_lines_no_client_should_send_the_next_call_is_answered() -> None:
    async with (
        upstream(WHOLE) as dashscope,
        shaken_hands(DASHSCOPE_BASE_URL=dashscope.url, DASHSCOPE_API_KEY=KEY) as server,
    ):
        bad = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"chat","arguments":{"prompt":"\\ud83d"}}}\n'
        for line in (bad, b"\n", b"no json\n", b"\xff\xfe\n", b"[1]\n", b'{"jsonrpc":"2.0","id":8,"method":"nope"}\n'):
            await server.stdin.send(line)
        result = await server.call(9, prompt="你好")

    assert not result.get("isError")


# --- nothing but the protocol on stdout ---

NOISY = """
import os, sys

class Noise:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"anyio", "pydantic", "mcp", "httpx2", "stamina"}:
            print("noise from", name, flush=True)
            os.write(1, b"raw noise\\n")

sys.meta_path.insert(0, Noise())
"""


async def test_a_library_that_prints_is_not_heard_on_the_wire(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NOISY)
    async with raw("--sandbox", PYTHONPATH=str(tmp_path)) as server:
        await server.call(1, prompt="你好")
        await server.end_of_input()
        await server.ended()

    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in server.lines)
    assert b"noise from httpx2" in server.stderr


# --- the key ---

CRASHING = f"""
import httpx2

def crash(self, *args, **kwargs):
    raise RuntimeError("boom with {KEY}")

httpx2.Request.__init__ = crash
"""


async def test_a_planted_key_is_in_no_result_log_line_or_traceback_of_a_crash(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(CRASHING)
    environment = {"PYTHONPATH": str(tmp_path), "DASHSCOPE_API_KEY": KEY, "BAILIAN_LOG_LEVEL": "debug"}
    async with raw(**environment) as server:
        result = await server.call(1, prompt=f"geheim und {KEY}")
        await server.end_of_input()
        await server.ended()

    assert result["isError"]
    assert "failed inside bailian-mcp" in str(result)
    assert b"RuntimeError: boom with [key]" in server.stderr
    assert KEY.encode() not in server.stderr
    assert KEY not in "".join(server.lines)
    assert b"geheim" not in server.stderr


async def test_a_planted_key_in_dashscopes_words_is_in_no_result_and_no_log_line() -> None:
    words = sse(chunk(content="西湖"), {"error": {"code": KEY, "message": f"bad key {KEY}"}})
    async with upstream(words) as dashscope:
        environment = {"DASHSCOPE_BASE_URL": dashscope.url, "DASHSCOPE_API_KEY": KEY, "BAILIAN_LOG_LEVEL": "DEBUG"}
        async with raw(**environment) as server:
            result = await server.call(1, prompt="geheim")
            await server.end_of_input()
            await server.ended()

    assert "[[key], HTTP 200]" in result["content"][0]["text"]
    assert KEY not in "".join(server.lines)
    assert KEY.encode() not in server.stderr
    assert b"geheim" not in server.stderr


@pytest.mark.parametrize("argument", ["--help", "--version"])
async def test_help_and_version_are_told(argument: str) -> None:
    told = await anyio.run_process([sys.executable, "-m", "bailian_mcp.server", argument])

    assert told.stdout.startswith((b"usage: bailian-mcp", b"bailian-mcp "))


# --- the catalog ---


async def test_the_catalog_is_not_read_before_it_is_needed() -> None:
    code = (
        "from bailian_mcp.server.app.server import build\n"
        "from bailian_mcp.server.calls.context import AppContext\n"
        "from bailian_mcp.server.catalog import shipped\n"
        "from bailian_mcp.server.dashscope import DashScope\n"
        "from bailian_mcp.server.endpoints import host\n"
        "build(AppContext(DashScope(host(), None, redact=str), host()))\n"
        "print(shipped.cache_info().currsize)"
    )
    done = await anyio.run_process([sys.executable, "-c", code])

    assert done.stdout == b"0\n"


async def test_a_malformed_overlay_is_said_at_the_start_and_the_shipped_catalog_serves(
    tmp_path: Path, era: str
) -> None:
    (mine := tmp_path / "mine.json").write_text(
        '{"models": [{"id": "qwen-max", "prices": [{"region": "cn-beijing"}]}]}'
    )

    started = await anyio.run_process(SERVER, input=b"", env={**os.environ, "BAILIAN_CATALOG": str(mine)})
    async with Client(over_pipes(BAILIAN_CATALOG=str(mine)), mode=era) as host:
        result = await host.call_tool("cost", {"models": ["qwen-max"], "input_tokens": 10_000})

    said = "The catalog overlay (BAILIAN_CATALOG) is set aside: mine.json: qwen-max.prices[0].scope is required."
    assert said in started.stderr.decode()
    assert "0.024 CNY" in text_of(result)
    assert said in text_of(result)


@pytest.mark.parametrize("ending", ["end of input", "SIGTERM"])
def test_a_host_that_asks_and_asks_and_never_reads_holds_no_process(ending: str) -> None:
    """Its probes are answered while they are read, so the rest of what it asked is not even looked at."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "x", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": id, "method": "server/discover", "params": {"_meta": meta}}) + "\n"
        for id in range(600)
    ]
    call = {"name": "models", "arguments": {}, "_meta": meta}
    served_by_sdk = json.dumps({"jsonrpc": "2.0", "id": "call", "method": "tools/call", "params": call}) + "\n"
    process = subprocess.Popen([*SERVER, "--sandbox"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert process.stdin
    assert process.stdout
    writing = threading.Thread(target=_written, args=(process.stdin, "".join(lines).encode()), daemon=True)
    try:
        process.stdin.write(served_by_sdk.encode())
        assert process.stdout.readline()
        writing.start()
        time.sleep(1)
        if ending == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        else:
            writing.join(5)
            process.stdin.close()
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
        writing.join(5)
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                pipe.close()


def _written(to: Any, content: bytes) -> None:
    with suppress(OSError, ValueError):  # it has ended
        while content:
            content = content[to.write(content) :]
