"""The models and their prices: catalog.json as frozen types; find a model; usage in, exact cost out."""

import difflib
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

CATALOG = Path(__file__).parent.parent / "catalog.json"
STALE_AFTER_DAYS = 90
# A region may carry several price scopes; which one a workspace has, DashScope's API does not say.
SCOPES = ("cn", "gl", "intl", "hk", "us", "eu", "jp")


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# --- what a call used and what that cost: the shapes every answer carries ---


class Usage(Frozen):
    """Token counts of all requests of one call. Null: DashScope did not report it."""

    input_tokens: int = Field(description="All input tokens, cached ones included")
    output_tokens: int = Field(description="All output tokens, reasoning included")
    reasoning_tokens: int | None = None
    cached_input_tokens: int | None = Field(None, description="Implicit cache hits inside input_tokens")
    image_tokens: int | None = None


class CostLine(Frozen):
    item: str
    quantity: int = Field(description="Tokens")
    unit_price: str = Field(description="Per million tokens")
    amount: str


class Cost(Frozen):
    """What a call cost at list price. Amounts are exact decimal strings."""

    total: str | None = Field(description="Null when it cannot be known; reason says why")
    currency: str = "CNY"
    basis: Literal["list"] = "list"
    lines: tuple[CostLine, ...] = ()
    tier: str | None = None
    source: str | None = Field(None, description="The page the price was read from")
    date: str | None = Field(None, description="The day of that page")
    warnings: tuple[str, ...] = ()
    reason: str | None = None


def unpriced(reason: str, *warnings: str) -> Cost:
    return Cost(total=None, reason=reason, warnings=warnings)


