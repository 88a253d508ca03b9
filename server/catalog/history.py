"""What was said of a model, by whom, and what became of it."""

from collections.abc import Iterator

from .models import Catalog, Model


def history_of(catalog: Catalog, model: Model) -> Iterator[str]:
    if model.aliases:
        yield f"Also called: {', '.join(model.aliases)}."
    for pointer in model.points_to:
        relation = "equals" if pointer.relation == "equals" else "is the latest of"
        yield f"{relation} {pointer.target} on {pointer.as_of} ({catalog.sources[pointer.source].title})"
    for doubt in model.doubts:
        yield f"doubt: {doubt}"
    for claim in model.claims:
        source = catalog.sources[claim.source]
        verdict = "accepted" if claim.accepted else "not accepted"
        yield f"{claim.field}: {claim.value}; {verdict}: {claim.why} ({source.title}, {source.date})"


def what_became(catalog: Catalog, name: str) -> str:
    model = catalog.find(name)
    if model is None or not model.retired:
        return f"{name} (in service)"
    return f"{name} (retired {model.lifecycle.retired_on}; successor {model.lifecycle.successor})"
