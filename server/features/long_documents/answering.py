"""A question with files, to the model that can take them."""

from collections.abc import Sequence
from secrets import token_hex
from typing import Any

from ...calls.ask import Exchange, require_own_files
from ...calls.call import Call
from ...errors import InvalidRequest
from ..attachments import Attached, TargetModel, images_that_fit, open_source, read_input, target_of
from .choice import long_model, reads_long, reason_for_long, require_storage
from .reading import Document, Material, Question, material
from .uploading import StoredQuestion, ask_stored, price_note, tell_price

Answered = tuple[Exchange, tuple[str, ...]]


async def answer_about(call: Call, model: str, question: Question, *, named: bool, **options: Any) -> Answered:
    """The answer of `model`, or of the one for long documents where nobody `named` one and only that takes them; and
    what is to be noted of the files. `options`: those of `Call.complete`.

    Raises:
        InvalidRequest: the model does not take them, or one cannot be used.
        RequestFailed: DashScope gave no answer.
    """
    long, reason, chosen = reads_long(call, model), "", model
    require_own_files(call.context, [{"role": "system", "content": question.system}])
    given = await material(call, target_of(call, model), question.files, long=long, named=named)
    if not long:
        reason = reason_for_long(call, model, given, question, named=named)
    if reason:
        chosen = long_model(call).id  # type: ignore[union-attr]  # or `reason_for_long` would have refused
    if given.documents and (long or reason):
        said = (f"{reason}: {chosen} was asked.",) if reason else ()
        exchange, notes = await _about_stored(call, chosen, given.documents, question, options)
        return exchange, (*said, *notes)
    return await _about_texts(call, target_of(call, model), given, question, options)


async def _about_stored(
    call: Call, model: str, documents: Sequence[Document], question: Question, options: dict[str, Any]
) -> Answered:
    """What would be refused is refused before anything is stored."""
    for document in documents:
        if not document.kind and not document.text.strip():
            raise InvalidRequest(f"{document.name} holds no text. Read it with `ocr` and give what it gives.")
    require_storage(call, model, question, Material(tuple(documents)))
    call.output_limit(model, call.thinking(model, options["thinking_level"]), options["max_output_tokens"])
    exchange = await ask_stored(call, StoredQuestion(model, documents, question, options))
    notes = [note for document in documents for note in document.notes]
    return exchange, tuple(filter(None, (price_note(call, exchange), *notes)))


async def _about_texts(
    call: Call, target: TargetModel, given: Material, question: Question, options: dict[str, Any]
) -> Answered:
    """The documents' texts stand before the prompt, and pages that say more in what is drawn are looked at."""
    texts, attached = list[str](), given.others
    tag = f"document-{token_hex(3)}"  # which no document can foresee, and so none can close
    for document in given.documents:
        text, seen = document.text, Attached(notes=document.notes)
        if document.is_pdf:
            text, seen = await _as_read(call, target, document)
        name = document.name.replace('"', "'")
        texts += [f'<{tag} name="{name}">\n{text}\n</{tag}>'] if text else []
        attached += seen
    if given.documents and call.context.host.kind == "dashscope":
        await tell_price(call, target.name, sum(count.likely for count in given.counts))
    text = "\n\n".join((*texts, question.prompt))
    beside = (function.model_dump_json() for function in options["functions"].given)
    parts, smaller = await images_that_fit(call, attached.parts, text, *question.words[1:], *beside)
    content = [*parts, {"type": "text", "text": text}] if parts else text
    exchange = await call.complete(
        target.name,
        [
            *([{"role": "system", "content": question.system}] if question.system else []),
            *map(dict, question.history),
            *([{"role": "user", "content": content}] if parts or text.strip() else []),
        ],
        pdf_pages=attached.pdf_pages,
        media_tokens=attached.media_tokens,
        **options,
    )
    return exchange, (*attached.notes, *smaller)


async def _as_read(call: Call, target: TargetModel, document: Document) -> tuple[str, Attached]:
    async with open_source(call, document.source) as found, call.heartbeat("reading the file"):
        words, seen = await read_input(found, target)
    return words.text, seen
