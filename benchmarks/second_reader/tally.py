"""How many of each kind there are, and of how many of them each of the judges said something."""

from collections import Counter
from dataclasses import dataclass, field

JUDGES = ("second reader", "text layer")


@dataclass
class Tally:
    all: Counter[str] = field(default_factory=Counter)
    said: dict[str, Counter[str]] = field(default_factory=lambda: {judge: Counter() for judge in JUDGES})

    def add(self, kind: str, said: tuple[bool, ...]) -> None:
        self.all[kind] += 1
        for judge, one in zip(JUDGES, said, strict=True):
            self.said[judge][kind] += one

    def share(self, judge: str) -> float:
        return self.said[judge].total() / max(1, self.all.total())

    def show(self, title: str) -> None:
        print(f"  {title:32} {'all':>5}" + "".join(f"{judge:>15}" for judge in JUDGES))
        for kind, count in sorted(self.all.items()):
            print(f"    {kind:30} {count:5}" + "".join(f"{self.said[judge][kind]:15}" for judge in JUDGES))

    def show_sum(self, title: str) -> None:
        shares = "".join(f"{self.said[judge].total():8} {self.share(judge):6.1%}" for judge in JUDGES)
        print(f"  {title:32} {self.all.total():5}{shares}")
