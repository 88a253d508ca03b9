"""The peer: the smallest honest server on the same SDK and HTTP client. One tool, one stream, one progress message."""

import json
import os
import sys
from typing import Any

import httpx2
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

server = MCPServer("minimal", log_level="WARNING")
http = httpx2.AsyncClient(timeout=None, trust_env=False)


@server.tool()
async def chat(prompt: str, ctx: Context[Any, Any]) -> dict[str, Any]:
    """Ask a model."""
    body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": prompt}], "stream": True}
    text: list[str] = []
    async with http.stream("POST", f"{os.environ['DASHSCOPE_BASE_URL']}/chat", json=body) as response:
        async for event in httpx2.EventSource(response):
            if event.data == "[DONE]":
                break
            for choice in json.loads(event.data)["choices"]:
                if not text:
                    await ctx.report_progress(0, None, choice["delta"].get("content"))
                text.append(choice["delta"].get("content") or "")
    return {"text": "".join(text)}


if __name__ == "__main__":
    sys.exit(server.run("stdio"))
