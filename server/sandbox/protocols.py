"""How each protocol says an answer: whole, or as the frames of a stream. Awkward where DashScope is.

Pages: qwen-api-via-openai-chat-completions, qwen-api-via-dashscope and qwen-api-via-openai-responses of
https://help.aliyun.com/zh/model-studio/
"""

import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

import anyio

from .replies import SandboxReply, counts
from .requests import BROKEN_STREAMS, FILTERED_PAGES, ApiRefusal, SandboxRequest

CREATED = 1_790_000_000
OUTPUT_FILTERED = {"message": "Output data may contain inappropriate content.", "code": "data_inspection_failed"}


@dataclass(frozen=True)
class Pace:
    """How a stream comes: seconds before each chunk, characters in it."""

    latency_s: float = 0
    chunk: int = 12


STEADY = Pace()


class WireFormat(Protocol):
    def whole(self, asked: SandboxRequest, given: SandboxReply) -> dict[str, Any]: ...

    def frames(self, asked: SandboxRequest, given: SandboxReply, chunk: int) -> Iterator[str]: ...

    def error(self, code: str, message: str) -> str:
        """An error among the frames."""
        ...

    def refusal(self, refusal: ApiRefusal, request_id: str) -> dict[str, Any]: ...


async def frames_of(wire: WireFormat, asked: SandboxRequest, given: SandboxReply, pace: Pace) -> AsyncIterator[str]:
    """The frames, at that pace, and broken where the model's name asks for it."""
    found = False
    for number, frame in enumerate(wire.frames(asked, given, pace.chunk)):
        await anyio.sleep(pace.latency_s)
        if number == 3 and asked.name in BROKEN_STREAMS:
            async for line in _broken(wire, asked.name):
                yield line
            return
        if found and asked.name == FILTERED_PAGES:
            yield wire.error("DataInspectionFailed", "Input data may contain inappropriate content.")
            return
        yield frame
        found = found or any(page["url"] in frame for page in given.pages)


async def _broken(wire: WireFormat, fault: str) -> AsyncIterator[str]:
    if fault == "sandbox-error-in-stream":
        yield wire.error(OUTPUT_FILTERED["code"], OUTPUT_FILTERED["message"])
    while fault == "sandbox-silent":
        yield ": keep-alive\n\n"
        await anyio.sleep(1)


def request_id(asked: SandboxRequest) -> str:
    digest = hashlib.sha256(json.dumps(asked.body, sort_keys=True).encode()).hexdigest()
    return str(uuid.UUID(digest[:32]))


def _parsed(given: SandboxReply | None) -> dict[str, Any]:
    """PDF pages are told only if asked for."""
    return {"x_tools": {"pdf_page_parser": {"count": given.pdf_pages}}} if given and given.pdf_pages else {}


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


