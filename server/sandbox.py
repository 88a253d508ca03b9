"""A stand-in DashScope on loopback, for the demo, the tests and people who build agents: no key, no cost.

Deterministic: the same request gets the same reply. It checks requests as DashScope does, its usage adds up, and a
model named `sandbox-<fault>` fails in that way. Every reply carries a header, so that no answer passes for a real one.
"""

import hashlib
import json
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .catalog import Model, Tier, shipped
from .hosts import SANDBOX_HEADER
from .listening import listen, root_url

CREATED = 1_790_000_000
# Model name -> (status, code, message), in DashScope's words: https://help.aliyun.com/zh/model-studio/error-code
REFUSALS = {
    "sandbox-bad-key": (401, "invalid_api_key", "Incorrect API key provided. "),
    "sandbox-arrearage": (400, "Arrearage", "Access denied, please make sure your account is in good standing."),
    "sandbox-content-filter": (400, "data_inspection_failed", "Input data may contain inappropriate content."),
    "sandbox-rate-limit": (429, "limit_requests", "You exceeded your current requests list."),
    "sandbox-free-quota": (403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted."),
    "sandbox-unavailable": (503, "ModelUnavailable", "Model is unavailable, please try again later."),
}
# Streams that go wrong after they began: cut, silent but for keep-alives, an error among the frames.
BROKEN_STREAMS = ("sandbox-cut", "sandbox-silent", "sandbox-error-in-stream")


@dataclass(frozen=True)
class Pace:
    """How a stream comes: seconds before each chunk, characters in it."""

    latency_s: float = 0
    chunk: int = 12


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def app(pace: Pace = Pace()) -> Starlette:
    async def chat_completions(request: Request) -> Response:
        body = await _body(request)
        _check(body, request.headers.get("authorization", ""))
        answer = _answer(body)
        if not body.get("stream"):
            return JSONResponse(_whole(body, answer), headers=_headers(body))
        frames = _stream(body, answer, pace)
        return StreamingResponse(frames, media_type="text/event-stream", headers=_headers(body))

    async def models(request: Request) -> Response:
        return JSONResponse(_model_list(request), headers={SANDBOX_HEADER: "1"})

    async def openai_models(_: Request) -> Response:
        data = [{"id": model.id, "object": "model"} for model in shipped().models if not model.retired]
        return JSONResponse({"object": "list", "data": data}, headers={SANDBOX_HEADER: "1"})

    routes = [
        Route("/compatible-mode/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/api/v1/models", models),
        Route("/compatible-mode/v1/models", openai_models),
    ]
    return Starlette(routes=routes, exception_handlers={Refusal: _refused})


@contextmanager
def running(pace: Pace = Pace()) -> Iterator[str]:
    """A sandbox on a free port of loopback, in a thread of its own; gives its root URL."""
    with listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(_config(pace))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield root_url(listening)
        finally:
            server.should_exit = True
            thread.join(timeout=2)


def serve(host: str, port: int, latency_ms: float, chunk: int) -> int:
    """Run the sandbox alone until it is stopped."""
    try:
        listening = listen(host, port)
    except OSError as error:
        sys.stderr.write(f"The sandbox cannot listen on {host}:{port}: {error.strerror}. Choose another --port.\n")
        return 2
    with listening:
        root = root_url(listening)
        sys.stderr.write(
            f"The sandbox runs. For bailian-mcp: DASHSCOPE_BASE_URL={root} and any DASHSCOPE_API_KEY.\n"
            f"For any OpenAI client: base URL {root}/compatible-mode/v1. Stop it with Ctrl-C.\n"
        )
        uvicorn.Server(_config(Pace(max(0, latency_ms) / 1000, max(1, chunk)))).run([listening])
    return 0


def _config(pace: Pace) -> uvicorn.Config:
    return uvicorn.Config(
        app(pace), log_config=None, access_log=False, timeout_graceful_shutdown=1, ws="none", lifespan="off"
    )


# --- a request, checked as DashScope checks it ---


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "invalid_request_error", "Required body invalid, please check the request body format.")
    return body


