"""Documents that are a zip of XML: the text of Word, PowerPoint and EPUB, read with the standard library alone.

What such a file may cost is bounded: its table of contents, what is unpacked, the text. Declared entities, with which a
few bytes become billions, end the reading, and so does whatever else no program writes. Left out: numbers of lists,
which Word draws itself, headers and footers, comments, and what is marked as hidden or deleted; pictures and charts are
counted. Which part is what is told by the relations between them (ECMA-376, part 2), not by their names.
"""

import posixpath
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import unquote
from xml.parsers import expat

from .book_text import BookText
from .ooxml_text import OoxmlText
from .xml_parts import Elements, PartBounds, PartReading, part_parser

MAX_OFFICE_BYTES = 200_000_000
MAX_OFFICE_TEXT_CHARS = 10_000_000
MAX_CONTENTS_BYTES = 4_000_000  # of the table of contents: about 50,000 files
MAX_ELEMENTS = 2_000_000  # of all parts: a book of 2,000 pages has half of that
PART_BYTES = 10_000  # what a part counts at least, since opening one takes as long
XML_PIECE_BYTES = 256 * 1024
END_RECORD, END64 = b"PK\x05\x06", b"PK\x06\x07"
PLAIN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
NO_OFFICE = (
    zipfile.BadZipFile, zlib.error, expat.ExpatError, struct.error, EOFError, LookupError, OSError, RuntimeError,
    ValueError,
)  # fmt: skip
BOOK_MAIN, CONTENT_TYPES = "META-INF/container.xml", "[Content_Types].xml"
OFFICE_KINDS = {
    "word/document.xml": "docx", "ppt/presentation.xml": "pptx", "xl/workbook.xml": "xlsx", BOOK_MAIN: "epub",
}  # fmt: skip
KIND_WORDS = {"word": "docx", "powerpoint": "pptx", "presentationml": "pptx", "excel": "xlsx", "spreadsheetml": "xlsx"}
UNREAD_PARTS = {"xl/media/": "pictures", "xl/charts/chart": "charts"}


class UnreadOffice(Exception):
    """It is broken, goes beyond a bound, or holds what is not read here."""


