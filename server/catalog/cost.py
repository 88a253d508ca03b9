"""A workload in, its exact list price out.

The rules are those of https://help.aliyun.com/zh/model-studio/model-pricing (K = 1,000; the input tokens of the single
request choose the tier of all its tokens), of its deep-thinking page (a reply that reasoned pays the thinking price
for all its output) and of its batch and context-cache pages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ..wording import shown
from .entries import Catalog, Fee, Model, Price, Source, Tier
from .money import Cost, CostLine, Usage, line, summed, unpriced

STALE_AFTER_DAYS = 90
BEIJING = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Workload:
    """What one request holds, and how many such requests there are.

    Input includes every hit, write and modality; output includes reasoning. `cached_input_tokens` are implicit hits.
    `measured`: DashScope counted it, so the catalog's limits are no reason to doubt it.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    explicit_cached_tokens: int = 0
    input_by_modality: Mapping[str, int] = field(default_factory=dict)
    output_by_modality: Mapping[str, int] = field(default_factory=dict)
    reasoning_tokens: int = 0
    thinking: bool = False
    batch: bool = False
    calls: int = 1
    web_searches: int = 0
    search_strategy: str = "turbo"
    pdf_pages: int = 0
    free_quota: bool = False
    measured: bool = False

    @classmethod
    def of(cls, usage: Usage, *, reasoned: bool) -> "Workload":
        """What one request used, as DashScope counted it; `reasoned`: the reply held reasoning."""
        return cls(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_input_tokens=usage.cached_input_tokens or 0,
            input_by_modality={"image": usage.image_tokens} if usage.image_tokens else {},
            reasoning_tokens=usage.reasoning_tokens or 0,
            thinking=reasoned,
            measured=True,
        )

    @property
    def cache_tokens(self) -> int:
        return self.cached_input_tokens + self.cache_write_tokens + self.explicit_cached_tokens


def cost_of(catalog: Catalog, name: str, work: Workload, *, region: str, on: date | datetime) -> Cost:
    """What `work` costs on a model at list price; null with a reason where that cannot be known.

    `on`: the day whose prices hold; with a time of day (aware), the cheaper hours of that time too.
    """
    model = catalog.find(name)
    if model is None:
        return unpriced(unknown(catalog, name))
    day = in_beijing(on).date() if isinstance(on, datetime) else on
    said = lifecycle_warnings(model, name, day)
    prices = in_force(model, region, model.scope_of(name), day)
    if not prices:
        where = ", ".join(sorted({price.region for price in model.prices}))
        elsewhere = f"; it has one in {where}" if where else ", nor for any other"
        return unpriced(f"no price of {model.id} is known for region {region}{elsewhere}", *said)
    price = prices[0]
    if price.kind == "trial":
        return unpriced(f"{model.id} has no price: it is a free trial ({price.note or 'no note'})", *said)
    if refusal := _refusal(model, price, work):
        return unpriced(refusal, *said)
    at_night = isinstance(on, datetime) and _is_off_peak(price, on) and not work.batch
    tiers = price.off_peak.tiers if price.off_peak and at_night else price.tiers
    tier = next((t for t in tiers if t.up_to is None or work.input_tokens <= t.up_to), tiers[-1])
    lines = (*_token_lines(tier, price, work), *_fee_lines(catalog, region, work))
    source = catalog.sources[price.source]
    return Cost(
        total=summed(lines),
        currency=price.currency,
        lines=lines,
        tier=f"{tier.label}, off-peak" if at_night else tier.label,
        source=source.url or source.title,
        date=source.date,
        warnings=(*_warnings(model, prices, tier, work, on, day, catalog), *said),
    )


def unknown(catalog: Catalog, name: str) -> str:
    near = catalog.near(name)
    nearby = f" (near names: {', '.join(near)})" if near else ""
    return f"{shown(name)} is not in the catalog of {catalog.as_of}{nearby}, so its price is unknown"


def in_force(model: Model, region: str, scope: str | None, day: date) -> list[Price]:
    """One price for each scope of a region, the most likely scope first: of that day, else the nearest one known."""
    found: dict[str, Price] = {}
    for price in model.prices_in(region, scope):
        best = found.get(price.scope)
        if best is None or _fits(price, day) > _fits(best, day):
            found[price.scope] = price
    return list(found.values())


def _fits(price: Price, day: date) -> tuple[bool, int]:
    """Prices of the day first, the newest of them; else the one that began or ended nearest to the day."""
    start, end = price.valid_from or date.min, price.valid_to or date.max
    if price.holds(day):
        return True, start.toordinal()
    return False, -min(abs((start - day).days), abs((end - day).days))


