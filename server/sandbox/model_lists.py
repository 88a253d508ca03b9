"""The lists of `/api/v1`: models with their prices, limits a minute, permissions; as untidy as the real ones are.

Pages: https://help.aliyun.com/zh/model-studio/list-models, .../list-quotas, .../list-model-permissions.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from starlette.requests import Request

from ..catalog import BEIJING_REGION, Model, Price, Tier, plain, shipped

PROVIDERS = {"alibaba": "qwen", "zhipuai": "zhipu-ai", "moonshotai": "moonshot-ai", "minimax": "mini-max"}
LISTED_CAPABILITIES = {
    "chat": ["TG"], "vision": ["TG", "VU"], "ocr": ["VU"], "omni": ["Multimodal-Omni"], "audio": ["ASR"],
    "asr": ["ASR"], "embedding": ["ME"], "rerank": ["ME"], "translation": ["TR"],
}  # fmt: skip
FEATURES = {"tools": "function-calling", "structured_output": "structured-outputs", "web_search": "web-search",
            "batch": "batch", "cache_implicit": "cache", "fine_tuning": "fine-tuning"}  # fmt: skip
ROW_NAMES = {  # the catalog's amount -> how the list calls it, in Chinese
    "input": ("input_token", "输入"), "output": ("output_token", "输出"),
    "output_thinking": ("thinking_output_token", "输出（思考）"),
    "cached_input": ("input_token_cache", "输入（命中缓存）"),
    "cache_write": ("input_token_cache_creation_5m", "显式缓存创建"),
    "cached_input_explicit": ("input_token_cache_read", "显式缓存命中"),
    "output_text_when_input_text_only": ("purein_text_output_token", "输出（纯文本输入）"),
    "audio_second": ("content_duration", "音频时长"),
}  # fmt: skip
MODALITIES = {"input": {"text": "text_input_token", "image": "vision_input_token", "audio": "audio_input_token"},
              "output": {"text": "multiin_text_output_token", "audio": "omni_audio_output_token"}}  # fmt: skip
NEW_MODEL = "sandbox-model-2026-11-01"
IMAGE_MODEL = "sandbox-image"
STRANGE: tuple[dict[str, Any], ...] = (  # what real lists hold, too
    {
        "model": NEW_MODEL, "name": "沙箱模型", "provider": "qwen", "inference_provider": "aliyun-bailian",
        "capabilities": ["TG", "Reasoning"], "features": ["function-calling", "batch"],
        "published_time": "2026-11-01 10:00:00",
        "inference_metadata": {"request_modality": ["Text"], "response_modality": ["Text"]},
        "model_info": {"context_window": 131072, "max_input_tokens": 129024, "max_output_tokens": None,
                       "max_reasoning_tokens": 32768, "reasoning_max_output_tokens": 16384},
        "prices": [{"range_name": "Default", "prices": [
            {"type": "input_token", "price": "0.001", "price_unit": "每千tokens", "time_band": None},
            {"type": "output_token", "price": "4", "price_unit": "每百万Token", "time_band": "standard"},
            {"type": "input_token_batch", "price": "0.5", "price_unit": "每百万tokens"},
            {"type": "output_token_batch", "price": "2", "price_unit": "每百万tokens"},
            {"type": "input_token_batch_chat", "price": "0.5", "price_unit": "每百万tokens"},
        ]}],
    },
    {
        "model": IMAGE_MODEL, "provider": "wan", "inference_provider": "aliyun-bailian", "capabilities": ["IG"],
        "features": [], "inference_offline_info": {"announceUrl": "https://help.aliyun.com/", "offlineTime": None},
        "prices": [{"range_name": "Default", "prices": [
            {"type": "image_number", "price": "0.2", "price_unit": "每张"}
        ]}],
    },
    {"model": NEW_MODEL, "provider": "qwen", "inference_provider": "siliconflow", "prices": [{"prices": [{}]}]},
)  # fmt: skip


def model_list(request: Request) -> dict[str, Any]:
    """`GET /api/v1/models`: in the language asked for, duplicates and placeholders at its end."""
    chinese = request.query_params.get("language", "zh-CN") != "en-US"
    known = [model for model in shipped().models if not model.retired]
    rows = [*(_listed(model, chinese) for model in known), *STRANGE]
    wanted, exact = request.query_params.get("name", ""), request.query_params.get("model")
    fitting = [row for row in rows if wanted in row["model"] and exact in (None, row["model"])]
    return _page(request, "models", fitting)


def quota_list(request: Request) -> dict[str, Any]:
    """`GET /api/v1/models/limits`: periods of a second and of ten, as the page shows them."""
    limited = ((model.id, model.rate_limit(BEIJING_REGION)) for model in shipped().models if not model.retired)
    quotas = [_quota(name, limit.rpm, limit.tpm) for name, limit in limited if limit]
    return _page(request, "quotas", quotas)


def permission_list(request: Request) -> dict[str, Any]:
    """`GET /api/v1/models/permissions`: the key may call all there is."""
    may = {"inference": True, "fine_tune": False, "deploy": False}
    rows = [
        {"model": model.id, "name": model.id, "permissions": may} for model in shipped().models if not model.retired
    ]
    return _page(request, "permissions", rows)


def _page(request: Request, name: str, rows: Sequence[Any]) -> dict[str, Any]:
    asked = (request.query_params.get(field, default) for field, default in (("page_no", "1"), ("page_size", "20")))
    page, size = (max(1, int(number)) if number.isdecimal() else 1 for number in asked)
    shown = rows[(page - 1) * size : page * size]
    output = {"total": len(rows), "page_no": page, "page_size": size, name: shown}
    return {"code": None, "message": None, "success": True, "request_id": "sandbox", "output": output}


def _quota(name: str, rpm: int | None, tpm: int | None) -> dict[str, Any]:
    by_second = rpm is not None and rpm % 60 == 0
    limit = {
        "request_limit": rpm // 60 if rpm and by_second else rpm,
        "request_limit_period": 1 if by_second else 60,
        "usage_limit": tpm,
        "usage_limit_field": "total_tokens",
        "usage_limit_period": 60,
        "async_user_queue_limit": None,
        "async_user_concurrency_limit": None,
    }
    return {"model": name, "workspace_id": "llm-sandbox", "model_limit": limit, "workspace_limit": None}


def _listed(model: Model, chinese: bool) -> dict[str, Any]:
    limits, thinks = model.limits, bool(model.thinking and model.thinking.mode == "only")
    info = {
        "context_window": limits.context,
        "max_input_tokens": limits.max_input,
        "max_output_tokens": None if thinks else limits.max_output,
        "max_reasoning_tokens": limits.max_reasoning,
        "reasoning_max_input_tokens": limits.max_input_thinking,
        "reasoning_max_output_tokens": limits.max_output_thinking or (limits.max_output if thinks else None),
    }
    prices = model.prices_in(BEIJING_REGION)[:1]
    ranges = [each for price in prices for each in _ranges(price, chinese)]
    life = model.lifecycle
    offline = {"offline_time": f"{life.retired_on} 00:00:00"} if life.retired_on else None
    equals = next((each.target for each in model.points_to if each.relation == "equals"), None)
    return {
        "model": model.id,
        "name": model.id,
        "description": "",
        "provider": PROVIDERS.get(model.vendor, model.vendor),
        "inference_provider": "aliyun-bailian",
        "capabilities": LISTED_CAPABILITIES.get(model.type, []),
        "features": [FEATURES[name] for name, able in model.can.items() if able and name in FEATURES],
        "published_time": f"{model.released_on} 10:00:00" if model.released_on else None,
        "inference_metadata": {"request_modality": [kind.capitalize() for kind in model.input]},
        "model_info": info,
        "prices": ranges or [{"prices": [{}]}],
        "equivalent_snapshot": equals,
        "inference_offline_info": offline,
    }


def _ranges(price: Price, chinese: bool) -> Iterator[dict[str, Any]]:
    multiplier = price.batch.multiplier if price.batch and price.batch.printed else None
    for tiers, band in ((price.tiers, "peak" if price.off_peak else "standard"), _off_peak(price)):
        over = 0
        for tier in tiers:
            rows = [*_rows(tier), *(_batch_rows(tier, multiplier) if multiplier and band != "offpeak" else ())]
            name = _range_name(over, tier.up_to, chinese) if len(tiers) > 1 else "Default"
            priced = [_priced(type_, said, amount, band, chinese) for type_, said, amount in rows]
            yield {"range_name": name, "prices": priced}
            over = tier.up_to or over


def _off_peak(price: Price) -> tuple[tuple[Tier, ...], str]:
    return price.off_peak.tiers if price.off_peak else (), "offpeak"


def _rows(tier: Tier) -> Iterator[tuple[str, str, Decimal]]:
    for name, (type_, said) in ROW_NAMES.items():
        amount = getattr(tier, name)
        if amount is not None:
            yield type_, said, amount
    for kind, types in MODALITIES.items():
        amounts = getattr(tier, f"{kind}_by_modality")
        yield from ((type_, type_, amounts[modality]) for modality, type_ in types.items() if modality in amounts)


def _batch_rows(tier: Tier, multiplier: Decimal) -> Iterator[tuple[str, str, Decimal]]:
    for name, amount in (("input", tier.input), ("output", tier.output)):
        if amount is not None:
            yield f"{name}_token_batch", "Batch", amount * multiplier


def _priced(type_: str, said: str, amount: Decimal, band: str, chinese: bool) -> dict[str, Any]:
    units = ("每秒", "Per second") if type_ == "content_duration" else ("每百万tokens", "Per 1M tokens")
    unit = units[not chinese]
    return {"type": type_, "price": plain(amount), "price_unit": unit, "price_name": said, "time_band": band}


def _range_name(over: int, up_to: int | None, chinese: bool) -> str:
    what = "输入" if chinese else "Input"
    return (f"{_short(over)}<" if over else "") + what + (f"<={_short(up_to)}" if up_to else "")


def _short(tokens: int) -> str:
    return f"{tokens // 1_000_000}m" if tokens % 1_000_000 == 0 else f"{tokens // 1_000}k"
