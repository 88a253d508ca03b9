"""A file beside a prompt becomes a part of the message, in the form the model takes.

Pages: https://help.aliyun.com/zh/model-studio/vision and .../pdf-understanding
"""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO, Literal

from anyio import to_thread

from ...calls.ask import NO_MEDIA
from ...calls.call import Call
from ...catalog import Catalog, Model
from ...catalog.pricing import is_ocr, pixels_for
from ...errors import InvalidRequest
from ...files import (
    MAX_INLINE_BYTES,
    ImageFile,
    InputFile,
    Link,
    MediaFile,
    OtherFile,
    PageWords,
    Pdf,
    Picture,
    names_a_path,
    open_input,
    refused_media,
)
from ...text import first_few
from .media import MEDIA_WORDS, able_models, inline_address, media_part, tokens_told

MAX_PDF_PAGES = 256
MAX_PICTURES = 10  # of one file in one request
LOOKED_AT = ("covered", "garbled", "crowded")  # pages that say more in what is drawn
PDF_MIME = "application/pdf"
Reads = Literal["image", "pdf", "audio", "video"]
Upload = Callable[[str, str, BinaryIO], Awaitable[str]]
"""Puts a file (its name here, the name and the content to store) where DashScope finds it; gives its address."""
Shown = Link | ImageFile | Pdf
Looks = Callable[[str, Shown, int, Picture | None, int], None]
"""Is told what a model will look at: the source ("files[0]"), the file, the page, its picture (None: there is but a
URL), the tile of it (0: all of it)."""


@dataclass(frozen=True)
class Attached:
    """Parts of a message. `pdf_pages`: how many will be billed by the page; None: a PDF whose pages nobody counted.

    `notes`: what of the files is not among them. `media_tokens`: of sound and film, by modality; None: nobody knows.
    """

    parts: tuple[dict[str, Any], ...] = ()
    pdf_pages: int | None = 0
    notes: tuple[str, ...] = ()
    media_tokens: Mapping[str, int] | None = field(default_factory=lambda: NO_MEDIA)

    @property
    def images(self) -> int:
        return sum(part["type"] == "image_url" for part in self.parts)

    def __add__(self, other: "Attached") -> "Attached":
        counts = (self.pdf_pages, other.pdf_pages)
        pages = None if None in counts else sum(filter(None, counts))
        tokens = _added(self.media_tokens, other.media_tokens)
        return Attached(self.parts + other.parts, pages, self.notes + other.notes, tokens)


def _added(one: Mapping[str, int] | None, other: Mapping[str, int] | None) -> Mapping[str, int] | None:
    if one is None or other is None:
        return None
    return {kind: one.get(kind, 0) + other.get(kind, 0) for kind in (*one, *other)}


@dataclass(frozen=True)
class TargetModel:
    """The model that files are for, as far as the catalog knows it. `pixels`: the most of an image that it uses."""

    name: str
    model: Model | None
    catalog: Catalog = field(repr=False)
    pixels: int
    upload: Upload
    region: str = ""
    looks: Callable[[Shown, int, Picture | None, int], None] = lambda *_: None  # is told what will be looked at

    @property
    def sees_images(self) -> bool:
        """As far as is known."""
        return self.model is None or not self.model.input or "image" in self.model.input

    def require(self, kind: Reads) -> None:
        """Raises InvalidRequest: the model does not read that."""
        if self.model is None or not self.model.input or kind in self.model.input:
            return
        if kind == "image":
            raise InvalidRequest(
                f"{self.name} reads no images. Use {self.catalog.defaults['chat']}, or leave them out."
            )
        if kind in MEDIA_WORDS:
            able = able_models(self.catalog, kind, self.region)[:2]
            also = ", or write it down with `transcribe` (BAILIAN_TOOLS=media)" if kind == "audio" else ""
            raise InvalidRequest(f"{self.name} takes no {MEDIA_WORDS[kind]}. Use {' or '.join(able)}{also}.")
        able = [each.id for each in self.catalog.models if kind in each.input and each.in_service][:3]
        raise InvalidRequest(f"{self.name} reads no PDFs. Use {' or '.join(able)}, or read it with `ocr` or `extract`.")

    async def address(self, picture: Picture, name: str) -> str:
        """Where DashScope finds a picture: in the request itself, where it fits."""
        if len(picture.content) <= MAX_INLINE_BYTES:
            return picture.data_uri
        ending = picture.mime.partition("/")[2]
        return await self.upload(name, f"image.{ending}", BytesIO(picture.content))


BETWEEN_PAGES = "\n\n"
CLOSED_TO_REMOTE = (
    "This server reads no files of its own machine for callers over HTTP. Give an https URL or a data URI. "
    "Whoever runs the server can open folders with BAILIAN_ALLOWED_DIRS."
)