def _invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_parameter_error", message)


def _check(body: dict[str, Any], authorization: str) -> None:
    name = str(body.get("model"))
    if not authorization.removeprefix("Bearer ").strip():
        raise Refusal(401, "invalid_api_key", "You didn't provide an API key.")
    if name in REFUSALS:
        raise Refusal(*REFUSALS[name])
    model = shipped().find(name)
    if model is None and name not in BROKEN_STREAMS:
        raise Refusal(404, "model_not_found", f"The model `{name}` does not exist or you do not have access to it.")
    messages = body.get("messages") or []
    if not all(isinstance(message, dict) for message in messages):
        raise _invalid("Input should be a valid dictionary: messages")
    if not any(message.get("role") == "user" for message in messages):
        raise _invalid("The input messages do not contain elements with the role of user.")
    if body.get("stream_options") and not body.get("stream"):
        raise _invalid("The stream_options parameter is only allowed when stream is true.")
    if model:
        _check_for(model, body, messages)


def _check_for(model: Model, body: dict[str, Any], messages: list[Any]) -> None:
    if model.thinking and model.thinking.mode == "only" and body.get("enable_thinking") is False:
        raise _invalid("The value of the enable_thinking parameter is restricted to True.")
    if (
        model.input
        and "image" not in model.input
        and any(isinstance(message.get("content"), list) for message in messages)
    ):
        raise _invalid("input content must be a string.")
    if (words := sum(len(_text_of(message)) for message in messages)) > (most := model.limits.max_input or words):
        raise _invalid(f"Range of input length should be [1, {most}]")
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or 1
    if not isinstance(limit, int):
        raise _invalid("Input should be a valid integer: max_tokens")
    if limit > (most := model.limits.max_output or limit):
        raise _invalid(f"Range of max_tokens should be [1, {most}]")


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    error = {"message": refusal.message, "type": refusal.code, "param": None, "code": refusal.code}
    request_id = str(uuid.uuid5(uuid.NAMESPACE_URL, refusal.message))
    return JSONResponse({"error": error, "request_id": request_id}, refusal.status, headers={SANDBOX_HEADER: "1"})


# --- a reply ---


@dataclass(frozen=True)
class Answer:
    reasoning: str
    text: str
    finish_reason: str


def _answer(body: dict[str, Any]) -> Answer:
    text = f"这是沙箱的回答，没有调用任何模型。收到的问题是：{_text_of(body['messages'][-1])[:200]}"
    reasoning = "这是沙箱的示例推理，没有调用任何模型。" if _thinks(body) else ""
    whole = Answer(reasoning, text, "stop")
    if most := body.get("max_completion_tokens"):  # reasoning included
        return _cut(whole, reasoning[:most], text[: max(0, most - len(reasoning))])
    return _cut(whole, reasoning, text[: body.get("max_tokens")])


def _cut(whole: Answer, reasoning: str, text: str) -> Answer:
    cut = (reasoning, text) != (whole.reasoning, whole.text)
    return Answer(reasoning, text, "length" if cut else "stop")


def _thinks(body: dict[str, Any]) -> bool:
    model = shipped().find(body["model"])
    if model is None or model.thinking is None or model.thinking.mode == "none":
        return False
    return bool(body.get("enable_thinking", model.thinking.default or model.thinking.mode == "only"))


def _usage(body: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """Counts that add up: a token a character, 100 an image."""
    words = sum(len(_text_of(message)) for message in body["messages"])
    images = 100 * sum(len(_images_of(message)) for message in body["messages"])
    reasoning, said = len(answer.reasoning), len(answer.text)
    return {
        "prompt_tokens": words + images,
        "completion_tokens": reasoning + said,
        "total_tokens": words + images + reasoning + said,
        "prompt_tokens_details": {"cached_tokens": 0, "text_tokens": words, "image_tokens": images},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "text_tokens": reasoning + said},
    }


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _images_of(message: dict[str, Any]) -> list[Any]:
    content = message.get("content")
    return [part for part in content if "image_url" in part] if isinstance(content, list) else []


