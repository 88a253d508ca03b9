"""`bailian-mcp usage`: what the ledger holds, as a table, CSV or JSON."""

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Literal

import anyio

from ..catalog import in_beijing, plain
from ..settings import BadSettings, read_settings
from ..spending import (
    Ledger,
    ReportSpan,
    RequestEntry,
    SpendingGroup,
    SpendingSum,
    StateStore,
    day_span,
    from_nano,
    in_nano,
)
from .state import state_store

OutputForm = Literal["table", "csv", "json"]
HEADER = ("requests", "input_tokens", "output_tokens", "at_least_cny", "at_most_cny", "uncertain", "unpriced")


def main(by: SpendingGroup, days: int, form: OutputForm, confirmed: Decimal | None) -> int:
    """The command: 0 when it could be read."""
    try:
        settings = read_settings()
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if trouble := settings.mend("BAILIAN_STATE_URL"):
        sys.stderr.write(f"{trouble}\n")
        return 2
    database = state_store(settings)
    if not database.exists and confirmed is None:
        sys.stdout.write(f"Nothing was spent yet: there is no ledger in {settings.state_folder}.\n")
        return 0
    today = in_beijing(datetime.now(UTC)).date()
    if confirmed is not None:
        return anyio.run(_confirm, database, str(today), confirmed)
    span = ReportSpan(str(today - timedelta(days=days - 1)), str(today))
    groups = anyio.run(_sums, database, by, span)
    if database.trouble:
        sys.stderr.write(f"{database.trouble}\n")
        return 1
    sys.stdout.write({"table": _table, "csv": _csv, "json": _json}[form](by, groups))
    return 0


async def _sums(database: StateStore, by: SpendingGroup, span: ReportSpan) -> list[SpendingSum]:
    try:
        return await Ledger(database).sums(by, span)
    finally:
        await database.aclose()


async def _confirm(database: StateStore, today: str, spent: Decimal) -> int:
    """What a lost ledger held of today: from here on caps hold again."""
    try:
        await Ledger(database).confirm(today, day_span(RequestEntry(0, today, "")), in_nano(spent))
    finally:
        await database.aclose()
    if database.trouble:
        sys.stderr.write(f"{database.trouble}\n")
        return 1
    sys.stdout.write(f"{plain(spent)} CNY are counted as spent on {today}.\n")
    return 0


def _rows(by: str, groups: Sequence[SpendingSum]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [(by, *HEADER)]
    for each in groups:
        money = plain(from_nano(each.least)), plain(from_nano(each.most))
        counts = map(str, (each.requests, each.input_tokens, each.output_tokens))
        rows.append((each.name, *counts, *money, str(each.uncertain), str(each.unknown)))
    return rows


def _table(by: str, groups: Sequence[SpendingSum]) -> str:
    rows = _rows(by, [*groups, _total(groups)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in lines)


def _total(groups: Sequence[SpendingSum]) -> SpendingSum:
    counts = [list(asdict(each).values())[1:] for each in groups]
    return SpendingSum("total", *map(sum, zip(*counts, strict=True)))


def _csv(by: str, groups: Sequence[SpendingSum]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(_rows(by, groups))
    return out.getvalue()


def _json(by: str, groups: Sequence[SpendingSum]) -> str:
    header, *rows = _rows(by, groups)
    return json.dumps([dict(zip(header, row, strict=True)) for row in rows], ensure_ascii=False, indent=1) + "\n"
