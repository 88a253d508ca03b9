"""The models and their prices: catalog.json as frozen types; find a model; a workload in, its exact cost out."""

from .caveats import CHINA, lifecycle_warnings, over_limits, price_caveats
from .cost import cost_of, in_beijing, in_force, unknown
from .entries import Advice, Catalog, Fee, Model, Price, Search, Tier
from .estimate import TextTokens, image_tokens, is_ocr, pixel_limit, pixels_for, seen_as, text_tokens
from .file import overlaid, shipped
from .money import Cost, CostLine, Frozen, Usage, line, plain, sum_lines, unpriced
from .search import Capability, Wish, advised, capabilities_of, find_models, is_special, named_in, understood
from .sheet import Sheet, fees_in, price_sheet, tier_row
from .workload import Workload

__all__ = [
    "CHINA",
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
    "Wish",
    "Workload",
    "advised",
    "capabilities_of",
    "cost_of",
    "fees_in",
    "find_models",
    "image_tokens",
    "in_beijing",
    "in_force",
    "is_ocr",
    "is_special",
    "lifecycle_warnings",
    "line",
    "named_in",
    "over_limits",
    "overlaid",
    "pixel_limit",
    "pixels_for",
    "plain",
    "price_caveats",
    "price_sheet",
    "seen_as",
    "shipped",
    "sum_lines",
    "text_tokens",
    "tier_row",
    "understood",
    "unknown",
    "unpriced",
]
