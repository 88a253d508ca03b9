"""What was recorded here beside what the bill says: list price to list price, by day, model and item."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import localcontext

from .amounts import EXACT_SUMS
from .causes import Cause
from .export import BilledItem, Export
from .matching import ComparedItem, RecordedSum, Verdict, matched
from .reasons import likely_reasons, other_names


@dataclass(frozen=True)
class RecordedItem:
    """What the ledger holds of an item (a cost line's) of a model on a day (Beijing's), at list price.

    `amount_nano`: None where the price was not known. `uncertain`: it may or may not have been billed.
    """

    day: date
    model: str
    item: str
    quantity: int
    amount_nano: int | None
    currency: str
    uncertain: bool


@dataclass(frozen=True)
class CurrencyTotal:
    """The amounts of one currency, in billionths: those that were compared, and those that could not be (`apart`).

    `payable_nano`, `discount_nano`: of every row of the bill that was read. `rounding_nano`: of the whole bill.
    """

    currency: str
    recorded_nano: int
    billed_nano: int
    recorded_apart_nano: int
    billed_apart_nano: int
    payable_nano: int
    discount_nano: int
    rounding_nano: int

    @property
    def difference_nano(self) -> int:
        return self.billed_nano - self.recorded_nano


@dataclass(frozen=True)
class CauseTotal:
    """How much of the difference has a cause as its likeliest."""

    cause: Cause
    currency: str
    items: int
    difference_nano: int


@dataclass(frozen=True)
class BillComparison:
    """A bill and the ledger side by side: every item in the order of days, and the sums."""

    export: Export
    items: tuple[ComparedItem, ...]
    totals: tuple[CurrencyTotal, ...]
    causes: tuple[CauseTotal, ...]

    @property
    def differing(self) -> tuple[ComparedItem, ...]:
        return tuple(item for item in self.items if item.verdict != Verdict.EQUAL)


ModelDay = tuple[date, str]


def compare_bill(recorded: Iterable[RecordedItem], export: Export) -> BillComparison:
    """Where the bill and what was recorded here differ, by how much, and why that is likely so.

    Args:
        recorded: sums of the ledger by day, model, item and `uncertain`, or any finer pieces of them.
        export: the bill; what was recorded before its first row or after its last is said to be so.
    """
    with localcontext(EXACT_SUMS):
        ours, theirs = _recorded(recorded), _billed(export)
        items = [
            item
            for day, model in sorted({*ours, *theirs})
            for item in matched(day, model, ours.get((day, model), {}), theirs.get((day, model), {}))
        ]
        named = other_names(items)
        explained = tuple(
            replace(item, reasons=likely_reasons(item, export, named.get((item.day, item.model), ""))) for item in items
        )
    return BillComparison(export, explained, _totals(explained, export), _causes(explained))


def _recorded(recorded: Iterable[RecordedItem]) -> Mapping[ModelDay, Mapping[str, RecordedSum]]:
    found: dict[ModelDay, dict[str, RecordedSum]] = defaultdict(dict)
    for each in recorded:
        new = RecordedSum(each.quantity, each.amount_nano, each.currency, each.quantity if each.uncertain else 0)
        known = found[each.day, each.model].get(each.item)
        found[each.day, each.model][each.item] = known + new if known else new
    return found


def _billed(export: Export) -> Mapping[ModelDay, Mapping[str, Sequence[BilledItem]]]:
    found: dict[ModelDay, dict[str, list[BilledItem]]] = defaultdict(dict)
    for each in export.items:
        found[each.day, each.model].setdefault(each.item, []).append(each)
    return found


def _totals(items: Sequence[ComparedItem], export: Export) -> tuple[CurrencyTotal, ...]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for item in items:
        apart = "apart_" if item.difference_nano is None else ""
        if item.recorded and item.recorded.amount_nano is not None:
            sums[item.recorded.currency][f"recorded_{apart}nano"] += item.recorded.amount_nano
        if item.billed:
            of = sums[item.billed.currency]
            of[f"billed_{apart}nano"] += item.billed.list_nano or 0
            of["payable_nano"] += item.billed.payable_nano or 0
            of["discount_nano"] += item.billed.discount_nano
    for currency, nano in export.rounding_nano.items():
        sums[currency]["rounding_nano"] += nano
    amounts = [name for name in CurrencyTotal.__dataclass_fields__ if name != "currency"]
    return tuple(CurrencyTotal(each, **{name: sums[each][name] for name in amounts}) for each in sorted(sums))


def _causes(items: Sequence[ComparedItem]) -> tuple[CauseTotal, ...]:
    found: dict[tuple[Cause, str], CauseTotal] = {}
    for item in items:
        if item.verdict == Verdict.EQUAL:
            continue
        side = item.recorded or item.billed
        key = item.reasons[0].cause, side.currency if side else ""
        known = found.get(key) or CauseTotal(*key, 0, 0)
        difference = known.difference_nano + (item.difference_nano or 0)
        found[key] = replace(known, items=known.items + 1, difference_nano=difference)
    return tuple(sorted(found.values(), key=lambda each: (-abs(each.difference_nano), each.cause)))
