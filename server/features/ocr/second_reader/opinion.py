"""What the second reader says of a page, as it is told."""

from collections.abc import Sequence

from pydantic import Field

from ....catalog import Frozen
from ....files import ReadLine
from ....files.read_here import ReadHere, Unit
from ..transcripts import Corners
from .verdict import Doubt, ReadersCompared, verdict

MAX_DIFFERENCES_TOLD, MAX_KEPT_DIFFERENCES = 5, 50
MAX_TEXT_HERE_CHARS = 60
MIN_SURE = 0.8  # of each letter
MIN_SURE_CHARS = 2  # that make a word, where the answer has none


class ReadDifference(Frozen):
    here: str = Field(description="Read on this machine; empty: nothing there")
    answer: str = Field(description="In the model's answer; empty: nothing there")
    corners: Corners
    unit: Unit


class SecondOpinion(Frozen):
    """`words`, `numbers`: how far both readers agree in them, 0 to 1; None: not known, or there are none."""

    words: float | None = Field(None, description="0 to 1: how far both readers agree", exclude_if=lambda v: v is None)
    numbers: float | None = Field(None, exclude_if=lambda v: v is None)
    why: str = Field("", description="Why it was not read a second time", exclude_if=lambda v: not v)
    differences: tuple[ReadDifference, ...] = Field((), exclude_if=lambda v: not v)


def opinion(answer: str, here: ReadHere, *, partly: bool) -> tuple[SecondOpinion, str]:
    """And the doubts in words; empty where there are none."""
    if here.why:
        return SecondOpinion(why=here.why), ""
    if not answer.strip():
        seen = _sure_text(here.lines)
        return SecondOpinion(words=0.0 if seen else 1.0), f'read here: "{seen}"' if seen else ""
    found = verdict(answer, here.lines, partly=partly)
    differences = tuple(_difference(doubt, here.unit) for doubt in found.doubts[:MAX_KEPT_DIFFERENCES])
    return SecondOpinion(words=_short(found.words), numbers=_short(found.numbers), differences=differences), _told(
        found, differences
    )


def _difference(doubt: Doubt, unit: Unit) -> ReadDifference:
    corners = doubt.places[0] if doubt.places else ()
    return ReadDifference(here=doubt.here, answer=doubt.answer, corners=corners, unit=unit)


def _told(found: ReadersCompared, differences: Sequence[ReadDifference]) -> str:
    said = [_said(each) for each in differences[:MAX_DIFFERENCES_TOLD]]
    if len(found.doubts) > MAX_DIFFERENCES_TOLD:
        said.append(f"{len(found.doubts) - MAX_DIFFERENCES_TOLD} more differences")
    if found.missing_words is not None:
        said.insert(0, f"only {found.missing_words:.0%} of the words read here are in the answer")
    return "; ".join([*said, "look at the page"]) if said else ""


def _said(one: ReadDifference) -> str:
    where = f", at {one.corners[0][0]:g},{one.corners[0][1]:g} {one.unit}" if one.corners else ""
    if not one.answer:
        return f"{one.here} here, nothing in the answer{where}"
    return f"{one.here or 'nothing'} here, {one.answer} in the answer{where}"


def _sure_text(lines: Sequence[ReadLine]) -> str:
    """Of an answer without text: what was surely read here."""
    sure = [
        line.text for line in lines if line.sureness >= MIN_SURE and sum(map(str.isalnum, line.text)) >= MIN_SURE_CHARS
    ]
    return " ".join(sure)[:MAX_TEXT_HERE_CHARS]


def _short(share: float | None) -> float | None:
    return None if share is None else round(share, 2)
