"""The servers that are measured, and how each is started."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".hosts" / "speed"
SDK = "@modelcontextprotocol/sdk@1"
CAPS = {"BAILIAN_MAX_COST_PER_DAY": "1000", "BAILIAN_MAX_COST_PER_CALL": "10"}


@dataclass(frozen=True)
class Peer:
    """`http`: its arguments over HTTP, the last before the port. `warm_calls`: until it is at its fastest."""

    name: str
    command: Sequence[str]
    http: Sequence[str] = ()
    workers: Sequence[str] = ()  # the same for two processes behind it
    speaks_2026: bool = True  # over HTTP
    settings: Mapping[str, str] = field(default_factory=dict)
    warm_calls: int = 100

    def environment(self, url: str, folder: str, **more: str) -> dict[str, str]:
        """`url`: of the upstream; `folder`: an empty one, for what it keeps."""
        given = {"DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": "sk-bench", "BAILIAN_STATE_DIR": folder}
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {**inherited, **given, "BAILIAN_OUT_DIR": folder, **self.settings, **more}


def ours() -> Peer:
    """With all that is not switched off by itself: caps that hold, the ledger, jobs, redaction, progress."""
    return Peer(
        "bailian-mcp",
        [sys.executable, "-m", "bailian_mcp.server"],
        ("serve", "--transport", "streamable-http", "--port"),
        ("serve", "--transport", "streamable-http", "--workers", "2", "--port"),
        settings={**CAPS, "BAILIAN_MAX_CONNECTIONS": "256"},
    )


def minimal() -> Peer:
    return Peer("Python SDK", [sys.executable, str(HERE / "minimal.py")])


def typescript() -> Peer | None:
    """None: there is no npm, or it installs nothing."""
    if not (CACHE / "node_modules").exists():
        npm = shutil.which("npm")
        if not npm:
            return None
        CACHE.mkdir(parents=True, exist_ok=True)
        told = subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", CACHE, SDK, "zod@3"])
        if told.returncode:
            return None
    shutil.copy(HERE / "minimal.mjs", CACHE)  # Node looks for packages beside the file
    return Peer("TypeScript SDK", ["node", str(CACHE / "minimal.mjs")], speaks_2026=False, warm_calls=3_000)


def ali_bailian() -> Peer | None:
    command = Path(sys.executable).with_name("ali-bailian-mcp")
    if not command.exists():
        return None
    return Peer("ali-bailian-mcp", [str(command)], speaks_2026=False, settings={"BAILIAN_RESOURCE_MODE": "url"})


def found() -> list[Peer]:
    """Ours, then the one that the others are compared with."""
    return [ours(), minimal(), *filter(None, (typescript(), ali_bailian()))]
