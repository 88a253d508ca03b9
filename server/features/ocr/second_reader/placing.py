"""Places of the lines of an answer that tells none: those of the same words where they were read here."""

from collections.abc import Iterator, Sequence

from ....files import ReadLine
from ....files.read_here import LocalText, Unit, local_text, plain_words
from ....files.readings import Point
from ..alignment import NO_TOKEN, align
from ..markup import without_marks
from ..transcripts import TextLine
from ..written_numbers import tokens_of
from .corrected import corrected


def placed_lines(answer: str, lines: Sequence[ReadLine], unit: Unit) -> tuple[TextLine, ...]:
    """The lines of the answer in their order; one whose words were not read here has no corners."""
    kept = [line for line in without_marks(answer).split("\n") if line.strip()]
    shown = [plain_words(line) for line in kept]
    local = corrected(local_text(lines), "\n".join(shown)).text
    boxes = _boxes(shown, local)
    return tuple(
        TextLine(text=text.strip(), corners=corners, unit=unit, read_here=bool(corners))
        for text, corners in zip(kept, boxes, strict=True)
    )


def _boxes(shown: list[str], local: LocalText) -> Iterator[tuple[Point, ...]]:
    own = tokens_of(local.text)
    of_line = [tokens_of(line) for line in shown]
    there = align([token for line in of_line for token in line], own).there
    first = 0
    for line in of_line:
        found = [own[place] for place in there[first : first + len(line)] if place != NO_TOKEN]
        first += len(line)
        yield _around([box for token in found for box in local.places(token.start, token.end)])


def _around(boxes: list[tuple[Point, ...]]) -> tuple[Point, ...]:
    """From the first to the last of them, as they stand beside each other."""
    if not boxes:
        return ()
    boxes = sorted(boxes, key=lambda box: box[0])
    (top_left, _, _, bottom_left), (_, top_right, bottom_right, _) = boxes[0], boxes[-1]
    return top_left, top_right, bottom_right, bottom_left
