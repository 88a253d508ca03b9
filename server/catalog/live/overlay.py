"""Differences as a file for BAILIAN_CATALOG. What somebody wrote there stays; what a live list said is replaced."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..file import shipped
from ..models import Catalog, Model
from .differences import LiveComparison, LiveDifference
from .reading import LIVE_SOURCE, LiveReading


def overlay_of(
    catalog: Catalog, reading: LiveReading, compared: LiveComparison, before: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The file, and which fields of which models stay as somebody wrote them.

    `catalog`: what the comparison was made with: the built-in one with `before` over it, the file as it was.
    """
    models = {entry["id"]: dict(entry) for entry in before.get("models", [])}
    kept: list[str] = []
    for difference in compared.differences:
        entry = models.get(difference.model)
        if difference.kind == "new":
            models[difference.model] = {**difference.value, **(entry or {})}
        elif difference.field and entry and _is_somebodys(difference, entry, reading.region):
            kept.append(f"{difference.model}: {difference.field}")
        elif difference.field:
            known = catalog.find(difference.model)
            entry = models.setdefault(difference.model, {"id": difference.model})
            entry[difference.field] = _value(known, entry, difference, reading)
    source = reading.reference.model_dump(mode="json", exclude_none=True)
    whole = {**before, "sources": {**before.get("sources", {}), reading.source: source}}
    return {**whole, "models": [models[name] for name in sorted(models)]}, kept


def _is_somebodys(difference: LiveDifference, entry: Mapping[str, Any], region: str) -> bool:
    """Whether it is written by hand: its source is neither a live list nor one of the built-in catalog."""
    value = entry.get(difference.field)
    if value is None or difference.field == "doubts":  # of which none is lost
        return False
    if isinstance(value, dict):
        return _is_by_hand(value)
    place = {"region": region, **({"scope": difference.scope} if difference.scope else {})}
    here = [each for each in value if all(each.get(name) == of for name, of in place.items() if "region" in each)]
    return any(map(_is_by_hand, here)) and not any(str(each.get("source")).startswith(LIVE_SOURCE) for each in here)


def _is_by_hand(entry: Mapping[str, Any]) -> bool:
    source = str(entry.get("source", ""))
    return not source.startswith(LIVE_SOURCE) and source not in shipped().sources


def _value(model: Model | None, entry: Mapping[str, Any], difference: LiveDifference, reading: LiveReading) -> Any:
    """Lists are replaced as a whole by an overlay: what is of other regions, and of other days, is said again."""
    if difference.field == "prices":
        return _prices(_given(model, entry, "prices"), difference, reading)
    if difference.field == "rate_limits":
        others = [each for each in _given(model, entry, "rate_limits") if each["region"] != reading.region]
        return [*others, difference.value]
    return difference.value


def _given(model: Model | None, entry: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    if name in entry or model is None:
        return list(entry.get(name, ()))
    return [each.model_dump(mode="json", exclude_defaults=True) for each in getattr(model, name)]


def _prices(prices: Sequence[dict[str, Any]], difference: LiveDifference, reading: LiveReading) -> list[dict[str, Any]]:
    """The new price from this day on; the one that held until then ends, and stays as history."""
    day = str(reading.day)
    place = {"region": reading.region, "scope": difference.scope}
    new = {**place, "currency": "CNY", "source": reading.source, "valid_from": day, **difference.value}
    if "batch" in new:
        new["batch"] = {"source": reading.source, **new["batch"]}
    found = []
    for price in prices:
        if {name: price[name] for name in place} != place:
            found.append(price)
        elif price.get("valid_from", "") < day:
            found.append({**price, "valid_to": min(day, price.get("valid_to", day))})
    return [*found, new]
