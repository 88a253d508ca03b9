"""The demo: a real MCP client, a real server process, every tool once; then the block to paste into a host."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, TextContent

from ..app.server import tool_modules

WIDTH = 100


def main() -> int:
    return anyio.run(_demo)


async def _demo() -> int:
    server = StdioServerParameters(command=sys.executable, args=["-m", "bailian_mcp.server", "--sandbox"])
    print("Starting the server as a host would, over stdio, against the sandbox (no key, no cost).")
    failed = 0
    async with Client(server) as client:
        listed = await client.list_tools()
        print(f"It offers: {', '.join(tool.name for tool in listed.tools)}")
        for module in tool_modules():
            failed += await _shown(client, module.__name__.rpartition(".")[2], module.EXAMPLE)
    print(_host_block())
    return 1 if failed else 0


async def _shown(client: Client, name: str, arguments: dict[str, Any]) -> bool:
    print(f"\n{'-' * WIDTH}\n{name} {json.dumps(_short(arguments), ensure_ascii=False)}\n")
    result = await client.call_tool(name, arguments, progress_callback=_progress)
    assert isinstance(result, CallToolResult)
    for block in result.content:
        print(block.text if isinstance(block, TextContent) else block.type)
    return bool(result.is_error)


def _short(arguments: dict[str, Any]) -> dict[str, Any]:
    """As it is shown: a file inside an argument is long."""
    long = {name: value for name, value in arguments.items() if isinstance(value, str) and len(value) > WIDTH}
    return arguments | {name: f"{value[:40]}... ({len(value)} characters)" for name, value in long.items()}


async def _progress(progress: float, total: float | None, message: str | None) -> None:
    print(f"  {progress:6.2f} s  {message}")


def _host_block() -> str:
    """The configuration that starts this very installation from anywhere."""
    beside = Path(sys.executable).with_name("bailian-mcp")
    command = str(beside) if beside.exists() else shutil.which("bailian-mcp") or "bailian-mcp"
    entry = {"command": command, "args": [], "env": {"DASHSCOPE_API_KEY": "sk-..."}}
    block = json.dumps({"mcpServers": {"bailian": entry}}, indent=2, ensure_ascii=False)
    return (
        f"\n{'-' * WIDTH}\nTo use it, paste this into your host's MCP configuration (Claude Desktop, Cursor,\n"
        f'Cline, Cherry Studio, Qwen Code ...) with your own key; "args": ["--sandbox"] needs none.\n\n{block}'
    )
