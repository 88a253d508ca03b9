"""What an answer carries, and how it reads: as data and as text, for hosts that show the model only one of them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypedDict

from mcp.types import CallToolResult, ResourceLink, TextContent
from pydantic import Field

from ..catalog import Cost, CostLine, Frozen, Usage, line, plain, sum_lines, unpriced
from .ask import Exchange

PER = {1_000_000: "/M", 1_000: "/1,000", 1: ""}


class CallResult(Frozen):
    """What every answer that called DashScope carries."""

    model: str = Field(description="The model id that was sent")
    usage: Usage | None = Field(description="Null when DashScope reported none")
    cost: Cost
    request_id: str
    request_ids: tuple[str, ...]
    elapsed_s: float
    sandbox: bool = Field(
        False, description="True: made by the sandbox, no model was asked", exclude_if=lambda v: not v
    )


class Completion(CallResult):
    """A model's answer in words."""

    text: str = Field(description="The answer, verbatim")
    reasoning: str = Field(description="The model's reasoning, its middle left out when long")
    finish_reason: str = Field(description="stop, length (limit reached), interrupted (stream cut), ...")
    truncated: bool = Field(description="True: the answer is not whole")
    incomplete: str = Field("", description="Why it is not whole", exclude_if=lambda v: not v)
    thinking: str = Field(description="The thinking level used")


def call_result(answer: CallResult, text: str, *facts: str, links: Sequence[ResourceLink] = ()) -> CallToolResult:
    """An answer for both kinds of hosts: those that show the model only the text, and only the structure.

    `text` is the answer itself. What `CallResult` and `Completion` hold beside it is added here; `facts`: what else the
    tool's own result says, for the last line; `links`: blocks that follow the text.
    """
    parts = [text]
    if isinstance(answer, Completion):
        parts += [f"[incomplete] {answer.incomplete}"] if answer.incomplete else []
        parts += [f"[reasoning]\n{answer.reasoning}"] if answer.reasoning else []
        facts = (f"finish_reason {answer.finish_reason}", f"thinking {answer.thinking}", *facts)
    whole = "\n\n".join([*filter(None, parts), _last_line(answer, facts)])
    return tool_result(answer, whole, links)


def tool_result(data: Frozen, text: str, links: Sequence[ResourceLink] = ()) -> CallToolResult:
    """The same thing said twice: as text for the hosts that show only that, and as data."""
    return CallToolResult(
        content=[TextContent(type="text", text=text), *links], structured_content=data.model_dump(mode="json")
    )


def _last_line(answer: CallResult, facts: Sequence[str]) -> str:
    parts = [
        "SANDBOX: no model was asked" if answer.sandbox else "",
        answer.model,
        *facts,
        tokens(answer.usage),
        money(answer.cost),
        f"{answer.elapsed_s:g} s",
        f"request {', '.join(answer.request_ids) or 'id unknown'}",
    ]
    return f"[{' | '.join(filter(None, parts))}]"


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
        usage=_usage_of_all([exchange.usage for exchange in exchanges]),
        cost=_cost_of_all([exchange.cost for exchange in exchanges]),
        request_id=exchanges[-1].request_id if exchanges else "",
        request_ids=names,
        elapsed_s=round(elapsed_s, 3),
        sandbox=any(exchange.sandbox for exchange in exchanges),
    )


def completion_result(exchange: Exchange, spent: Spent) -> Completion:
    return Completion(
        **spent,
        text=exchange.text,
        reasoning=exchange.reasoning,
        finish_reason=exchange.finish_reason,
        truncated=exchange.truncated,
        incomplete=exchange.incomplete,
        thinking=exchange.thinking,
    )


def _usage_of_all(usages: Sequence[Usage | None]) -> Usage | None:
    """Sums; a count is null where any request did not report it."""
    if not usages:
        return Usage(input_tokens=0, output_tokens=0)
    known = [usage for usage in usages if usage is not None]
    if len(known) < len(usages):
        return None
    sums: dict[str, int | None] = {}
    for name in Usage.model_fields:
        counts = [getattr(usage, name) for usage in known]
        sums[name] = None if None in counts else sum(counts)
    return Usage.model_validate(sums)


def _cost_of_all(costs: Sequence[Cost]) -> Cost:
    """The requests' lines, those of one price added up; unknown as soon as one of them is."""
    if len(costs) < 2:
        return costs[0] if costs else Cost(total=Decimal())
    warnings = tuple(dict.fromkeys(said for cost in costs for said in cost.warnings))
    if unknown := next((cost.reason for cost in costs if cost.total is None), None):
        return unpriced(unknown, *warnings)
    lines: dict[tuple[str, Decimal, int], int] = {}
    for each in (each for cost in costs for each in cost.lines):
        key = (each.item, each.unit_price, each.per)
        lines[key] = lines.get(key, 0) + each.quantity
    summed_lines = tuple(line(item, count, price, per) for (item, price, per), count in lines.items())
    tiers = " and ".join(dict.fromkeys(cost.tier for cost in costs if cost.tier))
    return costs[-1].model_copy(
        update={"total": sum_lines(summed_lines), "lines": summed_lines, "tier": tiers, "warnings": warnings}
    )


def tokens(usage: Usage | None) -> str:
    if usage is None:
        return "tokens unknown"
    inside = [
        (usage.cached_input_tokens, "cached"),
        (usage.image_tokens, "of images"),
    ]
    read = ", ".join(f"{count:,} {what}" for count, what in inside if count is not None)
    thought = "" if usage.reasoning_tokens is None else f" ({usage.reasoning_tokens:,} reasoning)"
    return f"{usage.input_tokens:,} tokens in{f' ({read})' if read else ''}, {usage.output_tokens:,} out{thought}"


def money(cost: Cost) -> str:
    if cost.total is None:
        said = f"cost unknown: {cost.reason}"
    elif cost.tier is None:
        said = f"{plain(cost.total)} {cost.currency}: nothing was sent"
    else:
        sums = " + ".join(map(_product, cost.lines))
        said = (
            f"{plain(cost.total)} {cost.currency} = {sums or 'nothing'} "
            f"(list price, tier {cost.tier}, {cost.source} of {cost.date})"
        )
    return " | ".join([said, *(f"note: {warning}" for warning in cost.warnings)])


def _product(line: CostLine) -> str:
    return f"{line.quantity:,} {line.item} x {plain(line.unit_price)}{PER[line.per]}"
