"""The handshake that is answered while the SDK loads: as the SDK answers it, in both eras, or not at all."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from bailian_mcp.server.app.tool_files import CORE, tool_modules
from bailian_mcp.server.app.transports import handshake
from conftest import ENVELOPE, HELLO, INFO, Raw, lines, raw
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

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


def line(id: Any = 0, method: str = "initialize", **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode() + b"\n"


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
}  # fmt: skip
LIST = [line(**HELLO), b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n', line(1, "tools/list")]


async def test_a_host_that_lists_the_tools_has_nothing_loaded_that_only_calls_need(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(TELLS_WHAT_IS_LOADED)
    server = await said(*LIST, PYTHONPATH=str(tmp_path))
    loaded = set(server.stderr.decode().split())

    assert "bailian_mcp.tools.chat" in loaded
    assert loaded & NOT_FOR_THE_LIST == set()
