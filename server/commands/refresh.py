"""`bailian-mcp catalog refresh`: what DashScope's own list says otherwise than the catalog; as an overlay too."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from ..calls.live_list import read_live_list
from ..catalog import Catalog, in_beijing, shipped
from ..catalog.file import BadCatalog, laid_over, read_json, write_overlay
from ..catalog.live import (
    DifferenceKind,
    LiveComparison,
    LiveDifference,
    LiveReading,
    compare_live,
    dollars_only,
    overlay_of,
)
from ..dashscope import DashScope, DashScopeError
from ..settings import BadSettings, Settings, read_settings

TITLES: dict[DifferenceKind, str] = {
    "new": "New models", "price": "Prices", "limit": "Limits", "rate": "Requests and tokens a minute",
    "retirement": "Retirements", "alias": "What a name stands for", "look": "Needs a look (not written)",
}  # fmt: skip


@dataclass(frozen=True)
class RefreshOptions:
    """`write`: the overlay; `force`: it may be there already."""

    write: Path | None = None
    force: bool = False


def main(options: RefreshOptions) -> int:
    """The command: 0 when the list could be read, and written where that was asked for."""
    try:
        settings = read_settings()
        refusal = _refusal(settings, options)
        if refusal:
            sys.stderr.write(f"{refusal}\n")
            return 2
        before = _before(settings, options)
        catalog = laid_over(before, "the overlay") if before else shipped()
        reading = anyio.run(_read, settings)
        return _told(catalog, reading, before, options)
    except (BadSettings, DashScopeError, BadCatalog) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{options.write} cannot be written ({error.strerror}).\n")
        return 1


def _refusal(settings: Settings, options: RefreshOptions) -> str:
    """Why nothing is asked, or an empty text."""
    host = settings.host
    if host.trouble:
        return host.trouble
    if host.kind != "dashscope":
        return "The list of models is DashScope's own: a plan or another server has none. Unset DASHSCOPE_BASE_URL."
    if options.write and options.write.exists() and not options.force:
        return f"{options.write} is there already: with --force it is replaced, and what you wrote in it stays."
    return ""


def _before(settings: Settings, options: RefreshOptions) -> dict[str, Any]:
    """The overlay as it is: the file to be replaced, else the one in use."""
    there = options.write if options.write and options.write.exists() else settings.catalog_file
    return dict(read_json(there)) if there else {}


async def _read(settings: Settings) -> LiveReading:
    day = in_beijing(datetime.now(UTC)).date()
    client = DashScope(settings.host, settings.api_key, redact=settings.redact, timeout_s=settings.timeout_s)
    async with client:
        return await read_live_list(client, settings.host, day)


def _told(catalog: Catalog, reading: LiveReading, before: dict[str, Any], options: RefreshOptions) -> int:
    compared = compare_live(catalog, reading)
    sys.stdout.write("".join(f"{line}\n" for line in _lines(catalog, reading, compared)))
    overlay, kept = overlay_of(catalog, reading, compared, before)
    if kept:
        sys.stdout.write(f"Yours stays: {', '.join(kept)}.\n")
    if not any(each.field or each.kind == "new" for each in compared.differences):
        sys.stdout.write("There is nothing to write.\n")
    elif options.write is None:
        sys.stdout.write("Nothing was written: --write FILE makes an overlay of it, for BAILIAN_CATALOG.\n")
    else:
        write_overlay(options.write, overlay)
        sys.stdout.write(f"Written: {options.write}. Set BAILIAN_CATALOG to it, and restart the server.\n")
    return 0


def _lines(catalog: Catalog, reading: LiveReading, compared: LiveComparison) -> Iterator[str]:
    yield (
        f"{len(reading.models)} models listed in {reading.region} on {reading.day}: {compared.same} as the catalog of "
        f"{catalog.as_of} has them, {compared.elsewhere} of kinds that it does not hold."
    )
    yield from reading.troubles
    yield from filter(None, [dollars_only(reading)])
    for kind, title in TITLES.items():
        found = [each for each in compared.differences if each.kind == kind]
        yield from _section(title, found)
    if absent := [each.model for each in compared.differences if each.kind == "absent"]:
        yield f"Not in the list of {reading.day}, or there again ({len(absent)}): {', '.join(absent)}."
    if reading.quotas is None:
        yield "How much the account may send a minute, this host does not tell."
    if refused := sorted(name for name, may in (reading.permissions or {}).items() if not may):
        yield f"This key may not call ({len(refused)}): {', '.join(refused)}."


def _section(title: str, found: Sequence[LiveDifference]) -> Iterator[str]:
    if found:
        yield f"{title} ({len(found)}):"
        yield from (f"  {each.model}: {each.said}" if each.model else f"  {each.said}" for each in found)