def _refusal(model: Model, price: Price, work: Workload) -> str:
    kinds = work.input_by_modality.values() if price.tiers[0].input_by_modality else ()
    said = max(work.reasoning_tokens, sum(work.output_by_modality.values()))
    if work.cache_tokens + sum(kinds) > work.input_tokens or said > work.output_tokens:
        return "the token counts do not add up: a part is more than its whole"
    if work.cached_input_tokens and (work.cache_write_tokens or work.explicit_cached_tokens):
        return "implicit cache hits and the explicit cache exclude each other in one request"
    if work.batch and price.batch is None:
        return f"no Batch price of {model.id} is known in {price.region}"
    if work.batch and work.web_searches:
        return "Batch calls cannot search the web"
    most = _most_input(model, price)
    if most is not None and work.input_tokens > most and not work.measured:
        return f"{work.input_tokens:,} input tokens are more than {model.id} takes ({most:,}): split the work"
    return ""


def _most_input(model: Model, price: Price) -> int | None:
    """The last tier runs to the model's own limit, which may lie above its printed edge."""
    known = (price.tiers[-1].up_to, model.limits.max_input, model.limits.context)
    return max((each for each in known if each is not None), default=None)


def _token_lines(tier: Tier, price: Price, work: Workload) -> Iterator[CostLine]:
    multiplier = price.batch.multiplier if work.batch and price.batch else Decimal(1)
    free = _is_free(price, work)
    for item, quantity, per_million in (*_input(tier, work), *_output(tier, work)):
        if quantity:
            yield line(item, quantity * work.calls, Decimal(0) if free else per_million * multiplier)


def _is_free(price: Price, work: Workload) -> bool:
    tokens = (work.input_tokens + work.output_tokens) * work.calls
    return work.free_quota and not work.batch and tokens <= price.free_quota_tokens


def _input(tier: Tier, work: Workload) -> Iterator[tuple[str, int, Decimal]]:
    """Each token once, at its most particular price; what has none of its own is plain input."""
    parts = [
        ("cached_input", work.cached_input_tokens, tier.cached_input),
        ("cache_write", work.cache_write_tokens, tier.cache_write),
        ("explicit_cached_input", work.explicit_cached_tokens, tier.cached_input_explicit),
    ]
    kept = [] if work.batch else [(item, count, price) for item, count, price in parts if price is not None]
    kinds = [(f"input_{kind}", n, tier.input_by_modality.get(kind)) for kind, n in work.input_by_modality.items()]
    kept += [(item, count, price) for item, count, price in kinds if price is not None]
    yield "input", work.input_tokens - sum(count for _, count, _ in kept), tier.text_input
    yield from kept


def _output(tier: Tier, work: Workload) -> Iterator[tuple[str, int, Decimal]]:
    if tier.output_by_modality:
        audio = work.output_by_modality.get("audio", 0)
        only_text = not any(n for kind, n in work.input_by_modality.items() if kind != "text")
        text = tier.output_text_when_input_text_only if only_text else None
        yield "output_audio", audio, tier.output_by_modality.get("audio", Decimal(0))
        if not audio:  # the text inside an audio answer is free
            yield "output", work.output_tokens, text or tier.output_by_modality["text"]
    elif work.thinking and tier.output_thinking is not None:
        yield "output_thinking", work.output_tokens, tier.output_thinking
    elif tier.output is not None:
        yield "output", work.output_tokens, tier.output


def _fee_lines(catalog: Catalog, region: str, work: Workload) -> Iterator[CostLine]:
    for quantity, fee in _fees(catalog, region, work):
        if fee is not None:
            yield line(fee.item, quantity * work.calls, fee.price, fee.per)


def _fees(catalog: Catalog, region: str, work: Workload) -> Iterator[tuple[int, Fee | None]]:
    """Batch, cache and free quota do not touch them."""
    if work.web_searches:
        yield work.web_searches, catalog.fee("web_search", region, work.search_strategy)
    if work.pdf_pages:
        yield work.pdf_pages, catalog.fee("pdf_page", region)


def in_beijing(moment: datetime) -> datetime:
    return moment.astimezone(BEIJING) if moment.tzinfo else moment


def _is_off_peak(price: Price, moment: datetime) -> bool:
    if price.off_peak is None:
        return False
    start, end, hour = price.off_peak.start, price.off_peak.end, in_beijing(moment).hour
    return start <= hour < end if start < end else hour >= start or hour < end


