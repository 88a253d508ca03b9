// The peer in TypeScript: the smallest honest server on the official SDK and Node's fetch. One tool, one stream.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const url = `${process.env.DASHSCOPE_BASE_URL}/compatible-mode/v1/chat/completions`;

async function ask({ prompt }, { signal, _meta, sendNotification }) {
  const body = { model: "qwen3.7-plus", messages: [{ role: "user", content: prompt }], stream: true };
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, signal, body: JSON.stringify(body) });
  const progressToken = _meta?.progressToken;
  const decoder = new TextDecoder();
  const text = [];
  let held = "";
  for await (const piece of response.body) {
    const lines = (held + decoder.decode(piece, { stream: true })).split("\n");
    held = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
      for (const { delta } of JSON.parse(line.slice(6)).choices) {
        text.push(delta.content ?? "");
        const params = { progressToken, progress: text.length, message: delta.content };
        if (progressToken !== undefined) await sendNotification({ method: "notifications/progress", params });
      }
    }
  }
  return { content: [{ type: "text", text: text.join("") }] };
}

function server() {
  const made = new McpServer({ name: "minimal", version: "1" });
  const description = "Ask a model; the answer streams as progress.";
  made.registerTool("chat", { description, inputSchema: { prompt: z.string() } }, ask);
  return made;
}

await server().connect(new StdioServerTransport());
