"""How a request is made to fit what a cap leaves, or what would fit instead."""

from dataclasses import replace
from typing import Any

from ..catalog import Model, plain
from ..dashscope import DashScopeError
from ..errors import NOTHING_SENT
from ..spending import OverCap, Reserved, from_nano
from .ask import RequestPlan
from .context import AppContext
from .worst_case import MIN_OUTPUT_TOKENS, WorstCase

MAX_SUGGESTIONS = 2


def limited(plan: RequestPlan, worst: WorstCase, held: Reserved) -> RequestPlan:
    """The plan with a limit of output that the held sum pays for, where its own is higher; and a word about it."""
    assert held.nano is not None
    tokens = worst.output_within(held.nano)
    if tokens >= worst.output_tokens:
        return plan
    said = f"a spending cap leaves {plain(from_nano(held.nano))} CNY, so the output is limited to {tokens:,} tokens"
    thinking = replace(plan.thinking, warnings=(*plan.thinking.warnings, said))
    limits = _limits(plan, tokens, worst.unbounded_tokens)
    return replace(plan, thinking=thinking, parameters={**plan.parameters, **limits})


def _limits(plan: RequestPlan, tokens: int, unbounded: int) -> dict[str, Any]:
    """Half of it may be thought, where the model thinks within a budget; what that leaves over is the answer's."""
    body = plan.body
    budget = 0 if unbounded else min(int(body.get("thinking_budget") or plan.thinking.room_tokens), tokens // 2)
    thought = {"thinking_budget": budget} if budget else {}
    if "max_completion_tokens" in body:
        return {"max_completion_tokens": tokens, **(thought if "thinking_budget" in body else {})}
    return {"max_tokens": tokens - budget - unbounded, **thought}


def over_cap(found: OverCap, worst: WorstCase, least: int, fits: str) -> DashScopeError:
    """Nothing was sent: the figures, and what would fit."""
    cap = found.cap
    return DashScopeError(
        f"It may cost up to {_cny(worst.nano() or 0)} CNY, {_cny(least)} with the shortest answer, and "
        f"BAILIAN_MAX_COST_PER_{cap.name} leaves {_cny(found.left)} of {_cny(cap.limit)} CNY until {cap.until}. "
        f"{NOTHING_SENT} {fits}",
        kind="capped",
    )


def what_fits(context: AppContext, plan: RequestPlan, worst: WorstCase, left: int) -> str:
    """A cheaper model for the same, or less to read."""
    known = context.known(plan.model)
    models = [model for model in context.catalog().models if known and _does_the_same(model, known, context, plan)]
    bounds = {model.id: worst.on(model).nano(MIN_OUTPUT_TOKENS) for model in models}
    fitting = {name: bound for name, bound in bounds.items() if bound is not None and bound <= left}
    best = sorted(fitting, key=lambda name: (fitting[name], name), reverse=True)[:MAX_SUGGESTIONS]
    if best:
        named = " or ".join(f"model={name} (at least {_cny(fitting[name])} CNY)" for name in best)
        return f"What fits: {named}; or a shorter input."
    return "Shorten the input (fewer files or pages), or have the cap raised."


def _does_the_same(model: Model, asked: Model, context: AppContext, plan: RequestPlan) -> bool:
    """In service here, of the same type, and able to read and to search what this one does."""
    region = context.host.region or ""
    offered = model.lifecycle.status == "active" and model.kind == "mainline" and model.type == asked.type
    here = not model.regions or region in model.regions
    reads = (
        not model.input
        or set(asked.input) <= set(model.input)
        or all(isinstance(message.get("content"), str) for message in plan.messages)
    )
    searches = not plan.search_strategy or (model.search is not None and region in model.search.regions)
    return model is not asked and offered and here and reads and searches


def _cny(nano: int) -> str:
    return plain(from_nano(nano))
