"""The ledger: one row for each request to DashScope, and running sums, so that a cap is one look however long it grows.

What is reserved counts as spent until it is settled. So whatever ends a process, no cap is opened by it.
"""

from collections.abc import Sequence
from functools import partial
from secrets import token_hex
from socket import gethostname

from .continuity import Continuity
from .database import Database
from .entries import Cap, OverCap, RequestEntry, Reserved, Settlement, Unusable
from .report import KeptRequest, ReportSpan, SpendingGroup, SpendingSum, SpentItem, items_of, requests_of, sums_by
from .store import StateConnection, StateStore
from .transactions import close_lost, reserved, settled, spent_in

MAX_LATE = 1_000  # what is older stays spent at what was held
NOT_NOW = "the file of the ledger cannot be written at the moment, call again"


class Ledger:
    """Safe for several processes of one store: who reserves looks and writes in one transaction.

    `sandbox`: whether what is asked is known to be a sandbox, whose sums are kept apart.
    """

    def __init__(self, database: StateStore | None = None, *, sandbox: bool = False) -> None:
        self._database: StateStore = database or Database()
        self._continuity = Continuity(self._database.folder)
        self._opened = False
        self._late: list[tuple[Reserved, Settlement]] = []  # what could not be written when it was known
        self.process = token_hex(6)
        self._where = f"{self.process}@{gethostname()}"  # a number of a process says nothing of another machine's
        self.sandbox = sandbox

    async def reserve(
        self, entry: RequestEntry, most: int | None, least: int = 0, caps: Sequence[Cap] | None = None
    ) -> Reserved | OverCap | Unusable:
        """Hold `most`, or as much of it as the caps leave, but not less than `least`; all in nano-CNY.

        `caps` None: none is set, and nothing is refused, whatever has become of the store.
        """
        work = partial(self._reserve, entry=entry, most=most, least=least, caps=caps)
        found = None if caps is not None and self._database.trouble else await self._database.run(work)
        self._opened = self._opened or found is not None
        if found is None and caps is not None:
            return Unusable(self._database.trouble or NOT_NOW)
        return found or Reserved(0, most)

    def _reserve(
        self,
        connection: StateConnection,
        entry: RequestEntry,
        most: int | None,
        least: int,
        caps: Sequence[Cap] | None,
    ) -> Reserved | OverCap | Unusable:
        connection.execute("BEGIN IMMEDIATE")
        if not self._opened:
            close_lost(connection, self._where, entry.at)
        broken = self._continuity.trouble(connection, entry.day)
        if broken and caps is not None:
            return Unusable(broken)
        return reserved(connection, entry, self._where, most, least, caps or ())

    async def settle(self, held: Reserved, settlement: Settlement) -> None:
        """What was held becomes what was spent, as far as that is known."""
        self.sandbox = self.sandbox or settlement.sandbox
        self._late.append((held, settlement))
        while self._late and await self._written(*self._late.pop()):
            pass  # what could not be written before follows

    async def _written(self, held: Reserved, settlement: Settlement) -> bool:
        if await self._database.run(partial(settled, id=held.id, settlement=settlement)):
            return True
        self._late = [*self._late, (held, settlement)][-MAX_LATE:]
        return False

    async def spent(self, span: str) -> int | None:
        """What was spent or is held in a span; None: the store cannot be read."""
        return await self._database.run(partial(spent_in, span=span))

    async def sums(self, by: SpendingGroup, span: ReportSpan) -> list[SpendingSum]:
        return await self._database.run(partial(sums_by, by=by, span=span)) or []

    async def requests(self, id: str, client: str | None) -> list[KeptRequest]:
        return await self._database.run(partial(requests_of, id=id, client=client)) or []

    async def items(self, span: ReportSpan) -> list[SpentItem]:
        return await self._database.run(partial(items_of, span=span)) or []

    async def confirm(self, day: str, span: str, nano: int) -> None:
        """Take somebody's word for what a lost file held of a span."""
        await self._database.run(partial(self._continuity.confirm, day=day, span=span, nano=nano))
