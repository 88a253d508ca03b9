"""What was said of a model, by whom, and what became of it."""

from collections.abc import Iterator

from .models import Catalog, Model


def history_of(catalog: Catalog, model: Model) -> Iterator[str]:
    """What may change a choice; who claimed what of a model, and on which page, its resource holds."""
    if model.aliases:
        yield f"Also called: {', '.join(model.aliases)}."
    newest = max((pointer.as_of for pointer in model.points_to), default=None)
    for pointer in model.points_to:
        if pointer.as_of == newest:
            relation = "equals" if pointer.relation == "equals" else "is the latest of"
            yield f"{relation} {pointer.target} on {pointer.as_of}"
    for doubt in model.doubts:
        yield f"doubt: {doubt}"
    if model.claims:
        pages = len({claim.source for claim in model.claims})
        yield f"what {pages} pages claim of it: resource bailian://models/{model.id}"


def what_became(catalog: Catalog, name: str) -> str:
    model = catalog.find(name)
    if model is None or not model.retired:
        return f"{name} (in service)"
    return f"{name} (retired {model.lifecycle.retired_on}; successor {model.lifecycle.successor})"
