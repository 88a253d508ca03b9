"""What people name as a file (a path, a file:// or https URL, a data URI), and what it turns out to hold."""

import base64
import codecs
import os
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from anyio import to_thread

from ..errors import InvalidRequest
from ..text import printable
from .images import Heic, ImageFile, is_heic, is_image, unread_kind
from .media import MediaFile, MediaKind, media_kind, media_of, opened_media
from .other_files import OtherFile, require_size
from .paths import is_there, open_within
from .pdfs import Pdf
from .renderer import MAX_DATA_URI_CHARS, RenderedFile, Renderer
from .urls import require_public_url, split_url

HEAD_BYTES = 1024  # a PDF may begin that late
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # two letters at least: C:\\ is a drive
FILE_URL = re.compile(r"file:(?://([^/?#]*))?(.*)", re.IGNORECASE | re.DOTALL)
DRIVE = re.compile(r"[A-Za-z]:")
DATA_URI_HEAD = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w-]+=[\w-]+)*;base64", re.IGNORECASE)
DOCUMENTS = (".pdf", ".txt", ".md", ".csv", ".json", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".html", ".htm")
PDF_HEAD = re.compile(rb"%PDF-\d\.\d")
OBJECT = re.compile(rb"\d+ \d+ obj\b")
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a]")
DATA_URI_FORM = "Write data:image/png;base64,... with the whole file in base64, or give a path or an https URL."
NO_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")
FORMS = "Give an https URL, a data URI, or a path."


@dataclass(frozen=True)
class Link:
    """A URL that DashScope will fetch; what it holds is judged by its name alone."""

    url: str

    @property
    def name(self) -> str:
        return printable(unquote(split_url(self.url).path).rpartition("/")[2]) or "the URL"

    @property
    def is_pdf(self) -> bool:
        return self.name.lower().endswith(".pdf")

    @property
    def is_document(self) -> bool:
        return self.name.lower().endswith(DOCUMENTS)

    @property
    def ending(self) -> str:
        return self.name.lower().rpartition(".")[2]

    @property
    def media(self) -> MediaKind | None:
        """Sound or film, or neither."""
        return media_kind(self.ending)


InputFile = Link | ImageFile | Pdf | MediaFile | OtherFile
MAX_FILE_BYTES = {
    ImageFile: 50_000_000,
    Heic: 50_000_000,
    Pdf: 150_000_000,
    MediaFile: 2_000_000_000,  # https://help.aliyun.com/zh/model-studio/asr-model
    None: 150_000_000,
}


@asynccontextmanager
async def open_input(
    source: str, folders: tuple[Path, ...], renderer: Renderer | None = None
) -> AsyncIterator[InputFile]:
    """What `source` holds, judged by its content; but for an URL it stays open until the block is left.

    Raises:
        InvalidRequest: it cannot be read, is outside the allowed folders, too large, or broken.
    """
    found = await _found(source, folders, renderer or Renderer())
    if isinstance(found, OtherFile | MediaFile):
        with found.file:
            yield found
    elif isinstance(found, RenderedFile):
        try:
            await found.open()
            yield found
        finally:
            await found.aclose()
    else:
        yield found


async def _found(source: str, folders: tuple[Path, ...], renderer: Renderer) -> InputFile:
    if not source.strip():
        raise InvalidRequest(f"A file is named by an empty text. {FORMS}")
    scheme = _scheme(source)
    if scheme in ("http", "https"):
        return Link(require_public_url(source.strip()))
    if scheme not in ("", "data", "file"):
        raise InvalidRequest(f"{printable(scheme)}: cannot be read. {FORMS} A file of such a name is given as ./name.")
    return await to_thread.run_sync(_local, source, scheme, folders, renderer, abandon_on_cancel=True)


def names_a_path(source: str) -> bool:
    """Whether a file of this machine is meant."""
    return _scheme(source) in ("", "file")


def _scheme(source: str) -> str:
    match = SCHEME.match(source.lstrip())
    return match[1].lower() if match else ""


def _local(source: str, scheme: str, folders: tuple[Path, ...], renderer: Renderer) -> InputFile:
    if scheme == "data":
        return _identified("The data URI", BytesIO(_data_uri(source.strip())), renderer)
    path = named_path(source, folders)
    name = printable(Path(path).name)
    try:
        return _identified(name, open_within(path, folders), renderer)
    except OSError as error:
        raise InvalidRequest(f"{name} cannot be read: {error.strerror}. Check the file.") from None


