"""The prices of one model of the live list, as the catalog holds prices. A row that is doubtful is left out, and told.

Types of rows: https://help.aliyun.com/zh/model-studio/list-models. They are matched by their whole names: what holds
`input` is a hit of the cache, or a batch, too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, Inexact
from itertools import pairwise
from typing import Any

from ...text import printable
from ..models import Tier
from ..money import EXACT, plain
from .amounts import Currency, Measure, TokenRange, live_amount, price_unit, token_range

FIELDS_OF_TYPE: dict[str, tuple[str, ...]] = {
    "input_token": ("input",), "output_token": ("output",), "thinking_input_token": ("input_thinking",),
    "thinking_output_token": ("output_thinking",), "input_token_cache": ("cached_input",),
    "input_token_cache_read": ("cached_input_explicit",), "input_token_cache_creation_5m": ("cache_write",),
    "input_token_batch": ("batch.input",), "output_token_batch": ("batch.output",),
    "embedding_token": ("input",), "embedding_token_batch": ("batch.input",),
    "embedding_image_token": ("input.image",), "text_input_token": ("input.text",),
    "vision_input_token": ("input.image", "input.video"), "audio_input_token": ("input.audio",),
    "omni_no_audio_input_token": ("input.text", "input.image", "input.video"),
    "omni_audio_input_token": ("input.audio",), "omni_no_audio_output_token": ("output.text",),
    "omni_audio_output_token": ("output.audio",), "purein_text_output_token": ("output_text_when_input_text_only",),
    "multiin_text_output_token": ("output.text",), "content_duration": ("audio_second",),
}  # fmt: skip
MEASURE_OF: dict[str, Measure] = {"audio_second": "second"}
BANDS = {None: "", "": "", "standard": "", "peak": "peak", "offpeak": "offpeak", "off_peak": "offpeak"}
MAX_TYPE_CHARS = 60


@dataclass(frozen=True)
class LiveTier:
    """Amounts by the catalog's field: `input`, `input.audio` (by modality), `batch.output`."""

    range: TokenRange
    amounts: Mapping[str, Decimal]

    @property
    def entry(self) -> dict[str, Any]:
        """As a tier of catalog.json."""
        tier: dict[str, Any] = {} if self.range.up_to is None else {"up_to": self.range.up_to}
        tier["label"] = self.range.label
        for name, amount in self.amounts.items():
            kind, _, modality = name.partition(".")
            if modality and kind != "batch":
                tier.setdefault(f"{kind}_by_modality", {})[modality] = plain(amount)
            elif not modality and name != "input_thinking":
                tier[name] = plain(amount)
        return _without_twins(tier)


def _without_twins(tier: dict[str, Any]) -> dict[str, Any]:
    """`input` of a model that has prices by modality is that of its text."""
    kinds = tier.get("input_by_modality")
    if kinds and "input" in tier:
        kinds.setdefault("text", tier.pop("input"))
    return tier


@dataclass(frozen=True)
class LiveTariff:
    """`unread`: types of rows that the catalog has no place for; `doubts`: why it is not to be taken as it is."""

    tiers: tuple[LiveTier, ...] = ()
    off_peak: tuple[LiveTier, ...] = ()
    unread: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    rows: int = 0

    @property
    def batch_pairs(self) -> list[tuple[Decimal, Decimal]]:
        """Each price of a Batch call, with that of the same call in real time."""
        return [
            (amount, whole)
            for tier in self.tiers
            for name, amount in tier.amounts.items()
            if name.startswith("batch.") and (whole := tier.amounts.get(name.removeprefix("batch.")))
        ]

    @property
    def batch(self) -> Decimal | None:
        """The part of the real-time price that a Batch call costs; None: none is listed, or not one for all."""
        try:
            parts = {EXACT.divide(amount, whole) for amount, whole in self.batch_pairs}
        except Inexact:
            return None
        return parts.pop() if len(parts) == 1 else None


