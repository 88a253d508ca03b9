"""What a workload costs, before it is paid; or the price sheet."""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import AfterValidator, Field

from ..server.calls.call import BoundCall, Call
from ..server.calls.language import said
from ..server.calls.receipt import Receipt, receipts_of
from ..server.calls.result import sum_in_words, tool_result
from ..server.catalog import Cost, Strategy, in_beijing
from ..server.catalog.pricing import (
    Costs,
    Sheet,
    Workload,
    compare_prices,
    price_sheets,
    row_in_words,
    short_tier,
    text_tokens,
    unit_of_prices,
)
from ..server.endpoints import Region

ANNOTATIONS = ToolAnnotations(
    title="What a call costs (百炼价格)",
    read_only_hint=True,
    destructive_hint=False,
    idempotent_hint=True,
    open_world_hint=False,
)
EXAMPLE = {"models": ["qwen3.7-plus", "qwen3.8-flash"], "input_tokens": 300_000, "output_tokens": 2_000, "calls": 10}

SHORT_SHEETS = "CNY per million tokens in/out, by input tokens"

TokenCount = Annotated[int, Field(ge=0, le=10**12)]


def _sized(size: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,5}[xX×*][1-9][0-9]{0,5}", size):
        raise ValueError('must be width x height in pixels, as "1024x768"')
    return size


def _moment(text: str) -> str:
    try:
        if text and not 2023 <= datetime.fromisoformat(text).year < 2100:
            raise ValueError
    except ValueError:
        raise ValueError(
            "must be a day or a moment from 2023 on, as 2026-11-22 or 2026-11-22T23:30 (Beijing time)"
        ) from None
    return text


ImageSize = Annotated[str, AfterValidator(_sized)]


class CostAnswer(Costs):
    """`receipts`: of calls that were made."""

    main_models: dict[str, str] = Field(
        default_factory=dict, description=f"Where nothing is named: {SHORT_SHEETS}", exclude_if=lambda v: not v
    )
    receipts: tuple[Receipt, ...] = Field((), exclude_if=lambda v: not v)


async def cost(
    call: BoundCall,
    models: Annotated[
        tuple[Annotated[str, Field(max_length=100)], ...],
        Field(description="Model ids; empty: the cheapest ones that can do it", max_length=50),
    ] = (),
    input_tokens: Annotated[
        TokenCount, Field(description="Input tokens of one call, cached and image tokens included")
    ] = 0,
    output_tokens: Annotated[TokenCount, Field(description="Output tokens of one call, reasoning included")] = 0,
    cached_input_tokens: Annotated[TokenCount, Field(description="Of the input: implicit cache hits")] = 0,
    cache_write_tokens: Annotated[TokenCount, Field(description="Of the input: written to the explicit cache")] = 0,
    explicit_cached_tokens: Annotated[TokenCount, Field(description="Of the input: hits of the explicit cache")] = 0,
    thinking: Annotated[bool, Field(description="The call thinks")] = False,
    batch: Annotated[bool, Field(description="Through the Batch API")] = False,
    web_searches: Annotated[TokenCount, Field(description="Web searches of one call")] = 0,
    search_strategy: Annotated[
        Strategy | None, Field(description="Of the web searches. Default: what `web_search` would take")
    ] = None,
    images: Annotated[
        tuple[ImageSize, ...], Field(description='Sizes in pixels of images to add, as "1024x768"', max_length=1000)
    ] = (),
    audio_seconds: Annotated[
        float, Field(description="Audio of one call, for models billed by its time", ge=0, le=10**9)
    ] = 0,
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
    request_id: Annotated[
        str, Field(description="What a call made here has cost, in full: the id at the end of its first line")
    ] = "",
) -> Annotated[CallToolResult, CostAnswer]:
    """Price calls to Alibaba Cloud Model Studio (百炼) models before making them, or look up prices.

    With tokens, images, audio or text: what they cost on each model, cheapest first. With models alone: their price
    sheets (tiers, thinking, cache, batch, fine-tuning, deployment, search and page fees). With request_id: what that
    call cost, in full. Exact list prices in CNY, with source and date. Free of charge: it asks no service.
    """
    if request_id.strip():
        return await _told_whole(call, request_id.strip())
    catalog, where = call.catalog, region or call.region
    names = tuple(dict.fromkeys(map(catalog.canonical_name, models)))
    moment = datetime.fromisoformat(on) if on else None
    day = in_beijing(moment).date() if moment else call.today
    if not (input_tokens or text or output_tokens or web_searches or images or audio_seconds):
        sheets = price_sheets(catalog, names, region=where, on=day)
        return _told(sheets) if names else _told_in_short(sheets)
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
        audio_seconds=Decimal(str(audio_seconds)) if audio_seconds else None,
    )
    when = moment if moment and len(on) > len("2026-11-22") else day
    return _told(compare_prices(catalog, names, work, tuple(map(_sides, images)), region=where, on=when, guess=guess))


