"""How long a server takes from the start of its process to its first replies, as a host waits for them (POSIX)."""

import json
import os
import subprocess
import time
from typing import Any

INFO = {"name": "bench", "version": "1"}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": INFO,
    "io.modelcontextprotocol/clientCapabilities": {},
}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": INFO}
DONE = {"method": "notifications/initialized"}
CALL = {"name": "chat", "arguments": {"prompt": "x"}}
ERAS: dict[str, tuple[list[dict[str, Any]], ...]] = {  # what is said, each when the one before was answered
    "initialize": (
        [{"id": 0, "method": "initialize", "params": HELLO}],
        [DONE, {"id": 1, "method": "tools/list"}],
        [{"id": 2, "method": "tools/call", "params": CALL}],
    ),
    "server/discover": (
        [{"id": 0, "method": "server/discover", "params": {"_meta": ENVELOPE}}],
        [{"id": 1, "method": "tools/list", "params": {"_meta": ENVELOPE}}],
        [{"id": 2, "method": "tools/call", "params": {**CALL, "_meta": ENVELOPE}}],
    ),
}


def started(command: list[str], era: str, url: str) -> dict[str, float]:
    """Milliseconds until each reply, and of processor time until the process has ended. `url`: who answers the call."""
    environment = {**os.environ, "DASHSCOPE_API_KEY": "none", "DASHSCOPE_BASE_URL": url}
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert process.stdin
    assert process.stdout
    taken = []
    for messages in ERAS[era]:
        process.stdin.write(b"".join(json.dumps({"jsonrpc": "2.0", **m}).encode() + b"\n" for m in messages))
        process.stdin.flush()
        assert b'"result"' in process.stdout.readline()
        taken.append(1000 * (time.monotonic() - start))
    process.stdin.close()
    process.stdout.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        f"start -> {era}": taken[0],
        f"start -> {era}, tools/list": taken[1],
        f"start -> {era}, first call": taken[2],
        f"start to end ({era}), CPU": 1000 * (used.ru_utime + used.ru_stime),
    }