@asynccontextmanager
async def open_source(call: Call, source: str) -> AsyncIterator[InputFile]:
    """What a path, URL or data URI holds, while the block lasts.

    Raises:
        InvalidRequest: it cannot be used.
    """
    if names_a_path(source):
        call.require_settings("BAILIAN_ALLOWED_DIRS")
        if call.context.remote and not call.context.folders:
            raise InvalidRequest(CLOSED_TO_REMOTE)
    async with AsyncExitStack() as stack:
        async with call.heartbeat("opening the file"):
            context = call.context
            found = await stack.enter_async_context(open_input(source, context.folders, context.renderer))
        yield found


def target_of(call: Call, model: str) -> TargetModel:
    """The model, as somebody to send files to."""
    known = call.known(model)
    region = call.context.host.region
    return TargetModel(model, known, call.catalog, pixels_for(model, known), partial(_stored, call, model), region)


async def attached_media(call: Call, found: Link | ImageFile | Pdf | MediaFile, target: TargetModel) -> Attached:
    """A file as it goes beside a prompt, sound and film too: what they come to is told before they are sent."""
    kind = found.kind if isinstance(found, MediaFile) else found.media if isinstance(found, Link) else None
    if kind is None:
        return await attached(found, target)
    assert isinstance(found, Link | MediaFile)
    target.require(kind)
    tokens = await tokens_told(call, target.name, found, kind)
    return Attached((await media_part(await _media_address(found, target), kind, _format(found)),), media_tokens=tokens)


def _format(found: Link | MediaFile) -> str:
    return found.ending if isinstance(found, Link) else found.format


async def _media_address(found: Link | MediaFile, target: TargetModel) -> str:
    """Where DashScope finds it: in the request itself, where it fits."""
    if isinstance(found, Link):
        return found.url
    if found.size_bytes <= MAX_INLINE_BYTES:
        return await inline_address(found, "" if found.kind == "audio" else found.mime)
    return await target.upload(found.name, f"{found.kind}.{found.format}", found.file)


@dataclass(frozen=True)
class SourceText:
    """What a file says in words. `page_starts`: where each page of a PDF begins in it."""

    text: str
    page_starts: tuple[int, ...] = ()


async def texts_and_images(
    call: Call, model: str, files: Sequence[str], looks: Looks = lambda *_: None
) -> tuple[dict[str, SourceText], Attached]:
    """The texts of files by name ("files[0]"), and what of them is to be looked at, pages of scans included.

    Raises:
        InvalidRequest: a file cannot be used, or the model reads no images.
    """
    texts: dict[str, SourceText] = {}
    images = Attached()
    for number, source in enumerate(files):
        name = f"files[{number}]"
        async with open_source(call, source) as found, call.heartbeat("reading the file"):
            words, seen = await read_input(found, replace(target_of(call, model), looks=partial(looks, name)))
        if words.text:
            texts[name] = words
        images += seen
    return texts, images


async def _stored(call: Call, model: str, name: str, stored_as: str, content: BinaryIO) -> str:
    context, size = call.context, content.seek(0, 2) / 1e6
    if unreadable := context.mend("BAILIAN_UPLOADS"):
        raise InvalidRequest(f"{name} has {size:.1f} MB, which does not fit into a request. {unreadable}")
    if context.host.kind != "dashscope" or not context.uploads:
        off = "" if context.uploads else ", and BAILIAN_UPLOADS=false forbids DashScope's temporary storage"
        raise InvalidRequest(
            f"{name} has {size:.1f} MB, which does not fit into a request{off}. Shrink or split it; PDFs of any size "
            "are read by `ocr` and `extract`."
        )
    call.require_storing()
    await call.report_now(f"putting {name} ({size:.1f} MB) into DashScope's temporary storage, where it stays 48 hours")
    async with call.heartbeat(f"storing {name}"):
        address = await context.dashscope.upload(model, name, stored_as, content)
    call.stored_files += 1
    return address


async def attached(found: Link | ImageFile | Pdf | MediaFile, target: TargetModel) -> Attached:
    """A file as it goes beside a prompt.

    Raises:
        InvalidRequest: the model does not read such a file.
    """
    match found:
        case Link() if found.is_pdf:
            target.require("pdf")
            return Attached(({"type": "file", "file": {"file_url": found.url}},), None)
        case Link(media=str(kind)):
            raise InvalidRequest(refused_media(found.name, kind))
        case MediaFile():
            found.refuse()
        case Link() if found.is_document:
            raise InvalidRequest("Only images and PDFs can be sent by URL. Download it and give its path.")
        case Link():
            target.require("image")
            target.looks(found, 1, None, 0)
            return Attached((image_part(found.url),))
        case ImageFile():
            target.require("image")
            return await pictures(found, range(1, found.count + 1), target, MAX_PICTURES - found.count)
        case Pdf():
            target.require("pdf")
            return Attached((await _pdf_part(found, target),), found.count)


