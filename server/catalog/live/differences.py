"""What the live list says otherwise than the catalog, model by model; what cannot be believed unseen needs a look.

Nothing is deleted for not being listed, and no price is taken from a list whose currency is not the catalog's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from ..models import Catalog, Model, RateLimit, Scope, in_force
from .listing import LiveList, LiveModel
from .new_models import new_entry, type_of
from .price_changes import RATES, off_rate, price_change, price_of, rate_of, ratios
from .reading import LiveReading

DifferenceKind = Literal["new", "price", "limit", "rate", "retirement", "alias", "absent", "look"]
# Elsewhere the list's limits are of something else: of all texts of a request, of a single one, of seconds
LIMITED_TYPES = ("chat", "vision", "omni", "ocr", "translation")
MAX_LEAP = 10
LISTED_FIELDS = ("context", "max_input", "max_output", "max_reasoning", "max_input_thinking", "max_output_thinking")
NOT_LISTED = "not in the live list of "


@dataclass(frozen=True)
class LiveDifference:
    """`field`, `value`: what an overlay says of it; without a field nothing is written. `scope`: of a price."""

    model: str
    kind: DifferenceKind
    said: str
    field: str = ""
    value: Any = None
    scope: Scope | None = None


@dataclass(frozen=True)
class LiveComparison:
    """`same`: models that the catalog has as the list has them; `elsewhere`: of kinds that no catalog entry is for."""

    differences: tuple[LiveDifference, ...]
    same: int
    elsewhere: int

    def of(self, model: str) -> list[LiveDifference]:
        return [each for each in self.differences if each.model == model]


def compare_live(catalog: Catalog, reading: LiveReading) -> LiveComparison:
    """Everything that differs, in the order of the list; then what is not in it."""
    rates = {scope: _rate(catalog, reading, scope, each) for scope, each in reading.lists.items()}
    found: list[LiveDifference] = []
    same = elsewhere = 0
    for live in reading.models.values():
        model = catalog.find(live.id)
        if model is None and not type_of(live):
            elsewhere += 1
            continue
        if model is None:
            differences = list(_new(live, reading))
        else:
            differences = list(_known(catalog, model, live, reading, rates)) if model.id == live.id else []
        found += differences
        same += not differences
    return LiveComparison((*found, *_untrusted(reading, rates), *_absent(catalog, reading)), same, elsewhere)


# --- the currency ---


def _rate(catalog: Catalog, reading: LiveReading, scope: Scope, listed: LiveList) -> Decimal | None:
    """The catalog's CNY for one of the list's currency; None: too few prices to tell."""
    pairs = [
        ratio
        for live in listed.models.values()
        if (model := catalog.find(live.id)) and model.id == live.id
        for ratio in ratios(price_of(model, reading.region, scope, reading.day), live.tariff)
    ]
    return rate_of(pairs)


def _is_of_currency(reading: LiveReading, rate: Decimal | None) -> bool:
    least, most = RATES[reading.currency]
    return rate is None or least <= rate <= most


def _untrusted(reading: LiveReading, rates: Mapping[Scope, Decimal | None]) -> Iterator[LiveDifference]:
    for scope, rate in rates.items():
        if rate is not None and not _is_of_currency(reading, rate):
            said = f"the catalog's prices ({scope}) are {rate:.2f} times those of the list: no price was taken, since"
            yield LiveDifference("", "look", f"{said} they are hardly in {reading.currency}")


# --- a model that both know ---


def _known(
    catalog: Catalog, model: Model, live: LiveModel, reading: LiveReading, rates: Mapping[Scope, Decimal | None]
) -> Iterator[LiveDifference]:
    for scope, listed in reading.lists.items():
        if model.id in listed.models and _is_of_currency(reading, rates[scope]):
            yield from _price(model, scope, listed.models[model.id], reading, rates[scope])
    yield from _limits(model, live, reading)
    yield from _rates(model, reading)
    yield from _retirement(model, live, reading)
    yield from _alias(catalog, model, live, reading)
    yield from _listed_again(model)


def _price(
    model: Model, scope: Scope, live: LiveModel, reading: LiveReading, rate: Decimal | None
) -> Iterator[LiveDifference]:
    old = price_of(model, reading.region, scope, reading.day)
    if reading.currency == "USD":
        if rate and (off := off_rate(old, live.tariff, rate)):
            yield LiveDifference(
                model.id, "look", f"price ({scope}): {', '.join(off)}; the others are {rate:.3f} a dollar"
            )
        return
    change = price_change(old, live.tariff)
    if change is None:
        return
    said = f"price ({scope}): {'; '.join((*change.said, *change.why))}"
    if change.why:
        yield LiveDifference(model.id, "look", said)
    else:
        yield LiveDifference(model.id, "price", said, "prices", change.entry, scope)


def _limits(model: Model, live: LiveModel, reading: LiveReading) -> Iterator[LiveDifference]:
    """More than we knew is taken; less, or far more, needs a look: the list has been behind the pages before."""
    had = model.limits.model_dump(mode="json", exclude_defaults=True)
    changed = {name: now for name, now in live.limits.items() if had.get(name) != now}
    if model.type not in LIMITED_TYPES or not changed:
        return
    doubtful = {name for name, now in changed.items() if had.get(name) and not had[name] < now <= had[name] * MAX_LEAP}
    taken = {name: now for name, now in changed.items() if name not in doubtful}
    for name in (each for each in LISTED_FIELDS if each in doubtful):
        yield LiveDifference(model.id, "look", f"{name} {had[name]:,} -> {changed[name]:,}")
    if taken:
        said = ", ".join(f"{name} {_count(had.get(name))} -> {now:,}" for name, now in taken.items())
        unsure = [name for name in had.get("uncertain", ()) if name not in taken]
        value = {**had, **taken, "uncertain": unsure, "source": reading.source}
        yield LiveDifference(model.id, "limit", said, "limits", {k: v for k, v in value.items() if v != []})


def _count(tokens: int | None) -> str:
    return "unknown" if tokens is None else f"{tokens:,}"


def _rates(model: Model, reading: LiveReading) -> Iterator[LiveDifference]:
    """What the account may ask a minute, as it is told: nobody else can know it."""
    now, old = (reading.quotas or {}).get(model.id), model.rate_limit(reading.region)
    if now is None or (old and (old.rpm, old.tpm) == (now.rpm, now.tpm)):
        return
    was = old or RateLimit(region=reading.region)
    said = f"a minute: requests {_count(was.rpm)} -> {_count(now.rpm)}, tokens {_count(was.tpm)} -> {_count(now.tpm)}"
    value = {**now.model_dump(mode="json", exclude_none=True), "source": reading.source}
    yield LiveDifference(model.id, "rate", said, "rate_limits", value)


def _retirement(model: Model, live: LiveModel, reading: LiveReading) -> Iterator[LiveDifference]:
    """Retired models stay listed, with the day; that one is listed without a day proves nothing."""
    life, day = model.lifecycle, live.offline_on
    if day is None:
        if model.retired:
            yield LiveDifference(
                model.id, "look", f"the catalog holds it as retired on {life.retired_on}, the list does not"
            )
        return
    if life.retired_on == day:
        return
    said = f"retires on {day} (the catalog: {life.retired_on or 'no day'})"
    status = "retired" if day <= reading.day else "deprecated"
    value = {
        **life.model_dump(mode="json", exclude_defaults=True, exclude={"status"}),
        "status": status,
        "retired_on": str(day),
        "source": reading.source,
        "note": f"the live list of {reading.day} says the day" + ("" if life.successor else ", and no successor"),
    }
    yield LiveDifference(model.id, "retirement", said, "lifecycle", value)


def _alias(catalog: Catalog, model: Model, live: LiveModel, reading: LiveReading) -> Iterator[LiveDifference]:
    newest = max((each.as_of for each in model.points_to if each.relation == "equals"), default=None)
    targets = [each.target for each in model.points_to if each.relation == "equals" and each.as_of == newest]
    if not live.equals or live.equals in (model.id, *targets):
        return
    said = f"stands for {live.equals} (the catalog: {', '.join(targets) or 'unknown'})"
    if catalog.find(live.equals) is None and live.equals not in reading.models:
        yield LiveDifference(model.id, "look", f"{said}, which is in neither")
        return
    now = {"target": live.equals, "relation": "equals", "as_of": str(reading.day), "source": reading.source}
    before = [each.model_dump(mode="json", exclude_defaults=True) for each in model.points_to]
    yield LiveDifference(model.id, "alias", said, "points_to", [now, *before])


def _listed_again(model: Model) -> Iterator[LiveDifference]:
    """What an earlier reading said of a model that is there."""
    if (kept := _without_absence(model)) != list(model.doubts):
        yield LiveDifference(model.id, "absent", "is in the list again", "doubts", kept)


# --- a model that one of them knows ---


def _new(live: LiveModel, reading: LiveReading) -> Iterator[LiveDifference]:
    said = f"{type_of(live)} of {live.provider or 'a maker unnamed'}"
    if live.offline_on and live.offline_on <= reading.day:
        yield LiveDifference(
            live.id, "look", f"{said}, unknown to the catalog, retired on {live.offline_on}: not taken"
        )
        return
    entry, prices = new_entry(live, reading), list(_new_prices(live, reading))
    if not any(each.field for each in prices):
        why = "in dollars" if reading.currency == "USD" and live.tariff.tiers else "not understood, or none"
        entry["doubts"] = [*entry["doubts"], f"price: in the live list of {reading.day} it is {why}"]
    yield LiveDifference(live.id, "new", said, "", entry)
    yield from prices


def _new_prices(live: LiveModel, reading: LiveReading) -> Iterator[LiveDifference]:
    if reading.currency != "CNY":
        return
    for scope, listed in reading.lists.items():
        change = price_change(None, listed.models[live.id].tariff) if live.id in listed.models else None
        if change and change.why:
            yield LiveDifference(live.id, "look", f"price ({scope}): {'; '.join(change.why)}")
        elif change:
            yield LiveDifference(live.id, "price", f"{scope}: {', '.join(change.said)}", "prices", change.entry, scope)


def _absent(catalog: Catalog, reading: LiveReading) -> Iterator[LiveDifference]:
    """Kept as they are, and marked: a list may lack what is served."""
    for model in catalog.models:
        priced = in_force(model, reading.region, None, reading.day)
        if not model.in_service or not priced or any(name in reading.models for name in model.names):
            continue
        doubts = [*_without_absence(model), f"{NOT_LISTED}{reading.day}"]
        yield LiveDifference(model.id, "absent", "is not in the list", "doubts", doubts)


def _without_absence(model: Model) -> list[str]:
    return [doubt for doubt in model.doubts if not doubt.startswith(NOT_LISTED)]


def dollars_only(reading: LiveReading) -> str:
    """What is to be said of a list whose prices cannot be taken; empty where they can."""
    if reading.currency == "CNY":
        return ""
    return f"{reading.region} lists its prices in USD, the catalog holds CNY: they were compared, and none is written."
