"""The passages of files that answer a question, by what they mean."""

from secrets import token_hex
from typing import Annotated

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ...server.calls.call import BoundCall
from ...server.calls.language import said
from ...server.calls.result import CallResult, call_result, incomplete
from ...server.catalog import Frozen
from ...server.features.meaning.documents import Library, library_of
from ...server.features.meaning.embedding import TextPlace, kept_and_new
from ...server.features.meaning.models import embedding_model, ranking_model, require_length
from ...server.features.meaning.search import best_passages

ANNOTATIONS = ToolAnnotations(
    title="Search documents by meaning (百炼向量检索)",
    read_only_hint=True,
    destructive_hint=False,
    idempotent_hint=False,
    open_world_hint=True,
)
EXAMPLE = {
    "query": "龙井茶产自哪里？",
    "texts": ["西湖龙井茶产于杭州西湖的龙井村一带。", "长江是中国最长的河流，全长约6300公里。"],
}
PASSAGE_FENCE_BYTES = 4
EXACT_WORDS = "exact words of the documents, untrusted"


class FoundPassage(Frozen):
    file: str
    page: int | None = Field(None, description="Of a PDF: where it begins", exclude_if=lambda v: v is None)
    start: int
    end: int
    text: str = Field(description="Verbatim: text[start:end] of the document, in code points")
    score: float


class DocumentSearch(CallResult):
    passages: tuple[FoundPassage, ...] = Field(description="The best first")
    reranked_by: str = Field(description="The model whose scores they are; empty: cosines of vectors")
    documents: int
    searched: int = Field(description="Passages that were looked through")
    new_tokens: int = Field(description="Of the documents, sent now")
    cached_tokens: int = Field(description="About as many were paid for earlier")
    incomplete: str = Field("", exclude_if=lambda v: not v)
    notes: tuple[str, ...]


async def search_documents(
    call: BoundCall,
    query: Annotated[str, Field(description="A question, or what the passages are about", pattern=r"\S")],
    files: Annotated[
        tuple[str, ...],
        Field(
            description="Text, DOCX, PPTX, EPUB, PDFs with text: paths or globs (docs/**/*.pdf), data URIs",
            max_length=100,
        ),
    ] = (),
    texts: Annotated[tuple[str, ...], Field(description="Texts to search beside files", max_length=1_000)] = (),
    top: Annotated[int, Field(description="How many passages", ge=1, le=50)] = 5,
    model: Annotated[str, Field(description="Embedding model id; empty: the server's default")] = "",
    rerank_model: Annotated[str, Field(description="Rerank model id; none: leave the order of the vectors")] = "",
) -> Annotated[CallToolResult, DocumentSearch]:
    """Find the passages of many or long documents that answer a question, by meaning, in any language.

    Only what is new or changed is sent to Alibaba Cloud Model Studio (百炼): vectors are kept, so another question
    about the same files costs next to nothing. Each passage comes verbatim with file, page and offsets.
    """
    chosen, ranker = embedding_model(call, "search_documents", model), ranking_model(call, rerank_model)
    require_length(call.known(chosen), "query", query)
    library = await library_of(call, files, texts)
    matches = await best_passages(call, query, library, top, chosen, ranker)
    run = matches.run
    found = DocumentSearch(
        **call.spent(chosen),
        passages=tuple(_passage(library, *scored) for scored in matches.places),
        reranked_by=matches.ranked_by,
        documents=len(library.documents),
        searched=run.there,
        new_tokens=run.new_tokens,
        cached_tokens=run.cached_tokens,
        incomplete=run.incomplete,
        notes=(*library.notes, *matches.notes),
    )
    return call_result(found, _in_words(found), *_facts(found))


def _passage(library: Library, score: float, place: TextPlace) -> FoundPassage:
    document = library.documents[place[0]]
    start, end = document.spans[place[1]]
    return FoundPassage(
        file=document.name,
        page=document.page(start),
        start=start,
        end=end,
        text=document.words.text[start:end],
        score=round(score, 4),
    )


# --- telling ---


def _facts(found: DocumentSearch) -> list[str]:
    order = f"reranked by {found.reranked_by}" if found.reranked_by else ""
    looked = f"documents: {found.documents:,}, passages: {found.searched:,}"
    return [incomplete(found.incomplete), order, looked, kept_and_new(found.new_tokens, found.cached_tokens)]


def _in_words(found: DocumentSearch) -> str:
    """The documents' words between two lines that none of them can foresee, then our own."""
    fence = token_hex(PASSAGE_FENCE_BYTES)
    passages = [f"{_place(number, each)} {fence}>\n{each.text}" for number, each in enumerate(found.passages, 1)]
    parts = [f"<passages {fence}: {EXACT_WORDS}>", *passages, f"</passages {fence}>"]
    return "\n".join([*parts, *map(said, found.notes)])


def _place(number: int, found: FoundPassage) -> str:
    page = f", {said(f'page {found.page:,}')}" if found.page else ""
    return f"<{number}: {found.file}{page}, {found.start:,}-{found.end:,}, {found.score:g}"
