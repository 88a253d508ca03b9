"""catalog.json as frozen types. Money is a decimal string per million tokens unless `per` says otherwise."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import combinations
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from ..text import HIDDEN
from .money import Frozen

UnitPrice = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=9, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")]
Count = Annotated[int, Field(ge=0, le=10**12)]
LineOfText = Annotated[str, Field(max_length=1_000, pattern=rf"^[^\t\n{HIDDEN}]*$")]
SourceKey = str  # of `sources`
# A region may carry several price scopes; which one a workspace has, DashScope's API does not say.
Scope = Literal["cn", "gl", "intl", "hk", "us", "eu", "jp"]
SCOPES = get_args(Scope)


class Reference(Frozen):
    """Where a fact was read. `date`: the day of that copy, or its month when no more is known."""

    title: LineOfText
    kind: Literal["official", "third_party"]
    date: LineOfText
    url: LineOfText | None = None


class Tier(Frozen):
    """Prices for requests of up to `up_to` input tokens (none: no upper edge).

    A model that reads and says more than text has its prices by modality, and no `input` or `output`; one that is
    billed by the time of what it hears, `audio_second` alone.
    """

    up_to: Count | None = None
    label: LineOfText
    input: UnitPrice | None = None
    output: UnitPrice | None = None
    output_thinking: UnitPrice | None = None
    cached_input: UnitPrice | None = None
    cache_write: UnitPrice | None = None
    cached_input_explicit: UnitPrice | None = None
    input_by_modality: dict[str, UnitPrice] = Field(default_factory=dict)
    output_by_modality: dict[str, UnitPrice] = Field(default_factory=dict)
    output_text_when_input_text_only: UnitPrice | None = None
    audio_second: UnitPrice | None = None  # per second, not per million

    @property
    def has_output(self) -> bool:
        """Whether it gives tokens at all: embeddings do not."""
        return bool(self.output_by_modality) or self.output is not None or self.output_thinking is not None

    @property
    def text_input(self) -> Decimal | None:
        """Per million tokens; None: tokens are not what is billed."""
        return self.input_by_modality.get("text") if self.input is None else self.input

    @property
    def first_price(self) -> Decimal | None:
        """Of what comes in, in its own unit."""
        return self.text_input if self.audio_second is None else self.audio_second

    @model_validator(mode="after")
    def _has_an_input_price(self) -> "Tier":
        if self.audio_second is not None:
            if self.text_input is not None or self.has_output:
                raise ValueError("a tier by the second of audio has no other price")
        elif self.text_input is None:
            raise ValueError("a tier needs an input price")
        if self.output_by_modality and "text" not in self.output_by_modality:
            raise ValueError("output prices by modality need one of text")
        return self


class Batch(Frozen):
    """What a Batch call costs, as a part of the real-time price; cache discounts and the free quota do not apply."""

    multiplier: Annotated[UnitPrice, Field(le=1)]
    source: SourceKey
    printed: bool = True  # false: in the Batch list, but the price row prints no Batch note
    sure: bool = True  # false: pages differ on whether the model takes Batch calls at all


class OffPeak(Frozen):
    """Cheaper hours, `start` to `end` o'clock Beijing time, over midnight when start is the later one."""

    start: int = Field(ge=0, le=23)
    end: int = Field(ge=0, le=23)
    valid_from: date | None = None
    tiers: tuple[Tier, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_not_always(self) -> "OffPeak":
        if self.start == self.end:
            raise ValueError("cheaper hours must end at another hour than they start")
        return self


class Price(Frozen):
    """The price of a model in one place. Without `valid_from` it is unknown since when it holds."""

    region: Name
    scope: Scope
    currency: Literal["CNY"]
    source: SourceKey
    cache_source: SourceKey | None = None  # where the cache prices were read, if elsewhere
    kind: Literal["list", "trial"] = "list"  # trial: free until the quota is used up, then it cannot be called
    basis: Literal["documented", "claimed"] = "documented"
    valid_from: date | None = None
    valid_to: date | None = None  # exclusive
    free_quota_tokens: Count = 0
    promotion: LineOfText | None = None
    note: LineOfText | None = None
    batch: Batch | None = None
    off_peak: OffPeak | None = None
    tiers: tuple[Tier, ...] = ()

    @model_validator(mode="after")
    def _edges_rise(self) -> "Price":
        for tiers in (self.tiers, self.off_peak.tiers if self.off_peak else ()):
            edges = [tier.up_to for tier in tiers]
            known = [edge for edge in edges if edge is not None]
            if None in edges[:-1] or known != sorted(set(known)):
                raise ValueError("tier edges must rise, and only the last may be open")
        if len({tier.has_output for tier in (*self.tiers, *(self.off_peak.tiers if self.off_peak else ()))}) > 1:
            raise ValueError("all tiers need an output price, or none")
        if not self.tiers and self.kind == "list":
            raise ValueError("a list price needs a tier")
        if self.valid_from and self.valid_to and self.valid_from >= self.valid_to:
            raise ValueError("valid_to must come after valid_from")
        return self

    def holds(self, on: date) -> bool:
        return (self.valid_from or date.min) <= on and (self.valid_to is None or on < self.valid_to)

    def overlaps(self, other: "Price") -> bool:
        """Whether both would hold on some day in one place."""
        first, second = sorted((self, other), key=lambda price: price.valid_from or date.min)
        same_place = (first.region, first.scope) == (second.region, second.scope)
        return same_place and (first.valid_to is None or (second.valid_from or date.min) < first.valid_to)


class Limits(Frozen):
    """In tokens where nothing else is said. `basis`: what they were taken from, if not from the model's own page.

    `max_input` is of one request: all its texts, or the query once for each document and the documents.
    `max_input_in`: the same by region, where it differs. `uncertain`: limits that pages advise or contradict each other
    about (`doubts` says how): more is warned of, and never refused by us.
    """

    context: Count | None = None
    max_input: Count | None = None
    max_output: Annotated[int, Field(ge=1)] | None = None
    max_reasoning: Count | None = None
    max_input_thinking: Count | None = None
    max_output_thinking: Count | None = None
    max_input_per_text: Count | None = None
    max_texts: Count | None = None
    max_input_per_document: Count | None = None
    max_documents: Count | None = None
    max_images: Count | None = None
    max_videos: Count | None = None
    max_input_in: dict[str, Count] = Field(default_factory=dict)
    uncertain: tuple[str, ...] = ()
    dimensions: tuple[Count, ...] = ()
    dimension_range: tuple[Count, ...] = ()
    default_dimension: Count | None = None
    image_max_pixels: Count | None = None
    pdf_max_mb: Count | None = None
    pdf_max_pages_document_parsing: Count | None = None
    pdf_max_pages_other: Count | None = None
    max_file_mb: Count | None = None
    max_pages: Count | None = None
    audio_seconds: tuple[Count, ...] = ()  # from, to
    basis: str | None = None
    source: SourceKey | None = None

    def takes(self, region: str, *, thinking: bool = False) -> int | None:
        """Input tokens of one request there."""
        return (self.max_input_thinking if thinking else None) or self.max_input_in.get(region) or self.max_input

    @model_validator(mode="after")
    def _doubts_what_it_has(self) -> "Limits":
        if unknown := [name for name in self.uncertain if getattr(self, name, None) is None]:
            raise ValueError(f"uncertain names what is no limit of it: {', '.join(unknown)}")
        return self


class RateLimit(Frozen):
    """How often an account may ask a model in one region: requests and tokens a minute, all its keys together.

    Where a region has several (by price scope, which no API tells) this is the highest, where one rises with what the
    account spends, the lowest. An absent one is unknown. Page: https://help.aliyun.com/zh/model-studio/rate-limit
    """

    region: Name
    rpm: Annotated[int, Field(ge=1, le=10**9)] | None = None
    tpm: Annotated[int, Field(ge=1, le=10**12)] | None = None
    source: SourceKey | None = None


class Thinking(Frozen):
    """How a model reasons. `effort` maps our levels to its own `reasoning_effort` words; without it, a token budget."""

    mode: Literal["none", "hybrid", "only"]
    default: bool = False
    effort: dict[Literal["low", "medium", "high"], str] = Field(default_factory=dict)


class Search(Frozen):
    """How a model searches the web: the regions of each protocol, and the strategies of the native one.

    Page: https://help.aliyun.com/zh/model-studio/web-search
    """

    native: tuple[str, ...] = ()
    strategies: tuple[Literal["turbo", "max", "agent"], ...] = ()
    responses: tuple[str, ...] = ()

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.native, *self.responses)))


