"""What is answered while the SDK loads, the handshake and the lists: as the SDK answers it, in both eras, or not at all."""

import importlib.util
import json
import os
import subprocess
import sys
from itertools import chain, combinations
from pathlib import Path
from typing import Any, get_args

import anyio
import pytest
from bailian_mcp.server.app.tool_files import CORE, tool_groups, tool_modules
from bailian_mcp.server.app.transports import handshake, listing
from bailian_mcp.server.app.transports.early import MAX_EARLY, Early
from bailian_mcp.server.commands.loading import kept_out, loaded_lightly
from bailian_mcp.server.settings import ToolGroup, read_settings
from conftest import ENVELOPE, HELLO, INFO, SERVER, Raw, lines, raw
from connections import GREETED, line, replies, server_of
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import TypeAdapter, ValidationError

pytestmark = pytest.mark.anyio
CAPABILITIES: tuple[dict[str, Any], ...] = (
    {},
    {"roots": {"listChanged": True}, "sampling": {}, "elicitation": {}},
    {"roots": {}, "elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}, "context": {}}, "unheard": {}},
    {
        "extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}},
        "experimental": {"x": {"deep": {"deeper": 1}}},
        "tasks": {"list": {}, "cancel": {}, "requests": {"sampling": {"createMessage": {}}}},
    },
)
WORDY = {**INFO, "name": "名字\n", "title": "T", "description": "D"}
META = "io.modelcontextprotocol/"


def probe(id: Any = 0, **changed: Any) -> bytes:
    return line(
        id, "server/discover", _meta={**ENVELOPE, **{f"{META}{name}": value for name, value in changed.items()}}
    )


def early(given: bytes) -> bytes | None:
    message = handshake.request(given)
    return handshake.answer(message) if message else None


ANSWERED = [
    *(line(**{**HELLO, "protocolVersion": version}) for version in HANDSHAKE_PROTOCOL_VERSIONS),
    *(line(**{**HELLO, "capabilities": told}) for told in CAPABILITIES),
    *(line(id, **HELLO) for id in (-1, 2**53 - 1, "a", 'quo"te\\', "")),
    line(**{**HELLO, "clientInfo": WORDY}),
    *(probe(protocolVersion=version) for version in MODERN_PROTOCOL_VERSIONS),
    *(probe(clientCapabilities=told) for told in CAPABILITIES),
    *(probe(id, clientInfo=WORDY) for id in (7, "probe-1")),
]


@pytest.mark.parametrize("given", ANSWERED)
async def test_what_is_answered_early_is_what_the_sdk_answers_byte_for_byte(given: bytes) -> None:
    with anyio.fail_after(30):
        async with lines() as server:
            await server.stdin.send(given)
            told = await server.line()

    assert early(given) == told.encode() + b"\n"


LEFT_ALONE = [
    line(**{**HELLO, "protocolVersion": "2026-07-28"}),
    line(**{**HELLO, "protocolVersion": "1999-01-01"}),
    line(**{**HELLO, "protocolVersion": 1}),
    line(**{**HELLO, "capabilities": {"roots": {"listChanged": "perhaps"}}}),
    line(**{**HELLO, "capabilities": {"sampling": True}}),
    line(**{**HELLO, "capabilities": {"extensions": {"x": 1}}}),
    line(**{**HELLO, "capabilities": []}),
    line(**{**HELLO, "clientInfo": {"name": "x"}}),
    line(**{**HELLO, "clientInfo": {**INFO, "title": 1}}),
    line(**{**HELLO, "_meta": {"progressToken": 1}}),
    line(capabilities={}, clientInfo=INFO),
    *(line(id, **HELLO) for id in (True, None, 1.5, 2**53, [], "名")),
    line(**{**HELLO, "clientInfo": {**INFO, "name": "\ud83d"}}),
    line(**HELLO).replace(b'"2.0"', b'"1.0"'),
    line(**HELLO).replace(b'"id": 0', b'"id": NaN'),
    line(**HELLO).replace(b"test", b"\xff"),
    line(**{**HELLO, "capabilities": {"x": json.loads("[" * 80 + "]" * 80)}}),
    line(**{**HELLO, "clientInfo": {**INFO, "name": "x" * 9000}}),
    line(2, "ping"),
    line(2, "server/discover"),
    probe(protocolVersion="2025-11-25"),
    probe(clientCapabilities=None),
    probe(logLevel="debug"),
    b"\n", b"[1]\n", b"no json\n", b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n',
]  # fmt: skip


@pytest.mark.parametrize("given", LEFT_ALONE)
def test_what_is_not_sure_to_be_asked_rightly_is_left_to_the_sdk(given: bytes) -> None:
    assert early(given) is None


# --- the lists ---

GROUPS = get_args(ToolGroup)
TOOL_SETS = [*chain.from_iterable(combinations(GROUPS, size) for size in range(len(GROUPS) + 1))]
LISTS = ("tools/list", "resources/list", "resources/templates/list", "prompts/list")
SINCE_2024 = [line(**{**HELLO, "protocolVersion": version}) for version in HANDSHAKE_PROTOCOL_VERSIONS]


def connected(*given: bytes, tools: str = "", structured: str = "") -> Early:
    """A connection that has said this already."""
    assert listing.is_current(json.loads(listing.LISTED_FILE.read_bytes())), "run `UPDATE=1 make test` first"
    connection = Early(listing.chosen(tools, structured))
    for each in given:
        connection.take(each)
    return connection


@pytest.mark.parametrize("structured", [False, True])
@pytest.mark.parametrize("groups", TOOL_SETS, ids=",".join)
async def test_what_is_listed_early_is_what_the_sdk_lists_byte_for_byte(
    groups: tuple[str, ...], structured: bool
) -> None:
    for hello in SINCE_2024:
        asked = [hello, GREETED, line(1, "ping"), *(line(f"of-{name}", name) for name in LISTS)]
        connection = connected(tools=",".join(groups), structured=str(structured))
        early = [reply for each in asked if (reply := connection.take(each)[0])]
        assert early == await replies(server_of(groups, structured), asked)
    for version in MODERN_PROTOCOL_VERSIONS:
        meta = {**ENVELOPE, f"{META}protocolVersion": version}
        asked = [line(id, name, _meta=meta) for id, name in enumerate(("server/discover", *LISTS, "server/discover"))]
        connection = connected(tools=",".join(groups), structured=str(structured))
        assert [connection.take(each)[0] for each in asked] == await replies(server_of(groups, structured), asked)


PLAIN = [
    b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n',
    line(1, "tools/list", _meta={}),
    line(1, "tools/list", _meta={"progressToken": "p"}),
    line(1, "ping", _meta={"progressToken": 3}),
]
HARD = [
    line(1, "tools/list", cursor="x"),
    line(1, "tools/list", cursor=None),
    line(1, "tools/list", _meta={"progressToken": True}),
    line(1, "tools/list", _meta={"traceparent": "00-0-0-00"}),
    line(1, "tools/list", _meta=ENVELOPE),
    line(1, "tools/list", _meta=None),
    line(1, "server/discover", _meta=ENVELOPE),
    line(1, **HELLO),
    line(1, "tools/call", name="chat", arguments={"prompt": "x"}),
    line(1, "tools/lists"),
    b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}\n',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/list","more":1}\n',
    b'{"jsonrpc":"2.0","id":1,"method":["ping"]}\n',
]


