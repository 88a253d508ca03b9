"""What is given to be translated becomes a form: by a file's name, or by what a text looks like."""

from collections.abc import Callable
from functools import partial

from anyio import to_thread

from ...calls.call import Call
from ...errors import InvalidRequest
from ...files import ImageFile, InputFile, Link, MediaFile, OtherFile, Pdf
from ..attachments import open_source
from .markdown import Markdown
from .pairs import PAIR_FORMS, Pair, pairs_in
from .plain_text import PlainText
from .subtitles import CUE, Subtitles
from .units import DocumentForm
from .word import WordDocument

FORMS_BY_SUFFIX: dict[str, Callable[[str], DocumentForm]] = {
    ".txt": PlainText,
    ".text": PlainText,
    ".md": Markdown,
    ".markdown": Markdown,
    ".srt": Subtitles,
}
OUTPUTS = {".txt": (".txt",), ".md": (".md", ".txt"), ".srt": (".srt", ".txt"), ".docx": (".docx",)}
MAX_TEXT_CHARS = 1_500_000
SIGNS_OF_MARKDOWN = ("```", "](", "\n# ", "\n## ", "\n| ", "|---", "| ---", "\n- ", "\n* ")
MAX_DOCUMENT_BYTES = 50_000_000
BOM = b"\xef\xbb\xbf"


async def form_of(call: Call, text: str, file: str) -> tuple[DocumentForm, bytes]:
    """The document, and what a file of it begins with.

    Raises:
        InvalidRequest: there is none, two, or none that can be read.
    """
    if bool(text.strip()) == bool(file.strip()):
        raise InvalidRequest("Give either text or file.")
    if not file.strip():
        return await to_thread.run_sync(_form_of_text, text, abandon_on_cancel=True), b""
    async with open_source(call, file) as found, call.heartbeat("reading the file"):
        return await to_thread.run_sync(_form_of_file, found, abandon_on_cancel=True)


async def pairs_of(call: Call, argument: str, given: str, source: str, target: str) -> tuple[Pair, ...]:
    """The pairs of a file, or of JSON that is given as it is.

    Raises:
        InvalidRequest: it holds none.
    """
    if not given.strip():
        return ()
    if given.lstrip().startswith(("{", "[")):
        return pairs_in(argument, given, source, target)
    async with open_source(call, given) as found:
        if not isinstance(found, OtherFile):
            raise InvalidRequest(f"{found.name} holds no pairs of source and target. Write {PAIR_FORMS}.")
        read = partial(_pairs_of_file, found, source, target)
        return await to_thread.run_sync(read, abandon_on_cancel=True)


def _pairs_of_file(found: OtherFile, source: str, target: str) -> tuple[Pair, ...]:
    return pairs_in(found.name, found.text(), source, target)


def _form_of_text(text: str) -> DocumentForm:
    _require_short(text)
    return Markdown(text) if any(sign in f"\n{text}" for sign in SIGNS_OF_MARKDOWN) else PlainText(text)


def _form_of_file(found: InputFile) -> tuple[DocumentForm, bytes]:
    if isinstance(found, ImageFile | Pdf):
        raise InvalidRequest(f"{found.name} is an image or a PDF. Read it with `ocr` first and give its text.")
    if isinstance(found, MediaFile):
        found.refuse()
    if isinstance(found, Link):
        raise InvalidRequest("A file by URL is not translated. Download it and give its path, or give its text.")
    suffix = f".{found.name.rpartition('.')[2].lower()}" if "." in found.name else ""
    if suffix == ".docx" or (not suffix and found.kind == "docx"):
        return WordDocument(found.name, _content(found)), b""
    if suffix not in FORMS_BY_SUFFIX and suffix:
        raise InvalidRequest(f"{found.name} is of a form that is not kept. Give .txt, .md, .srt or .docx, or its text.")
    text = found.text()
    _require_short(text)
    begins = BOM if _content(found).startswith(BOM) else b""
    if not suffix and not CUE.search(text):
        return _form_of_text(text), begins
    try:
        return FORMS_BY_SUFFIX.get(suffix, Subtitles)(text), begins
    except ValueError:
        raise InvalidRequest(f"{found.name} has no subtitles with their times. Give it as .txt, or as text.") from None


def _content(found: OtherFile) -> bytes:
    if found.size_bytes > MAX_DOCUMENT_BYTES:
        raise InvalidRequest(f"{found.name} has more than {MAX_DOCUMENT_BYTES // 1_000_000} MB. Split it.")
    found.file.seek(0)
    return found.file.read()


def _require_short(text: str) -> None:
    if len(text) > MAX_TEXT_CHARS:
        raise InvalidRequest(
            f"The text has {len(text):,} characters; at most {MAX_TEXT_CHARS:,} are translated at once."
        )
