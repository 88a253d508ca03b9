"""How a request is made to fit what a cap leaves, or what would fit instead."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..catalog import Model, is_special, strategies
from ..dashscope import DashScopeError
from ..errors import NOTHING_SENT
from ..spending import OverCap, Reserved
from ..spending import in_currency as cny
from .ask import RequestPlan
from .context import AppContext
from .worst_case import MAX_OCR_TOKENS, MIN_OUTPUT_TOKENS, WorstCase

LIMITED = "a spending cap limits the output to"
MIN_NAMED_TOKENS = 16  # an output limit that is worth to be named
LONG_INPUT_TOKENS = 4_000  # of which a shorter one would cost notably less


def limited(plan: RequestPlan, worst: WorstCase, held: Reserved) -> RequestPlan:
    """The plan with a limit of output that the held sum pays for, where its own is higher; and a word about it."""
    assert held.nano is not None
    if held.nano == worst.nano():
        return plan
    tokens = worst.output_within(held.nano)
    said = f"{LIMITED} {tokens:,} tokens"
    thinking = replace(plan.thinking, warnings=(*plan.thinking.warnings, said))
    limits = _limits(plan, tokens - worst.unbounded_tokens, unbounded=worst.unbounded_tokens > 0)
    return replace(plan, thinking=thinking, parameters={**plan.parameters, **limits})


def _limits(plan: RequestPlan, tokens: int, *, unbounded: bool) -> dict[str, Any]:
    """Half of it may be thought, where the model thinks within a budget; never more than was asked for."""
    body = plan.body
    room = int(body.get("thinking_budget") or plan.thinking.room_tokens)
    if whole := body.get("max_completion_tokens"):
        budget = {"thinking_budget": min(room, tokens // 2)} if "thinking_budget" in body else {}
        return {"max_completion_tokens": min(int(whole), tokens), **budget}
    if unbounded:  # reasoning has been left out of it
        room = 0
    answer = min(int(body.get("max_tokens") or MAX_OCR_TOKENS), tokens - min(room, tokens // 2))
    budget = {"thinking_budget": min(room, tokens - answer)} if room else {}
    return {"max_tokens": answer, **budget}


def over_cap(context: AppContext, tool: str, plan: RequestPlan, worst: WorstCase, found: OverCap) -> DashScopeError:
    """Nothing was sent: the figures, and what would fit."""
    cap, least = found.cap, worst.nano(worst.shortest)
    fits = " ".join(_what_fits(context, tool, plan, worst, found))
    return DashScopeError(
        f"It may cost up to {cny(worst.nano() or 0)} CNY, {cny(least or 0)} with the shortest answer, and "
        f"{cap.setting} leaves {cny(found.left)} of {cny(cap.limit)} CNY until {cap.until}. "
        f"{NOTHING_SENT} {fits}",
        kind="capped",
    )


def _what_fits(context: AppContext, tool: str, plan: RequestPlan, worst: WorstCase, found: OverCap) -> Iterator[str]:
    """To wait, a cheaper model for the same, a shorter answer, less to read."""
    left = found.left
    if found.held:
        yield f"{cny(found.held)} CNY more are held by requests under way: call again when they have ended."
    models = [f"model={name} (at least {cny(bound)} CNY)" for name, bound in _cheaper(context, plan, worst, left)]
    if len(models) > 1:
        yield f"What fits: {models[0]} or {models[1]}."
    elif models:
        yield f"What fits: {models[0]}."
    tokens = worst.output_within(left)
    if tool == "chat" and tokens >= MIN_NAMED_TOKENS and not worst.unbounded_tokens:
        yield f"With max_output_tokens={tokens} it fits."
    if worst.work.input_tokens > LONG_INPUT_TOKENS and not plan.search_strategy:
        yield "A shorter input costs less: fewer files or pages."
    yield "Give a higher max_cost for more." if found.cap.name == "MAX_COST" else "Have the cap raised for more."


def _cheaper(context: AppContext, plan: RequestPlan, worst: WorstCase, left: int) -> list[tuple[str, int]]:
    """Of the models that fit the two best, as their prices say; those of the same series first."""
    known, found = context.known(plan.model), []
    assert known  # whose price is known
    for model in context.catalog().models:
        bound = worst.on(model).nano(MIN_OUTPUT_TOKENS) if _does_the_same(model, known, context, plan) else None
        if bound is not None and bound <= left:
            found.append((model.series == known.series, bound, model.id))
    return [(name, bound) for _, bound, name in sorted(found, reverse=True)[:2]]


def _does_the_same(model: Model, asked: Model, context: AppContext, plan: RequestPlan) -> bool:
    """In service here, of the same type, and able to read, to search and to call what this one does."""
    region = context.host.region or ""
    offered = model.lifecycle.status == "active" and model.kind == "mainline" and model.type == asked.type
    here = not model.regions or region in model.regions
    texts_only = all(isinstance(message.get("content"), str) for message in plan.messages)
    reads = texts_only or not model.input or set(asked.input) <= set(model.input)
    searches = not plan.search_strategy or plan.search_strategy in strategies(model, region).values()
    calls = "tools" not in plan.parameters or model.can.get("tools", False)
    reads = reads and not (plan.names_documents and model.series != asked.series)
    return model is not asked and offered and here and reads and searches and calls and not is_special(model)
