"""catalog.json on disk: read at first use, overlaid with a file of the user's own, written in one order."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..json_text import unique_names
from ..text import HALF_A_PAIR, complaints, is_sendable, printable, repair_surrogates
from .models import Advice, Catalog, Deployment, Fee, Model, Price, Reference, Training

CATALOG = Path(__file__).parent.parent.parent / "catalog.json"
OVERLAY_SHAPES: dict[str, tuple[type, str]] = {
    "sources": (dict, "an object"),
    "defaults": (dict, "an object"),
    "fees": (list, "a list"),
    "models": (list, "a list"),
}
OVERLAY_KEYS = tuple(OVERLAY_SHAPES)
MAX_CATALOG_BYTES = 20_000_000


class BadCatalog(Exception):
    """The file cannot be used; the text says which entry and why."""

    def __init__(self, file: str, *reasons: str) -> None:
        super().__init__(file, *reasons)
        self.findings = [f"{file}: {reason}" for reason in reasons]

    def __str__(self) -> str:
        file, *reasons = self.args
        return f"{file}: {' '.join(reasons)}"


@cache
def shipped() -> Catalog:
    """The catalog that ships with the package, read at first use."""
    return validated(json.loads(CATALOG.read_bytes()), CATALOG.name)


def overlaid(path: Path) -> Catalog:
    """The shipped catalog with the entries of another file laid over it.

    The file holds any of `sources`, `defaults`, `fees` and `models`. A model needs its `id`; of a model that the
    catalog holds, only the fields given are replaced (`prices` as a whole). A file that cannot be used changes
    nothing: the shipped catalog is returned, its `trouble` says which entry is wrong and why.
    """
    try:
        return laid_over(read_json(path), path.name)
    except BadCatalog as error:
        return shipped().model_copy(
            update={"trouble": repair_surrogates(f"The catalog overlay (BAILIAN_CATALOG) is set aside: {error}")}
        )


def validated(data: Any, name: str) -> Catalog:
    try:
        return Catalog.model_validate(data)
    except ValidationError as error:
        raise BadCatalog(name, *_in_words(error, data)) from None


def _in_words(error: ValidationError, data: Any) -> list[str]:
    """Complaints that call a model by its id, not by its place in the list."""
    details = error.errors(include_url=False, include_input=False)
    said = complaints([{**each, "loc": _named(each["loc"], data)} for each in details])
    return [each.replace("is not an argument", "is no field of it") for each in said]


def _named(place: tuple[int | str, ...], data: Any) -> tuple[int | str, ...]:
    if len(place) < 2 or place[0] != "models" or not isinstance(place[1], int):
        return place
    entry = data["models"][place[1]]
    name = entry.get("id") if isinstance(entry, dict) else None
    return (name, *place[2:]) if isinstance(name, str) else place


def read_json(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_CATALOG_BYTES or not path.is_file():
            raise BadCatalog(path.name, f"it is no file of at most {MAX_CATALOG_BYTES // 1_000_000} MB.")
        data = json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=unique_names)
    except OSError as error:
        raise BadCatalog(path.name, f"it cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, nested without end
        raise BadCatalog(path.name, f"it is not JSON: {error}.") from None
    if not is_sendable(json.dumps(data, ensure_ascii=False)):
        raise BadCatalog(path.name, f"it holds {HALF_A_PAIR}, which no text can carry.")
    return data


def is_overlay(data: Any) -> bool:
    return isinstance(data, dict) and bool(data) and set(data) <= set(OVERLAY_KEYS)


def laid_over(over: Any, name: str) -> Catalog:
    """The shipped catalog with an overlay over it. Raises BadCatalog: which entry is wrong, and why."""
    return validated(merge_overlay(read_json(CATALOG), over, name), name)


def merge_overlay(base: dict[str, Any], over: Any, name: str) -> dict[str, Any]:
    if not is_overlay(over):
        raise BadCatalog(name, f"it must be an object with any of {', '.join(OVERLAY_KEYS)}, and nothing else.")
    for key, (shape, called) in OVERLAY_SHAPES.items():
        if not isinstance(over.get(key, shape()), shape):
            raise BadCatalog(name, f"{key} must be {called}.")
    known, seen = {model["id"]: model for model in base["models"]}, set()
    for number, model in enumerate(over.get("models", [])):
        if not isinstance(model, dict) or not isinstance(model.get("id"), str):
            raise BadCatalog(name, f"models[{number}] must be an object with an id.")
        if model["id"] in seen:
            raise BadCatalog(name, f"models[{number}] is {printable(model['id'])} again.")
        seen.add(model["id"])
        known[model["id"]] = {**known.get(model["id"], {}), **model}
    merged = {key: {**base[key], **over.get(key, {})} for key in ("sources", "defaults")}
    fees = [*over.get("fees", []), *base["fees"]]  # of equally particular ones the first counts
    return {**base, **merged, "fees": fees, "models": list(known.values())}


# --- one order, one line a tier: a diff reads as a price change ---


ROWS: dict[str, Any] = {"fees": Fee, "training": Training, "deployment": Deployment, "advice": Advice}


def formatted(data: dict[str, Any]) -> str:
    """The text of a catalog or an overlay: models by id, fields in the order of the types, a line for each tier."""
    head = {key: data[key] for key in ("schema_version", "as_of", "defaults") if key in data}
    parts = [f"  {_line(key)}: {_line(value)}" for key, value in head.items()]
    if "sources" in data:
        rows = [f"{_line(k)}: {_line(_in_order(v, Reference))}" for k, v in sorted(data["sources"].items())]
        parts.append(_block("sources", rows, "{}"))
    for key, type_ in ROWS.items():
        if key in data:
            parts.append(_block(key, [_line(_in_order(row, type_)) for row in data[key]]))
    if "models" in data:
        models = [_model(_in_order(m, Model)) for m in sorted(data["models"], key=lambda m: str(m["id"]))]
        parts.append('  "models": [\n' + ",\n".join(models) + "\n  ]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def write_overlay(path: Path, data: dict[str, Any]) -> None:
    """The file in its order, whole or not at all. Raises BadCatalog: the server could not use it; OSError."""
    laid_over(data, path.name)
    write_whole(path, formatted(data))


def write_whole(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8", newline="\n")
    beside.replace(path)


LISTED = ("rate_limits", "claims", "prices")  # a line for each of theirs


def _model(model: dict[str, Any]) -> str:
    rows = [f'"{key}": {_line(value)}' for key, value in model.items() if key not in LISTED]
    for key in LISTED[:-1]:
        if listed := model.get(key):
            rows.append(f'"{key}": [\n' + ",\n".join(f"        {_line(each)}" for each in listed) + "\n      ]")
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
