"""Pictures read by the second reader, each once: what was read is kept in a folder."""

import hashlib
import json
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ...server.files import LocalReader, ReadLine
from ...server.files.readings import lines_of

MAX_PAGE_S = 120.0  # all are read, however busy the machine


@dataclass(frozen=True)
class Read:
    lines: tuple[ReadLine, ...]
    seconds: float


@dataclass(frozen=True)
class KeptReadings:
    reader: LocalReader
    folder: Path

    async def read(self, picture: bytes) -> Read:
        """Raises NotReadHere as the reader does."""
        record = self.folder / f"read-{hashlib.sha256(picture).hexdigest()[:24]}-{version('rapidocr')}.json"
        if not record.exists():
            begun = time.monotonic()
            lines = await self.reader.lines(picture)
            told = {"s": time.monotonic() - begun, "lines": [_told(line) for line in lines]}
            record.write_text(json.dumps(told, ensure_ascii=False), "utf-8")
        told = json.loads(record.read_text("utf-8"))
        return Read(lines_of(told["lines"]), told["s"])


def _told(line: ReadLine) -> dict[str, object]:
    """As the process that reads tells it."""
    columns = [(column.number, column.shares) for column in line.columns]
    return {"corners": line.corners, "columns": columns, "width": line.width}
