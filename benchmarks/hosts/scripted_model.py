"""A model that asks for one tool call after another and keeps what the host sends back; on loopback, for one run.

It speaks chat completions, Responses and Gemini, streamed or whole. What it is asked without our tools (titles, a first
turn before they are there) it answers in words. Under the name LONG_MODEL it is the upstream that gives a long answer.
"""

import json
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]

LONG_MODEL = "long-answer"
LONG_ANSWER = "\n".join(f"第{number:03}段：{'这一段有三十六个字。' * 3}" for number in range(1, 701))
DONE = "Done."


@dataclass(frozen=True)
class ToolCall:
    tool: str
    arguments: Json


@dataclass(frozen=True)
class Offered:
    """A tool as the host names it to the model."""

    name: str
    namespace: str = ""

    def is_ours(self, tool: str) -> bool:
        whole = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return whole == tool or bool(re.fullmatch(rf"mcp.*[^a-z]{tool}|.*bailian.*[^a-z]{tool}", whole))


@dataclass(frozen=True)
class Asked:
    offered: Sequence[Offered]
    results: Sequence[str]


@dataclass(frozen=True)
class Said:
    """Words, or a call."""

    words: str = ""
    call: Json = field(default_factory=dict)
    tool: Offered = Offered("")
    id: str = ""


class ScriptedModel:
    def __init__(self, calls: Sequence[ToolCall]) -> None:
        self.calls = calls
        self.seen: dict[int, str] = {}
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answered(json.dumps({"object": "list", "data": [{"id": "scripted", "object": "model"}]}))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])) or "{}")
                frames = model.frames(self.path, body)
                if body.get("stream") or "alt=sse" in self.path:
                    self.answered("".join(frames), "text/event-stream")
                else:
                    self.answered(next(frames))

            def answered(self, text: str, content_type: str = "application/json") -> None:
                self.send_response(200)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "ScriptedModel":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def frames(self, path: str, body: Json) -> Iterator[str]:
        if "/responses" in path:
            said = self.said(asked_by_responses(body))
            return responses_frames(said, bool(body.get("stream")))
        if "enerateContent" in path:
            said = self.said(asked_by_gemini(body))
            return gemini_frames(said, "alt=sse" in path)
        if "/chat/completions" not in path:
            return iter([json.dumps({"totalTokens": 1})])
        said = Said(LONG_ANSWER) if body.get("model") == LONG_MODEL else self.said(asked_by_completions(body))
        return completions_frames(said, bool(body.get("stream")))

    def said(self, asked: Asked) -> Said:
        """The next call: as many were made as there are results in the conversation."""
        for number, result in enumerate(asked.results):
            self.seen.setdefault(number, result)
        if len(asked.results) >= len(self.calls):
            return Said(DONE)
        call = self.calls[len(asked.results)]
        tool = next((tool for tool in asked.offered if tool.is_ours(call.tool)), None)
        return Said(call=call.arguments, tool=tool, id=f"call_{len(asked.results)}") if tool else Said(DONE)


def words_of(content: Any) -> str:
    """What stands in a message: text as it is, anything else as the JSON that it is sent as."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    return "\n".join(
        part["text"] if isinstance(part, dict) and isinstance(part.get("text"), str) else _json(part) for part in parts
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _event(value: Json, name: str = "") -> str:
    return (f"event: {name}\n" if name else "") + f"data: {json.dumps(value)}\n\n"


# --- chat completions ---


def asked_by_completions(body: Json) -> Asked:
    offered = [Offered(tool["function"]["name"]) for tool in body.get("tools") or [] if "function" in tool]
    return Asked(offered, [words_of(said["content"]) for said in body["messages"] if said["role"] == "tool"])


def completions_frames(said: Said, stream: bool) -> Iterator[str]:
    message: Json = {"role": "assistant", "content": said.words or None}
    if said.id:
        function = {"name": said.tool.name, "arguments": _json(said.call)}
        message["tool_calls"] = [{"index": 0, "id": said.id, "type": "function", "function": function}]
    head = {"id": "chatcmpl-1", "created": 1, "model": "scripted"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    reason = "tool_calls" if said.id else "stop"
    if not stream:
        choice = {"index": 0, "message": message, "finish_reason": reason}
        yield json.dumps({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
        return
    head["object"] = "chat.completion.chunk"
    yield _event({**head, "choices": [{"index": 0, "delta": message, "finish_reason": None}]})
    yield _event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    yield _event({**head, "choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


# --- Responses ---


def asked_by_responses(body: Json) -> Asked:
    offered: list[Offered] = []
    for tool in body.get("tools") or []:
        inner = tool.get("tools", []) if tool["type"] == "namespace" else [tool]
        space = tool["name"] if tool["type"] == "namespace" else ""
        offered += [Offered(one["name"], space) for one in inner if one.get("name")]
    items = body["input"] if isinstance(body["input"], list) else []
    return Asked(offered, [words_of(item["output"]) for item in items if item.get("type") == "function_call_output"])


def responses_frames(said: Said, stream: bool) -> Iterator[str]:
    if said.id:
        item: Json = {"type": "function_call", "id": f"fc_{said.id}", "call_id": said.id, "status": "completed"}
        item |= {"name": said.tool.name, "arguments": _json(said.call)}
        item |= {"namespace": said.tool.namespace} if said.tool.namespace else {}
    else:
        content = [{"type": "output_text", "text": said.words, "annotations": []}]
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    response = {"id": "resp_1", "object": "response", "model": "scripted", "output": [item], "usage": usage}
    if not stream:
        yield json.dumps({**response, "status": "completed"})
        return
    created = {**response, "output": [], "status": "in_progress"}
    done = {**response, "status": "completed"}
    yield _event({"type": "response.created", "response": created}, "response.created")
    for name in ("response.output_item.added", "response.output_item.done"):
        yield _event({"type": name, "output_index": 0, "item": item}, name)
    yield _event({"type": "response.completed", "response": done}, "response.completed")


# --- Gemini ---


def asked_by_gemini(body: Json) -> Asked:
    declared = [one for tool in body.get("tools") or [] for one in tool.get("functionDeclarations", [])]
    parts = [part for content in body.get("contents", []) for part in content.get("parts", [])]
    results = [_json(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part]
    return Asked([Offered(one["name"]) for one in declared], results)


def gemini_frames(said: Said, stream: bool) -> Iterator[str]:
    call = {"functionCall": {"id": said.id, "name": said.tool.name, "args": said.call}}
    content = {"role": "model", "parts": [call if said.id else {"text": said.words}]}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    candidate = {"index": 0, "content": content, "finishReason": "STOP"}
    reply = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "scripted"}
    yield _event(reply) if stream else json.dumps(reply)
