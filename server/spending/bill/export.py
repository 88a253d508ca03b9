"""An exported bill, read as a stream and summed by day, model and item; what is not compared is counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal, localcontext
from itertools import islice
from pathlib import Path

from .amounts import EXACT_SUMS, is_finer, nano_of
from .columns import COLUMNS_OPTION, BadExport, Columns, columns_of, quoted
from .records import encoding_of, records_in
from .rows import BillRow, OtherRow, RowSums, Selection, UnreadableRow, row_in

MAX_OTHERS = 100
MAX_BROKEN = 20
MAX_UNIT_PRICES = 20
THE_REST = "the rest"
KINDS_TABLE = "kinds"
BROKEN_BYTES = "\ufffd"  # stands where the encoding was broken


@dataclass(frozen=True)
class BilledItem:
    """What the bill says of an item of a model on a day (Beijing's). Amounts are nano units of `currency`.

    Quantities are before deductions where the export tells them. `list_nano`: None where a row has no list amount;
    `priced`: the sum of quantity x list price, None where a row has no price. `left`: what deductions left.
    """

    day: date
    model: str
    item: str
    unit: str
    currency: str
    rows: int
    quantity: Decimal
    left: Decimal | None
    list_nano: int | None
    priced: Decimal | None
    payable_nano: int | None
    discount_nano: int
    unit_prices: frozenset[Decimal]
    free_rows: int
    batch_quantity: Decimal
    elsewhere_quantity: Decimal


@dataclass(frozen=True)
class OtherRows:
    """Rows that are not compared, counted by why and by name; `example`: the instance id of the first."""

    why: str
    name: str
    currency: str
    rows: int
    first_line: int
    example: str
    payable_nano: int


@dataclass(frozen=True)
class BrokenRow:
    line: int
    why: str


@dataclass(frozen=True)
class Export:
    """An exported bill. `rounding_nano`: what was rounded off (抹零), by currency; `first`, `last`: over all rows.

    `columns`: the header of each column that was found. `remarks`: what to know of how it was read.
    """

    name: str
    encoding: str
    rows: int
    items: tuple[BilledItem, ...] = ()
    others: tuple[OtherRows, ...] = ()
    broken: tuple[BrokenRow, ...] = ()
    broken_rows: int = 0
    first: datetime | None = None
    last: datetime | None = None
    key_id: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    rounding_nano: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def read_export(
    path: Path, columns: Mapping[str, str | Mapping[str, str]] | None = None, key_id: str | None = None
) -> Export:
    """The bill that a CSV file holds, in memory that does not grow with its rows.

    Args:
        path: an export of bill details, UTF-8 or GBK. An empty file is a placeholder: nothing was exported yet.
        columns: headers that are not found by themselves (`{"usage": "用量"}`); under "kinds" the items that
            the kinds of instance ids are (`{"kinds": {"search_fee": "web_search"}}`).
        key_id: only rows of this ApiKeyID are compared.

    Raises:
        BadExport: the file cannot be read, or its columns are not known.
    """
    chosen, kinds = _settings(columns or {})
    if path.exists() and not (path.is_file() or path.is_dir()):  # it is read twice, and has to end
        raise BadExport(f"{path.name} is no regular file: give the path of the exported file.")
    try:
        encoding = encoding_of(path)
        with path.open(encoding=encoding, errors="replace", newline="") as file, localcontext(EXACT_SUMS):
            records = records_in(file)
            header = next(records, None)
            if header is None:
                return Export(path.name, encoding, 0, key_id=key_id, remarks=("The file is empty: a placeholder.",))
            found = columns_of(header[1] or (), chosen)
            reading = _Reading(found, Selection(kinds, key_id))
            for line, cells in records:
                reading.add(line, cells)
            return reading.export(path.name, encoding)
    except OSError as error:
        raise BadExport(f"{path.name} cannot be read ({error.strerror}).") from error


def _settings(columns: Mapping[str, str | Mapping[str, str]]) -> tuple[dict[str, str], dict[str, str]]:
    kinds = columns.get(KINDS_TABLE, {})
    chosen = {what: name for what, name in columns.items() if what != KINDS_TABLE}
    named = [*chosen.values(), *(kinds.values() if isinstance(kinds, Mapping) else [None])]
    if not all(isinstance(name, str) for name in named):
        raise BadExport(f"{COLUMNS_OPTION} names a column by a text, and under kinds each kind's item by a text.")
    return {what: str(name) for what, name in chosen.items()}, dict(kinds) if isinstance(kinds, Mapping) else {}


@dataclass
class _Sum:
    """A billed item while its rows come in."""

    rows: int = 0
    quantity: Decimal = Decimal(0)
    left: Decimal | None = Decimal(0)
    list_nano: int | None = 0
    priced: Decimal | None = Decimal(0)
    payable_nano: int | None = 0
    discount_nano: int = 0
    unit_prices: set[Decimal] = field(default_factory=set)
    free_rows: int = 0
    batch_quantity: Decimal = Decimal(0)
    elsewhere_quantity: Decimal = Decimal(0)

    def add(self, row: BillRow) -> None:
        listed = row.priced if row.sums.listed is None else row.sums.listed
        self.rows += 1
        self.quantity += row.quantity
        self.left = None if self.left is None or row.left is None else self.left + row.left
        self.list_nano = None if self.list_nano is None or listed is None else self.list_nano + nano_of(listed)
        self.priced = None if self.priced is None or row.priced is None else self.priced + row.priced
        payable = row.sums.payable
        self.payable_nano = (
            None if self.payable_nano is None or payable is None else self.payable_nano + nano_of(payable)
        )
        self.discount_nano += nano_of(row.sums.discount or Decimal(0))
        self.free_rows += row.free
        self.batch_quantity += row.quantity * row.batch
        self.elsewhere_quantity += row.quantity * row.elsewhere
        if row.unit_price is not None and len(self.unit_prices) < MAX_UNIT_PRICES:
            self.unit_prices.add(row.unit_price.normalize())


class _Reading:
    """What has been read of an export so far."""

    def __init__(self, columns: Columns, wanted: Selection) -> None:
        self._columns, self._wanted = columns, wanted
        self._sums: dict[tuple[date, str, str, str, str], _Sum] = {}
        self._others: dict[tuple[str, str, str], OtherRows] = {}
        self._broken: list[BrokenRow] = []
        self._rounding: dict[str, int] = {}
        self._moments: list[datetime] = []
        self._rows = self._broken_rows = self._finer = 0

    def add(self, line: int, cells: list[str] | None) -> None:
        self._rows += 1
        try:
            row = row_in(_whole(cells, self._columns.width), self._columns, self._wanted)
        except UnreadableRow as why:
            self._broken_rows += 1
            if len(self._broken) < MAX_BROKEN:
                self._broken.append(BrokenRow(line, str(why)))
            return
        self._add_sums(row.sums)
        if row.moment:
            self._moments = [min([*self._moments, row.moment]), max([*self._moments, row.moment])]
        if isinstance(row, OtherRow):
            self._add_other(row, line, self._columns.cell(cells or (), "instance"))
        else:
            key = (row.moment.date(), row.model, row.item, row.unit, row.sums.currency)
            self._sums.setdefault(key, _Sum()).add(row)

    def _add_sums(self, sums: RowSums) -> None:
        amounts = (sums.listed, sums.payable, sums.discount, sums.rounding)
        self._finer += any(is_finer(amount) for amount in amounts if amount is not None)
        if sums.rounding:
            self._rounding[sums.currency] = self._rounding.get(sums.currency, 0) + nano_of(sums.rounding)

    def _add_other(self, row: OtherRow, line: int, example: str) -> None:
        key = (row.why, row.name, row.sums.currency)
        if key not in self._others and len(self._others) >= MAX_OTHERS:
            key = (row.why, THE_REST, row.sums.currency)
        known = self._others.get(key) or OtherRows(*key, 0, line, example, 0)
        payable = known.payable_nano + nano_of(row.sums.payable or Decimal(0))
        self._others[key] = replace(known, rows=known.rows + 1, payable_nano=payable)

    def export(self, name: str, encoding: str) -> Export:
        return Export(
            name=name,
            encoding=encoding,
            rows=self._rows,
            items=tuple(_billed_item(key, self._sums[key]) for key in sorted(self._sums)),
            others=tuple(self._others[key] for key in sorted(self._others)),
            broken=tuple(self._broken),
            broken_rows=self._broken_rows,
            first=self._moments[0] if self._moments else None,
            last=self._moments[1] if self._moments else None,
            key_id=self._wanted.key_id,
            columns=self._columns.names,
            rounding_nano=self._rounding,
            remarks=tuple(self._remarks()),
        )

    def _remarks(self) -> list[str]:
        found, said = self._columns.names, [] if self._rows else ["It holds no rows: nothing was billed yet."]
        for what, both in self._columns.unread.items():
            said.append(
                f"{what} is not read: {' and '.join(map(quoted, both))} may be it; name one for {COLUMNS_OPTION}."
            )
        if "usage" not in found:
            said.append(f"Only {quoted(found['usage_left'])} is there: it may be what deductions left.")
        if "list_total" not in found and "price" not in found:
            said.append("No list price is there: only quantities are compared, and the payable stands beside them.")
        if "payable" not in found:
            said.append("No payable amount is there.")
        if "currency" not in found:
            said.append("No currency is there: amounts are taken as CNY.")
        if self._finer:
            said.append(f"{self._finer:,} rows have amounts finer than a billionth, which were rounded.")
        return said


def _whole(cells: list[str] | None, width: int) -> list[str]:
    """The cells of a record that has as many as the header.

    Raises:
        UnreadableRow: it has not, or holds what its encoding does not know.
    """
    if cells is None:
        raise UnreadableRow("its quotes do not close")
    if len(cells) < width or any(cell.strip() for cell in islice(cells, width, None)):
        raise UnreadableRow(f"it has {len(cells)} cells, the header {width}")
    if any(BROKEN_BYTES in cell for cell in cells):
        raise UnreadableRow("it holds bytes that its encoding does not know")
    return cells


def _billed_item(key: tuple[date, str, str, str, str], of: _Sum) -> BilledItem:
    day, model, item, unit, currency = key
    return BilledItem(
        day=day,
        model=model,
        item=item,
        unit=unit,
        currency=currency,
        rows=of.rows,
        quantity=of.quantity,
        left=of.left,
        list_nano=of.list_nano,
        priced=of.priced,
        payable_nano=of.payable_nano,
        discount_nano=of.discount_nano,
        unit_prices=frozenset(of.unit_prices),
        free_rows=of.free_rows,
        batch_quantity=of.batch_quantity,
        elsewhere_quantity=of.elsewhere_quantity,
    )
