"""What answers a text with numbers: embeddings and rerank. One JSON, no stream.

Embeddings are asked in DashScope's own form: only there is it said whether a text is a query or a document, and what to
heed in a query. Rerank has two forms; which one a model has, `rerank_of` knows.

In the plan of a request each text is a message of the role `document`. The query of a rerank is one of the role `query`
and stands there once for each document, since so often it is read and billed.
"""

from array import array
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from .error_bodies import is_failure, tells_failure
from .events import Event, Finish, Ranks, UsageReport, Vectors
from .protocols import MAX_TOKEN_COUNT, Api, Frame, WireProtocol

PLAIN_JSON = {"Accept": "application/json"}
# Those whose page gives the flat form; every other has DashScope's own:
# https://help.aliyun.com/zh/model-studio/text-rerank-api
FLAT_RERANKS = ("qwen3-rerank", "qwen3.7-text-rerank")


class TextEmbeddings:
    """Page: https://help.aliyun.com/zh/model-studio/text-embedding-synchronous-api"""

    api: Api = "native"
    path = "/services/embeddings/text-embedding/text-embedding"
    headers: Mapping[str, str] = PLAIN_JSON
    takes_budget = False

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"model": body["model"], "input": {"texts": _texts(body)}, "parameters": _parameters(body)}

    def failure(self, frame: Frame) -> Frame | None:
        return _failure(frame, frame.get("output"))

    def events(self, frame: Frame) -> Iterator[Event]:
        rows = (frame.get("output") or {}).get("embeddings") or ()
        yield Vectors(_alike({_number(row["text_index"]): _vector(row["embedding"]) for row in rows}))
        yield Finish("stop")
        yield from _counted(frame)


class NativeRerank:
    """Page: https://help.aliyun.com/zh/model-studio/text-rerank-api"""

    api: Api = "native"
    path = "/services/rerank/text-rerank/text-rerank"
    headers: Mapping[str, str] = PLAIN_JSON
    takes_budget = False

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = {"query": _query(body), "documents": _texts(body)}
        parameters = {"return_documents": False, **_parameters(body)}
        return {"model": body["model"], "input": asked, "parameters": parameters}

    def failure(self, frame: Frame) -> Frame | None:
        return _failure(frame, frame.get("output"))

    def events(self, frame: Frame) -> Iterator[Event]:
        yield from _ranked((frame.get("output") or {}).get("results"), frame)


class FlatRerank:
    """The same without `input` and `parameters`, at a path of its own."""

    api: Api = "compatible-api"
    path = "/reranks"
    headers: Mapping[str, str] = PLAIN_JSON
    takes_budget = False

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"model": body["model"], "query": _query(body), "documents": _texts(body), **_parameters(body)}

    def failure(self, frame: Frame) -> Frame | None:
        return _failure(frame, frame.get("results"))

    def events(self, frame: Frame) -> Iterator[Event]:
        yield from _ranked(frame.get("results"), frame)


def rerank_of(model: str) -> WireProtocol:
    """The form in which a model is asked."""
    return FlatRerank() if model in FLAT_RERANKS else NativeRerank()


def _texts(body: Mapping[str, Any]) -> list[str]:
    return [message["content"] for message in body["messages"] if message["role"] == "document"]


def _query(body: Mapping[str, Any]) -> str:
    return next((str(message["content"]) for message in body["messages"] if message["role"] == "query"), "")


def _parameters(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("model", "messages")}


def _failure(frame: Frame, answer: Any) -> Frame | None:
    return frame if tells_failure(frame.get("error")) or (not answer and is_failure(frame)) else None


def _ranked(rows: Any, frame: Frame) -> Iterator[Event]:
    yield Ranks({_number(row["index"]): _score(row["relevance_score"]) for row in rows or ()})
    yield Finish("stop")
    yield from _counted(frame)


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("an index is no number of a text")
    return value


def _score(value: Any) -> float:
    score = float(value)
    if not isfinite(score):
        raise ValueError("a score is no number")
    return score


def _vector(values: Any) -> "array[float]":
    vector = array("f", values)
    if not vector or not all(map(isfinite, vector)):
        raise ValueError("a vector holds what is no number")
    return vector


def _alike(vectors: "dict[int, array[float]]") -> "dict[int, array[float]]":
    if len(set(map(len, vectors.values()))) > 1:
        raise ValueError("vectors of one model have different lengths")
    return vectors


def _counted(frame: Frame) -> Iterator[UsageReport]:
    """All that is counted is input; nothing is written."""
    told = frame.get("usage") or {}
    total = told.get("total_tokens", told.get("prompt_tokens"))
    if isinstance(total, int) and not isinstance(total, bool) and 0 <= total <= MAX_TOKEN_COUNT:
        yield UsageReport(total, 0, reasoning_tokens=None, cached_input_tokens=None, image_tokens=None)
