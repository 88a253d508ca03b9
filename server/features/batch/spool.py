"""The inputs as they were first read: they may change on the disk, or be gone, when a batch is gone on with."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from anyio import from_thread

from .items import BatchItem
from .work import ITEMS, json_line, json_lines


def spool(folder: Path, items: Iterable[BatchItem]) -> int:
    """Keep them all, in a thread; how many they are."""
    count = 0
    with (folder / ITEMS).open("wb") as file:
        for item in items:
            from_thread.check_cancelled()
            file.write(json_line({"id": item.id, "arguments": item.arguments}))
            count += 1
    return count


def spooled_items(folder: Path) -> Iterator[BatchItem]:
    return (BatchItem(str(kept["id"]), dict(kept["arguments"])) for _, kept in json_lines(folder / ITEMS))
