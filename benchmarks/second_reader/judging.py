"""What the second reader and the check against the text layer say of the readings of a set of pages."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...server.features.ocr.second_reader import verdict
from ...server.features.ocr.second_reader.local_text import local_text
from ..truth import product
from .case import Case
from .found import Found, confusions
from .reading import Read
from .tally import JUDGES, Tally

MIN_TOLD = 0.95  # of the changed readings
MAX_DOUBTED = 0.02  # of the perfect ones
MAX_PAIRS = 20  # of letters that were taken for others
MAX_SHOWN_CHARS = 160


@dataclass
class Judged:
    """A set of pages; `told` and `doubted` under each trait."""

    title: str
    told: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    doubted: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    anyway: int = 0  # changes told on pages that are doubted whatever is read
    found: Found = field(default_factory=Found)
    confused: Counter[tuple[str, str]] = field(default_factory=Counter)
    doubts: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    def add(self, case: Case, read: Read) -> None:
        text = local_text(read.lines).text
        self.found.add(case.truth, text, read.seconds)
        self.confused.update(confusions(case.truth, text))
        traits = {"all": "all", **case.traits}
        why = _doubts(case.perfect, read)
        perfect = bool(why), product.doubts(case.layer, case.perfect)
        self.doubts += [f"{case.name}: {why}"] if why else []
        for trait, kind in traits.items():
            self.doubted[trait].add(kind, perfect)
        for change in case.changed:
            told = bool(_doubts(change.reading, read)), product.doubts(case.layer, change.reading)
            self.anyway += told[0] and perfect[0]
            self.misses += [] if told[0] else [f"{case.name}: {change.kind}: {change.before} -> {change.after}"]
            for trait, kind in {"kind of change": change.kind, **traits}.items():
                self.told[trait].add(kind, told)

    def show(self, shown: int) -> None:
        print(f"\n{self.title}: changed readings told")
        _show(self.told)
        print(f"  {self.anyway} of those told here are of pages that are doubted whatever is read")
        print(f"{self.title}: perfect readings doubted")
        _show(self.doubted)
        print(f"{self.title}: found by the second reader, before anything is corrected\n  {self.found.said()}")
        for word, cases in (("doubted", self.doubts), ("not told", self.misses)):
            for case in cases[:shown]:
                print(f"  {word}: {case[:MAX_SHOWN_CHARS]!r}")

    def show_confusions(self) -> None:
        print(f"{self.title}: letters of the page and what was read for them")
        pairs = self.confused.most_common(MAX_PAIRS)
        print(
            "  " + ", ".join(f"{truth or 'nothing'} as {read or 'nothing'} {count}" for (truth, read), count in pairs)
        )

    def missed_goals(self) -> Iterator[str]:
        told, doubted = (tallies["all"].share(JUDGES[0]) for tallies in (self.told, self.doubted))
        if told < MIN_TOLD:
            yield f"{self.title}: told {told:.1%} of the changed readings, not {MIN_TOLD:.0%}"
        if doubted > MAX_DOUBTED:
            yield f"{self.title}: doubted {doubted:.1%} of the perfect readings, more than {MAX_DOUBTED:.0%}"


def _doubts(reading: str, read: Read) -> str:
    """What the second reader says against a reading; empty where it agrees."""
    said = verdict(reading, read.lines)
    doubts = [f"{doubt.here!r} here, {doubt.answer!r} there" for doubt in said.doubts]
    few = [] if said.missing_words is None else [f"only {said.missing_words:.0%} of the words"]
    return "; ".join([*few, *doubts])


def _show(tallies: dict[str, Tally]) -> None:
    for trait, tally in tallies.items():
        if trait != "all":
            tally.show(trait)
    tallies["all"].show_sum("all")