def _sides(size: str) -> tuple[int, int]:
    width, _, height = size.lower().replace("×", "x").replace("*", "x").partition("x")
    return int(width), int(height)


# --- in words ---


def _told(costs: Costs) -> CallToolResult:
    lines = [f"{each.model}{' (estimated)' if each.estimated else ''}: {_priced(each)}" for each in costs.estimates]
    lines += [_sheet_in_words(sheet) for sheet in costs.sheets]
    if costs.cheapest and len(costs.estimates) > 1:
        lines.append(f"Cheapest in service: {costs.cheapest}.")
    lines += costs.notes
    lines += filter(None, [_fees_in_words(costs)])
    lines.append(_of_the_day(costs, costs.estimates))
    return tool_result(costs, "\n".join(map(said, lines)))


def _told_in_short(costs: Costs) -> CallToolResult:
    """The main models, a line each: whoever named none looks for the one to name."""
    main = {each.model: _short_sheet(each) for each in costs.sheets}
    fees = {name: fee.partition(" (")[0] for name, fee in costs.fees.items()}
    answer = CostAnswer(**{**dict(costs), "sheets": (), "fees": fees}, main_models=main)
    lines = [f"model | {SHORT_SHEETS}", *(f"{name} | {prices}" for name, prices in main.items()), *costs.notes]
    lines += [_fees_in_words(answer), _of_the_day(costs, costs.sheets)]
    return tool_result(answer, "\n".join(map(said, filter(None, lines))))


def _fees_in_words(costs: Costs) -> str:
    fees = "; ".join(f"{name} {fee}" for name, fee in costs.fees.items())
    return f"Fees in CNY: {fees}." if fees else ""


def _short_sheet(sheet: Sheet) -> str:
    off_peak = ", ".join(map(short_tier, sheet.off_peak))
    return ", ".join(map(short_tier, sheet.tiers)) + (f" (off-peak {off_peak})" if off_peak else "")


def _of_the_day(costs: Costs, rows: Sequence[Cost | Sheet]) -> str:
    read = "".join(f", read at {page}" for page in _pages(rows))
    return f"[prices of {costs.on} in {costs.region}{read}: nothing was sent or billed]"


def _priced(cost: Cost) -> str:
    return " | ".join([sum_in_words(cost), *(said(f"note: {note}") for note in (*cost.warnings, *cost.notes))])


def _pages(rows: Sequence[Cost | Sheet]) -> list[str]:
    """Where the prices were read, each page once."""
    return list(dict.fromkeys(f"{each.source} of {each.date}" for each in rows if each.source))


async def _told_whole(call: Call, request_id: str) -> CallToolResult:
    """What calls spent."""
    receipts = await receipts_of(call.context, call.client, request_id)
    costs = Costs(region=call.region, on=str(call.today), cheapest=None)
    answer = CostAnswer(**dict(costs), receipts=receipts)
    told = "\n\n".join(map(_receipt_in_words, receipts))
    free = f"[looked up on {costs.on}, server in {costs.region}: the look-up is free]"
    return tool_result(answer, f"{told}\n{said(free)}")


def _receipt_in_words(receipt: Receipt) -> str:
    usage = receipt.usage
    counts = usage.model_dump(exclude_none=True) if usage else {}
    source = [f"Read at {receipt.cost.source} of {receipt.cost.date}."] if receipt.cost.source else []
    facts = [
        f"requests {', '.join(receipt.request_ids)}" if receipt.request_ids else "no request id",
        f"{receipt.elapsed_s:g} s" if receipt.elapsed_s else "",
        f"finish_reason {', '.join(receipt.finish_reasons)}" if receipt.finish_reasons else "",
        f"thinking {', '.join(receipt.thinking)}" if receipt.thinking else "",
    ]
    named = f"{'SANDBOX ' if receipt.sandbox else ''}{receipt.tool or 'a call'} with {receipt.model}"
    lines = [
        f"{named}: {sum_in_words(receipt.cost)}",
        ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "usage unknown",
        " | ".join(filter(None, facts)),
    ]
    return "\n".join([*lines, *map(said, (*receipt.cost.warnings, *receipt.cost.notes, *source))])


def _sheet_in_words(sheet: Sheet) -> str:
    parts = [*map(row_in_words, sheet.tiers), *(f"off-peak {row_in_words(tier)}" for tier in sheet.off_peak)]
    parts += [f"batch x {sheet.batch}"] if sheet.batch else []
    parts += [f"free quota {sheet.free_quota_tokens:,} tokens"] if sheet.free_quota_tokens else []
    page = f" ({sheet.source} of {sheet.date})" if sheet.source else ""
    whole = f"{sheet.model} [{sheet.status}], {unit_of_prices(sheet.tiers)}: {'; '.join(parts) or 'none'}{page}"
    return " ".join([f"{whole}.", *(f"{service}." for service in sheet.services), *sheet.notes])
