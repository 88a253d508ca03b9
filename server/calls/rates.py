"""How often each model may be asked: what the catalog knows of it, and what DashScope's refusals teach.

An account's limits hold for all its keys together, a minute at a time and perhaps a second at a time:
https://help.aliyun.com/zh/model-studio/rate-limit. Here is only what this process sends.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

import anyio

from ..catalog import RateLimit
from .allowance import MINUTE_S, Allowance

REQUESTS_AT_ONCE, TOKENS_AT_ONCE = 1 / 10, 1 / 4  # of what a minute allows
MIN_PER_MINUTE = 6  # a model that refuses is asked as often as this all the same
RECOVERED_S = 5 * MINUTE_S
MAX_COUNTED = 1_024  # requests of a minute that are remembered
MAX_PACED_MODELS = 1_000  # names come from callers


@dataclass(frozen=True)
class Slowdown:
    """After a refusal: fewer requests, twice as many each minute without another, and soon as before."""

    per_minute: float
    since: float
    refused_at: float

    @cached_property
    def allowance(self) -> Allowance:
        return Allowance(self.per_minute, 1, "requests")

    def at(self, now: float) -> "Slowdown | None":
        """What is left of it."""
        minutes = int((now - self.since) / MINUTE_S)
        if not minutes:
            return self
        if now - self.refused_at >= RECOVERED_S:
            return None
        return Slowdown(self.per_minute * 2**minutes, self.since + minutes * MINUTE_S, self.refused_at)


class ModelPace:
    """The turns of one model, in the order in which they were asked for."""

    def __init__(self, limit: RateLimit | None) -> None:
        rpm, tpm = (limit.rpm, limit.tpm) if limit else (None, None)
        self._requests = Allowance(rpm, rpm * REQUESTS_AT_ONCE, "requests") if rpm else None
        self._tokens = Allowance(tpm, tpm * TOKENS_AT_ONCE, "tokens") if tpm else None
        self._slowdown: Slowdown | None = None
        self._sent: deque[float] = deque(maxlen=MAX_COUNTED)
        self._line = anyio.Lock(fast_acquire=True)
        self.waiting, self._waiting_tokens = 0, 0

    @property
    def counts_tokens(self) -> bool:
        return self._tokens is not None

    def narrow(self, tokens: int) -> Allowance | None:
        """What a request of that many tokens would have to wait for."""
        wait_s, allowance = self._longest(tokens)
        return allowance if self.waiting or wait_s else None

    def wait_s(self, tokens: int) -> float:
        """How long its turn takes to come, as far as is known."""
        return self._longest(tokens)[0]

    async def turn(self, tokens: int) -> float:
        """Return when a request of that many tokens may be sent, and what time that is.

        At once and without a pause, where no limit is near.
        """
        self.waiting += 1
        self._waiting_tokens += tokens
        try:
            async with self._line:
                await self._take(tokens)
                return anyio.current_time()
        finally:
            self.waiting -= 1
            self._waiting_tokens -= tokens

    def sent(self) -> None:
        """A request goes out."""
        self._sent.append(anyio.current_time())

    def settle(self, requests: int, tokens: int) -> None:
        """What a request came to beyond what it had a turn for."""
        for allowance, amount in ((self._requests, requests), (self._tokens, tokens)):
            if allowance:
                allowance.owe(max(0, amount))

    def slow_down(self, turn_at: float) -> None:
        """DashScope refused a request that had its turn then: if before we knew of another, that teaches nothing."""
        now = anyio.current_time()
        slowdown = self._current_slowdown()
        if slowdown and turn_at <= slowdown.refused_at:
            return
        last_minute = sum(sent > now - MINUTE_S for sent in self._sent)
        sent = min(last_minute, slowdown.per_minute) if slowdown else last_minute
        self._slowdown = Slowdown(max(MIN_PER_MINUTE, sent / 2), now, now)
        self._slowdown.allowance.take(1)  # the next one comes in a while

    def _current_slowdown(self) -> Slowdown | None:
        if self._slowdown:
            self._slowdown = self._slowdown.at(anyio.current_time())
        return self._slowdown

    def _wanted(self, tokens: int) -> Iterator[tuple[Allowance, int, int]]:
        """Each allowance that holds, what is wanted of it, and what others want before."""
        if self._tokens:
            yield self._tokens, tokens, self._waiting_tokens
        if self._requests:
            yield self._requests, 1, self.waiting
        if slowdown := self._current_slowdown():
            yield slowdown.allowance, 1, self.waiting

    def _longest(self, tokens: int) -> tuple[float, Allowance | None]:
        """How long is waited behind the others, and for what."""
        waits = [(each.wait_s(amount, before), each) for each, amount, before in self._wanted(tokens)]
        return max(waits, key=itemgetter(0), default=(0.0, None))

    async def _take(self, tokens: int) -> None:
        """Of all at once: what was taken of one while another is waited for would be counted too early."""
        while wait_s := max((each.wait_s(amount) for each, amount, _ in self._wanted(tokens)), default=0):
            await anyio.sleep(wait_s)
        for allowance, amount, _ in self._wanted(tokens):
            allowance.take(amount)


class Rates:
    """The pace of each model, for all calls of the process."""

    def __init__(self) -> None:
        self._models: dict[str, ModelPace] = {}

    def of(self, model: str, limit: RateLimit | None) -> ModelPace:
        if pace := self._models.get(model):
            return pace
        if len(self._models) >= MAX_PACED_MODELS:
            del self._models[next(iter(self._models))]  # the one known longest
        return self._models.setdefault(model, ModelPace(limit))
