"""`bailian-mcp catalog check`: what is wrong with a catalog file, in words."""

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from .file import CATALOG, BadCatalog, formatted, is_overlay, merge_overlay, read_json, validated, write_whole
from .models import Catalog, Lifecycle, Model, Price, Tier, cited_sources, read_on

MONEY_FIELDS = ("input", "output", "output_thinking", "cached_input", "cache_write", "cached_input_explicit", "price",
         "per_hour", "per_month", "multiplier", "text", "audio", "image", "video", "audio_second")  # fmt: skip
RISING_PRICES = ("input", "output", "output_thinking", "cached_input")


def check(path: Path = CATALOG) -> list[str]:
    """Every finding about a catalog or an overlay, each a sentence that names the entry; empty when all is well."""
    try:
        data, catalog = read_catalog(path)
    except BadCatalog as error:
        return error.findings
    ours = None if is_overlay(data) else {model.id for model in catalog.models}
    changed = ours or {model["id"] for model in data.get("models", [])}
    found = [] if ours is None else [*_sources(catalog), *_advice(catalog)]
    searches = catalog.find(catalog.defaults.get("web_search", ""))
    if searches and searches.search is None:
        found.append(f"defaults: {searches.id} cannot search the web.")
    for model in catalog.models:
        if model.id in changed:
            found += [f"{model.id}: {finding}" for finding in _findings(catalog, model)]
    if formatted(data).encode() != path.read_bytes():
        found.append(f"{path.name} is not in its standard order: run `bailian-mcp catalog format`.")
    return found


def read_catalog(path: Path) -> tuple[Any, Catalog]:
    """A file and the catalog it makes; an overlay is laid over the shipped one."""
    data = read_json(path)
    if numbers := sorted(set(_bare_money(data))):
        raise BadCatalog(path.name, f'money must be written as text, "0.8" and not 0.8: {", ".join(numbers)}.')
    whole = merge_overlay(read_json(CATALOG), data, path.name) if is_overlay(data) else data
    return data, validated(whole, path.name)


def _bare_money(part: Any) -> Iterator[str]:
    """Money that is a JSON number: it may have lost digits already."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in MONEY_FIELDS and isinstance(value, int | float):
                yield name
            yield from _bare_money(value)
    elif isinstance(part, list):
        for value in part:
            yield from _bare_money(value)


def reformat(path: Path = CATALOG) -> None:
    """Writes the file in its standard order, whole or not at all; the entries stay what they are."""
    data, _ = read_catalog(path)  # what cannot be used is not touched
    text = formatted(data)
    if json.loads(text) != {**data, **_by_id(data)}:
        raise BadCatalog(path.name, "it holds empty parts that would be lost: remove them first.")
    write_whole(path, text)


def _by_id(data: dict[str, Any]) -> dict[str, Any]:
    return {"models": sorted(data["models"], key=lambda model: str(model["id"]))} if "models" in data else {}


def _sources(catalog: Catalog) -> Iterator[str]:
    if unused := sorted(set(catalog.sources) - set(cited_sources(catalog))):
        yield f"sources that nothing cites: {', '.join(unused)}."


def _advice(catalog: Catalog) -> Iterator[str]:
    for advice in catalog.advice:
        for name in (*advice.recommended, *advice.today):
            model = catalog.find(name)
            if model is None:
                yield f"advice {advice.english!r}: {name} is no model."
            elif name in advice.today and model.retired:
                yield f"advice {advice.english!r}: {name} is retired, advise {model.lifecycle.successor}."


def _findings(catalog: Catalog, model: Model) -> Iterator[str]:
    yield from _lifecycle(catalog, model)
    for pointer in model.points_to:
        if catalog.find(pointer.target) is None:
            yield f"points to {pointer.target}, which is no model."
    unread = model.type == "deployment" or any(doubt.startswith("price:") for doubt in model.doubts)
    if not model.prices and model.in_service and not unread:
        yield "is in service, but has no price."
    if not model.doubts and (model.limits.max_input or 0) > (model.limits.context or 10**12):
        yield "takes more input than its context."
    silent = [limit.region for limit in model.rate_limits if limit.rpm is None and limit.tpm is None]
    yield from (f"rate limit in {region}: says neither rpm nor tpm." for region in silent)
    for price in model.prices:
        where = f"price in {price.region} ({price.scope})"
        yield from (f"{where}: {finding}" for finding in _price(price))
        if price.valid_from and price.valid_from > max(catalog.as_of, read_on(catalog, price)):
            yield f"{where}: begins on {price.valid_from}, after the catalog's own day."


def _lifecycle(catalog: Catalog, model: Model) -> Iterator[str]:
    life = model.lifecycle
    for scope in life.scopes:
        if catalog.find(scope.replacement) is None:
            yield f"{scope.name}: its replacement {scope.replacement} is no model."
    if life.status == "active" and life.retired_on:
        yield f"is active, but retires on {life.retired_on}: say so."
    if life.status not in ("retired", "deprecated"):
        return
    if life.retired_on is None and life.note is None:
        yield f"is {life.status}, but without a day, and no note says why."
    if life.successor or not life.note:  # a note says why nobody names one
        yield from _successor(catalog, life)


def _successor(catalog: Catalog, life: Lifecycle) -> Iterator[str]:
    successor = catalog.find(life.successor or "")
    if successor is None:
        yield f"is {life.status}, and its successor {life.successor} is no model."
    elif successor.retired:
        yield f"its successor {life.successor} is retired itself: name {successor.lifecycle.successor}."


def _price(price: Price) -> Iterator[str]:
    cheaper = price.off_peak.tiers if price.off_peak else ()
    for tiers in (price.tiers, cheaper):
        for tier in tiers:
            yield from (f"{tier.label}: {finding}" for finding in _tier(tier))
        for lower, upper in pairwise(tiers):
            if any(_of(getattr(upper, name)) < _of(getattr(lower, name)) for name in RISING_PRICES):
                yield f"a price falls from {lower.label} to {upper.label}."
    if any(_of(night.text_input) > _of(day.text_input) for day, night in zip(price.tiers, cheaper, strict=False)):
        yield "off-peak costs more than peak."


def _tier(tier: Tier) -> Iterator[str]:
    if tier.output_thinking is not None and tier.output_thinking < _of(tier.output):
        yield "thinking costs less than not thinking."
    if tier.cache_write is not None and tier.cache_write < _of(tier.text_input):
        yield "writing the cache costs less than input."
    for name in ("cached_input", "cached_input_explicit"):
        hit = getattr(tier, name)
        if hit is not None and hit >= _of(tier.text_input):
            yield f"{name} is no cheaper than input."


def _of(price: Decimal | None) -> Decimal:
    return price or Decimal(0)
