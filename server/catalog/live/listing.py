"""The live list of one host: `GET /api/v1/models`, all its pages, as it is: half of every field may be missing.

Page: https://help.aliyun.com/zh/model-studio/list-models. To be listed does not mean that a key may call it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from ...json_text import dict_of
from ..models import in_beijing
from .amounts import Currency
from .tariff import LiveTariff, read_tariff

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
PLAIN_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,59}")
LIMIT_OF = {  # the catalog's field -> those of the list, the first that says something
    "context": ("context_window",), "max_input": ("max_input_tokens", "reasoning_max_input_tokens"),
    "max_output": ("max_output_tokens", "reasoning_max_output_tokens"), "max_reasoning": ("max_reasoning_tokens",),
    "max_input_thinking": ("reasoning_max_input_tokens",), "max_output_thinking": ("reasoning_max_output_tokens",),
}  # fmt: skip
OFFLINE = ("offline_time", "offlineTime")
OWN_SELLERS = ("aliyun-bailian", "alibaba-cloud-modelstudio")
MAX_TOKENS = 10**12
MAX_OFFLINE_DEPTH = 3


@dataclass(frozen=True)
class LiveModel:
    """One model of the list. `seller`: who serves it; `only_thinks`: it has no limit of an answer without."""

    id: str
    provider: str = ""
    seller: str = ""
    capabilities: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    released_on: date | None = None
    offline_on: date | None = None
    equals: str = ""
    limits: Mapping[str, int] = field(default_factory=dict)
    only_thinks: bool = False
    tariff: LiveTariff = field(default_factory=LiveTariff)


@dataclass(frozen=True)
class LiveList:
    """All of it. `unnamed`: entries whose id is none."""

    models: Mapping[str, LiveModel]
    currency: Currency
    unnamed: int = 0


def page_of(reply: Any, name: str) -> tuple[list[Any], int]:
    """The rows of a reply, and how many there are in all.

    Raises:
        TypeError, LookupError, ValueError, OverflowError: it has an unknown form.
    """
    output = reply["output"]
    rows, total = output[name], output.get("total")
    if not isinstance(rows, list):
        raise TypeError(name)
    return rows, int(total if total is not None else len(rows))


def read_list(rows: Iterable[Any], currency: Currency) -> LiveList:
    """The rows of all pages. An id that comes twice counts with its prices, and as Alibaba's own before a partner's."""
    found: dict[str, LiveModel] = {}
    unnamed = 0
    for row in rows:
        model = _model(row, currency) if isinstance(row, dict) else None
        if model is None:
            unnamed += 1
        elif model.id not in found or _worth(model) > _worth(found[model.id]):
            found[model.id] = model
    return LiveList(found, currency, unnamed)


def _worth(model: LiveModel) -> tuple[bool, bool]:
    return bool(model.tariff.rows), model.seller in OWN_SELLERS


def _model(row: dict[str, Any], currency: Currency) -> LiveModel | None:
    name = row.get("model")
    if not isinstance(name, str) or not ID.fullmatch(name):
        return None
    info, ways = dict_of(row.get("model_info")), dict_of(row.get("inference_metadata"))
    limits = {name: tokens for name, fields in LIMIT_OF.items() if (tokens := _first_count(info, fields))}
    if only_thinks := not _first_count(info, ("max_output_tokens",)) and "max_output" in limits:
        limits = {name: tokens for name, tokens in limits.items() if not name.endswith("_thinking")}
    equals = row.get("equivalent_snapshot")
    return LiveModel(
        id=name,
        provider=_word(row.get("provider")),
        seller=_word(row.get("inference_provider")),
        capabilities=_words(row.get("capabilities")),
        features=_words(row.get("features")),
        reads=tuple(word.lower() for word in _words(ways.get("request_modality"))),
        released_on=_day(row.get("published_time")),
        offline_on=_offline(row.get("inference_offline_info")),
        equals=equals if isinstance(equals, str) and ID.fullmatch(equals) else "",
        limits=limits,
        only_thinks=only_thinks,
        tariff=read_tariff(row.get("prices"), currency),
    )


def _word(value: Any) -> str:
    return value if isinstance(value, str) and PLAIN_WORD.fullmatch(value) else ""


def _words(value: Any) -> tuple[str, ...]:
    return tuple(filter(None, map(_word, value))) if isinstance(value, list) else ()


def _first_count(info: Mapping[str, Any], fields: Iterable[str]) -> int | None:
    counts = (info.get(name) for name in fields)
    known = (count for count in counts if isinstance(count, int) and not isinstance(count, bool))
    return next((count for count in known if 0 < count <= MAX_TOKENS), None)


def _offline(info: Any, depth: int = 0) -> date | None:
    """Seen are {offline_time}, {announceUrl, offlineTime} and one of these for each id."""
    if not isinstance(info, dict) or depth > MAX_OFFLINE_DEPTH:
        return None
    days = [_day(info.get(name)) for name in OFFLINE]
    days += [_offline(each, depth + 1) for each in info.values()]
    return next((day for day in days if day), None)


def _day(value: Any) -> date | None:
    """Beijing's day of a moment, as text or as milliseconds since 1970."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return in_beijing(datetime.fromtimestamp(value / 1000, UTC)).date()
        return in_beijing(datetime.fromisoformat(value)).date() if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
