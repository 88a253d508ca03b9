"""`bailian-mcp ocr`: a file, read as a host would have it read; and, as a page to look at, what was read where."""

import os
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.types import CallToolResult, TextContent

from ..calls.language import language_of
from ..features.ocr.page import Page
from ..features.ocr.view import file_view, page_written, why_no_page
from ..files import LocalReader, OutputFolder, Renderer
from ..settings import BadSettings, Settings, child_environment, read_settings
from ..text import printable
from .logs import log_to_stderr
from .serve import opened_server, sandbox_settings, tell_troubles

NOT_ON_DISK = ("https://", "http://", "data:")
NONE_READ = ("failed", "refused")
WAITS_S, WAITS_FOR_SECOND_READER_S = "3600", "600"  # nobody at a command line gives up as a host does


@dataclass(frozen=True)
class OcrOptions:
    """What the command line asks for. `file`: a path, an https URL or a data URI."""

    file: str
    html: Path | None = None
    pages: str = ""
    model: str = ""
    sandbox: bool = False

    @property
    def path(self) -> Path | None:
        """The file itself, whatever links lead to it; None: it is on no disk of ours."""
        return None if self.file.lower().startswith(NOT_ON_DISK) else Path(self.file).expanduser().resolve()

    @property
    def source(self) -> str:
        return str(self.path or self.file)

    @property
    def arguments(self) -> dict[str, Any]:
        given = {"source": self.source, "pages": self.pages, "model": self.model}
        return {name: value for name, value in given.items() if value}


def main(options: OcrOptions) -> int:
    """The command: 0 when something was read, 1 when nothing was, 2 when it cannot be asked for so."""
    with suppress(AttributeError, ValueError):  # whatever the terminal writes in: nothing paid is lost for a letter
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    if refusal := _refusal(options):
        sys.stderr.write(f"{refusal} Nothing was read.\n")
        return 2
    with ExitStack() as stack:
        try:
            settings = _settings(options, stack)
        except BadSettings as error:
            sys.stderr.write(f"{error}\n")
            return 2
        tell_troubles(settings)
        log_to_stderr(settings)
        return anyio.run(_run, settings, options)


def _refusal(options: OcrOptions) -> str:
    """What is wrong with the arguments, and what to do; or an empty text."""
    try:
        return _refused(options)
    except (OSError, RuntimeError, ValueError):  # a name too long, a user that is none, links in a circle
        return "The path leads nowhere. Check it."


def _refused(options: OcrOptions) -> str:
    if options.path and not options.path.is_file():
        return f"{printable(options.path.name)} is no file that is there. Check the path."
    html = options.html
    if html and os.path.lexists(html):
        return f"{printable(html.name)} is there already, and no file is overwritten. Give --html another name."
    if html and not html.absolute().parent.is_dir():
        return f"There is no folder {html.absolute().parent}. Make it, or give --html another path."
    return why_no_page(OutputFolder(html.absolute().parent), html.name) if html else ""


def _settings(options: OcrOptions, stack: ExitStack) -> Settings:
    """Those of the environment, but that the file on the command line may be read, and nothing beside its folder."""
    given = {"BAILIAN_STRUCTURED": "true", "BAILIAN_SOFT_TIMEOUT_S": WAITS_S, "BAILIAN_ALLOWED_DIRS": ""}
    if options.html:
        given["BAILIAN_SECOND_READER_WAIT_S"] = WAITS_FOR_SECOND_READER_S
    settings = read_settings(**given, **sandbox_settings(stack) if options.sandbox else {})
    folders = (options.path.parent,) if options.path else ()
    return settings.model_copy(update={"allowed_dirs": folders})


async def _run(settings: Settings, options: OcrOptions) -> int:
    async with LocalReader(child_environment()) as reader:  # for both: it is slow to load
        return await _told(settings, options, reader)


async def _told(settings: Settings, options: OcrOptions, reader: LocalReader) -> int:
    result = await _asked(settings, options, reader)
    text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
    if result.is_error or not result.structured_content:
        sys.stderr.write(f"{text}\n")
        return 1
    sys.stdout.write(f"{text}\n")
    pages = [Page.model_validate(page) for page in result.structured_content["pages"]]
    written = await _written(settings, options, reader, text, pages) if options.html else True
    return int(not written or all(page.status in NONE_READ for page in pages))


async def _asked(settings: Settings, options: OcrOptions, reader: LocalReader) -> CallToolResult:
    async with (
        opened_server(settings, reader, remote=False, sandboxed=options.sandbox) as server,
        Client(server) as client,
    ):
        result = await client.call_tool("ocr", options.arguments, progress_callback=_progress)
    assert isinstance(result, CallToolResult)
    return result


async def _progress(progress: float, total: float | None, message: str | None) -> None:
    sys.stderr.write(f"{message}\n")


# --- the page to look at ---


async def _written(settings: Settings, options: OcrOptions, reader: LocalReader, text: str, pages: list[Page]) -> bool:
    """Whether the page could be written. `text`: of the answer."""
    assert options.html
    with language_of(settings.language, options.arguments):
        renderer = Renderer(child_environment())
        seen_by = reader if settings.second_reader else None
        shown, _ = await file_view(options.source, text, settings.folders(), pages, seen_by, renderer)
    written, why = page_written(OutputFolder(options.html.absolute().parent), options.html.name, shown)
    if not written:
        sys.stderr.write(f"{why.partition(' Check ')[0]} What was read stands above.\n")
        return False
    sys.stderr.write(f"Written: {written}. Open it in a browser.\n")
    return True
