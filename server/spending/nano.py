"""Money as the ledger keeps it: whole nano-CNY, rounded up, so that a sum never says less than was spent."""

from decimal import ROUND_CEILING, Decimal

NANO_PLACES = 9


def in_nano(amount: Decimal) -> int:
    return int((amount * 10**NANO_PLACES).to_integral_value(ROUND_CEILING))


def from_nano(nano: int) -> Decimal:
    """In CNY, exactly."""
    return Decimal(nano).scaleb(-NANO_PLACES)


def in_currency(nano: int) -> str:
    """Billionths as a plain decimal text: 1500000 is "0.0015"."""
    whole, part = divmod(abs(nano), 10**NANO_PLACES)
    text = f"{whole}.{part:0{NANO_PLACES}d}".rstrip("0").rstrip(".")
    return f"-{text}" if nano < 0 else text
