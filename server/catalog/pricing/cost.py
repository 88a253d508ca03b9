"""A workload in, its exact list price out.

The rules are those of https://help.aliyun.com/zh/model-studio/model-pricing (K = 1,000; the input tokens of the single
request choose the tier of all its tokens), of its deep-thinking page (a reply that reasoned pays the thinking price
for all its output) and of its batch and context-cache pages.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from ...text import printable
from ..models import Catalog, Fee, Model, Price, Tier, in_beijing, in_force
from ..money import EXACT, Cost, CostLine, line, sum_lines, unpriced
from .caveats import PriceQuery, caveats, lifecycle_warnings, notes_of
from .workload import Workload


def cost_of(
    catalog: Catalog, name: str, work: Workload, *, region: str, on: date | datetime, scope: str | None = None
) -> Cost:
    """What `work` costs on a model at list price; null with a reason where that cannot be known.

    `on`: the day whose prices hold; with a time of day (Beijing's, where it has no zone), its cheaper hours too.
    `scope`: of the price, where a region has several; by default the one of the name, or the likeliest.
    """
    day = _day_of(on)
    model, found = _priced(catalog, name, work, region, on, scope)
    said = lifecycle_warnings(model, name, day) if model else []
    if model is None or isinstance(found, str):
        return unpriced(str(found), *said)
    price, tier = found.prices[0], found.tier
    source = catalog.sources[price.source]
    asked = PriceQuery(catalog, model, name, work, day, isinstance(on, datetime))
    return Cost(
        total=sum_lines(found.lines),
        currency=price.currency,
        lines=found.lines,
        tier=f"{tier.label}{', off-peak' if found.at_night else ', Batch' if work.batch else ''}",
        source=source.url or source.title,
        date=source.date,
        warnings=(*caveats(asked, found.prices, tier), *said),
        notes=tuple(notes_of(asked, price)),
    )


def amount_of(
    catalog: Catalog, name: str, work: Workload, *, region: str, on: date | datetime, scope: str | None = None
) -> Decimal | None:
    """The total of `cost_of`, without what there is to say of it; None where it has none."""
    _, found = _priced(catalog, name, work, region, on, scope)
    return None if isinstance(found, str) else sum_lines(found.lines)


class _Priced(NamedTuple):
    """A workload at its prices: the first is used, whose tier is `tier`."""

    prices: Sequence[Price]
    tier: Tier
    at_night: bool
    lines: tuple[CostLine, ...]


def _priced(
    catalog: Catalog, name: str, work: Workload, region: str, on: date | datetime, scope: str | None
) -> tuple[Model | None, _Priced | str]:
    """The model, and its prices or why it has none."""
    model = catalog.find(name)
    if model is None:
        return None, why_unknown(catalog, name)
    day = _day_of(on)
    scope = scope or model.scope_of(name)
    prices = in_force(model, region, scope, day)
    if not prices:
        return model, _unpriced_here(model, name, region, scope)
    price = prices[0]
    if refusal := _refusal(catalog, model, price, work, day):
        return model, refusal
    at_night = isinstance(on, datetime) and _is_off_peak(price, on) and not work.batch
    tiers = price.off_peak.tiers if price.off_peak and at_night else price.tiers
    tier = next((t for t in tiers if t.up_to is None or work.input_tokens <= t.up_to), tiers[-1])
    lines = (*_token_lines(tier, price, work), *_fee_lines(catalog, region, work))
    return model, _Priced(prices, tier, at_night, lines)


def _day_of(on: date | datetime) -> date:
    return in_beijing(on).date() if isinstance(on, datetime) else on


def _unpriced_here(model: Model, name: str, region: str, scope: str | None) -> str:
    where = ", ".join(sorted({price.region for price in model.prices if scope in (None, price.scope)}))
    elsewhere = f"; it has one in {where}" if where else ", nor for any other"
    return f"no price of {name} is known for region {region}{elsewhere}"


def why_unknown(catalog: Catalog, name: str) -> str:
    near = catalog.similar_names(name)
    nearby = f" (near names: {', '.join(near)})" if near else ""
    return f"{printable(name)} is not in the catalog of {catalog.as_of}{nearby}, so its price is unknown"


def _refusal(catalog: Catalog, model: Model, price: Price, work: Workload, day: date) -> str:
    """Why there is no price, or an empty text."""
    if price.kind == "trial":
        return f"{model.id} has no price: it is a free trial ({price.note or 'no note'})"
    if model.first_day and day < model.first_day:
        return f"{model.id} was released on {model.first_day}: there was no price on {day}"
    fees = ", ".join(item for _, item, fee in _fees(catalog, price.region, work) if fee is None)
    if fees:
        return f"the fee of {fees} is not known in {price.region}"
    return _in_another_unit(model, price, work) or _miscounted(price, work) or _beyond(model, price, work)


def _in_another_unit(model: Model, price: Price, work: Workload) -> str:
    """What a model is billed by, and the workload does not say."""
    by_time = price.tiers[0].audio_second is not None
    if by_time and work.audio_seconds is None:
        return f"{model.id} is billed by the second of audio: give audio_seconds"
    if not by_time and work.audio_seconds is not None and not (work.input_tokens or work.output_tokens):
        return f"{model.id} is billed by the token, not by the second: give input_tokens and output_tokens"
    return ""


def _miscounted(price: Price, work: Workload) -> str:
    if min(work.counts) < 0 or work.calls < 1:
        return "a count is negative"
    kinds = work.input_by_modality.values() if price.tiers[0].input_by_modality else ()
    said = max(work.reasoning_tokens, sum(work.output_by_modality.values()))
    if work.cache_tokens + sum(kinds) > work.input_tokens or said > work.output_tokens:
        return "the token counts do not add up: a part is more than its whole"
    if work.cached_input_tokens and (work.cache_write_tokens or work.explicit_cached_tokens):
        return "implicit cache hits and the explicit cache exclude each other in one request"
    if work.output_tokens and not price.tiers[0].has_output and price.tiers[0].audio_second is None:
        return "the model writes no text: it has no output price"
    if work.batch and price.batch is None:
        return f"no Batch price is known in {price.region}"
    if work.batch and work.web_searches:
        return "Batch calls cannot search the web"
    return ""


def _beyond(model: Model, price: Price, work: Workload) -> str:
    """The last tier runs to the model's own limit, which may lie above its printed edge."""
    limits = model.limits
    most = max(price.tiers[-1].up_to or 0, limits.takes(price.region) or limits.context or 0)
    if not most or work.measured or work.input_tokens <= most or "max_input" in limits.uncertain:
        return ""
    return f"{work.input_tokens:,} input tokens are more than {model.id} takes ({most:,}): split the work"


def _token_lines(tier: Tier, price: Price, work: Workload) -> Iterator[CostLine]:
    if tier.audio_second is not None:
        if heard := work.begun_seconds:
            yield line("audio_seconds", heard * work.calls, tier.audio_second, 1)
        return
    multiplier = price.batch.multiplier if work.batch and price.batch else Decimal(1)
    free = _is_free(price, work)
    for item, quantity, per_million in (*_input(tier, work), *_output(tier, work)):
        if quantity:
            price_each = Decimal(0) if free else EXACT.multiply(per_million, multiplier)
            yield line(item, quantity * work.calls, price_each)


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
    yield "input", work.input_tokens - sum(count for _, count, _ in kept), tier.text_input or Decimal(0)
    yield from kept


def _output(tier: Tier, work: Workload) -> Iterator[tuple[str, int, Decimal]]:
    if tier.output_by_modality:
        audio = work.output_by_modality.get("audio", 0)
        only_text = not any(n for kind, n in work.input_by_modality.items() if kind != "text")
        text = tier.output_text_when_input_text_only if only_text else None
        yield "output_audio", audio, tier.output_by_modality.get("audio", Decimal(0))
        if not audio:  # the text inside an audio answer is free
            yield "output", work.output_tokens, text or tier.output_by_modality["text"]
    elif tier.output_thinking is not None and (work.thinking or tier.output is None):
        yield "output_thinking", work.output_tokens, tier.output_thinking
    elif tier.output is not None:
        yield "output", work.output_tokens, tier.output


def _fee_lines(catalog: Catalog, region: str, work: Workload) -> Iterator[CostLine]:
    for quantity, _, fee in _fees(catalog, region, work):
        assert fee  # an unknown one has been refused
        yield line(fee.item, quantity * work.calls, fee.price, fee.per)


def _fees(catalog: Catalog, region: str, work: Workload) -> Iterator[tuple[int, str, Fee | None]]:
    """Quantity, item, fee. Batch, cache and free quota do not touch them."""
    if work.web_searches:
        yield work.web_searches, "web_search", catalog.fee("web_search", region, work.search_strategy)
    if work.pdf_pages:
        yield work.pdf_pages, "pdf_page", catalog.fee("pdf_page", region)


def _is_off_peak(price: Price, moment: datetime) -> bool:
    here = in_beijing(moment)
    if price.off_peak is None or here.date() < (price.off_peak.valid_from or date.min):
        return False
    start, end, hour = price.off_peak.start, price.off_peak.end, here.hour
    return start <= hour < end if start < end else hour >= start or hour < end
