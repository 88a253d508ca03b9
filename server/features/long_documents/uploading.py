"""Documents go to DashScope's storage under names that tell nothing, and are asked about by their ids.

What is read here goes as its text: what is counted is what is billed, and nothing goes there that nobody sees. What is
not read here goes as it is. Page: https://help.aliyun.com/zh/model-studio/long-context-qwen-long
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO

import anyio

from ...calls.ask import FILE_ID, Exchange, RequestFailed
from ...calls.call import Call
from ...calls.result import money
from ...dashscope import DashScopeError, StoredFiles
from ...errors import NOTHING_SENT, InvalidRequest
from ...files import OtherFile
from ..attachments import open_source
from .reading import Document, Question

UPLOADS_PER_S = 3
ROLE = "You are a helpful assistant."


@dataclass(frozen=True)
class StoredQuestion:
    """`options`: those of `Call.complete`."""

    model: str
    documents: Sequence[Document]
    question: Question
    options: Mapping[str, Any]

    @property
    def likely_tokens(self) -> int | None:
        """None: nobody has counted them all."""
        counts = [document.tokens.likely for document in self.documents if document.tokens]
        return sum(counts) if len(counts) == len(self.documents) else None

    @property
    def most_tokens(self) -> int | None:
        counts = [document.most_tokens for document in self.documents]
        return None if None in counts else sum(filter(None, counts))


async def ask_stored(call: Call, asked: StoredQuestion) -> Exchange:
    """The answer. Documents that somebody has deleted there since an earlier question are stored again, once.

    Raises:
        DashScopeError: one cannot be stored, or there is no answer.
    """
    ids = await _stored(call, asked.documents)
    try:
        return await _answered(call, asked, ids)
    except RequestFailed as error:
        if error.kind in ("capped", "unsent"):  # no question was, but the documents were
            said = error.message.replace(NOTHING_SENT, "Nothing was asked.")
            raise RequestFailed(error.reworded(message=said), error.exchange) from None
        if error.kind != "file_gone":
            raise
        await call.context.shelf.drop(StoredFiles(call.context.dashscope.rest), ids)
    return await _answered(call, asked, await _stored(call, asked.documents))


def price_note(call: Call, exchange: Exchange) -> str:
    """What asking again costs."""
    if exchange.usage is None:
        return ""
    tokens = exchange.usage.input_tokens
    cost = money(call.estimate(exchange.model, tokens))
    return f"Each question about these documents bills their whole text: about {tokens:,} tokens, {cost}."


async def _stored(call: Call, documents: Sequence[Document]) -> list[str]:
    return [await _store(call, document) for document in documents]


async def _store(call: Call, document: Document) -> str:
    call.require_storing()
    context = call.context
    async with _content(call, document) as content, call.heartbeat(f"waiting for DashScope to read {document.name}"):
        stored = await context.shelf.put(
            StoredFiles(context.dashscope.rest),
            call.owner,
            content,
            f".{document.kind or 'txt'}",
            timeout_s=context.dashscope.timeout_s,
            before_upload=partial(_tell_upload, call, document, content),
        )
    return stored.id


async def _tell_upload(call: Call, document: Document, content: BinaryIO) -> None:
    size = content.seek(0, 2) / 1e6
    await call.turn("store a file", UPLOADS_PER_S)
    await call.report_now(f"putting {document.name} ({size:.1f} MB) where DashScope reads it, until this server ends")


@asynccontextmanager
async def _content(call: Call, document: Document) -> AsyncIterator[BinaryIO]:
    if not document.kind:
        yield BytesIO(document.text.encode("utf-8", "replace"))
        return
    async with AsyncExitStack() as stack:
        try:
            found = await stack.enter_async_context(open_source(call, document.source))
        except InvalidRequest as refusal:  # it was there a moment ago; another may be stored by now
            raise DashScopeError(refusal.reason) from None
        if not isinstance(found, OtherFile):
            raise DashScopeError(f"{document.name} is another file than a moment ago. Call again.")
        yield found.file


async def _answered(call: Call, asked: StoredQuestion, ids: Sequence[str]) -> Exchange:
    """Once DashScope has read them, which it says by refusals too."""
    shelf, model = call.context.shelf, asked.model
    counted = shelf.counted(ids)
    await tell_price(call, model, counted or asked.likely_tokens)
    bound = asked.most_tokens if counted is None else counted
    messages = _messages(asked, ids)
    until = anyio.current_time() + call.context.dashscope.timeout_s
    while True:
        try:
            exchange = await call.complete(model, messages, document_tokens=bound, own_documents=True, **asked.options)
        except RequestFailed as error:
            if error.kind != "file_unread" or anyio.current_time() > until:
                raise
            await call.report_now("DashScope is still reading the documents")
            await anyio.sleep(shelf.first_look_s)
            continue
        if exchange.usage:
            shelf.count(ids, exchange.usage.input_tokens)
        return exchange


async def tell_price(call: Call, model: str, tokens: int | None) -> None:
    """Before it is asked."""
    if tokens is None:
        await call.report_now(f"asking {model}: what a question costs is known after the first answer")
        return
    cost = money(call.estimate(model, tokens))
    await call.report_now(f"asking {model}: about {tokens:,} tokens of documents, {cost} for each question")


def _messages(asked: StoredQuestion, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The role first, or the first document would be taken for it; it tells the names, which are not stored."""
    names = "; ".join(f"{number}. {document.name}" for number, document in enumerate(asked.documents, 1))
    question = asked.question
    role = f"{question.system or ROLE}\n\nThe documents that follow, in this order: {names}"
    return [
        {"role": "system", "content": role},
        {"role": "system", "content": ",".join(f"{FILE_ID}{id}" for id in ids)},
        *map(dict, question.history),
        {"role": "user", "content": question.prompt},
    ]
