"""One row of the bill, read: what it bills, or why it is none of what is compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

from .amounts import EXACT_SUMS, BilledUnit, currency_of, number_of, price_unit_of, unit_of
from .columns import Columns, quoted
from .instance import Instance, instance_of
from .kinds import BilledKind, billed_kind, counts_in
from .moments import moment_in

PRODUCT_WORDS = ("百炼", "大模型", "modelstudio", "sfm")  # what names the product, small and without blanks
FREE_QUOTA = "免费额度"
OTHER_PRODUCT = "another product"
OTHER_FORM = "an instance id of another form"
OTHER_UNIT = "a unit that its item is not counted in"
OTHER_KEY = "another API key"
KEYLESS = "no key: the console, or a row that names none"
DEFAULT_CURRENCY = "CNY"


class UnreadableRow(ValueError):
    """What is wrong with a row that cannot be read."""


@dataclass(frozen=True)
class Selection:
    """What the user says of a bill: kinds by the items they are, and whose rows are wanted (None: everybody's)."""

    kinds: Mapping[str, str]
    key_id: str | None


@dataclass(frozen=True)
class RowSums:
    """The money of a row, in its currency; None where it has no such column or says nothing there."""

    currency: str
    listed: Decimal | None
    payable: Decimal | None
    discount: Decimal | None
    rounding: Decimal | None


@dataclass(frozen=True)
class OtherRow:
    """A row that is not compared: `why`, and by which name it is counted."""

    why: str
    name: str
    moment: datetime | None
    sums: RowSums


@dataclass(frozen=True)
class BillRow:
    """What one row bills. Quantities are in single tokens, seconds ...; `priced`: quantity x list price.

    `left`: what deductions left of the quantity; None where that is not told apart.
    """

    moment: datetime
    model: str
    item: str
    unit: str
    quantity: Decimal
    left: Decimal | None
    unit_price: Decimal | None
    priced: Decimal | None
    free: bool
    batch: bool
    elsewhere: bool
    sums: RowSums


def row_in(cells: Sequence[str], columns: Columns, wanted: Selection) -> BillRow | OtherRow:
    """What a row bills, or why that is not compared.

    Raises:
        UnreadableRow: its number, day or usage cannot be read.
    """
    moment = _moment(cells, columns)
    instance = _wanted_instance(cells, columns, wanted)
    if not isinstance(instance, Instance):
        return OtherRow(*instance, moment, _sums_if_readable(cells, columns))
    kind = billed_kind(instance.kind, wanted.kinds)
    unit = unit_of(columns.cell(cells, "unit"))
    if unit is None or not counts_in(kind.item, unit.base):
        name = f"{kind.item} in {quoted(columns.cell(cells, 'unit'))}"
        return OtherRow(OTHER_UNIT, name, moment, _sums_if_readable(cells, columns))
    if moment is None:
        shown = next(filter(None, (columns.cell(cells, what) for what in ("time", "start", "date"))), "")
        raise UnreadableRow(f"{quoted(shown)} is no day")
    with localcontext(EXACT_SUMS):
        return _billed(cells, columns, moment, instance, kind, unit)


def _billed(
    cells: Sequence[str], columns: Columns, moment: datetime, instance: Instance, kind: BilledKind, unit: BilledUnit
) -> BillRow:
    before, left = _number(cells, columns, "usage"), _number(cells, columns, "usage_left")
    usage = left if before is None else before
    if usage is None:
        raise UnreadableRow("it has no usage")
    unit_price = _unit_price(cells, columns, unit)
    quantity = usage * unit.scale
    priced = None if unit_price is None else quantity * unit_price
    sums = _sums(cells, columns)
    return BillRow(
        moment=moment,
        model=instance.model,
        item=kind.item,
        unit=unit.base,
        quantity=quantity,
        left=None if before is None or left is None else left * unit.scale,
        unit_price=unit_price,
        priced=priced,
        free=columns.cell(cells, "charge") == FREE_QUOTA,
        batch=kind.batch or "batch" in instance.channel,
        elsewhere=instance.elsewhere,
        sums=sums,
    )


def _unit_price(cells: Sequence[str], columns: Columns, unit: BilledUnit) -> Decimal | None:
    """The list price of a single token, second ...; where its own unit is not readable, it is for that of the usage."""
    price = _number(cells, columns, "price")
    per = price_unit_of(columns.cell(cells, "price_unit"))
    if price is None or (per and per.base != unit.base):
        return None
    return price / (per or unit).scale


def _moment(cells: Sequence[str], columns: Columns) -> datetime | None:
    """When it was used; the day of the bill only where the row says nothing better."""
    found = (moment_in(columns.cell(cells, what)) for what in ("time", "start", "date"))
    return next((moment for moment in found if moment), None)


def _instance(cells: Sequence[str], columns: Columns) -> Instance | None:
    """The parts of the instance id; columns that the user names for model and kind go before it."""
    named = instance_of(columns.cell(cells, "instance"))
    model, kind = (columns.cell(cells, what) for what in ("model", "kind"))
    if named is None:
        return Instance(None, model, kind, "") if model and kind else None
    return Instance(named.key_id, model or named.model, kind or named.kind, named.channel)


def _wanted_instance(cells: Sequence[str], columns: Columns, wanted: Selection) -> Instance | tuple[str, str]:
    """Whose row it is; or why it is none of those wanted, and the name it is counted by."""
    product = columns.cell(cells, "product")
    if product and not any(word in "".join(product.casefold().split()) for word in PRODUCT_WORDS):
        return OTHER_PRODUCT, product
    instance = _instance(cells, columns)
    if instance is None:
        return OTHER_FORM, product
    if wanted.key_id is not None and instance.key_id != wanted.key_id:
        return OTHER_KEY, instance.key_id or KEYLESS
    return instance


def _number(cells: Sequence[str], columns: Columns, what: str) -> Decimal | None:
    text = columns.cell(cells, what)
    try:
        return number_of(text)
    except ValueError:
        raise UnreadableRow(f"{quoted(text)} under {quoted(columns.names[what])} is no number") from None


def _sums(cells: Sequence[str], columns: Columns) -> RowSums:
    return RowSums(
        currency_of(columns.cell(cells, "currency") or DEFAULT_CURRENCY),
        *(_number(cells, columns, what) for what in ("list_total", "payable", "discount", "rounding")),
    )


def _sums_if_readable(cells: Sequence[str], columns: Columns) -> RowSums:
    """The money of a row that is only counted."""
    try:
        return _sums(cells, columns)
    except UnreadableRow:
        return RowSums("", None, None, None, None)
