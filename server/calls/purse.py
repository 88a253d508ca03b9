"""What a call pays with: the worst case of each request is held before it is sent, and settled when it has ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from secrets import token_hex

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from ..catalog import Frozen, Money, in_beijing
from ..dashscope import DashScopeError, Reply
from ..errors import NOTHING_SENT
from ..spending import (
    Cap,
    OverCap,
    RequestEntry,
    Reserved,
    Settlement,
    Unusable,
    day_span,
    from_nano,
    in_nano,
    session_span,
)
from .affordable import limited, over_cap
from .ask import RequestPlan, refused_before
from .context import AppContext
from .payment import Payment, settlement_of
from .progress import Progress
from .worst_case import WorstCase, worst_case

MAX_WAIT_FOR_OTHERS_S, LOOK_AGAIN_S = 30.0, 0.25
CALL_ID_BYTES = 8
WAITING = "waiting for requests under way, which hold what a spending cap leaves"


@dataclass(frozen=True)
class Payer:
    """Whose the spending is. `session`: of the host, never its secret id; `job`: names the call, be it one or not."""

    client: str = ""
    session: str = ""
    tool: str = ""
    job: str = field(default_factory=lambda: token_hex(CALL_ID_BYTES))


class CapLeft(Frozen):
    """A cap, in CNY; `held` is for requests under way. Of one for each call nothing is used up."""

    name: str
    limit: Money
    spent: Money | None = None
    held: Money | None = None
    left: Money | None = None
    until: str = ""


class Purse:
    """Of one call. Its requests may run at once."""

    def __init__(self, context: AppContext, payer: Payer, progress: Progress) -> None:
        self._context = context
        self.payer = payer
        self._progress = progress
        self._limit: Cap | None = None
        self._spent, self._held = 0, 0  # nano-CNY, of this call: settled, and for what is under way
        self._settled = anyio.Event()

    def limit(self, most: Decimal) -> None:
        """No more CNY than that for this call, whatever the settings allow."""
        self._limit = Cap("MAX_COST", "", in_nano(most), "this call ends")

    @asynccontextmanager
    async def paid(self, plan: RequestPlan, reply: Reply) -> AsyncIterator[Payment]:
        """Hold what a request may cost while the block sends it; then keep what it did cost, however it ended.

        It has its turn by now: nothing is held for what only waits.

        Raises:
            RequestFailed: a cap leaves too little; nothing was sent.
        """
        payment = await self._reserved(plan, reply)
        try:
            await checkpoint_if_cancelled()  # the store may have been slow: who is gone by now asks for nothing
            yield payment
        finally:
            with anyio.CancelScope(shield=True):
                await self._settle(payment)

    def count(self, settlement: Settlement) -> None:
        """Spent for this call, which held it otherwise."""
        self._spent += settlement.most or 0

    async def _settle(self, payment: Payment) -> None:
        settlement = settlement_of(self._context, payment, self._progress.elapsed_s)
        try:
            await self._context.ledger.settle(payment.held, settlement)
        finally:
            self._held -= payment.held.nano or 0
            self._spent += settlement.most or 0
            self._settled.set()
            self._settled = anyio.Event()

    # --- before it is sent ---

    async def _reserved(self, plan: RequestPlan, reply: Reply) -> Payment:
        worst = worst_case(self._context, plan)
        if not self.is_limited:
            held = await self._context.ledger.reserve(self.entry(plan), worst.nano())
            assert isinstance(held, Reserved)  # without caps nothing is refused
            return Payment(plan, held, reply)
        most = worst.nano()
        if most is None:
            raise refused_before(self._context, plan, unknown_price(worst.why_unknown))
        held = await self._within_caps(plan, worst, most)
        return Payment(limited(plan, worst, held), held, reply)

    async def _within_caps(self, plan: RequestPlan, worst: WorstCase, most: int) -> Reserved:
        """All of it, else as much as there is. Where what is under way holds too much, wait for it: most costs far less
        than its worst case.
        """
        found = await self._tried(plan, most, most)
        if not isinstance(found, OverCap):
            return self._usable(found, plan)
        least = worst.nano(worst.shortest) or 0
        found = await self._tried(plan, most, least)
        if isinstance(found, OverCap) and found.may_come_free(least):
            async with self._progress.heartbeat(WAITING):
                found = await self._waited_for(found, plan, most, least)
        if isinstance(found, OverCap):
            raise refused_before(self._context, plan, over_cap(self._context, self.payer.tool, plan, worst, found))
        return self._usable(found, plan)

    def _usable(self, found: Reserved | Unusable, plan: RequestPlan) -> Reserved:
        if isinstance(found, Unusable):
            raise refused_before(self._context, plan, unusable(found))
        return found

    async def _waited_for(
        self, found: Reserved | OverCap | Unusable, plan: RequestPlan, most: int, least: int
    ) -> Reserved | OverCap | Unusable:
        """For this call's own requests until they have ended, for others a while."""
        until = anyio.current_time() + MAX_WAIT_FOR_OTHERS_S
        while isinstance(found, OverCap) and found.may_come_free(least):
            if found.cap.span and anyio.current_time() > until:
                break
            with anyio.move_on_after(LOOK_AGAIN_S):
                await self._settled.wait()
            found = await self._tried(plan, most, least)
        return found

    async def _tried(self, plan: RequestPlan, most: int, least: int) -> Reserved | OverCap | Unusable:
        """The call's own cap is kept here: its requests are all of this process."""
        entry = self.entry(plan)  # of this moment: a day may have begun while it waited
        if cap := self._own_cap:
            own = OverCap(cap, self._spent + self._held, self._held)
            if own.left < least:
                return own
            most = min(most, own.left)
        self._held += most
        found: Reserved | OverCap | Unusable | None = None
        try:
            found = await self._context.ledger.reserve(entry, most, least, self.spans(entry))
        finally:
            self._held += (found.nano or 0 if isinstance(found, Reserved) else 0) - most
        return found

    @property
    def is_limited(self) -> bool:
        return bool(self._context.caps or self._limit)

    @property
    def _own_cap(self) -> Cap | None:
        """The tighter of what the settings allow for a call, and what it allows itself."""
        limit = self._context.caps.per_call
        caps = [] if limit is None else [Cap("CALL", "", in_nano(limit), "this call ends")]
        caps += [self._limit] if self._limit else []
        return min(caps, key=lambda cap: cap.limit, default=None)

    def spans(self, entry: RequestEntry) -> list[Cap] | None:
        """The caps that others share; None: the settings have none at all."""
        caps = self._context.caps
        if not caps:
            return None
        spans = []
        if caps.per_session is not None:
            session = session_span(entry.session, sandbox=entry.sandbox)
            spans.append(Cap("SESSION", session, in_nano(caps.per_session), "this session ends"))
        if caps.per_day is not None:
            day, midnight = (
                day_span(entry.day, sandbox=entry.sandbox),
                date.fromisoformat(entry.day) + timedelta(days=1),
            )
            spans.append(Cap("DAY", day, in_nano(caps.per_day), f"{midnight} 00:00 Beijing time"))
        return spans

    async def trouble(self) -> str:
        """Why the caps that are set cannot be held, and what mends it."""
        found = await self._context.ledger.trouble(self.entry().day) if self._context.caps else None
        return f"{found.why}. {found.next_step}".strip() if found else ""

    async def left(self) -> list[CapLeft]:
        """What each cap that is set still allows."""
        per_call = self._context.caps.per_call
        found = [] if per_call is None else [CapLeft(name="BAILIAN_MAX_COST_PER_CALL", limit=per_call)]
        for cap in self.spans(self.entry()) or ():
            over = OverCap(cap, *await self._context.ledger.spent(cap.span))
            found.append(
                CapLeft(
                    name=cap.setting,
                    limit=from_nano(cap.limit),
                    spent=from_nano(over.spent - over.held),
                    held=from_nano(over.held),
                    left=from_nano(over.left),
                    until=cap.until,
                )
            )
        return found

    async def room(self, already: int = 0) -> OverCap | None:
        """The cap that leaves least; None: there is none. `already`: what else counts for this call, in nano-CNY."""
        own = [OverCap(self._own_cap, self._spent + self._held + already, self._held)] if self._own_cap else []
        shared = self.spans(self.entry()) or ()
        found = [*own, *[OverCap(cap, *await self._context.ledger.spent(cap.span)) for cap in shared]]
        return min(found, key=lambda each: each.left, default=None)

    def entry(self, plan: RequestPlan | None = None, *, key: str = "", job: str = "") -> RequestEntry:
        """What the ledger is told of a request before it is sent. `key`, `job`: of one that is answered much later.

        Each of many inputs is a call of its own there.
        """
        context, payer = self._context, self.payer
        now = context.now()
        return RequestEntry(
            at=now.timestamp(),
            day=str(in_beijing(now).date()),
            model=plan.model if plan else "",
            region=context.host.region or "",
            tool=payer.tool,
            client=payer.client,
            session=payer.session or context.ledger.process,
            job=".".join(filter(None, (job or payer.job, plan.part if plan else ""))),
            sandbox=context.ledger.sandbox,
            key=key,
        )


def unknown_price(why: str) -> DashScopeError:
    return DashScopeError(
        f"What this may cost is not known ({why}), and a spending cap is set. {NOTHING_SENT} Choose a model "
        "whose price `models` tells, give files by path, or have the caps (BAILIAN_MAX_COST_PER_...) unset.",
        kind="capped",
    )


def unusable(found: Unusable) -> DashScopeError:
    return DashScopeError(
        f"A spending cap is set and cannot be held: {found.why}. {NOTHING_SENT} {found.next_step}".rstrip(),
        kind="capped",
    )
