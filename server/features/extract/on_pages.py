"""Values that no text says, looked for on the pages that were read here: told with their boxes, and both readings."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...files.read_here import Unit
from .page_text import PageText, Sighting
from .second_look import SeenPage

ONLY_THE_MODEL = "only the model read it: look at the page"
NOT_SURELY_READ = "it was not read here surely"
NOT_ALL_READ = "not all pages were read here"


@dataclass(frozen=True)
class OnPage:
    """What is told of a value: whether it was read here (None: that is not known), where, and what stands there."""

    found: bool | None
    why: str = ""
    source: str | None = None
    page: int | None = None
    box: tuple[float, ...] | None = None
    unit: Unit | None = None
    read_here: str | None = None
    places: int | None = None


@dataclass(frozen=True)
class _Place:
    """`page`: its number among those that were read."""

    page: int
    sighting: Sighting


class ValuePages:
    def __init__(self, pages: Sequence[SeenPage]) -> None:
        self._seen = [page for page in pages if not page.here.why]
        self._all_read = len(self._seen) == len(pages)
        self._texts = [PageText(page.here) for page in self._seen]

    def look_up(self, values: Sequence[tuple[str, Any]]) -> list[OnPage]:
        """Of each pointer and its value, in their order."""
        found = [list(self._places(value)) for _, value in values]
        chosen = _chosen([pointer for pointer, _ in values], found)
        taken = {each.sighting.text for each in chosen if each and each.sighting.is_value}
        return [
            self._told(value, one, len(places), taken)
            for (_, value), one, places in zip(values, chosen, found, strict=True)
        ]

    def _places(self, value: str | float) -> Iterator[_Place]:
        """Where the value is; else where something near it is."""
        seen = [_Place(number, each) for number, text in enumerate(self._texts) for each in text.sightings(value)]
        yield from [place for place in seen if place.sighting.is_value] or seen[:1]

    def _told(self, value: str | float, place: _Place | None, count: int, taken: set[str]) -> OnPage:
        if place and place.sighting.is_value:
            return self._at(place, True, "", count)
        found, why = self._why_not(value)
        if place and found is False and place.sighting.text not in taken:
            return self._at(place, found, why, None)
        return OnPage(found, why)

    def _why_not(self, value: str | float) -> tuple[bool | None, str]:
        if not self._all_read:
            return None, NOT_ALL_READ
        if any(text.may_miss(value) for text in self._texts):
            return None, NOT_SURELY_READ
        return False, ONLY_THE_MODEL

    def _at(self, place: _Place, found: bool, why: str, count: int | None) -> OnPage:
        page, sighting = self._seen[place.page], place.sighting
        return OnPage(found, why, page.source, page.page, sighting.box, page.here.unit, sighting.text, count)


def _chosen(pointers: Sequence[str], found: Sequence[Sequence[_Place]]) -> list[_Place | None]:
    """Of each value one place; of those with many that nearest to the others of its object, as in a row of a table."""
    groups: dict[str, list[int]] = defaultdict(list)
    for at, pointer in enumerate(pointers):
        groups[pointer.rpartition("/")[0]].append(at)
    chosen: list[_Place | None] = [None] * len(found)
    for group in groups.values():
        alone = [found[at][0] for at in group if len(found[at]) == 1]
        anchors = [place for place in alone if place.sighting.is_value]
        for at in (each for each in group if found[each]):
            free = [place for place in found[at] if place not in anchors] or found[at]
            chosen[at] = nearest = min(free, key=lambda place: _distance(place, anchors))
            anchors += [nearest] if len(found[at]) > 1 else []
    return chosen


def _distance(place: _Place, others: Sequence[_Place]) -> tuple[int, int]:
    """In pages, and in rows."""
    distances = (
        (abs(place.page - each.page), abs(place.sighting.row - each.sighting.row))
        for each in others
        if each is not place
    )
    return min(distances, default=(0, 0))