async def pictures(found: ImageFile | Pdf, numbers: Sequence[int], target: TargetModel, spare: int = 0) -> Attached:
    """Pages as images; those of a PDF that are blank are left out, and noted if they cannot be drawn.

    `spare`: how many images more than pages there may be, for those that are cut so that their letters stay legible.

    Raises:
        InvalidRequest: too many for one request, or the model reads no images.
    """
    made = Attached()
    for number in numbers:
        try:
            drawn, shrunk = await _drawn(found, number, target, spare)
        except InvalidRequest as refusal:
            if found.count == 1:
                raise
            made += Attached(notes=(refusal.reason,))
            continue
        made += Attached(notes=tuple(_left_out(drawn[0], found, number)))
        seen = [picture for picture in drawn if not (picture.blank and (isinstance(found, Pdf) or len(drawn) > 1))]
        if not seen:
            continue
        target.require("image")
        spare -= len(seen) - 1
        if made.images + len(seen) > MAX_PICTURES:
            raise InvalidRequest(
                f"{found.name} has more than {MAX_PICTURES} pages without text, too many for one request: "
                "read it with `ocr` and give its text."
            )
        for tile, picture in enumerate(seen, 1):
            target.looks(found, number, picture, tile if len(seen) > 1 else 0)
        parts = [image_part(await target.address(picture, found.name)) for picture in seen]
        made += Attached((*_introduction(len(parts)), *parts), notes=shrunk)
    return made


async def _drawn(
    found: ImageFile | Pdf, number: int, target: TargetModel, spare: int
) -> tuple[list[Picture], tuple[str, ...]]:
    """A page, cut where it has to be and may be; and that it was shrunk instead."""
    count, wanted = await found.tiles(number, target.pixels)
    if 1 < wanted == count <= spare + 1 and not is_ocr(target.name, target.model):  # those take one image
        return [await found.picture(number, target.pixels, tile=tile) for tile in range(1, count + 1)], ()
    note = f"{found.title(number)} was shrunk, so small letters may be misread: read it with `ocr`, or cut it."
    return [await found.picture(number, target.pixels)], (note,) if wanted > 1 else ()


def _introduction(count: int) -> tuple[dict[str, Any], ...]:
    """What a model would not see."""
    words = f"The next {count} images are one, cut into rows from top to bottom; they may overlap."
    return ({"type": "text", "text": words},) if count > 1 else ()


def _left_out(picture: Picture, found: ImageFile | Pdf, number: int) -> Iterator[str]:
    if picture.frames > 1:
        yield f"Of {found.name} the first of {picture.frames} frames is looked at."
    if missing := undrawn(picture):
        yield f"Page {number} of {found.name}: {missing}."


def undrawn(picture: Picture) -> str:
    """What a page has and its picture has not."""
    missing = []
    if picture.missing_fonts:
        fonts = first_few(picture.missing_fonts)
        missing.append(f"letters in fonts that the file does not carry could not be drawn: {fonts}")
    if picture.missing_images:
        missing.append(
            "images that could not be drawn, since they are broken or packed in a way not known here "
            f"(print it to a new PDF, or scan it): {picture.missing_images}"
        )
    return "; ".join(missing)


async def read_input(found: InputFile, target: TargetModel) -> tuple[SourceText, Attached]:
    """What a file says in words, and what of it must be looked at: an image, the pages of a PDF without a text.

    Raises:
        InvalidRequest: neither a text nor an image, a document by URL, or a model that reads no images.
    """
    if isinstance(found, Link) and found.is_document:
        raise InvalidRequest("Only images can be sent by URL, and this is a document. Download it and give its path.")
    if isinstance(found, OtherFile):
        read = await to_thread.run_sync(found.read, abandon_on_cancel=True)
        return SourceText(read.text), Attached(notes=read.notes)
    if not isinstance(found, Pdf):
        return SourceText(""), await attached(found, target)
    pages = await found.all_words()
    words = joined_pages([page.whole for page in pages])
    bare = [number for number, page in enumerate(pages, 1) if not page.trouble and not page.whole.strip()]
    covered = [number for number, page in enumerate(pages, 1) if page.more in LOOKED_AT and page.whole.strip()]
    notes = Attached(notes=tuple(page_notes(found, pages)))
    seen = notes + await pictures(found, bare, target, MAX_PICTURES - len(bare) - len(covered))
    return words, await _with_covered(found, covered, seen, target)