@pytest.mark.parametrize("asked", PLAIN)
def test_a_list_is_given_early_however_plainly_it_is_asked_for(asked: bytes) -> None:
    reply, onward = connected(line(**HELLO), GREETED).take(asked)

    assert json.loads(reply)["id"] == 1
    assert onward == b""


@pytest.mark.parametrize("asked", HARD)
def test_the_first_request_in_doubt_is_the_sdks_and_so_is_every_one_after_it(asked: bytes) -> None:
    connection = connected(line(**HELLO), GREETED)

    assert connection.take(asked) == (b"", asked)
    assert connection.take(line(2, "ping")) == (b"", line(2, "ping"))


def test_before_a_host_of_2025_has_initialized_nothing_is_listed_to_it() -> None:
    assert connected().take(line(1, "tools/list")) == (b"", line(1, "tools/list"))


def test_what_is_no_request_goes_on_and_ends_nothing() -> None:
    cancelled = b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}\n'
    connection = connected(line(**HELLO))

    assert connection.take(GREETED) == (b"", GREETED)
    assert connection.take(cancelled) == (b"", cancelled)
    assert connection.take(line(1, "ping"))[0]


def test_a_host_that_asks_without_end_is_the_sdks_after_some_replies() -> None:
    connection = connected(line(**HELLO))
    replied = [bool(connection.take(line(id, "ping"))[0]) for id in range(2 * MAX_EARLY)]

    assert replied == [True] * (MAX_EARLY - 1) + [False] * (MAX_EARLY + 1)


