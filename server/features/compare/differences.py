"""Where answers to one question differ, as far as their words show it. Which one is right is never said.

No model is asked for it. Of short answers it is seen whether they say the same; of long ones it is told which numbers
and dates one has and no other, and how much of their words they share: whether they agree, nobody has judged.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from pydantic import Field

from ...catalog import Frozen
from ...text import clip
from .figures import figures_in
from .gist import Gist, shared_words

MAX_VALUE_CHARS = 80
MAX_DIFFERENCES = 20


class Difference(Frozen):
    """What the answers of these models have, and those of the others have not."""

    kind: Literal["answer", "number", "date"]
    value: str = Field(description="As written there")
    models: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """`agree`: None where it cannot be told. `more`: differences left out. `alike`: of each model's words, if long."""

    agree: bool | None = None
    differences: tuple[Difference, ...] = ()
    more: int = 0
    alike: Mapping[str, float] | None = None


def judge(answers: Mapping[str, str]) -> Judged:
    """Of whole answers, by model."""
    gists = {model: Gist(text) for model, text in answers.items()}
    if len(gists) < 2:
        return Judged()
    verdicts = {one.same_as(other) for one, other in combinations(gists.values(), 2)}
    agree = False if False in verdicts else None if None in verdicts else True
    if agree:
        return Judged(agree)
    if all(gist.short for gist in gists.values()):
        return Judged(agree, *_first(list(_groups(gists))))
    return Judged(None, *_first(list(_own_figures(answers))), _likeness(gists))


def _first(found: Sequence[Difference]) -> tuple[tuple[Difference, ...], int]:
    return tuple(found[:MAX_DIFFERENCES]), max(0, len(found) - MAX_DIFFERENCES)


def _groups(gists: Mapping[str, Gist]) -> Iterator[Difference]:
    """Those that say the same, by the first of them."""
    left = dict(gists)
    while left:
        first = next(iter(left.values()))
        models = tuple(model for model, gist in left.items() if gist is first or gist.same_as(first))
        yield Difference(kind="answer", value=clip(first.text, MAX_VALUE_CHARS), models=models)
        left = {model: gist for model, gist in left.items() if model not in models}


def _own_figures(answers: Mapping[str, str]) -> Iterator[Difference]:
    """What stands in one answer alone."""
    figures = {model: figures_in(text) for model, text in answers.items()}
    values = {model: {value for each in found for value in each.values} for model, found in figures.items()}
    for model, found in figures.items():
        others = set().union(*(told for other, told in values.items() if other != model))
        for each in found:
            if not each.values & others:
                yield Difference(kind=each.kind, value=clip(each.written, MAX_VALUE_CHARS), models=(model,))


def _likeness(gists: Mapping[str, Gist]) -> dict[str, float]:
    """Of each to the others, on average."""
    return {
        model: round(
            sum(shared_words(gist, other) for other in gists.values() if other is not gist) / (len(gists) - 1), 2
        )
        for model, gist in gists.items()
    }