def plain(amount: Decimal) -> str:
    """An exact amount in plain notation: no exponent, no trailing zeros."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


# --- catalog.json ---

PerMillion = Annotated[Decimal, Field(ge=0)]


class Source(Frozen):
    title: str
    url: str
    date: str


class Tier(Frozen):
    """Prices per million tokens for requests of up to `up_to` input tokens (none: no upper edge)."""

    up_to: int | None = None
    label: str
    input: PerMillion
    output: PerMillion
    output_thinking: PerMillion | None = None
    cached_input: PerMillion | None = None
    cache_write: PerMillion | None = None
    cached_input_explicit: PerMillion | None = None


class Price(Frozen):
    region: str
    scope: str
    currency: str
    source: str
    promotion: str | None = None
    tiers: tuple[Tier, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _edges_rise(self) -> "Price":
        edges = [tier.up_to for tier in self.tiers]
        known = [edge for edge in edges if edge is not None]
        if None in edges[:-1] or known != sorted(set(known)):
            raise ValueError("tier edges must rise, and only the last may be open")
        return self

    def tier(self, input_tokens: int) -> Tier:
        """The tier of a request: all its tokens are billed at it (model-pricing page); the last one has no end."""
        return next((t for t in self.tiers if t.up_to is None or input_tokens <= t.up_to), self.tiers[-1])


class Limits(Frozen):
    context: int | None = None
    max_input: int | None = None
    max_output: int | None = None
    max_reasoning: int | None = None


class Thinking(Frozen):
    """How a model reasons. `effort` maps our levels to its own `reasoning_effort` words; without it, a token budget."""

    mode: Literal["none", "hybrid", "only"]
    default: bool = False
    effort: dict[str, str] = {}


class Lifecycle(Frozen):
    status: Literal["active", "deprecated", "retired"]
    retired_on: str | None = None
    replacement: str | None = None
    source: str | None = None


class Model(Frozen):
    id: str
    aliases: tuple[str, ...] = ()
    vendor: str
    type: str
    input: tuple[str, ...]
    limits: Limits
    thinking: Thinking
    output_limit: Literal["max_completion_tokens", "max_tokens"] = "max_tokens"
    endpoint: Literal["text-generation", "multimodal-generation"] | None = None  # of the native protocol
    cumulative: bool = False  # its stream repeats the text so far
    lifecycle: Lifecycle
    prices: tuple[Price, ...]

    @property
    def retired(self) -> bool:
        return self.lifecycle.status == "retired"

    def prices_in(self, region: str) -> list[Price]:
        """Prices of a region, the most likely scope first."""
        return sorted((p for p in self.prices if p.region == region), key=lambda p: SCOPES.index(p.scope))


class Catalog(Frozen):
    schema_version: Literal[1]
    as_of: str
    defaults: dict[str, str]
    sources: dict[str, Source]
    models: tuple[Model, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> "Catalog":
        names = [name for model in self.models for name in (model.id, *model.aliases)]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"named twice: {sorted(twice)}")
        if missing := set(self.defaults.values()) - set(names):
            raise ValueError(f"defaults that are no models: {sorted(missing)}")
        cited = {price.source for model in self.models for price in model.prices}
        if unknown := cited - set(self.sources):
            raise ValueError(f"prices with an unknown source: {sorted(unknown)}")
        for source in cited:
            date.fromisoformat(self.sources[source].date)  # a price has a full date: its age is told
        return self

    @cached_property
    def _by_name(self) -> dict[str, Model]:
        return {name: model for model in self.models for name in (model.id, *model.aliases)}

    def find(self, name: str) -> Model | None:
        """The model of that id or alias; never a guess by prefix, which would price a new model as an old one."""
        return self._by_name.get(name)

    def near(self, name: str) -> list[str]:
        """Up to three ids of models in service that look like `name`, nearest first."""
        in_service = [model.id for model in self.models if not model.retired]
        return difflib.get_close_matches(name.lower(), in_service, n=3, cutoff=0.6)

    def cost(self, name: str, usage: Usage, *, region: str, reasoned: bool, on: date) -> Cost:
        """The list price of one request.

        `reasoned`: the reply held reasoning, which prices its whole output as thinking (deep-thinking page).
        `on`: the day, for the age of the price. Rules: model-pricing page (K = 1,000).
        """
        model = self.find(name)
        if model is None:
            return unpriced(f"{name} is not in the catalog of {self.as_of}, so its price is unknown")
        prices = model.prices_in(region)
        if not prices:
            return unpriced(f"no price of {model.id} is known for region {region}", *lifecycle_warnings(model))
        cached = usage.cached_input_tokens or 0
        if cached > usage.input_tokens or (usage.reasoning_tokens or 0) > usage.output_tokens:
            return unpriced("the reported usage does not add up: a part is more than its whole")
        price, tier = prices[0], prices[0].tier(usage.input_tokens)
        lines = _lines(tier, usage, cached, reasoned)
        source = self.sources[price.source]
        return Cost(
            total=plain(sum((Decimal(line.amount) for line in lines), Decimal())),
            currency=price.currency,
            lines=tuple(lines),
            tier=tier.label,
            source=source.url,
            date=source.date,
            warnings=tuple(_warnings(model, prices, tier, usage.input_tokens, cached, source, on)),
        )


def _lines(tier: Tier, usage: Usage, cached: int, reasoned: bool) -> list[CostLine]:
    thinking = tier.output_thinking if reasoned else None
    hits = cached if tier.cached_input is not None else 0
    counted = [
        ("input", usage.input_tokens - hits, tier.input),
        ("cached_input", hits, tier.cached_input or Decimal()),
        ("output", usage.output_tokens, tier.output)
        if thinking is None
        else ("output_thinking", usage.output_tokens, thinking),
    ]
    return [_line(item, quantity, price) for item, quantity, price in counted if quantity]


def _line(item: str, quantity: int, per_million: Decimal) -> CostLine:
    amount = (quantity * per_million).scaleb(-6)
    return CostLine(item=item, quantity=quantity, unit_price=plain(per_million), amount=plain(amount))


def lifecycle_warnings(model: Model) -> list[str]:
    """What to know before using a model that is held as retired (our date may be wrong, so it is still sent)."""
    if not model.retired:
        return []
    return [f"{model.id} is listed as retired since {model.lifecycle.retired_on}; use {model.lifecycle.replacement}."]


def _warnings(
    model: Model, prices: list[Price], tier: Tier, input_tokens: int, cached: int, source: Source, on: date
) -> list[str]:
    price = prices[0]
    said = ["List price: free quota and promotions are not deducted.", *lifecycle_warnings(model)]
    if price.promotion:
        said.append(f"A printed promotion ({price.promotion}) is not applied.")
    if len(prices) > 1:
        said.append(
            f"{price.region} has several price scopes ({', '.join(p.scope for p in prices)}); {price.scope} used."
        )
    if cached and tier.cached_input is None:
        said.append("No cache price is known here: cached tokens are priced as plain input.")
    if edge := next((e for e in _edges(price) if e < input_tokens <= e * 1024 // 1000), None):
        said.append(f"{input_tokens:,} input tokens lie just above a tier edge of {edge:,} (K = 1,000 as printed).")
    if (age := (on - date.fromisoformat(source.date)).days) > STALE_AFTER_DAYS:
        said.append(f"The price is {age} days old: check {source.url}.")
    return said


def _edges(price: Price) -> list[int]:
    return [tier.up_to for tier in price.tiers if tier.up_to is not None]


@cache
def shipped() -> Catalog:
    """The catalog that ships with the package, read at first use."""
    return Catalog.model_validate_json(CATALOG.read_bytes())
