"""Texts become vectors: those that were paid before come from the cache, the others in batches, several at once."""

import json
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import anyio
from anyio import to_thread

from ...calls.ask import Exchange, RequestFailed, RequestPlan
from ...calls.call import Call
from ...calls.result import money
from ...calls.thinking import ThinkingParameters
from ...catalog import Cost, plain
from ...catalog.pricing import TextTokens, text_tokens
from ...dashscope import DashScopeError, TextEmbeddings
from ...errors import InvalidRequest
from .models import batch_limits

BATCHES_AT_ONCE = 4
MAX_FAILED_BATCHES = 3  # failed batches
NO_THINKING = ThinkingParameters({}, "off")
TextPlace = tuple[int, int]  # of a text: its document, its number there


@dataclass
class EmbeddingRun:
    """One call's way through the texts of its documents; `vectors`: by document, by number.

    `new_tokens`: as DashScope counted them; `cached_tokens`: about as many as it would have.
    """

    call: Call
    model: str
    documents: Sequence[Sequence[str]]
    dimension: int | None = None
    text_type: str = "document"
    vectors: "list[dict[int, array[float]]]" = field(default_factory=list)
    failures: list[DashScopeError] = field(default_factory=list)
    new_tokens: int = 0
    cached_tokens: int = 0
    there: int = 0  # vectors
    _keys: list[str] = field(default_factory=list)
    _left: deque[list[TextPlace]] = field(default_factory=deque)
    _stopped: bool = False

    async def prepare(self) -> None:
        """See what is there already, and tell what the rest will cost.

        Raises:
            InvalidRequest: more than a cap leaves.
        """
        cache = self.call.context.vector_cache
        self._keys = await to_thread.run_sync(self._made_keys, abandon_on_cancel=True)
        self.vectors = [await cache.rows(key) for key in self._keys]
        if missing := await to_thread.run_sync(self._counted, abandon_on_cancel=True):
            await self._tell_price(missing)

    async def run(self) -> None:
        """Ask for what is missing.

        Raises:
            DashScopeError: so much failed that the rest was not asked for; what came is kept.
        """
        async with self.call.heartbeat("making vectors"), anyio.create_task_group() as tasks:
            for _ in range(min(BATCHES_AT_ONCE, len(self._left))):
                tasks.start_soon(self._work)
        await self.call.context.vector_cache.trim()
        if self._stopped or (self.failures and not any(self.vectors)):
            raise self._failure()

    def all_vectors(self) -> "list[array[float]]":
        """In the order of the texts. Raises DashScopeError: some are missing; what came is kept."""
        if self.missing:
            raise self._failure()
        numbers = ((document, number) for document, texts in enumerate(self.documents) for number in range(len(texts)))
        return [self.vectors[document][number] for document, number in numbers]

    @property
    def missing(self) -> list[TextPlace]:
        return [
            (document, number)
            for document, texts in enumerate(self.documents)
            for number in range(len(texts))
            if number not in self.vectors[document]
        ]

    @property
    def incomplete(self) -> str:
        """Why not all have vectors; empty where they have."""
        lacking = self.texts - self.there
        return f"{lacking:,} of {self.texts:,} texts have no vectors: {self.failures[-1]}" if lacking else ""

    @property
    def texts(self) -> int:
        return sum(map(len, self.documents))

    # --- before anything is paid ---

    def _made_keys(self) -> list[str]:
        return [self._key(texts) for texts in self.documents]

    def _counted(self) -> list[TextTokens]:
        """Of the texts that have no vectors, which are put into batches. Of 20,000 passages it takes seconds."""
        for document, texts in enumerate(self.documents):
            kept = [text for number, text in enumerate(texts) if number in self.vectors[document]]
            self.there += len(kept)
            self.cached_tokens += sum(text_tokens(text).likely for text in kept)
        missing = [(place, text_tokens(self._text(place))) for place in self.missing]
        self._left = deque(_batches(missing, *batch_limits(self.call.known(self.model), self.call.region)))
        return [tokens for _, tokens in missing]

    async def _tell_price(self, tokens: Sequence[TextTokens]) -> None:
        least = self._cost(sum(each.least for each in tokens))
        for cap in await self.call.caps_left():
            left = cap.limit if cap.left is None else cap.left
            if least.total is not None and least.total > left:
                raise InvalidRequest(
                    f"{len(tokens):,} texts are to become vectors, which costs {plain(least.total)} CNY at least, and "
                    f"{cap.name} leaves {plain(left)} CNY. Name fewer files, or use a cheaper model."
                )
        likely = sum(each.likely for each in tokens)
        cost = money(self._cost(likely))
        await self.call.report_now(f"{len(tokens):,} texts become vectors: about {likely:,} tokens, {cost}")

    def _cost(self, tokens: int) -> Cost:
        """Of all batches, each of which is one request."""
        return self.call.estimate(self.model, tokens // len(self._left), calls=len(self._left))

    def _key(self, texts: Sequence[str]) -> str:
        """Whose, of which service and model, and what stands in them: who has another text finds nothing of it."""
        host = self.call.context.host
        known: list[Any] = [self.call.client, host.native, self.model, self.dimension, self.text_type]
        return sha256(json.dumps([*known, *texts]).encode()).hexdigest()

    # --- batch by batch ---

    async def _work(self) -> None:
        while self._left and not self._stopped:
            await self._batch(self._left.popleft())
            await self.call.report(f"{self.there:,} of {self.texts:,} texts have vectors")

    async def _batch(self, places: list[TextPlace]) -> None:
        try:
            exchange = await self.call.ask(self._plan(places))
        except RequestFailed as error:
            self._note(error)
            return
        self.new_tokens += exchange.usage.input_tokens if exchange.usage else 0
        if await self._keep(places, exchange) < len(places):
            self._note(DashScopeError("DashScope gave fewer vectors than texts. Call again for the others."))

    def _note(self, error: DashScopeError) -> None:
        self.failures.append(error)
        self._stopped = self._stopped or error.for_every_request or len(self.failures) >= MAX_FAILED_BATCHES

    async def _keep(self, places: list[TextPlace], exchange: Exchange) -> int:
        """How many came: what is of no text that was sent is none."""
        came: dict[int, dict[int, array[float]]] = {}
        for (document, number), row in zip(places, range(len(places)), strict=True):
            if row in exchange.vectors and self._fits(exchange.vectors[row]):
                came.setdefault(document, {})[number] = exchange.vectors[row]
        for document, rows in came.items():
            self.vectors[document] |= rows
            self.there += len(rows)
            await self.call.context.vector_cache.add(self._keys[document], rows)
        return sum(map(len, came.values()))

    def _fits(self, vector: "array[float]") -> bool:
        """Whether it is as long as was asked for, else as the others."""
        others = (other for vectors in self.vectors for other in vectors.values())
        length = self.dimension or next(map(len, others), None)
        return length is None or len(vector) == length

    def _plan(self, places: Sequence[TextPlace]) -> RequestPlan:
        texts = [self._text(place) for place in places]
        return embedding_plan(self.model, texts, text_type=self.text_type, dimension=self.dimension)

    def _text(self, place: TextPlace) -> str:
        document, number = place
        return self.documents[document][number]

    def _failure(self) -> DashScopeError:
        error = self.failures[-1]
        kept = f"{self.there:,} of {self.texts:,} vectors are kept: the same call again costs the rest only."
        return error.reworded(hint=f"{error.hint} {kept if self.there else ''}".strip())


def kept_and_new(new: int, cached: int) -> str:
    """The tokens of documents, in words."""
    return f"tokens of texts: {new:,} new, about {cached:,} from the cache"


def embedding_plan(
    model: str, texts: Sequence[str], *, text_type: str = "query", dimension: int | None = None
) -> RequestPlan:
    """One request."""
    parameters: dict[str, Any] = {"text_type": text_type, **({"dimension": dimension} if dimension else {})}
    messages: list[Mapping[str, Any]] = [{"role": "document", "content": text} for text in texts]
    return RequestPlan(model, TextEmbeddings(), messages, NO_THINKING, parameters)


def _batches(texts: Sequence[tuple[TextPlace, TextTokens]], most_texts: int, most_tokens: int) -> list[list[TextPlace]]:
    """In order, each within what one request takes."""
    batches: list[list[TextPlace]] = []
    room = 0
    for place, counted in texts:
        tokens = counted.most
        if not batches or tokens > room or len(batches[-1]) == most_texts:
            batches.append([])
            room = most_tokens
        batches[-1].append(place)
        room -= tokens
    return batches
