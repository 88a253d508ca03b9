"""The text of a page in XHTML, as EPUB has them: blocks are lines, cells are parted by tabs."""

from .xml_parts import Pieces

SKIPPED = ("head", "script", "style", "svg", "math", "rp")
BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "button", "caption", "center", "dd", "details", "dialog",
    "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hgroup", "hr", "legend", "li", "main", "menu", "nav", "ol", "optgroup", "option", "p", "pre", "search",
    "section", "select", "summary", "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "tr", "ul",
))  # fmt: skip
CELL_ENDS = {"td": "\t", "th": "\t", "tr": "\n", "br": "\n"}
SHIFTED = {"sup": Pieces.RAISED, "sub": Pieces.LOWERED}
PICTURES = {"img": "alt", "svg": "aria-label", "math": "alttext"}  # and the attribute that tells what they show


class BookText(Pieces):
    def __init__(self, room: int) -> None:
        super().__init__(room)
        self._skipped = 0
        self._verbatim = 0
        self._parted = False  # a block began or ended

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in PICTURES and not self._skipped:
            self._show(name, " ".join(attributes.get(PICTURES[name], "").split()))
        self._skipped += name in SKIPPED
        self._verbatim += name == "pre"
        self._parted |= name in BLOCKS
        self.joint = SHIFTED.get(name, self.joint)
        if name == "rt" and not self._skipped:
            self.add("(")

    def end(self, name: str) -> None:
        self._skipped -= name in SKIPPED
        self._verbatim -= name == "pre"
        if name in CELL_ENDS and not self._skipped:
            self.add(CELL_ENDS[name])
            self._parted = False
        self._parted |= name in BLOCKS
        if name in SHIFTED:
            self.joint = self.LEVEL
        if name == "rt" and not self._skipped:
            self.add(")")

    def text(self, text: str) -> None:
        if self._skipped:
            return
        if not self._verbatim:
            text = _in_one_line(text)
            if self._parted or self.last in ("", "\n", "\t"):
                text = text.lstrip()
        if text:
            self._part()
            self.say(text)

    def _show(self, name: str, shows: str) -> None:
        """In its place, what a picture or a formula shows as far as that is told: neither is read."""
        kind = "formula" if name == "math" else "picture"
        if not (kind == "formula" and shows):
            self.unread[f"{kind}s"] += 1
        self._part()
        self.add(f"[{shows or kind}]")

    def _part(self) -> None:
        if self._parted:
            self.new_line()
        self._parted = False


def _in_one_line(text: str) -> str:
    words = " ".join(text.split())
    before, after = (" " if text[:1].isspace() else ""), (" " if words and text[-1:].isspace() else "")
    return f"{before}{words}{after}"