@pytest.mark.parametrize(
    "tools", ["", "core", "media", " Media , documents,", "all", "ALL,media", "medai", "media;bulk", "media bulk"]
)
@pytest.mark.parametrize("structured", ["", "true", "TRUE", "1", "on", "Yes", "no", "0", "Off", "2", "maybe", " true"])
def test_the_tools_are_those_that_the_settings_say_or_are_left_to_them(
    monkeypatch: pytest.MonkeyPatch, tools: str, structured: str
) -> None:
    monkeypatch.setenv("BAILIAN_TOOLS", tools)
    monkeypatch.setenv("BAILIAN_STRUCTURED", structured)
    settings = read_settings()
    wanted = sorted(name for name, group in tool_groups().items() if group in {CORE, *settings.tools})
    reply = connected(line(**HELLO), tools=tools, structured=structured).take(line(1, "tools/list"))[0]

    assert bool(reply) is not bool(settings.troubles)
    if reply:
        listed = json.loads(reply)["result"]["tools"]
        assert [tool["name"] for tool in listed] == wanted
        assert {"outputSchema" in tool for tool in listed} == {settings.structured}


@pytest.mark.parametrize(
    "changed",
    [{"version": "0"}, {"sdk": "2.2"}, {"made_of": {"tools/chat.py": "0"}}, {"made_of": {"tools/gone.py": "0"}}],
)
def test_a_snapshot_of_something_else_is_not_used(changed: dict[str, Any]) -> None:
    known = json.loads(listing.LISTED_FILE.read_bytes())

    assert listing.is_current(known)
    assert not listing.is_current({**known, **changed})


# --- processes: what was said early is not said again, and the SDK knows it ---


@pytest.mark.parametrize("probes", [0, 1, 6])
async def test_each_request_of_a_host_that_does_not_wait_has_one_reply_in_order(probes: int) -> None:
    given = [
        *(probe(f"p{number}") for number in range(probes)),
        line(**HELLO),
        b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n',
        line(1, "tools/list"),
        line(2, "server/discover", _meta=ENVELOPE),
    ]
    server = await said(*given)

    replies = [json.loads(told) for told in server.lines]
    assert [reply["id"] for reply in replies] == [*(f"p{number}" for number in range(probes)), 0, 1, 2]
    assert len(replies[-2]["result"]["tools"]) == len(tool_modules([CORE]))
    assert "handshake protocol era" in replies[-1]["error"]["message"]  # the SDK has seen `initialize`
    assert server.stderr == b""


async def test_a_host_of_2026_has_one_reply_to_its_probe_and_its_tools() -> None:
    server = await said(probe(), line(1, "tools/list", _meta=ENVELOPE), line(2, "initialize", **HELLO))

    discovered, listed, refused = (json.loads(told) for told in server.lines)
    assert discovered["result"]["supportedVersions"] == ["2026-07-28"]
    assert len(listed["result"]["tools"]) == len(tool_modules([CORE]))
    assert refused["error"]["code"] == -32022


LOADS_WHEN_TOLD = """
import sys

class Gate:
    def find_spec(self, name, *_):
        if name == "pydantic":
            sys.meta_path.remove(self)
            open({gate!r}).read()

sys.meta_path.insert(0, Gate())
"""


