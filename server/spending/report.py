"""What the ledger holds, added up or request by request. Money in nano-CNY. Each function reads in one transaction."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

from .entries import SpendingGroup
from .store import StateConnection
from .transactions import COUNTS

MAX_REQUESTS_LISTED = 200
MAX_CALLS_LISTED = 20  # some servers give every request the same id
OF_ID = " OR ".join(f"({name} = ? AND {name} <> '')" for name in ("request_id", "short_id", "job"))  # each by an index


@dataclass(frozen=True)
class SpendingSum:
    """`least` and `most` differ by what was cut off, failed or is under way: `uncertain` counts such requests.

    `unknown`: requests whose price nobody knows, which are in neither sum.
    """

    name: str
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    least: int = 0
    most: int = 0
    uncertain: int = 0
    unknown: int = 0


@dataclass(frozen=True)
class KeptRequest:
    """One request. `at`: seconds since 1970; `details`: JSON, the usage and the cost as they were told, empty until it
    has ended.
    """

    at: float
    day: str
    tool: str
    model: str
    client: str
    session: str
    job: str
    sandbox: int
    outcome: str
    least: int
    most: int | None
    request_id: str
    details: str


@dataclass(frozen=True)
class ReportSpan:
    """Days to look at, both included, as 2026-11-27. `client` None: everybody's."""

    first: str
    last: str
    client: str | None = None
    sandbox: bool = False


def sums_by(connection: StateConnection, by: SpendingGroup, span: ReportSpan) -> list[SpendingSum]:
    """The dearest first; days in their order. Of requests that have not ended, or nobody saw their end, the bounds."""
    added = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in COUNTS)
    order = "1" if by == "day" else "sum(most) DESC, 1"
    own, client = ("", ()) if span.client is None else (" AND client = ?", (span.client,))
    within = f"sandbox = ? AND day >= ? AND day <= ?{own}"
    values = (int(span.sandbox), span.first, span.last, *client)
    rows = connection.execute(
        f"SELECT name, {added} FROM (SELECT name, {', '.join(COUNTS)} FROM totals WHERE side = ? AND {within}"
        f" UNION ALL SELECT {by}, 1, 0, 0, least, coalesce(most, 0), 1, CASE WHEN most IS NULL THEN 1 ELSE 0 END"
        f" FROM requests WHERE state <> 'settled' AND {within}) AS counted"
        f" GROUP BY name ORDER BY {order}",
        (by, *values, *values),
    )
    return [SpendingSum(*row) for row in rows.fetchall()]


def total_of(groups: Sequence[SpendingSum]) -> SpendingSum:
    return SpendingSum("total", *map(sum, zip(*(astuple(each)[1:] for each in groups), strict=True)))


def requests_of(connection: StateConnection, id: str, client: str | None) -> list[KeptRequest]:
    """Those of a request id, as an answer's line says it or whole, or of a job."""
    own = ("", ()) if client is None else (" AND client = ?", (client,))
    return _kept(connection, f"({OF_ID}){own[0]} ORDER BY at, id LIMIT {MAX_REQUESTS_LISTED}", (id, id, id, *own[1]))


def calls_of(connection: StateConnection, id: str, client: str) -> list[list[KeptRequest]]:
    """A client's calls, the newest of them, that have a request of that id, as `requests_of` takes it; each whole."""
    rows = connection.execute(
        f"SELECT job FROM requests WHERE ({OF_ID}) AND client = ? AND job <> ''"
        f" ORDER BY at DESC, id DESC LIMIT {MAX_REQUESTS_LISTED}",
        (id, id, id, client),
    )
    jobs = list(dict.fromkeys(job for (job,) in rows.fetchall()))[:MAX_CALLS_LISTED]
    whole = "client = ? AND job = ? AND job <> '' ORDER BY at, id"
    return [_kept(connection, whole, (client, job)) for job in reversed(jobs)]


def _kept(connection: StateConnection, where: str, values: Sequence[object]) -> list[KeptRequest]:
    columns = ", ".join(field.name for field in fields(KeptRequest))
    rows = connection.execute(f"SELECT {columns} FROM requests WHERE {where}", values)
    return [KeptRequest(*row) for row in rows.fetchall()]


@dataclass(frozen=True)
class SpentItem:
    """What a day's requests to a model used of one thing that has a price; `uncertain`: by such that were cut off."""

    day: str
    model: str
    item: str
    uncertain: int
    quantity: int
    nano: int


def items_of(connection: StateConnection, span: ReportSpan) -> list[SpentItem]:
    """Everybody's: a bill tells no clients."""
    columns = ", ".join(field.name for field in fields(SpentItem))
    rows = connection.execute(
        f"SELECT {columns} FROM items WHERE day >= ? AND day <= ? AND sandbox = ? ORDER BY 1, 2, 3, 4",
        (span.first, span.last, int(span.sandbox)),
    )
    return [SpentItem(*row) for row in rows.fetchall()]
