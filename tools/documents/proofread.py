"""A page to look at: what was read of a file beside its pictures, with every doubt at its place."""

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
from ...server.features.ocr.view import file_view
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

SECOND_READER_WAIT_S = 600  # it is what this is for


class Proof(Transcription):
    output: str = Field("", description="The page that was written", exclude_if=lambda v: not v)


async def proofread(
    call: BoundCall,
    source: Annotated[str, Field(description="Image or PDF: a path in the allowed folders", pattern=r"\S")],
    output: Annotated[str, Field(description="Name of a new file to write, as page.html")],
    pages: Annotated[str, Field(description='As "1-3,7"; empty: all')] = "",
    model: Annotated[str, Field(description="As in ocr")] = "",
) -> Annotated[CallToolResult, Proof]:
    """Read images and PDFs as `ocr` does, and write a page for people to check it: pictures, both readings, doubts.

    Give the user its path. The page needs no network and runs no script.
    """
    call.outputs().check(output, (".html",))
    call.context = replace(call.context, second_reader_wait_s=SECOND_READER_WAIT_S)
    result = await ocr(call, source, pages=pages, model=model)
    assert result.structured_content
    written, lacks = "", ""
    with Salvage("the page could not be made") as step:
        shown = await _shown(call, source, [Page.model_validate(page) for page in result.structured_content["pages"]])
        written, lacks = await to_thread.run_sync(_written, call, output, shown)
    return _told(result, written, lacks or step.note)


async def _shown(call: Call, source: str, pages: list[Page]) -> str:
    context = call.context
    reader = context.local_reader if context.second_reader else None
    async with call.heartbeat("drawing the pages"):
        return await file_view(source, context.folders, pages, reader, context.renderer)


def _written(call: Call, output: str, shown: str) -> tuple[str, str]:
    """The path of the new file, or why there is none."""
    try:
        with call.outputs().new_file(output, (".html",)) as file:
            file.write(shown.encode())
    except InvalidRequest as error:
        return "", error.reason
    return str(file.path), ""


def _told(result: CallToolResult, written: str, lacks: str) -> CallToolResult:
    """What was read is paid for: it is told, whatever became of the page."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    text = with_fact(block.text, said(f"written: {written}" if written else lacks))
    data = {**(result.structured_content or {}), **({"output": written} if written else {})}
    return result.model_copy(update={"content": [TextContent(type="text", text=text)], "structured_content": data})
