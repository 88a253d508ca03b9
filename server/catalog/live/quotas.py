"""What an account may ask a minute, and what its key may call: `/models/limits` or `/quotas`, `/models/permissions`.

Pages: https://help.aliyun.com/zh/model-studio/list-quotas and .../list-model-permissions.
"""

from collections.abc import Iterable
from typing import Any

from ..models import RateLimit
from .listing import ID

PERIOD_S = 60
MAX_A_MINUTE = {"request": 10**9, "usage": 10**12}


def read_quotas(rows: Iterable[Any], region: str) -> dict[str, RateLimit]:
    """Requests and tokens a minute by model: the workspace's where it has its own, else the account's."""
    found = {}
    for row in rows:
        name = row.get("model") if isinstance(row, dict) else None
        if not isinstance(name, str) or not ID.fullmatch(name):
            continue
        given = [each for each in (row.get("workspace_limit"), row.get("model_limit")) if isinstance(each, dict)]
        rpm = _least(_a_minute(each, "request") for each in given)
        tpm = _least(_a_minute(each, "usage") for each in given if each.get("usage_limit_field") == "total_tokens")
        if rpm or tpm:
            found[name] = RateLimit(region=region, rpm=rpm, tpm=tpm)
    return found


def read_permissions(rows: Iterable[Any]) -> dict[str, bool]:
    """Whether the key may call a model, by its id."""
    found = {}
    for row in rows:
        may = row.get("permissions") if isinstance(row, dict) else None
        name, calls = (row.get("model"), may.get("inference")) if isinstance(may, dict) else (None, None)
        if isinstance(name, str) and ID.fullmatch(name) and isinstance(calls, bool):
            found[name] = calls
    return found


def _a_minute(limit: dict[str, Any], what: str) -> int | None:
    """A limit of any period, as one of a minute."""
    most, period_s = limit.get(f"{what}_limit"), limit.get(f"{what}_limit_period")
    if not isinstance(most, int) or not isinstance(period_s, int) or most < 1 or period_s < 1:
        return None
    return min(most * PERIOD_S // period_s, MAX_A_MINUTE[what]) or None


def _least(limits: Iterable[int | None]) -> int | None:
    return min((limit for limit in limits if limit), default=None)
