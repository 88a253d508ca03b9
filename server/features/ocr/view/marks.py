"""Where in a text the things stand in which the readers differ, as far as they are found there."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from .escaping import escaped
from .viewed import PictureBox, ViewedDifference, ViewedPage

MAX_PLACES_OF_A_WORD = 2_000  # of one word: no page has so many, and each difference looks at all of its own
NumberedMark = tuple[int, int, int]  # where it starts and ends, and the number of its difference


def marks_in_answer(page: ViewedPage) -> list[NumberedMark]:
    """Of several places that read alike the one that is as far down in the text as the box is on the picture."""
    found: list[NumberedMark] = []
    height = page.picture.height if page.picture else 0
    for number, each in enumerate(page.differences, 1):
        share = _middle(each.corners)[1] / height if each.corners and height else 0.0
        if place := _nearest(_places(page.text, each.answer), share * len(page.text), found):
            found.append((*place, number))
    return sorted(found)


def marks_in_line(text: str, corners: PictureBox, differences: Sequence[ViewedDifference]) -> list[NumberedMark]:
    """Of a line that was read here: where the middle of a difference lies in it; of places that read alike the one
    that is as far along the line.
    """
    found: list[NumberedMark] = []
    for number, each in enumerate(differences, 1):
        if not each.corners or not _lies_in(middle := _middle(each.corners), corners):
            continue
        if place := _nearest(_places(text, each.here), _share_along(middle, corners) * len(text), found):
            found.append((*place, number))
    return sorted(found)


def marked(text: str, marks: Sequence[NumberedMark], prefix: str = "") -> str:
    """As HTML. `prefix`: of the ids, where marks are to be led to."""
    parts, at = [], 0
    for start, end, number in marks:
        id = f' id="{prefix}{number}"' if prefix else ""
        parts += [escaped(text[at:start]), f"<mark{id}>{escaped(text[start:end])}<sup>{number}</sup></mark>"]
        at = end
    return "".join([*parts, escaped(text[at:])])


def _places(text: str, said: str) -> Iterator[tuple[int, int]]:
    """Where it stands as words of its own; a line may end within."""
    if not said.strip():
        return
    words = r"\s+".join(map(re.escape, said.split()))
    ascii_edge = (r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])")
    for found in islice(re.finditer(words.join(ascii_edge), text, re.IGNORECASE), MAX_PLACES_OF_A_WORD):
        yield found.span()


def _nearest(places: Iterable[tuple[int, int]], at: float, taken: Sequence[NumberedMark]) -> tuple[int, int] | None:
    """The free one whose middle is the nearest to that letter."""
    by_distance = sorted(places, key=lambda place: abs(sum(place) / 2 - at))
    return next((place for place in by_distance if _is_free(place, taken)), None)


def _is_free(place: tuple[int, int], taken: Sequence[NumberedMark]) -> bool:
    return all(place[1] <= start or end <= place[0] for start, end, _ in taken)


def _middle(corners: PictureBox) -> tuple[float, float]:
    return sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners)


def _share_along(point: tuple[float, float], corners: PictureBox) -> float:
    """How far from the line's beginning it lies, 0 to 1, whichever way the line runs."""
    (x, y), (left, top), (right, bottom) = point, corners[0], corners[1]
    across, down = right - left, bottom - top
    return ((x - left) * across + (y - top) * down) / (across**2 + down**2 or 1)


def _lies_in(point: tuple[float, float], corners: PictureBox) -> bool:
    """In the upright rectangle around the corners."""
    sides = zip(point, *corners, strict=True)
    return all(min(others) <= value <= max(others) for value, *others in sides)
