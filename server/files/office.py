"""Documents that are a zip of XML: the text of Word, PowerPoint and EPUB, read with the standard library alone.

What such a file may cost is bounded: its table of contents, what is unpacked, the text. Declared entities, with which a
few bytes become billions, end the reading, and so does whatever else no program writes. Left out: numbers of lists,
which Word draws itself, headers and footers, comments, and what is marked as hidden or deleted.
"""

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5
from typing import BinaryIO
from urllib.parse import unquote
from xml.parsers import expat

MAX_OFFICE_BYTES = 200_000_000
MAX_OFFICE_TEXT_CHARS = 10_000_000
MAX_CONTENTS_BYTES = 4_000_000  # of the table of contents: about 50,000 files
MAX_XML_DEPTH = 500
MAX_ELEMENTS = 2_000_000  # of all parts: a book of 2,000 pages has half of that
MAX_LISTED_ELEMENTS = 100_000  # relations, or items of a book
MAX_TOKEN_BYTES = 8_000_000  # a tag or a comment, which the parser reads anew with each piece of it
PART_BYTES = 10_000  # what a part counts at least, since opening one takes as long
XML_PIECE_BYTES = 256 * 1024
END_RECORD, END64 = b"PK\x05\x06", b"PK\x06\x07"
PLAIN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
NO_OFFICE = (
    zipfile.BadZipFile, zlib.error, expat.ExpatError, struct.error, EOFError, LookupError, OSError, RuntimeError,
    ValueError,
)  # fmt: skip
WORD_MAIN, SLIDES_MAIN, BOOK_MAIN = "word/document.xml", "ppt/presentation.xml", "META-INF/container.xml"
OFFICE_KINDS = {WORD_MAIN: "docx", SLIDES_MAIN: "pptx", "xl/workbook.xml": "xlsx", BOOK_MAIN: "epub"}
BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


class UnreadOffice(Exception):
    """It is broken, goes beyond a bound, or holds what is not read here."""


class Package:
    """A zip, opened within bounds. `kind`: docx, pptx, xlsx, epub; empty: another."""

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

    @property
    def kind(self) -> str:
        return next((kind for name, kind in OFFICE_KINDS.items() if name in self._names), "")

    def text(self) -> str:
        """What it says. Raises UnreadOffice."""
        read = {"docx": self._word, "pptx": self._slides, "epub": self._chapters}.get(self.kind)
        try:
            text = "\n\n".join(filter(None, (part.strip() for part in read()))) if read else ""
        except NO_OFFICE as error:
            raise UnreadOffice from error
        if not text:
            raise UnreadOffice
        return text

    def _word(self) -> Iterator[str]:
        for name in (WORD_MAIN, "word/footnotes.xml", "word/endnotes.xml"):
            if name in self._names:
                yield self._text_of(name, _OoxmlText)

    def _slides(self) -> Iterator[str]:
        related = self._related("ppt/_rels/presentation.xml.rels")
        for number, slide in enumerate(self._attributes(SLIDES_MAIN, "sldId", "id"), 1):
            text = self._text_of(posixpath.normpath(f"ppt/{related[slide]}"), _OoxmlText).strip()
            yield f"Slide {number}\n{text}" if text else ""

    def _related(self, name: str) -> dict[str, str]:
        found = _Elements("Relationship")
        self._parse(name, found)
        return {each["Id"]: each["Target"].removeprefix("/ppt/") for each in found.found}

    def _chapters(self) -> Iterator[str]:
        """In the order of the spine."""
        (root, *_) = self._attributes(BOOK_MAIN, "rootfile", "full-path")
        items = _Elements("item")
        self._parse(root, items)
        places = {each["id"]: unquote(each["href"].partition("#")[0]) for each in items.found}
        for chapter in self._attributes(root, "itemref", "idref"):
            yield self._text_of(posixpath.normpath(posixpath.join(posixpath.dirname(root), places[chapter])), _PageText)

    def _attributes(self, name: str, element: str, attribute: str) -> list[str]:
        found = _Elements(element)
        self._parse(name, found)
        return [each[attribute] for each in found.found]

    def _text_of(self, name: str, reader: "type[_OoxmlText | _PageText]") -> str:
        reading = reader(self._room)
        self._parse(name, reading)
        text = "".join(reading.pieces)
        self._room -= len(text)
        return text

    def _parse(self, name: str, reading: "_Reading") -> None:
        info = self._zip.getinfo(name)
        if info.compress_type not in PLAIN_METHODS:
            raise ValueError("packed in a rare way")
        within = _Bounds(self._elements)
        parser = _parser(reading, within)
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


