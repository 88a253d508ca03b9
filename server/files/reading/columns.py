"""What a recogniser saw in each column of a line, thinned to what may matter: the letters that it held possible."""

from collections.abc import Iterator
from typing import Any

MIN_SHARE = 0.001  # of a letter that is kept
MAX_KEPT_LETTERS = 6  # of a column
SURE = 0.9995  # of a column that holds no letter: it is left out
# Its number; letters and their shares, "" for none, the likeliest first
RawColumn = tuple[int, list[tuple[str, float]]]


class Decoder:
    """Takes the place of a recogniser's last step, which keeps the likeliest letter alone."""

    def __init__(self, letters: list[str]) -> None:
        self._letters = ["", *letters[1:]]  # the first is its blank

    def __call__(
        self, shares: Any, return_word_box: bool, *, wh_ratio_list: list[float], max_wh_ratio: float
    ) -> tuple[list[tuple[str, float]], list[Any]]:
        """For each line of a batch no text, which nobody asks for; its columns, and how many its image is wide."""
        columns = [list(self._columns(line)) for line in shares]
        widths = [len(line) * ratio / max_wh_ratio for line, ratio in zip(shares, wh_ratio_list, strict=True)]
        return [("", 1.0)] * len(columns), list(zip(columns, widths, strict=True))

    def _columns(self, line: Any) -> Iterator[RawColumn]:
        best = (-line).argpartition(MAX_KEPT_LETTERS, axis=1)[:, :MAX_KEPT_LETTERS]
        for number, (places, shares) in enumerate(zip(best.tolist(), line, strict=True)):
            found = sorted(((float(shares[place]), self._letters[place]) for place in places), reverse=True)
            kept = [(letter, round(share, 4)) for share, letter in found if share >= MIN_SHARE]
            if kept and not (kept[0][0] == "" and kept[0][1] >= SURE):
                yield number, kept
