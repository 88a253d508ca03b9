"""The demo: a real MCP client, a real server process; what a host sees, on one screen, and the block to paste."""

import json
import shutil
import sys
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, TextContent

from ..app.tool_files import CORE, tool_modules
from ..catalog import plain
from ..settings import child_environment

SHOWN_CHARS, SHOWN_LINES = 150, 4
RECEIPT = (
    "杭州西湖茶庄 销售小票\n日期：2026年10月6日\n西湖龙井 250g ×2  金额 172.00\n龙井酥 1 盒  金额 30.00\n"
    "合计：202.00 元\n支付方式：支付宝"
)
EXTRACTION: dict[str, Any] = {
    "text": RECEIPT,
    "json_schema": {
        "type": "object",
        "properties": {"日期": {"type": "string"}, "合计": {"type": "number"}, "支付方式": {"type": "string"}},
        "required": ["日期", "合计"],
    },
    "evidence": "all",
}
SCENES: tuple[tuple[str, str, dict[str, Any]], ...] = (  # the first; without arguments: the tool's own example
    ("chat", "用一句话介绍杭州西湖。", {}),
    ("extract", "a receipt (杭州西湖茶庄 销售小票 ...), each value with its place", EXTRACTION),
    ("web_search", "杭州西湖最近有什么好玩的？", {}),
    ("ocr", "a picture that says 西湖龙井 2026 86元, and the fields to find", {}),
    ("cost", "300,000 tokens in, 2,000 out, 10 times", {}),
)


def main(*, verbose: bool = False) -> int:
    return anyio.run(_demo, verbose)


async def _demo(verbose: bool) -> int:
    with TemporaryDirectory() as folder:  # not among what the user really spent
        return await _played(folder, verbose)


async def _played(folder: str, verbose: bool) -> int:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "bailian_mcp.server", "--sandbox"],
        env={**child_environment(), "BAILIAN_STATE_DIR": folder},
    )
    print("A real server over stdio, answered by the sandbox: no key, no cost, and no model has said any of this.")
    examples = {module.__name__.rpartition(".")[2]: module.EXAMPLE for module in tool_modules([CORE])}
    scenes = [(name, about, arguments or examples[name]) for name, about, arguments in SCENES]
    staged = [] if verbose else [name for name, *_ in SCENES]
    scenes += [(name, "", arguments) for name, arguments in examples.items() if name not in staged]
    spent, failed = Decimal(), 0
    async with Client(server) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        for name, about, arguments in scenes:
            result = await client.call_tool(name, arguments, progress_callback=_progress if verbose else None)
            assert isinstance(result, CallToolResult)
            _show(name, about or json.dumps(arguments, ensure_ascii=False), result, whole=verbose)
            spent += Decimal((result.meta or {}).get("usage", {}).get("total_price", "0"))
            failed += bool(result.is_error)
    print(
        f"\nAt list price that would have cost {plain(spent)} CNY. Tools: {', '.join(tools)}. All of it: demo --verbose"
    )
    print(_host_block())
    return 1 if failed else 0


def _show(name: str, about: str, result: CallToolResult, *, whole: bool) -> None:
    print(f"> {name}: {about if whole else _short(about)}")
    lines = "\n".join(block.text for block in result.content if isinstance(block, TextContent)).splitlines()
    for line in lines if whole else lines[:SHOWN_LINES]:
        print(f"  {line if whole else _short(line)}")


def _short(line: str) -> str:
    return line if len(line) <= SHOWN_CHARS else f"{line[:SHOWN_CHARS]}..."


async def _progress(progress: float, total: float | None, message: str | None) -> None:
    print(f"  {progress:5.1f} s  {message}")


def _host_block() -> str:
    """The configuration that starts this very installation from anywhere."""
    beside = Path(sys.executable).with_name("bailian-mcp")
    command = str(beside) if beside.exists() else shutil.which("bailian-mcp") or "bailian-mcp"
    entry = {"command": command, "args": [], "env": {"DASHSCOPE_API_KEY": "sk-..."}}
    block = json.dumps({"mcpServers": {"bailian": entry}}, indent=2, ensure_ascii=False)
    return (
        "Paste this into your host's MCP configuration (docs/hosts.md has each host's own form), with your key;\n"
        f'"args": ["--sandbox"] needs none.\n{block}'
    )
