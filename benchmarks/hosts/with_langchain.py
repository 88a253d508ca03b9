"""One run of an agent of LangChain with ChatOpenAI."""

import asyncio
import json
import os

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_openai import ChatOpenAI


async def main() -> None:
    server = MultiServerMCPClient({"bailian": {"transport": "stdio", **json.loads(os.environ["SERVER"])}})
    model = ChatOpenAI(model="scripted", base_url=os.environ["MODEL_URL"], api_key="none")
    agent = create_agent(model, await server.get_tools())
    await agent.ainvoke({"messages": [("user", os.environ["PROMPT"])]}, {"recursion_limit": 100})


asyncio.run(main())
