"""Where in the sources a value stands: found by us, never believed of the model, and never guessed.

Offsets count code points of the original text, so that `quote == source[start:end]`.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from anyio import to_thread
from pydantic import Field

from ...catalog import Frozen
from ...files.read_here import Unit
from ...json_text import pointer
from .on_pages import OnPage, ValuePages
from .searchable import SearchableText
from .second_look import SeenPage

MAX_EVIDENCE = 500


class Evidence(Frozen):
    """`found`: null where there is nothing to look for (null, true, false), or no page was surely read to look at.

    Of a value in a text: `quote`, `start`, `end`; of one on a page that was read on this machine: `box`, `read_here`.
    """

    pointer: str
    found: bool | None
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    source: str | None = None
    page: int | None = Field(None, description="Of a PDF: where the quote begins", exclude_if=lambda page: page is None)
    box: tuple[float, ...] | None = Field(
        None,
        description="On the image as people see it: [left, top, right, bottom]",
        exclude_if=lambda box: box is None,
    )
    unit: Unit | None = Field(
        None, description="Of box; permille of its sides for a page of a PDF", exclude_if=lambda unit: unit is None
    )
    read_here: str | None = Field(
        None, description="What this machine read there", exclude_if=lambda read: read is None
    )
    places: int | None = Field(
        None, description="In how many places it stands", exclude_if=lambda places: places is None
    )
    alike: bool = Field(False, description="It is written otherwise there", exclude_if=lambda alike: not alike)
    why: str = Field("", description="Why it is not found though something like it is", exclude_if=lambda why: not why)


async def find_evidence(
    data: Any, texts: Mapping[str, str], page_starts: Mapping[str, Sequence[int]], seen: Sequence[SeenPage] = ()
) -> tuple[tuple[Evidence, ...], int]:
    """Evidence for each value of `data` in the texts, else on the pages that were seen here, and how many values were
    left out; in a thread of its own.

    `page_starts`: of texts that have pages, where each begins.
    """
    sources = {name: SearchableText(text) for name, text in texts.items()}
    listed, left_out = await to_thread.run_sync(partial(evidence_of, data, sources, seen))
    return tuple(_on_its_page(each, page_starts.get(each.source or "", ())) for each in listed), left_out


def _on_its_page(evidence: Evidence, starts: Sequence[int]) -> Evidence:
    if not starts or evidence.start is None:
        return evidence
    return evidence.model_copy(update={"page": bisect_right(starts, evidence.start)})


def evidence_of(
    data: Any, sources: Mapping[str, SearchableText], seen: Sequence[SeenPage] = ()
) -> tuple[list[Evidence], int]:
    """Evidence for each leaf of `data`, and how many leaves were left out beyond the first ones."""
    leaves = list(_leaves(data, []))
    listed = [_found(where, value, sources) for where, value in leaves[:MAX_EVIDENCE]]
    return _with_pages(listed, leaves, seen) if seen else listed, max(0, len(leaves) - MAX_EVIDENCE)


def _with_pages(
    listed: Sequence[Evidence], leaves: Sequence[tuple[str, Any]], seen: Sequence[SeenPage]
) -> list[Evidence]:
    """What no text says is looked for on the pages."""
    wanted = [leaf for leaf, evidence in zip(leaves, listed, strict=False) if evidence.found is False]
    found = iter(ValuePages(seen).look_up(wanted))
    return [_of_page(evidence, next(found)) if evidence.found is False else evidence for evidence in listed]


def _of_page(evidence: Evidence, found: OnPage) -> Evidence:
    """Why a text does not say it counts more."""
    told = asdict(found)
    return evidence.model_copy(
        update={**told, "why": evidence.why if found.found is False and evidence.why else found.why}
    )


def _leaves(value: Any, path: list[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, [*path, name])
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, [*path, number])
    else:
        yield pointer(path), value


def _found(where: str, value: Any, sources: Mapping[str, SearchableText]) -> Evidence:
    if value is None or isinstance(value, bool) or value == "":
        return Evidence(pointer=where, found=None)
    found = [(each.is_alike, name, each) for name, source in sources.items() if (each := source.find(value))]
    if not found:
        why = next(filter(None, (source.why_not(value) for source in sources.values())), "")
        return Evidence(pointer=where, found=False, why=why)
    alike, name, first = min(
        found, key=lambda each: each[0]
    )  # as it is written before otherwise, else the first source
    return Evidence(
        pointer=where,
        found=True,
        quote=sources[name].text[first.start : first.end],
        start=first.start,
        end=first.end,
        source=name,
        places=sum(each.places for _, _, each in found),
        alike=alike,
    )
