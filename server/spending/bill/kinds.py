"""What a row of the bill is for, in the words of the catalog's cost lines.

That a bill says `input_token`, `output_token` and `context_0-128k_input_token` is known; the other kinds are those of
the price list of https://help.aliyun.com/zh/model-studio/ and may be called otherwise in a bill. What is not known
keeps its own name, and is an item of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

TIER_IN_KIND = re.compile(r"context_[^_]+_(?=.)")
BATCH_IN_KIND = re.compile(r"_batch(?:_chat)?$|^batch_(?:chat_)?")
KNOWN_KINDS = {
    "input_token": "input",
    "text_input_token": "input",
    "thinking_input_token": "input",
    "output_token": "output",
    "text_output_token": "output",
    "thinking_output_token": "output_thinking",
    "input_token_cache": "cached_input",
    "input_token_cache_read": "explicit_cached_input",
    "input_token_cache_creation_5m": "cache_write",
    "input_token_cache_creation_1h": "cache_write",
    "vision_input_token": "input_image",
    "image_input_token": "input_image",
    "audio_input_token": "input_audio",
    "video_input_token": "input_video",
}
ITEM_UNITS = {"web_search": ("time",), "pdf_page": ("page", "time")}
COARSER = {
    "output_thinking": "output",
    "output_audio": "output",
    "cached_input": "input",
    "explicit_cached_input": "input",
    "cache_write": "input",
    "input_image": "input",
    "input_audio": "input",
    "input_video": "input",
}
"""The item in which one is counted by whoever does not tell it apart."""


@dataclass(frozen=True)
class BilledKind:
    item: str
    batch: bool


def billed_kind(kind: str, named: Mapping[str, str]) -> BilledKind:
    """What a kind is an item of; `named`: what the user says of kinds, which goes first."""
    if kind in named:
        return BilledKind(named[kind], "batch" in kind)
    plain_kind, batches = BATCH_IN_KIND.subn("", TIER_IN_KIND.sub("", kind.lower(), count=1))
    return BilledKind(_item(plain_kind) or kind, bool(batches))


def counts_in(item: str, unit: str) -> bool:
    """Whether an item can be counted in a unit; an item that only the bill knows, in any."""
    if item in ITEM_UNITS:
        return unit in ITEM_UNITS[item]
    return unit == "token" or item not in KNOWN_KINDS.values()


def _item(kind: str) -> str:
    """Of thinking, what has no price of its own is what it is without; searches and PDF pages by their word."""
    known = KNOWN_KINDS.get(kind) or KNOWN_KINDS.get(kind.removeprefix("thinking_"))
    if known or "image" in kind:
        return known or ""
    return next((item for word, item in (("search", "web_search"), ("pdf", "pdf_page")) if word in kind), "")
