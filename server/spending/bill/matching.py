"""Both sides of one item of a model on a day, and how they differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from operator import add
from typing import TypeVar

from .causes import Reason
from .export import BilledItem
from .kinds import COARSER

Summed = TypeVar("Summed", int, Decimal)


class Verdict(StrEnum):
    EQUAL = "equal"
    EQUAL_QUANTITY = "equal quantity"  # the amounts cannot be compared
    DIFFERS = "differs"
    ONLY_IN_BILL = "only in the bill"
    ONLY_HERE = "only here"


@dataclass(frozen=True)
class RecordedSum:
    """What was recorded of an item, added up; `amount_nano` is None where a part of it was not known."""

    quantity: int
    amount_nano: int | None
    currency: str
    uncertain_quantity: int

    def __add__(self, other: "RecordedSum") -> "RecordedSum":
        """Both together; in two currencies there is no amount."""
        same = self.currency == other.currency
        return RecordedSum(
            quantity=self.quantity + other.quantity,
            amount_nano=sum_if_known([self.amount_nano, other.amount_nano]) if same else None,
            currency=self.currency if same else "",
            uncertain_quantity=self.uncertain_quantity + other.uncertain_quantity,
        )


@dataclass(frozen=True)
class ComparedItem:
    """One item of a model on a day, from both sides. Differences are the bill's minus ours.

    `difference_nano`: None where amounts cannot be compared, since one is not known or in another currency.
    `put_together`: the items that one side counts as one, where that is so.
    """

    day: date
    model: str
    item: str
    verdict: Verdict
    recorded: RecordedSum | None
    billed: BilledItem | None
    quantity_difference: Decimal
    difference_nano: int | None
    put_together: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


Ours = Mapping[str, RecordedSum]
Theirs = Mapping[str, Sequence[BilledItem]]


def matched(day: date, model: str, ours: Ours, theirs: Theirs) -> Iterator[ComparedItem]:
    """The items of a model on a day, by their names; what only one side tells apart is put together."""
    whole: dict[str, tuple[str, ...]] = {}
    for coarse in ("input", "output"):
        family = {coarse, *(fine for fine, counted_in in COARSER.items() if counted_in == coarse)}
        if _is_one(family, ours, theirs):
            whole[coarse] = tuple(sorted(family & {*ours, *theirs}))
            ours, theirs = _as_one(coarse, family, ours, theirs)
    for item in sorted({*ours, *theirs}):
        for mine, billed in _pairs(ours.get(item), theirs.get(item, ())):
            yield _compared(day, model, item, mine, billed, whole.get(item, ()))


def _pairs(
    mine: RecordedSum | None, billed: Sequence[BilledItem]
) -> Iterator[tuple[RecordedSum | None, BilledItem | None]]:
    """What is in our currency is ours; what else the bill has of the item stands alone."""
    if mine:
        match = next((each for each in billed if each.currency == mine.currency), next(iter(billed), None))
        yield mine, match
        billed = [each for each in billed if each is not match]
    yield from ((None, each) for each in billed)


def _compared(
    day: date, model: str, item: str, mine: RecordedSum | None, billed: BilledItem | None, together: tuple[str, ...]
) -> ComparedItem:
    quantity = (billed.quantity if billed else Decimal(0)) - (mine.quantity if mine else 0)
    amount = _amount_difference(mine, billed)
    if quantity == 0 and amount == 0:
        verdict = Verdict.EQUAL
    elif not mine or not billed:
        verdict = Verdict.ONLY_IN_BILL if billed else Verdict.ONLY_HERE
    else:
        verdict = Verdict.EQUAL_QUANTITY if quantity == 0 and amount is None else Verdict.DIFFERS
    return ComparedItem(day, model, item, verdict, mine, billed, quantity, amount, together)


def _amount_difference(mine: RecordedSum | None, billed: BilledItem | None) -> int | None:
    if mine and billed and mine.currency != billed.currency:
        return None
    ours, theirs = mine.amount_nano if mine else 0, billed.list_nano if billed else 0
    return None if ours is None or theirs is None else theirs - ours


# --- what one side counts as one ---


def _is_one(family: set[str], ours: Ours, theirs: Theirs) -> bool:
    """Whether the sides tell other items apart, and agree on their sum or have none of them in common."""
    mine = {item: ours[item].quantity for item in family & ours.keys()}
    billed = [each for item in family & theirs.keys() for each in theirs[item]]
    if not mine or len({(each.currency, each.unit) for each in billed}) != 1:
        return False
    theirs_by_item = {each.item: each.quantity for each in billed}
    agree = sum(mine.values()) == sum(theirs_by_item.values())
    return mine.keys() != theirs_by_item.keys() and (agree or not mine.keys() & theirs_by_item.keys())


def _as_one(coarse: str, family: set[str], ours: Ours, theirs: Theirs) -> tuple[Ours, Theirs]:
    mine = reduce(add, (ours[item] for item in sorted(family & ours.keys())))
    billed = [each for item in sorted(family & theirs.keys()) for each in theirs[item]]
    return (
        {**{item: each for item, each in ours.items() if item not in family}, coarse: mine},
        {
            **{item: each for item, each in theirs.items() if item not in family},
            coarse: [_billed_together(coarse, billed)],
        },
    )


def _billed_together(item: str, parts: Sequence[BilledItem]) -> BilledItem:
    return replace(
        parts[0],
        item=item,
        rows=sum(each.rows for each in parts),
        quantity=reduce(add, (each.quantity for each in parts)),
        left=sum_if_known([each.left for each in parts]),
        list_nano=sum_if_known([each.list_nano for each in parts]),
        priced=sum_if_known([each.priced for each in parts]),
        payable_nano=sum_if_known([each.payable_nano for each in parts]),
        discount_nano=sum(each.discount_nano for each in parts),
        unit_prices=frozenset(price for each in parts for price in each.unit_prices),
        free_rows=sum(each.free_rows for each in parts),
        batch_quantity=reduce(add, (each.batch_quantity for each in parts)),
        elsewhere_quantity=reduce(add, (each.elsewhere_quantity for each in parts)),
    )


def sum_if_known(amounts: Sequence[Summed | None]) -> Summed | None:
    known = [amount for amount in amounts if amount is not None]
    return reduce(add, known) if len(known) == len(amounts) else None
