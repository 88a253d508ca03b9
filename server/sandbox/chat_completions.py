"""OpenAI-compatible chat completions, as DashScope says them.

Page: https://help.aliyun.com/zh/model-studio/qwen-api-via-openai-chat-completions
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from .calling import SandboxCall
from .protocols import CREATED, as_json, in_pieces
from .replies import SandboxReply, counts
from .requests import ApiRefusal, SandboxRequest
from .speech import VOICE


class Chat:
    """OpenAI-compatible chat completions: a usage frame without choices, then [DONE]."""

    def whole(self, asked: SandboxRequest, given: SandboxReply) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": given.text, "reasoning_content": given.reasoning}
        if given.calls:
            message |= {"tool_calls": tool_calls(asked, given.calls)}
        message |= {"annotations": [VOICE]} if asked.hears and given.text else {}
        choice = {"message": message, "finish_reason": given.finish_reason, "logprobs": None}
        choices = [{**choice, "index": index} for index in range(given.choices)]
        usage = self._usage(asked, given)
        return {"choices": choices, "object": "chat.completion", "usage": usage, **self._identity(asked)}

    def frames(self, asked: SandboxRequest, given: SandboxReply, chunk: int) -> Iterator[str]:
        for index in range(given.choices):
            for delta in self._deltas(asked, given, chunk):
                yield self._frame(asked, [{"delta": delta, "index": index, "logprobs": None, "finish_reason": None}])
            end = {"delta": {"content": ""}, "index": index, "finish_reason": given.finish_reason}
            yield self._frame(asked, [end])
        if (asked.options.get("stream_options") or {}).get("include_usage"):
            yield self._frame(asked, [], self._usage(asked, given))
        yield "data: [DONE]\n\n"

    def _deltas(self, asked: SandboxRequest, given: SandboxReply, chunk: int) -> Iterator[dict[str, Any]]:
        yield {"role": "assistant", "content": None, "reasoning_content": ""}
        for piece in in_pieces(given.reasoning, chunk):
            yield {"content": None, "reasoning_content": piece}
        for piece in self._texts(asked, given.text, chunk):
            yield {"content": piece, "reasoning_content": None}
        for number, begun in enumerate(tool_calls(asked, given.calls)):
            yield {"content": None, "tool_calls": [{**begun, "function": {**begun["function"], "arguments": ""}}]}
            for piece in in_pieces(given.calls[number].arguments, chunk):  # without an id, as the real one sends them
                rest = {"index": number, "id": "", "type": "function", "function": {"arguments": piece}}
                yield {"tool_calls": [rest]}

    def _texts(self, asked: SandboxRequest, text: str, chunk: int) -> Iterator[str]:
        """Some models repeat the text so far: https://help.aliyun.com/zh/model-studio/qwen-mt-api"""
        pieces = in_pieces(text, chunk)
        return accumulate(pieces) if asked.model and asked.model.cumulative else iter(pieces)

    def error(self, code: str, message: str) -> str:
        return f"data: {as_json({'error': {'message': message, 'code': code}})}\n\n"

    def refusal(self, refusal: ApiRefusal, request_id: str) -> dict[str, Any]:
        error = {"message": refusal.message, "type": refusal.code, "param": None, "code": refusal.code}
        return {"error": error, "request_id": request_id}

    def _frame(self, asked: SandboxRequest, choices: list[Any], usage: dict[str, Any] | None = None) -> str:
        chunk = {"choices": choices, "object": "chat.completion.chunk", "usage": usage, **self._identity(asked)}
        return f"data: {as_json(chunk)}\n\n"

    def _usage(self, asked: SandboxRequest, given: SandboxReply) -> dict[str, Any]:
        used = counts(asked, given)
        totals = {
            "prompt_tokens": used.read,
            "completion_tokens": used.wrote,
            "total_tokens": used.read + used.wrote,
        }
        if asked.model and asked.model.type == "translation":  # which says no more
            return {**totals, "prompt_tokens_details": None, "completion_tokens_details": None}
        return {
            **totals,
            "prompt_tokens_details": {"cached_tokens": 0, **used.details},
            "completion_tokens_details": {"reasoning_tokens": used.reasoning, "text_tokens": used.wrote},
            **({} if used.seconds is None else {"seconds": used.seconds}),
            **_parsed(given if asked.options.get("include_tool_usage") else None),
        }

    def _identity(self, asked: SandboxRequest) -> dict[str, Any]:
        identity = f"chatcmpl-{asked.request_id}"
        return {"created": CREATED, "system_fingerprint": None, "model": asked.name, "id": identity}


def tool_calls(asked: SandboxRequest, calls: Sequence[SandboxCall]) -> list[dict[str, Any]]:
    """Each with an id of its own."""
    ids = [f"call_{asked.request_id}{f'_{number}' if number else ''}" for number in range(len(calls))]
    functions = [{"name": call.name, "arguments": call.arguments} for call in calls]
    return [
        {"index": number, "id": id, "type": "function", "function": function}
        for number, (id, function) in enumerate(zip(ids, functions, strict=True))
    ]


def _parsed(given: SandboxReply | None) -> dict[str, Any]:
    """PDF pages are told only if asked for."""
    return {"x_tools": {"pdf_page_parser": {"count": given.pdf_pages}}} if given and given.pdf_pages else {}
