"""Read on an answer that was longer than the host takes."""

from typing import Annotated

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ..server.calls.call import BoundCall
from ..server.calls.delivery import NOTE_CHARS
from ..server.calls.language import said
from ..server.calls.result import tool_result
from ..server.catalog import Frozen
from ..server.errors import InvalidRequest
from ..server.text import printable

ANNOTATIONS = ToolAnnotations(
    title="Read on a long answer (百炼长回答)",
    read_only_hint=True,
    destructive_hint=False,
    idempotent_hint=True,
    open_world_hint=False,
)
EXAMPLE: dict[str, object] = {}
NOTHING_KEPT = "Nothing to read on: an answer that is longer than this host takes says its id."


class TextPiece(Frozen):
    """`piece` is characters `start` to `end` of `total_chars`."""

    id: str
    piece: str
    start: int
    end: int
    total_chars: int


async def job(
    call: BoundCall,
    id: Annotated[str, Field(description="As the answer's first line says")] = "",
    offset: Annotated[int, Field(description="The character to begin with", ge=0)] = 0,
) -> Annotated[CallToolResult, TextPiece]:
    """Read on an answer of this server that was longer than the host takes. Free: it was paid when it was made.

    Kept until the server ends, but for very many long ones.
    """
    if not id.strip():
        return tool_result(TextPiece(id="", piece="", start=0, end=0, total_chars=0), said(NOTHING_KEPT))
    text = call.context.kept_texts.get(id)
    if text is None:
        raise InvalidRequest(
            f"No answer is kept as {printable(id)}: the server was restarted since, or longer ones took its room."
        )
    if offset >= len(text):
        raise InvalidRequest(f"That answer has {len(text):,} characters: give a smaller offset.")
    end = call.text_limit.less(NOTE_CHARS).fitting(text, offset)
    piece = TextPiece(id=id.strip(), piece=text[offset:end], start=offset, end=end, total_chars=len(text))
    next_step = f'next: job(id="{piece.id}", offset={end})' if end < len(text) else "the end"
    facts = (f"characters {offset:,} to {end:,} of {len(text):,}", next_step)
    return tool_result(piece, f"[{' | '.join(map(said, facts))}]\n{piece.piece}")
