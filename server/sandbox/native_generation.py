"""DashScope's own generation protocol, at its text and its multimodal endpoint.

Page: https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, count
from typing import Any

from .chat_completions import tool_calls
from .protocols import as_json, in_pieces
from .replies import SandboxReply, counts
from .requests import ApiRefusal, SandboxRequest
from .speech import VOICE

# The page: where nothing is said, the result is text and a stream repeats itself, but of these models and in thinking;
# a multimodal model has the message form only.
MESSAGE_BY_DEFAULT = re.compile(r"qwen3(?!-next-80b-a3b-instruct)|qwq|qwen-long")
INCREMENTAL_BY_DEFAULT = re.compile(r"qwen3|qwq|qvq")
# What the compatible paths call otherwise: https://help.aliyun.com/zh/model-studio/error-code
NATIVE_CODES = {
    "invalid_api_key": "InvalidApiKey",
    "model_not_found": "ModelNotFound",
    "invalid_parameter_error": "InvalidParameter",
    "invalid_request_error": "InvalidParameter",
    "data_inspection_failed": "DataInspectionFailed",
    "limit_requests": "Throttling.RateQuota",
}
KEY_MESSAGE = "Invalid API-key provided."


@dataclass(frozen=True)
class _Step:
    """What one frame says, or the whole reply."""

    text: str
    reasoning: str = ""
    pages: tuple[dict[str, Any], ...] = ()
    reason: str = "null"
    last: bool = False


class Native:
    """Usage in every frame, `finish_reason` "null" until the end, later source lists empty."""

    def whole(self, asked: SandboxRequest, given: SandboxReply) -> dict[str, Any]:
        step = _Step(given.text, given.reasoning, given.pages, given.finish_reason, last=True)
        return self._reply(asked, given, step, range(given.choices))

    def frames(self, asked: SandboxRequest, given: SandboxReply, chunk: int) -> Iterator[str]:
        numbers = count(1)
        for index in range(given.choices):
            steps = _steps(asked, given, chunk)
            for number, (text, reasoning, pages) in enumerate(steps, 1):
                last = number == len(steps)
                step = _Step(text, reasoning, pages, given.finish_reason if last else "null", last)
                yield _numbered(next(numbers), self._reply(asked, given, step, range(index, index + 1)))

    def error(self, code: str, message: str) -> str:
        reply = {"code": NATIVE_CODES.get(code, code), "message": message, "request_id": "sandbox"}
        return f"id:9\nevent:error\n:HTTP_STATUS/400\ndata:{as_json(reply)}\n\n"

    def refusal(self, refusal: ApiRefusal, request_id: str) -> dict[str, Any]:
        message = KEY_MESSAGE if refusal.code == "invalid_api_key" else refusal.message
        return {"code": NATIVE_CODES.get(refusal.code, refusal.code), "message": message, "request_id": request_id}

    def _reply(self, asked: SandboxRequest, given: SandboxReply, step: _Step, indexes: range) -> dict[str, Any]:
        if _says_text(asked) and not given.calls:
            output: dict[str, Any] = {"text": step.text, "finish_reason": step.reason}
        else:
            choice = {"message": _message(asked, given, step), "finish_reason": step.reason}
            numbered = [{**choice, "index": index} for index in indexes] if given.choices > 1 else [choice]
            output = {"choices": numbered}
        if given.pages:
            output["search_info"] = {"extra_tool_info": [], "search_results": list(step.pages)}
        return {"output": output, "usage": self._usage(asked, given), "request_id": asked.request_id}

    def _usage(self, asked: SandboxRequest, given: SandboxReply) -> dict[str, Any]:
        used = counts(asked, given)
        if used.seconds is not None:  # without a sum
            written = {"output_tokens_details": {"text_tokens": used.wrote}}
            return {"input_tokens_details": {"text_tokens": used.words}, **written, "seconds": used.seconds}
        strategy = (asked.search or {}).get("search_strategy", "turbo")
        plugins = {"plugins": {"search": {"count": given.searches, "strategy": strategy}}} if given.searches else {}
        return {
            "input_tokens": used.read,
            "output_tokens": used.wrote,
            "total_tokens": used.read + used.wrote,
            "input_tokens_details": used.details,
            "output_tokens_details": {"reasoning_tokens": used.reasoning, "text_tokens": used.wrote},
            **plugins,
        }


def _says_text(asked: SandboxRequest) -> bool:
    if asked.endpoint == "multimodal-generation" or asked.thinks:
        return False
    default = "message" if MESSAGE_BY_DEFAULT.match(asked.name) else "text"
    return (asked.options.get("result_format") or default) == "text"


def _message(asked: SandboxRequest, given: SandboxReply, step: _Step) -> dict[str, Any]:
    found = {"ocr_result": given.recognised} if given.recognised and step.last else {}
    content: Any = [{**found, "text": step.text}] if asked.endpoint == "multimodal-generation" else step.text
    if asked.hears:
        voice = {"annotations": [VOICE]} if step.text else {}
        return {"role": "assistant", "content": [{"text": step.text}] if step.text else [], **voice}
    message = {"role": "assistant", "content": content, "reasoning_content": step.reasoning}
    return {**message, "tool_calls": tool_calls(asked, given.calls)} if given.calls and step.last else message


def _steps(asked: SandboxRequest, given: SandboxReply, chunk: int) -> list[tuple[str, str, tuple[dict[str, Any], ...]]]:
    """Text, reasoning and pages of each frame."""
    sources = given.pages if (asked.search or {}).get("enable_source") else ()
    prepended = bool((asked.search or {}).get("prepend_search_result"))
    said = [("", piece) for piece in in_pieces(given.reasoning, chunk)]
    said += [(piece, "") for piece in in_pieces(given.text, chunk)] or [("", "")]
    said = said if _incremental(asked) else _repeated(said)
    steps = [("", "", sources)] if sources and prepended else []
    steps += [(text, reasoning, ()) for text, reasoning in said]
    if sources and not prepended:
        steps[-1] = (*steps[-1][:2], sources)
    return steps


def _incremental(asked: SandboxRequest) -> bool:
    chosen = asked.options.get("incremental_output")
    return bool(asked.thinks or INCREMENTAL_BY_DEFAULT.match(asked.name)) if chosen is None else bool(chosen)


def _repeated(said: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each piece with all that came before it."""
    texts, reasonings = (accumulate(pieces) for pieces in zip(*said, strict=True))
    return list(zip(texts, reasonings, strict=True))


def _numbered(number: int, reply: dict[str, Any]) -> str:
    return f"id:{number}\nevent:result\n:HTTP_STATUS/200\ndata:{as_json(reply)}\n\n"
