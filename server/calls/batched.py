"""Requests of a batch: held before it is sent, settled one by one when it is answered, by whichever process that is."""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any

from ..dashscope import ChatCompletions, DashScopeError, Reply
from ..errors import NOTHING_SENT
from ..spending import OverCap, Reserved, Settlement, Unusable
from ..spending import in_currency as cny
from .affordable import limited
from .ask import RequestFailed, RequestPlan, exchange_of
from .call import Call
from .payment import Payment, settlement_of
from .purse import unknown_price, unusable
from .result import short_id
from .thinking import ThinkingParameters
from .worst_case import WorstCase, worst_case


class BatchedRequests:
    """Of one batch, by our own keys. Nothing of it is in memory only: the ledger knows what is held."""

    def __init__(self, call: Call, batch: str) -> None:
        self._context, self._purse, self._batch = call.context, call.purse, batch
        self._held: dict[str, Reserved] = {}

    async def open(self) -> None:
        """What an earlier process held for it."""
        self._held = await self._context.ledger.held_for(self._batch)

    async def share(self, count: int, least: int, most: int) -> float | None:
        """How much of what lies between the bounds of all its requests may be held; None: there is no cap.

        Raises:
            DashScopeError: not even the least; nothing was sent.
        """
        room = await self._purse.room(already=await self._context.ledger.spent_for(self._batch))
        if room is None:
            return None
        if room.left < least:
            raise _too_dear(count, least, most, room)
        return 1.0 if room.left >= most or most == least else (room.left - least) / (most - least)

    async def hold(self, key: str, plan: RequestPlan, share: float | None) -> RequestPlan:
        """The plan within what is now held for it.

        Raises:
            DashScopeError: a cap leaves too little; nothing was sent.
        """
        worst = worst_case(self._context, plan)
        held = self._held.get(key)
        if held is None:
            self._held[key] = held = await self._reserved(key, plan, worst, share)
        return plan if held.nano is None or share is None else limited(plan, worst, held)

    async def _reserved(self, key: str, plan: RequestPlan, worst: WorstCase, share: float | None) -> Reserved:
        least, most = worst.nano(worst.shortest), worst.nano()
        entry = self._purse.entry(plan, key=key, job=self._batch)
        if share is None:
            found = await self._context.ledger.reserve(entry, most)
            assert isinstance(found, Reserved)  # without caps nothing is refused
            return found
        if least is None or most is None:
            raise unknown_price(worst.why_unknown)
        most = least + int((most - least) * share)
        found = await self._context.ledger.reserve(entry, most, least, self._purse.spans(entry))
        if isinstance(found, Unusable):
            raise unusable(found)
        if isinstance(found, OverCap):
            raise _too_dear(1, least, most, found)
        return found

    async def answered(self, key: str, plan: RequestPlan, reply: Reply) -> None:
        """DashScope answered, and counted."""
        exchange = exchange_of(self._context, plan, reply)
        await self._end(key, lambda held: settlement_of(self._context, Payment(plan, held, reply, exchange), 0))

    async def lost(self, key: str, *, sandbox: bool) -> None:
        """It was taken up, and nobody knows what came of it: it may be billed."""
        sandbox = sandbox and self._context.host.on_loopback
        await self._end(key, lambda held: Settlement("failed", 0, held.nano, sandbox=sandbox))

    async def refused(self, key: str, request_id: str, *, sandbox: bool) -> None:
        """DashScope refused it: a batch bills what it answered, and nothing else."""
        sandbox = sandbox and self._context.host.on_loopback
        given = Settlement("refused", 0, 0, request_id=request_id, short_id=short_id(request_id), sandbox=sandbox)
        await self._end(key, lambda held: given)

    async def keep_only(self, keys: Collection[str]) -> None:
        """What was held beside them, for a plan that came to nothing, comes free."""
        for key in [key for key in self._held if key not in keys]:
            await self.release(key)

    async def release(self, key: str) -> None:
        """It was not sent, or nobody took it up."""
        await self._end(key, lambda held: Settlement("unsent", 0, 0))

    async def _end(self, key: str, settlement: Callable[[Reserved], Settlement]) -> None:
        """Once: what is held no more, an earlier process settled. The call's own cap counts it as well."""
        if held := self._held.pop(key, None):
            given = settlement(held)
            self._purse.count(given)
            await self._context.ledger.settle(held, given)


def worst_cost(call: Call, plan: RequestPlan) -> Decimal | None:
    """The most one request may cost, in CNY; None: it is not known."""
    return worst_case(call.context, plan).most


def worst_bounds(call: Call, plan: RequestPlan) -> tuple[int | None, int | None]:
    """What one request may cost: nano-CNY with the shortest answer that is of use, and at worst."""
    worst = worst_case(call.context, plan)
    return worst.nano(worst.shortest), worst.nano()


def batched_plan(body: Mapping[str, Any], part: str = "") -> RequestPlan:
    """The plan of a line, as far as its price needs it. `part`: which of the inputs it is for."""
    rest = {name: value for name, value in body.items() if name not in ("model", "messages")}
    unsaid = ThinkingParameters({}, "")
    return RequestPlan(str(body["model"]), ChatCompletions(), body["messages"], unsaid, rest, batch=True, part=part)


def batched_reply(body: Mapping[str, Any], request_id: str, *, sandbox: bool) -> Reply:
    """A whole completion as a reply. Raises TypeError, AttributeError, KeyError or ValueError: it is none."""
    reply = Reply(request_id=request_id, sandbox=sandbox, sent=True)
    for event in ChatCompletions().events(body):
        reply.observe(event)
    reply.end()
    return reply


def batched_loss(call: Call, plan: RequestPlan, error: DashScopeError) -> RequestFailed:
    """It was taken up, and no answer came: its price is not known."""
    return RequestFailed(error, exchange_of(call.context, plan, Reply(sent=True)))


def _too_dear(count: int, least: int, most: int, room: OverCap) -> DashScopeError:
    return DashScopeError(
        f"{count:,} requests cost {cny(least)} CNY at half price with the shortest answers, {cny(most)} at most, and "
        f"{room.cap.setting} leaves {cny(room.left)} of {cny(room.cap.limit)} CNY until {room.cap.until}. "
        f"{NOTHING_SENT} Give fewer inputs, a cheaper model or a lower max_output_tokens, or raise the cap.",
        kind="capped",
    )
