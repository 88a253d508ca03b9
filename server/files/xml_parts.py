"""XML of documents, within bounds: how deep, how many elements, how long a tag, how much text; no declared entity."""

from collections import Counter
from dataclasses import dataclass
from html.entities import html5
from xml.parsers import expat

MAX_XML_DEPTH = 500
MAX_LISTED_ELEMENTS = 100_000  # relations, or items of a book
MAX_TOKEN_BYTES = 8_000_000  # a tag or a comment, which the parser reads anew with each piece of it


class PartReading:
    """What is made of the elements of one part, by their local names."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """It ends."""

    def text(self, text: str) -> None:
        """Its letters."""


@dataclass
class PartBounds:
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


def part_parser(reading: PartReading, within: PartBounds) -> expat.XMLParserType:
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


class Elements(PartReading):
    """The attributes of all elements of these names."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self.found: list[dict[str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in self._names:
            self.found.append(attributes)
        if len(self.found) > MAX_LISTED_ELEMENTS:
            raise ValueError("too many of them")


class Pieces(PartReading):
    """Text within bounds. `unread`: how much is not read, by kind; `said`: how many of its pieces are letters.

    `joint`: what parts the next letters from those before, where they would run together with them.
    """

    RAISED, LOWERED = "^", "_"
    APART, LEVEL = " ", "level"  # two words; what comes behind a raised or lowered piece

    def __init__(self, room: int) -> None:
        self._room = room
        self.pieces: list[str] = []
        self.unread: Counter[str] = Counter()
        self.said = 0
        self.last = ""
        self.joint = ""

    def add(self, text: str) -> None:
        if not text:
            return
        self._room -= len(text)
        if self._room < 0:
            raise ValueError("too much text")
        self.pieces.append(text)
        self.last = text[-1]

    def say(self, text: str) -> None:
        """Letters of the document."""
        if not text:
            return
        joint, self.joint = self.joint, ""
        self.add(_parted(joint, self.last, text[0]))
        self.add(text)
        self.said += not text.isspace()

    def new_line(self) -> None:
        """Unless one has begun."""
        if self.last not in ("", "\n", "\t"):
            self.add("\n")


def _parted(joint: str, before: str, after: str) -> str:
    """What stands between two letters, the numbers of which would else be one: 10^6 and not 106."""
    if joint in (Pieces.RAISED, Pieces.LOWERED):
        return joint if before and not before.isspace() and (after.isalnum() or after in "+-\u2212") else ""
    alike = before.isalpha() == after.isalpha() or joint == Pieces.APART
    return " " if joint and alike and before.isalnum() and after.isalnum() else ""
