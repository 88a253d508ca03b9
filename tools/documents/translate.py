"""Texts and documents in another language, in their own form, with terms kept."""

from typing import Annotated

from anyio import to_thread
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ...server.calls.call import BoundCall, Call
from ...server.calls.language import said
from ...server.calls.result import CallResult, call_result, incomplete, short_id
from ...server.calls.salvage import Salvage
from ...server.errors import InvalidRequest
from ...server.features.translation.documents import OUTPUTS, form_of, pairs_of
from ...server.features.translation.languages import language
from ...server.features.translation.models import translation_model
from ...server.features.translation.translating import Translating, Wish
from ...server.features.translation.units import WIDE, DocumentForm
from ...server.features.translation.untranslated import PLACE_RANGE, Untranslated

ANNOTATIONS = ToolAnnotations(
    title="Translate texts and documents (百炼翻译)",
    read_only_hint=False,
    destructive_hint=False,
    idempotent_hint=False,
    open_world_hint=True,
)
EXAMPLE = {"text": "西湖龙井，产于杭州。", "target_lang": "English", "terms": {"西湖龙井": "West Lake Longjing"}}


class Translation(CallResult):
    translation: str = Field("", description="Unless it was written into a file", exclude_if=lambda v: not v)
    output: str = Field("", description="The file that was written", exclude_if=lambda v: not v)
    parts: int = Field(description="In how many it was asked for")
    untranslated: tuple[Untranslated, ...] = Field((), exclude_if=lambda v: not v)
    notes: tuple[str, ...] = Field((), exclude_if=lambda v: not v)


async def translate(
    call: BoundCall,
    target_lang: Annotated[str, Field(description="English name or code: Japanese, en, zh_tw", pattern=r"\S")],
    text: Annotated[str, Field(description="The words to translate; of a file give file instead")] = "",
    file: Annotated[str, Field(description=".txt, .md, .srt or .docx in the allowed folders")] = "",
    source_lang: Annotated[str, Field(description="Default: auto")] = "",
    terms: Annotated[dict[str, str] | None, Field(description="{source: target}: words, how to translate them")] = None,
    glossary: Annotated[str, Field(description="Terms in a file: csv, tsv, json, tbx")] = "",
    memory: Annotated[str, Field(description="Earlier translations, in such a file or as JSON")] = "",
    domain: Annotated[str, Field(description="Subject and style, an English sentence", max_length=1_000)] = "",
    model: Annotated[str, Field(description="qwen-mt-...; empty: the server's default")] = "",
    output: Annotated[str, Field(description="Name of a new file to write, as de.docx; needed for .docx")] = "",
) -> Annotated[CallToolResult, Translation]:
    """Translate a text or a document with Qwen-MT (百炼机器翻译), of any length, in its own form.

    Code, links, placeholders, times and formats stay. What was not translated is told with its place.
    """
    call.require_dashscope("Translation")
    chosen = translation_model(call, model)
    source, target = language(source_lang or "auto", "source_lang"), language(target_lang, "target_lang")
    if source == target:
        raise InvalidRequest(f"source_lang and target_lang are both {target}. Give two languages, or source_lang=auto.")
    if WIDE.search(domain):
        raise InvalidRequest("domain must be in English: DashScope takes it in no other language.")
    form, begins = await form_of(call, text, file)
    _require_output(call, form, output)
    listed = await pairs_of(call, "glossary", glossary, source, target)
    known = {source_word.strip(): word.strip() for source_word, word in (*listed, *(terms or {}).items())}
    wish = Wish(
        source,
        target,
        tuple((one, other) for one, other in known.items() if one and other),
        await pairs_of(call, "memory", memory, source, target),
        domain.strip(),
    )
    if not form.units:
        raise InvalidRequest("There are no words to translate in it.")
    run = Translating(call, chosen, form.units, wish, untranslated=[*form.untranslated])
    translations = await run.run()
    with Salvage("the document could not be put together, and what came stands one piece a line") as step:
        filled = await to_thread.run_sync(form.filled, translations)
        return _told(call, run, form, *_written(call, form, output, begins, filled))
    return _told(call, run, form, "", "", step.note)


def _require_output(call: Call, form: DocumentForm, output: str) -> None:
    """Before anything is paid: whether the file can be written."""
    if output:
        call.outputs().check(output, OUTPUTS[form.suffix])
    elif form.suffix == ".docx":
        raise InvalidRequest("A Word document is written into a new file: give output, a name that ends in .docx.")


def _written(call: Call, form: DocumentForm, output: str, begins: bytes, filled: bytes) -> tuple[str, str, str]:
    """The translation where it is told, the file where it was written, and why it was not."""
    if not output:
        return filled.decode(), "", ""
    try:
        with call.outputs().new_file(output, OUTPUTS[form.suffix]) as file:
            file.write((b"" if form.suffix == ".docx" else begins) + filled)
    except InvalidRequest as error:
        return "" if form.suffix == ".docx" else filled.decode(), "", error.reason
    return "", str(file.path), ""


def _told(
    call: Call, run: Translating, form: DocumentForm, translation: str, output: str, unwritten: str
) -> CallToolResult:
    result = Translation(
        **call.spent(run.model),
        translation=translation or ("" if output else run.in_words),
        output=output,
        parts=run.parts,
        untranslated=tuple(run.untranslated),
        notes=(*filter(None, [unwritten]), *form.notes, *run.notes),
    )
    count = len(run.untranslated)
    lacks = f"{count} place{'s' * (count != 1)} not translated" if count else ""
    facts = [incomplete(lacks), f"written: {output}" if output else ""]
    return call_result(result, _in_words(result), *filter(None, facts))


def _in_words(result: Translation) -> str:
    """What is ours stands first, behind a mark that no text can know."""
    mark = short_id(result.request_id)
    ours = [f"[{mark} {_place(each)}: {said(each.why)}]{_came(each)}" for each in result.untranslated]
    return "\n".join([*ours, *(f"[{mark} {said(note)}]" for note in result.notes), *filter(None, [result.translation])])


def _place(each: Untranslated) -> str:
    return PLACE_RANGE.join(map(said, each.place.split(PLACE_RANGE)))


def _came(each: Untranslated) -> str:
    return f"\n{each.came}" if each.came else ""
