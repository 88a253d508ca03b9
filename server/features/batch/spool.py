"""The inputs as they were first read: they may change on the disk, or be gone, when a batch is gone on with."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from .items import BatchItem
from .work import ITEMS, json_lines


def spool(folder: Path, items: Iterable[BatchItem]) -> int:
    """Keep them all; how many they are."""
    count = 0
    with (folder / ITEMS).open("w", encoding="utf-8") as file:
        for item in items:
            line = json.dumps({"id": item.id, "arguments": item.arguments}, ensure_ascii=False)
            file.write(line.encode("utf-8", "surrogatepass").decode("utf-8", "replace") + "\n")
            count += 1
    return count


def spooled_items(folder: Path) -> Iterator[BatchItem]:
    return (BatchItem(str(kept["id"]), dict(kept["arguments"])) for _, kept in json_lines(folder / ITEMS))
