"""The first replies of a connection, without the SDK: loading it takes a second, and hosts wait for it.

Only what is sure to be asked rightly is answered, byte for byte as the SDK does (tests/test_handshake.py holds them
together for both eras); `None` leaves everything else to the SDK. The standard library only.
"""

import json
from functools import cache
from typing import Any

from ..identity import INSTRUCTIONS, NAME, SAME_FOR_MS, TASKS, TITLE
from ..version import own_version

INITIALIZE, DISCOVER, PING = "initialize", "server/discover", "ping"
AGREED, ENVELOPE = "2025", "2026"  # eras: a version agreed upon by `initialize`; one that each request carries
HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
ENVELOPE_VERSION = "2026-07-28"
PREFIX = "io.modelcontextprotocol/"
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
    return message if _plain(message.get("id")) and isinstance(message.get("method"), str) else None


def answer(message: dict[str, Any]) -> bytes | None:
    """The line that answers `initialize` or `server/discover`; `None`: the SDK must say."""
    params = message.get("params")
    if set(message) != {"jsonrpc", "id", "method", "params"} or not isinstance(params, dict):
        return None
    if message["method"] == INITIALIZE and _initializes(params):
        return reply(message, _initialized(params["protocolVersion"]))
    if message["method"] == DISCOVER and _is_enveloped(params):
        return reply(message, _discovered())
    return None


def era(message: dict[str, Any]) -> str:
    """Which era a request without parameters of its own is of; empty: it has some, or the SDK must say."""
    params = message.get("params", {})
    if set(message) - {"params"} != {"jsonrpc", "id", "method"} or not isinstance(params, dict):
        return ""
    if _is_enveloped(params):
        return ENVELOPE
    meta = params.get("_meta", {})
    plain = set(params) <= {"_meta"} and isinstance(meta, dict) and set(meta) <= {"progressToken"}
    return AGREED if plain and all(map(_plain, meta.values())) else ""


def reply(message: dict[str, Any], result: dict[str, Any]) -> bytes:
    """The line of a result."""
    return head(message) + b'"result":' + _json(result) + b"}\n"


def head(message: dict[str, Any]) -> bytes:
    """How the line of a reply begins, be it a result or an error."""
    return b'{"jsonrpc":"2.0","id":' + _json(message["id"]) + b","


def enveloped(result: dict[str, Any]) -> dict[str, Any]:
    """A result as 2026 gives what is the same for everyone."""
    whole = {**result, "cacheScope": "public", "resultType": "complete", "ttlMs": SAME_FOR_MS}
    return {**dict(sorted(whole.items())), "_meta": {f"{PREFIX}serverInfo": _who()}}


def _initialized(version: str) -> dict[str, Any]:
    named = {"capabilities": CAPABILITIES, "instructions": INSTRUCTIONS}
    return {**named, "protocolVersion": version, "serverInfo": _who()}


def _discovered() -> dict[str, Any]:
    capabilities = dict(sorted({"extensions": {TASKS: {}}, **CAPABILITIES}.items()))
    named = {"capabilities": capabilities, "instructions": INSTRUCTIONS}
    return enveloped({**named, "supportedVersions": [ENVELOPE_VERSION]})


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


def _is_enveloped(params: dict[str, Any]) -> bool:
    """Whether a request has the envelope of 2026, and nothing else."""
    meta = params.get("_meta")
    names = {f"{PREFIX}{name}" for name in ("protocolVersion", "clientInfo", "clientCapabilities")}
    return (
        isinstance(meta, dict)
        and set(params) == {"_meta"}
        and set(meta) == names
        and meta[f"{PREFIX}protocolVersion"] == ENVELOPE_VERSION
        and _client(meta[f"{PREFIX}clientInfo"])
        and _capable(meta[f"{PREFIX}clientCapabilities"])
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
