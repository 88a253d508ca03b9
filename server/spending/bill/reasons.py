"""The likely reasons of a difference, the likeliest first; then what makes the payable less than the list amount."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from ..nano import in_currency
from .amounts import nano_of, plain_number
from .causes import Cause, Reason
from .columns import quoted
from .export import BilledItem, Export
from .matching import ComparedItem, RecordedSum, Verdict

PER_MILLION = 10**6


def likely_reasons(row: ComparedItem, export: Export, other_name: str) -> tuple[Reason, ...]:
    """Why a row may differ. `other_name`: a model that has the same on the other side alone."""
    if row.quantity_difference < 0:
        why = [*_less_in_the_bill(row, export, other_name)]
    elif row.quantity_difference > 0:
        why = [*_more_in_the_bill(row, other_name)]
    else:
        why = []
    why += [*_of_the_amount(row)]
    if not why and row.verdict != Verdict.EQUAL:
        why = [Reason(Cause.UNEXPLAINED, "no likely reason is known: a key of another account?")]
    return (*why, *_of_the_payable(row.billed))


def other_names(rows: Sequence[ComparedItem]) -> Mapping[tuple[date, str], str]:
    """By day and model, where one side alone has the model: the one that has the same items on the other side alone."""
    of_a_model: dict[tuple[date, str], list[ComparedItem]] = defaultdict(list)
    for row in rows:
        of_a_model[row.day, row.model].append(row)
    alike: dict[tuple[date, frozenset[tuple[str, Decimal]]], list[tuple[Verdict, str]]] = defaultdict(list)
    for (day, model), items in of_a_model.items():
        verdicts = {row.verdict for row in items}
        if len(verdicts) == 1 and verdicts <= {Verdict.ONLY_HERE, Verdict.ONLY_IN_BILL}:
            quantities = frozenset((row.item, abs(row.quantity_difference)) for row in items)
            alike[day, quantities].append((verdicts.pop(), model))
    found: dict[tuple[date, str], str] = {}
    for (day, _), models in alike.items():
        if sorted(verdict for verdict, _ in models) == [Verdict.ONLY_HERE, Verdict.ONLY_IN_BILL]:
            (_, one), (_, other) = models
            found |= {(day, one): other, (day, other): one}
    return found


def _less_in_the_bill(row: ComparedItem, export: Export, other_name: str) -> Iterator[Reason]:
    lacking = -row.quantity_difference
    uncertain = row.recorded.uncertain_quantity if row.recorded else 0
    failed = Reason(Cause.FAILED, f"{uncertain:,} here are uncertain: failed requests that may not have been billed")
    if uncertain >= lacking:
        yield failed
    if other_name:
        yield Reason(Cause.OTHER_NAME, f"the bill has the same quantity under {quoted(other_name)}")
    yield from _out_of_reach(row.day, export)
    if "usage" not in export.columns and "usage_left" in export.columns:
        yield Reason(Cause.DEDUCTED, "the export tells only what free quota and packages left of the usage")
    if 0 < uncertain < lacking:
        yield failed
    if export.key_id is not None:
        yield Reason(Cause.OTHER_KEY, "only rows of one API key are compared: another may have made these calls")


def _out_of_reach(day: date, export: Export) -> Iterator[Reason]:
    if export.first is None or export.last is None:
        yield Reason(Cause.EMPTY, "the export holds no row with a day")
    elif day < export.first.date():
        yield Reason(Cause.BEFORE, f"the export begins at {export.first:%Y-%m-%d %H:%M}")
    elif day >= export.last.date():
        yield Reason(Cause.DELAY, f"the export ends at {export.last:%Y-%m-%d %H:%M}: later calls are not billed yet")


def _more_in_the_bill(row: ComparedItem, other_name: str) -> Iterator[Reason]:
    if other_name:
        yield Reason(Cause.OTHER_NAME, f"the same quantity was recorded here under {quoted(other_name)}")
    billed = row.billed
    if billed and billed.batch_quantity:
        yield Reason(Cause.BATCH, f"{plain_number(billed.batch_quantity)} are of batch rows, billed when a task ends")
    console = billed.elsewhere_quantity if billed else Decimal(0)
    by_console = f", {plain_number(console)} of it in the console" if console else ""
    yield Reason(Cause.ELSEWHERE, f"calls made elsewhere{by_console}")


def _of_the_amount(row: ComparedItem) -> Iterator[Reason]:
    mine, billed = row.recorded, row.billed
    if row.difference_nano is None:
        yield from _not_comparable(mine, billed)
    elif mine and billed and row.difference_nano:
        yield from _another_price(row, mine, billed)


def _not_comparable(mine: RecordedSum | None, billed: BilledItem | None) -> Iterator[Reason]:
    if mine and billed and mine.currency != billed.currency:
        yield Reason(Cause.CURRENCY, f"here in {mine.currency or 'several'}, in the bill in {billed.currency}")
    if mine and mine.amount_nano is None:
        yield Reason(Cause.UNPRICED, "no price was known here")
    if billed and billed.list_nano is None:
        yield Reason(Cause.UNLISTED, "the bill has no list amount for it")


def _another_price(row: ComparedItem, mine: RecordedSum, billed: BilledItem) -> Iterator[Reason]:
    same_quantity = row.quantity_difference == 0
    if same_quantity and billed.priced is not None and nano_of(billed.priced) == mine.amount_nano:
        yield Reason(Cause.ROUNDED, "usage x list price is the amount here: the bill's rows are rounded")
        return
    if row.put_together:
        yield Reason(Cause.NOT_APART, f"one side counts {', '.join(row.put_together)} as one")
    if same_quantity and billed.batch_quantity:
        yield Reason(Cause.BATCH, f"{plain_number(billed.batch_quantity)} are of batch rows, at the batch price")
    if same_quantity or _is_priced_otherwise(mine, billed):
        yield Reason(Cause.PRICE, f"{_our_price(mine, billed.unit)}, in the bill {_their_prices(billed)}")


def _is_priced_otherwise(mine: RecordedSum, billed: BilledItem) -> bool:
    """Whether the one list price of the bill does not give our amount for our quantity."""
    if len(billed.unit_prices) != 1 or mine.amount_nano is None:
        return False
    (price,) = billed.unit_prices
    return nano_of(price * mine.quantity) != mine.amount_nano


def _our_price(mine: RecordedSum, unit: str) -> str:
    per = PER_MILLION if unit == "token" else 1
    each = in_currency((mine.amount_nano or 0) * per // mine.quantity) if mine.quantity else "nothing"
    return f"the price here comes to {each} {_per(unit)}"


def _their_prices(billed: BilledItem) -> str:
    per = PER_MILLION if billed.unit == "token" else 1
    prices = [plain_number(price * per) for price in sorted(billed.unit_prices)]
    return f"it is {' or '.join(prices)}" if prices else "it is another"


def _per(unit: str) -> str:
    return "per million tokens" if unit == "token" else f"per {unit}"


def _of_the_payable(billed: BilledItem | None) -> Iterator[Reason]:
    if not billed:
        return
    if billed.left is not None and billed.left < billed.quantity:
        taken = plain_number(billed.quantity - billed.left)
        yield Reason(Cause.FREE, f"free quota or a package took {taken} of {plain_number(billed.quantity)}")
    elif billed.free_rows:
        yield Reason(Cause.FREE, f"free quota in {billed.free_rows:,} of {billed.rows:,} rows")
    if billed.discount_nano:
        yield Reason(Cause.PROMOTION, f"discounts of {in_currency(billed.discount_nano)} {billed.currency}")