class _Reading:
    """What is made of the elements of one part, by their local names."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """It ends."""

    def text(self, text: str) -> None:
        """Its letters."""


@dataclass
class _Bounds:
    """What of one part may still come. All raise ValueError: it is too much."""

    elements: int
    depth: int = 0
    silent_bytes: int = 0  # since the parser last said something

    def read(self, size: int) -> None:
        self.silent_bytes += size
        if self.silent_bytes > MAX_TOKEN_BYTES:
            raise ValueError("a tag or a comment without an end")

    def start(self) -> None:
        self.silent_bytes = 0
        self.elements -= 1
        self.depth += 1
        if self.depth > MAX_XML_DEPTH or self.elements < 0:
            raise ValueError("too deep, or too many elements")

    def end(self) -> None:
        self.silent_bytes = 0
        self.depth -= 1


def _parser(reading: _Reading, within: _Bounds) -> expat.XMLParserType:
    """Element and attribute names come without their prefixes; an entity of HTML is its letter, any other declared one
    an end: those that are no letters can only be declared inside the document.
    """
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        within.start()
        reading.start(_local(name), {_local(each): value for each, value in attributes.items()})

    def end(name: str) -> None:
        within.end()
        reading.end(_local(name))

    def text(text: str) -> None:
        within.silent_bytes = 0
        reading.text(text)

    def doctype(_name: str, _system: str | None, _public: str | None, has_internal_subset: int) -> None:
        if has_internal_subset:
            raise ValueError("declares entities")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    parser.SkippedEntityHandler = lambda name, _: reading.text(html5.get(f"{name};", ""))
    parser.UseForeignDTD(True)  # or &nbsp; of a page would be an error: nothing is fetched for it
    parser.buffer_text = True
    return parser


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _Elements(_Reading):
    """The attributes of all elements of one name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.found: list[dict[str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._name:
            self.found.append(attributes)
        if len(self.found) > MAX_LISTED_ELEMENTS:
            raise ValueError("too many of them")


class _Pieces(_Reading):
    """Text within bounds."""

    def __init__(self, room: int) -> None:
        self._room = room
        self.pieces: list[str] = []

    def add(self, text: str) -> None:
        self._room -= len(text)
        if self._room < 0:
            raise ValueError("too much text")
        self.pieces.append(text)


class _OoxmlText(_Pieces):
    """Of Word and PowerPoint: paragraphs are lines, cells are parted by tabs."""

    def __init__(self, room: int) -> None:
        super().__init__(room)
        self._within: list[str] = []
        self._hidden = False
        self._twice = 0  # inside what older programs are shown instead

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._within.append(name)
        self._twice += name == "Fallback"
        if name == "r":
            self._hidden = False
        elif name == "vanish" and "r" in self._within[-3:]:
            self._hidden = attributes.get("val", "1") not in ("0", "false", "off")
        elif name in BREAKS and self._within[-2:-1] in (["r"], ["p"]) and self._is_seen:
            self.add(BREAKS[name])

    def end(self, name: str) -> None:
        self._within.pop()
        self._twice -= name == "Fallback"
        if self._twice:
            return
        if name == "p":
            self.add(" " if "tc" in self._within else "\n")
        elif name in ("tc", "tr"):
            self.add("\t" if name == "tc" else "\n")

    def text(self, text: str) -> None:
        if self._within[-1:] == ["t"] and self._is_seen:
            self.add(text)

    @property
    def _is_seen(self) -> bool:
        return not (self._hidden or self._twice)


class _PageText(_Pieces):
    """Of a page in XHTML."""

    SKIPPED = ("head", "script", "style", "svg", "math")
    BLOCKS = (
        "p", "div", "li", "tr", "br", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "section", "dt", "dd",
    )  # fmt: skip

    def __init__(self, room: int) -> None:
        super().__init__(room)
        self._skipped = 0
        self._verbatim = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._skipped += name in self.SKIPPED
        self._verbatim += name == "pre"

    def end(self, name: str) -> None:
        self._skipped -= name in self.SKIPPED
        self._verbatim -= name == "pre"
        if not self._skipped and name in (*self.BLOCKS, "td", "th"):
            self.add("\t" if name in ("td", "th") else "\n")

    def text(self, text: str) -> None:
        if not self._skipped:
            self.add(text if self._verbatim else _in_one_line(text))


def _in_one_line(text: str) -> str:
    words = " ".join(text.split())
    before, after = (" " if text[:1].isspace() else ""), (" " if words and text[-1:].isspace() else "")
    return f"{before}{words}{after}"
