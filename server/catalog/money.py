"""What a call used and what that cost: the shapes every answer carries."""

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, localcontext
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

EXACT = Context(prec=100, traps=[Inexact])  # money is never rounded: it would rather fail


def plain(amount: Decimal) -> str:
    """An exact amount in plain notation: no exponent, no trailing zeros."""
    text = format(abs(amount), "f") if not amount else format(amount, "f")  # no "-0"
    return text.rstrip("0").rstrip(".") if "." in text else text


Money = Annotated[Decimal, PlainSerializer(plain, return_type=str), WithJsonSchema({"type": "string"})]
"""An amount: a number between our own functions, exact text where it leaves them."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Usage(Frozen):
    """Counts of all requests of one call. Null: not reported."""

    input_tokens: int = Field(description="Cached ones included")
    output_tokens: int = Field(description="Reasoning included")
    reasoning_tokens: int | None = None
    cached_input_tokens: int | None = Field(None, description="Implicit cache hits inside input_tokens")
    image_tokens: int | None = None
    cache_write_tokens: int | None = Field(
        None, description="Written to the explicit cache", exclude_if=lambda v: v is None
    )
    explicit_cached_tokens: int | None = Field(
        None, description="Explicit cache hits inside input_tokens", exclude_if=lambda v: v is None
    )
    audio_seconds: int | None = Field(None, exclude_if=lambda v: v is None)


class CostLine(Frozen):
    """quantity x unit_price / per = amount."""

    item: str
    quantity: int
    unit_price: Money
    per: int = Field(1_000_000, description="Units the price is for")
    amount: Money


class Cost(Frozen):
    """What a call cost at list price, exactly."""

    total: Money | None = Field(description="Null when it cannot be known; reason says why")
    currency: str = "CNY"
    basis: Literal["list"] = "list"
    lines: tuple[CostLine, ...] = ()
    tier: str | None = None
    source: str | None = Field(None, description="The page the price was read from")
    date: str | None = Field(None, description="The day of that page")
    warnings: tuple[str, ...] = Field((), description="What may make it wrong, or change the choice")
    notes: tuple[str, ...] = Field((), description="What holds for all prices of the model")
    reason: str | None = None


def unpriced(reason: str, *warnings: str) -> Cost:
    return Cost(total=None, reason=reason, warnings=warnings)


def line(item: str, quantity: int, unit_price: Decimal, per: int = 1_000_000) -> CostLine:
    """`per` is 1, 1,000 or a million, so the division is exact."""
    with localcontext(EXACT):
        amount = quantity * unit_price / per
    return CostLine(item=item, quantity=quantity, unit_price=unit_price, per=per, amount=amount)


def sum_lines(lines: Iterable[CostLine]) -> Decimal:
    with localcontext(EXACT):
        return sum((line.amount for line in lines), Decimal())
