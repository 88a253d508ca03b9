"""What a workload costs, before it is paid; or the price sheet."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import AfterValidator, Field

from ..server.answer import money, told
from ..server.bailian import Call
from ..server.catalog import (
    Catalog,
    Cost,
    Frozen,
    Model,
    Sheet,
    Wish,
    Workload,
    cost_of,
    fees_in,
    find_models,
    image_tokens,
    in_beijing,
    in_force,
    is_special,
    over_limits,
    price_sheet,
    text_tokens,
    unknown,
    unpriced,
)
from ..server.hosts import Region
from ..server.searching import Strategy, default_strategy, strategies
from ..server.wording import shown as sayable

ANNOTATIONS = ToolAnnotations(
    title="What a call costs (百炼价格)",
    read_only_hint=True,
    destructive_hint=False,
    idempotent_hint=True,
    open_world_hint=False,
)
EXAMPLE = {"models": ["qwen3.7-plus", "qwen3.8-flash"], "input_tokens": 300_000, "output_tokens": 2_000, "calls": 10}
MOST_SHOWN = 10
MOST_SHEETS = 15
MAIN = ("mainline", "third_party")
ON_THE_SHEET = ("chat", "vision", "ocr")
COMPARED = ("chat", "vision", "omni")  # the types that are compared when no model is named

Count = Annotated[int, Field(ge=0, le=10**12)]


def _sized(size: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,5}[xX×*][1-9][0-9]{0,5}", size):
        raise ValueError('must be width x height in pixels, as "1024x768"')
    return size


def _moment(text: str) -> str:
    try:
        if text and not 2023 <= datetime.fromisoformat(text).year < 2100:
            raise ValueError
    except ValueError:
        raise ValueError("must be a day or a moment, as 2026-11-22 or 2026-11-22T23:30 (Beijing time)") from None
    return text


Sizes = Sequence[tuple[int, int]]
Size = Annotated[str, AfterValidator(_sized)]


class Estimate(Cost):
    model: str
    estimated: bool = Field(description="True: tokens of text or images were guessed before pricing")


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
        tuple[Annotated[str, Field(max_length=100)], ...],
        Field(description="Model ids; empty: the cheapest ones that can do it", max_length=50),
    ] = (),
    input_tokens: Annotated[Count, Field(description="Input tokens of one call, cached and image tokens included")] = 0,
    output_tokens: Annotated[Count, Field(description="Output tokens of one call, reasoning included")] = 0,
    cached_input_tokens: Annotated[Count, Field(description="Of the input: implicit cache hits")] = 0,
    cache_write_tokens: Annotated[Count, Field(description="Of the input: written to the explicit cache")] = 0,
    explicit_cached_tokens: Annotated[Count, Field(description="Of the input: hits of the explicit cache")] = 0,
    thinking: Annotated[bool, Field(description="The call thinks")] = False,
    batch: Annotated[bool, Field(description="Through the Batch API")] = False,
    web_searches: Annotated[Count, Field(description="Web searches of one call")] = 0,
    search_strategy: Annotated[
        Strategy | None, Field(description="Of the web searches. Default: what `web_search` would take")
    ] = None,
    images: Annotated[
        tuple[Size, ...], Field(description='Sizes in pixels of images to add, as "1024x768"', max_length=1000)
    ] = (),
    text: Annotated[str, Field(description="Text to add to the input; its tokens are estimated")] = "",
    calls: Annotated[int, Field(description="How many such calls", ge=1, le=10**9)] = 1,
    region: Annotated[Region | None, Field(description="Default: the server's")] = None,
    on: Annotated[
        str,
        AfterValidator(_moment),
        Field(
            description="The day whose prices hold, as 2026-11-22, or the moment, as 2026-11-22T23:30. Default: today"
        ),
    ] = "",
) -> Annotated[CallToolResult, Costs]:
    """Price calls to Alibaba Cloud Model Studio (百炼) models before making them, or look up prices.

    With token counts, images or text: what they cost on each model, cheapest first. Without: the price sheet (tiers,
    thinking, cache, batch, fine-tuning, deployment, search and page fees). Exact list prices in CNY, with source and
    date. Free of charge: it asks no service.
    """
    catalog, where = bailian.catalog, region or bailian.region
    moment = datetime.fromisoformat(on) if on else None
    day = in_beijing(moment).date() if moment else bailian.today
    when = moment if moment and len(on) > len("2026-11-22") else day
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
        search_strategy=search_strategy or "",
    )
    asked = tuple(dict.fromkeys(map(catalog.spelled, models)))
    if not (work.input_tokens or output_tokens or web_searches or images):
        return _told(_price_sheets(catalog, asked, where, day))
    sizes = tuple(map(_sides, images))
    notes = []
    if guess:
        notes.append(f"The text is about {guess.likely:,} tokens, at least {guess.least:,}, at most {guess.most:,}.")
    estimate = partial(_estimate, catalog, work=work, sizes=sizes, region=where, when=when, guessed=bool(guess))
    if asked:
        shown = sorted(map(estimate, asked), key=_by_total)
    else:
        able = [model.id for model in catalog.models if _is_able(model, work, sizes, where, day)]
        shown = sorted(map(estimate, able), key=_by_total)[:MOST_SHOWN]
        notes.append(f"The {len(shown)} cheapest of {len(able)} main models in service that can do it.")
    return _told(_compared(catalog, shown, where, str(when), notes))


def _compared(catalog: Catalog, shown: Sequence[Estimate], region: str, on: str, notes: Sequence[str]) -> Costs:
    """What is said of every estimate is said once."""
    priced = [set(each.warnings) for each in shown if each.total is not None]
    common = [said for said in shown[0].warnings if all(said in each for each in priced)] if len(priced) > 1 else []
    trouble = [f"Of all: {catalog.trouble}"] if catalog.trouble and catalog.trouble not in common else []
    estimates = [
        each.model_copy(update={"warnings": tuple(said for said in each.warnings if said not in common)})
        for each in shown
    ]
    return Costs(
        region=region,
        on=on,
        cheapest=_cheapest(catalog, shown),
        estimates=tuple(estimates),
        notes=(*common, *trouble, *notes),
    )


def _cheapest(catalog: Catalog, shown: Sequence[Estimate]) -> str | None:
    priced = [each.model for each in shown if each.total is not None]
    return next((name for name in priced if (m := catalog.find(name)) and m.lifecycle.status == "active"), None)


# --- estimates ---


def _by_total(estimate: Estimate) -> tuple[bool, Decimal]:
    return estimate.total is None, estimate.total or Decimal()


def _sides(size: str) -> tuple[int, int]:
    width, _, height = size.lower().replace("×", "x").replace("*", "x").partition("x")
    return int(width), int(height)


def _is_able(model: Model, work: Workload, sizes: Sizes, region: str, day: date) -> bool:
    """Whether a model is compared unasked: a main line in service there, that can do the work."""
    whole, _ = _with_images(model, work, sizes)
    thinks = not work.thinking or (model.thinking is not None and model.thinking.mode != "none")
    return (
        model.type in COMPARED
        and model.kind not in ("snapshot", "latest")
        and "/" not in model.id  # sold by its maker, after a step in the console
        and not is_special(model)
        and model.lifecycle.status == "active"
        and not _cannot(model, work, sizes, region)
        and thinks
        and not any(over_limits(model, whole))
        and _is_sold(model, region, day)
    )


def _is_sold(model: Model, region: str, day: date) -> bool:
    """Whether it has a price there that is more than nothing for a time."""
    return any(price.kind == "list" and price.tiers[0].text_input for price in in_force(model, region, None, day))


def _estimate(
    catalog: Catalog, name: str, *, work: Workload, sizes: Sizes, region: str, when: date | datetime, guessed: bool
) -> Estimate:
    model = catalog.find(name)
    refusal = _cannot(model, work, sizes, region) if model else ""
    if model is None or refusal:
        priced = unpriced(refusal or unknown(catalog, name))
    else:
        whole, notes = _with_images(model, work, sizes)
        if offered := strategies(model, region):
            named = next((each for each in offered if each == work.search_strategy), default_strategy(offered, region))
            whole = replace(whole, search_strategy=offered[named])
        priced = cost_of(catalog, name, whole, region=region, on=when)
        priced = priced.model_copy(update={"warnings": (*priced.warnings, *notes)})
    return Estimate(model=sayable(name), estimated=guessed or bool(sizes), **dict(priced))


def _cannot(model: Model, work: Workload, sizes: Sizes, region: str) -> str:
    if sizes and "image" not in model.input:
        return f"{model.id} reads no images"
    if work.thinking and model.thinking and model.thinking.mode == "none":
        return f"{model.id} cannot think"
    return _cannot_search(model, work, region) if work.web_searches else ""


def _cannot_search(model: Model, work: Workload, region: str) -> str:
    offered = strategies(model, region)
    if not offered:
        return f"{model.id} cannot search the web in {region}"
    if work.search_strategy and work.search_strategy not in offered:
        return f"{model.id} has no search strategy {work.search_strategy} in {region}: it has {', '.join(offered)}"
    return ""


def _with_images(model: Model, work: Workload, sizes: Sizes) -> tuple[Workload, list[str]]:
    kind = "ocr" if model.type == "ocr" else "vision"
    tokens = sum(image_tokens(*size, patch_px=model.image_patch_px, kind=kind) for size in sizes)
    always = model.thinking is not None and model.thinking.mode == "only"
    notes = [f"The images are at most {tokens:,} tokens."] if tokens else []
    notes += [f"{model.id} always thinks: its output includes the reasoning."] if always and not work.thinking else []
    notes += [f"Whether {model.id} can think is not known."] if work.thinking and model.thinking is None else []
    whole = replace(
        work,
        input_tokens=work.input_tokens + tokens,
        input_by_modality={"image": tokens} if tokens else {},
        thinking=work.thinking or always,
    )
    return whole, notes


# --- price sheets ---


def _price_sheets(catalog: Catalog, names: Sequence[str], region: str, day: date) -> Costs:
    listed = find_models(catalog, Wish(), region=region, on=day)
    main = [
        m.id
        for m in listed
        if m.type in ON_THE_SHEET and m.kind in MAIN and not is_special(m) and _is_sold(m, region, day)
    ]
    sheets, notes = [], []
    for name in names or main[:MOST_SHEETS]:
        model = catalog.find(name)
        if model is None:
            notes.append(f"{unknown(catalog, name)}.")
        else:
            sheets.append(price_sheet(catalog, model, name, region, day))
    if not names:
        notes.append("The main models in service. Name others in `models`; the tool `models` finds them.")
    notes += [catalog.trouble] if catalog.trouble else []
    fees = fees_in(catalog, region)
    return Costs(region=region, on=str(day), cheapest=None, sheets=tuple(sheets), fees=fees, notes=tuple(notes))


# --- both kinds of hosts ---


def _told(costs: Costs) -> CallToolResult:
    lines = [f"{each.model}{' (estimated)' if each.estimated else ''}: {money(each)}" for each in costs.estimates]
    lines += [_sheet_in_words(sheet) for sheet in costs.sheets]
    if costs.cheapest and len(costs.estimates) > 1:
        lines.append(f"Cheapest in service: {costs.cheapest}.")
    lines += costs.notes
    if costs.fees:
        lines.append(f"Fees in CNY: {'; '.join(f'{name} {fee}' for name, fee in costs.fees.items())}.")
    lines.append(f"[prices of {costs.on} in {costs.region}, from the catalog: nothing was sent or billed]")
    return told(costs, "\n".join(lines))


def _sheet_in_words(sheet: Sheet) -> str:
    parts = [", ".join(f"{name} {value}" for name, value in tier.items()) for tier in sheet.tiers]
    parts += ["off-peak " + ", ".join(f"{k} {v}" for k, v in tier.items()) for tier in sheet.off_peak]
    parts += [f"batch x {sheet.batch}"] if sheet.batch else []
    parts += [f"free quota {sheet.free_quota_tokens:,} tokens"] if sheet.free_quota_tokens else []
    page = f" ({sheet.source} of {sheet.date})" if sheet.source else ""
    said = f"{sheet.model} [{sheet.status}], CNY per million tokens: {'; '.join(parts) or 'none'}{page}"
    return " ".join([f"{said}.", *(f"{service}." for service in sheet.services), *sheet.notes])
