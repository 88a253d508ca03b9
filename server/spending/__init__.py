"""What outlives a call: a SQLite file in the state folder, or a PostgreSQL server; safe for several servers at once."""

from .database import Database
from .entries import (
    Cap,
    CapName,
    Caps,
    OverCap,
    RequestEntry,
    RequestOutcome,
    Reserved,
    Settlement,
    SpendingGroup,
    Unusable,
)
from .kept_jobs import KEPT_S, JobRow, JobState, KeptJobs
from .ledger import Ledger
from .nano import from_nano, in_currency, in_nano
from .postgres import PostgresDatabase
from .report import KeptRequest, ReportSpan, SpendingSum, SpentItem, total_of
from .store import StateStore
from .transactions import day_span, session_span
from .vector_cache import VectorCache

__all__ = [
    "KEPT_S",
    "Cap",
    "CapName",
    "Caps",
    "Database",
    "JobRow",
    "JobState",
    "KeptJobs",
    "KeptRequest",
    "Ledger",
    "OverCap",
    "PostgresDatabase",
    "ReportSpan",
    "RequestEntry",
    "RequestOutcome",
    "Reserved",
    "Settlement",
    "SpendingGroup",
    "SpendingSum",
    "SpentItem",
    "StateStore",
    "Unusable",
    "VectorCache",
    "day_span",
    "from_nano",
    "in_currency",
    "in_nano",
    "session_span",
    "total_of",
]  # fmt: skip
