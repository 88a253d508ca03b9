"""What a workload costs on several models, cheapest first; or their price sheets."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from pydantic import Field

from ...text import printable
from ..models import Catalog, Model, in_beijing, in_force
from ..money import Cost, Frozen, unpriced
from ..search import ModelQuery, find_models, is_special
from ..strategies import default_strategy, strategies
from .caveats import over_limits
from .cost import cost_of, why_unknown
from .sheet import Sheet, fees_in, price_sheet
from .tokens import TextTokens, image_tokens
from .workload import Workload

MAX_ESTIMATES = 10
MAX_SHEETS = 15
MAIN = ("mainline", "third_party")
ON_THE_SHEET = ("chat", "vision", "ocr")
COMPARED = ("chat", "vision", "omni")  # the types that are compared when no model is named


Sizes = Sequence[tuple[int, int]]


class Estimate(Cost):
    model: str
    estimated: bool = Field(description="True: tokens of text or images were guessed before pricing")


class Costs(Frozen):
    """Estimates for a workload, cheapest first; without one, price sheets."""

    region: str
    on: str
    cheapest: str | None = Field(None, exclude_if=lambda v: v is None)
    estimates: tuple[Estimate, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    fees: dict[str, str] = Field({}, description="What is not billed by the token, in CNY")
    notes: tuple[str, ...] = ()


def compare_prices(
    catalog: Catalog,
    names: Sequence[str],
    work: Workload,
    sizes: Sizes,
    *,
    region: str,
    on: date | datetime,
    guess: TextTokens | None = None,
) -> Costs:
    """What `work`, and images of these sizes, cost on each model; on the cheapest that can do it, where none is named.

    `guess`: the tokens of a text, which are in `work` already.
    """
    day = in_beijing(on).date() if isinstance(on, datetime) else on
    estimate = partial(_estimate, catalog, work=work, sizes=sizes, region=region, on=on, guessed=guess is not None)
    notes = [_of_the_guess(guess)] if guess else []
    if names:
        return _compared(catalog, sorted(map(estimate, names), key=_by_total), region, str(on), notes)
    able = [model.id for model in catalog.models if _is_able(model, work, sizes, region, day)]
    cheapest = sorted(map(estimate, able), key=_by_total)[:MAX_ESTIMATES]
    notes.append(f"The {len(cheapest)} cheapest of {len(able)} main models in service that can do it.")
    return _compared(catalog, cheapest, region, str(on), notes)


def _of_the_guess(guess: TextTokens) -> str:
    return f"The text is about {guess.likely:,} tokens, at least {guess.least:,}, at most {guess.most:,}."


def _compared(catalog: Catalog, estimates: Sequence[Estimate], region: str, on: str, notes: Sequence[str]) -> Costs:
    """What is said of every estimate is said once."""
    priced = [each for each in estimates if each.total is not None]
    common = list(estimates[0].notes) if len(priced) == 1 else []
    if len(priced) > 1:
        first = (*estimates[0].warnings, *estimates[0].notes)
        common = [said for said in first if all(said in (*each.warnings, *each.notes) for each in priced)]
    trouble = [f"Of all: {catalog.trouble}"] if catalog.trouble and catalog.trouble not in common else []
    return Costs(
        region=region,
        on=on,
        cheapest=_cheapest(catalog, estimates),
        estimates=tuple(_without(each, common) for each in estimates),
        notes=(*common, *trouble, *notes),
    )


def _without(estimate: Estimate, common: Sequence[str]) -> Estimate:
    own = {
        "warnings": tuple(said for said in estimate.warnings if said not in common),
        "notes": tuple(said for said in estimate.notes if said not in common),
    }
    return estimate.model_copy(update=own)


def _cheapest(catalog: Catalog, estimates: Sequence[Estimate]) -> str | None:
    priced = [each.model for each in estimates if each.total is not None]
    return next((name for name in priced if (m := catalog.find(name)) and m.lifecycle.status == "active"), None)


# --- estimates ---


def _by_total(estimate: Estimate) -> tuple[bool, Decimal]:
    return estimate.total is None, estimate.total or Decimal()


def _is_able(model: Model, work: Workload, sizes: Sizes, region: str, day: date) -> bool:
    """Whether a model is compared unasked: a main line in service there, that can do the work."""
    whole, _ = _with_images(model, work, sizes)
    thinks = not work.thinking or (model.thinking is not None and model.thinking.mode != "none")
    return (
        model.type in (COMPARED if work.audio_seconds is None else ("asr",))
        and model.kind not in ("snapshot", "latest")
        and "/" not in model.id  # sold by its maker, after a step in the console
        and not is_special(model)
        and model.lifecycle.status == "active"
        and not _cannot(model, work, sizes, region)
        and thinks
        and not any(over_limits(model, whole, region))
        and _is_sold(model, region, day, by_time=work.audio_seconds is not None and not work.input_tokens)
    )


def _is_sold(model: Model, region: str, day: date, *, by_time: bool = False) -> bool:
    """Whether it has a price there that is more than nothing for a time. `by_time`: of a second of audio."""
    tiers = (price.tiers[0] for price in in_force(model, region, None, day) if price.kind == "list")
    return any(tier.audio_second if by_time else tier.first_price for tier in tiers)


def _estimate(
    catalog: Catalog, name: str, *, work: Workload, sizes: Sizes, region: str, on: date | datetime, guessed: bool
) -> Estimate:
    model = catalog.find(name)
    refusal = _cannot(model, work, sizes, region) if model else ""
    if model is None or refusal:
        priced = unpriced(refusal or why_unknown(catalog, name))
    else:
        whole, notes = _with_images(model, work, sizes)
        if offered := strategies(model, region):
            named = next((each for each in offered if each == work.search_strategy), default_strategy(offered, region))
            whole = replace(whole, search_strategy=offered[named])
        priced = cost_of(catalog, name, whole, region=region, on=on)
        priced = priced.model_copy(update={"warnings": (*priced.warnings, *notes)})
    return Estimate(model=printable(name), estimated=guessed or bool(sizes), **dict(priced))


def _cannot(model: Model, work: Workload, sizes: Sizes, region: str) -> str:
    if sizes and "image" not in model.input:
        return f"{model.id} reads no images"
    if work.thinking and model.thinking and model.thinking.mode == "none":
        return f"{model.id} cannot think"
    return _cannot_search(model, work, region) if work.web_searches else ""


def _cannot_search(model: Model, work: Workload, region: str) -> str:
    offered = strategies(model, region)
    if not offered:
        return f"{model.id} cannot search the web in {region}"
    if work.search_strategy and work.search_strategy not in offered:
        return f"{model.id} has no search strategy {work.search_strategy} in {region}: it has {', '.join(offered)}"
    return ""


def _with_images(model: Model, work: Workload, sizes: Sizes) -> tuple[Workload, list[str]]:
    kind = "ocr" if model.type == "ocr" else "vision"
    tokens = sum(image_tokens(*size, patch_px=model.image_patch_px, kind=kind) for size in sizes)
    always = model.thinking is not None and model.thinking.mode == "only"
    notes = [f"The images are at most {tokens:,} tokens."] if tokens else []
    notes += [f"{model.id} always thinks: its output includes the reasoning."] if always and not work.thinking else []
    notes += [f"Whether {model.id} can think is not known."] if work.thinking and model.thinking is None else []
    whole = replace(
        work,
        input_tokens=work.input_tokens + tokens,
        input_by_modality={"image": tokens} if tokens else {},
        thinking=work.thinking or always,
    )
    return whole, notes


# --- price sheets ---


def price_sheets(catalog: Catalog, names: Sequence[str], *, region: str, on: date) -> Costs:
    """The price sheets of these models; of the main ones, where none is named."""
    known = {name: catalog.find(name) for name in names or _main_models(catalog, region, on)}
    notes = [f"{why_unknown(catalog, name)}." for name, model in known.items() if model is None]
    if not names:
        notes.append(
            "The main models in service. Name some in `models` for all their prices; the tool `models` finds others."
        )
    notes += [catalog.trouble] if catalog.trouble else []
    return Costs(
        region=region,
        on=str(on),
        cheapest=None,
        sheets=tuple(price_sheet(catalog, model, name, region, on) for name, model in known.items() if model),
        fees=fees_in(catalog, region),
        notes=tuple(notes),
    )


def _main_models(catalog: Catalog, region: str, day: date) -> list[str]:
    listed = find_models(catalog, ModelQuery(), region=region, on=day)
    main = [m for m in listed if m.type in ON_THE_SHEET and m.kind in MAIN and not is_special(m)]
    return [model.id for model in main if _is_sold(model, region, day)][:MAX_SHEETS]
