"""Money as the ledger keeps it: whole nano-CNY, rounded up, so that a sum never says less than was spent."""

from decimal import ROUND_CEILING, Decimal

NANO_PER_CNY = 10**9


def in_nano(amount: Decimal) -> int:
    return int((amount * NANO_PER_CNY).to_integral_value(ROUND_CEILING))


def from_nano(nano: int) -> Decimal:
    """In CNY, exactly."""
    return Decimal(nano).scaleb(-9)
