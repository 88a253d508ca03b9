"""Why a bill and a ledger may differ."""

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    ELSEWHERE = "calls made elsewhere"
    DELAY = "not billed yet"
    BEFORE = "before the export begins"
    EMPTY = "the export holds no rows"
    FAILED = "a failed request that was not billed"
    DEDUCTED = "free quota or a package, taken off the usage"
    OTHER_KEY = "another API key"
    OTHER_NAME = "billed under another name"
    BATCH = "batch rows"
    PRICE = "another unit price"
    ROUNDED = "rounded rows"
    NOT_APART = "items not told apart"
    CURRENCY = "another currency"
    UNPRICED = "no price here"
    UNLISTED = "no list amount in the bill"
    UNEXPLAINED = "no likely reason"
    FREE = "free quota or a package, in the payable"
    PROMOTION = "a promotion, in the payable"


@dataclass(frozen=True)
class Reason:
    """A likely reason; `said` tells it of one row."""

    cause: Cause
    said: str
