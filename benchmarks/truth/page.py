"""A page as its writer set it, in blocks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Item:
    """A line of a list; with `ticked` a box of a form."""

    text: str
    ticked: bool | None = None


@dataclass(frozen=True)
class Pairs:
    """Labels and their values, one under the other."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""  # a merged row above the head


Block = Heading | Paragraph | Item | Pairs | Table


@dataclass(frozen=True)
class Page:
    genre: str
    language: str  # zh, en, de or fr
    blocks: tuple[Block, ...]
    header: str
    footer: str