class Retirement(Frozen):
    """A name that is retired in one price scope only, such as qwen-plus-us."""

    name: Name
    scope: Scope
    retired_on: date
    replacement: str
    source: SourceKey


class Lifecycle(Frozen):
    """`replacement` is what Alibaba printed; `successor` the model in service that the catalog holds to be meant."""

    status: Literal["active", "deprecated", "retired", "unverified"]
    retired_on: date | None = None
    replacement: str | None = None
    successor: str | None = None
    source: SourceKey | None = None
    note: str | None = None
    scopes: tuple[Retirement, ...] = ()


class Pointer(Frozen):
    """A moving name: on `as_of` it stood for `target`. It owns its price all the same."""

    target: str
    relation: Literal["equals", "latest_of"]
    as_of: str
    source: SourceKey


class Claim(Frozen):
    """What one source says of a model, kept for history: accepted or not, and why."""

    field: str
    value: str
    source: SourceKey
    accepted: bool
    why: str


# What place a model has among its siblings; only main lines and third parties are shown and compared unasked.
Kind = Literal[
    "mainline", "third_party", "latest", "snapshot", "preview", "trial", "open_weights", "official", "deployment_only",
]  # fmt: skip


NO_LIMITS = Limits()  # one for all that have none: as a plain default it would be copied for each of them