class Chat:
    """OpenAI-compatible chat completions: a usage frame without choices, then [DONE]."""

    def whole(self, asked: SandboxRequest, given: SandboxReply) -> dict[str, Any]:
        message = {"role": "assistant", "content": given.text, "reasoning_content": given.reasoning}
        choice = {"message": message, "finish_reason": given.finish_reason, "index": 0, "logprobs": None}
        usage = self._usage(asked, given)
        return {"choices": [choice], "object": "chat.completion", "usage": usage, **self._identity(asked)}

    def frames(self, asked: SandboxRequest, given: SandboxReply, chunk: int) -> Iterator[str]:
        deltas = [
            {"role": "assistant", "content": None, "reasoning_content": ""},
            *({"content": None, "reasoning_content": piece} for piece in _pieces(given.reasoning, chunk)),
            *({"content": piece, "reasoning_content": None} for piece in self._texts(asked, given.text, chunk)),
        ]
        for delta in deltas:
            yield self._frame(asked, [{"delta": delta, "index": 0, "logprobs": None, "finish_reason": None}])
        yield self._frame(asked, [{"delta": {"content": ""}, "index": 0, "finish_reason": given.finish_reason}])
        if (asked.options.get("stream_options") or {}).get("include_usage"):
            yield self._frame(asked, [], self._usage(asked, given))
        yield "data: [DONE]\n\n"

    def _texts(self, asked: SandboxRequest, text: str, chunk: int) -> Iterator[str]:
        """Some models repeat the text so far: https://help.aliyun.com/zh/model-studio/qwen-mt-api"""
        pieces = _pieces(text, chunk)
        return accumulate(pieces) if asked.model and asked.model.cumulative else iter(pieces)

    def error(self, code: str, message: str) -> str:
        return f"data: {_json({'error': {'message': message, 'code': code}})}\n\n"

    def refusal(self, refusal: ApiRefusal, request_id: str) -> dict[str, Any]:
        error = {"message": refusal.message, "type": refusal.code, "param": None, "code": refusal.code}
        return {"error": error, "request_id": request_id}

    def _frame(self, asked: SandboxRequest, choices: list[Any], usage: dict[str, Any] | None = None) -> str:
        chunk = {"choices": choices, "object": "chat.completion.chunk", "usage": usage, **self._identity(asked)}
        return f"data: {_json(chunk)}\n\n"

    def _usage(self, asked: SandboxRequest, given: SandboxReply) -> dict[str, Any]:
        used = counts(asked, given)
        return {
            "prompt_tokens": used.read,
            "completion_tokens": used.wrote,
            "total_tokens": used.read + used.wrote,
            "prompt_tokens_details": {"cached_tokens": 0, "text_tokens": used.words, "image_tokens": used.images},
            "completion_tokens_details": {"reasoning_tokens": used.reasoning, "text_tokens": used.wrote},
            **_parsed(given if asked.options.get("include_tool_usage") else None),
        }

    def _identity(self, asked: SandboxRequest) -> dict[str, Any]:
        identity = f"chatcmpl-{request_id(asked)}"
        return {"created": CREATED, "system_fingerprint": None, "model": asked.name, "id": identity}


class Native:
    """DashScope's own: usage in every frame, `finish_reason` "null" until the end, later source lists empty."""

    def whole(self, asked: SandboxRequest, given: SandboxReply) -> dict[str, Any]:
        return self._reply(asked, given, given.text, given.reasoning, given.finish_reason, given.pages, True)

    def frames(self, asked: SandboxRequest, given: SandboxReply, chunk: int) -> Iterator[str]:
        sources = given.pages if (asked.search or {}).get("enable_source") else ()
        prepended = bool((asked.search or {}).get("prepend_search_result"))
        said = [("", piece) for piece in _pieces(given.reasoning, chunk)]
        said += [(piece, "") for piece in _pieces(given.text, chunk)] or [("", "")]
        steps = [("", "", sources)] if sources and prepended else []
        steps += [(text, reasoning, ()) for text, reasoning in said]
        if sources and not prepended:
            steps[-1] = (*steps[-1][:2], sources)
        for number, (text, reasoning, pages) in enumerate(steps, 1):
            last = number == len(steps)
            reply = self._reply(asked, given, text, reasoning, given.finish_reason if last else "null", pages, last)
            yield _numbered(number, reply)

    def error(self, code: str, message: str) -> str:
        reply = {"code": code, "message": message, "request_id": "sandbox"}
        return f"id:9\nevent:error\n:HTTP_STATUS/400\ndata:{_json(reply)}\n\n"

    def refusal(self, refusal: ApiRefusal, request_id: str) -> dict[str, Any]:
        return {"code": refusal.code, "message": refusal.message, "request_id": request_id}

    def _reply(
        self,
        asked: SandboxRequest,
        given: SandboxReply,
        text: str,
        reasoning: str,
        reason: str,
        pages: tuple[dict[str, Any], ...],
        last: bool,
    ) -> dict[str, Any]:
        found = {"ocr_result": given.recognised} if given.recognised and last else {}
        content: Any = [{**found, "text": text}] if asked.endpoint == "multimodal-generation" else text
        message = {"role": "assistant", "content": content, "reasoning_content": reasoning}
        output: dict[str, Any] = {"choices": [{"message": message, "finish_reason": reason}]}
        if given.pages:
            output["search_info"] = {"extra_tool_info": [], "search_results": list(pages)}
        return {"output": output, "usage": self._usage(asked, given), "request_id": request_id(asked)}

    def _usage(self, asked: SandboxRequest, given: SandboxReply) -> dict[str, Any]:
        used = counts(asked, given)
        strategy = (asked.search or {}).get("search_strategy", "turbo")
        plugins = {"plugins": {"search": {"count": given.searches, "strategy": strategy}}} if given.searches else {}
        return {
            "input_tokens": used.read,
            "output_tokens": used.wrote,
            "total_tokens": used.read + used.wrote,
            "input_tokens_details": {"text_tokens": used.words, "image_tokens": used.images},
            "output_tokens_details": {"reasoning_tokens": used.reasoning, "text_tokens": used.wrote},
            **plugins,
        }