class Package:
    """A zip, opened within bounds. `kind`: docx, pptx, xlsx, epub; empty: another. `unread`: how much of what kind its
    text does not hold.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Raises UnreadOffice."""
        try:
            _require_small_contents(file)
            self._zip = zipfile.ZipFile(file)
        except NO_OFFICE as error:
            raise UnreadOffice from error
        self._names = set(self._zip.namelist())
        self._left = MAX_OFFICE_BYTES
        self._room = MAX_OFFICE_TEXT_CHARS
        self._elements = MAX_ELEMENTS
        self._said = 0
        self._main, self.kind = self._told_main() or self._usual_main()
        parts = (kind for name in self._names for start, kind in UNREAD_PARTS.items() if name.startswith(start))
        self.unread = Counter(parts if self.kind == "xlsx" else ())

    def _told_main(self) -> tuple[str, str] | None:
        """The main part and its kind, as a package of Office tells them."""
        try:
            (main, *_) = self._related("", "officeDocument").values()
            types = Elements("Override", "Default")
            self._parse(CONTENT_TYPES, types)
        except NO_OFFICE:
            return None
        told = {each.get("PartName", each.get("Extension", "")): each.get("ContentType", "") for each in types.found}
        named = told.get(f"/{main}", told.get(main.rpartition(".")[2], ""))
        kind = next((kind for word, kind in KIND_WORDS.items() if word in named), "")
        return (main, kind) if kind else None

    def _usual_main(self) -> tuple[str, str]:
        return next((usual for usual in OFFICE_KINDS.items() if usual[0] in self._names), ("", ""))

    def text(self) -> str:
        """What it says. Raises UnreadOffice."""
        read = {"docx": self._word, "pptx": self._slides, "epub": self._chapters}.get(self.kind)
        try:
            text = "\n\n".join(filter(None, (part.strip() for part in read()))) if read else ""
        except NO_OFFICE as error:
            raise UnreadOffice from error
        if not self._said:
            raise UnreadOffice
        return text

    def _word(self) -> Iterator[str]:
        yield self._text_of(self._main, OoxmlText)
        for kind in ("diagramData", "footnotes", "endnotes"):
            for name in self._related(self._main, kind).values():
                yield self._text_of(name, OoxmlText)

    def _slides(self) -> Iterator[str]:
        slides = self._related(self._main)
        for number, slide in enumerate(self._attributes(self._main, "sldId", "id"), 1):
            text = self._slide(slides[slide])
            yield f"Slide {number}\n{text}" if text else ""

    def _slide(self, name: str) -> str:
        """With its SmartArt, and what its speaker is to say."""
        diagrams = (self._text_of(each, OoxmlText) for each in self._related(name, "diagramData").values())
        texts = [self._text_of(name, OoxmlText), *diagrams]
        for each in self._related(name, "notesSlide").values():
            notes = self._text_of(each, OoxmlText).strip()
            texts += [f"Speaker notes: {notes}"] if notes else []
        return "\n".join(filter(None, (text.strip() for text in texts)))

    def _related(self, name: str, kind: str = "") -> dict[str, str]:
        """The parts that are this (empty: anything) to a part, or to the whole, by the id of the relation."""
        folder, base = posixpath.split(name)
        relations = posixpath.join(folder, f"_rels/{base}.rels")
        if relations not in self._names:
            return {}
        found = Elements("Relationship")
        self._parse(relations, found)
        targets = {
            each["Id"]: posixpath.normpath(posixpath.join("/", folder, each["Target"])).lstrip("/")
            for each in found.found
            if kind in ("", each.get("Type", "").rpartition("/")[2])
        }
        return {id: target for id, target in targets.items() if target in self._names}

    def _chapters(self) -> Iterator[str]:
        """In the order of the spine."""
        (root, *_) = self._attributes(BOOK_MAIN, "rootfile", "full-path")
        items = Elements("item")
        self._parse(root, items)
        places = {each["id"]: unquote(each["href"].partition("#")[0]) for each in items.found}
        for chapter in self._attributes(root, "itemref", "idref"):
            yield self._text_of(posixpath.normpath(posixpath.join(posixpath.dirname(root), places[chapter])), BookText)

    def _attributes(self, name: str, element: str, attribute: str) -> list[str]:
        found = Elements(element)
        self._parse(name, found)
        return [each[attribute] for each in found.found]

    def _text_of(self, name: str, reader: type[OoxmlText | BookText]) -> str:
        reading = reader(self._room)
        self._parse(name, reading)
        text = "".join(reading.pieces)
        self._room -= len(text)
        self._said += reading.said
        self.unread += reading.unread
        return text

    def _parse(self, name: str, reading: PartReading) -> None:
        info = self._zip.getinfo(name)
        if info.compress_type not in PLAIN_METHODS:
            raise ValueError("packed in a rare way")
        within = PartBounds(self._elements)
        parser = part_parser(reading, within)
        self._left -= PART_BYTES
        with self._zip.open(info) as member:
            while piece := member.read(XML_PIECE_BYTES):
                self._left -= len(piece)
                if self._left < 0:
                    raise ValueError("too much to unpack")
                parser.Parse(piece, False)
                within.read(len(piece))
        parser.Parse(b"", True)
        self._elements = within.elements


def _require_small_contents(file: BinaryIO) -> None:
    """Raises ValueError: opening it would take much memory, or it is larger than such documents are."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 66_000))
    tail = file.read()
    at = tail.rfind(END_RECORD)
    if at < 0 or END64 in tail[max(0, at - 20) : at]:
        raise ValueError("no plain zip")
    (contents,) = struct.unpack_from("<I", tail, at + 12)
    if contents > MAX_CONTENTS_BYTES:
        raise ValueError("too many files")
    file.seek(0)
