"""What a call has at a moment: for a host that waits no longer, or where it is stopped."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from ..catalog import Cost, plain
from ..catalog.pricing import text_tokens
from ..dashscope import Reply
from ..text import repair_surrogates, revealed
from .ask import Exchange, RequestPlan
from .host_limits import TextLimit
from .jobs import SoFar
from .result import money, tokens
from .spent import Spent

UnderWay = tuple[RequestPlan, Reply]
PriceOf = Callable[[str, int, int], Cost]  # of a model, of so many tokens in and out
LINE_CHARS = 400  # room for our own line


def answers_so_far(exchanges: Collection[Exchange], under_way: Collection[UnderWay], limit: TextLimit) -> str:
    """The answers that are there and what has come of others, as much of it as the host takes."""
    pieces = [exchange.label + exchange.as_it_came for exchange in exchanges if exchange.as_it_came.strip()]
    pieces += [plan.label + "".join(reply.text) for plan, reply in under_way if any(reply.text)]
    text, _ = revealed(repair_surrogates("\n\n".join(pieces)))
    return text[: limit.less(LINE_CHARS).fitting(text)]


def so_far(spent: Spent, under_way: Collection[UnderWay], text: str, price: PriceOf) -> SoFar:
    """With what was counted, and a lower bound of what is not yet: DashScope counts at the end."""
    counted = f"{tokens(spent['usage'])}, {money(spent['cost'])} so far" if spent["request_ids"] else ""
    written = [(plan, _written(reply)) for plan, reply in under_way]
    sandbox = spent["sandbox"] or any(reply.sandbox for _, reply in under_way)
    return SoFar(text, sandbox, counted, sum(least for _, least in written), _at_least(written, price))


def _written(reply: Reply) -> int:
    return text_tokens(reply.written).least if reply.answered else 0


def _at_least(written: Collection[tuple[RequestPlan, int]], price: PriceOf) -> str:
    """What it costs with the questions; of pictures and files nothing is said: what they cost is not counted here."""
    asked = [_texts_of(plan.messages) for plan, _ in written]
    if not written or None in asked:
        return ""
    costs = [
        price(plan.model, text_tokens(text or "").least, least)
        for (plan, least), text in zip(written, asked, strict=True)
    ]
    totals = [cost.total for cost in costs if cost.total is not None]
    return f", at least {plain(sum(totals[1:], totals[0]))} {costs[0].currency}" if len(totals) == len(costs) else ""


def _texts_of(messages: Any) -> str | None:
    """All words of a question; None: it holds more than words."""
    texts = list(_contents(messages))
    return None if None in texts else "".join(filter(None, texts))


def _contents(messages: Any) -> Iterator[str | None]:
    for message in messages:
        content = message.get("content", "")
        for part in [content] if isinstance(content, str) else content:
            yield part if isinstance(part, str) else part.get("text")
