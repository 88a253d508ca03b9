// One run of the AI SDK: its MCP client over stdio, its tool loop.

import { createRequire } from "node:module";

const load = createRequire(`${process.env.INSTALLED}/`);
const { createMCPClient } = load("@ai-sdk/mcp");
const { Experimental_StdioMCPTransport, StdioMCPTransport = Experimental_StdioMCPTransport } = load("@ai-sdk/mcp/mcp-stdio");
const { createOpenAICompatible } = load("@ai-sdk/openai-compatible");
const { generateText, stepCountIs } = load("ai");

const client = await createMCPClient({ transport: new StdioMCPTransport(JSON.parse(process.env.SERVER)) });
try {
  const model = createOpenAICompatible({ name: "scripted", baseURL: process.env.MODEL_URL })("scripted");
  await generateText({ model, tools: await client.tools(), prompt: process.env.PROMPT, stopWhen: stepCountIs(50) });
} finally {
  await client.close();
}
