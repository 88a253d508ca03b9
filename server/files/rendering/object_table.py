"""The table of a PDF that says where its objects stand (ISO 32000-1, 7.5.4).

PDFium looks at the first of them alone and believes the rest: what stands elsewhere, since lines were made longer or
something was put before, is missing from its pages without a word. Without a table it looks for the objects by itself.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

MAX_TABLES = 100  # one a revision
MAX_ENTRIES = 100_000  # looked at, in a third of a second
MAX_SOUGHT = 20  # objects looked for elsewhere
MAX_COMPARED_PAGES = 1_000
HEADER_REACH_BYTES, TRAILER_REACH_BYTES = 1_024, 65_536
START_WORD = b"startxref"
NO_START_WORD = b"startxxxx"
TABLE_PLACE = re.compile(rb"startxref\s{1,8}(\d{1,12})")
TABLE_HEAD = re.compile(rb"\s{0,8}xref\s{1,8}")
TABLE_SECTION = re.compile(rb"\s{0,8}(\d{1,8})\s{1,4}(\d{1,8})\s{1,4}")
TABLE_ENTRY = re.compile(rb"(\d{10}) (\d{5}) ([nf])")
ENTRY_BYTES = 20
PREVIOUS = re.compile(rb"/Prev\s{1,8}(\d{1,12})")
OBJECT_HEAD = re.compile(rb"\s{0,32}(\d{1,10})\s{1,8}(\d{1,5})\s{1,8}obj")

Entry = tuple[int, int, bool]
"""Where an object stands, its generation, and whether it is in use."""


def opened(content: bytes) -> Any:
    """The document; with its objects looked for where the table points beside them. Raises PdfiumError."""
    import pypdfium2

    document = pypdfium2.PdfDocument(content)
    return _better(document, content) if points_beside(content) else document


def _better(document: Any, content: bytes) -> Any:
    """The one whose objects were looked for, unless a page is lost in it."""
    import pypdfium2

    try:
        found = pypdfium2.PdfDocument(content.replace(START_WORD, NO_START_WORD))
    except pypdfium2.PdfiumError:
        return document
    better, worse = (document, found) if _loses_a_page(document, found) else (found, document)
    worse.close()
    return better


def points_beside(content: bytes) -> bool:
    """Whether objects stand elsewhere than the newest entry of a classic table says."""
    base = max(0, content.find(b"%PDF", 0, HEADER_REACH_BYTES))
    missed = 0
    for number, (offset, generation, used) in _entries(content, base).items():
        if used and offset and not _stands_at(content, base + offset, number):
            if _stands_elsewhere(content, number, generation):
                return True
            if (missed := missed + 1) == MAX_SOUGHT:
                break
    return False


def _entries(content: bytes, base: int) -> dict[int, Entry]:
    """By object; the newest table comes first."""
    entries: dict[int, Entry] = {}
    for number, entry in islice(_listed(content, base), MAX_ENTRIES):
        entries.setdefault(number, entry)
    return entries


def _listed(content: bytes, base: int) -> Iterator[tuple[int, Entry]]:
    place = TABLE_PLACE.match(content, max(0, content.rfind(START_WORD)))
    seen: list[int] = []
    while place and len(seen) < MAX_TABLES and (at := base + int(place[1])) not in seen:
        seen.append(at)
        if not (table := TABLE_HEAD.match(content, at)):
            return
        end = table.end()
        while (section := TABLE_SECTION.match(content, end)) and (count := int(section[2])):
            yield from enumerate(_section(content, section.end(), count), int(section[1]))
            end = section.end() + count * ENTRY_BYTES
        place = PREVIOUS.search(content, end, end + TRAILER_REACH_BYTES)


def _section(content: bytes, at: int, count: int) -> Iterator[Entry]:
    """Entries are as long as each other; one that is not, is in use and stands nowhere."""
    for place in range(at, min(at + count * ENTRY_BYTES, len(content)), ENTRY_BYTES):
        entry = TABLE_ENTRY.match(content, place)
        yield (int(entry[1]), int(entry[2]), entry[3] == b"n") if entry else (len(content), 0, True)


def _stands_at(content: bytes, place: int, number: int) -> bool:
    found = OBJECT_HEAD.match(content, place)
    return bool(found) and int(found[1]) == number  # type: ignore[index]


def _stands_elsewhere(content: bytes, number: int, generation: int) -> bool:
    return any(b"%c%d %d obj" % (before, number, generation) in content for before in b"\n\r ")


def _loses_a_page(document: Any, found: Any) -> bool:
    if len(found) < len(document):
        return True
    return any(
        _is_page(document, at) and not _is_page(found, at) for at in range(min(len(document), MAX_COMPARED_PAGES))
    )


def _is_page(document: Any, at: int) -> bool:
    import pypdfium2

    try:
        return bool(min(document.get_page_size(at)) > 0)
    except pypdfium2.PdfiumError:
        return False
