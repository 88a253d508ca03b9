"""The list of models as DashScope gives it now, all its pages; and what account and key may do, where that is told.

Pages: https://help.aliyun.com/zh/model-studio/list-models, .../list-quotas, .../list-model-permissions.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from ..catalog import Catalog
from ..catalog.live import (
    LANGUAGE_OF,
    LiveList,
    LiveReading,
    compare_live,
    dollars_only,
    list_currency,
    page_of,
    read_list,
    read_permissions,
    read_quotas,
    sites_of,
    told_apart,
)
from ..dashscope import DashScope, DashScopeError, unknown_list
from ..endpoints import Host

PAGE_SIZE = 100  # what every client found asks for; a page says at most 200
MAX_PAGES = 50
LISTS_OF_QUOTAS = ("/models/limits", "/quotas")  # the page of 2026-09 has another path than that of 2026-05
PERMISSIONS = "/models/permissions"
ON_LOOPBACK = "The host is on this machine: if it is a SANDBOX, nothing of its list is real."


async def read_live_list(dashscope: DashScope, host: Host, day: date) -> LiveReading:
    """Six requests or so, none of which is billed.

    Raises:
        DashScopeError: there is no list. What else the host does not tell is said, and no reason to fail.
    """
    currency, troubles = list_currency(host.region), []
    lists = {}
    for scope, site in sites_of(host.region).items():
        query = {"language": LANGUAGE_OF[currency], **({"service_site": site} if site else {})}
        lists[scope] = read_list(await _rows(dashscope, host, "/models", "models", query), currency)
    apart = told_apart(lists)
    if host.on_loopback:
        troubles.append(ON_LOOPBACK)
    troubles += (
        [f"The list does not tell its price scopes apart: {', '.join(lists)}."] if len(apart) < len(lists) else []
    )
    troubles += list(_of_the_rows(apart))
    quotas = await _where_there(dashscope, host, LISTS_OF_QUOTAS, "quotas")
    allowed = await _where_there(dashscope, host, (PERMISSIONS,), "permissions")
    return LiveReading(
        host.region,
        day,
        apart,
        None if quotas is None else read_quotas(quotas, host.region),
        None if allowed is None else read_permissions(allowed),
        tuple(troubles),
    )


def _of_the_rows(lists: dict[Any, LiveList]) -> Iterator[str]:
    if unnamed := sum(each.unnamed for each in lists.values()):
        yield f"{unnamed} entries of the list have no name that a model could have."


async def _where_there(dashscope: DashScope, host: Host, paths: tuple[str, ...], name: str) -> list[Any] | None:
    """The rows at the first of these paths that the host has, and gives to this key."""
    for path in paths:
        try:
            return await _rows(dashscope, host, path, name, {})
        except DashScopeError as error:
            if not 400 <= error.status < 500:
                raise
    return None


async def _rows(dashscope: DashScope, host: Host, path: str, name: str, query: dict[str, str]) -> list[Any]:
    """Of all pages, until all that it tells of have come, or none comes any more."""
    rows: list[Any] = []
    for page in range(1, MAX_PAGES + 1):
        asked = {"page_no": str(page), "page_size": str(PAGE_SIZE), **query}
        reply = await dashscope.get(path, asked)
        try:
            found, total = page_of(reply, name)
        except (TypeError, LookupError, ValueError, OverflowError, AttributeError):
            raise unknown_list(host.service) from None
        rows += found
        if not found or len(rows) >= total:
            return rows
    return rows


def live_notes(catalog: Catalog, reading: LiveReading, shown: Sequence[str], asked: Sequence[str]) -> Iterator[str]:
    """What the live list says otherwise of the models shown, and of those asked for that no catalog holds."""
    compared = compare_live(catalog, reading)
    found = [each for name in shown for each in compared.of(name)]
    verdict = "it differs" if found else "nothing differs of what is shown"
    yield f"Live list of {reading.region}, read on {reading.day}, {len(reading.models)} models: {verdict}."
    yield from reading.troubles
    yield from filter(None, [dollars_only(reading) if shown else ""])
    for each in found:
        yield f"{'Needs a look: ' if each.kind == 'look' else ''}{each.model}: {each.said}."
    for name in shown:
        if (reading.permissions or {}).get(name) is False:
            yield f"This key may not call {name}."
    for name in asked:
        if name in reading.models and catalog.find(name) is None:
            said = "; ".join(each.said for each in compared.of(name)) or "of a kind that no tool here uses"
            yield f"{name} is in the live list and not in the catalog: {said}."
