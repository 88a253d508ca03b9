"""A path, URL or data URI becomes a part of a message; local files from the allowed folders only."""

import base64
import ipaddress
import os
import re
import stat
import sys
from io import BytesIO
from pathlib import Path
from threading import Event, Lock
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import anyio.to_thread
from mcp.server.mcpserver.exceptions import ToolError

from .wording import shown

# DashScope's bound for one data URI is 10 MB: https://help.aliyun.com/zh/model-studio/vision
DATA_URI_CHARACTERS = 10 * 1024 * 1024
FILE_BYTES = 7_500_000  # as base64 it fits
NO_TEXT = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ue000-\uf8ff\ufffe\uffff]")  # of binary files and wrong encodings
DOCUMENTS = (".pdf", ".txt", ".md", ".csv", ".json", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".html", ".htm")
TEXT_BYTES = 20_000_000
MOST_PDF_CHARACTERS = 5_000_000
PDFIUM = Lock()
SHORTEST_SIDE_PX = 10
WIDEST_RATIO = 200
FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # two letters at least: C:\\ is a drive
DATA_URI_HEAD = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w-]+=[\w-]+)*;base64", re.IGNORECASE)


async def image_part(source: str, folders: tuple[Path, ...]) -> dict[str, Any]:
    """An image as DashScope's chat takes it.

    `source`: an http(s) URL (handed on, never fetched here), a data URI, or a path or file:// URL.

    Raises:
        ToolError: not readable, not an image, too large, or outside the allowed folders.
    """
    return {"type": "image_url", "image_url": {"url": await _url(source.strip(), folders)}}


async def text_of(source: str, folders: tuple[Path, ...]) -> str | None:
    """The text of a text file or of a PDF's text layer; None where the source is an image or a URL.

    Raises:
        ToolError: not readable, outside the allowed folders, a PDF without text, or no text at all.
    """
    match = SCHEME.match(source.strip())
    if match and match[1].lower() not in ("data", "file"):
        if _split(source.strip()).path.lower().endswith(DOCUMENTS):
            raise ToolError("Only images can be sent by URL, and this is a document. Download it and give its path.")
        return None
    stop = Event()
    try:
        return await anyio.to_thread.run_sync(_text, source.strip(), folders, stop, abandon_on_cancel=True)
    finally:
        stop.set()


def _text(source: str, folders: tuple[Path, ...], stop: Event) -> str | None:
    if source.lower().startswith("data:"):
        name = "The data URI"
        content = b"" if source.lower().startswith("data:image/") else _data_uri_bytes(source)
        return _read_as_text(content, name, stop) if content else None
    path = unquote(_split(source).path) if source.lower().startswith("file:") else source
    name = shown(Path(path).name)
    return _read_as_text(_read(path, folders, TEXT_BYTES), name, stop)


def _read_as_text(content: bytes, name: str, stop: Event) -> str | None:
    if b"%PDF-" in content[:1024]:
        return _pdf_text(content, name, stop)
    return None if _looks_like_an_image(content) else _decoded(content, name)


def _looks_like_an_image(content: bytes) -> bool:
    heads = (b"\xff\xd8\xff", b"\x89PNG", b"II*\x00", b"MM\x00*", b"GIF8")
    bitmap = content.startswith(b"BM") and content[6:10] == bytes(4)
    webp = content.startswith(b"RIFF") and content[8:12] == b"WEBP"
    return content.startswith(heads) or bitmap or webp or content[4:12] in (b"ftypheic", b"ftypavif")


def _decoded(content: bytes, name: str) -> str:
    """Text as people have it: UTF-8, UTF-16 with its mark, GB 18030 as older Chinese files are."""
    encodings = ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.strip() and not NO_TEXT.search(text):
            return text
    raise ToolError(
        f"{name} holds no text that can be read: tried UTF-8, UTF-16 with its mark, and GB 18030. Save it as UTF-8, or "
        "give a PDF with text, or an image."
    )


def _pdf_text(content: bytes, name: str, stop: Event) -> str:
    """The text layer, page by page; `stop` ends the work between two pages."""
    import pypdfium2  # heavy: only when a PDF is read

    with PDFIUM:  # it is not made for several threads
        try:
            document = pypdfium2.PdfDocument(content)
        except pypdfium2.PdfiumError as error:
            why = "locked: remove its password" if "password" in str(error).lower() else "broken: save it again"
            raise ToolError(f"{name} is a PDF that cannot be opened, since it is {why}.") from None
        try:
            text = _pages_text(document, name, stop)
        finally:
            document.close()
    if not text.strip():
        raise ToolError(f"{name} is a PDF without a text layer (a scan). Send its pages as images.")
    return text


def _pages_text(document: Any, name: str, stop: Event) -> str:
    pages: list[str] = []
    room = MOST_PDF_CHARACTERS
    for page in document:
        pages.append(_page_text(page))
        room -= len(pages[-1])
        if stop.is_set():
            return ""
        if room < 0:
            raise ToolError(f"{name} holds more than {MOST_PDF_CHARACTERS:,} characters. Split it and give the parts.")
    return "\n\n".join(pages)


