"""catalog.json on disk: read at first use, overlaid with a file of the user's own, written in one order."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..wording import complaints, shown
from .entries import Catalog, Deployment, Fee, Model, Price, Training

CATALOG = Path(__file__).parent.parent.parent / "catalog.json"
OVERLAY_KEYS = ("sources", "defaults", "fees", "models")


class BadCatalog(Exception):
    """The file cannot be used; the text says which entry and why."""


@cache
def shipped() -> Catalog:
    """The catalog that ships with the package, read at first use."""
    return validated(_json(CATALOG), CATALOG.name)


def overlaid(path: Path) -> Catalog:
    """The shipped catalog with the entries of another file laid over it.

    The file holds any of `sources`, `defaults`, `fees` and `models`. A model needs its `id`; of a model that the
    catalog holds, only the fields given are replaced (`prices` as a whole). A file that cannot be used changes
    nothing: the shipped catalog is returned, its `trouble` says which entry is wrong and why.
    """
    try:
        return validated(_laid_over(_json(CATALOG), _json(path)), path.name)
    except BadCatalog as error:
        return shipped().model_copy(update={"trouble": f"The catalog overlay is set aside: {error}"})


def validated(data: Any, name: str) -> Catalog:
    try:
        return Catalog.model_validate(data)
    except ValidationError as error:
        raise BadCatalog(f"{name}: {' '.join(_in_words(error, data))}") from None


def _in_words(error: ValidationError, data: Any) -> list[str]:
    """Complaints that call a model by its id, not by its place in the list."""
    details = error.errors(include_url=False, include_input=False)
    return complaints([{**each, "loc": _named(each["loc"], data)} for each in details])


def _named(place: tuple[int | str, ...], data: Any) -> tuple[int | str, ...]:
    if len(place) < 2 or place[0] != "models" or not isinstance(place[1], int):
        return place
    entry = data["models"][place[1]]
    name = entry.get("id") if isinstance(entry, dict) else None
    return (name, *place[2:]) if isinstance(name, str) else place


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise BadCatalog(f"{shown(str(path))} cannot be read ({error.strerror}).") from None
    except ValueError as error:  # no UTF-8, or no JSON
        raise BadCatalog(f"{shown(path.name)} is not JSON: {error}.") from None


def _laid_over(base: dict[str, Any], over: Any) -> dict[str, Any]:
    if not isinstance(over, dict) or not set(over) <= set(OVERLAY_KEYS):
        raise BadCatalog(f"it must be an object with any of {', '.join(OVERLAY_KEYS)}.")
    models = over.get("models", [])
    if not isinstance(models, list) or not all(isinstance(m, dict) and isinstance(m.get("id"), str) for m in models):
        raise BadCatalog("models must be a list of objects, each with an id.")
    known = {model["id"]: model for model in base["models"]}
    for model in models:
        known[model["id"]] = {**known.get(model["id"], {}), **model}
    merged = {**base, "models": list(known.values())}
    for key in ("sources", "defaults"):
        if not isinstance(over.get(key, {}), dict):
            raise BadCatalog(f"{key} must be an object.")
        merged[key] = {**base[key], **over.get(key, {})}
    if not isinstance(over.get("fees", []), list):
        raise BadCatalog("fees must be a list.")
    merged["fees"] = [*over.get("fees", []), *base["fees"]]  # the first fitting one counts
    return merged


# --- one order, one line a tier: a diff reads as a price change ---


def formatted(data: dict[str, Any]) -> str:
    """The file's text: models by id, fields in the order of the types, a line for each tier, claim, fee and source."""
    head = {key: data[key] for key in ("schema_version", "as_of", "defaults") if key in data}
    parts = [f"  {_line(key)}: {_line(value)}" for key, value in head.items()]
    parts.append(_block("sources", [f"{_line(k)}: {_line(v)}" for k, v in sorted(data["sources"].items())], "{}"))
    for key, type_ in (("fees", Fee), ("training", Training), ("deployment", Deployment), ("advice", None)):
        rows = [_line(_in_order(row, type_) if type_ else row) for row in data.get(key, [])]
        parts.append(_block(key, rows))
    models = [_model(_in_order(m, Model)) for m in sorted(data["models"], key=lambda m: str(m["id"]))]
    parts.append('  "models": [\n' + ",\n".join(models) + "\n  ]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _model(model: dict[str, Any]) -> str:
    rows = [f'"{key}": {_line(value)}' for key, value in model.items() if key not in ("claims", "prices")]
    if claims := model.get("claims"):
        rows.append('"claims": [\n' + ",\n".join(f"        {_line(claim)}" for claim in claims) + "\n      ]")
    if prices := model.get("prices"):
        rows.append('"prices": [\n' + ",\n".join(_price(_in_order(price, Price)) for price in prices) + "\n      ]")
    return "    {\n" + ",\n".join(f"      {row}" for row in rows) + "\n    }"


def _price(price: dict[str, Any]) -> str:
    off_peak = price.get("off_peak")
    head = ", ".join(f'"{k}": {_line(v)}' for k, v in price.items() if k not in ("tiers", "off_peak"))
    if off_peak:
        hours = ", ".join(f'"{k}": {_line(v)}' for k, v in off_peak.items() if k != "tiers")
        head += f', "off_peak": {{{hours}, "tiers": {_tiers(off_peak["tiers"])}}}'
    return f'        {{{head}, "tiers": {_tiers(price.get("tiers", []))}}}'


def _tiers(tiers: list[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(f"          {_line(tier)}" for tier in tiers) + "\n        ]" if tiers else "[]"


def _block(name: str, rows: list[str], brackets: str = "[]") -> str:
    inside = "\n" + ",\n".join(f"    {row}" for row in rows) + "\n  " if rows else ""
    return f'  "{name}": {brackets[0]}{inside}{brackets[1]}'


def _in_order(entry: dict[str, Any], type_: Any) -> dict[str, Any]:
    order = list(type_.model_fields)
    return dict(sorted(entry.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
