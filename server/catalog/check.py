"""`bailian-mcp catalog check`: what is wrong with a catalog file, in words."""

import json
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from .entries import Catalog, Model, Price, Tier
from .file import CATALOG, BadCatalog, formatted, validated
from .money import Frozen


def check(path: Path = CATALOG) -> list[str]:
    """Every finding about the file, each a sentence that names the entry; empty when all is well."""
    try:
        text = path.read_text(encoding="utf-8")
        catalog = validated(data := json.loads(text), path.name)
    except BadCatalog as error:
        return [str(error)]
    except (OSError, ValueError) as error:
        return [f"{path.name} cannot be read as JSON: {error}"]
    found = [*_sources(catalog), *_advice(catalog)]
    for model in catalog.models:
        found += [f"{model.id}: {finding}" for finding in _findings(catalog, model)]
    if formatted(data) != text:
        found.append(f"{path.name} is not in its standard order: run `bailian-mcp catalog format`.")
    return found


def reformat(path: Path = CATALOG) -> None:
    """Writes the file in its standard order; the entries stay what they are."""
    path.write_text(formatted(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")


def main(action: str, path: Path | None) -> int:
    """The command: 0 when all is well, 1 with findings on stdout."""
    path = path or CATALOG
    if action == "list":
        sys.stdout.write(listing(path))
        return 0
    if action == "format":
        try:
            reformat(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            sys.stdout.write(f"{path.name} cannot be formatted: {error!r}\n")
            return 1
    found = check(path)
    for finding in found:
        sys.stdout.write(f"{finding}\n")
    sys.stdout.write(f"{len(found)} findings.\n" if found else f"{path.name}: {_summary(path)}\n")
    return 1 if found else 0


def listing(path: Path) -> str:
    """Each model on a line: id, status, last day, successor, and how many claims of the founding documents it keeps."""
    catalog = validated(json.loads(path.read_text(encoding="utf-8")), path.name)
    rows = [
        (m.id, m.lifecycle.status, str(m.lifecycle.retired_on or ""), m.lifecycle.successor or "", str(len(m.claims)))
        for m in catalog.models
    ]
    return "".join("\t".join(row) + "\n" for row in [("model", "status", "retires", "successor", "claims"), *rows])


def _summary(path: Path) -> str:
    catalog = validated(json.loads(path.read_text(encoding="utf-8")), path.name)
    states = [model.lifecycle.status for model in catalog.models]
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    prices = sum(len(model.prices) for model in catalog.models)
    return f"{len(states)} models ({counts}), {prices} prices, as of {catalog.as_of}; nothing to mend."


def _sources(catalog: Catalog) -> Iterator[str]:
    cited = set(_cited(catalog))
    if missing := sorted(cited - set(catalog.sources)):
        yield f"sources that are cited but not listed: {', '.join(missing)}."
    if unused := sorted(set(catalog.sources) - cited):
        yield f"sources that nothing cites: {', '.join(unused)}."


def _cited(part: Any) -> Iterator[str]:
    if isinstance(part, tuple):
        for each in part:
            yield from _cited(each)
    elif isinstance(part, Frozen):
        if isinstance(source := getattr(part, "source", None), str):
            yield source
        for name in type(part).model_fields:
            yield from _cited(getattr(part, name))


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
        if catalog.find(pointer.target) is None and pointer.relation == "latest_of":
            yield f"points to {pointer.target}, which is no model."
    if not model.prices and model.lifecycle.status in ("active", "deprecated") and model.type != "deployment":
        yield "is in service, but has no price."
    for price in model.prices:
        where = f"price in {price.region} ({price.scope})"
        yield from (f"{where}: {finding}" for finding in _price(price))
        if price.valid_from and price.valid_to and price.valid_from >= price.valid_to:
            yield f"{where}: ends on {price.valid_to}, before it begins."
        if price.valid_from and price.valid_from > date.fromisoformat(catalog.as_of):
            yield f"{where}: begins on {price.valid_from}, after the catalog's own day."


def _lifecycle(catalog: Catalog, model: Model) -> Iterator[str]:
    life = model.lifecycle
    if life.status != "retired":
        return
    if life.retired_on is None and life.note is None:
        yield "is retired, but without a day, and no note says why."
    successor = catalog.find(life.successor or "")
    if successor is None:
        yield f"is retired, and its successor {life.successor} is no model."
    elif successor.retired:
        yield f"its successor {life.successor} is retired itself: name {successor.lifecycle.successor}."


def _price(price: Price) -> Iterator[str]:
    for tiers in (price.tiers, price.off_peak.tiers if price.off_peak else ()):
        for tier in tiers:
            yield from (f"{tier.label}: {finding}" for finding in _tier(tier))
        for lower, upper in pairwise(tiers):
            if _of(upper.input) < _of(lower.input) or _of(upper.output) < _of(lower.output):
                yield f"the price falls from {lower.label} to {upper.label}."


def _tier(tier: Tier) -> Iterator[str]:
    if tier.output_thinking is not None and tier.output_thinking < _of(tier.output):
        yield "thinking costs less than not thinking."
    for name in ("cached_input", "cached_input_explicit"):
        hit = getattr(tier, name)
        if hit is not None and hit >= tier.text_input:
            yield f"{name} is no cheaper than input."


def _of(price: Decimal | None) -> Decimal:
    return price or Decimal(0)
