"""Which road a search takes: DashScope's own protocol, which gives sources and citations, or the Responses API.

Page: https://help.aliyun.com/zh/model-studio/web-search
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp.server.mcpserver.exceptions import ToolError

from .catalog import Catalog, Model, Search
from .dashscope import Dialect, Generation, Responses

Strategy = Literal["turbo", "max", "agent"]
CHINA = "cn-beijing"  # turbo and max have a price there only
# DashScope drops a search above it without a word.
SEARCHES_PER_S = 15
RESPONSES = "responses"  # the strategy as the price list calls it


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
    if model is None or (model.search is None and model.can.get("web_search")):
        return _responses(name, ask)  # one path for all models: the road for what the catalog does not hold
    search = model.search or Search()
    if region not in search.regions:
        raise ToolError(_cannot(catalog, model, region))
    strategy = ask.strategy or _default(search, region, ask)
    if region in search.native and (strategy in search.strategies or (strategy == "turbo" and not search.strategies)):
        return _native(model, search, strategy, ask)
    if strategy == "agent" and region in search.responses:
        return _responses(name, ask)
    offered = [*(search.strategies if region in search.native else ()), *(["agent"] if _agent(search, region) else [])]
    raise ToolError(
        f"{name} has no strategy={strategy} in {region}. It has: {', '.join(dict.fromkeys(offered))}. Choose one of "
        "these, or leave strategy out. Nothing was sent."
    )


def _default(search: Search, region: str, ask: Ask) -> Strategy:
    native = region in search.native and "agent" not in search.strategies[:1]
    if native and (ask.narrowed or region == CHINA or not _agent(search, region)):
        return "turbo"
    return "agent"


def _agent(search: Search, region: str) -> bool:
    return region in search.responses or (region in search.native and "agent" in search.strategies)


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
    elsewhere = f"; it can in {', '.join(model.search.regions)}" if model.search else ""
    here = [
        each.id
        for each in catalog.models
        if each.search and region in each.search.regions and not each.retired and each.kind == "mainline"
    ]
    use = f"Use {_listed(here)}" if here else "Use another region"
    return f"{model.id} cannot search the web in {region}{elsewhere}. {use}. Nothing was sent."


def _listed(names: Sequence[str]) -> str:
    return " or ".join(sorted(names, reverse=True)[:3])