class Model(Frozen):
    id: Name
    aliases: tuple[Name, ...] = ()
    vendor: LineOfText
    series: LineOfText
    kind: Kind
    type: LineOfText
    released_on: date | None = None
    input: tuple[str, ...] = ()  # what it reads; empty: unknown
    limits: Limits = Field(default_factory=lambda: NO_LIMITS)
    rate_limits: tuple[RateLimit, ...] = ()
    thinking: Thinking | None = None  # none: unknown
    can: dict[str, bool] = Field(default_factory=dict)  # stated capabilities; an absent one is unknown
    unsure: tuple[str, ...] = ()  # capabilities that pages contradict each other about (`doubts`): ask, do not refuse
    search: Search | None = None
    output_limit: Literal["max_completion_tokens", "max_tokens"] = "max_tokens"
    endpoint: Literal["text-generation", "multimodal-generation"] | None = None  # of the native protocol
    cumulative: bool = False  # its stream repeats the text so far
    image_patch_px: Literal[28, 32] = 32
    regions: tuple[str, ...] = ()
    lifecycle: Lifecycle
    points_to: tuple[Pointer, ...] = ()
    doubts: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    prices: tuple[Price, ...] = Field((), max_length=100)

    @property
    def retired(self) -> bool:
        return self.lifecycle.status == "retired"

    @property
    def in_service(self) -> bool:
        """Known to answer: not retired, and its status is verified."""
        return self.lifecycle.status in ("active", "deprecated")

    @property
    def writes(self) -> bool:
        """Whether it answers with anything but numbers."""
        return self.type not in ("embedding", "rerank")

    @cached_property
    def prices_found(self) -> dict[tuple[str, str | None, date], list["Price"]]:
        """What was looked for before: by region, scope and day."""
        return {}

    @cached_property
    def first_day(self) -> date | None:
        """The day before which it did not exist; unknown for moving names such as qwen-plus."""
        return self.released_on if any(letter.isdigit() for letter in self.id) else None

    @property
    def names(self) -> tuple[str, ...]:
        return self.id, *self.aliases

    def scope_of(self, name: str) -> str | None:
        """The one price scope a name belongs to, where it says so (qwen-plus-us: us)."""
        return "us" if name.endswith("-us") and name != self.id else None

    def rate_limit(self, region: str) -> RateLimit | None:
        return next((limit for limit in self.rate_limits if limit.region == region), None)

    @model_validator(mode="after")
    def _is_sure_or_not(self) -> "Model":
        if both := sorted(set(self.unsure) & set(self.can)):
            raise ValueError(f"can says it, so it is not unsure: {', '.join(both)}")
        return self

    @model_validator(mode="after")
    def _has_one_rate_a_region(self) -> "Model":
        regions = [limit.region for limit in self.rate_limits]
        if len(regions) > len(set(regions)):
            raise ValueError("rate_limits need one entry a region")
        return self

    @model_validator(mode="after")
    def _has_one_price_a_day(self) -> "Model":
        for one, other in combinations(self.prices, 2):
            if one.overlaps(other):
                raise ValueError(f"two prices hold at once in {one.region} ({one.scope})")
        return self

    def prices_in(self, region: str, scope: str | None = None) -> list[Price]:
        """Every price of a region there ever was, the most likely scope first."""
        here = (p for p in self.prices if p.region == region and scope in (None, p.scope))
        return sorted(here, key=lambda p: SCOPES.index(p.scope))


