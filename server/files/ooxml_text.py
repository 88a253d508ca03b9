"""The text of a part of Word or PowerPoint: paragraphs are lines, cells are parted by tabs."""

from .formulas import Formula
from .xml_parts import Pieces

BREAKS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
DELETED = ("del", "moveFrom")
UNREAD_ELEMENTS = {"blip": "pictures", "imagedata": "pictures", "chart": "charts"}
SHIFTS = {"superscript": Pieces.RAISED, "subscript": Pieces.LOWERED}
UNKNOWN_LETTER = "\ufffd"
# What fonts of signs draw in the place of letters: https://www.unicode.org/Public/MAPPINGS/VENDORS/ADOBE/symbol.txt
SYMBOL_GREEK = zip(
    (*range(0x41, 0x5B), *range(0x61, 0x7B)),
    "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖαβχδεφγηιϕκλμνοπθρστυϖωξψζ",
    strict=True,
)
SYMBOL_SIGNS = zip(
    bytes.fromhex("a2a3a5abacadaeafb0b1b2b3b4b5b6b7b8b9babbc5c6c7c8ccced0d1d5d6d7d9dadbdee5f2"),
    "′≤∞↔←↑→↓°±″≥×∝∂•÷≠≡≈⊕∅∩∪⊂∈∠∇∏√⋅∧∨⇔⇒∑∫",
    strict=True,
)
SYMBOL_SAME = b" !#%&()+,./0123456789:;<=>?[]_{|}"
WINGDINGS_BOXES = zip(bytes.fromhex("6fa8fbfcfdfe"), "□◻✗✓☒☑", strict=True)
DRAWN: dict[str, dict[int, str]] = {
    "symbol": {**{code: chr(code) for code in SYMBOL_SAME}, **dict(SYMBOL_GREEK), **dict(SYMBOL_SIGNS)},
    "wingdings": dict(WINGDINGS_BOXES),
}


class OoxmlText(Pieces):
    def __init__(self, room: int) -> None:
        super().__init__(room)
        self._within: list[str] = []
        self._formula = Formula(self)
        self._hidden = False
        self._left_out_at = 0  # how deep the element is that is left out with all it holds; 0: none is
        self._alternatives: list[int] = []  # what was said or counted before each
        self._shift = self._last_shift = ""  # of the run, raised or lowered
        self._ruby_at = 0
        self._ruby: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._within.append(name)
        if not self._left_out_at and self._is_left_out(name, attributes):
            self._left_out_at = len(self._within)
        if self._left_out_at:
            return
        if name == "AlternateContent":
            self._alternatives.append(self._known)
        if name == "oMath" or self._formula.is_open:
            self._formula.start(name, attributes)
        self._start_run(name, attributes)
        self._start_sign(name, attributes)

    def _start_run(self, name: str, attributes: dict[str, str]) -> None:
        """What holds for the run, or where its text begins."""
        if name == "r":
            self._hidden, self._shift = False, ""
        elif name == "vanish" and "r" in self._within[-3:]:
            self._hidden = attributes.get("val", "1") not in ("0", "false", "off")
        elif name == "vertAlign" and "r" in self._within[-3:]:
            self._shift = SHIFTS.get(attributes.get("val", ""), "")
        elif name == "rPr" and self._within[-2:-1] == ["r"]:
            height = attributes.get("baseline", "0")
            moved = self.LOWERED if height.startswith("-") else self.RAISED
            self._shift = "" if height.rstrip("%") in ("0", "") else moved
        elif name == "txbxContent":
            self.new_line()
        elif name == "rt":
            self._ruby_at = len(self.pieces)

    def _start_sign(self, name: str, attributes: dict[str, str]) -> None:
        """What is no text: a break, a letter by its number, a picture."""
        if name in UNREAD_ELEMENTS and self._within[-2:-1] != ["buBlip"]:
            self.unread[UNREAD_ELEMENTS[name]] += 1
        elif name in BREAKS and self._within[-2:-1] in (["r"], ["p"]) and not self._hidden:
            self.add(BREAKS[name])
        elif name == "sym" and not self._hidden:
            self.say(_drawn(attributes.get("font", ""), attributes.get("char", "")))

    def end(self, name: str) -> None:
        if self._left_out_at:
            self._left_out_at = 0 if self._left_out_at == len(self._within) else self._left_out_at
            self._within.pop()
            return
        self._within.pop()
        if self._formula.is_open:
            self._formula.end()
        if name == "AlternateContent":
            self._alternatives.pop()
        elif name == "p":
            self.add(" " if "tc" in self._within else "\n")
        elif name in ("tc", "tr"):
            self.add("\t" if name == "tc" else "\n")
        elif name == "txbxContent":
            self.new_line()
        else:
            self._end_ruby(name)

    def _end_ruby(self, name: str) -> None:
        """What is said beside a word stands before it in the file."""
        if name == "rt":
            self._ruby += self.pieces[self._ruby_at :]
            del self.pieces[self._ruby_at :]
        elif name == "ruby":
            self.add("(")
            self.pieces += self._ruby
            self.add(")")
            self._ruby = []

    def text(self, text: str) -> None:
        if self._within[-1:] != ["t"] or self._hidden or self._left_out_at:
            return
        if self._shift != self._last_shift:
            self.joint = self._shift or self.LEVEL
        self._last_shift = self._shift
        self.say(text)

    def _is_left_out(self, name: str, attributes: dict[str, str]) -> bool:
        """Deleted, the number that a slide already has, or another form of what has been said."""
        if name in ("Choice", "Fallback"):
            return bool(self._alternatives) and self._alternatives[-1] < self._known
        return name in DELETED or (name == "fld" and attributes.get("type") == "slidenum")

    @property
    def _known(self) -> int:
        return self.said + self.unread.total()


def _drawn(font: str, number: str) -> str:
    """The sign of a font that has its own in the place of letters, or in a range where each has another."""
    try:
        code = int(number, 16)
    except ValueError:
        return UNKNOWN_LETTER
    signs = DRAWN.get(font.lower())
    if signs is None and not 0xE000 <= code <= 0xF8FF:
        return chr(code) if code < 0xD800 or 0xF900 <= code <= 0xFFFF else UNKNOWN_LETTER
    return (signs or {}).get(code & 0xFF, UNKNOWN_LETTER)
