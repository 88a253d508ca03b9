"""What passed between a host and the server: the host starts a shell line that keeps both directions in files."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

KEEP = 'log="$0/$$"; tee "$log.in" | "$@" | tee "$log.out"'


@dataclass(frozen=True)
class Server:
    """The block that a host is given."""

    command: str
    args: list[str]
    env: dict[str, str]


@dataclass(frozen=True)
class Answered:
    tool: str
    arguments: Json
    text: str


def recorded(command: list[str], env: dict[str, str], folder: Path) -> Server:
    return Server("sh", ["-c", KEEP, str(folder), *command], env)


def answers(folder: Path) -> list[Answered]:
    """The text that the server gave for each call: what a plain MCP client shows."""
    found = []
    for asked in sorted(folder.glob("*.in")):
        given = {line.get("id"): line.get("result") for line in _messages(asked.with_suffix(".out"))}
        for line in _messages(asked):
            result = given.get(line.get("id"))
            if line.get("method") == "tools/call" and result:
                call = line["params"]
                text = "\n".join(block["text"] for block in result["content"] if block["type"] == "text")
                found.append(Answered(call["name"], call.get("arguments") or {}, text))
    return found


def protocol(folder: Path) -> str:
    """The version spoken when the tools were listed; empty: they never were."""
    version = ""
    for asked in sorted(folder.glob("*.in")):
        given = {line.get("id"): line.get("result") for line in _messages(asked.with_suffix(".out"))}
        spoken = ""
        for line in _messages(asked):
            result = given.get(line.get("id")) or {}
            meta = (line.get("params") or {}).get("_meta") or {}
            spoken = result.get("protocolVersion") or meta.get("io.modelcontextprotocol/protocolVersion") or spoken
            if line.get("method") == "tools/list" and "tools" in result:
                version = spoken or "?"
    return version


def started(folder: Path) -> bool:
    return any(folder.glob("*.in"))


def why_unconnected(folder: Path) -> str:
    for path in sorted(folder.glob("*.in")):
        reply = path.with_suffix(".out")
        if reply.exists() and reply.stat().st_size:
            return f"the server's first reply took {reply.stat().st_mtime - path.stat().st_mtime:.1f} s"
    return "the server never replied" if started(folder) else "it never started the server"


def _messages(path: Path) -> Iterator[Json]:
    if not path.exists():
        return
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict):
            yield message
