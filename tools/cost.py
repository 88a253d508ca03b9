"""What a workload costs, before it is paid; or the price sheet."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from ..server.answer import money
from ..server.bailian import Call
from ..server.catalog import (
    Catalog,
    Cost,
    Frozen,
    Model,
    Sheet,
    Workload,
    cost_of,
    fees_in,
    image_tokens,
    in_force,
    price_sheet,
    text_tokens,
    unknown,
    unpriced,
)
from ..server.hosts import Region

ANNOTATIONS = ToolAnnotations(
    title="What a call costs (百炼价格)",
    read_only_hint=True,
    destructive_hint=False,
    idempotent_hint=True,
    open_world_hint=False,
)
EXAMPLE = {"models": ["qwen3.7-plus", "qwen3.8-flash"], "input_tokens": 300_000, "output_tokens": 2_000, "calls": 10}
CHINESE = "调用前算清费用：阶梯价、思考价、缓存、Batch、搜索费，从便宜到贵；不给用量则列价目表。无需密钥，不花钱。"
MOST_SHOWN = 10
COMPARED = ("chat", "vision", "omni")  # the types that are compared when no model is named

Count = Annotated[int, Field(ge=0, le=10**12)]
Size = Annotated[str, Field(pattern=r"^[1-9]\d{0,5}[xX×*][1-9]\d{0,5}$")]


class Estimate(Cost):
    model: str


class Costs(Frozen):
    """Estimates for a workload, cheapest first; without one, price sheets."""

    region: str
    on: str
    cheapest: str | None
    estimates: tuple[Estimate, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    fees: dict[str, str] = Field({}, description="What is not billed by the token, in CNY")
    notes: tuple[str, ...] = ()


async def cost(
    bailian: Call,
    models: Annotated[
        tuple[str, ...], Field(description="Model ids; empty: the cheapest ones that can do it", max_length=50)
    ] = (),
    input_tokens: Annotated[Count, Field(description="Input tokens of one call, cached and image tokens included")] = 0,
    output_tokens: Annotated[Count, Field(description="Output tokens of one call, reasoning included")] = 0,
    cached_input_tokens: Annotated[Count, Field(description="Of the input: implicit cache hits")] = 0,
    cache_write_tokens: Annotated[Count, Field(description="Of the input: written to the explicit cache")] = 0,
    explicit_cached_tokens: Annotated[Count, Field(description="Of the input: hits of the explicit cache")] = 0,
    thinking: Annotated[bool, Field(description="The call thinks")] = False,
    batch: Annotated[bool, Field(description="Through the Batch API")] = False,
    web_searches: Annotated[Count, Field(description="Web searches of one call")] = 0,
    search_strategy: Annotated[Literal["turbo", "max", "agent"], Field(description="Of the web searches")] = "turbo",
    images: Annotated[
        tuple[Size, ...], Field(description='Sizes in pixels of images to add, as "1024x768"', max_length=1000)
    ] = (),
    text: Annotated[str, Field(description="Text to add to the input; its tokens are estimated")] = "",
    calls: Annotated[int, Field(description="How many such calls", ge=1, le=10**9)] = 1,
    region: Annotated[Region | None, Field(description="Default: the server's")] = None,
    on: Annotated[date | None, Field(description="The day whose prices hold, as 2026-11-22. Default: today")] = None,
) -> Annotated[CallToolResult, Costs]:
    """Price calls to Alibaba Cloud Model Studio (百炼) models before making them, or look up prices.

    With token counts, images or text: what they cost on each model, cheapest first. Without: the price sheet (tiers,
    thinking, cache, batch, fine-tuning, deployment, search and page fees). Exact list prices in CNY, with source and
    date. Free of charge: it asks no service.
    """
    where, day = region or bailian.region, on or bailian.today
    guess = text_tokens(text) if text else None
    work = Workload(
        input_tokens=input_tokens + (guess.likely if guess else 0),
        output_tokens=output_tokens,
        cached_input_tokens=cached_input_tokens,
        cache_write_tokens=cache_write_tokens,
        explicit_cached_tokens=explicit_cached_tokens,
        thinking=thinking,
        batch=batch,
        calls=calls,
        web_searches=web_searches,
        search_strategy=search_strategy,
    )
    if not (work.input_tokens or output_tokens or web_searches or images):
        return _told(_price_sheets(bailian.catalog, models, where, day))
    sizes = [(int(width), int(height)) for width, height in map(_sides, images)]
    names, notes = models, []
    if not names:
        names, notes = _candidates(bailian.catalog, where, day), [f"The {MOST_SHOWN} cheapest models in service."]
    if guess:
        notes.append(f"The text is about {guess.likely:,} tokens, at least {guess.least:,}, at most {guess.most:,}.")
    found = [_estimate(bailian.catalog, name, work, sizes, where, day) for name in dict.fromkeys(names)]
    ranked = sorted(found, key=lambda each: (each.total is None, Decimal(each.total or 0)))
    shown = ranked if models else [each for each in ranked if each.total is not None][:MOST_SHOWN]
    cheapest = next((each.model for each in shown if each.total is not None), None)
    return _told(Costs(region=where, on=str(day), cheapest=cheapest, estimates=tuple(shown), notes=tuple(notes)))


# --- estimates ---


def _sides(size: str) -> tuple[str, str]:
    width, _, height = size.lower().replace("×", "x").replace("*", "x").partition("x")
    return width, height


def _candidates(catalog: Catalog, region: str, day: date) -> tuple[str, ...]:
    """Main lines in service that have a price there; their snapshots cost the same."""
    return tuple(
        model.id
        for model in catalog.models
        if model.type in COMPARED
        and model.kind not in ("snapshot", "latest")
        and "/" not in model.id  # sold by its maker, after a step in the console
        and model.lifecycle.status == "active"
        and _is_sold(model, region, day)
    )


def _is_sold(model: Model, region: str, day: date) -> bool:
    return any(price.kind == "list" for price in in_force(model, region, None, day))


def _estimate(
    catalog: Catalog, name: str, work: Workload, sizes: Sequence[tuple[int, int]], region: str, day: date
) -> Estimate:
    model = catalog.find(name)
    refusal = _cannot(model, work, sizes) if model else ""
    if model is None or refusal:
        priced = unpriced(refusal or unknown(catalog, name))
    else:
        whole, notes = _with_images(model, work, sizes)
        priced = cost_of(catalog, name, whole, region=region, on=day)
        priced = priced.model_copy(update={"warnings": (*priced.warnings, *notes)})
    return Estimate(model=name, **dict(priced))


def _cannot(model: Model, work: Workload, sizes: Sequence[tuple[int, int]]) -> str:
    if sizes and "image" not in model.input:
        return f"{model.id} reads no images"
    if work.thinking and model.thinking and model.thinking.mode == "none":
        return f"{model.id} cannot think"
    if work.web_searches and model.can.get("web_search") is False:
        return f"{model.id} cannot search the web"
    return ""


def _with_images(model: Model, work: Workload, sizes: Sequence[tuple[int, int]]) -> tuple[Workload, list[str]]:
    kind = "ocr" if model.type == "ocr" else "vision"
    tokens = sum(image_tokens(*size, patch_px=model.image_patch_px, kind=kind) for size in sizes)
    always = model.thinking is not None and model.thinking.mode == "only"
    notes = [f"The images are at most {tokens:,} tokens."] if tokens else []
    notes += [f"{model.id} always thinks: its output includes the reasoning."] if always and not work.thinking else []
    whole = Workload(
        **{
            **vars(work),
            "input_tokens": work.input_tokens + tokens,
            "input_by_modality": {"image": tokens} if tokens else {},
            "thinking": work.thinking or always,
        }
    )
    return whole, notes


# --- price sheets ---


def _price_sheets(catalog: Catalog, names: Sequence[str], region: str, day: date) -> Costs:
    chosen = names or [m.id for m in catalog.models if _on_the_sheet(m) and _is_sold(m, region, day)]
    sheets, notes = [], []
    for name in dict.fromkeys(chosen):
        model = catalog.find(name)
        if model is None:
            notes.append(f"{unknown(catalog, name)}.")
        else:
            sheets.append(price_sheet(catalog, model, name, region, day))
    if not names:
        notes.append("Alibaba's own main models in service. Name others in `models`; `models` the tool finds them.")
    fees = fees_in(catalog, region)
    return Costs(region=region, on=str(day), cheapest=None, sheets=tuple(sheets), fees=fees, notes=tuple(notes))


def _on_the_sheet(model: Model) -> bool:
    main = model.kind == "mainline" and model.lifecycle.status == "active" and model.vendor == "alibaba"
    return main and model.id.startswith("qwen") and "realtime" not in model.id


# --- both kinds of hosts ---


def _told(costs: Costs) -> CallToolResult:
    lines = [f"{each.model}: {money(each)}" for each in costs.estimates]
    lines += [_sheet_in_words(sheet) for sheet in costs.sheets]
    if costs.cheapest and len(costs.estimates) > 1:
        lines.append(f"Cheapest: {costs.cheapest}.")
    if costs.fees:
        lines.append(f"Fees in CNY: {'; '.join(f'{name} {fee}' for name, fee in costs.fees.items())}.")
    lines += costs.notes
    lines.append(f"[prices of {costs.on} in {costs.region}, from the catalog: nothing was sent or billed]")
    return CallToolResult(
        content=[TextContent(type="text", text="\n".join(lines))], structured_content=costs.model_dump(mode="json")
    )


def _sheet_in_words(sheet: Sheet) -> str:
    parts = [", ".join(f"{name} {value}" for name, value in tier.items()) for tier in sheet.tiers]
    parts += ["off-peak " + ", ".join(f"{k} {v}" for k, v in tier.items()) for tier in sheet.off_peak]
    parts += [f"batch x {sheet.batch}"] if sheet.batch else []
    parts += [f"fine-tuning {sheet.training} per million training tokens"] if sheet.training else []
    parts += [f"free quota {sheet.free_quota_tokens:,} tokens"] if sheet.free_quota_tokens else []
    parts += [*sheet.deployment, *sheet.notes]
    page = f" ({sheet.source} of {sheet.date})" if sheet.source else ""
    return f"{sheet.model} [{sheet.status}], CNY per million tokens: {'; '.join(parts)}{page}"
