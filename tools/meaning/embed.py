"""Vectors of texts, into a file."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from anyio import to_thread
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ...server.calls.call import BoundCall
from ...server.calls.language import said
from ...server.calls.result import CallResult, call_result
from ...server.features.meaning.documents import MAX_PASSAGES, Library, library_of
from ...server.features.meaning.embedding import EmbeddingRun, kept_and_new
from ...server.features.meaning.models import embedding_model, require_dimension, require_length
from ...server.features.meaning.vector_files import VectorFile

ANNOTATIONS = ToolAnnotations(
    title="Embed texts into a file (百炼文本向量)",
    read_only_hint=False,
    destructive_hint=False,
    idempotent_hint=False,
    open_world_hint=True,
)
EXAMPLE = {"texts": ["西湖在杭州。", "West Lake is in Hangzhou."], "output": "vectors.npy"}


class WrittenVectors(CallResult):
    path: str
    rows: int
    dimension: int
    index: str = Field("", description="Where each row stands in the files", exclude_if=lambda v: not v)
    new_tokens: int = Field(description="Sent now")
    cached_tokens: int = Field(description="About as many were paid for earlier")
    notes: tuple[str, ...]


async def embed(
    call: BoundCall,
    output: Annotated[str, Field(description="Name of the new file: NAME.npy (float32) or NAME.jsonl")],
    texts: Annotated[tuple[str, ...], Field(description="One vector each", max_length=MAX_PASSAGES)] = (),
    files: Annotated[
        tuple[str, ...],
        Field(description="As of search_documents: one vector a passage of some 500 tokens", max_length=100),
    ] = (),
    model: Annotated[str, Field(description="Embedding model id; empty: the server's default")] = "",
    dimension: Annotated[int | None, Field(description="Numbers of a vector; 0: the model's default", ge=1)] = None,
    text_type: Annotated[
        Literal["document", "query"] | None, Field(description="What they are in a search. Default document")
    ] = None,
) -> Annotated[CallToolResult, WrittenVectors]:
    """Make embedding vectors of texts or files on Alibaba Cloud Model Studio (百炼) and write them into a file.

    To find passages, use search_documents. The vectors are not returned: only the path, the shape and the cost.
    """
    chosen = embedding_model(call, "embed", model)
    file, folder = VectorFile(output, indexed=bool(files)), call.outputs()
    file.check(folder)
    require_dimension(call.known(chosen), dimension)
    for number, text in enumerate(texts):
        require_length(call.known(chosen), f"texts[{number}]", text)
    library = await library_of(call, files, ()) if files or not texts else Library([], [])
    lots = [list(texts), *(document.texts for document in library.documents)]
    run = EmbeddingRun(call, chosen, lots, dimension, text_type or "document")
    await run.prepare()
    await run.run()
    vectors = run.all_vectors()
    path, index = await to_thread.run_sync(file.write, folder, list(_places(texts, library)), vectors)
    written = WrittenVectors(
        **call.spent(chosen),
        path=str(path),
        rows=len(vectors),
        dimension=len(vectors[0]),
        index=index,
        new_tokens=run.new_tokens,
        cached_tokens=run.cached_tokens,
        notes=tuple(library.notes),
    )
    return call_result(written, _in_words(written), kept_and_new(run.new_tokens, run.cached_tokens))


def _places(texts: tuple[str, ...], library: Library) -> Iterator[dict[str, Any]]:
    yield from ({"row": row, "text": row} for row in range(len(texts)))
    row = len(texts)
    for document in library.documents:
        for start, end in document.spans:
            page = {"page": found} if (found := document.page(start)) else {}
            yield {"row": row, "file": document.name, **page, "start": start, "end": end}
            row += 1


def _in_words(written: WrittenVectors) -> str:
    lines = [said(f"Written: {written.path}, {written.rows:,} vectors of {written.dimension:,} numbers.")]
    lines += [said(f"What each row is of: {written.index}.")] if written.index else []
    return "\n".join([*lines, *map(said, written.notes)])
