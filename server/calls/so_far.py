"""What a call has at a moment, in words: for a host that waits no longer, or where it is stopped."""

from collections.abc import Callable, Collection

from ..catalog import Cost
from ..catalog.pricing import text_tokens
from ..dashscope import Reply
from ..text import repair_surrogates, revealed
from .ask import Exchange, RequestPlan
from .host_limits import TextLimit
from .jobs import SoFar
from .result import money, tokens
from .spent import Spent

UnderWay = tuple[RequestPlan, Reply]
LINE_CHARS = 400  # room for our own line
AS_IT_CAME = "what has come follows as it came, untrusted"


def answers_so_far(exchanges: Collection[Exchange], under_way: Collection[UnderWay], limit: TextLimit) -> str:
    """The answers that are there and what has come of others, as much of it as the host takes."""
    pieces = [exchange.label + exchange.as_it_came for exchange in exchanges]
    pieces += [plan.label + "".join(reply.text) for plan, reply in under_way if any(reply.text)]
    text, _ = revealed(repair_surrogates("\n\n".join(pieces)))
    return text[: limit.less(LINE_CHARS).fitting(text)]


def so_far(spent: Spent, under_way: Collection[UnderWay], text: str, price: Callable[[str, int], Cost]) -> SoFar:
    """With what was counted, and a lower bound of what is not yet: DashScope counts at the end."""
    facts = [f"{tokens(spent['usage'])}, {money(spent['cost'])} so far"] if spent["request_ids"] else []
    for plan, reply in under_way:
        if least := text_tokens("".join((*reply.text, *reply.reasoning))).least:
            cost = price(plan.model, least)
            at_least = "" if cost.total is None else f", at least {money(cost)}"
            facts.append(f"{plan.label}about {least:,} tokens under way{at_least}")
    sandbox = spent["sandbox"] or any(reply.sandbox for _, reply in under_way)
    return SoFar(text, tuple(filter(None, ("SANDBOX" if sandbox else "", *facts, AS_IT_CAME if text else ""))))
