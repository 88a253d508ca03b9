"""A model that only the live list knows, as an entry of the catalog: what the list says, and nothing more."""

import re
from typing import Any

from .listing import LiveModel
from .reading import LiveReading

VENDORS_OF = {
    "qwen": "alibaba", "qwen-domain-model": "alibaba", "wan": "alibaba", "deepseek": "deepseek", "zhipu-ai": "zhipuai",
    "moonshot-ai": "moonshotai", "mini-max": "minimax",
}  # fmt: skip
# Of what the list says a model does, the first counts. What makes images, films or speech is not for this catalog.
TYPES = (
    ("Multimodal-Omni", "omni"), ("Realtime-Omni", "omni"), ("ASR", "asr"), ("Realtime-ASR", "asr"),
    ("ME", "embedding"), ("TR", "translation"), ("VU", "vision"), ("TG", "chat"), ("Reasoning", "chat"),
)  # fmt: skip
NAMED = (("rerank", "rerank"), ("ocr", "ocr"))
ABLE = {
    "function-calling": "tools", "structured-outputs": "structured_output", "web-search": "web_search",
    "prefix-completion": "partial_mode", "batch": "batch", "fine-tuning": "fine_tuning",
}  # fmt: skip
DATED = re.compile(r"-\d{4}-\d\d-\d\d$|-\d{4}$")


def type_of(live: LiveModel) -> str:
    """Empty: nothing that this catalog holds."""
    found = next((type_ for capability, type_ in TYPES if capability in live.capabilities), "")
    return next((type_ for word, type_ in NAMED if word in live.id), found)


def new_entry(live: LiveModel, reading: LiveReading) -> dict[str, Any]:
    """All but its prices. What it can do is said where the list says so; that it cannot, it does not say."""
    vendor = VENDORS_OF.get(live.provider, live.provider or "unknown")
    entry: dict[str, Any] = {
        "id": live.id,
        "vendor": vendor,
        "series": live.provider or "unknown",
        "kind": _kind(live, vendor),
        "type": type_of(live),
        "input": sorted(live.reads),
        "can": {**{name: True for word, name in ABLE.items() if word in live.features}, **_caches(live)},
        "regions": [reading.region],
        "lifecycle": {"status": "active", "source": reading.source},
        "doubts": [f"read from the live list of {reading.day} alone"],
    }
    if live.limits:
        entry["limits"] = {**live.limits, "source": reading.source}
    if live.released_on:
        entry["released_on"] = str(live.released_on)
    if live.only_thinks:
        entry["thinking"] = {"mode": "only"}
    return {name: value for name, value in entry.items() if value}


def _kind(live: LiveModel, vendor: str) -> str:
    if DATED.search(live.id):
        return "snapshot"
    if live.id.endswith("-latest"):
        return "latest"
    if "preview" in live.id:
        return "preview"
    return "mainline" if vendor == "alibaba" and "/" not in live.id else "third_party"


def _caches(live: LiveModel) -> dict[str, bool]:
    """A row for the hits of a cache is there where the cache works."""
    rows = {name for tier in live.tariff.tiers for name in tier.amounts}
    return {
        **({"cache_implicit": True} if "cached_input" in rows else {}),
        **({"cache_explicit": True} if rows & {"cached_input_explicit", "cache_write"} else {}),
    }
