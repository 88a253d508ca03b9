"""The ledger: one row for each request to DashScope, and running sums, so that a cap is one look however long it grows.

What is reserved counts as spent until it is settled. So whatever ends a process, no cap is opened by it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from secrets import randbits, token_hex
from socket import gethostname

from .continuity import CONFIRM, SPENT_IS_LOST, Continuity
from .database import Database
from .entries import UNSENT, Cap, OverCap, RequestEntry, Reserved, Settlement, SpendingGroup, Unusable
from .report import KeptRequest, ReportSpan, SpendingSum, SpentItem, calls_of, items_of, requests_of, sums_by
from .store import Made, StateConnection, StateStore
from .transactions import close_lost, held_for, reserved, settled, spent_for, spent_in

MAX_LATE = 1_000  # what is older stays spent at what was held
NOT_NOW = "the file of the ledger cannot be written at the moment, call again"


class Ledger:
    """Safe for several processes of one store: who reserves looks and writes in one transaction.

    `sandbox`: whether what is asked is known to be a sandbox, whose sums are kept apart.
    """

    def __init__(self, database: StateStore | None = None, *, sandbox: bool = False) -> None:
        self._database: StateStore = database or Database()
        self._continuity = Continuity(self._database)
        self._opened = False
        self._late: list[tuple[Reserved, Settlement]] = []  # what could not be written when it was known
        self._ids = count(randbits(62))  # those of its rows: together, and met by no other process's
        self.process = token_hex(6)
        self._where = f"{self.process}@{gethostname()}"  # a number of a process says nothing of another machine's
        self.sandbox = sandbox

    async def reserve(
        self, entry: RequestEntry, most: int | None, least: int = 0, caps: Sequence[Cap] | None = None
    ) -> Reserved | OverCap | Unusable:
        """Hold `most`, or as much of it as the caps leave, but not less than `least`; all in nano-CNY.

        `caps` None: none is set, and nothing is refused, whatever has become of the store.
        """
        await self._settle_late()
        asked = Reserved(next(self._ids), entry, most)
        work = partial(self._reserve, asked=asked, least=least, caps=caps)
        found = None if caps is not None and self._database.trouble else await self._database.run(work, short=True)
        self._opened = self._opened or found is not None
        if self._continuity.unwritten:  # committed by now: a name without its ledger would look like a loss
            await self._database.run(self._continuity.write_name)
        if found is None and caps is not None:
            self._late.insert(0, (asked, UNSENT))  # it may have been written all the same: then nobody would spend it
            return self._unusable()
        return found or asked

    def _reserve(
        self,
        connection: StateConnection,
        asked: Reserved,
        least: int,
        caps: Sequence[Cap] | None,
    ) -> Reserved | OverCap | Unusable:
        connection.execute("BEGIN IMMEDIATE")
        if not self._opened:
            close_lost(connection, self._where, asked.entry.at)
        broken = self._continuity.trouble(connection, asked.entry.day)
        if caps is not None and (self._database.trouble or broken):  # opened only now, it may be in memory
            return self._unusable(broken)
        found = reserved(connection, asked, self._where, least, caps or ())
        if isinstance(found, OverCap) and found.held:  # by a process that has died since, it comes free no more
            close_lost(connection, self._where, asked.entry.at)
            found = reserved(connection, asked, self._where, least, caps or ())
        return found

    async def held_for(self, job: str) -> dict[str, Reserved]:
        """What a job holds, by the keys of its entries, whichever process held it."""
        return await self._database.run(partial(held_for, job=job)) or {}

    async def spent_for(self, job: str) -> int:
        """What a job has cost so far and holds, in nano-CNY, whichever process asked."""
        return await self._database.run(partial(spent_for, job=job)) or 0

    async def settle(self, held: Reserved, settlement: Settlement) -> None:
        """What was held becomes what was spent, as far as that is known."""
        self.sandbox = settlement.sandbox or (self.sandbox and not settlement.came)
        self._late.append((held, settlement))
        await self._settle_late()

    async def _read(self, work: Callable[[StateConnection], Made]) -> Made | None:
        """After what is known has been written."""
        await self._settle_late()
        return await self._database.run(work)

    async def _settle_late(self) -> None:
        """The newest first; what cannot be written now is tried again before the next request, report, or the end."""
        while self._late and await self._written(*self._late.pop()):
            pass

    async def _written(self, held: Reserved, settlement: Settlement) -> bool:
        work = partial(settled, request=held, process=self._where, settlement=settlement)
        if await self._database.run(work, short=True):
            return True
        self._late = [*self._late, (held, settlement)][-MAX_LATE:]
        return False

    def _unusable(self, broken: str = "") -> Unusable:
        if self._database.trouble:
            return Unusable(self._database.trouble)
        return Unusable(broken or NOT_NOW, CONFIRM if broken == SPENT_IS_LOST else "")

    async def trouble(self, day: str) -> Unusable | None:
        """Why no cap can be held now; None: they can."""
        broken = await self._database.run(partial(self._continuity.trouble, today=day))
        return self._unusable(broken or "") if self._database.trouble or broken is None or broken else None

    async def aclose(self) -> None:
        """What could not be written yet is tried once more."""
        await self._settle_late()

    @property
    def why_not_kept(self) -> str:
        """Why nothing outlives the process now; empty where it does."""
        return self._database.trouble

    async def spent(self, span: str) -> tuple[int, int]:
        """What was spent in a span, and how much of it is held for what is under way."""
        return await self._read(partial(spent_in, span=span)) or (0, 0)

    async def sums(self, by: SpendingGroup, span: ReportSpan) -> list[SpendingSum] | None:
        """None: the store cannot be read now."""
        return await self._read(partial(sums_by, by=by, span=span))

    async def requests(self, id: str, client: str | None) -> list[KeptRequest]:
        return await self._read(partial(requests_of, id=id, client=client)) or []

    async def calls(self, id: str, client: str) -> list[list[KeptRequest]] | None:
        """None: the store cannot be read now."""
        return await self._read(partial(calls_of, id=id, client=client))

    async def items(self, span: ReportSpan) -> list[SpentItem]:
        return await self._read(partial(items_of, span=span)) or []

    async def confirm(self, day: str, nano: int) -> int | None:
        """Take somebody's word for what was spent on a day, all together: what counts from here on, which is never less
        than the ledger knows; None: it could not be written.
        """
        return await self._database.run(partial(self._continuity.confirm, day=day, nano=nano))
