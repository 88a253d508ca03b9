"""The sandbox's embeddings and rerank, in both forms: texts that share characters are near, and nothing is understood.

Pages: https://help.aliyun.com/zh/model-studio/text-embedding-synchronous-api and .../text-rerank-api
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any
from zlib import crc32

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..catalog import Model, shipped
from ..endpoints import SANDBOX_HEADER
from .chat_completions import Chat
from .native_generation import Native
from .requests import REFUSALS, ApiRefusal, as_dict, as_list, body_of, id_of

DEFAULT_DIMENSION, SANDBOX_TEXTS, SANDBOX_DOCUMENTS = 1_024, 20, 500
GRAM_CHARS = (1, 2, 3)
NATIVE_ONLY = ("gte-rerank-v2", "qwen3-vl-rerank")
Row = dict[str, Any]


@dataclass(frozen=True)
class NumbersAsked:
    """One request, whichever form it had. `native`: that of DashScope's own."""

    native: bool
    name: str
    texts: list[str]
    options: Mapping[str, Any]
    query: str = ""

    @property
    def tokens(self) -> int:
        """A token a character; the query is read once for each document."""
        return sum(map(len, self.texts)) + len(self.query) * len(self.texts)

    @property
    def wire(self) -> Chat | Native:
        return Native() if self.native else Chat()


def number_routes() -> list[Route]:
    given: dict[str, Callable[[Request], Any]] = {
        "/compatible-mode/v1/embeddings": _embeddings,
        "/api/v1/services/embeddings/text-embedding/text-embedding": _embeddings,
        "/compatible-api/v1/reranks": _reranks,
        "/api/v1/services/rerank/text-rerank/text-rerank": _reranks,
    }
    return [Route(path, endpoint, methods=["POST"]) for path, endpoint in given.items()]


async def _embeddings(request: Request) -> Response:
    return await _answered(request, _embedding_asked, _check_embedding, _embedded)


async def _reranks(request: Request) -> Response:
    return await _answered(request, _rerank_asked, _check_rerank, _reranked)


async def _answered(
    request: Request,
    read: Callable[[Mapping[str, Any], bool], NumbersAsked],
    check: Callable[[NumbersAsked, Model], None],
    answer: Callable[[NumbersAsked], dict[str, Any]],
) -> Response:
    native, headers = request.url.path.startswith("/api/"), {SANDBOX_HEADER: "1"}
    try:
        body = await body_of(request)
        asked = read(body, native)
        check(asked, _known(asked, request.headers.get("authorization", "")))
    except ApiRefusal as refusal:
        wire = Native() if native else Chat()
        return JSONResponse(wire.refusal(refusal, "sandbox"), refusal.status, headers=headers)
    named = id_of(body)
    given = {**answer(asked), ("request_id" if native else "id"): named}
    return JSONResponse(given, headers={**headers, "x-request-id": named})


# --- what is asked ---


def _embedding_asked(body: Mapping[str, Any], native: bool) -> NumbersAsked:
    given = as_dict(body.get("input")).get("texts") if native else body.get("input")
    texts = [given] if isinstance(given, str) else as_list(given)
    options = as_dict(body.get("parameters")) if native else body
    return NumbersAsked(native, str(body.get("model")), texts, options)


def _rerank_asked(body: Mapping[str, Any], native: bool) -> NumbersAsked:
    given = as_dict(body.get("input")) if native else body
    options = as_dict(body.get("parameters")) if native else body
    return NumbersAsked(
        native, str(body.get("model")), as_list(given.get("documents")), options, str(given.get("query") or "")
    )


def _known(asked: NumbersAsked, authorization: str) -> Model:
    if not authorization.removeprefix("Bearer ").strip():
        raise ApiRefusal(401, "invalid_api_key", "You didn't provide an API key.")
    if asked.name in REFUSALS:
        raise ApiRefusal(*REFUSALS[asked.name])
    if (model := shipped().find(asked.name)) is None:
        raise ApiRefusal(404, "model_not_found", f"The model `{asked.name}` does not exist or you do not have access.")
    if not all(isinstance(text, str) and text for text in asked.texts) or not asked.texts:
        raise _invalid("Input should be a valid list of texts, none of them empty: input.texts")
    return model


