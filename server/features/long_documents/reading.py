"""What a question is about: files as parts of its message, and documents with the text that is read here."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anyio import to_thread

from ...calls.call import Call
from ...catalog.pricing import TextTokens, text_tokens
from ...errors import InvalidRequest
from ...files import InputFile, Link, OtherFile, PageWords, Pdf
from ...text import first_few
from ..attachments import Attached, TargetModel, attached_media, joined_pages, open_source, page_notes

MAX_LONG_PDF_CHARS = 10_000_000
UPLOADED_AS_THEY_ARE = ("docx", "xlsx", "epub", "mobi")  # kinds that DashScope reads: see `uploading`


@dataclass(frozen=True)
class Question:
    """`history`: the messages before it."""

    prompt: str
    system: str = ""
    history: tuple[Mapping[str, Any], ...] = ()
    files: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return (self.prompt, self.system, *(json.dumps(turn, ensure_ascii=False) for turn in self.history))


@dataclass(frozen=True)
class Document:
    """`kind`: of what is not read here but by DashScope, the ending of its name; then there is no text, and nobody has
    counted its tokens.
    """

    source: str
    name: str
    text: str = ""
    kind: str = ""
    tokens: TextTokens | None = None
    is_pdf: bool = False
    notes: tuple[str, ...] = ()

    @property
    def most_tokens(self) -> int | None:
        """A token is a byte at least."""
        return len(self.text.encode("utf-8", "replace")) if self.tokens else None


@dataclass(frozen=True)
class Material:
    """Documents, and what else there is for the message."""

    documents: tuple[Document, ...] = ()
    others: Attached = Attached()  # noqa: RUF009 - frozen, and nothing in it can change

    @property
    def counts(self) -> list[TextTokens]:
        return [document.tokens for document in self.documents if document.tokens]

    @property
    def unread(self) -> Document | None:
        """The first that is not read here."""
        return next((document for document in self.documents if document.kind), None)


async def material(call: Call, target: TargetModel, files: Sequence[str], *, long: bool, named: bool) -> Material:
    """What the files hold. PDFs are documents for models that do not read them; to a model that was named they are
    sent as they are, or refused. `long`: the model reads documents alone.

    Raises:
        InvalidRequest: the model does not read them, or one cannot be used.
    """
    documents, others = list[Document](), Attached()
    reads_pdfs = bool(target.model and "pdf" in target.model.input)
    for source in files:
        async with open_source(call, source) as found, call.heartbeat("reading the file"):
            if isinstance(found, OtherFile) or (isinstance(found, Pdf) and (long or not (named or reads_pdfs))):
                documents.append(await _document(source, found))
            else:
                _require_no_link(found, target, long=long)
                others += await attached_media(call, found, target)
    return Material(tuple(documents), others)


def _require_no_link(found: InputFile, target: TargetModel, *, long: bool) -> None:
    if long and isinstance(found, Link):
        raise InvalidRequest(f"{target.name} reads files, and nothing by URL. Download it and give its path.")


async def _document(source: str, found: OtherFile | Pdf) -> Document:
    if isinstance(found, Pdf):
        return await _pdf(source, found)
    return await to_thread.run_sync(_other, source, found, abandon_on_cancel=True)


def _other(source: str, found: OtherFile) -> Document:
    kind = found.kind
    try:
        read = found.read()
    except InvalidRequest:
        if kind not in UPLOADED_AS_THEY_ARE:
            raise
        return Document(source, found.name, kind=kind, notes=found.unsure())
    return Document(source, found.name, read.text, tokens=text_tokens(read.text), notes=read.notes)


async def _pdf(source: str, found: Pdf) -> Document:
    pages = await found.all_words(MAX_LONG_PDF_CHARS)
    text = joined_pages([page.whole for page in pages]).text
    tokens = await to_thread.run_sync(text_tokens, text, abandon_on_cancel=True)
    return Document(source, found.name, text, tokens=tokens, is_pdf=True, notes=tuple(_notes(found, pages)))


def _notes(found: Pdf, pages: Sequence[PageWords]) -> list[str]:
    """What the text does not hold, where nobody looks at the pages."""
    unlooked = [replace(page, more="") for page in pages]
    bare = [str(number) for number, page in enumerate(pages, 1) if not page.trouble and not page.whole.strip()]
    said = [f"Of {found.name} these pages have no text, and are left out: {first_few(bare)}. `ocr` reads them."]
    return [*page_notes(found, unlooked), *(said if bare else [])]
