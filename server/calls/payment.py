"""One request that is paid for, and what it counts for once it has ended: its price, or between which sums it lies."""

from dataclasses import dataclass

from ..dashscope import DashScopeError, Reply
from ..spending import RequestOutcome, Reserved, Settlement, in_nano
from .ask import Exchange, RequestPlan, exchange_of
from .context import AppContext
from .details import RequestDetails
from .result import short_id

NOTHING_WAS_SENT = ("unsent", "capped", "no_key")


@dataclass
class Payment:
    """`plan`: as it is sent, within what could be held. `exchange` or `failure`: what came of it, if it was let end."""

    plan: RequestPlan
    held: Reserved
    reply: Reply
    exchange: Exchange | None = None
    failure: DashScopeError | None = None


def settlement_of(context: AppContext, payment: Payment, elapsed_s: float) -> Settlement:
    """Certain where DashScope answered to the end and counted, or refused; else up to what was held."""
    outcome = _outcome(payment)
    if outcome == "unsent":
        return Settlement("unsent", 0, 0)
    exchange = payment.exchange or exchange_of(context, payment.plan, payment.reply)
    least, most = (0, 0) if payment.reply.withdrawn else _sums(outcome, exchange, payment.held.nano)
    return Settlement(
        outcome,
        least,
        most,
        input_tokens=exchange.usage.input_tokens if exchange.usage else 0,
        output_tokens=exchange.usage.output_tokens if exchange.usage else 0,
        request_id=exchange.request_id,
        short_id=short_id(exchange.request_id),
        details=_details(exchange, elapsed_s).as_kept(),
        sandbox=context.sandboxed or (exchange.sandbox and context.host.on_loopback),
        items={line.item: (line.quantity, in_nano(line.amount)) for line in exchange.cost.lines},
    )


def _outcome(payment: Payment) -> RequestOutcome:
    if not payment.reply.sent or (payment.failure and payment.failure.kind in NOTHING_WAS_SENT):
        return "unsent"
    if payment.failure:
        return "refused" if payment.failure.refused_at_once else "failed"
    if payment.exchange is None:
        return "refused" if payment.reply.refused else "cancelled"
    return "cut" if payment.exchange.was_cut else "answered"


def _sums(outcome: RequestOutcome, exchange: Exchange, held: int | None) -> tuple[int, int | None]:
    """At least and at most. A refusal is free where nothing was counted, searched or written before it."""
    counted = None if exchange.cost.total is None else in_nano(exchange.cost.total)
    if outcome == "refused" and not (counted or exchange.usage or exchange.searched or exchange.as_it_came):
        return 0, 0
    if outcome == "answered" and counted is not None:
        return counted, counted
    return counted or 0, None if held is None else max(held, counted or 0)


def _details(exchange: Exchange, elapsed_s: float) -> RequestDetails:
    return RequestDetails(
        usage=exchange.usage,
        cost=exchange.cost,
        finish_reason=exchange.finish_reason,
        thinking=exchange.thinking,
        elapsed_s=round(elapsed_s, 3),
    )
