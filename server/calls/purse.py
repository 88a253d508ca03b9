"""What a call pays with: the worst case of each request is held before it is sent, and settled when it has ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import anyio

from ..catalog import Cost, Frozen, Money, in_beijing
from ..dashscope import DashScopeError, Reply
from ..errors import NOTHING_SENT
from ..spending import Cap, OverCap, RequestEntry, Reserved, Unusable, day_span, from_nano, in_nano, session_span
from .affordable import limited, over_cap, what_fits
from .ask import RequestFailed, RequestPlan, exchange_of
from .context import AppContext
from .payment import Payment, settlement_of
from .worst_case import WorstCase, worst_case


@dataclass(frozen=True)
class Payer:
    """Whose the spending is. `session`: of the host, never its secret id."""

    client: str = ""
    session: str = ""
    tool: str = ""
    job: str = ""


class CapLeft(Frozen):
    """A cap, in CNY; `spent` holds what is held by requests under way. Of one for each call nothing is used up."""

    name: str
    limit: Money
    spent: Money | None = None
    left: Money | None = None
    until: str = ""


class Purse:
    """Of one call. Its requests may run at once."""

    def __init__(self, context: AppContext, payer: Payer) -> None:
        self._context = context
        self._payer = payer
        self._held = 0  # nano-CNY, of this call: what was spent and what is held
        self._open = 0
        self._settled = anyio.Event()

    @asynccontextmanager
    async def paid(self, plan: RequestPlan) -> AsyncIterator[Payment]:
        """Hold what a request may cost while the block sends it; then keep what it did cost, however it ended.

        Raises:
            RequestFailed: a cap leaves too little; nothing was sent.
        """
        payment = await self._reserved(plan)
        self._open += 1
        try:
            yield payment
        finally:
            with anyio.CancelScope(shield=True):
                await self._settle(payment)

    async def _settle(self, payment: Payment) -> None:
        settlement = settlement_of(self._context, payment)
        self._open -= 1
        self._held += (settlement.most or 0) - (payment.held.nano or 0)
        self._settled.set()
        self._settled = anyio.Event()
        await self._context.ledger.settle(payment.held, settlement)

    # --- before it is sent ---

    async def _reserved(self, plan: RequestPlan) -> Payment:
        worst, caps = worst_case(self._context, plan), self._context.caps
        entry = self._entry(plan.model)
        if not caps:
            held = await self._context.ledger.reserve(entry, worst.nano())
            assert isinstance(held, Reserved)  # without caps nothing is refused
            return Payment(plan, held)
        most, least = worst.nano(), worst.nano(worst.shortest)
        if most is None or least is None:
            raise self._refused(plan, unknown_price(worst.most))
        held = await self._within_caps(plan, worst, entry, most, least)
        return Payment(limited(plan, worst, held), held)

    async def _within_caps(
        self, plan: RequestPlan, worst: WorstCase, entry: RequestEntry, most: int, least: int
    ) -> Reserved:
        """Where this call's other requests hold too much, wait for them: most cost far less than their worst case."""
        while True:
            found = await self._tried(entry, most, least)
            if isinstance(found, Reserved):
                return found
            if isinstance(found, Unusable):
                raise self._refused(plan, unusable(found))
            if not self._open:
                fits = what_fits(self._context, plan, worst, found.left)
                raise self._refused(plan, over_cap(found, worst, least, fits))
            await self._settled.wait()

    async def _tried(self, entry: RequestEntry, most: int, least: int) -> Reserved | OverCap | Unusable:
        """The call's own cap is kept here: its requests are all of this process."""
        limit = self._context.caps.per_call
        own = OverCap(Cap("CALL", "", in_nano(limit), "this call ends"), self._held) if limit is not None else None
        if own and own.left < least:
            return own
        hold = min(most, own.left) if own else most
        self._held += hold
        found: Reserved | OverCap | Unusable | None = None
        try:
            found = await self._context.ledger.reserve(entry, hold, least, self._spans(entry))
        finally:
            self._held += (found.nano or 0 if isinstance(found, Reserved) else 0) - hold
        return found

    def _spans(self, entry: RequestEntry) -> list[Cap]:
        caps = self._context.caps
        spans = []
        if caps.per_session is not None:
            spans.append(Cap("SESSION", session_span(entry), in_nano(caps.per_session), "this session ends"))
        if caps.per_day is not None:
            midnight = in_beijing(self._context.now()).date() + timedelta(days=1)
            spans.append(Cap("DAY", day_span(entry), in_nano(caps.per_day), f"{midnight} 00:00 Beijing time"))
        return spans

    async def left(self) -> AsyncIterator[CapLeft]:
        """What each cap that is set still allows."""
        per_call = self._context.caps.per_call
        if per_call is not None:
            yield CapLeft(name="BAILIAN_MAX_COST_PER_CALL", limit=per_call)
        for cap in self._spans(self._entry("")):
            over = OverCap(cap, await self._context.ledger.spent(cap.span) or 0)
            yield CapLeft(
                name=f"BAILIAN_MAX_COST_PER_{cap.name}",
                limit=from_nano(cap.limit),
                spent=from_nano(over.spent),
                left=from_nano(over.left),
                until=cap.until,
            )

    def _entry(self, model: str) -> RequestEntry:
        context, payer = self._context, self._payer
        now = context.now()
        return RequestEntry(
            at=now.timestamp(),
            day=str(in_beijing(now).date()),
            model=model,
            region=context.host.region or "",
            tool=payer.tool,
            client=payer.client,
            session=payer.session or context.ledger.process,
            job=payer.job,
            sandbox=context.ledger.sandbox,
        )

    def _refused(self, plan: RequestPlan, error: DashScopeError) -> RequestFailed:
        exchange = exchange_of(self._context, plan, Reply())
        return RequestFailed(error, replace(exchange, cost=Cost(total=Decimal())))


def unknown_price(cost: Cost) -> DashScopeError:
    return DashScopeError(
        f"What this may cost is not known ({cost.reason}), and a spending cap is set. {NOTHING_SENT} Choose a model "
        "whose price `models` tells, or have the caps (BAILIAN_MAX_COST_PER_...) unset.",
        kind="capped",
    )


def unusable(found: Unusable) -> DashScopeError:
    return DashScopeError(
        f"A spending cap is set and cannot be held: {found.why}. {NOTHING_SENT}",
        kind="capped",
    )
