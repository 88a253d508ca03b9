"""One number of a page of other people made wrong. Nothing is known of its numbers but how they are written."""

import re
from collections import Counter
from random import Random

from ..truth.changes import (
    Change,
    Written,
    dropped,
    invented,
    left_out,
    point_lost,
    sign_added,
    sign_lost,
    substituted,
    transposed,
)

CHANGES_A_PAGE, MAX_TRIES = 6, 20
# Of two digits or more, or after a word: a digit that opens a line numbers an item, which readings add and leave out
NUMBER = re.compile(r"(?<![\w.,])\d[\d.,]*\d(?!\w)|(?<=[^\W\d] )\d(?![\w.,)])")
SIGNED = re.compile(r"(?<=[^\W\d] )-\d[\d.,]*(?<=\d)(?!\w)")
UNSIGNED = re.compile(r"(?<=[^\W\d] )\d[\d.,]*\d(?![\w-])")  # a dash before others may be that of a range
LONG = re.compile(r"(?<![\w.,])\d[\d.,]*\d[\d.,]*\d(?!\w)")
KINDS: dict[str, tuple[re.Pattern[str], Written]] = {
    "one digit": (NUMBER, substituted),
    "two digits transposed": (NUMBER, transposed),
    "digit dropped": (LONG, dropped),
    "point lost": (NUMBER, point_lost),
    "sign lost": (SIGNED, sign_lost),
    "sign added": (UNSIGNED, sign_added),
    "number invented": (NUMBER, invented),
    "number missing": (LONG, left_out),
}


def misprints(text: str, used: Counter[str], rng: Random) -> tuple[Change, ...]:
    """Of the kinds that were least used so far, each once."""
    made: list[Change] = []
    for kind in sorted(rng.sample(sorted(KINDS), len(KINDS)), key=lambda kind: used[kind]):
        if len(made) < CHANGES_A_PAGE and (one := _misprint(kind, text, rng)):
            made.append(one)
            used[kind] += 1
    return tuple(made)


def _misprint(kind: str, text: str, rng: Random) -> Change | None:
    pattern, written = KINDS[kind]
    found = list(pattern.finditer(text))
    for match in rng.sample(found, min(MAX_TRIES, len(found))):
        after = written(rng, match[0])
        if after is not None and after != match[0]:
            return Change(kind, match[0], after, text[: match.start()] + after + text[match.end() :])
    return None
