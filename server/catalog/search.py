"""Find models by what one would say of them, in Chinese or English; and what is advised for a kind of work."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, get_args

from .cost import in_force
from .entries import Advice, Catalog, Model

Capability = Literal[
    "vision", "audio", "ocr", "translation", "embedding", "rerank", "thinking", "web_search", "tools", "json_object",
    "json_schema", "batch", "cache", "code", "long_context",
]  # fmt: skip
LONG_CONTEXT_TOKENS = 500_000
# What a capability is called. The longest word counts first, so that 图像 is not also 图.
WORDS: dict[Capability, tuple[str, ...]] = {
    "vision": ("vision", "image", "images", "picture", "视觉", "图像", "图片", "看图", "识图", "附图"),
    "audio": ("audio", "speech", "voice", "omni", "语音", "音频", "全模态"),
    "ocr": ("ocr", "文字识别", "文字提取", "识别文字"),
    "translation": ("translation", "translate", "翻译"),
    "embedding": ("embedding", "embeddings", "vector", "向量", "嵌入"),
    "rerank": ("rerank", "reranker", "重排序", "重排", "排序"),
    "thinking": ("thinking", "reasoning", "思考", "推理"),
    "web_search": ("search", "web", "联网", "搜索"),
    "tools": ("tools", "function", "functions", "函数调用", "工具调用"),
    "json_object": ("json", "结构化"),
    "json_schema": ("schema",),
    "batch": ("batch", "bulk", "批量"),
    "cache": ("cache", "缓存"),
    "code": ("code", "coder", "coding", "代码", "编程"),
    "long_context": ("long", "长文本", "长文档", "长上下文"),
}
CHEAP = ("cheap", "cheapest", "inexpensive", "便宜", "低价", "省钱", "性价比")
BEST = ("best", "flagship", "strongest", "旗舰", "最强", "最好")
VENDORS = {
    "千问": "alibaba", "通义": "alibaba", "阿里": "alibaba", "qwen": "alibaba", "深度求索": "deepseek",
    "月之暗面": "moonshotai", "智谱": "zhipuai", "稀宇": "minimax", "百川": "baichuan", "零一万物": "01-ai",
}  # fmt: skip
SPECIALISTS = ("ocr", "translation", "embedding", "rerank", "audio", "omni", "deployment")
FILLERS = ("model", "models", "模型", "the", "a", "an", "for", "with", "and", "of", "to", "that", "can", "the", "which")


def can(model: Model, capability: Capability) -> bool:
    match capability:
        case "vision":
            return "image" in model.input
        case "audio":
            return "audio" in model.input
        case "ocr" | "translation" | "embedding" | "rerank":
            return model.type == capability
        case "thinking":
            return model.thinking is not None and model.thinking.mode != "none"
        case "cache":
            return bool(model.can.get("cache_implicit") or model.can.get("cache_explicit"))
        case "code":
            return "code" in model.id
        case "long_context":
            return (model.limits.context or 0) >= LONG_CONTEXT_TOKENS
        case _:
            return bool(model.can.get(capability))


def capabilities_of(model: Model) -> list[Capability]:
    return [capability for capability in get_args(Capability) if can(model, capability)]


@dataclass(frozen=True)
class Wish:
    """A query, understood: capabilities, vendor and pieces of a name; `unknown` is what no model is called."""

    capabilities: tuple[Capability, ...]
    vendor: str | None
    pieces: tuple[str, ...]
    order: Literal["", "cheap", "best"]

    @property
    def empty(self) -> bool:
        return not (self.capabilities or self.vendor or self.pieces or self.order)


def understood(query: str) -> Wish:
    """The words of a query that mean something here; the rest of a Chinese sentence is left aside."""
    words = re.findall(r"[a-z0-9][a-z0-9._/-]*", query.lower())
    chinese = re.sub(r"[a-z0-9._/-]+", " ", query.lower())

    def said(names: Iterable[str]) -> bool:
        return any(name in words if name.isascii() else name in chinese for name in names)

    wanted = tuple(capability for capability, names in WORDS.items() if said(names))
    known = {name for names in (*WORDS.values(), CHEAP, BEST, FILLERS) for name in names}
    vendor = next((vendor for name, vendor in VENDORS.items() if said([name])), None)
    pieces = tuple(word for word in words if word not in known and word not in VENDORS)
    return Wish(wanted, vendor, pieces, "cheap" if said(CHEAP) else "best" if said(BEST) else "")


def find_models(
    catalog: Catalog,
    query: str = "",
    *,
    needs: tuple[Capability, ...] = (),
    region: str,
    on: date,
    min_context: int = 0,
    max_input_price: Decimal | None = None,
    include_retired: bool = False,
) -> list[Model]:
    """Models that fit, the best fitting first. A name that is a model's own finds it whatever else is asked."""
    exact = catalog.find(query.strip())
    if exact:
        return [exact]
    wish = understood(query)
    if query.strip() and wish.empty:
        return []

    def fits(model: Model) -> bool:
        price = input_price(model, region, on)
        return (
            (include_retired or not model.retired)
            and all(can(model, need) for need in (*needs, *wish.capabilities))
            and wish.vendor in (None, model.vendor)
            and all(_named(model, piece) for piece in wish.pieces)
            and (not min_context or (model.limits.context or 0) >= min_context)
            and (max_input_price is None or (price is not None and price <= max_input_price))
        )

    return sorted(filter(fits, catalog.models), key=_rank(catalog, wish, (*needs, *wish.capabilities), region, on))


def _named(model: Model, piece: str) -> bool:
    return any(piece in name.lower() for name in (*model.names, model.series, model.vendor))


def _rank(
    catalog: Catalog, wish: Wish, wanted: tuple[Capability, ...], region: str, on: date
) -> Callable[[Model], tuple[object, ...]]:
    """In service first, then what the query wants, then our defaults, then the newest main lines."""

    def key(model: Model) -> tuple[object, ...]:
        price = input_price(model, region, on) or Decimal(0)
        return (
            model.retired,
            "/" in model.id,  # sold by its maker, after a step in the console
            model.type in SPECIALISTS and model.type not in wanted,
            model.kind not in ("mainline", "third_party"),
            {"cheap": price, "best": -price}.get(wish.order, 0),
            model.id not in catalog.defaults.values(),
            # Models newer than the page of release dates have none.
            -(model.released_on or date.max).toordinal(),
            [-float(number) for number in re.findall(r"\d+\.\d+|\d", model.id)[:1]],
            model.id,
        )

    return key


def input_price(model: Model, region: str, on: date) -> Decimal | None:
    """Per million tokens, of the first tier."""
    prices = [price for price in in_force(model, region, None, on) if price.tiers]
    return prices[0].tiers[0].text_input if prices else None


def advised(catalog: Catalog, query: str) -> list[Advice]:
    """What the founding documents recommend for the kind of work a query names, the best fitting first."""
    words = set(re.findall(r"[a-z]+", query.lower()))
    scored = [(sum(w in words if w.isascii() else w in query for w in each.words), each) for each in catalog.advice]
    best = max((score for score, _ in scored), default=0)
    return [each for score, each in scored if score == best and best]
