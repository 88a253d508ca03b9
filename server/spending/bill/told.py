"""A comparison in words, as CSV and as JSON. Amounts are plain decimal texts in their currency."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence

from ...text import inert, shown
from ..nano import in_currency
from .amounts import plain_number
from .columns import quoted
from .comparison import BillComparison, CurrencyTotal
from .export import Export
from .matching import ComparedItem, Verdict

MAX_ITEMS_TOLD = 200
HEADS = ("day", "model", "item", "here", "bill", "differs", "cost here", "list price", "differs", "payable", "")
LEFT_ALIGNED = (0, 1, 2, 10)
BASIS = "List price to list price, before free quota, packages and discounts. Differences are the bill's minus ours."


def bill_told(comparison: BillComparison) -> str:
    """Where bill and ledger differ, as a table; then the sums, and what was not compared."""
    differing = comparison.differing
    lines = [*_of_the_export(comparison.export), BASIS, ""]
    if differing:
        lines += [*_table([HEADS, *(map(_row, differing[:MAX_ITEMS_TOLD]))]), ""]
    if len(differing) > MAX_ITEMS_TOLD:
        lines += [f"{len(differing) - MAX_ITEMS_TOLD:,} more differ: the CSV and JSON forms hold all.", ""]
    lines.append(f"Items: {len(comparison.items) - len(differing):,} equal, {len(differing):,} not.")
    lines += [line for total in comparison.totals for line in _of_a_currency(total)]
    if comparison.causes:
        lines.append("By the likeliest reason:")
        lines += [
            f"  {each.cause} ({each.items:,}): {_signed(in_currency(each.difference_nano))} {each.currency}"
            for each in comparison.causes
        ]
    return "\n".join([*lines, *_of_the_rest(comparison.export)]) + "\n"


def bill_as_csv(comparison: BillComparison) -> str:
    """Every item as a row, the equal ones too."""
    text = io.StringIO()
    rows = [_data(item) for item in comparison.items]
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _inert(name, value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def bill_as_json(comparison: BillComparison) -> str:
    """Everything, as one JSON object on a line."""
    export = comparison.export
    return json.dumps(
        {
            "bill": {
                "file": export.name,
                "encoding": export.encoding,
                "rows": export.rows,
                "first": export.first and export.first.isoformat(),
                "last": export.last and export.last.isoformat(),
                "key_id": export.key_id,
                "columns": dict(export.columns),
                "remarks": export.remarks,
                "broken_rows": export.broken_rows,
                "broken": [{"line": each.line, "why": each.why} for each in export.broken],
                "not_compared": [_in_currencies(vars(each)) for each in export.others],
            },
            "items": [_data(item) for item in comparison.items],
            "totals": [
                _in_currencies({**vars(each), "difference_nano": each.difference_nano}) for each in comparison.totals
            ],
            "causes": [_in_currencies(vars(each)) for each in comparison.causes],
        },
        ensure_ascii=False,
    )


# --- one item ---


def _data(item: ComparedItem) -> dict[str, str]:
    """An item by the names of FIELDS; "" where there is nothing to say."""
    mine, billed = item.recorded, item.billed
    return {
        "day": str(item.day),
        "model": item.model,
        "item": item.item,
        "verdict": item.verdict,
        "unit": billed.unit if billed else "",
        "recorded_quantity": str(mine.quantity) if mine else "",
        "recorded_uncertain": str(mine.uncertain_quantity) if mine else "",
        "billed_quantity": plain_number(billed.quantity).replace(",", "") if billed else "",
        "quantity_difference": plain_number(item.quantity_difference).replace(",", ""),
        "recorded_amount": _amount(mine.amount_nano) if mine else "",
        "recorded_currency": mine.currency if mine else "",
        "billed_list_amount": _amount(billed.list_nano) if billed else "",
        "billed_currency": billed.currency if billed else "",
        "amount_difference": _amount(item.difference_nano),
        "payable": _amount(billed.payable_nano) if billed else "",
        "discount": _amount(billed.discount_nano) if billed else "",
        "likely_cause": item.reasons[0].cause if item.reasons else "",
        "reasons": "; ".join(reason.said for reason in item.reasons),
    }


FIELDS = (
    "day", "model", "item", "verdict", "unit", "recorded_quantity", "recorded_uncertain", "billed_quantity",
    "quantity_difference", "recorded_amount", "recorded_currency", "billed_list_amount", "billed_currency",
    "amount_difference", "payable", "discount", "likely_cause", "reasons",
)  # fmt: skip
TEXTS = ("model", "item", "billed_currency", "recorded_currency", "reasons")


def _inert(name: str, value: str) -> str:
    """A number may begin with a sign; a text of a file may not."""
    return inert(shown(value)) if name in TEXTS else shown(value)


def _row(item: ComparedItem) -> Sequence[str]:
    mine, billed = item.recorded, item.billed
    return (
        str(item.day),
        quoted(item.model)[1:-1],
        quoted(item.item)[1:-1],
        f"{mine.quantity:,}" if mine else "-",
        plain_number(billed.quantity) if billed else "-",
        _signed(plain_number(item.quantity_difference)),
        _with_currency(mine.amount_nano, mine.currency) if mine else "-",
        _with_currency(billed.list_nano, billed.currency) if billed else "-",
        "?" if item.difference_nano is None else _signed(in_currency(item.difference_nano)),
        _with_currency(billed.payable_nano, billed.currency) if billed else "-",
        f"{_verdict(item)}{'; '.join(reason.said for reason in item.reasons)}",
    )


def _verdict(item: ComparedItem) -> str:
    """What the numbers do not show."""
    return "" if item.verdict == Verdict.DIFFERS else f"{item.verdict}: "


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if place in LEFT_ALIGNED else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


# --- the whole ---


def _of_the_export(export: Export) -> Iterator[str]:
    reach = (
        f", from {export.first:%Y-%m-%d %H:%M} to {export.last:%Y-%m-%d %H:%M}, Beijing time" if export.first else ""
    )
    key = f"; only those of the API key {quoted(export.key_id)} are compared" if export.key_id is not None else ""
    yield f"The bill {quoted(export.name)} ({export.encoding}): rows: {export.rows:,}{reach}{key}."


def _of_a_currency(total: CurrencyTotal) -> Iterator[str]:
    amounts = {name: in_currency(nano) for name, nano in _nano(vars(total)).items()}
    rounded = f", rounded off {amounts['rounding_nano']}" if total.rounding_nano else ""
    yield (
        f"In {total.currency}: here {amounts['recorded_nano']}, in the bill {amounts['billed_nano']}, "
        f"difference {_signed(in_currency(total.difference_nano))}. "
        f"Payable {amounts['payable_nano']}, discounts {amounts['discount_nano']}{rounded}."
    )
    if total.recorded_apart_nano or total.billed_apart_nano:
        here, there = amounts["recorded_apart_nano"], amounts["billed_apart_nano"]
        yield f"  Amounts without one to compare with: here {here}, in the bill {there}."


def _of_the_rest(export: Export) -> Iterator[str]:
    for each in export.others:
        name = f" ({quoted(each.name)})" if each.name else ""
        payable = f", payable {in_currency(each.payable_nano)} {each.currency}" if each.payable_nano else ""
        example = f", such as {quoted(each.example)}" if each.example else ""
        yield f"Not compared (rows: {each.rows:,}): {each.why}{name}, from line {each.first_line}{example}{payable}."
    yield from (f"Not read: line {each.line}: {each.why}." for each in export.broken)
    if export.broken_rows > len(export.broken):
        yield f"Not read: {export.broken_rows - len(export.broken):,} more."
    yield from export.remarks


def _signed(number: str) -> str:
    return number if number == "0" or number.startswith("-") else f"+{number}"


def _amount(nano: int | None) -> str:
    return "" if nano is None else in_currency(nano)


def _with_currency(nano: int | None, currency: str) -> str:
    return "?" if nano is None else f"{in_currency(nano)} {currency}"


def _nano(values: Mapping[str, object]) -> dict[str, int]:
    return {name: value for name, value in values.items() if isinstance(value, int) and name.endswith("_nano")}


def _in_currencies(values: Mapping[str, object]) -> dict[str, object]:
    """Data whose amounts are texts in their currency, under their names without `_nano`."""
    amounts = _nano(values)
    return {
        name.removesuffix("_nano"): in_currency(amounts[name]) if name in amounts else value
        for name, value in values.items()
    }
