"""A price of the live list beside that of the catalog: what differs, and whether that can be believed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from ..models import Model, Price, Tier, in_force
from ..money import plain
from .amounts import Currency
from .tariff import LiveTariff, LiveTier

MAX_PRICE_RATIO = 10  # a price that rose or fell more than that is looked at by somebody
# What the catalog's CNY are of the list's currency, nearly: beyond that the currency is not what the host says
RATES: dict[Currency, tuple[Decimal, Decimal]] = {
    "CNY": (Decimal("0.5"), Decimal(2)), "USD": (Decimal(5), Decimal(10)),
}  # fmt: skip
MIN_PAIRS = 3
OFF_RATE = Decimal("0.02")  # printed CNY are rounded
AMOUNT_FIELDS = ("input", "output", "output_thinking", "cached_input", "cache_write", "cached_input_explicit",
         "output_text_when_input_text_only", "audio_second")  # fmt: skip

Amounts = Mapping[str, Decimal]


@dataclass(frozen=True)
class PriceChange:
    """`why`: why it needs a look, or empty; `entry`: the new price, as catalog.json has it."""

    said: tuple[str, ...]
    why: tuple[str, ...] = ()
    entry: dict[str, Any] = field(default_factory=dict)


def price_of(model: Model, region: str, scope: str, day: date) -> Price | None:
    """What the catalog holds for that place and day."""
    return next((price for price in in_force(model, region, scope, day) if price.tiers), None)


def rate_of(pairs: Sequence[Decimal]) -> Decimal | None:
    """The catalog's CNY for one of the list's currency, as most models have it."""
    return sorted(pairs)[len(pairs) // 2] if len(pairs) >= MIN_PAIRS else None


def ratios(old: Price | None, tariff: LiveTariff) -> Iterator[Decimal]:
    """The catalog's price / the live one, of each amount that both have."""
    if old and not tariff.doubts and len(old.tiers) == len(tariff.tiers):
        for tier, live in zip(old.tiers, tariff.tiers, strict=True):
            was = _amounts_of(tier)
            now = _live_amounts(was, live)
            yield from (was[name] / now[name] for name in was.keys() & now.keys() if was[name] and now[name])


def off_rate(old: Price | None, tariff: LiveTariff, rate: Decimal) -> list[str]:
    """Amounts in another currency that are not the catalog's at the rate of the others."""
    if old is None or tariff.doubts or len(old.tiers) != len(tariff.tiers):
        return []
    return [
        f"{name} {plain(was[name])} CNY, live {plain(now[name])} USD"
        for tier, live in zip(old.tiers, tariff.tiers, strict=True)
        for was in [_amounts_of(tier)]
        for now in [_live_amounts(was, live)]
        for name in was
        if name in now and abs(was[name] - now[name] * rate) > was[name] * OFF_RATE + Decimal("0.001")
    ]


def price_change(old: Price | None, tariff: LiveTariff) -> PriceChange | None:
    """What is to be written, and why perhaps it is not; None: nothing differs, or nothing is listed."""
    if not tariff.rows or not (tariff.tiers or tariff.doubts):
        return None
    if tariff.doubts:
        return PriceChange((), tariff.doubts)
    if old is None:
        return PriceChange((f"a price here: {_in_words(tariff)}",), (), _entry(None, tariff))
    if _edges(old.tiers) != _live_edges(tariff.tiers):
        tiers = f"tiers {_labels(old.tiers)}, live {', '.join(tier.range.label for tier in tariff.tiers)}"
        return PriceChange((tiers,), ("other tiers",))
    said, why = _compared(old.tiers, tariff.tiers)
    more, doubts = _off_peak(old, tariff)
    batch = _batch(old, tariff)
    said += [*more, *batch]
    why += doubts
    return PriceChange(tuple(said), tuple(dict.fromkeys(why)), _entry(old, tariff)) if said else None


