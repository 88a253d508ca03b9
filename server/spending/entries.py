"""What the ledger keeps of one request to DashScope: never a prompt, never an answer. Money in nano-CNY."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

RequestOutcome = Literal["answered", "cut", "failed", "cancelled", "refused", "unsent"]
CapName = Literal["MAX_COST", "CALL", "SESSION", "DAY"]
SpendingGroup = Literal["day", "model", "tool", "client", "session", "region"]
"""By which spending is added up: each is a field of an entry."""


@dataclass(frozen=True)
class RequestEntry:
    """What is known before it is sent. `at`: seconds since 1970; `day`: Beijing's, as 2026-11-27.

    `job`: what all requests of a call share: its job, or where it is none a name of its own.
    `key`: our own name for it, where it is answered long after it was sent; it stands in the place of its request id.
    """

    at: float
    day: str
    model: str
    region: str = ""
    tool: str = ""
    client: str = ""
    session: str = ""
    job: str = ""
    sandbox: bool = False
    key: str = ""


@dataclass(frozen=True)
class Settlement:
    """What came of it. `least` and `most` are equal where the amount is certain; `most` None: nobody knows.

    `items`: what the price is made of, name -> (quantity, nano-CNY). `details`: JSON, what `calls` keeps of it.
    """

    outcome: RequestOutcome
    least: int
    most: int | None
    input_tokens: int = 0
    output_tokens: int = 0
    request_id: str = ""
    short_id: str = ""  # as an answer's line says it
    details: str = ""
    sandbox: bool = False
    items: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def certain(self) -> bool:
        return self.least == self.most

    @property
    def came(self) -> bool:
        """Whether something of an answer did: of others nobody knows who gave them."""
        return self.outcome in ("answered", "cut")


UNSENT = Settlement("unsent", 0, 0)


@dataclass(frozen=True)
class Cap:
    """At most so much within a span: a day, or a session. `until`: when it begins anew, in words."""

    name: CapName
    span: str
    limit: int
    until: str

    @property
    def setting(self) -> str:
        """What sets it: an argument of the call, or a variable."""
        return "max_cost" if self.name == "MAX_COST" else f"BAILIAN_MAX_COST_PER_{self.name}"


@dataclass(frozen=True)
class Caps:
    """What the settings allow to be spent, in CNY; None: as much as there is."""

    per_call: Decimal | None = None
    per_session: Decimal | None = None
    per_day: Decimal | None = None

    def __bool__(self) -> bool:
        return not (self.per_call is self.per_session is self.per_day is None)


@dataclass(frozen=True)
class Reserved:
    """Held until it is settled. `id`: of its row, if that could be written; no other row has it, of whatever ledger."""

    id: int
    entry: RequestEntry
    nano: int | None = None


@dataclass(frozen=True)
class OverCap:
    """Not even the least of it fits. `spent`: what was spent in that span, of which `held` is for what is under way."""

    cap: Cap
    spent: int
    held: int = 0

    @property
    def left(self) -> int:
        return max(0, self.cap.limit - self.spent)

    def may_come_free(self, least: int) -> bool:
        """Whether so much might fit once what is under way has ended."""
        return self.held > 0 and self.cap.limit - self.spent + self.held >= least


@dataclass(frozen=True)
class Unusable:
    """No cap can be held now, so nothing that costs money is sent. `next_step`: what mends it."""

    why: str
    next_step: str = ""
