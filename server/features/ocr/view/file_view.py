"""The page of a file that was read."""

from collections.abc import Sequence
from pathlib import Path

from ....calls.language import language_now
from ....files import LocalReader, Renderer
from ..page import Page
from .drawn_again import viewed_file
from .html_page import title_of, view


async def file_view(
    source: str, folders: tuple[Path, ...], pages: Sequence[Page], reader: LocalReader | None, renderer: Renderer
) -> str:
    """In the language of the call. `reader` None: it is switched off."""
    viewed = await viewed_file(source, folders, pages, reader, renderer)
    return view(title_of(source), viewed, language_now())
