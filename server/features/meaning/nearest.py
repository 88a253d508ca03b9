"""Which vectors point most nearly where another one does: cosines in plain Python, bounded by MAX_PASSAGES.

Measured with 1,024 numbers: 40 to 70 µs a product, 16 µs from Python 3.12 on; two for a vector, since no page says that
they come with the length 1. So 20,000 take up to three seconds, in a thread.
"""

import math
import operator
from array import array
from collections.abc import Callable, Iterable, Sequence
from heapq import nlargest

Floats = Sequence[float]


def _product(one: Floats, other: Floats) -> float:
    return math.fsum(map(operator.mul, one, other))


_dot: Callable[[Floats, Floats], float] = getattr(math, "sumprod", _product)  # of Python 3.12


def nearest(
    query: "array[float]", rows: "Iterable[tuple[tuple[int, int], array[float]]]", most: int
) -> list[tuple[float, tuple[int, int]]]:
    """Cosine and place of the nearest ones, the nearest first. What has another length is of another kind."""
    length = math.sqrt(_dot(query, query)) or 1.0
    wanted = [value / length for value in query]
    scored = ((_cosine(wanted, row), place) for place, row in rows if len(row) == len(wanted))
    return nlargest(most, scored, key=lambda each: (each[0], (-each[1][0], -each[1][1])))


def _cosine(wanted: Floats, row: "array[float]") -> float:
    return _dot(wanted, row) / (math.sqrt(_dot(row, row)) or 1.0)
