"""How a search is asked for: DashScope's own protocol, which gives sources and citations, or the Responses API.

Page: https://help.aliyun.com/zh/model-studio/web-search
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from ...calls.ask import Exchange, RequestFailed, RequestPlan
from ...calls.call import Call
from ...catalog import RESPONSES, Catalog, Model, Search, Strategy, default_strategy, strategies
from ...dashscope import DashScopeError, Generation, Responses, WireProtocol
from ...errors import InvalidRequest

# DashScope drops a search above it without a word.
SEARCHES_PER_S = 15
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
class SearchScope:
    """What a search is narrowed to. No strategy: the best one offered."""

    strategy: Strategy | None = None
    freshness_days: int | None = None
    sites: tuple[str, ...] = ()

    @property
    def narrowed(self) -> bool:
        return bool(self.freshness_days or self.sites)


@dataclass(frozen=True)
class Finding:
    """An answer, and how it was searched for. `cites`: its text may hold `[ref_<number>]` marks."""

    exchange: Exchange
    strategy: str
    cites: bool


async def search(call: Call, model: str, question: str, scope: SearchScope) -> Finding:
    """SearchScope a model that searches the web first. It thinks only if it must.

    Raises:
        InvalidRequest: the model cannot search here, or not so.
        DashScopeError: it gave no answer.
    """
    call.require_dashscope("Web search")
    plan = search_plan(call, model, question, scope)
    try:
        exchange = await call.ask(plan)
    except RequestFailed as failed:
        raise _told_apart(failed) from None
    cites = "citation_format" in plan.parameters.get("search_options", {})
    return Finding(exchange, plan.search_strategy, cites)


def _told_apart(failed: RequestFailed) -> DashScopeError:
    """Whether the question or the pages found were refused, as far as it shows."""
    if failed.kind != "question_filtered":
        return failed
    return failed.reworded(message=PAGES_FILTERED if failed.exchange.search_results else QUESTION_OR_PAGES_FILTERED)


def search_plan(call: Call, model: str, question: str, scope: SearchScope) -> RequestPlan:
    """How a model searches in a region: the protocol, and the strategy that is billed.

    Raises:
        InvalidRequest: it cannot search there, or not so.
    """
    known, catalog, region = call.known(model), call.catalog, call.region
    strategy = _billed_strategy(catalog, model, known, region, scope)
    parameters: dict[str, Any]
    messages = [{"role": "user", "content": question}]
    if strategy == RESPONSES or known is None or known.search is None:  # what the catalog does not hold, too
        _require_agent(model, scope)
        messages.insert(0, {"role": "system", "content": SEARCH_FIRST})
        strategy, parameters = RESPONSES, {"tools": [{"type": "web_search"}]}
        protocol: WireProtocol = Responses()
    else:
        parameters = {"enable_search": True, "search_options": _options(known.search, strategy, scope)}
        protocol = Generation(known.endpoint or "text-generation", cumulative=known.cumulative)
    thinking = call.thinking(model)
    return RequestPlan(
        model,
        protocol,
        messages,
        thinking,
        {**call.output_limit(model, thinking, of_answer=True), **parameters},  # neither protocol counts reasoning in it
        before_attempt=partial(call.turn, "search", SEARCHES_PER_S),
        search_strategy=strategy,
    )


def _billed_strategy(catalog: Catalog, name: str, model: Model | None, region: str, scope: SearchScope) -> str:
    """The strategy as it is billed."""
    if model is None:
        return RESPONSES
    offered = strategies(model, region)
    if not offered:
        raise InvalidRequest(_cannot(catalog, model, region))
    strategy = scope.strategy or default_strategy(offered, region, narrowed=scope.narrowed)
    if strategy not in offered:
        raise InvalidRequest(
            f"{name} has no strategy={strategy} in {region}. It has: {', '.join(offered)}. Choose one of these, or "
            "leave strategy out."
        )
    return offered[strategy]


def _options(search: Search, strategy: str, scope: SearchScope) -> dict[str, Any]:
    """Of the native protocol."""
    options: dict[str, Any] = {"enable_source": True}
    options |= {"search_strategy": strategy} if search.strategies else {}
    if strategy == "agent":  # takes nothing else
        _refuse_narrowing(scope)
        return options
    options |= {
        "forced_search": True,  # English questions often trigger none
        "enable_citation": True,
        "citation_format": "[ref_<number>]",
        "prepend_search_result": True,
    }
    options |= {"freshness": scope.freshness_days} if scope.freshness_days else {}
    options |= {"assigned_site_list": list(scope.sites)} if scope.sites else {}
    return options


def _require_agent(name: str, scope: SearchScope) -> None:
    """Raises InvalidRequest: the Responses API knows no other strategy, and narrows nothing."""
    _refuse_narrowing(scope)
    if scope.strategy in ("turbo", "max"):
        raise InvalidRequest(
            f"{name} searches with strategy=agent only, as far as the catalog knows. Choose it, or leave strategy out."
        )


def _refuse_narrowing(scope: SearchScope) -> None:
    if scope.narrowed:
        raise InvalidRequest(
            "freshness_days and sites work with strategy turbo and max only; with agent DashScope ignores them. "
            "Leave them out, or choose another strategy or model."
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
    return f"{model.id} cannot search the web in {region}{elsewhere}. {use}."