def _compared(old: Sequence[Tier], live: Sequence[LiveTier]) -> tuple[list[str], list[str]]:
    """Amounts that differ, and what in it is not to be believed unseen."""
    said, why = [], []
    for tier, now_tier in zip(old, live, strict=True):
        was = _amounts_of(tier)
        now = _live_amounts(was, now_tier)
        changed = [name for name in now if was.get(name) != now[name]]
        where = f" ({tier.label})" if len(old) > 1 else ""
        said += [
            f"{name} {plain(was[name]) if name in was else 'none'} -> {plain(now[name])}{where}" for name in changed
        ]
        if lost := [name for name in was if name not in now]:
            why.append(f"the list has no {', '.join(lost)}")
        leaps = [name for name in changed if name in was and _leaps(was[name], now[name])]
        why += [f"{name} changed more than {MAX_PRICE_RATIO}-fold" for name in leaps]
    return said, why if said else []


def _said(amount: Decimal | None) -> str:
    return "none" if amount is None else plain(amount)


def _leaps(was: Decimal, now: Decimal) -> bool:
    return not was or not now or not 1 / Decimal(MAX_PRICE_RATIO) <= now / was <= MAX_PRICE_RATIO


def _off_peak(old: Price, tariff: LiveTariff) -> tuple[list[str], list[str]]:
    """The list gives no hours: they stay those of the price page."""
    if not tariff.off_peak:
        return [], ["the list has no off-peak prices"] if old.off_peak else []
    if old.off_peak is None or _edges(old.off_peak.tiers) != _live_edges(tariff.off_peak):
        return ["off-peak prices"], ["the list gives no hours for its off-peak prices"]
    said, why = _compared(old.off_peak.tiers, tariff.off_peak)
    return [f"off-peak {each}" for each in said], why


def _batch(old: Price, tariff: LiveTariff) -> list[str]:
    """A Batch price that is printed rounded is still the same part of the whole."""
    if tariff.batch is None:
        return []
    part = old.batch.multiplier if old.batch else None
    if part is not None and all(_rounds_to(whole * part, amount) for amount, whole in tariff.batch_pairs):
        return []
    return [f"batch x {_said(part)} -> x {plain(tariff.batch)}"]


def _rounds_to(amount: Decimal, printed: Decimal) -> bool:
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int)  # it is finite
    return abs(amount - printed) <= Decimal(5).scaleb(exponent - 1)


def _amounts_of(tier: Tier) -> dict[str, Decimal]:
    found = {name: amount for name in AMOUNT_FIELDS if (amount := getattr(tier, name)) is not None}
    for kind in ("input", "output"):
        by_modality = getattr(tier, f"{kind}_by_modality")
        found |= {f"{kind}.{modality}": amount for modality, amount in by_modality.items()}
    return found


def _live_amounts(was: Amounts, tier: LiveTier) -> dict[str, Decimal]:
    """As the catalog has them: of what the list calls vision, only the images or films that it has a price of."""
    found = _amounts_of(Tier.model_validate(tier.entry))
    seen = {"input.image", "input.video"}
    return {name: amount for name, amount in found.items() if name not in seen - was.keys() or not seen & was.keys()}


def _edges(tiers: Sequence[Tier]) -> list[int | None]:
    """All but the last: where that ends is the model's own limit."""
    return [tier.up_to for tier in tiers[:-1]] + [None]


def _live_edges(tiers: Sequence[LiveTier]) -> list[int | None]:
    return [tier.range.up_to for tier in tiers[:-1]] + [None]


def _labels(tiers: Sequence[Tier]) -> str:
    return ", ".join(tier.label for tier in tiers)


def _in_words(tariff: LiveTariff) -> str:
    return ", ".join(f"{name} {plain(amount)}" for name, amount in tariff.tiers[0].amounts.items())


def _entry(old: Price | None, tariff: LiveTariff) -> dict[str, Any]:
    """A price of catalog.json, but for its place and its source; what the list does not tell stays."""
    kept = (
        old.model_dump(mode="json", exclude_defaults=True, include={"free_quota_tokens", "note", "batch"})
        if old
        else {}
    )
    entry: dict[str, Any] = {**kept, "tiers": [tier.entry for tier in tariff.tiers]}
    if tariff.batch is not None and (old is None or _batch(old, tariff)):
        entry["batch"] = {"multiplier": plain(tariff.batch)}
    if old and old.off_peak and tariff.off_peak:
        hours = old.off_peak.model_dump(mode="json", exclude_defaults=True, exclude={"tiers"})
        entry["off_peak"] = {**hours, "tiers": [tier.entry for tier in tariff.off_peak]}
    return entry