def _whole(body: dict[str, Any], answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text, "reasoning_content": answer.reasoning}
    choice = {"message": message, "finish_reason": answer.finish_reason, "index": 0, "logprobs": None}
    return {"choices": [choice], "object": "chat.completion", "usage": _usage(body, answer), **_identity(body)}


async def _stream(body: dict[str, Any], answer: Answer, pace: Pace) -> AsyncIterator[str]:
    fault = body["model"]
    deltas = [
        {"role": "assistant", "content": None, "reasoning_content": ""},
        *({"content": None, "reasoning_content": piece} for piece in _pieces(answer.reasoning, pace.chunk)),
        *({"content": piece, "reasoning_content": None} for piece in _pieces(answer.text, pace.chunk)),
    ]
    for number, delta in enumerate(deltas):
        await anyio.sleep(pace.latency_s)
        if number == 3 and fault in BROKEN_STREAMS:
            async for line in _broken(fault):
                yield line
            return
        yield _frame(body, [{"delta": delta, "index": 0, "logprobs": None, "finish_reason": None}])
    yield _frame(body, [{"delta": {"content": ""}, "index": 0, "finish_reason": answer.finish_reason}])
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _frame(body, [], _usage(body, answer))
    yield "data: [DONE]\n\n"


async def _broken(fault: str) -> AsyncIterator[str]:
    if fault == "sandbox-error-in-stream":
        error = {"message": "Output data may contain inappropriate content.", "code": "data_inspection_failed"}
        yield f"data: {json.dumps({'error': error})}\n\n"
    while fault == "sandbox-silent":
        yield ": keep-alive\n\n"
        await anyio.sleep(1)


def _frame(body: dict[str, Any], choices: list[Any], usage: dict[str, Any] | None = None) -> str:
    chunk = {"choices": choices, "object": "chat.completion.chunk", "usage": usage, **_identity(body)}
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"


def _identity(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "created": CREATED,
        "system_fingerprint": None,
        "model": body["model"],
        "id": f"chatcmpl-{_request_id(body)}",
    }


def _headers(body: dict[str, Any]) -> dict[str, str]:
    return {SANDBOX_HEADER: "1", "x-request-id": _request_id(body)}


def _request_id(body: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return str(uuid.UUID(digest[:32]))


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _model_list(request: Request) -> dict[str, Any]:
    """`GET /api/v1/models`: https://help.aliyun.com/zh/model-studio/list-models"""
    asked = (request.query_params.get(name, default) for name, default in (("page_no", "1"), ("page_size", "20")))
    page, size = (int(number) if number.isdecimal() else 1 for number in asked)
    known = [model for model in shipped().models if not model.retired]
    output = {"total": len(known), "page_no": page, "page_size": size}
    shown = [_listed(model) for model in known[(page - 1) * size : page * size]]
    return {
        "code": None,
        "message": None,
        "success": True,
        "request_id": "sandbox",
        "output": {**output, "models": shown},
    }


def _listed(model: Model) -> dict[str, Any]:
    limits = model.limits
    info = {
        "context_window": limits.context,
        "max_input_tokens": limits.max_input,
        "max_output_tokens": limits.max_output,
        "max_reasoning_tokens": limits.max_reasoning,
    }
    ranges = [_price_range(tier) for price in model.prices_in("cn-beijing")[:1] for tier in price.tiers]
    return {"model": model.id, "name": model.id, "provider": model.vendor, "prices": ranges, "model_info": info}


def _price_range(tier: Tier) -> dict[str, Any]:
    unit = {"price_unit": "每百万tokens"}
    prices = [{"type": "input_token", "price": str(tier.text_input), "price_name": "输入", **unit}]
    if tier.output is not None:
        prices.append({"type": "output_token", "price": str(tier.output), "price_name": "输出", **unit})
    return {"range_name": tier.label, "prices": prices}