class Fee(Frozen):
    """A price that is not of tokens. No region or strategy: any that has no fee of its own."""

    item: Name
    price: UnitPrice
    per: Literal[1, 1_000, 1_000_000]
    currency: Literal["CNY"]
    source: SourceKey
    region: str | None = None
    strategy: str | None = None


class Training(Frozen):
    """Fine-tuning, per million training tokens; and calls of a model so made, where they are billed per token."""

    model: str
    price: UnitPrice
    source: SourceKey
    input: UnitPrice | None = None
    output: UnitPrice | None = None


class Deployment(Frozen):
    """A model on machines of your own, per instance."""

    spec: str
    models: tuple[str, ...]
    source: SourceKey
    per_hour: UnitPrice | None = None
    per_month: UnitPrice | None = None


class Advice(Frozen):
    """What the founding documents recommend for a kind of work, and what that is today."""

    scenario: str
    english: str
    words: tuple[str, ...]
    recommended: tuple[str, ...]
    why: str
    today: tuple[str, ...]
    how: str
    source: SourceKey


class Catalog(Frozen):
    """All of it. Every name occurs once; every source cited is known; every default is in service."""

    schema_version: Literal[2]
    as_of: date
    defaults: dict[str, Name]
    sources: dict[str, Reference]
    fees: tuple[Fee, ...] = ()
    training: tuple[Training, ...] = ()
    deployment: tuple[Deployment, ...] = ()
    advice: tuple[Advice, ...] = ()
    models: tuple[Model, ...]
    trouble: str = Field("", exclude=True)  # why an overlay was set aside

    @model_validator(mode="after")
    def _holds_together(self) -> "Catalog":
        names = Counter(name for model in self.models for name in model.names)
        if twice := sorted(name for name, count in names.items() if count > 1):
            raise ValueError(f"named twice: {', '.join(twice)}")
        serving = {name for model in self.models for name in model.names if model.in_service}
        if wrong := sorted(set(self.defaults.values()) - serving):
            raise ValueError(f"defaults that are no models in service: {', '.join(wrong)}")
        if "chat" not in self.defaults:
            raise ValueError("defaults need a model for chat")
        if unknown := sorted(set(cited_sources(self)) - set(self.sources)):
            raise ValueError(f"unknown source: {', '.join(unknown)}")
        for source in sorted({price.source for model in self.models for price in model.prices}):
            _day(source, self.sources[source].date)
        return self

    @cached_property
    def _by_name(self) -> dict[str, Model]:
        return {name: model for model in self.models for name in model.names}

    @cached_property
    def _by_day(self) -> dict[str, list[Model]]:
        """family-MMDD -> the snapshots of that family and day, of any year."""
        found: dict[str, list[Model]] = {}
        for model in self.models:
            if match := re.fullmatch(r"(.+)-\d{4}-(\d\d)-(\d\d)", model.id):
                found.setdefault(f"{match[1]}-{match[2]}{match[3]}", []).append(model)
        return found

    @cached_property
    def _by_letters(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name in self._by_name:
            found.setdefault(name.casefold(), set()).add(name)
        return found

    def canonical_name(self, name: str) -> str:
        """A name as the catalog spells it, where only letter case and spaces around it differ."""
        alike = self._by_letters.get(name.strip().casefold(), set())
        return next(iter(alike)) if len(alike) == 1 else name

    def find(self, name: str) -> Model | None:
        """The model of that id, else of that alias, else the one snapshot of that family and day (qwen-plus-0723).

        Never by prefix: that would price a new model as an old one.
        """
        dated = self._by_day.get(name, [])
        return self._by_name.get(name) or (dated[0] if len(dated) == 1 else None)

    def similar_names(self, name: str) -> list[str]:
        """Up to three ids of models in service that look like `name`, nearest first; or the newest of that series."""
        in_service = [model for model in self.models if not model.retired]
        if near := difflib.get_close_matches(name.lower(), [model.id for model in in_service], n=3, cutoff=0.6):
            return near
        bare = _bare(name)
        series = [model for model in in_service if _bare(model.series) == bare]
        newest = sorted(series, key=lambda model: (model.kind == "mainline", str(model.released_on)), reverse=True)
        return [model.id for model in newest[:3]]

    def fee(self, item: str, region: str, strategy: str | None = None) -> Fee | None:
        """The most particular fee of that item that fits the region and strategy."""
        fitting = [
            fee
            for fee in self.fees
            if fee.item == item and fee.region in (None, region) and fee.strategy in (None, strategy)
        ]
        return max(fitting, key=lambda fee: (fee.region is not None, fee.strategy is not None), default=None)


def _bare(series: str) -> str:
    """As it is often written: 通义千问-Plus is 千问Plus."""
    return re.sub(r"[\s_-]|通义", "", series).casefold()


def cited_sources(catalog: Catalog) -> Iterator[str]:
    """The key of every source that an entry names."""
    rows: list[Any] = [*catalog.fees, *catalog.training, *catalog.deployment, *catalog.advice]
    for model in catalog.models:
        rows += [
            model.limits,
            *model.rate_limits,
            model.lifecycle,
            *model.lifecycle.scopes,
            *model.points_to,
            *model.claims,
        ]
    yield from (row.source for row in rows if row.source)
    for model in catalog.models:
        for price in model.prices:
            yield price.source
            yield from (key for key in (price.cache_source, price.batch and price.batch.source) if key)


def _day(source: str, text: str) -> date:
    """A price has a full date: its age is told."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{source}: a source of prices needs a full date, not {text}") from None


def read_on(catalog: Catalog, price: Price) -> date:
    """The day of the page that a price was read from."""
    return date.fromisoformat(catalog.sources[price.source].date)


BEIJING_REGION = "cn-beijing"  # the search strategies turbo and max, and the services, have a price there only
INTERNATIONAL_REGION = "ap-southeast-1"  # whose site bills in USD

MAX_FOUND = 100  # prices of a model that are remembered
BEIJING_TIME = ZoneInfo("Asia/Shanghai")


def in_force(model: Model, region: str, scope: str | None, day: date) -> list[Price]:
    """One price for each scope of a region, the most likely scope first: of that day, else the nearest one known."""
    asked = region, scope, day
    found = model.prices_found
    if asked not in found:
        if len(found) >= MAX_FOUND:  # any day may be asked for
            found.clear()
        found[asked] = _in_force(model, region, scope, day)
    return found[asked]


def _in_force(model: Model, region: str, scope: str | None, day: date) -> list[Price]:
    found: dict[str, Price] = {}
    for price in model.prices_in(region, scope):
        best = found.get(price.scope)
        if best is None or _matches(price, day) > _matches(best, day):
            found[price.scope] = price
    return list(found.values())


def _matches(price: Price, day: date) -> tuple[bool, int]:
    """Prices of the day first, the newest of them; else the one that began or ended nearest to the day."""
    start, end = price.valid_from or date.min, price.valid_to or date.max
    if price.holds(day):
        return True, start.toordinal()
    return False, -min(abs((start - day).days), abs((end - day).days))


def tier_edge(model: Model, region: str, on: date) -> int | None:
    """Input tokens up to which the cheapest tier of a region holds; None where all cost the same, or nobody knows."""
    prices = in_force(model, region, None, on)
    return prices[0].tiers[0].up_to if prices and prices[0].tiers else None


def in_beijing(moment: datetime) -> datetime:
    """A moment on Beijing's clock; one without a zone is Beijing's already."""
    return moment.astimezone(BEIJING_TIME) if moment.tzinfo else moment