def _numbered(number: int, reply: dict[str, Any]) -> str:
    return f"id:{number}\nevent:result\n:HTTP_STATUS/200\ndata:{_json(reply)}\n\n"


class ResponsesApi:
    """The Responses API: a search is an item of its own, with the addresses of its pages only."""

    def whole(self, asked: SandboxRequest, given: SandboxReply) -> dict[str, Any]:
        found = {"ocr_result": given.recognised} if given.recognised else {}
        content = [{"type": "output_text", "text": given.text, "annotations": [], **found}]
        message = {"type": "message", "id": "msg_2", "role": "assistant", "status": "completed", "content": content}
        whole = given.finish_reason == "stop"
        return {
            "id": request_id(asked),
            "object": "response",
            "created_at": CREATED,
            "model": asked.name,
            "output": [*self._searched(given), message],
            "status": "completed" if whole else "incomplete",
            "incomplete_details": None if whole else {"reason": "max_output_tokens"},
            "usage": self._usage(asked, given),
        }

    def frames(self, asked: SandboxRequest, given: SandboxReply, chunk: int) -> Iterator[str]:
        whole = self.whole(asked, given)
        begun = {**whole, "output": [], "status": "queued", "usage": None}
        yield self._event("response.created", response=begun)
        for item in self._searched(given):
            yield self._event("response.web_search_call.searching", item_id=item["id"])
            yield self._event("response.output_item.done", item=item, output_index=0)
        for piece in _pieces(given.reasoning, chunk):
            yield self._event("response.reasoning_summary_text.delta", delta=piece)
        for piece in _pieces(given.text, chunk):
            yield self._event("response.output_text.delta", delta=piece)
        yield self._event(f"response.{whole['status']}", response=whole)

    def error(self, code: str, message: str) -> str:
        return self._event("response.failed", response={"error": {"code": code, "message": message}})

    def refusal(self, refusal: ApiRefusal, request_id: str) -> dict[str, Any]:
        return Chat().refusal(refusal, request_id)

    def _event(self, name: str, **more: Any) -> str:
        return f"event: {name}\ndata: {_json({'type': name, **more})}\n\n"

    def _searched(self, given: SandboxReply) -> list[dict[str, Any]]:
        if not given.pages:
            return []
        sources = [{"type": "url", "url": page["url"]} for page in given.pages]
        action = {"type": "search", "query": "Web search", "sources": sources}
        return [{"type": "web_search_call", "id": "msg_1", "status": "completed", "action": action}]

    def _usage(self, asked: SandboxRequest, given: SandboxReply) -> dict[str, Any]:
        used = counts(asked, given)
        return {
            "input_tokens": used.read,
            "output_tokens": used.wrote,
            "total_tokens": used.read + used.wrote,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": used.reasoning},
            **({"x_tools": {"web_search": {"count": given.searches}}} if given.searches else {}),
        }