def lifecycle_warnings(model: Model, name: str, on: date) -> list[str]:
    """What to know before using a model that is held as retired (our date may be wrong, so it is still sent)."""
    life = model.lifecycle
    for scope in life.scopes:
        if scope.name == name and scope.retired_on <= on:
            return [f"{name} is listed as retired since {scope.retired_on}; use {scope.replacement}."]
    if model.retired and (life.retired_on is None or life.retired_on <= on):
        return [f"{model.id} is listed as retired since {life.retired_on}; use {life.successor}."]
    if life.status == "deprecated":
        return [f"{model.id} is announced to retire on {life.retired_on}; use {life.successor}."]
    if life.status == "unverified":
        return [f"{model.id} is on no page of Alibaba's that was read: it may not exist."]
    return []


def _warnings(
    model: Model, prices: list[Price], tier: Tier, work: Workload, on: date | datetime, day: date, catalog: Catalog
) -> Iterator[str]:
    price, source = prices[0], catalog.sources[prices[0].source]
    yield "List price: free quota and promotions are not deducted." if not work.free_quota else _quota(price, work)
    yield from _of_the_price(prices, source, work)
    yield from _of_the_day(model, price, on, day, source)
    yield from _of_the_tier(price, work)
    yield from _of_the_cache(tier, work)
    yield from _of_the_fees(catalog, price.region, work)
    if catalog.trouble:
        yield catalog.trouble


def _of_the_price(prices: list[Price], source: Source, work: Workload) -> Iterator[str]:
    price = prices[0]
    if price.note:
        yield f"Of the price: {price.note}."
    if price.promotion:
        yield f"A printed promotion ({price.promotion}) is not applied."
    if len(prices) > 1:
        scopes = ", ".join(each.scope for each in prices)
        yield f"{price.region} has several price scopes ({scopes}); {price.scope} used."
    if price.region == "ap-southeast-1":
        yield "Printed in CNY; the international site bills in USD."
    if work.batch and price.batch and not price.batch.printed:
        yield f"The Batch price is that of {price.batch.source}; the price row itself prints none."
    if price.basis == "claimed":
        yield f"This price is the lone claim of a third party ({source.title}): it may be wrong."


def _quota(price: Price, work: Workload) -> str:
    if work.batch:
        return "The free quota does not cover Batch calls."
    if not _is_free(price, work):
        return f"The free quota here ({price.free_quota_tokens:,} tokens) does not cover it all: none is deducted."
    return "Free quota simulated: 90 days from activation, and only where the account still has it."


def _of_the_day(model: Model, price: Price, on: date | datetime, day: date, source: Source) -> Iterator[str]:
    read_on = date.fromisoformat(source.date)
    if not price.holds(day):
        yield f"No price of {day} is known; the nearest one known is used."
    elif price.valid_from is None and day < read_on:
        yield f"Read on {read_on}; whether it already held on {day} is not known."
    if (age := (day - read_on).days) > STALE_AFTER_DAYS and price.valid_to is None:
        yield f"The price is {age} days old: check {source.url or source.title}."
    if model.kind == "snapshot" and model.released_on and day < model.released_on:
        yield f"{model.id} was released on {model.released_on}."
    if price.off_peak and not isinstance(on, datetime):
        yield f"Peak price; cheaper from {price.off_peak.start}:00 to {price.off_peak.end}:00 Beijing time."


def _of_the_tier(price: Price, work: Workload) -> Iterator[str]:
    edges = [tier.up_to for tier in price.tiers if tier.up_to is not None]
    if edge := next((e for e in edges if e < work.input_tokens <= e * 1024 // 1000), None):
        yield f"{work.input_tokens:,} input tokens lie just above a tier edge of {edge:,} (K = 1,000 as printed)."


def _of_the_cache(tier: Tier, work: Workload) -> Iterator[str]:
    if not work.cache_tokens:
        return
    if work.batch:
        yield "Batch calls get no cache price: cached tokens are priced as plain input."
        return
    unknown = [
        what
        for what, count, price in (
            ("cached tokens", work.cached_input_tokens, tier.cached_input),
            ("cache writes", work.cache_write_tokens, tier.cache_write),
            ("explicit cache hits", work.explicit_cached_tokens, tier.cached_input_explicit),
        )
        if count and price is None
    ]
    if unknown:
        yield f"No cache price is known here: {' and '.join(unknown)} are priced as plain input."


def _of_the_fees(catalog: Catalog, region: str, work: Workload) -> Iterator[str]:
    if any(fee is None for _, fee in _fees(catalog, region, work)):
        yield "A fee of this workload is not known here and not in the total."
    if work.web_searches:
        yield "Pages that a search brings in are billed as input tokens too."
