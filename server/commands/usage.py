"""`bailian-mcp usage`: what the ledger holds, as a table, CSV or JSON."""

import csv
import json
import sys
import tomllib
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Literal

import anyio

from ..catalog import in_beijing, plain
from ..settings import BadSettings, read_settings
from ..spending import (
    Ledger,
    ReportSpan,
    SpendingGroup,
    SpendingSum,
    SpentItem,
    StateStore,
    day_span,
    in_currency,
    in_nano,
    total_of,
)
from ..spending.bill import (
    BadExport,
    Export,
    RecordedItem,
    bill_as_csv,
    bill_as_json,
    bill_told,
    compare_bill,
    read_export,
)
from ..spending.ledger import NOT_NOW
from ..text import inert, shown
from .state import state_store

OutputForm = Literal["table", "csv", "json"]
HEADER = ("requests", "input_tokens", "output_tokens", "at_least_cny", "at_most_cny", "uncertain", "unpriced")


@dataclass(frozen=True)
class UsageOptions:
    """What the command line asks for. `confirmed`: CNY that a lost ledger held of today."""

    by: SpendingGroup = "day"
    days: int = 30
    form: OutputForm = "table"
    confirmed: Decimal | None = None
    sandbox: bool = False
    bill: Path | None = None
    bill_columns: Path | None = None
    bill_key: str | None = None


def main(options: UsageOptions) -> int:
    """The command: 0 when it could be read."""
    try:
        settings = read_settings()
        bill = _bill(options) if options.bill else None
    except (BadSettings, BadExport) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if trouble := settings.mend("BAILIAN_STATE_URL"):
        sys.stderr.write(f"{trouble}\n")
        return 2
    database = state_store(settings)
    today = in_beijing(datetime.now(UTC)).date()
    cap = settings.max_cost_per_day
    if options.confirmed is not None:
        return anyio.run(_confirm, database, str(today), options.confirmed)
    if not database.exists and not bill:
        sys.stdout.write(f"Nothing was spent yet: there is no ledger in {settings.state_folder}.\n")
        return 0
    told = anyio.run(_compared, database, bill, options) if bill else anyio.run(_report, database, today, options, cap)
    sys.stdout.write("" if database.trouble else told)
    return int(bool(database.trouble) or not told)


def _bill(options: UsageOptions) -> Export:
    """Raises BadExport: it is none that can be read."""
    assert options.bill
    columns = None
    if options.bill_columns:
        try:
            columns = tomllib.loads(options.bill_columns.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise BadExport(f"{options.bill_columns.name} is no TOML file that can be read ({error}).") from None
    return read_export(options.bill, columns, options.bill_key)


async def _compared(database: StateStore, export: Export, options: UsageOptions) -> str:
    """Of the days that the bill holds."""
    first, last = (str(moment.date()) if moment else "" for moment in (export.first, export.last))
    async with aclosing(database):
        items = await Ledger(database).items(ReportSpan(first, last))
    comparison = compare_bill(map(_recorded, items), export)
    form = {"table": bill_told, "csv": bill_as_csv, "json": bill_as_json}[options.form]
    return form(comparison)


def _recorded(item: SpentItem) -> RecordedItem:
    day, uncertain = date.fromisoformat(item.day), bool(item.uncertain)
    return RecordedItem(day, item.model, item.item, item.quantity, item.nano, "CNY", uncertain)


async def _report(database: StateStore, today: date, options: UsageOptions, cap: Decimal | None) -> str:
    first, last = str(today - timedelta(days=options.days - 1)), str(today)
    ledger = Ledger(database)
    async with aclosing(database):
        groups = await ledger.sums(options.by, ReportSpan(first, last, sandbox=options.sandbox))
        trouble = await ledger.trouble(last)
        spent, held = await ledger.spent(day_span(last, sandbox=options.sandbox))
    if groups is None:
        sys.stderr.write(f"{database.trouble or NOT_NOW}\n")
        return ""
    if trouble:
        sys.stderr.write(f"Caps cannot be held: {trouble.why}. {trouble.next_step}\n")
    if options.form != "table":
        return {"csv": _csv, "json": _json}[options.form](options.by, groups)
    return _table(options.by, groups) + _of_the_day(today, spent, held, cap)


async def _confirm(database: StateStore, today: str, spent: Decimal) -> int:
    """What a lost ledger held of today: from here on caps hold again."""
    async with aclosing(database):
        counted = await Ledger(database).confirm(today, in_nano(spent))
    if database.trouble or counted is None:
        sys.stderr.write(f"{database.trouble or NOT_NOW}\n")
        return 1
    where = f" in {database.folder}" if database.folder else ""
    sys.stdout.write(f"{in_currency(counted)} CNY are counted as spent on {today} (Beijing's day){where}.\n")
    return 0


def _of_the_day(today: date, spent: int, held: int, cap: Decimal | None) -> str:
    """What counts against a cap for the day."""
    limit = f" of {plain(cap)} CNY that BAILIAN_MAX_COST_PER_DAY allows" if cap is not None else " CNY"
    under_way = f" ({in_currency(held)} of it for requests under way)" if held else ""
    return f"\n{today}: {in_currency(spent)}{limit}{under_way}\n"


def _rows(by: str, groups: Sequence[SpendingSum]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [(by, *HEADER)]
    for each in groups:
        money = in_currency(each.least), in_currency(each.most)
        counts = map(str, (each.requests, each.input_tokens, each.output_tokens))
        rows.append((shown(each.name), *counts, *money, str(each.uncertain), str(each.unknown)))
    return rows


def _table(by: str, groups: Sequence[SpendingSum]) -> str:
    rows = _rows(by, [*groups, total_of(groups)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in lines)


def _csv(by: str, groups: Sequence[SpendingSum]) -> str:
    out = StringIO()
    rows = ([inert(name), *counts] for name, *counts in _rows(by, groups))
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _json(by: str, groups: Sequence[SpendingSum]) -> str:
    header, *rows = _rows(by, groups)
    return json.dumps([dict(zip(header, row, strict=True)) for row in rows], ensure_ascii=False, indent=1) + "\n"