def named_path(source: str, folders: tuple[Path, ...]) -> str:
    """The path that is meant: a name may end with a blank, but mostly somebody pasted it. Raises InvalidRequest as
    `open_input` does.
    """
    bare = source.strip()
    exact = source != bare and is_there(local_path(source), folders)
    return local_path(source if exact else bare)


def local_path(source: str) -> str:
    """The path that a file: URL names, or the source itself. Raises InvalidRequest as `open_input` does."""
    return _path_of(source.lstrip()) if _scheme(source) == "file" else source


def _path_of(url: str) -> str:
    """As it stands, without what a URL would end with ? or #: a name may hold them, and not everyone escapes.

    Raises:
        InvalidRequest: the file: URL names another machine.
    """
    split_url(url)
    host, path = FILE_URL.fullmatch(url).groups(default="")  # type: ignore[union-attr]  # it matches any
    if DRIVE.fullmatch(host):  # file://C:/x, as people write it
        return host + unquote(path)
    if host.lower() not in ("", "localhost"):
        raise InvalidRequest("This file: URL names another machine. Give file:///path, or the path itself.")
    path = unquote(path)
    return path[1:] if DRIVE.fullmatch(path[1:3]) and path.startswith("/") and os.name == "nt" else path


def _identified(name: str, file: BinaryIO, renderer: Renderer) -> InputFile:
    """By what is at its beginning; an image that claims to be a PDF as well is an image."""
    with ExitStack() as stack:
        stack.callback(file.close)
        head = file.read(HEAD_BYTES)
        kind, media = _kind(head), media_of(head)
        size = file.seek(0, 2)
        require_size(name, size, MAX_FILE_BYTES[MediaFile if media and not kind else kind])
        stack.pop_all()
    if kind:
        return kind(name, file, renderer)
    return opened_media(name, file, size, media) if media else OtherFile(name, file, size)


def _kind(head: bytes) -> type[Heic | ImageFile | Pdf] | None:
    if is_image(head):
        return Heic if is_heic(head) else ImageFile
    return Pdf if _is_pdf(head) else None


def _is_pdf(head: bytes) -> bool:
    """Something may stand before a PDF; a text may speak of one."""
    begins = PDF_HEAD.search(head)
    if not begins:
        return False
    return begins.start() == 0 or bool(OBJECT.search(head, begins.end())) or not _is_text(head)


def _is_text(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # its last letter may be cut
    except UnicodeDecodeError:
        return False
    return not CONTROLS.search(head)


def _data_uri(uri: str) -> bytes:
    if len(uri) > MAX_DATA_URI_CHARS:
        raise InvalidRequest(
            f"The data URI has {len(uri) / 1e6:.2f} MB; at most {MAX_DATA_URI_CHARS / 1e6:.1f} MB are read. "
            "Give a path."
        )
    head, comma, data = uri.partition(",")
    if fault := _fault_of_head(head, comma):
        raise InvalidRequest(f"This data URI {fault}. {DATA_URI_FORM}")
    data = "".join(data.split())
    try:
        content = base64.b64decode(data, validate=True)
    except ValueError:
        fault = (
            "holds characters that it does not have" if NO_BASE64.search(data) else "is cut off, or lacks its last ="
        )
        raise InvalidRequest(f"The base64 of this data URI {fault}. {DATA_URI_FORM}") from None
    _require_kind(head[len("data:") :].partition(";")[0].lower(), content)
    return content


def _fault_of_head(head: str, comma: str) -> str:
    if DATA_URI_HEAD.fullmatch(head):
        return "" if comma else "has no comma, and nothing behind one"
    if not head.lower().endswith(";base64"):
        return "does not say ;base64 before its comma"
    return "names no media type such as image/png"


def _require_kind(media_type: str, content: bytes) -> None:
    """Raises InvalidRequest: nothing, or not what it says it is; of images and PDFs that can be told."""
    if not content:
        raise InvalidRequest(f"This data URI holds nothing behind its comma. {DATA_URI_FORM}")
    said_image, head = media_type.startswith("image/") and "svg" not in media_type, content[:HEAD_BYTES]
    if (said_image or media_type == "application/pdf") and not (_kind(head) or unread_kind(head)):
        raise InvalidRequest(
            f"This data URI says {media_type}, and what it holds is none: {len(content):,} bytes that begin with "
            f"{content[:8].hex(' ')}. {DATA_URI_FORM}"
        )
