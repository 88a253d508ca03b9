"""The models and their prices: catalog.json as frozen types; find a model; a workload in, its exact cost out."""

from .cost import Workload, cost_of, in_beijing, in_force, lifecycle_warnings, unknown
from .entries import Advice, Catalog, Fee, Model, Price, Search, Tier
from .estimate import TextTokens, image_tokens, text_tokens
from .file import overlaid, shipped
from .money import Cost, CostLine, Frozen, Usage, plain, unpriced
from .search import Capability, advised, capabilities_of, find_models
from .sheet import Sheet, fees_in, price_sheet, tier_row

__all__ = [
    "Advice",
    "Capability",
    "Catalog",
    "Cost",
    "CostLine",
    "Fee",
    "Frozen",
    "Model",
    "Price",
    "Search",
    "Sheet",
    "TextTokens",
    "Tier",
    "Usage",
    "Workload",
    "advised",
    "capabilities_of",
    "cost_of",
    "fees_in",
    "find_models",
    "image_tokens",
    "in_beijing",
    "in_force",
    "lifecycle_warnings",
    "overlaid",
    "plain",
    "price_sheet",
    "shipped",
    "text_tokens",
    "tier_row",
    "unknown",
    "unpriced",
]