@dataclass
class _Rows:
    """What was read so far: band -> range -> field -> amount."""

    currency: Currency
    amounts: dict[str, dict[TokenRange, dict[str, Decimal]]] = field(default_factory=dict)
    unread: dict[str, None] = field(default_factory=dict)
    doubts: dict[str, None] = field(default_factory=dict)
    count: int = 0

    def take(self, where: Any, row: Any) -> None:
        """One row of a range; an empty one is a placeholder."""
        if not isinstance(row, dict) or not row:
            return
        self.count += 1
        type_ = printable(str(row.get("type"))[:MAX_TYPE_CHARS])
        if type_ not in FIELDS_OF_TYPE:
            self.unread[type_] = None
            return
        if doubt := self._put(type_, where, row):
            self.doubts[doubt] = None

    def _put(self, type_: str, where: Any, row: dict[str, Any]) -> str:
        """Why it was not taken, or an empty text."""
        tokens, band, said = token_range(where), row.get("time_band"), printable(str(row.get("price_unit"))[:40])
        unit, price = price_unit(row.get("price_unit")), live_amount(row.get("price"))
        if tokens is None:
            return f"its range {printable(str(where)[:40])} is not understood"
        if not isinstance(band, str | None) or band not in BANDS:
            return f"its time band {printable(str(band)[:20])} is not understood"
        if price is None:
            return f"the price of {type_} is no amount"
        if unit is None or unit.measure != MEASURE_OF.get(FIELDS_OF_TYPE[type_][0], "token"):
            return f"the unit {said} of {type_} is not understood"
        if not unit.fits(self.currency):
            return f"the unit {said} of {type_} is not that of a list in {self.currency}"
        there = self.amounts.setdefault(BANDS[band], {}).setdefault(tokens, {})
        amount = unit.in_catalog(price)
        twice = [name for name in FIELDS_OF_TYPE[type_] if there.setdefault(name, amount) != amount]
        return f"{type_} has two prices" if twice else ""


def read_tariff(prices: Any, currency: Currency) -> LiveTariff:
    """The `prices` of one model; nothing raises, whatever they hold."""
    rows = _Rows(currency)
    for group in prices if isinstance(prices, list) else ():
        inside = group.get("prices") if isinstance(group, dict) else None
        for row in inside if isinstance(inside, list) else ():
            rows.take(group.get("range_name"), row)
    usual, peak = rows.amounts.get("", {}), rows.amounts.get("peak", {})
    tiers, off_peak = _tiers({**usual, **peak}), _tiers(rows.amounts.get("offpeak", {}))
    doubts = dict.fromkeys([*rows.doubts, *_of_tiers(tiers), *_of_tiers(off_peak)])
    if usual and peak:
        doubts["it has prices of the peak hours and of all hours"] = None
    if off_peak and not tiers:
        doubts["it has prices of the off-peak hours only"] = None
    return LiveTariff(tiers, off_peak, tuple(rows.unread), tuple(doubts), rows.count)


def _tiers(amounts: Mapping[TokenRange, Mapping[str, Decimal]]) -> tuple[LiveTier, ...]:
    return tuple(LiveTier(tokens, amounts[tokens]) for tokens in sorted(amounts, key=lambda tokens: tokens.over))


def _of_tiers(tiers: tuple[LiveTier, ...]) -> Iterator[str]:
    """Tiers begin at nothing, each where the last one ended, and all price the same."""
    if tiers and tiers[0].range.over:
        yield "its first tier does not begin at 0 tokens"
    for lower, upper in pairwise(tiers):
        if lower.range.up_to != upper.range.over:
            yield "its tiers do not join"
        if set(lower.amounts) != set(upper.amounts):
            yield "its tiers do not price the same"
    for tier in tiers:
        if not _is_whole(tier):
            yield "its rows make no whole price"
        reads = tier.amounts.get("input")
        if tier.amounts.get("input_thinking", reads) != reads:
            yield "thinking has another input price, which the catalog has no place for"


def _is_whole(tier: LiveTier) -> bool:
    try:
        Tier.model_validate(tier.entry)
    except ValueError:
        return False
    return True
