"""A page that is read in tiles, each by a request of its own, and made one again."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...calls.ask import RequestFailed
from ...files import Picture
from .page import BETTER, Page
from .quality import Status
from .seams import Seam, joined_at, joined_lines
from .tasks import OcrTask

CUT_TASKS = ("text_recognition", "document_parsing", "advanced_recognition", "multi_lan")  # whose answers can be joined
UNREAD = ("failed", "refused")


@dataclass(frozen=True)
class TileRead:
    """One tile: its picture, where it was drawn, what was read on it, and why that failed, where it was asked for."""

    page: Page
    picture: Picture | None = None
    failure: RequestFailed | None = None

    @property
    def is_read(self) -> bool:
        return self.page.status not in UNREAD

    @property
    def is_blank(self) -> bool:
        return bool(self.picture and self.picture.blank)

    def rows(self, *, paper: bool) -> tuple[float, float]:
        """Its first and last one, in the unit of corners."""
        assert self.picture  # it was read
        whole, (_, height) = self.picture.whole, self.picture.shown or (0, 0)
        share = 1000 / whole[1] if paper and whole else 1.0
        return self.picture.top * share, (self.picture.top + height) * share


def may_be_cut(task: OcrTask) -> bool:
    """Of one that wants one answer, as fields do, the parts would be several."""
    return task.name in CUT_TASKS


def shrunk(count: int, wanted: int) -> str:
    """Why small letters may be misread, though the page was read; empty where they are large enough."""
    if count >= wanted:
        return ""
    if count == 1:
        return f"it was shrunk, so small letters may be misread: text_recognition reads it in {wanted} parts"
    return f"small letters may be misread: it would take {wanted} parts, and at most {count} are read: cut the page"


def made_one(number: int, tiles: Sequence[TileRead], *, paper: bool) -> Page:
    """The page; what is missing on it is said."""
    read = [tile for tile in tiles if tile.is_read]
    placed = all(tile.page.lines or not tile.page.text for tile in read)
    lines, text, notes = read[0].page.lines, read[0].page.text.split("\n"), list[str]()
    for upper, lower in pairwise(read):
        seam = _seam(upper, lower, paper=paper)
        if placed:
            lines, note = joined_lines(lines, lower.page.lines, seam)
            text = [line.text for line in lines]
        else:
            below = lower.page.text.split("\n")
            end, start, note = joined_at(text, below, seam)
            lines, text = (*lines, *lower.page.lines), [*text[:end], *below[start:]]
        notes.append(note)
    whys = [_why(at, len(tiles), tile) for at, tile in enumerate(tiles, 1)]
    why = "; ".join(dict.fromkeys(filter(None, (*whys, *notes))))
    return Page(page=number, status=_status(tiles), why=why, text="\n".join(text).strip("\n"), lines=lines)


def _seam(upper: TileRead, lower: TileRead, *, paper: bool) -> Seam:
    (_, end), (start, last) = upper.rows(paper=paper), lower.rows(paper=paper)
    return Seam(start, end, last - start)


def _status(tiles: Sequence[TileRead]) -> Status:
    """A part without text may be a picture: only where all are so the page has none."""
    told = {tile.page.status for tile in tiles}
    if told & set(UNREAD):
        return "truncated"
    return max(told - {"empty"}, key=BETTER.index) if told != {"empty"} else "empty"


def _why(at: int, count: int, tile: TileRead) -> str:
    if not tile.page.why:
        return ""
    return f"{'' if tile.is_read else 'missing '}part {at} of {count}: {tile.page.why}"
