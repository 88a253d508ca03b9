"""Names of models while they are typed."""

from collections.abc import Callable
from datetime import date

from .models import Catalog, Model
from .search import ModelQuery, find_models, parse_query


def names_like(
    catalog: Catalog,
    typed: str,
    *,
    region: str,
    on: date,
    fits: Callable[[Model], bool] = lambda model: True,
    retired: bool = False,
) -> list[str]:
    """Names that begin so, then those that hold it; where none does, what is meant by it or looks like it.

    In the order in which models are found, those out of service last and only with `retired`.
    """

    def found(wish: ModelQuery) -> list[Model]:
        return [m for m in find_models(catalog, wish, region=region, on=on, include_retired=retired) if fits(m)]

    part, able = typed.strip().casefold(), found(ModelQuery())
    names = [(name, model) for model in able for name in (model.names if part else (model.id,))]
    alike = [
        (model.retired, not name.casefold().startswith(part), name) for name, model in names if part in name.casefold()
    ]
    if alike:
        return [name for _, _, name in sorted(alike, key=lambda each: each[:2])]
    wish = parse_query(catalog, typed)
    meant = [model.id for model in ([] if wish.empty else found(wish))]
    ids = {model.id for model in able}
    return meant or [name for name in catalog.similar_names(part) if name in ids]
