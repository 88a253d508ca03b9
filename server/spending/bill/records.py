"""A CSV file as records, read as a stream: a broken one costs itself and not those behind it."""

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TextIO

from .columns import BadExport

ENCODING_CHUNK_BYTES = 1 << 16
MAX_LINE_CHARS = 1 << 20
MAX_RECORD_LINES = 5  # a cell may hold line ends; a quote that never closes may not hold the rest of the file
UNCLOSED = "unexpected end of data"


def encoding_of(path: Path) -> str:
    """UTF-8, with or without a mark, or GBK (read as GB 18030, which holds it).

    Raises:
        BadExport: the file is an archive or a workbook.
    """
    with path.open("rb") as file:
        head = file.readline(MAX_LINE_CHARS)
        if head.startswith((b"PK\x03\x04", b"\x1f\x8b")):
            raise BadExport(f"{path.name} is an archive or a workbook: unpack it, or export the bill as CSV.")
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        told_by_head = not head.isascii()
        file.seek(0)
        chunks = [head] if told_by_head else iter(lambda: file.read(ENCODING_CHUNK_BYTES), b"")
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            for chunk in chunks:
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "gb18030"
    return "utf-8"


def records_in(file: TextIO) -> Iterator[tuple[int, list[str] | None]]:
    """The line on which each record begins, and its cells; None in place of cells that cannot be told apart.

    Empty lines are none. The first record says how many cells one has that goes over several lines.
    """
    lines = _numbered_lines(file)
    waiting: deque[tuple[int, str]] = deque()
    width = 0
    while waiting or (waiting := deque(islice(lines, 1))):
        number, text = waiting[0]
        cells, count = _record(waiting, lines, width)
        for _ in range(count):
            waiting.popleft()
        width = width or len(cells or ())
        if text.strip():
            yield number, cells


def _record(
    waiting: deque[tuple[int, str]], lines: Iterator[tuple[int, str]], width: int
) -> tuple[list[str] | None, int]:
    """The cells of the record that begins with the first line that waits, and how many lines it has."""
    for count in range(1, MAX_RECORD_LINES + 1):
        if count > len(waiting):
            waiting.extend(islice(lines, 1))
        if count > len(waiting):
            break
        try:
            cells = _cells("".join(text for _, text in islice(waiting, count)))
        except csv.Error as error:
            if str(error) == UNCLOSED:
                continue
            break
        if count > 1 and width and len(cells) != width:
            break
        return cells, count
    return None, 1


def _cells(text: str) -> list[str]:
    return next(csv.reader([text], strict=True), [])


def _numbered_lines(file: TextIO) -> Iterator[tuple[int, str]]:
    """Lines by their number; of one that is longer than any of a bill, the beginning."""
    number = 0
    while line := file.readline(MAX_LINE_CHARS):
        number += 1
        yield number, line
        while not line.endswith(("\n", "\r")) and (line := file.readline(MAX_LINE_CHARS)):
            pass
