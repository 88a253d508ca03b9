"""Word documents: what is said changes, how it looks stays. The only file that needs python-docx, loaded when used.

Each paragraph, in the body, tables, text boxes, headers, footers, footnotes and endnotes, is one piece. Its longest
format carries the words; words in another format stand between marks, what is no text (pictures, notes, fields, tabs)
is a mark. The form: https://learn.microsoft.com/openspecs/office_standards/ms-docx and ECMA-376.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from ...errors import InvalidRequest
from ...files import Package, UnreadOffice
from .marks import first_free, span, thing
from .plain_text import edges_of
from .units import ANY_LETTER, TextUnit
from .untranslated import Untranslated, tell

MAX_ZIP_ENTRIES, MAX_DOCX_BYTES, MAX_XML_BYTES = 5_000, 150_000_000, 30_000_000  # of a file in which nothing is hidden
MAX_PARAGRAPHS = 20_000
MAX_SIBLINGS = 50_000  # runs of one paragraph, each of which Word may have cut where somebody typed
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
ALTERNATIVES, NEWER_CHOICE, FALLBACK = f"{MC}AlternateContent", f"{MC}Choice", f"{MC}Fallback"
XML_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
CONTAINERS = {ALTERNATIVES} | {
    f"{W}{name}" for name in ("hyperlink", "ins", "smartTag", "fldSimple", "moveTo", "sdt", "customXml", "dir")
}
# Whose words are those of another paragraph, or not on the page
NOT_ITS_WORDS = {f"{W}{name}" for name in ("p", "del", "moveFrom")} | {FALLBACK}
# What is nowhere on the page: of no use once the words change, and what stays, ahead of the words
INVISIBLE = {f"{W}{name}" for name in ("proofErr", "lastRenderedPageBreak", "softHyphen")}
UNSEEN_LOOKS = {f"{W}{name}" for name in ("lang", "noProof", "rtl")}
# PNG, JPEG, GIF, BMP, TIFF, EMF, WMF, WebP: none of which any XML begins with
PICTURE_HEADS = (
    b"\x89PNG", b"\xff\xd8", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\1\0\0\0", b"\xd7\xcd\xc6\x9a", b"RIFF",
)  # fmt: skip
STORIES = {  # by the end of a part's content type
    "document.main+xml": "", "template.main+xml": "", "header+xml": "header: ", "footer+xml": "footer: ",
    "footnotes+xml": "footnotes: ", "endnotes+xml": "endnotes: ",
}  # fmt: skip
NOT_READ = {"comments+xml": "comments", "chart+xml": "charts", "diagramData+xml": "diagrams"}
STAYED = "words in it with a reading above them, a forced direction or an unknown form stayed as they were"
NO_LIBRARY = (
    'Word documents need python-docx, which is not installed here: pip install "bailian-mcp[documents]" in the '
    "server's environment and restart the server, or save the document as text or Markdown."
)


@dataclass
class _Stretch:
    """Words of one format: elements that stand one after another. `holder`: where its text goes."""

    element: Any
    text: str
    look: bytes


@dataclass
class _Paragraph:
    """Siblings that are one piece, taken apart. `base`: the format of the words outside of marks."""

    parent: Any
    pieces: list[_Stretch | Any] = field(default_factory=list)  # stretches, and elements that are no text
    base: bytes = b""
    first: int = 1
    edges: tuple[str, str] = ("", "")
    skipped: bool = False  # words of a field are in it
    unread: bool = False  # words are in it that stay

    def text(self) -> str:
        said = []
        for number, piece in enumerate(self.pieces, self.first):
            if not isinstance(piece, _Stretch):
                said.append(thing(number))
            else:
                said.append(piece.text if piece.look == self.base else span(number, piece.text))
        return "".join(said)

    @property
    def things(self) -> dict[int, str]:
        return {n: "" for n, piece in enumerate(self.pieces, self.first) if not isinstance(piece, _Stretch)}

    @property
    def spans(self) -> dict[int, tuple[str, str]]:
        pairs = enumerate(self.pieces, self.first)
        return {n: ("", "") for n, piece in pairs if isinstance(piece, _Stretch) and piece.look != self.base}

    def fill(self, unit: TextUnit, translation: str) -> None:
        """The elements anew, in the order of the translation."""
        elements = [piece.element if isinstance(piece, _Stretch) else piece for piece in self.pieces]
        pattern = next(piece for piece in self.pieces if isinstance(piece, _Stretch) and piece.look == self.base)
        new: list[Any] = []
        inside = 0
        before, after = self.edges
        for piece in unit.read(f"{before}{translation}{after}").pieces:
            if isinstance(piece, str):
                source = self.pieces[inside - self.first] if inside else pattern
                new.append(_saying(source.element, piece))
            elif piece.kind == "thing":
                new.append(elements[piece.number - self.first])
            else:
                inside = piece.number if piece.kind == "open" else 0
        place = elements[0].makeelement(f"{W}r")
        elements[0].addprevious(place)
        for element in elements:
            self.parent.remove(element)
        for element in new:
            place.addprevious(element)
        self.parent.remove(place)


class WordDocument:
    suffix = ".docx"

    def __init__(self, name: str, content: bytes) -> None:
        """Raises InvalidRequest: it is none, it is broken or too large, or python-docx is not installed."""
        self._document, self._parts = _opened(name, content)
        self._paragraphs: list[_Paragraph] = []
        self.units: list[TextUnit] = []
        self.notes: list[str] = []
        self.untranslated: list[Untranslated] = []
        self._fields = False
        for story, root, _ in self._parts:
            self._read(name, story, root)
        self._note_what_stays()

    def _note_what_stays(self) -> None:
        kinds = {part.content_type.rpartition(".")[2] for part in self._document.part.package.iter_parts()}
        left = [words for ending, words in NOT_READ.items() if any(kind.endswith(ending) for kind in kinds)]
        left += ["words of fields"] if self._fields else []
        if left:
            self.notes.append(f"not translated: {', '.join(left)}")

    def filled(self, translations: Mapping[int, str]) -> bytes:
        from lxml import etree

        for number, translation in translations.items():
            self._paragraphs[number].fill(self.units[number], translation)
        for _, root, part in self._parts:
            if part is not None:
                part._blob = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
        out = BytesIO()
        self._document.save(out)
        return out.getvalue()

    def _read(self, name: str, story: str, root: Any) -> None:
        paragraphs = list(root.iter(f"{W}p"))
        if len(paragraphs) > MAX_PARAGRAPHS:
            raise InvalidRequest(f"{name} has more than {MAX_PARAGRAPHS:,} paragraphs. Split it.")
        if any(len(each) > MAX_SIBLINGS for each in root.iter(f"{W}p", *CONTAINERS, f"{W}sdtContent", NEWER_CHOICE)):
            raise InvalidRequest(f"{name} holds more than is unpacked here. Split it.")
        for number, paragraph in enumerate(paragraphs, 1):
            if any(above.tag == FALLBACK for above in paragraph.iterancestors()):
                continue  # what older programs show of a text box: it stays as it is
            for found in _pieces_of(paragraph):
                self._offer(found, f"{story}paragraph {number}")

    def _offer(self, found: _Paragraph, place: str) -> None:
        self._fields |= found.skipped
        if found.unread:
            tell(self.untranslated, place, STAYED)
        _trim(found)
        stretches = [piece for piece in found.pieces if isinstance(piece, _Stretch)]
        if not stretches:
            return
        looks: dict[bytes, int] = {}
        for piece in stretches:
            looks[piece.look] = looks.get(piece.look, 0) + len(piece.text)
        found.base = max(looks, key=lambda look: looks[look])
        found.first = first_free(*(piece.text for piece in stretches))
        text = found.text()
        found.edges = edges_of(text)
        unit = TextUnit(text.strip(), place, (), found.things, found.spans)
        if unit.has_words:
            self.units.append(unit)
            self._paragraphs.append(found)


# --- opening ---


def _opened(name: str, content: bytes) -> tuple[Any, list[tuple[str, Any, Any]]]:
    """The document, and its stories: where each is, its tree, and the part that has to be told of a change."""
    _require_harmless(name, content)
    try:
        import docx
        from docx.opc.exceptions import OpcError
        from docx.oxml.parser import parse_xml
        from lxml.etree import LxmlError
    except ImportError:
        raise InvalidRequest(NO_LIBRARY) from None
    try:
        document = docx.Document(BytesIO(content))
        stories = []
        for part in document.part.package.iter_parts():
            where = next((told for ending, told in STORIES.items() if part.content_type.endswith(ending)), None)
            if where is not None:
                tree = getattr(part, "element", None)
                stories.append((where, parse_xml(part.blob) if tree is None else tree, part if tree is None else None))
    except (LxmlError, OpcError, ValueError, KeyError, AttributeError, zipfile.BadZipFile, OSError):
        raise InvalidRequest(f"{name} is no Word document that can be read. Save it anew as .docx.") from None
    return document, stories


def _require_harmless(name: str, content: bytes) -> None:
    """Raises InvalidRequest: it is no archive, or one that would grow too large: no more comes out than it says."""
    try:
        is_word = Package(BytesIO(content)).kind == "docx"  # whose table of contents is bounded
    except UnreadOffice:
        is_word = False
    if not is_word:
        raise InvalidRequest(f"{name} is no Word document that can be read. Save it anew as .docx.")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        entries = archive.infolist()
        xml = sum(each.file_size for each in entries if not _is_picture(archive, each))
    if any(entry.flag_bits & 1 for entry in entries):
        raise InvalidRequest(f"{name} is encrypted. Save it without a password.")
    sizes = (sum(entry.file_size for entry in entries), xml, len(entries))
    if any(size > most for size, most in zip(sizes, (MAX_DOCX_BYTES, MAX_XML_BYTES, MAX_ZIP_ENTRIES), strict=True)):
        raise InvalidRequest(f"{name} holds more than is unpacked here. Split it.")


def _is_picture(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """By its place and its first bytes: which of the parts are parsed, their types say, and not their places."""
    if not entry.filename.startswith("word/media/") or entry.flag_bits & 1:
        return False
    with archive.open(entry) as member:
        return member.read(4).startswith(PICTURE_HEADS)


# --- a paragraph taken apart ---


def _pieces_of(parent: Any) -> Iterator[_Paragraph]:
    """The siblings under a paragraph or a container as one piece; containers with more than words are their own."""
    found = _Paragraph(parent)
    depth = 0
    for child in list(parent):
        if child.tag in INVISIBLE:
            parent.remove(child)
        elif child.tag == f"{W}r":
            for part in _split_run(child):
                depth = max(0, depth + _field_depth(part))
                _take(found, part, depth)
        elif child.tag in CONTAINERS:
            yield from _contained(found, child)
        elif child.tag != f"{W}pPr" and not _marks_a_place(child):
            found.unread |= _says(child)
            found.pieces.append(child)
    _join(found)
    yield found


def _take(found: _Paragraph, run: Any, depth: int) -> None:
    """A run that is text alone, or one other thing; `depth`: of the fields around it."""
    text = _text_of(run)
    found.skipped |= bool(depth and ANY_LETTER.search(text))
    found.unread |= not text and _says(run)
    found.pieces.append(_Stretch(run, text, _look(run)) if text and not depth else run)


def _says(element: Any) -> bool:
    """Whether words of this paragraph stand in it."""
    if element.tag == f"{W}t":
        return bool(ANY_LETTER.search(element.text or ""))
    return element.tag not in NOT_ITS_WORDS and any(map(_says, element))


def _marks_a_place(element: Any) -> bool:
    """A bookmark, or where a comment begins: it stays among its siblings, ahead of words that moved."""
    return str(element.tag).endswith(("Start", "End"))


def _contained(found: _Paragraph, container: Any) -> Iterator[_Paragraph]:
    """A link is words of a look of its own; one that holds more than words is a thing here, and a piece by itself."""
    inside = _inside(container)
    inner = inside[0] if len(inside) == 1 else container
    plain = [run for run in inner if run.tag == f"{W}r" and _is_text(run)]
    if plain and len(plain) == len([run for run in inner if run.tag not in INVISIBLE]):
        text = "".join(_text_of(run) for run in plain)
        for run in plain[1:]:
            inner.remove(run)
        _say(plain[0], text)
        found.pieces.append(_Stretch(container, text, _look(plain[0]) + str(id(container)).encode()))
        return
    found.pieces.append(container)
    for each in inside:
        yield from _pieces_of(each)


def _inside(container: Any) -> list[Any]:
    """Where its words stand; what is there for several programs has them more than once."""
    names = {f"{W}sdt": f"{W}sdtContent", ALTERNATIVES: NEWER_CHOICE}
    return list(container.iterfind(names[container.tag])) if container.tag in names else [container]


def _split_run(run: Any) -> list[Any]:
    """A run as runs that are text alone, or hold one other thing alone."""
    children = [child for child in run if child.tag != f"{W}rPr"]
    if not children or _is_text(run):
        return [run]
    groups: list[list[Any]] = []
    for child in children:
        if child.tag in INVISIBLE:
            continue
        if groups and child.tag == f"{W}t" and groups[-1][0].tag == f"{W}t":
            groups[-1].append(child)
        else:
            groups.append([child])
    made = []
    for group in groups:
        copy = _like(run)
        copy.extend(group)
        made.append(copy)
    for part in made:
        run.addprevious(part)
    run.getparent().remove(run)
    return made


def _like(run: Any) -> Any:
    """An empty run of the same format."""
    copy = run.makeelement(run.tag, dict(run.attrib), nsmap=run.nsmap)
    look = run.find(f"{W}rPr")
    if look is not None:
        copy.append(deepcopy(look))
    return copy


def _is_text(run: Any) -> bool:
    kinds = {child.tag for child in run} - {f"{W}rPr"} - INVISIBLE
    return kinds == {f"{W}t"}


def _text_of(run: Any) -> str:
    return "".join(child.text or "" for child in run.findall(f"{W}t")) if _is_text(run) else ""


def _field_depth(run: Any) -> int:
    """A field is one thing from its beginning to its end: it is made anew by Word."""
    kinds = [each.get(f"{W}fldCharType") for each in run.findall(f"{W}fldChar")]
    return kinds.count("begin") - kinds.count("end")


def _look(run: Any) -> bytes:
    """What of a run's format can be seen; that of the language, and of spelling, cannot."""
    from lxml import etree

    look = run.find(f"{W}rPr")
    if look is None:
        return b""
    seen = [each for each in look if each.tag not in UNSEEN_LOOKS and set(each.attrib) != {f"{W}hint"}]
    return b"".join(etree.tostring(each, method="c14n") for each in seen)


