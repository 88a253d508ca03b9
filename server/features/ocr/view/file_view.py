"""The page of a file that was read."""

from collections.abc import Sequence
from pathlib import Path

from anyio import to_thread

from ....calls.language import language_now
from ....calls.result import first_line
from ....errors import InvalidRequest
from ....files import LocalReader, OutputFolder, Renderer
from ..page import Page
from .drawn_again import viewed_file
from .html_page import title_of, view

VIEW_SUFFIXES = (".html", ".htm")


async def file_view(
    source: str,
    answer: str,
    folders: tuple[Path, ...],
    pages: Sequence[Page],
    reader: LocalReader | None,
    renderer: Renderer,
) -> tuple[str, str]:
    """In the language of the call; and why no page of it was compared, where that is so. `answer`: the text that told
    of the pages, whose first line says who read them. `reader` None: it is switched off.
    """
    viewed = await viewed_file(source, folders, pages, reader, renderer)
    reasons = [page.not_compared for page in viewed]
    shown = await to_thread.run_sync(view, title_of(source), viewed, language_now(), first_line(answer))
    return shown, reasons[0] if all(reasons) else ""


def why_no_page(folder: OutputFolder, name: str) -> str:
    """Before anything is paid: why it could not be written under that name; empty where it can."""
    try:
        folder.check(name, VIEW_SUFFIXES)
    except InvalidRequest as error:
        return error.reason
    return ""


def page_written(folder: OutputFolder, name: str, page: str) -> tuple[str, str]:
    """Its path, or why there is none. Where another file took its name meanwhile, it gets one like that."""
    try:
        with folder.new_file(name, VIEW_SUFFIXES, or_like_it=True) as file:
            file.write(page.encode())
    except InvalidRequest as error:
        return "", error.reason
    return str(file.path), ""
