"""Formulas of Office, as they are written in one line: 1/2, (a+b)/2, 10^6, ∑_(i=1)^n x_i.

The elements: ECMA-376, part 1, 22.1.
"""

from dataclasses import dataclass, field

from .xml_parts import Pieces

PART_MARKS = {"num": "", "den": "/", "sup": "^", "sub": "_", "lim": "_", "deg": ""}
BASES = ("sSup", "sSub", "sSubSup", "sPre", "rad")  # whose own part is one, too
BETWEEN_PARTS = {"func": ("", " "), "nary": (" ", " "), "mr": ("", ", "), "m": ("", "; "), "eqArr": ("", "; ")}
AFTER = {"acc": "\u0302", "bar": "\u0305", "d": ")", "naryPr": "∫"}
CHARS = {"acc": "chr", "d": "endChr", "naryPr": "chr"}  # which say otherwise
TOLD = ("chr", "begChr", "endChr", "sepChr")
MAX_PIECES_OF_A_TOKEN = 8


@dataclass
class _Opened:
    """An element. `at`: of the piece that is its mark, where it is a part; `parts`: how many it has had itself."""

    name: str
    at: int = -1
    parts: int = 0
    told: dict[str, str] = field(default_factory=dict)


class Formula:
    def __init__(self, text: Pieces) -> None:
        self._text = text
        self._opened: list[_Opened] = []

    @property
    def is_open(self) -> bool:
        return bool(self._opened)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        text, parent, opened = self._text, self._opened[-1] if self._opened else _Opened(""), _Opened(name)
        if not self._opened:
            text.add(" " if text.last.isalnum() else "")
        elif name in TOLD and len(self._opened) > 1:
            of = parent if parent.name == "naryPr" else self._opened[-2]
            of.told[name] = attributes.get("val", "")
        elif name in ("e", "mr", "fName"):
            text.add(_before(parent))
            parent.parts += 1
        if name == "rad":
            text.add("√")
        if name in PART_MARKS or (name == "e" and parent.name in BASES):
            self._start_part(opened)
        self._opened.append(opened)

    def _start_part(self, opened: _Opened) -> None:
        """With a place for its mark, since only its end tells whether it needs one."""
        text = self._text
        if text.joint and not PART_MARKS.get(opened.name) and (text.last.isalnum() or text.last == ")"):
            text.add(" ")
        text.joint = ""
        opened.at = len(text.pieces)
        text.pieces.append("")

    def end(self) -> None:
        text, opened = self._text, self._opened.pop()
        if opened.name in AFTER:
            text.add(opened.told.get(CHARS.get(opened.name, ""), AFTER[opened.name]))
        if opened.at >= 0:
            self._end_part(opened)
        if opened.at >= 0 or not self._opened:
            text.joint = text.APART

    def _end_part(self, opened: _Opened) -> None:
        pieces, mark = self._text.pieces, PART_MARKS.get(opened.name, "")
        said = pieces[opened.at + 1 :] if len(pieces) - opened.at <= MAX_PIECES_OF_A_TOKEN else ["", " and more"]
        part = "".join(said)
        if not part.strip():
            return
        if opened.name == "deg" or not _is_token(part):
            first, last = "[]" if opened.name == "deg" else "()"
            self._text.add(last)
            pieces[opened.at] = mark + first
        else:
            pieces[opened.at] = mark


def _before(parent: _Opened) -> str:
    """What stands before a part of it."""
    if parent.name == "d":
        return parent.told.get("sepChr", "|") if parent.parts else parent.told.get("begChr", "(")
    return BETWEEN_PARTS.get(parent.name, ("", ""))[parent.parts > 0]


def _is_token(part: str) -> bool:
    bare = part.strip().lstrip("+-\u2212").replace(".", "").replace(",", "")
    in_brackets = part.startswith("(") and part.endswith(")") and part.count("(") == 1
    return len(part) == 1 or bare.isdecimal() or bare.isalpha() or in_brackets
