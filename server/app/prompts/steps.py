"""A step of a prompt: a tool, its exact arguments, and what that may cost by the catalog."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...calls.context import AppContext
from ...calls.language import said
from ...catalog import plain
from ...catalog.pricing import Estimate, Workload, compare_prices
from ...errors import InvalidRequest
from .texts import sentences, words

WorkSizes = Mapping[str, Any]  # arguments of `cost`: tokens of one call, how many such, images


@dataclass(frozen=True)
class ToolStep:
    """`model`: whose price counts; empty: nobody knows it. `sizes`: what a typical call of it holds."""

    tool: str
    arguments: Mapping[str, Any]
    model: str
    sizes: WorkSizes

    def told(self, context: AppContext) -> str:
        called = block(self.tool, self.arguments)
        if context.host.kind == "other" or not self.model:
            return f"{called}\n{words('not_ours')}"
        repriced = block("cost", {"models": [self.model], **self.sizes})
        return f"{called}\n{sentences([_money(context, self.model, self.sizes), words('repriced')])}\n{repriced}"


def block(tool: str, arguments: Mapping[str, Any]) -> str:
    """A call that a program can read out of the text, too."""
    given = {name: value for name, value in arguments.items() if value not in ("", None, [], {})}
    return f"```json\n{json.dumps({'tool': tool, 'arguments': given}, ensure_ascii=False, indent=2)}\n```"


def _money(context: AppContext, model: str, sizes: WorkSizes) -> str:
    """What `cost` tells of the same work."""
    try:
        cost = _estimate(context, model, sizes)
    except InvalidRequest as unknown:
        return words("unpriced", model=model, reason=said(unknown.reason))
    if cost.total is None:
        return words("unpriced", model=model, reason=said(cost.reason or ""))
    told = words(
        "expected", total=plain(cost.total), model=cost.model, sizes=_in_words(sizes), region=context.region,
        day=cost.date, page=cost.source,
    )  # fmt: skip
    return sentences([told, *(said(f"{warning.rstrip('.')}.") for warning in cost.warnings)])


def _estimate(context: AppContext, model: str, sizes: WorkSizes) -> Estimate:
    counts = {name: value for name, value in sizes.items() if name != "images"}
    images = [(int(width), int(height)) for width, height in (size.split("x") for size in sizes.get("images", ()))]
    work = Workload(**counts, search_strategy="")
    return compare_prices(
        context.catalog(), [model], work, images, region=context.region, on=context.today()
    ).estimates[0]


def _in_words(sizes: WorkSizes) -> str:
    parts = [words("tokens", input=f"{sizes['input_tokens']:,}", output=f"{sizes['output_tokens']:,}")]
    parts += [words("images", count=len(sizes["images"]), size=sizes["images"][0])] if sizes.get("images") else []
    parts += [words(name) for name in ("thinking", "batch") if sizes.get(name)]
    parts += [words("calls", calls=f"{sizes['calls']:,}")] if sizes.get("calls", 1) > 1 else []
    return words("comma").join(parts)
