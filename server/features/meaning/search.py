"""Passages that answer a question: near by their vectors, then put in order by a model that reads both."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from anyio import to_thread

from ...calls.ask import RequestFailed, RequestPlan
from ...calls.call import Call
from ...catalog.pricing import text_tokens
from ...dashscope import DashScopeError, rerank_of
from .documents import Library
from .embedding import NO_THINKING, EmbeddingRun, TextPlace, embedding_plan
from .models import MAX_RANKED, MAX_RERANK_TOKENS
from .nearest import nearest

CANDIDATES = 50
Scored = tuple[float, TextPlace]


@dataclass(frozen=True)
class Matches:
    """`places`: the best ones with their scores. `ranked_by`: the model that put them in order, if one did."""

    places: tuple[Scored, ...]
    run: EmbeddingRun
    ranked_by: str = ""
    notes: tuple[str, ...] = ()


async def best_passages(call: Call, query: str, library: Library, top: int, model: str, ranker: str) -> Matches:
    """The passages that answer best.

    Raises:
        DashScopeError: too few have vectors; what was paid is kept.
        InvalidRequest: more than a cap leaves.
    """
    run = EmbeddingRun(call, model, [document.texts for document in library.documents])
    await run.prepare()
    asked = await call.ask(embedding_plan(model, [query]))
    if 0 not in asked.vectors:
        raise DashScopeError("DashScope gave no vector for the query. Call again.")
    await run.run()
    near = await _near(asked.vectors[0], run, max(top, CANDIDATES))
    if not ranker or len(near) < 2:
        return Matches(tuple(near[:top]), run)
    return await _in_order(call, query, near, run, ranker, top)


async def _near(query: "array[float]", run: EmbeddingRun, most: int) -> list[Scored]:
    rows = [((at, number), row) for at, vectors in enumerate(run.vectors) for number, row in vectors.items()]
    return await to_thread.run_sync(partial(nearest, query, rows, most), abandon_on_cancel=True)


async def _in_order(
    call: Call, query: str, near: Sequence[Scored], run: EmbeddingRun, ranker: str, top: int
) -> Matches:
    """A failure of that loses nothing: the order by vectors stands."""
    read = _readable(call, query, near, run, ranker)
    await call.report(f"{ranker} reads the {len(read)} nearest passages")
    try:
        ranks = (await call.ask(_rerank_plan(query, [_text(run, place) for _, place in read], ranker, top))).ranks
    except RequestFailed as error:
        return Matches(tuple(near[:top]), run, notes=(f"In the order of their vectors, since rerank failed: {error}",))
    scored = sorted(((score, at) for at, score in ranks.items() if at < len(read)), reverse=True)
    if not scored:
        return Matches(tuple(near[:top]), run, notes=("In the order of their vectors, since rerank ranked none.",))
    return Matches(tuple((score, read[at][1]) for score, at in scored[:top]), run, ranker)


def _readable(call: Call, query: str, near: Sequence[Scored], run: EmbeddingRun, ranker: str) -> list[Scored]:
    """The nearest ones, as many as one request takes: the query counts once for each."""
    known = call.known(ranker)
    limits = known.limits if known else None
    room = (limits and limits.max_input) or MAX_RERANK_TOKENS
    each, taken = text_tokens(query).most, list[Scored]()
    for scored in near[: (limits and limits.max_documents) or MAX_RANKED]:
        room -= each + text_tokens(_text(run, scored[1])).most
        if room < 0 and taken:
            break
        taken.append(scored)
    return taken


def _rerank_plan(query: str, texts: Sequence[str], model: str, top: int) -> RequestPlan:
    asked: Mapping[str, Any] = {"role": "query", "content": query}
    documents = [{"role": "document", "content": text} for text in texts]
    return RequestPlan(model, rerank_of(model), [*[asked] * len(texts), *documents], NO_THINKING, {"top_n": top})


def _text(run: EmbeddingRun, place: TextPlace) -> str:
    return run.documents[place[0]][place[1]]
