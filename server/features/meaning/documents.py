"""What is searched or embedded: files and texts, each in passages."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from glob import escape, has_magic
from pathlib import Path

from anyio import to_thread

from ...calls.call import Call
from ...errors import InvalidRequest
from ...files import files_matching, local_path, names_a_path
from ...text import first_few, printable
from ..attachments import SourceText, open_source, text_layer
from .passages import passages_of

MAX_FILES = 1_000  # of one pattern
MAX_PASSAGES = 20_000  # of 1,024 numbers each: 80 MB, and a second to look through them


@dataclass(frozen=True)
class SearchedDocument:
    """`spans`: of its passages. `name`: as it was given."""

    name: str
    words: SourceText
    spans: tuple[tuple[int, int], ...]

    @property
    def texts(self) -> list[str]:
        return [self.words.text[start:end] for start, end in self.spans]

    def page(self, start: int) -> int | None:
        """Of a PDF: where that offset stands."""
        return bisect_right(self.words.page_starts, start) if self.words.page_starts else None


@dataclass
class Library:
    """The documents of one call, and what is to be noted of them."""

    documents: list[SearchedDocument]
    notes: list[str]

    @property
    def passages(self) -> int:
        return sum(len(document.spans) for document in self.documents)


async def library_of(call: Call, files: Sequence[str], texts: Sequence[str]) -> Library:
    """Paths, patterns and data URIs; of a pattern, what cannot be read is noted and left out.

    Raises:
        InvalidRequest: what was named by itself cannot be read, nothing holds a text, or it is too much.
    """
    library = Library([], [])
    named = [(source, await _named(call, source)) for source in files]
    paths = dict.fromkeys((path, path != source) for source, found in named for path in found)
    async with call.heartbeat("reading the files"):
        for number, (path, by_pattern) in enumerate(paths, 1):
            await call.report(f"reading file {number} of {len(paths)}")
            await _read(call, library, path, by_pattern=by_pattern)
        for number, text in enumerate(texts):
            await _take(library, f"texts[{number}]", SourceText(text))
    if not library.documents:
        nothing = "There is no text to read: give files that hold some, or texts."
        raise InvalidRequest(" ".join((nothing, *library.notes)))
    return library


async def _named(call: Call, source: str) -> list[str]:
    """The files that a pattern names; a name may look like one. Raises InvalidRequest: none fits."""
    if not names_a_path(source) or not has_magic(source):
        return [source]
    call.require_settings("BAILIAN_ALLOWED_DIRS")
    pattern = local_path(source.strip())
    found = await to_thread.run_sync(files_matching, pattern, call.context.folders, abandon_on_cancel=True)
    if len(found) > MAX_FILES:
        raise InvalidRequest(f"{printable(source)} names more than {MAX_FILES:,} files. Narrow it.")
    found = found or await to_thread.run_sync(files_matching, escape(pattern), call.context.folders)
    if not found:
        raise InvalidRequest(
            f"No file here fits {printable('/'.join(Path(source).parts[-2:]))}. Check the folder and the ending."
        )
    return found


async def _read(call: Call, library: Library, path: str, *, by_pattern: bool) -> None:
    try:
        async with open_source(call, path) as found:
            layer = await text_layer(found)
    except InvalidRequest as refusal:
        if not by_pattern:
            raise
        library.notes.append(refusal.reason)
        return
    name = path if names_a_path(path) else "a data URI"
    library.notes += [*layer.notes, *_wordless(name, layer.wordless)]
    await _take(library, name, layer.words)


def _wordless(name: str, pages: Sequence[int]) -> Iterator[str]:
    if pages:
        listed = first_few(map(str, pages))
        yield f"Pages of {name} without letters, or with more in an image: {listed}. Read them with `ocr` first."


async def _take(library: Library, name: str, words: SourceText) -> None:
    spans = await to_thread.run_sync(partial(passages_of, words.text), abandon_on_cancel=True)
    if spans:
        library.documents.append(SearchedDocument(name, words, tuple(spans)))
    if library.passages > MAX_PASSAGES:
        raise InvalidRequest(
            f"The texts come to more than {MAX_PASSAGES:,} passages of about 500 tokens, which is the most at once. "
            "Name fewer files, and ask again with others."
        )