def _join(found: _Paragraph) -> None:
    """Stretches of one look that touch are one: Word cuts them where somebody typed."""
    pieces: list[_Stretch | Any] = []
    texts: list[list[str]] = []
    for piece in found.pieces:
        last = pieces[-1] if pieces else None
        if isinstance(piece, _Stretch) and isinstance(last, _Stretch) and piece.look == last.look:
            texts[-1].append(piece.text)
            found.parent.remove(piece.element)
        else:
            pieces.append(piece)
            texts.append([piece.text] if isinstance(piece, _Stretch) else [])
    for piece, said in zip(pieces, texts, strict=True):
        if len(said) > 1:
            piece.text = "".join(said)
            _say(piece.element, piece.text)
    found.pieces = pieces


def _trim(found: _Paragraph) -> None:
    """What stands around the words is not sent; neither is white space at their edges."""
    wordy = [at for at, piece in enumerate(found.pieces) if _has_words(piece)]
    found.pieces = found.pieces[wordy[0] : wordy[-1] + 1] if wordy else []


def _has_words(piece: Any) -> bool:
    return isinstance(piece, _Stretch) and bool(piece.text.strip())


# --- words in place ---


def _saying(element: Any, text: str) -> Any:
    """A copy of it that says something else."""
    copy = deepcopy(element)
    _say(copy if copy.tag == f"{W}r" else next(copy.iter(f"{W}r")), text)
    return copy


def _say(run: Any, text: str) -> None:
    texts = run.findall(f"{W}t")
    for extra in texts[1:]:
        run.remove(extra)
    texts[0].text = text
    texts[0].set(XML_SPACE, "preserve")
