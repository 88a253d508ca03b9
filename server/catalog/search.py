"""Find models by what one would say of them, in Chinese or English; and what is advised for a kind of work."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, get_args

from .models import Advice, Catalog, Model, Tier, in_force

Capability = Literal[
    "vision", "video", "audio", "asr", "ocr", "translation", "embedding", "rerank", "thinking", "web_search", "tools",
    "json_object", "json_schema", "batch", "cache", "code", "long_context", "fine_tuning", "open_weights",
]  # fmt: skip
LONG_CONTEXT_TOKENS = 500_000
# What a capability is called. The longest word counts first, so that 图像 is not also 图.
WORDS: dict[Capability, tuple[str, ...]] = {
    "video": ("video", "视频"),
    "vision": ("vision", "image", "images", "picture", "视觉", "图像", "图片", "看图", "识图", "附图"),
    "audio": ("audio", "speech", "voice", "语音", "音频", "全模态"),
    "asr": (
        "stt",
        "transcribe",
        "transcription",
        "转写",
        "听写",
        "语音识别",
        "语音转文字",
        "字幕",
        "转文字",
        "录音",
        "说话人",
        "speaker",
        "speakers",
        "diarization",
        "subtitles",
    ),
    "ocr": ("ocr", "文字识别", "文字提取", "识别文字", "扫描件", "发票识别", "识别发票"),
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
    "fine_tuning": ("fine-tuning", "finetuning", "微调"),
    "open_weights": ("open", "开源"),
}
CONTEXT = re.compile(r"(\d+)\s*(k|m|万|百万)(?![a-z0-9])")
UNITS = {"k": 1_000, "m": 1_000_000, "万": 10_000, "百万": 1_000_000}
CHEAP = ("cheap", "cheapest", "inexpensive", "便宜", "低价", "省钱", "性价比")
RETIRED = ("retired", "deprecated", "下线", "退役", "停用")
BEST = ("best", "flagship", "strongest", "旗舰", "最强", "最好")
VENDORS = {
    "千问": "alibaba", "通义": "alibaba", "阿里": "alibaba", "qwen": "alibaba", "深度求索": "deepseek",
    "月之暗面": "moonshotai", "智谱": "zhipuai", "稀宇": "minimax", "百川": "baichuan", "零一万物": "01-ai",
}  # fmt: skip
SPECIALISTS = ("ocr", "translation", "embedding", "rerank", "asr", "audio", "omni", "deployment")
HEARERS = ("asr", "audio", "omni")  # no specialists where it is audio that is asked for
BIG = re.compile("max|-pro|kimi-k|glm-5")
SPECIAL_NAMES = re.compile("character|realtime|doc-turbo|intent|research|xiaomi|gui-|-mt-uni|omni")
MIN_BEGINNING_CHARS = 4
STATES = ("active", "deprecated", "unverified", "retired")
MADE = "images?|pictures?|photos?|videos?|speech|voices?|audio|music|songs?"
MAKING = re.compile(  # images, speech, video or music asked for as what comes out, not as what is read
    rf"""\b(?:tts|t2[iv]|(?:text|image)[ _-]?(?:to|2)[ _-]?(?:{MADE}))\b
    | \b(?:{MADE}) [ _-] (?:generat(?:ion|or|ing)|synthesis|creation)\b
    | \b(?:generat|creat|draw|paint|mak|synthesi[sz]|compos)(?:e|es|ing)? [ ] (?:(?:an?|some|the|new)[ ])?
      (?:{MADE})\b (?![ ](?:cap|desc|tag|alt))
    | [文图](?:片)?生(?:图|成?视频) | (?:图像|图片|视频|语音|音频|音乐)(?:生成|合成|创作)
    | 绘画 | 画图(?!表) | 作画 | 配音 | 文[本字]转(?:语音|音频)
    | (?:生成|合成|绘制|创作|制作|画)一?[张段幅个些]?(?:图(?![表纸])|视频|语音|音频|音乐)""",
    re.IGNORECASE | re.VERBOSE,
)
FILLERS = (
    "model", "models", "模型", "the", "a", "an", "for", "with", "and", "of", "to", "that", "can", "which", "context",
    "window", "tokens", "chat", "text", "large",
)  # fmt: skip

KNOWN_WORDS = {word for words in (WORDS, *WORDS.values(), CHEAP, BEST, RETIRED, VENDORS, FILLERS) for word in words}


READS: dict[Capability, str] = {"vision": "image", "video": "video", "audio": "audio"}
IS: dict[Capability, Callable[[Model], bool]] = {
    "asr": lambda model: model.type == "asr",
    "ocr": lambda model: model.type == "ocr",
    "translation": lambda model: model.type == "translation",
    "embedding": lambda model: model.type == "embedding",
    "rerank": lambda model: model.type == "rerank",
    "thinking": lambda model: model.thinking is not None and model.thinking.mode != "none",
    "cache": lambda model: bool(model.can.get("cache_implicit") or model.can.get("cache_explicit")),
    "code": lambda model: "code" in model.id,
    "long_context": lambda model: (model.limits.context or 0) >= LONG_CONTEXT_TOKENS,
    "open_weights": lambda model: model.kind == "open_weights",
}


def can(model: Model, capability: Capability) -> bool:
    if capability in READS:
        return READS[capability] in model.input
    return IS[capability](model) if capability in IS else bool(model.can.get(capability))


def is_special(model: Model) -> bool:
    """Made for one kind of work, such as playing a character: not what one compares for general work."""
    return bool(SPECIAL_NAMES.search(model.id))


def capabilities_of(model: Model) -> list[Capability]:
    return [capability for capability in get_args(Capability) if can(model, capability)]


@dataclass(frozen=True)
class ModelQuery:
    """A query, understood. `pieces`: parts of names; `ignored`: words that nothing here is called."""

    capabilities: tuple[Capability, ...] = ()
    vendor: str | None = None
    pieces: tuple[str, ...] = ()
    min_context: int = 0
    order: Literal["", "cheap", "best"] = ""
    retired: bool = False  # asks for what went out of service
    ignored: tuple[str, ...] = ()
    any_will_do: bool = False  # `a chat model`

    @property
    def empty(self) -> bool:
        asked = (self.capabilities, self.vendor, self.pieces, self.min_context, self.order, self.retired)
        return not any(asked) and not self.any_will_do


def parse_query(catalog: Catalog, query: str) -> ModelQuery:
    """The words of a query that mean something here; the rest of a Chinese sentence is left aside."""
    words = _latin(query)
    chinese = re.sub(r"[a-z0-9._/-]+", " ", query.lower())

    def said(names: Iterable[str]) -> bool:
        return any(name in words if name.isascii() else name in chinese for name in names)

    wanted = tuple(capability for capability, names in WORDS.items() if said([capability, *names]))
    sizes = [int(number) * UNITS[unit] for number, unit in CONTEXT.findall(query.lower())]
    sizes += [1_000_000] if "百万" in chinese else []
    rest = [word for word in words if word not in KNOWN_WORDS and not CONTEXT.fullmatch(word)]
    rest += ["omni"] if "全模态" in chinese else []
    long = [word for word in rest if any(letter.isalpha() for letter in word) and (len(word) > 2 or not word.isalpha())]
    pieces = tuple(word for word in long if any(_is_called(model, word) for model in catalog.models))
    return ModelQuery(
        wanted,
        next((vendor for name, vendor in VENDORS.items() if said([name])), None),
        pieces,
        max(sizes, default=0),
        "cheap" if said(CHEAP) else "best" if said(BEST) else "",
        said(RETIRED),
        tuple(word for word in rest if word not in pieces),
        bool(words) and set(words) <= set(FILLERS) and not chinese.strip(),
    )


def asks_to_make(words: str) -> bool:
    """Whether images, speech, video or music are wanted: no tool here makes any, and no model listed is for it."""
    return bool(MAKING.search(words))


def names_in(catalog: Catalog, query: str) -> dict[str, Model]:
    """The models whose whole names stand in a query, by those names."""
    names = map(catalog.canonical_name, [query.strip(), *_latin(query)])
    return {name: model for name in names if (model := catalog.find(name))}


def _latin(query: str) -> list[str]:
    return re.findall(r"[a-z0-9][a-z0-9._/-]*", query.lower())


def find_models(
    catalog: Catalog,
    wish: ModelQuery,
    *,
    region: str,
    on: date,
    max_input_price: Decimal | None = None,
    include_retired: bool = False,
) -> list[Model]:
    """Models that fit, the best fitting first."""

    def fits(model: Model) -> bool:
        price = input_price(model, region, on)
        return (
            (model.retired if wish.retired else include_retired or model.in_service)
            and all(can(model, need) for need in wish.capabilities)
            and ("web_search" not in wish.capabilities or bool(model.search and region in model.search.regions))
            and wish.vendor in (None, model.vendor)
            and all(_is_called(model, piece) for piece in wish.pieces)
            and (model.limits.context or 0) >= wish.min_context
            and (max_input_price is None or (price is not None and price <= max_input_price))
        )

    return sorted(filter(fits, catalog.models), key=_rank(catalog, wish, region, on))


def _is_called(model: Model, piece: str) -> bool:
    """By a whole word of its names, or by how one begins; what is as short as `any` begins too many."""
    end = r"(?![a-z])" if piece.isalpha() and len(piece) < MIN_BEGINNING_CHARS else ""
    word = re.compile(rf"(?<![a-z0-9]){re.escape(piece)}{end}")
    return any(word.search(name.lower()) for name in (*model.names, model.series, model.vendor))


def _rank(catalog: Catalog, wish: ModelQuery, region: str, on: date) -> Callable[[Model], tuple[object, ...]]:
    """In service first, then what the query wants, then our defaults, then the newest main lines."""
    wanted = (*wish.capabilities, *(HEARERS if "audio" in wish.capabilities else ()))

    def key(model: Model) -> tuple[object, ...]:
        price = input_price(model, region, on)
        return (
            STATES.index(model.lifecycle.status),
            -(model.lifecycle.retired_on or date.min).toordinal() if wish.retired else 0,
            "/" in model.id,  # sold by its maker, after a step in the console
            not first_price(model, region, on),  # none known, or free for a time
            model.type in SPECIALISTS and model.type not in wanted,
            model.kind not in ("mainline", "third_party"),
            (price or 0) if wish.order == "cheap" else not BIG.search(model.id) if wish.order == "best" else 0,
            model.id not in catalog.defaults.values(),
            is_special(model),
            -_version(model),
            # Models newer than the page of release dates have none.
            -(model.released_on or date.max).toordinal(),
            price or 0,
            model.id,
        )

    return key


def _version(model: Model) -> float:
    """The number in a Qwen name; other families count by their release."""
    match = re.match(r"qwen(\d+(?:\.\d+)?)", model.id)
    return float(match[1]) if match else 0.0


def input_price(model: Model, region: str, on: date) -> Decimal | None:
    """Per million tokens, of the first tier."""
    tier = _first_tier(model, region, on)
    return tier.text_input if tier else None


def first_price(model: Model, region: str, on: date) -> Decimal | None:
    """Of the first tier, in the unit that is billed."""
    tier = _first_tier(model, region, on)
    return tier.first_price if tier else None


def _first_tier(model: Model, region: str, on: date) -> Tier | None:
    return next((price.tiers[0] for price in in_force(model, region, None, on) if price.tiers), None)


def recommendations(catalog: Catalog, query: str) -> list[Advice]:
    """What the founding documents recommend for the kind of work a query names, the best fitting first."""
    words = set(re.findall(r"[a-z]+", query.lower()))
    scored = [(sum(w in words if w.isascii() else w in query for w in each.words), each) for each in catalog.advice]
    best = max((score for score, _ in scored), default=0)
    return [each for score, each in scored if score == best and best]
