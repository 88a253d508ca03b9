"""What all requests of a call used and cost, added up: nothing is lost, and what is unknown stays so."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TypedDict

from ..catalog import Cost, Usage, line, sum_lines, unpriced
from .affordable import LIMITED
from .ask import Exchange

ONLY_WHERE_USED = ("cache_write_tokens", "explicit_cached_tokens")  # not told of a request without such a cache


class Spent(TypedDict):
    """What `CallResult` holds, of all requests of a call."""

    model: str
    usage: Usage | None
    cost: Cost
    request_id: str
    request_ids: tuple[str, ...]
    elapsed_s: float
    sandbox: bool


def sum_exchanges(model: str, exchanges: Sequence[Exchange], elapsed_s: float) -> Spent:
    """Everything added up, nothing lost. Of no request at all: nothing was used, and nothing is to be paid."""
    names = tuple(exchange.request_id for exchange in exchanges if exchange.request_id)
    return Spent(
        model=model,
        usage=sum_usages([exchange.usage for exchange in exchanges]),
        cost=sum_costs([exchange.cost for exchange in exchanges]),
        request_id=exchanges[-1].request_id if exchanges else "",
        request_ids=names,
        elapsed_s=round(elapsed_s, 3),
        sandbox=any(exchange.sandbox for exchange in exchanges),
    )


def sum_usages(usages: Sequence[Usage | None]) -> Usage | None:
    """Sums; a count is null where any request did not report it."""
    if not usages:
        return Usage(input_tokens=0, output_tokens=0)
    known = [usage for usage in usages if usage is not None]
    if len(known) < len(usages):
        return None
    sums: dict[str, int | None] = {}
    for name in Usage.model_fields:
        counts = [getattr(usage, name) for usage in known]
        if name in ONLY_WHERE_USED:
            counts = [count for count in counts if count is not None] or [None]
        sums[name] = None if None in counts else sum(counts)
    return Usage.model_validate(sums)


def without_failed(count: int) -> str:
    return f"Without {count} failed requests: whether DashScope bills them, it does not say."


def _once(warnings: Iterable[str]) -> Iterable[str]:
    """Each warning once; of the limits that caps set the last, and tightest."""
    return {said.partition(LIMITED)[1] or said: said for said in warnings}.values()


def sum_costs(costs: Sequence[Cost]) -> Cost:
    """The requests' lines, those of one price added up; unknown as soon as one of them is."""
    if len(costs) < 2:
        return costs[0] if costs else Cost(total=Decimal())
    warnings = tuple(_once(said for cost in costs for said in cost.warnings))
    if unknown := next((cost.reason for cost in costs if cost.total is None), None):
        return unpriced(unknown, *warnings)
    lines: dict[tuple[str, Decimal, int], int] = {}
    for each in (each for cost in costs for each in cost.lines):
        key = (each.item, each.unit_price, each.per)
        lines[key] = lines.get(key, 0) + each.quantity
    summed_lines = tuple(line(item, count, price, per) for (item, price, per), count in lines.items())
    tiers = " and ".join(dict.fromkeys(cost.tier for cost in costs if cost.tier))
    return costs[-1].model_copy(
        update={
            "total": sum_lines(summed_lines),
            "lines": summed_lines,
            "tier": tiers,
            "warnings": warnings,
            "notes": tuple(dict.fromkeys(said for cost in costs for said in cost.notes)),
        }
    )