@dataclass(frozen=True)
class TextLayer:
    """What a file says in letters alone. `wordless`: pages of a PDF that say nothing so, or more in an image."""

    words: SourceText
    notes: tuple[str, ...] = ()
    wordless: tuple[int, ...] = ()


async def text_layer(found: InputFile) -> TextLayer:
    """Of a text file or a PDF; nothing is looked at.

    Raises:
        InvalidRequest: it is neither, or cannot be read.
    """
    if isinstance(found, Link):
        raise InvalidRequest(f"{found.name} is a URL, and only files here are read. Download it and give its path.")
    if isinstance(found, ImageFile):
        raise InvalidRequest(f"{found.name} is an image: read it with `ocr` first, and give its text.")
    if isinstance(found, OtherFile):
        read = await to_thread.run_sync(found.read, abandon_on_cancel=True)
        return TextLayer(SourceText(read.text), read.notes)
    if isinstance(found, MediaFile):
        found.refuse()
    pages = await found.all_words()
    wordless = (
        number
        for number, page in enumerate(pages, 1)
        if not page.trouble and (page.more in LOOKED_AT or not page.whole.strip())
    )
    notes = page_notes(found, [replace(page, more="") for page in pages])
    return TextLayer(joined_pages([page.whole for page in pages]), tuple(notes), tuple(wordless))


def joined_pages(pages: Sequence[str]) -> SourceText:
    """Pages without a text stand nowhere: they begin where the next one does."""
    starts, at = [], 0
    for page in pages:
        starts.append(at)
        at += len(page) + len(BETWEEN_PAGES) if page else 0
    whole = BETWEEN_PAGES.join(filter(None, pages))
    return SourceText(whole, tuple(starts)) if whole.strip() else SourceText("")


def page_notes(pdf: Pdf, pages: Sequence[PageWords]) -> Iterator[str]:
    """What the texts of a PDF do not hold."""
    yield from pdf.notes
    for number, page in enumerate(pages, 1):
        if page.trouble:
            yield page.trouble.reason
        if page.hidden:
            yield f"Page {number} of {pdf.name}: {page.hidden} letters that nobody sees there are left out."
        if page.unlooked:
            yield f"Page {number} of {pdf.name} has too many letters to look for those that nobody sees."
        if page.unread:
            yield f"Page {number} of {pdf.name}: {page.unread} fields or notes are too many to be read."
        if page.more == "garbled":
            yield f"Page {number} of {pdf.name}: its text has no readable letters, so it is looked at as a picture."
        if page.more == "crowded":
            yield f"Page {number} of {pdf.name}: its text is in too many pieces, so it is looked at as a picture."
    yield from _unmapped_note(pdf, {at: page.unmapped for at, page in enumerate(pages, 1) if not page.more})


def _unmapped_note(pdf: Pdf, letters: Mapping[int, int]) -> Iterator[str]:
    """`letters`: how many, by page."""
    if count := sum(letters.values()):
        where = first_few(str(number) for number, some in letters.items() if some)
        yield (
            f"Of {pdf.name} {count} letters are in fonts that do not say which letters they draw: they may be missing "
            f"or others in its text. `ocr` reads these pages: {where}."
        )


async def _with_covered(pdf: Pdf, covered: Sequence[int], seen: Attached, target: TargetModel) -> Attached:
    """Pages whose image says more than their few words are looked at, too, as far as there is room."""
    looks = target.sees_images
    room = MAX_PICTURES - seen.images if looks else 0
    seen += await pictures(pdf, covered[:room], target, room - len(covered)) if room > 0 else Attached()
    if left := covered[max(room, 0) :]:
        why = "there are too many" if looks else f"{target.name} reads no images"
        which = first_few(map(str, left))
        note = f"Of {pdf.name} these pages say more in an image, which is not looked at, since {why}: {which}."
        seen += Attached(notes=(note,))
    return seen


def image_part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


async def _pdf_part(pdf: Pdf, target: TargetModel) -> dict[str, Any]:
    if pdf.count > MAX_PDF_PAGES:
        raise InvalidRequest(f"{pdf.name} has {pdf.count} pages; {MAX_PDF_PAGES} can be sent. Split it.")
    if pdf.size_bytes > MAX_INLINE_BYTES:
        return {"type": "file", "file": {"file_url": await target.upload(pdf.name, "document.pdf", pdf.file)}}
    content = await to_thread.run_sync(pdf.content, abandon_on_cancel=True)
    data = f"data:{PDF_MIME};base64,{base64.b64encode(content).decode()}"
    name = pdf.name if pdf.name.lower().endswith(".pdf") else "document.pdf"
    return {"type": "file", "file": {"file_data": data, "filename": name}}
