"""What must be said with a price: how old and how sure it is, and what is not in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ..models import BEIJING_REGION, INTERNATIONAL_REGION, Catalog, Lifecycle, Model, Price, Reference, Tier
from ..money import plain
from .workload import Workload

STALE_AFTER_DAYS = 90
BATCH_CONTEXT = 256_000  # https://help.aliyun.com/zh/model-studio/batch-interfaces-compatible-with-openai


@dataclass(frozen=True)
class PriceQuery:
    """What was asked of the catalog. `to_the_hour`: the cheaper hours were looked at."""

    catalog: Catalog
    model: Model
    name: str
    work: Workload
    day: date
    to_the_hour: bool


def notes_of(asked: PriceQuery, price: Price) -> Iterator[str]:
    """What stands beside every price of the model, whatever the call was."""
    if not asked.work.free_quota:
        yield "List price: free quota and promotions are not deducted."
    if asked.name not in (asked.model.id, *asked.model.aliases):
        yield f"{asked.name} is {asked.model.id}."
    yield from price_notes(price)
    yield from _of_the_hour(price, asked)
    if asked.work.audio_seconds and asked.work.audio_seconds % 1 and price.tiers[0].audio_second is not None:
        yield "A begun second of audio is counted as a whole one."
    if asked.work.cache_tokens and price.cache_source and not asked.work.batch:
        source = asked.catalog.sources[price.cache_source]
        yield f"The cache price was read elsewhere: {source.title}, {source.date}."
    if asked.work.web_searches:
        yield "Pages that a search brings in are billed as input tokens too."


def caveats(asked: PriceQuery, prices: Sequence[Price], tier: Tier) -> Iterator[str]:
    """What may make this price wrong, or should change the choice."""
    price, work = prices[0], asked.work
    if work.free_quota:
        yield _quota(price, work)
    yield from price_caveats(asked.catalog, prices, asked.day)
    yield from _of_the_limits(asked.model, price, work)
    yield from _of_the_cache(tier, work)
    yield from _of_batch_and_search(asked.catalog, price, work)
    if asked.catalog.trouble:
        yield asked.catalog.trouble


def price_notes(price: Price) -> Iterator[str]:
    """What is not in a price, whatever the workload."""
    if price.note:
        yield f"Of the price: {price.note}."
    if price.promotion:
        yield f"A printed promotion ({price.promotion}) is not applied."
    if price.region == INTERNATIONAL_REGION:
        yield "Printed in CNY; the international site bills in USD."


def price_caveats(catalog: Catalog, prices: Sequence[Price], day: date) -> Iterator[str]:
    """What may make a price wrong, whatever the workload."""
    price, source = prices[0], catalog.sources[prices[0].source]
    if len(prices) > 1:
        scopes = ", ".join(each.scope for each in prices)
        yield f"{price.region} has several price scopes ({scopes}); {price.scope} used."
    if price.basis == "claimed":
        yield f"This price is the lone claim of a third party ({source.title}): it may be wrong."
    yield from _of_the_day(price, source, day)


def _of_the_day(price: Price, source: Reference, day: date) -> Iterator[str]:
    day_read = date.fromisoformat(source.date)
    if not price.holds(day):
        yield f"No price of {day} is known; the nearest one known is used."
    elif price.valid_from is None and day < day_read:
        yield f"Read on {day_read}; whether it already held on {day} is not known."
    if (age := (day - day_read).days) > STALE_AFTER_DAYS and price.valid_to is None:
        yield f"The price is {age} days old: check {source.url or source.title}."


def lifecycle_warnings(model: Model, name: str, on: date) -> list[str]:
    """What to know before using a model that is held as retired (our date may be wrong, so it is still sent)."""
    life = model.lifecycle
    for scope in life.scopes:
        if scope.name == name and scope.retired_on <= on:
            return [f"{name} is listed as retired since {scope.retired_on}; use {scope.replacement}."]
    if model.retired and (life.retired_on is None or life.retired_on <= on):
        return [f"{model.id} is listed as retired since {life.retired_on or 'a day unknown'}{_instead(life)}."]
    if life.status == "deprecated":
        passed = life.retired_on is not None and life.retired_on <= on
        announced = f"was announced to retire on {life.retired_on}, which may have happened"
        coming = f"is announced to retire on {life.retired_on}"
        return [f"{model.id} {announced if passed else coming}{_instead(life)}."]
    if life.status == "unverified" and any(price.basis == "documented" for price in model.prices):
        return [f"Whether {model.id} is still in service is not sure: {life.note or 'no page says it'}."]
    if life.status == "unverified":
        return [f"{model.id} is on no page of Alibaba's that was read: it may not exist."]
    return []


def _instead(life: Lifecycle) -> str:
    return f"; use {life.successor}" if life.successor else ""


def _quota(price: Price, work: Workload) -> str:
    if work.batch:
        return "The free quota does not cover Batch calls."
    if (work.input_tokens + work.output_tokens) * work.calls > price.free_quota_tokens:
        return f"The free quota here ({price.free_quota_tokens:,} tokens) does not cover it all: none is deducted."
    return "Free quota simulated: 90 days from activation, and only where the account still has it."


def _of_the_hour(price: Price, asked: PriceQuery) -> Iterator[str]:
    hours = price.off_peak
    if hours and not asked.to_the_hour and not asked.work.batch and (hours.valid_from or date.min) <= asked.day:
        tier = hours.tiers[0]
        taken = plain(tier.text_input or Decimal(0))
        cheaper = f"{taken} in, {plain(tier.output)} out" if tier.output else taken
        yield f"Peak price; from {hours.start}:00 to {hours.end}:00 Beijing time it is {cheaper} per million tokens."


def _of_the_limits(model: Model, price: Price, work: Workload) -> Iterator[str]:
    """Limits read in May 2026 may have risen since: they warn, and do not refuse."""
    edges = [tier.up_to for tier in price.tiers if tier.up_to is not None]
    if edge := next((e for e in edges if e < work.input_tokens <= e * 1024 // 1000), None):
        yield f"{work.input_tokens:,} input tokens lie just above a tier edge of {edge:,} (K = 1,000 as printed)."
    if not work.measured:
        yield from over_limits(model, work, price.region)


def over_limits(model: Model, work: Workload, region: str) -> Iterator[str]:
    """Where a workload is more than the model is known to take or give."""
    limits = model.limits
    takes = limits.takes(region, thinking=work.thinking)
    longest = limits.audio_seconds[-1] if limits.audio_seconds else work.begun_seconds
    if work.begun_seconds > longest:
        yield f"{model.id} is listed to take at most {longest:,} seconds of audio."
    if takes and work.input_tokens > takes:
        yield f"{model.id} is listed to take at most {takes:,} input tokens."
    if work.batch and work.input_tokens > BATCH_CONTEXT:
        yield f"A Batch request is listed to take at most {BATCH_CONTEXT:,} tokens of context."
    most = limits.max_output and limits.max_output + (limits.max_reasoning or 0 if work.thinking else 0)
    if most and work.output_tokens > most:
        yield f"{model.id} is listed to give at most {most:,} output tokens."


def _of_the_cache(tier: Tier, work: Workload) -> Iterator[str]:
    if not work.cache_tokens:
        return
    if work.batch:
        yield "Batch calls get no cache price: cached tokens are priced as plain input."
        return
    unknown = [
        what
        for what, count, amount in (
            ("cached tokens", work.cached_input_tokens, tier.cached_input),
            ("cache writes", work.cache_write_tokens, tier.cache_write),
            ("explicit cache hits", work.explicit_cached_tokens, tier.cached_input_explicit),
        )
        if count and amount is None
    ]
    if unknown:
        yield f"No cache price is known here: {' and '.join(unknown)} are priced as plain input."


def _of_batch_and_search(catalog: Catalog, price: Price, work: Workload) -> Iterator[str]:
    if work.batch and price.batch and not price.batch.printed:
        source = catalog.sources[price.batch.source]
        yield f"The price row prints no Batch price; this one is of {source.title}, {source.date}."
    if work.batch and price.batch and not price.batch.sure:
        yield "Pages differ on whether it takes Batch calls: try a file of one line first."
    if work.web_searches and price.region != BEIJING_REGION and work.search_strategy in ("turbo", "max"):
        yield f"In {price.region} a search fee is printed for agent searches only: that one is used."
