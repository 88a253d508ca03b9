"""One run of an agent of pydantic-ai."""

import asyncio
import json
import os

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


async def main() -> None:
    server = MCPToolset(StdioTransport(**json.loads(os.environ["SERVER"])))
    model = OpenAIChatModel("scripted", provider=OpenAIProvider(base_url=os.environ["MODEL_URL"], api_key="none"))
    await Agent(model, toolsets=[server]).run(os.environ["PROMPT"])


asyncio.run(main())
