"""What is not billed by the token of a call: fine-tuning, and machines of one's own.

Rules: https://help.aliyun.com/zh/model-studio/developer-reference/billing-for-tongyiqianwen (of early 2025; Alibaba
has since added other plans, so these are history where a newer page says otherwise).
"""

from decimal import Decimal
from math import ceil
from typing import Literal

from ..models import Catalog, Deployment, Training
from ..money import Cost, line, sum_lines, unpriced

HISTORY = "Prices of an early 2025 page: newer plans exist, check the console."


def training_of(catalog: Catalog, name: str) -> Training | None:
    return next((row for row in catalog.training if catalog.find(row.model) is catalog.find(name)), None)


def deployments_of(catalog: Catalog, name: str) -> list[Deployment]:
    """Machines for a model itself, or for models trained on it."""
    return [row for row in catalog.deployment if {name, f"models trained on {name}"} & set(row.models)]


def training_cost(catalog: Catalog, name: str, *, tokens: int, mixed_in_tokens: int = 0, epochs: int = 1) -> Cost:
    """Fine-tuning: (training tokens + mixed-in tokens) x epochs x price; what ran of a cancelled one is billed."""
    row = training_of(catalog, name)
    if row is None or catalog.find(name) is None:
        return unpriced(f"no fine-tuning price of {name} is known")
    if min(tokens, mixed_in_tokens, epochs) < 0:
        return unpriced("a count is negative")
    return _cost(catalog, row, "training", (tokens + mixed_in_tokens) * epochs, row.price, 1_000_000)


def deployment_cost(catalog: Catalog, name: str, *, minutes: int = 0, months: int = 0, instances: int = 1) -> Cost:
    """Instances by the begun hour, or by the month (about 30 % less)."""
    unit: Literal["per_month", "per_hour"] = "per_month" if months else "per_hour"
    row = next((row for row in deployments_of(catalog, name) if getattr(row, unit) is not None), None)
    if row is None:
        return unpriced(f"no deployment price of {name} {unit.replace('_', ' ')} is known")
    if min(minutes, months, instances) < 0:
        return unpriced("a count is negative")
    units = months or max(1, ceil(minutes / 60))
    return _cost(catalog, row, unit.replace("per", "instance"), units * instances, getattr(row, unit), 1)


def _cost(catalog: Catalog, row: Training | Deployment, item: str, quantity: int, price: Decimal, per: int) -> Cost:
    lines = (line(item, quantity, price, per),)
    source = catalog.sources[row.source]
    return Cost(total=sum_lines(lines), lines=lines, source=source.title, date=source.date, warnings=(HISTORY,))
