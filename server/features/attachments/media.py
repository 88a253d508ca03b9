"""Sound and film beside a prompt: https://help.aliyun.com/zh/model-studio/qwen-omni and .../vision"""

import base64
from collections.abc import Mapping
from typing import Any

from anyio import to_thread

from ...calls.call import Call
from ...calls.result import money
from ...catalog import Catalog
from ...catalog.pricing import Workload, media_tokens
from ...files import MAX_INLINE_BYTES, Link, MediaFile, MediaKind

MEDIA_WORDS: dict[MediaKind, str] = {"audio": "sound", "video": "film"}
CONVERSATIONAL = ("chat", "vision", "omni", "audio")  # types of models


def able_models(catalog: Catalog, kind: str, region: str) -> list[str]:
    """Who takes it: the server's default first, then what is newest."""
    found = [
        model
        for model in catalog.models
        if kind in model.input
        and model.type in CONVERSATIONAL
        and model.lifecycle.status == "active"
        and model.kind == "mainline"
        and model.endpoint  # one that is asked by HTTP
        and (not model.regions or region in model.regions)
    ]
    newest = sorted(found, key=lambda model: model.id, reverse=True)
    return [model.id for model in sorted(newest, key=lambda model: model.id != catalog.defaults["chat"])]


async def media_part(address: str, kind: MediaKind, ending: str) -> dict[str, Any]:
    if kind == "video":
        return {"type": "video_url", "video_url": {"url": address}}
    return {"type": "input_audio", "input_audio": {"data": address, "format": ending}}


async def inline_address(found: MediaFile, prefix: str) -> str:
    """The file itself, in the request: for those of up to `MAX_INLINE_BYTES`."""
    assert found.size_bytes <= MAX_INLINE_BYTES
    content = await to_thread.run_sync(found.content, abandon_on_cancel=True)
    return f"data:{prefix};base64,{base64.b64encode(content).decode()}"


async def tokens_told(call: Call, model: str, found: Link | MediaFile, kind: MediaKind) -> Mapping[str, int] | None:
    """What it comes to in tokens, which is told first with its price; None: nobody knows."""
    known = call.known(model)
    seconds, size_px = (found.seconds, found.size_px) if isinstance(found, MediaFile) else (None, None)
    counts = media_tokens(known, kind, seconds, size_px)
    length = "of unknown length" if seconds is None else f"of {seconds:,.0f} s"
    said = f"{found.name}: {MEDIA_WORDS[kind]} {length}"
    if counts is None:
        await call.report_now(f"{said}; how many tokens {model} makes of it is not known before it answers")
    else:
        await call.report_now(f"{said}, {sum(counts.values()):,} input tokens or less{_price(call, model, counts)}")
    return counts


def _price(call: Call, model: str, counts: Mapping[str, int]) -> str:
    if call.context.host.kind != "dashscope" or not call.context.host.region:
        return ""
    cost = call.price(model, Workload(input_tokens=sum(counts.values()), input_by_modality=counts, measured=True))
    return f", {money(cost)}"
