"""What was read at one host on one day: the list of each price scope, and what the key and its account may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from ..models import BEIJING_REGION, INTERNATIONAL_REGION, RateLimit, Reference, Scope
from .amounts import Currency
from .listing import LiveList, LiveModel

# The list has no field for the scope of a price; `service_site` chooses among those of a host that has several
SITES: dict[str, dict[Scope, str]] = {
    BEIJING_REGION: {"cn": ""}, INTERNATIONAL_REGION: {"intl": ""}, "cn-hongkong": {"hk": ""},
    "us-east-1": {"gl": "global", "us": "united-states"}, "eu-central-1": {"gl": "global", "eu": "european-union"},
    "ap-northeast-1": {"gl": "global", "jp": "japan"},
}  # fmt: skip
LANGUAGE_OF: dict[Currency, str] = {"CNY": "zh-CN", "USD": "en-US"}
LIST_PAGE = "https://help.aliyun.com/zh/model-studio/list-models"
LIVE_SOURCE = "live_list_"  # how the keys of our own sources begin


def sites_of(region: str) -> dict[Scope, str]:
    """The price scopes of a region, each with what asks for it; empty: nothing needs to."""
    return SITES.get(region, {"cn": ""})


def list_currency(region: str) -> Currency:
    """The list does not say it: the host does."""
    return "CNY" if region.startswith("cn-") and region != "cn-hongkong" else "USD"


@dataclass(frozen=True)
class LiveReading:
    """`quotas`, `permissions`: None where the host has no such list."""

    region: str
    day: date
    lists: Mapping[Scope, LiveList]
    quotas: Mapping[str, RateLimit] | None = None
    permissions: Mapping[str, bool] | None = None
    troubles: tuple[str, ...] = field(default=())

    @property
    def currency(self) -> Currency:
        return list_currency(self.region)

    @cached_property
    def models(self) -> dict[str, LiveModel]:
        """All of them, as the likeliest scope has them."""
        found: dict[str, LiveModel] = {}
        for each in self.lists.values():
            found = {**each.models, **found}
        return found

    @property
    def source(self) -> str:
        """The key under which an overlay names it."""
        return f"{LIVE_SOURCE}{self.region}_{self.day}"

    @property
    def reference(self) -> Reference:
        return Reference(
            title=f"GET /api/v1/models in {self.region}", kind="official", date=str(self.day), url=LIST_PAGE
        )


def told_apart(lists: Mapping[Scope, LiveList]) -> dict[Scope, LiveList]:
    """Only the first where the others say the same: then the host does not choose by the scope."""
    first, *others = lists.items()
    return {first[0]: first[1], **{scope: each for scope, each in others if each.models != first[1].models}}
