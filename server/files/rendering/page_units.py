"""How large the unit of a PDF's page is: 1/72 inch times its `UserUnit`, which PDFium heeds and tells nowhere.

It does write a page into a new document, entry by entry, and there the number stands in plain letters.
"""

import ctypes
import re
import zlib
from collections.abc import Iterator
from math import isfinite
from typing import Any

UNIT_NAME = b"UserUnit"
USER_UNIT = re.compile(rb"/Type/Page/UserUnit (\d*\.?\d+)[/>\s](?!\d+ R)")  # as PDFium writes it: sorted by name
PAGE_ENDS = re.compile(rb"/Type/Page[/>].*?endobj", re.DOTALL)
PACKED = re.compile(rb"/ObjStm\b.{0,500}?\bstream\r?\n", re.DOTALL)
MAX_UNPACKED_BYTES, MAX_UNPACKED_IN_ALL_BYTES = 8_000_000, 64_000_000
MAX_EXPORTED_BYTES = 200_000  # of the new document: the page's own entries are among its first
MAX_USER_UNIT = 75_000.0  # as Adobe's programs have it


class PageUnits:
    """Of one document: its pages' units in points, each looked for once."""

    def __init__(self, document: Any, content: bytes) -> None:
        self._document = document
        self._units: dict[int, float] | None = {} if _may_tell(content) else None

    def __getitem__(self, number: int) -> float:
        """Of a page, from 1. Raises PdfiumError: it is broken."""
        if self._units is None:
            return 1.0
        if number not in self._units:
            self._units[number] = _unit_of(self._document, number)
        return self._units[number]


def _may_tell(content: bytes) -> bool:
    """Whether any page tells a unit, as far as can be seen: nearly none does, and to export pages takes time."""
    if UNIT_NAME in content:
        return True
    sealed = b"/Encrypt" in content and b"/ObjStm" in content
    return sealed or any(UNIT_NAME in unpacked for unpacked in _unpacked(content))


def _unpacked(content: bytes) -> Iterator[bytes]:
    """Objects that are packed together."""
    room, view = MAX_UNPACKED_IN_ALL_BYTES, memoryview(content)
    for packed in PACKED.finditer(content):
        if room <= 0:
            return
        try:
            given = view[packed.end() : packed.end() + MAX_UNPACKED_BYTES]
            unpacked = zlib.decompressobj().decompress(given, MAX_UNPACKED_BYTES)
        except zlib.error:  # packed otherwise
            unpacked = b""
        room -= len(unpacked)
        yield unpacked


def _unit_of(document: Any, number: int) -> float:
    told = USER_UNIT.search(_exported(document, number))
    unit = float(told[1]) if told else 1.0
    return unit if isfinite(unit) and 0 < unit <= MAX_USER_UNIT else 1.0


def _exported(document: Any, number: int) -> bytes:
    """The beginning of a new document that holds nothing but that page."""
    import pypdfium2
    from pypdfium2 import raw

    written = bytearray()

    def write(_: Any, block: Any, size: int) -> int:
        written.extend(ctypes.string_at(block, size))
        return len(written) < MAX_EXPORTED_BYTES and not PAGE_ENDS.search(written)

    writer = raw.FPDF_FILEWRITE(version=1)
    writer.WriteBlock = type(writer.WriteBlock)(write)
    alone = pypdfium2.PdfDocument.new()
    try:
        alone.import_pages(document, [number - 1])
        raw.FPDF_SaveAsCopy(alone, writer, 0)
    finally:
        alone.close()
    return bytes(written)
