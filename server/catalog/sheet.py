"""The price sheet of a model in a region: what its catalog entry says, ready to be shown."""

from collections.abc import Iterator, Sequence
from datetime import date

from pydantic import Field

from .cost import in_force, lifecycle_warnings
from .entries import Catalog, Model, Price, Tier
from .money import Frozen, plain
from .services import deployments_of, training_of


class Sheet(Frozen):
    """The prices of a model, per million tokens unless said."""

    model: str
    status: str
    tiers: tuple[dict[str, str], ...]
    off_peak: tuple[dict[str, str], ...]
    batch: str | None = Field(description="Part of the real-time price that a Batch call costs")
    free_quota_tokens: int
    training: str | None = Field(description="Fine-tuning, per million training tokens")
    deployment: tuple[str, ...]
    source: str
    date: str
    notes: tuple[str, ...]


def price_sheet(catalog: Catalog, model: Model, name: str, region: str, day: date) -> Sheet:
    prices = in_force(model, region, model.scope_of(name), day)
    price = prices[0] if prices else None
    source = catalog.sources[price.source] if price else None
    training = training_of(catalog, name)
    return Sheet(
        model=name,
        status=model.lifecycle.status,
        tiers=tuple(map(tier_row, price.tiers)) if price else (),
        off_peak=tuple(map(tier_row, price.off_peak.tiers)) if price and price.off_peak else (),
        batch=plain(price.batch.multiplier) if price and price.batch else None,
        free_quota_tokens=price.free_quota_tokens if price else 0,
        training=plain(training.price) if training else None,
        deployment=tuple(
            f"{row.spec}: {plain(amount)} CNY an instance {unit}"
            for row in deployments_of(catalog, name)
            for unit, amount in (("an hour", row.per_hour), ("a month", row.per_month))
            if amount is not None
        ),
        source=(source.url or source.title) if source else "",
        date=source.date if source else "",
        notes=(*_notes(price, prices, region), *lifecycle_warnings(model, name, day)),
    )


def _notes(price: Price | None, prices: Sequence[Price], region: str) -> Iterator[str]:
    if price is None:
        yield f"No price is known for {region}."
        return
    if price.kind == "trial":
        yield f"A free trial, without a price: {price.note}"
    elif price.note:
        yield price.note
    if price.promotion:
        yield f"A promotion is printed ({price.promotion}); the list price is shown."
    if price.off_peak:
        yield f"Off-peak is {price.off_peak.start}:00 to {price.off_peak.end}:00 Beijing time."
    if price.basis == "claimed":
        yield "The lone claim of a third party: it may be wrong."
    if len(prices) > 1:
        yield f"{region} has several price scopes ({', '.join(p.scope for p in prices)}); {price.scope} is shown."


def tier_row(tier: Tier) -> dict[str, str]:
    amounts = {
        "input": tier.input,
        "output": tier.output,
        "output_thinking": tier.output_thinking,
        "cached_input": tier.cached_input,
        "cache_write": tier.cache_write,
        "cached_input_explicit": tier.cached_input_explicit,
        **{f"input_{kind}": amount for kind, amount in tier.input_by_modality.items()},
        **{f"output_{kind}": amount for kind, amount in tier.output_by_modality.items()},
    }
    return {"tier": tier.label, **{name: plain(amount) for name, amount in amounts.items() if amount is not None}}


def fees_in(catalog: Catalog, region: str) -> dict[str, str]:
    """What is not billed by the token in a region: "4 per 1,000" by the name of the fee."""
    found = {}
    for item, strategy in dict.fromkeys((fee.item, fee.strategy) for fee in catalog.fees):
        fee = catalog.fee(item, region, strategy)
        if fee and (fee.region is not None or strategy is None):
            found[f"{item} ({strategy})" if strategy else item] = f"{plain(fee.price)} per {fee.per:,}"
    return found
