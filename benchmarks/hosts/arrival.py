"""How much of a text stands in what a model saw: as it is, or written as JSON (perhaps twice)."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Arrival:
    arrived: int
    total: int
    whole: bool
    first_missing: int

    def __str__(self) -> str:
        if self.whole:
            return "whole"
        return f"{self.arrived:,} of {self.total:,}, cut at {self.first_missing:,}"


def arrival(text: str, seen: str) -> Arrival:
    """Lines are counted; a line of which a part is missing is not there."""
    whole = any(form in seen for form in _forms(text))
    arrived, position, missing = 0, 0, len(text)
    for line in text.splitlines(keepends=True):
        if any(form in seen for form in _forms(line.strip())):
            arrived += len(line)
        else:
            missing = min(missing, position)
        position += len(line)
    return Arrival(len(text) if whole else arrived, len(text), whole, missing)


def _forms(text: str) -> set[str]:
    once = {json.dumps(text, ensure_ascii=ascii)[1:-1] for ascii in (True, False)}
    return {text, *once, *(json.dumps(form, ensure_ascii=False)[1:-1] for form in once)}
