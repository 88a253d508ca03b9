"""Which road a search takes: DashScope's own protocol, which gives sources and citations, or the Responses API.

Page: https://help.aliyun.com/zh/model-studio/web-search
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp.server.mcpserver.exceptions import ToolError

from .catalog import CHINA, Catalog, Model, Search
from .dashscope import Dialect, Generation, Responses

Strategy = Literal["turbo", "max", "agent"]
# DashScope drops a search above it without a word.
SEARCHES_PER_S = 15
RESPONSES = "responses"  # the strategy as the price list calls it
SEARCH_FIRST = "Search the web before you answer."
PAGES_FILTERED = (
    "DashScope's content filter stopped the pages that the search found; the question itself passed. Narrow `sites`, "
    "reword the question, or ask `chat`, which does not search."
)
QUESTION_OR_PAGES_FILTERED = (
    "DashScope's content filter stopped the question, or the pages that the search found: it does not say which. To "
    "tell, ask `chat` the same once, which does not search (one more call, billed). If that passes, narrow `sites`."
)


@dataclass(frozen=True)
class Ask:
    """What a search is narrowed to. No strategy: the best one offered."""

    strategy: Strategy | None = None
    freshness_days: int | None = None
    sites: tuple[str, ...] = ()

    @property
    def narrowed(self) -> bool:
        return bool(self.freshness_days or self.sites)


@dataclass(frozen=True)
class Road:
    """How to ask: the protocol, its parameters, and the strategy that is billed. `cites`: the answer has marks."""

    dialect: Dialect
    strategy: str
    parameters: dict[str, Any] = field(default_factory=dict)
    cites: bool = False


def road(catalog: Catalog, name: str, region: str, ask: Ask) -> Road:
    """The road of a model in a region.

    Raises:
        ToolError: the model cannot search there, or not so; nothing was sent.
    """
    model = catalog.find(name)
    if model is None:
        return _responses(name, ask)  # one path for all models: the road for what the catalog does not hold
    offered = strategies(model, region)
    if not offered:
        raise ToolError(_cannot(catalog, model, region))
    strategy = ask.strategy or default_strategy(offered, region, narrowed=ask.narrowed)
    if strategy not in offered:
        raise ToolError(
            f"{name} has no strategy={strategy} in {region}. It has: {', '.join(offered)}. Choose one of these, or "
            "leave strategy out. Nothing was sent."
        )
    if offered[strategy] == RESPONSES:
        return _responses(name, ask)
    assert model.search
    return _native(model, model.search, strategy, ask)


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
    if "turbo" in offered and (narrowed or region == CHINA or "agent" not in offered):
        return "turbo"
    return "agent" if "agent" in offered else next(iter(offered))


def _native(model: Model, search: Search, strategy: str, ask: Ask) -> Road:
    options: dict[str, Any] = {"enable_source": True}
    if search.strategies:
        options["search_strategy"] = strategy
    if strategy == "agent":  # takes nothing else
        _refuse_narrowing(ask)
    else:
        options |= {
            "forced_search": True,  # English questions often trigger none
            "enable_citation": True,
            "citation_format": "[ref_<number>]",
            "prepend_search_result": True,
        }
        options |= {"freshness": ask.freshness_days} if ask.freshness_days else {}
        options |= {"assigned_site_list": list(ask.sites)} if ask.sites else {}
    dialect = Generation(model.endpoint or "text-generation", cumulative=model.cumulative)
    return Road(dialect, strategy, {"enable_search": True, "search_options": options}, cites=strategy != "agent")


def _responses(name: str, ask: Ask) -> Road:
    _refuse_narrowing(ask)
    if ask.strategy in ("turbo", "max"):
        raise ToolError(
            f"{name} searches with strategy=agent only, as far as the catalog knows. Choose it, or leave strategy out. "
            "Nothing was sent."
        )
    return Road(Responses(), RESPONSES, {"tools": [{"type": "web_search"}]})


def _refuse_narrowing(ask: Ask) -> None:
    if ask.narrowed:
        raise ToolError(
            "freshness_days and sites work with strategy turbo and max only; with agent DashScope ignores them. "
            "Leave them out, or choose another strategy or model. Nothing was sent."
        )


def _cannot(catalog: Catalog, model: Model, region: str) -> str:
    elsewhere = f"; it can in {', '.join(model.search.regions)}" if model.search and model.search.regions else ""
    here = [
        each.id
        for each in catalog.models
        if region in (each.search or Search()).regions and each.lifecycle.status == "active" and each.kind == "mainline"
    ]
    default = catalog.defaults.get("web_search", "")
    best = sorted(here, key=lambda name: (name == default, "omni" not in name, name), reverse=True)[:2]
    use = f"Use {' or '.join(best)} (BAILIAN_WEB_SEARCH_MODEL makes it the default)" if best else "Use another region"
    return f"{model.id} cannot search the web in {region}{elsewhere}. {use}. Nothing was sent."