def _check_embedding(asked: NumbersAsked, model: Model) -> None:
    if model.type != "embedding" or "image" in model.input or "-async-" in model.id:
        raise _elsewhere(asked)
    _require_count(len(asked.texts), model.limits.max_texts or SANDBOX_TEXTS)
    _require_length(max(map(len, asked.texts)), model.limits.max_input_per_text)
    _require_length(asked.tokens, model.limits.max_input)
    known = model.limits.dimensions
    if known and _dimension(asked) not in known:
        raise _invalid(f"dimension should be in {list(known)}")
    if asked.options.get("instruct") and asked.options.get("text_type") != "query":
        raise _invalid("instruct is for text_type=query only")
    if asked.options.get("output_type") not in (None, "dense"):
        raise _invalid("The sandbox makes dense vectors only.")


def _check_rerank(asked: NumbersAsked, model: Model) -> None:
    if model.type != "rerank" or (not asked.native and model.id in NATIVE_ONLY):
        raise _elsewhere(asked)
    if not asked.query:
        raise _invalid("Required parameter query is missing.")
    _require_count(len(asked.texts), model.limits.max_documents or SANDBOX_DOCUMENTS)
    _require_length(max(map(len, (asked.query, *asked.texts))), model.limits.max_input_per_document)
    _require_length(asked.tokens, model.limits.max_input)


def _invalid(message: str) -> ApiRefusal:
    return ApiRefusal(400, "invalid_parameter_error", message)


def _elsewhere(asked: NumbersAsked) -> ApiRefusal:
    if asked.native:
        return _invalid("url error, please check url！")
    return ApiRefusal(404, "model_not_supported", f"Unsupported model `{asked.name}` for OpenAI compatibility mode.")


def _require_count(count: int, most: int) -> None:
    if count > most:
        raise _invalid(f"Value error, batch size is invalid, it should not be larger than {most}.: input.contents")


def _require_length(length: int, most: int | None) -> None:
    if most and length > most:
        raise _invalid(f"Range of input length should be [1, {most}]")


# --- what is answered ---


def _embedded(asked: NumbersAsked) -> dict[str, Any]:
    vectors = [_vector_of(text, _dimension(asked)) for text in asked.texts]
    if asked.native:
        rows: Sequence[Row] = [{"text_index": at, "embedding": vector} for at, vector in enumerate(vectors)]
        return {"output": {"embeddings": rows}, "usage": {"total_tokens": asked.tokens}}
    rows = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    usage = {"prompt_tokens": asked.tokens, "total_tokens": asked.tokens}
    return {"object": "list", "data": rows, "model": asked.name, "usage": usage}


def _reranked(asked: NumbersAsked) -> dict[str, Any]:
    scored = sorted(((_overlap(asked.query, text), -at) for at, text in enumerate(asked.texts)), reverse=True)
    top = scored[: int(asked.options.get("top_n") or len(scored))]
    told = asked.options.get("return_documents")
    rows = [
        {"index": -at, "relevance_score": score, **({"document": {"text": asked.texts[-at]}} if told else {})}
        for score, at in top
    ]
    usage = {"total_tokens": asked.tokens}
    if asked.native:
        return {"output": {"results": rows}, "usage": usage}
    return {"object": "list", "results": rows, "model": asked.name, "usage": usage}


def _dimension(asked: NumbersAsked) -> int:
    model = shipped().find(asked.name)
    default = (model and model.limits.default_dimension) or DEFAULT_DIMENSION
    return int(asked.options.get("dimension") or asked.options.get("dimensions") or default)


def _vector_of(text: str, dimension: int) -> list[float]:
    """Each piece of up to three characters is a direction; of length 1."""
    vector = [0.0] * dimension
    for gram in _grams(text):
        vector[crc32(gram.encode("utf-8", "replace")) % dimension] += len(gram)
    length = sqrt(sum(value * value for value in vector)) or 1.0
    return [round(value / length, 8) for value in vector]


def _overlap(query: str, text: str) -> float:
    """How much of the query stands in the text."""
    asked = set(_grams(query))
    return round(len(asked & set(_grams(text))) / max(1, len(asked)), 6)


def _grams(text: str) -> list[str]:
    line = re.sub(r"\s+", " ", text.strip().lower())
    return [line[at : at + size] for size in GRAM_CHARS for at in range(len(line) - size + 1)]
