"""How likely a claim is, of what stands in some columns of a line: what a recogniser's shares say of any text.

The sum over all ways to write the text into the columns, as CTC trains it (Graves et al. 2006): a letter may go on, and
nothing may stand between.
"""

import re
from collections.abc import Sequence
from math import log

from ..readings import Column
from .plain import BLANKS, plain_words

MAX_LOG_ODDS = 5.0  # by which what was read here may be likelier than what is taken over
FLOOR = 1e-5  # of a letter that was not held possible
_BLANK = "\x00"
BETWEEN_DIGITS = re.compile(r"(?<=\d)\s+(?=\d)(?!\d{1,2}:\d)")  # but before a time, which is apart from its date
MANY_DIGITS = re.compile(r"\d{9}")  # of a phone or an account, in groups or not
Shares = dict[str, float]


def log_likelihood(claim: str, columns: Sequence[Column]) -> float:
    """Of a text in one width and case; of its blanks only those between digits count."""
    letters = list(BLANKS.sub("", BETWEEN_DIGITS.sub(_BLANK, claim)).replace(_BLANK, " "))
    # By how much of the claim is written: even, nothing after it; odd, its last letter
    ways = [1.0] + [0.0] * (2 * len(letters))
    scale = 0.0
    counts = not MANY_DIGITS.search(claim)
    for shares in _plain(columns):
        ways = _next(ways, letters, shares, counts)
        total = sum(ways)
        scale += log(total)
        ways = [way / total for way in ways]
    return scale + log(max(ways[-1] + (ways[-2] if letters else 0.0), 1e-300))


def _next(ways: list[float], letters: list[str], shares: Shares, blanks_count: bool) -> list[float]:
    found = []
    for at, way in enumerate(ways):
        before = ways[at - 1] if at else 0.0
        if at % 2 == 0:
            inside = 0 < at < len(ways) - 1 and letters[at // 2 - 1].isdigit() and letters[at // 2].isdigit()
            inside = inside and blanks_count
            nothing = shares.get("", 0.0) + (0.0 if inside else shares.get(" ", 0.0))
            found.append((way + before) * max(nothing, FLOOR))
            continue
        letter = letters[at // 2]
        skipped = ways[at - 2] if at > 1 and letters[at // 2 - 1] != letter else 0.0
        found.append((way + before + skipped) * shares.get(letter, FLOOR))
    return found


def _plain(columns: Sequence[Column]) -> list[Shares]:
    """In one width and case; what lies between two columns that may hold letters is one that holds none."""
    found: list[Shares] = []
    last = columns[0].number - 1 if columns else 0
    for column in columns:
        if column.number > last + 1:
            found.append({"": 1.0})
        shares: Shares = {}
        for letter, share in column.shares:
            key = plain_words(letter)[:1]
            shares[key] = shares.get(key, 0.0) + share
        found.append(shares)
        last = column.number
    return found