def _page_text(page: Any) -> str:
    words = page.get_textpage()
    try:
        return str(words.get_text_range()).replace("\r\n", "\n").replace("\ufffe", "")
    finally:
        words.close()
        page.close()


async def _url(source: str, folders: tuple[Path, ...]) -> str:
    match = SCHEME.match(source)
    scheme = match[1].lower() if match else ""
    if scheme in ("http", "https"):
        return _public(source)
    if scheme == "data":
        return await anyio.to_thread.run_sync(_from_data_uri, source)
    if scheme not in ("", "file"):
        raise ToolError(f"{scheme}: cannot be read. Give an https URL, a data URI, or a path.")
    if not source:
        raise ToolError("A file is named by an empty text. Give an https URL, a data URI, or a path.")
    path = unquote(_split(source).path) if scheme == "file" else source
    return await anyio.to_thread.run_sync(_local, path, folders)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise ToolError("This URL is malformed. Give an https URL, a data URI, or a path.") from None


def _public(url: str) -> str:
    host = _split(url).hostname or ""
    try:
        private = not ipaddress.ip_address(host).is_global
    except ValueError:
        private = not host or host == "localhost" or host.endswith(".localhost")
    if private:
        raise ToolError("DashScope fetches URLs itself and cannot reach this host. Give a local path instead.")
    return url


def _from_data_uri(uri: str) -> str:
    return _data_uri(_data_uri_bytes(uri), "The data URI")


def _data_uri_bytes(uri: str) -> bytes:
    if len(uri) > DATA_URI_CHARACTERS:
        raise ToolError(_too_large("The data URI", len(uri) * 3 // 4))
    head, _, data = uri.partition(",")
    if not DATA_URI_HEAD.fullmatch(head):
        raise ToolError("This data URI is malformed: it must read data:image/png;base64,... Give a path instead.")
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except ValueError:
        raise ToolError("The base64 of this data URI is broken. Encode the file again, or give a path.") from None


def _local(path: str, folders: tuple[Path, ...]) -> str:
    return _data_uri(_read(path, folders), shown(Path(path).name))


def _read(path: str, folders: tuple[Path, ...], most_bytes: int = FILE_BYTES) -> bytes:
    """The content of a regular file inside `folders`, judged by where the opened file lies, not by its name."""
    name = shown(Path(path).name) or "the path"
    try:
        real = Path(path).expanduser().resolve()
        _require_inside(name, real, folders)
        fd = os.open(real, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(fd, "rb") as file:
            _require_inside(name, _place_of(fd, real), folders)  # a folder on the way may have been swapped meanwhile
            opened = os.fstat(fd)
            if not stat.S_ISREG(opened.st_mode):
                raise ToolError(f"{name} is not a regular file. Give the path of an image file.")
            content = file.read(most_bytes + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a usable path"
        raise ToolError(f"{name} cannot be read: {reason}. Check the path.") from None
    if len(content) > most_bytes:
        raise ToolError(_too_large(name, opened.st_size))
    return content


def _place_of(fd: int, asked: Path) -> Path:
    """Where an open file really lies."""
    if sys.platform == "linux":
        return Path(os.readlink(f"/proc/self/fd/{fd}"))
    if sys.platform == "darwin":
        import fcntl

        return Path(os.fsdecode(fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0")))
    return asked.resolve(strict=True)


def _require_inside(name: str, real: Path, folders: tuple[Path, ...]) -> None:
    if not any(real.is_relative_to(folder) for folder in folders):
        mend = "BAILIAN_ALLOWED_DIRS in this server's environment and restart the server"
        if not folders:
            raise ToolError(f"{name} cannot be read: no folder is allowed. Put its folder into {mend}.")
        allowed = ", ".join(str(folder) for folder in folders)
        raise ToolError(
            f"{name} is outside the allowed folders ({allowed}). Move it there, or add its folder to {mend}."
        )


def _data_uri(content: bytes, name: str) -> str:
    mime = _image_type(content, name)
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _image_type(content: bytes, name: str) -> str:
    """The MIME type by content, not by name."""
    from PIL import Image, UnidentifiedImageError  # heavy: only when a local image is sent

    if content.startswith(b"%PDF"):
        raise ToolError(f"{name} is a PDF, which this version does not read yet. Send its pages as images.")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            (width, height), mime = image.size, image.get_format_mimetype()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        raise ToolError(f"{name} is not an image DashScope reads ({', '.join(FORMATS)}). Convert it first.") from None
    if min(width, height) <= SHORTEST_SIDE_PX or max(width, height) > WIDEST_RATIO * min(width, height):
        raise ToolError(
            f"{name} is {width}x{height} px: both sides must exceed {SHORTEST_SIDE_PX} px and their ratio stay within "
            f"{WIDEST_RATIO}:1. Scale or crop it first."
        )
    return mime or "image/png"


def _too_large(name: str, size: int) -> str:
    return (
        f"{name} has {size / 1e6:.2f} MB; one image sent from here may have {FILE_BYTES / 1e6:.1f} MB. "
        "Shrink it, or give an https URL (up to 20 MB)."
    )
