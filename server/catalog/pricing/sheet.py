"""The price sheet of a model in a region: what its catalog entry says, ready to be shown."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from pydantic import Field

from ..models import BEIJING_REGION, Catalog, Model, Price, Tier, in_force
from ..money import Frozen, plain
from .caveats import lifecycle_warnings, price_caveats, price_notes
from .services import deployments_of, training_of


class Sheet(Frozen):
    """The prices of a model, per million tokens unless said."""

    model: str
    status: str
    tiers: tuple[dict[str, str], ...]
    off_peak: tuple[dict[str, str], ...]
    batch: str | None = Field(description="Part of the real-time price that a Batch call costs")
    free_quota_tokens: int
    services: tuple[str, ...] = Field(description="Fine-tuning and deployment")
    source: str
    date: str
    notes: tuple[str, ...]


def price_sheet(catalog: Catalog, model: Model, name: str, region: str, day: date) -> Sheet:
    scope = model.scope_of(name)
    prices = in_force(model, region, scope, day)
    price = prices[0] if prices else None
    source = catalog.sources[price.source] if price else None
    return Sheet(
        model=name,
        status="retired" if scope and lifecycle_warnings(model, name, day) else model.lifecycle.status,
        tiers=tuple(map(tier_row, price.tiers)) if price else (),
        off_peak=tuple(map(tier_row, price.off_peak.tiers)) if price and price.off_peak else (),
        batch=plain(price.batch.multiplier) if price and price.batch else None,
        free_quota_tokens=price.free_quota_tokens if price else 0,
        services=tuple(_services(catalog, name)) if region == BEIJING_REGION else (),
        source=(source.url or source.title) if source else "",
        date=source.date if source else "",
        notes=(*_notes(catalog, model, prices, region, day), *lifecycle_warnings(model, name, day)),
    )


def _services(catalog: Catalog, name: str) -> Iterator[str]:
    """Fine-tuning and deployment, each with its own page: another and older one than that of the prices."""
    if training := training_of(catalog, name):
        page = catalog.sources[training.source]
        yield f"fine-tuning: {plain(training.price)} CNY per million training tokens ({page.title}, {page.date})"
    for row in deployments_of(catalog, name):
        page = catalog.sources[row.source]
        for unit, amount in (("an hour", row.per_hour), ("a month", row.per_month)):
            if amount is not None:
                yield f"{row.spec}: {plain(amount)} CNY an instance {unit} ({page.title}, {page.date})"


def _notes(catalog: Catalog, model: Model, prices: Sequence[Price], region: str, day: date) -> Iterator[str]:
    if not prices:
        yield f"No price is known for {region}."
        return
    price = prices[0]
    if price.kind == "trial":
        yield "A free trial, without a price."
    yield from price_notes(price)
    yield from price_caveats(catalog, prices, day)
    if model.first_day and day < model.first_day:
        yield f"Released on {model.first_day}: there was no price on {day}."
    if hours := price.off_peak:
        since = f", since {hours.valid_from}" if hours.valid_from else ""
        yield f"Off-peak is {hours.start}:00 to {hours.end}:00 Beijing time{since}."
    if price.cache_source:
        page = catalog.sources[price.cache_source]
        yield f"Cache prices: {page.title}, {page.date}."
    if price.batch and not price.batch.printed:
        page = catalog.sources[price.batch.source]
        yield f"Batch: {page.title}, {page.date}; the price row prints none."


BY_SECOND = "per_second_of_audio"  # every other amount is of a million tokens


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
        "output_text_when_input_text_only": tier.output_text_when_input_text_only,
        BY_SECOND: tier.audio_second,
    }
    return {"tier": tier.label, **{name: plain(amount) for name, amount in amounts.items() if amount is not None}}


ONLY_IN_DETAIL = ("cached_input", "cache_write", "cached_input_explicit")


def short_tier(row: Mapping[str, str]) -> str:
    """`0.2/0.8 to 32K`: input/output; what has other prices than those two says them by name. No cache prices."""
    amounts = {name: amount for name, amount in row.items() if name not in ("tier", *ONLY_IN_DETAIL)}
    edge = row["tier"].rpartition("≤")[2] if "≤" in row["tier"] else ""
    if set(amounts) == {"input", "output"}:
        said = f"{amounts['input']}/{amounts['output']}"
    else:
        said = " ".join(map(amount_in_words, amounts, amounts.values()))
    return f"{said} to {edge}" if edge else said


def unit_of_prices(rows: Sequence[Mapping[str, str]]) -> str:
    """What the amounts are that do not say it themselves."""
    return "CNY" if rows and all(BY_SECOND in row for row in rows) else "CNY per million tokens"


def row_in_words(row: Mapping[str, str]) -> str:
    """All of it."""
    return ", ".join(map(amount_in_words, row, row.values()))


def amount_in_words(name: str, amount: str) -> str:
    """What it is for, and where that is not a million tokens, of what."""
    return f"{amount} per second of audio" if name == BY_SECOND else f"{name} {amount}"


def fees_in(catalog: Catalog, region: str) -> dict[str, str]:
    """What is not billed by the token in a region, by the name of the fee: "4 per 1,000 (page of 2026-10)"."""
    own = {fee.item for fee in catalog.fees if fee.region == region}
    found: dict[str, str] = {}
    for fee in catalog.fees:
        if fee.region == region or (fee.region is None and fee.item not in own):
            name = f"{fee.item} ({fee.strategy})" if fee.strategy else fee.item
            page = catalog.sources[fee.source]
            found.setdefault(name, f"{plain(fee.price)} per {fee.per:,} ({page.title}, {page.date})")
    return found