def gated(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A pipe, and the environment of a server that goes on loading when that is opened and closed."""
    os.mkfifo(gate := tmp_path / "gate")
    (tmp_path / "sitecustomize.py").write_text(LOADS_WHEN_TOLD.format(gate=str(gate)))
    return gate, {"PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize("meta", [{}, {"_meta": ENVELOPE}], ids=["2025", "2026"])
async def test_a_host_has_its_lists_before_the_sdk_is_there_and_calls_a_tool_when_it_is(
    tmp_path: Path, meta: dict[str, Any]
) -> None:
    gate, environment = gated(tmp_path)
    greeting = [] if meta else [line(**HELLO), GREETED]
    call = {"name": "chat", "arguments": {"prompt": "x"}}
    other = line(8, "initialize", **HELLO) if meta else line(8, "server/discover", _meta=ENVELOPE)
    with anyio.fail_after(60):
        async with raw("--sandbox", greeted=False, **environment) as server:
            lists = [line(id, name, **meta) for id, name in enumerate(LISTS, 1)]
            await server.stdin.send(b"".join([*greeting, *lists]))
            listed = [await server.reply(id) for id in range(1, 5)]
            await server.stdin.send(line(7, "tools/call", **call, **meta) + other)
            await anyio.to_thread.run_sync(gate.write_text, "")
            replies = {reply["id"]: reply for reply in [json.loads(await server.line()) for _ in range(2)]}
            await server.end_of_input()
            assert await server.ended() == 0

    assert all("result" in reply for reply in listed)
    assert "SANDBOX" in replies[7]["result"]["content"][0]["text"]
    assert replies[8]["error"]["code"] == (-32022 if meta else -32600)  # the SDK knows of which era the host is
    assert len(server.lines) == len(greeting[:1]) + 6


LISTS_OVER_AND_OVER = b"".join([line(**HELLO), GREETED, *(line(id, "tools/list") for id in range(1, MAX_EARLY))])


def test_more_than_a_pipe_holds_is_given_whole_to_a_host_that_has_ended_its_input() -> None:
    environment = {**os.environ, "BAILIAN_TOOLS": "all", "BAILIAN_STRUCTURED": "true"}
    done = subprocess.run(SERVER, input=LISTS_OVER_AND_OVER, capture_output=True, env=environment, timeout=60)

    assert sorted(json.loads(reply)["id"] for reply in done.stdout.splitlines()) == [*range(MAX_EARLY)]
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_host_that_reads_none_of_its_lists_does_not_hold_the_process() -> None:
    environment = {**os.environ, "BAILIAN_TOOLS": "all", "BAILIAN_STRUCTURED": "true"}
    with subprocess.Popen(SERVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as server:
        assert server.stdin
        server.stdin.write(LISTS_OVER_AND_OVER)
        server.stdin.close()
        assert server.wait(60) == 0


def test_the_sdks_package_is_opened_when_a_name_of_it_is_asked_for() -> None:
    code = (
        "import sys\n"
        "from bailian_mcp.server.commands.loading import loaded_lightly\n"
        "with loaded_lightly():\n    from bailian_mcp.server.commands import serve\n"
        "unopened = 'mcp.client' not in sys.modules\n"
        "from mcp import Client\nimport mcp\n"
        "print(unopened, Client.__module__, mcp.ClientSession.__name__, hasattr(mcp, 'no_such'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.stdout == "True mcp.client.client ClientSession False\n"


def test_what_is_loaded_lightly_is_made_ready_when_it_is_used() -> None:
    with loaded_lightly():
        union = TypeAdapter(int | list[str])
    ready = TypeAdapter(int | list[str])

    assert (union.pydantic_complete, ready.pydantic_complete) == (False, True)
    assert union.validate_python(["a"]) == ["a"]
    assert union.pydantic_complete
    with pytest.raises(ValidationError):
        union.validate_python("a")


def test_what_is_kept_out_counts_as_not_installed_for_a_while_unless_it_is_there() -> None:
    sys.modules.pop("this", None)
    with kept_out("this", "json"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("this")
        assert importlib.import_module("json") is json

    assert importlib.util.find_spec("this") is not None


async def said(*given: bytes, **environment: str) -> Raw:
    """A server that was told all this at once, when the last of it was answered."""
    wanted = sum(b'"id"' in each for each in given)
    with anyio.fail_after(60):
        async with raw(greeted=False, **environment) as server:
            await server.stdin.send(b"".join(given))
            while len(server.lines) < wanted:
                await server.line()
            await server.end_of_input()
            assert await server.ended() == 0
    return server


# --- what the list of tools does not need is not loaded ---

TELLS_WHAT_IS_LOADED = """
import atexit, sys

atexit.register(lambda: sys.stderr.write(" ".join(sys.modules)))
"""
NOT_FOR_THE_LIST = {
    "PIL", "pypdfium2", "jsonschema", "jwt", "bailian_mcp.server.sandbox",
    "bailian_mcp.server.app.transports.http", "bailian_mcp.server.commands.demo",
    "bailian_mcp.server.app.prompts.scenarios", "httptools", "bailian_mcp.server.dashscope.transport",
    "bailian_mcp.tools.chat", "bailian_mcp.tools.ocr",
    "bailian_mcp.server.catalog.live", "bailian_mcp.server.calls.live_list",
    "mcp.client", "uvicorn.main", "rich.console",
}  # fmt: skip
LIST = [line(**HELLO), b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n', line(1, "tools/list")]


async def test_a_host_that_lists_the_tools_has_nothing_loaded_that_only_calls_need(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(TELLS_WHAT_IS_LOADED)
    server = await said(*LIST, PYTHONPATH=str(tmp_path))
    loaded = set(server.stderr.decode().split())

    assert "bailian_mcp.server.app.server" in loaded
    assert loaded & NOT_FOR_THE_LIST == set()
