"""The page of a file that was read."""

from collections.abc import Sequence
from pathlib import Path

from ....calls.language import language_now
from ....calls.result import first_line
from ....files import LocalReader, Renderer
from ..page import Page
from .drawn_again import viewed_file
from .html_page import title_of, view


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
    return view(title_of(source), viewed, language_now(), first_line(answer)), reasons[0] if all(reasons) else ""
