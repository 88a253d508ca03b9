"""Find the model for a job."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BeforeValidator, Field

from ..server.calls.call import BoundCall, Call
from ..server.calls.language import said
from ..server.calls.live_list import live_notes
from ..server.calls.result import tool_result
from ..server.catalog import (
    Advice,
    Capability,
    Catalog,
    Frozen,
    Model,
    asks_to_make,
    capabilities_of,
    find_models,
    history_of,
    in_force,
    names_in,
    parse_query,
    recommendations,
    what_became,
)
from ..server.catalog.live import LiveReading
from ..server.catalog.pricing import (
    ONLY_IN_DETAIL,
    lifecycle_warnings,
    price_caveats,
    price_notes,
    row_in_words,
    short_tier,
    tier_row,
    unit_of_prices,
)
from ..server.endpoints import Region
from ..server.text import printable

ANNOTATIONS = ToolAnnotations(
    title="Find a Model Studio model (百炼模型)",
    read_only_hint=True,
    destructive_hint=False,
    idempotent_hint=True,
    open_world_hint=True,
)
EXAMPLE = {"query": "便宜的视觉模型", "limit": 2}
NO_COUNTS = {"source", "dimensions", "dimension_range", "basis", "audio_seconds", "max_input_in", "uncertain"}
IMPLIED = ("long_context", "json_object", "batch", "cache")  # by the context, or true of nearly all
SHORT_ROWS = "id | CNY per million tokens in/out, by input tokens | context | abilities"
NO_MODEL_FITS = (
    "No model fits. Understood are names and parts of them, abilities (视觉, 翻译, 联网, 结构化, 思考 ...), sizes "
    "(128k, 百万), 便宜, 最强 and 下线; for other wishes use the parameters."
)
NONE_MAKES = (
    "No tool here makes images, speech, video or music, and no model listed is for that: "
    "they read these, and write text"
)


def _not_making(given: Any) -> Any:
    if isinstance(given, str) and asks_to_make(given):
        raise ValueError(f"cannot be had. {NONE_MAKES}")
    return given


class ModelRow(Frozen):
    id: str
    name: str = Field(description="Series and type")
    price: tuple[dict[str, str], ...] = Field(
        description="CNY per million tokens, tier by tier, in the server's region"
    )
    limits: dict[str, int] = Field(description="Tokens, or what the name says")
    capabilities: tuple[str, ...]
    lifecycle: dict[str, str]
    history: tuple[str, ...] = Field(
        (), description="Aliases, what it stands for, doubts; and where all that was claimed of it is"
    )


class Recommendation(Frozen):
    scenario: str
    today: tuple[str, ...] = Field(description="Model ids in service")
    how: str
    originally: tuple[str, ...] = Field(description="What the founding documents named, and what became of it")


class Models(Frozen):
    models: tuple[ModelRow, ...]
    advice: tuple[Recommendation, ...]
    notes: tuple[str, ...]


async def models(
    call: BoundCall,
    query: Annotated[
        str,
        Field(
            description="A model id (then all its prices and doubts are told), or words such as 便宜的视觉模型",
            max_length=500,
        ),
    ] = "",
    capabilities: Annotated[
        tuple[Annotated[Capability, BeforeValidator(_not_making)], ...],
        Field(description="What it must be able to do", max_length=20),
    ] = (),
    min_context: Annotated[int, Field(description="Context window, tokens", ge=0)] = 0,
    max_input_price: Annotated[
        float, Field(description="CNY per million input tokens, first tier; 0: any", ge=0, allow_inf_nan=False)
    ] = 0,
    include_retired: Annotated[bool, Field(description="Also models that are no longer in service")] = False,
    region: Annotated[Region | None, Field(description="Whose prices are shown. Default: the server's")] = None,
    limit: Annotated[int, Field(description="How many to return", ge=1, le=50)] = 10,
    live: Annotated[bool, Field(description="Compare with DashScope's own list, as it is now; free")] = False,
) -> Annotated[CallToolResult, Models]:
    """Find models of Alibaba Cloud Model Studio (百炼) by words, capability, context window and price.

    Tells prices, limits, capabilities, retirement dates and successors, and for patent work, translation, bulk work
    and code what to use today. Free of charge: it asks no service, but for the list with live=true.
    """
    live_list = (await call.live_list(), query.split()) if live else None
    told = partial(_told, call, live_list)
    catalog, where = call.catalog, region or call.context.host.region
    if named := names_in(catalog, query):
        notes = ["Asked by name: other wishes were not applied."] if capabilities or min_context else []
        for name, model in named.items():
            notes += [f"{name} stands for {model.id}."] if name != model.id else []
            prices = in_force(model, where, model.scope_of(name), call.today)
            notes += [*price_notes(prices[0]), *price_caveats(catalog, prices, call.today)] if prices else []
            notes += lifecycle_warnings(model, name, call.today)
        successors = (catalog.find(model.lifecycle.successor or "") for model in named.values() if model.retired)
        rows = {**named, **{model.id: model for model in successors if model}}
        return told(rows, [], list(dict.fromkeys(notes)), where, limit, whole=tuple(named))
    if asks_to_make(query):
        return told({}, [], [f"{NONE_MAKES}."], where, limit)
    words = parse_query(catalog, query)
    wish = replace(
        words,
        capabilities=tuple(dict.fromkeys((*words.capabilities, *capabilities))),
        min_context=max(words.min_context, min_context),
    )
    if max_input_price or words.order == "cheap" or "web_search" in wish.capabilities:
        where = region or call.region  # what fits differs by region
    ceiling = Decimal(str(max_input_price)) if max_input_price else None
    look = partial(find_models, catalog, wish, region=where, on=call.today, max_input_price=ceiling)
    understood = not (query.strip() and words.empty)
    found = look(include_retired=include_retired) if understood else []
    hidden = len(look(include_retired=True)) - len(found) if understood and not include_retired else 0
    notes = [f"Not understood, and not used: {', '.join(map(printable, words.ignored))}."] if words.ignored else []
    notes += [f"{hidden} retired models fit too: include_retired=true."] if hidden else []
    near = [] if found else catalog.similar_names(query.strip())
    notes += [f"Near names: {', '.join(near)}."] if near else []
    advice = recommendations(catalog, query)
    shown_models = _advised_first(catalog, advice, found)
    return told({m.id: m for m in shown_models}, advice, notes, where, limit)


def _advised_first(catalog: Catalog, advice: Sequence[Advice], found: Sequence[Model]) -> list[Model]:
    today = (catalog.find(name) for each in advice for name in each.today)
    return list({model.id: model for model in (*filter(None, today), *found)}.values())


def _row(catalog: Catalog, name: str, model: Model, region: str, day: date, exact: bool) -> ModelRow:
    prices = in_force(model, region, model.scope_of(name), day)
    life, limits = model.lifecycle, model.limits.model_dump(exclude_none=True, exclude=NO_COUNTS)
    if heard := model.limits.audio_seconds:
        limits["max_audio_seconds"] = heard[-1]
    return ModelRow(
        id=model.id,
        name=f"{model.series}, {model.type}",
        price=tuple(
            {key: value for key, value in tier_row(tier).items() if exact or key not in ONLY_IN_DETAIL}
            for price in prices[:1]
            for tier in price.tiers
        ),
        limits=limits,
        capabilities=tuple(_capabilities(model)),
        lifecycle={
            key: str(value)
            for key, value in life.model_dump(exclude_none=True, exclude={"scopes", "source"}).items()
            if exact or key != "note"
        },
        history=tuple(history_of(catalog, model)) if exact else (),
    )


def _capabilities(model: Model) -> list[str]:
    """As in the parameter, and how it thinks."""
    named: list[str] = list(capabilities_of(model))
    if model.thinking and model.thinking.mode == "only":
        named.append("always thinks")
    return [*named, *(f"{capability}: unsure" for capability in model.unsure)]


def _recommendation(catalog: Catalog, advice: Advice) -> Recommendation:
    return Recommendation(
        scenario=f"{advice.scenario} ({advice.english})",
        today=advice.today,
        how=advice.how,
        originally=tuple(what_became(catalog, name) for name in advice.recommended),
    )


# --- both kinds of hosts ---


def _told(
    call: Call,
    live_list: tuple[LiveReading, Sequence[str]] | None,
    found: Mapping[str, Model],
    advice: Sequence[Advice],
    notes: Sequence[str],
    region: str,
    limit: int,
    *,
    whole: Sequence[str] = (),
) -> CallToolResult:
    """The answer, as data and as text. `whole`: the models of which everything is told."""
    shown = list(found.items())[:limit]
    catalog, day = call.catalog, call.today
    start = f"Prices in {region}, from" if region else "From"
    notes = [
        *([NO_MODEL_FITS] if not found and f"{NONE_MAKES}." not in notes else []),
        *([f"{len(found):,} models fit, {limit} are shown; raise limit or say more."] if len(found) > limit else []),
        *notes,
        *([] if region else [f"No prices are shown. {call.context.region_unknown}"]),
        f"{start} the catalog of {catalog.as_of}{'.' if live_list else ': no service was asked.'}",
        *(live_notes(catalog, live_list[0], [model.id for _, model in shown], live_list[1]) if live_list else ()),
        *filter(None, [catalog.trouble]),
    ]
    answer = Models(
        models=tuple(_row(catalog, name, model, region, day, name in whole) for name, model in shown),
        advice=tuple(_recommendation(catalog, each) for each in advice),
        notes=tuple(notes),
    )
    in_short = not all(name in whole for name, _ in shown)
    rows = [
        _whole_row(row) if name in whole else _short_row(row)
        for (name, _), row in zip(shown, answer.models, strict=True)
    ]
    lines = [*map(_recommended, answer.advice), *([SHORT_ROWS] if in_short else []), *rows]
    lines = [*answer.notes, *lines] if whole else [*lines, *answer.notes]  # a name is asked for its end, mostly
    return tool_result(answer, "\n".join(map(said, lines)))


def _recommended(advice: Recommendation) -> str:
    return (
        f"For {advice.scenario}: {', '.join(advice.today)}; {advice.how} "
        f"Originally recommended: {', '.join(advice.originally)}."
    )


def _whole_row(model: ModelRow) -> str:
    price = "; ".join(map(row_in_words, model.price))
    parts = [
        model.name,
        f"{unit_of_prices(model.price)}: {price}" if price else "no price known here",
        ", ".join(f"{name} {tokens:,}" for name, tokens in model.limits.items()),
        ", ".join(model.capabilities),
        ", ".join(f"{name} {value}" for name, value in model.lifecycle.items()),
    ]
    return "\n".join([f"{model.id} | {' | '.join(filter(None, parts))}", *(f"  {each}" for each in model.history)])


def _short_row(model: ModelRow) -> str:
    """What models are chosen by: price, context, abilities; and that one is not simply in service."""
    context = model.limits.get("context")
    life = ", ".join(f"{name} {value}" for name, value in model.lifecycle.items())
    columns = [
        model.id,
        ", ".join(map(short_tier, model.price)) or "no price known here",
        f"{context:,}" if context else "-",
        " ".join(name for name in model.capabilities if name not in IMPLIED) or "-",
        *([] if life == "status active" else [life]),
    ]
    return " | ".join(columns)
