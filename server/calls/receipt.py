"""What calls spent, whole, as the ledger tells it: the line of an answer says only the sum."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ..catalog import Cost, Usage, unpriced
from ..errors import InvalidRequest
from ..spending import KeptRequest
from ..text import printable
from .context import AppContext
from .details import RequestDetails
from .result import CallResult
from .spent import sum_costs, sum_usages, without_failed

ANSWERED = ("answered", "cut")
NOT_ENDED = RequestDetails(cost=unpriced("it has not ended, or nobody saw its end"))
AT_NO_COST = RequestDetails(usage=Usage(input_tokens=0, output_tokens=0), cost=Cost(total=Decimal()))


class Receipt(CallResult):
    """One call. `finish_reasons`, `thinking`: of its requests, each once."""

    tool: str
    finish_reasons: tuple[str, ...]
    thinking: tuple[str, ...]


async def receipts_of(context: AppContext, client: str, request_id: str) -> tuple[Receipt, ...]:
    """Of a client's calls that have a request of that id.

    Raises:
        InvalidRequest: there is none, or nobody can look.
    """
    calls = await context.ledger.calls(request_id, client)
    if calls is None:
        raise unreadable_ledger(context)
    if not calls:
        raise unknown_request(request_id)
    return tuple(_receipt(list(map(_past, call))) for call in calls)


def unreadable_ledger(context: AppContext) -> InvalidRequest:
    why = context.ledger.why_not_kept
    return InvalidRequest(f"The ledger cannot be read: {why or 'try again in a moment'}.")


def unknown_request(id: str) -> InvalidRequest:
    return InvalidRequest(f"The ledger has no request or job {printable(id)}: give the id as the answer says it.")


@dataclass(frozen=True)
class _PastRequest:
    """`counted`: the sum of its call is not whole without it, as the answer said. `free`: it was refused at once."""

    kept: KeptRequest
    told: RequestDetails
    counted: bool
    free: bool = False


def _past(kept: KeptRequest) -> _PastRequest:
    told = RequestDetails.of(kept) or NOT_ENDED
    if kept.outcome == "refused" and kept.most == 0 and told.usage is None:
        return _PastRequest(kept, AT_NO_COST, counted=False, free=True)
    return _PastRequest(kept, told, counted=kept.outcome in ANSWERED or told.usage is not None)


def _receipt(requests: Sequence[_PastRequest]) -> Receipt:
    """Everything added up, in the order in which the requests ended."""
    ended = sorted(requests, key=lambda each: each.told.elapsed_s)
    counted = [each for each in ended if each.counted] or ended
    names = tuple(each.kept.request_id for each in ended if each.kept.request_id)
    price = sum_costs([each.told.cost for each in counted])
    return Receipt(
        model=counted[-1].kept.model,
        usage=sum_usages([each.told.usage for each in counted]),
        cost=price.model_copy(update={"warnings": (*price.warnings, *_missing(ended))}),
        request_id=names[-1] if names else "",
        request_ids=names,
        elapsed_s=ended[-1].told.elapsed_s,
        sandbox=any(each.kept.sandbox for each in ended),
        tool=counted[-1].kept.tool,
        finish_reasons=_each_once(each.told.finish_reason for each in counted),
        thinking=_each_once(each.told.thinking for each in counted),
    )


def _missing(requests: Sequence[_PastRequest]) -> list[str]:
    """What may be billed and is not in the sum; where nothing was counted, the sum itself is unknown."""
    if not any(each.counted for each in requests):
        return []
    others = [each.kept.outcome for each in requests if not (each.counted or each.free)]
    failed = sum(outcome in ("failed", "refused") for outcome in others)
    stopped = len(others) - failed
    said = [without_failed(failed)] if failed else []
    return [*said, f"Without {stopped} requests that were stopped or go on: they may be billed."] if stopped else said


def _each_once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, words)))
