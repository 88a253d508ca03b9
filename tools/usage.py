"""What was spent, and what is left under each cap."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ..server.calls.call import BoundCall, Call
from ..server.calls.client import THIS_USER
from ..server.calls.details import RequestDetails
from ..server.calls.language import said
from ..server.calls.purse import CapLeft
from ..server.calls.receipt import unknown_request, unreadable_ledger
from ..server.calls.result import sum_in_words, tool_result
from ..server.catalog import Cost, Frozen, Money, plain
from ..server.spending import KeptRequest, ReportSpan, SpendingGroup, SpendingSum, from_nano, total_of

ANNOTATIONS = ToolAnnotations(
    title="What was spent, what is left (百炼用量)",
    read_only_hint=True,
    destructive_hint=False,
    idempotent_hint=True,
    open_world_hint=False,
)
EXAMPLE: dict[str, object] = {}
MAX_GROUPS = 40


class UsageGroup(Frozen):
    """`at_least` and `at_most` differ by `uncertain` requests: cut off, failed, or under way."""

    name: str
    requests: int
    input_tokens: int
    output_tokens: int
    at_least: Money
    at_most: Money
    uncertain: int
    unpriced: int = Field(description="Requests whose price is not known: in neither sum")


class SpentRequest(Frozen):
    """One request. Money in CNY; `at_most` null: nobody knows."""

    request_id: str
    day: str
    tool: str
    model: str
    outcome: str
    at_least: Money
    at_most: Money | None
    usage: dict[str, int] = Field(default_factory=dict)
    cost: Cost | None


class UsageAnswer(Frozen):
    since: str
    until: str
    by: str
    groups: tuple[UsageGroup, ...] = ()
    total: UsageGroup | None = None
    caps: tuple[CapLeft, ...] = ()
    requests: tuple[SpentRequest, ...] = ()
    trouble: str = Field("", description="Why no cap can be held now, and what mends it", exclude_if=lambda v: not v)
    sandbox: bool = Field(False, description="True: no money was spent", exclude_if=lambda v: not v)


async def usage(
    call: BoundCall,
    by: Annotated[SpendingGroup | None, Field(description="What to add up by. Default: day")] = None,
    days: Annotated[int, Field(description="How many days, today included (Beijing's)", ge=1, le=3_660)] = 7,
    id: Annotated[str, Field(description="A request id or a job's: that call's price in full")] = "",
) -> Annotated[CallToolResult, UsageAnswer]:
    """See what calls have spent, and what is left under each cap.

    Exact list prices in CNY, from this server's own ledger: free. "at least" and "at most" differ by requests that were
    cut off, failed or are under way.
    """
    today = call.today
    client = None if call.client == THIS_USER else call.client
    span = ReportSpan(str(today - timedelta(days=days - 1)), str(today), client, call.context.ledger.sandbox)
    if id.strip():
        return await _of(call, id.strip(), span)
    by = by or "day"
    sums = await call.context.ledger.sums(by, span)
    if sums is None:
        raise unreadable_ledger(call.context)
    groups = list(map(_group, sums))
    answer = UsageAnswer(
        since=span.first,
        until=span.last,
        by=by,
        groups=tuple(groups[-MAX_GROUPS:] if by == "day" else groups[:MAX_GROUPS]),
        total=_group(total_of(sums)),
        caps=tuple(await call.caps_left()),
        trouble=await call.caps_trouble(),
        sandbox=span.sandbox,
    )
    return tool_result(answer, "\n".join(map(said, _told(answer, len(groups)))))


def _group(each: SpendingSum) -> UsageGroup:
    return UsageGroup(
        name=each.name,
        requests=each.requests,
        input_tokens=each.input_tokens,
        output_tokens=each.output_tokens,
        at_least=from_nano(each.least),
        at_most=from_nano(each.most),
        uncertain=each.uncertain,
        unpriced=each.unknown,
    )


def _told(answer: UsageAnswer, count: int) -> Iterator[str]:
    assert answer.total
    sandbox = "SANDBOX, no money: " if answer.sandbox else ""
    days = f"{answer.since} to {answer.until} Beijing time, by {answer.by}"
    yield f"[{sandbox}{days} | in {answer.total.name}: {_in_words(answer.total)}]"
    yield from (f"{each.name or '(none)'}: {said(_in_words(each))}" for each in answer.groups)
    if count > len(answer.groups):
        yield f"({count - len(answer.groups)} more are in the total only)"
    yield from (_left(cap) for cap in answer.caps)
    if answer.trouble:
        yield f"Nothing that costs money is sent: {answer.trouble}"
    elif not answer.caps:
        yield "No cap is set (BAILIAN_MAX_COST_PER_CALL, _SESSION, _DAY)."


def _left(cap: CapLeft) -> str:
    if cap.spent is None or cap.left is None:
        return f"{cap.name}: {plain(cap.limit)} CNY"
    left = f"{plain(cap.left)} of {plain(cap.limit)} CNY left until {cap.until}"
    held = f", {plain(cap.held)} held by requests under way" if cap.held else ""
    return f"{cap.name}: {left}, {plain(cap.spent)} spent{held}"


def _in_words(group: UsageGroup) -> str:
    money = f"{plain(group.at_least)} CNY"
    if group.uncertain:
        most = f" at least, {plain(group.at_most)} at most" if group.at_most != group.at_least else ""
        money += f"{most} ({group.uncertain:,} uncertain)"
    unpriced = f", {group.unpriced:,} without a known price" if group.unpriced else ""
    requests = f"{group.requests:,} request{'s' if group.requests != 1 else ''}"
    return f"{requests}, {group.input_tokens:,}+{group.output_tokens:,} tokens, {money}{unpriced}"


# --- one call ---


async def _of(call: Call, id: str, span: ReportSpan) -> CallToolResult:
    kept = await call.context.ledger.requests(id, span.client)
    if not kept:
        raise unknown_request(id)
    requests = tuple(map(_request, kept))
    days = [each.day for each in requests]
    sandbox = any(each.sandbox for each in kept)
    answer = UsageAnswer(since=min(days), until=max(days), by="request", requests=requests, sandbox=sandbox)
    lines = [line for request in requests for line in _request_in_words(request)]
    head = f"[{'SANDBOX, no money: ' if sandbox else ''}by request, {answer.since} to {answer.until} Beijing time]"
    return tool_result(answer, "\n".join(map(said, [head, *lines])))


def _request(kept: KeptRequest) -> SpentRequest:
    details = RequestDetails.of(kept)
    return SpentRequest(
        request_id=kept.request_id,
        day=kept.day,
        tool=kept.tool,
        model=kept.model,
        outcome=kept.outcome or "under way",
        at_least=from_nano(kept.least),
        at_most=None if kept.most is None else from_nano(kept.most),
        usage=details.usage.model_dump(exclude_none=True) if details and details.usage else {},
        cost=details.cost if details else None,
    )


def _request_in_words(request: SpentRequest) -> Iterator[str]:
    most = "unknown" if request.at_most is None else f"{plain(request.at_most)} CNY"
    certain = request.at_most == request.at_least
    money = f"{plain(request.at_least)} CNY" if certain else f"{plain(request.at_least)} CNY at least, {most} at most"
    named = request.request_id or "no request id"
    yield f"{request.day} {request.tool} with {request.model}, {request.outcome}: {money} | {named}"
    if request.cost:
        usage = ", ".join(f"{name} {count:,}" for name, count in request.usage.items())
        yield " | ".join(filter(None, (sum_in_words(request.cost), usage, *request.cost.warnings)))
