"""Which strategies a model can search the web with, and which one is taken unasked.

Page: https://help.aliyun.com/zh/model-studio/web-search
"""

from collections.abc import Mapping
from typing import Literal

from .models import BEIJING_REGION, Model, Search

Strategy = Literal["turbo", "max", "agent"]
RESPONSES = "responses"  # the strategy as the price list calls it


def strategies(model: Model, region: str) -> dict[Strategy, str]:
    """The strategies of a model in a region, each with the name it is billed under; none: it cannot search there."""
    search = model.search or Search()
    native: tuple[Strategy, ...] = (search.strategies or ("turbo",)) if region in search.native else ()
    found: dict[Strategy, str] = {strategy: strategy for strategy in native}
    if "agent" not in found and region in search.responses:
        found["agent"] = RESPONSES
    return found


def default_strategy(offered: Mapping[Strategy, str], region: str, *, narrowed: bool = False) -> Strategy:
    """The one that is taken unasked: turbo where it has a price or is needed, else agent."""
    if "turbo" in offered and (narrowed or region == BEIJING_REGION or "agent" not in offered):
        return "turbo"
    return "agent" if "agent" in offered else next(iter(offered))
