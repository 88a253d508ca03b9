"""`make truth`: what the product says of pages and values whose truth is known. Nothing is timed, nothing is asked.

`--show 5` also prints up to so many misjudged cases of each kind. Ends with 1 where a goal is missed.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from . import product
from .readings import Case, readings
from .values import Value, values

MIN_TOLD = 0.95  # of the changed readings
MAX_DOUBTED = 0.02  # of the perfect ones
MAX_FALSE = 0  # values said to stand where they do not
MAX_SHOWN_CHARS = 160


@dataclass
class Judged:
    """How often each kind was judged rightly, and what was not."""

    all: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, right: bool, case: str) -> None:
        self.all[kind] += 1
        self.right[kind] += right
        if not right:
            self.wrong.setdefault(kind, []).append(case)

    def share(self) -> float:
        return self.right.total() / self.all.total()

    def show(self, word: str, cases: int, only_wrong: bool = False) -> None:
        for kind, count in sorted(self.all.items()):
            if not only_wrong or self.right[kind] < count:
                print(f"  {kind:44} {count:5} {word} {self.right[kind]:5}")
            for case in self.wrong.get(kind, [])[:cases]:
                print(f"      {case[:MAX_SHOWN_CHARS]!r}")


def changed(cases: Iterable[Case], doubted: set[str]) -> tuple[Judged, int]:
    """And how many were told on pages that are doubted whatever is read."""
    judged, anyway = Judged(), 0
    for case in cases:
        for change in case.changed:
            told = product.doubts(case.layer, change.reading)
            judged.add(change.kind, told, f"{case.name}: {change.before} -> {change.after}")
            anyway += told and case.name in doubted
    return judged, anyway


def judged_readings(shown: int) -> list[str]:
    cases = readings()
    doubted = {case.name for case in cases if product.doubts(case.layer, case.perfect)}
    told, anyway = changed(cases, doubted)
    print("Changed readings")
    told.show("told", shown)
    print(f"  told {told.right.total()} of {told.all.total()}: {told.share():.1%}")
    print(f"  {anyway} of them on pages that are doubted anyway")
    print(f"Perfect readings\n  doubted {len(doubted)} of {len(cases)}: {len(doubted) / len(cases):.1%}")
    for case in cases:
        if case.name in doubted:
            print(f"      {case.name}: {', '.join(sorted(case.traits))}")
    missed = [f"told {told.share():.1%} of the changed readings, not {MIN_TOLD:.0%}"] if told.share() < MIN_TOLD else []
    if len(doubted) > MAX_DOUBTED * len(cases):
        missed.append(f"doubted {len(doubted)} perfect readings, more than {MAX_DOUBTED:.0%}")
    return missed


def judged_values(shown: int) -> list[str]:
    """Right: the same word. Otherwise: found for alike or alike for found. False: there where it is not."""
    outcomes: dict[str, Counter[str]] = {truth: Counter() for truth in ("found", "alike", "absent")}
    judged = Judged()
    for one in values():
        outcome = outcome_of(one)
        outcomes[one.truth][outcome] += 1
        judged.add(f"{one.truth}: {one.kind}", outcome in ("right", "otherwise"), f"{one.value!r} in {one.text}")
    print("Values, the kinds with misjudged ones")
    judged.show("right", shown, only_wrong=True)
    for truth, counts in outcomes.items():
        print(
            f"  {truth:7} {counts.total():4}: "
            + ", ".join(f"{word} {counts[word]}" for word in ("right", "otherwise", "missed", "false"))
        )
    judged_places(shown)
    false = outcomes["absent"]["false"]
    return [f"{false} values said to stand where they do not"] if false > MAX_FALSE else []


def outcome_of(one: Value) -> str:
    said = product.look_up(one.value, one.text)
    if said == one.truth:
        return "right"
    if one.truth == "absent":
        return "false"
    return "missed" if said == "absent" else "otherwise"


def judged_places(shown: int) -> None:
    judged = Judged()
    for one in values():
        if one.places is not None:
            judged.add(one.kind, product.places(one.value, one.text) == one.places, f"{one.value!r} in {one.text}")
    print("Places of a found value")
    judged.show("right", shown)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", type=int, default=0, help="how many misjudged cases of each kind to print")
    shown = parser.parse_args().show
    missed = judged_readings(shown) + judged_values(shown)
    print("\n".join(f"GOAL MISSED: {goal}" for goal in missed) or "All goals are met.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
