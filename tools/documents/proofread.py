"""A page to look at: what was read of a file beside its pictures, with every doubt at its place."""

from contextlib import suppress
from dataclasses import replace
from typing import Annotated

from anyio import to_thread
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from ...server.calls.call import BoundCall, Call
from ...server.calls.language import said
from ...server.calls.result import with_fact
from ...server.calls.salvage import Salvage
from ...server.errors import InvalidRequest
from ...server.features.ocr.page import Page
from ...server.features.ocr.view import VIEW_SUFFIXES, file_view, page_written
from ...server.files import digest
from ..ocr import EXAMPLE as READ
from ..ocr import Transcription, ocr

ANNOTATIONS = ToolAnnotations(
    title="Proofread what was read of a file (百炼识别校对)",
    read_only_hint=False,  # it writes a new file
    destructive_hint=False,
    idempotent_hint=False,
    open_world_hint=True,
)
EXAMPLE = {"source": READ["source"], "output": "tea.html"}

INSTEAD = "call `ocr`, which writes no file"
CHANGED = "no page was written: the file changed while it was read"
SECOND_READER_WAIT_S = 600  # it is what this is for


class Proof(Transcription):
    output: str = Field("", description="The page that was written", exclude_if=lambda v: not v)


async def proofread(
    call: BoundCall,
    source: Annotated[
        str, Field(description="Image or PDF: a path in the allowed folders, or data URI", pattern=r"\S")
    ],
    output: Annotated[str, Field(description="Name of a new file to write, as page.html")],
    pages: Annotated[str, Field(description='As "1-3,7"; empty: all')] = "",
    model: Annotated[str, Field(description="As in ocr")] = "",
) -> Annotated[CallToolResult, Proof]:
    """Read images and PDFs as `ocr` does, and write a page for people to check it: pictures, both readings, doubts.

    Give the user its path. The page needs no network and runs no script.
    """
    _require_file(source)
    folder = call.outputs(INSTEAD)
    folder.check(output, VIEW_SUFFIXES)
    seen = await digest(source, call.context.folders)
    call.context = replace(call.context, second_reader_wait_s=SECOND_READER_WAIT_S)
    result = await ocr(call, source, pages=pages, model=model)
    written, lacks = "", ""
    with Salvage("the page could not be made") as step:
        async with call.heartbeat("drawing the pages"), call.context.pages_to_look_at:
            shown, blind = await _shown(call, source, result)
            if await _is_still(seen, call, source):
                written, lacks = await to_thread.run_sync(page_written, folder, output, shown)
            else:
                lacks = CHANGED
    return _told(result, written, lacks or step.note, blind)


def _require_file(source: str) -> None:
    """Raises InvalidRequest: there would be no picture."""
    if source.strip().lower().startswith(("https:", "http:", "oss:")):
        raise InvalidRequest("proofread shows pictures and fetches none: download the file and give its path.")


async def _is_still(seen: str, call: Call, source: str) -> bool:
    """Whether the file is the one that was read: its pictures are drawn behind that."""
    with suppress(InvalidRequest):
        return await digest(source, call.context.folders) == seen
    return False


async def _shown(call: Call, source: str, result: CallToolResult) -> tuple[str, str]:
    """The page, and why nothing on it was compared, where that is so."""
    assert result.structured_content
    context, pages = call.context, [Page.model_validate(page) for page in result.structured_content["pages"]]
    reader = context.local_reader if context.second_reader else None
    return await file_view(source, _text_of(result), context.folders, pages, reader, context.renderer)


def _text_of(result: CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def _told(result: CallToolResult, written: str, lacks: str, blind: str) -> CallToolResult:
    """What was read is paid for: it is told, whatever became of the page. `blind`: why nothing was compared."""
    text = with_fact(_text_of(result), said(f"written: {written}" if written else lacks))
    text = with_fact(text, said(f"not compared with a second reading: {blind}")) if written and blind else text
    data = {**(result.structured_content or {}), **({"output": written} if written else {})}
    return result.model_copy(update={"content": [TextContent(type="text", text=text)], "structured_content": data})
