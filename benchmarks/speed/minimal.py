"""The peer in Python: the smallest honest server on the official SDK and its HTTP client. One tool, one stream."""

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

URL = f"{os.environ['DASHSCOPE_BASE_URL']}/compatible-mode/v1/chat/completions"


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[httpx2.AsyncClient]:
    limits = httpx2.Limits(max_connections=1_000, max_keepalive_connections=1_000)
    async with httpx2.AsyncClient(timeout=60, limits=limits, trust_env=False) as http:
        yield http


server = MCPServer("minimal", lifespan=lifespan, log_level="WARNING")


@server.tool()
async def chat(prompt: str, ctx: Context[Any, Any]) -> str:
    """Ask a model; the answer streams as progress."""
    body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": prompt}], "stream": True}
    text: list[str] = []
    async with ctx.request_context.lifespan_context.stream("POST", URL, json=body) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                for choice in json.loads(line[6:])["choices"]:
                    text.append(choice["delta"].get("content") or "")
                    await ctx.report_progress(len(text), None, text[-1])
    return "".join(text)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run("stdio")
