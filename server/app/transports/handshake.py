"""The first reply of a connection, without the SDK: loading it takes a second, and hosts wait for it.

Only what is sure to be asked rightly is answered, byte for byte as the SDK does (tests/test_handshake.py holds them
together for both eras); `None` leaves everything else to the SDK. The standard library only.
"""

import json
from functools import cache
from typing import Any

from ..identity import INSTRUCTIONS, NAME, SAME_FOR_MS, TASKS, TITLE
from ..version import own_version

INITIALIZE, DISCOVER = "initialize", "server/discover"
HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
ENVELOPE_VERSION = "2026-07-28"
ENVELOPE = "io.modelcontextprotocol/"
CAPABILITIES = {
    "completions": {},
    "prompts": {"listChanged": False},
    "resources": {"listChanged": False, "subscribe": False},
    "tools": {"listChanged": False},
}
CLIENT_WORDS = {"name", "version", "title", "description"}  # of a client
ROOTS = ({"listChanged": True}, {"listChanged": False})
FREE = {"experimental", "extensions"}  # capabilities that may hold anything
MAX_LINE_BYTES, MAX_BRACKETS, MAX_ID = 8 * 1024, 64, 2**53


def request(line: bytes) -> dict[str, Any] | None:
    """The message of a line, if it is a request with an id that is written in one way only."""
    if len(line) > MAX_LINE_BYTES or line.count(b"{") + line.count(b"[") > MAX_BRACKETS or rb"\ud" in line.lower():
        return None
    try:
        message = json.loads(line.decode(), parse_constant=_refuse)
    except ValueError:
        return None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return None
    return message if {"id", "method"} <= set(message) and _plain(message["id"]) else None


def answer(message: dict[str, Any]) -> bytes | None:
    """The line that answers this request; `None`: the SDK must say."""
    params = message.get("params")
    if set(message) != {"jsonrpc", "id", "method", "params"} or not isinstance(params, dict):
        return None
    if message["method"] == INITIALIZE and _initializes(params):
        return head(message) + _json(_initialized(params["protocolVersion"])) + b"}\n"
    if message["method"] == DISCOVER and _discovers(params):
        return head(message) + _json(_discovered()) + b"}\n"
    return None


def head(message: dict[str, Any]) -> bytes:
    """How the line of a result begins."""
    return b'{"jsonrpc":"2.0","id":' + _json(message["id"]) + b',"result":'


def _initialized(version: str) -> dict[str, Any]:
    named = {"capabilities": CAPABILITIES, "instructions": INSTRUCTIONS}
    return {**named, "protocolVersion": version, "serverInfo": _who()}


def _discovered() -> dict[str, Any]:
    return {
        "cacheScope": "public",
        "capabilities": dict(sorted({"extensions": {TASKS: {}}, **CAPABILITIES}.items())),
        "instructions": INSTRUCTIONS,
        "resultType": "complete",
        "supportedVersions": [ENVELOPE_VERSION],
        "ttlMs": SAME_FOR_MS,
        "_meta": {f"{ENVELOPE}serverInfo": _who()},
    }


@cache
def _who() -> dict[str, str]:
    return {"name": NAME, "title": TITLE, "version": own_version()}


def _initializes(params: dict[str, Any]) -> bool:
    return (
        set(params) == {"protocolVersion", "capabilities", "clientInfo"}
        and params["protocolVersion"] in HANDSHAKE_VERSIONS
        and _client(params["clientInfo"])
        and _capable(params["capabilities"])
    )


def _discovers(params: dict[str, Any]) -> bool:
    meta = params.get("_meta")
    names = {f"{ENVELOPE}{name}" for name in ("protocolVersion", "clientInfo", "clientCapabilities")}
    return (
        isinstance(meta, dict)
        and set(params) == {"_meta"}
        and set(meta) == names
        and meta[f"{ENVELOPE}protocolVersion"] == ENVELOPE_VERSION
        and _client(meta[f"{ENVELOPE}clientInfo"])
        and _capable(meta[f"{ENVELOPE}clientCapabilities"])
    )


def _client(info: Any) -> bool:
    known = isinstance(info, dict) and {"name", "version"} <= set(info) <= CLIENT_WORDS
    return known and all(isinstance(word, str) for word in info.values())


def _capable(told: Any) -> bool:
    """Whether these are capabilities: objects of objects, but for the one flag, and for what may hold anything."""
    if not isinstance(told, dict):
        return False
    bound = {name: value for name, value in told.items() if name not in FREE}
    if bound.get("roots") in ROOTS:
        del bound["roots"]
    return _objects(bound) and all(_objects(told[name], depth=1) for name in FREE & set(told))


def _objects(value: Any, depth: int = -1) -> bool:
    """Whether it is an object of objects, all the way down or to a depth."""
    return isinstance(value, dict) and (depth == 0 or all(_objects(each, depth - 1) for each in value.values()))


def _plain(id: Any) -> bool:
    if isinstance(id, str):
        return id.isascii() and id.isprintable()
    return type(id) is int and abs(id) < MAX_ID  # true is no number here


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN is no JSON
