"""Which model is asked: the one that was named, the default where the documents fit it, else the one for long ones."""

from ...calls.call import Call
from ...catalog import Model
from ...catalog.pricing import text_tokens
from ...errors import InvalidRequest
from .reading import Material, Question

LONG_SERIES = "千问Long"  # how the catalog marks models that read documents from DashScope's own storage
MAX_PROMPT_TOKENS = 9_000  # beside documents: https://help.aliyun.com/zh/model-studio/long-context-qwen-long


def reads_long(call: Call, name: str) -> bool:
    """Whether a model reads documents from DashScope's own storage."""
    model = call.known(name)
    return model is not None and model.series == LONG_SERIES


def long_model(call: Call) -> Model | None:
    """The one that is asked where nobody chose."""
    return next((model for model in call.catalog.models if model.series == LONG_SERIES and model.in_service), None)


def reason_for_long(call: Call, name: str, material: Material, question: Question, *, named: bool) -> str:
    """Why another model than `name` has to be asked; empty where it is the right one.

    Raises:
        InvalidRequest: it would have to be another, and that cannot be chosen here.
    """
    reason = _reason(call, name, material, question)
    if not reason:
        return ""
    chosen = long_model(call)
    if chosen is None or call.context.host.kind != "dashscope":
        raise InvalidRequest(f"{reason}. Give less, or save it as a text or PDF.")
    if call.region not in chosen.regions:
        raise InvalidRequest(
            f"{reason}. {chosen.id} takes it, in {' and '.join(chosen.regions)} only: give less, or use a server "
            "with a key of that region."
        )
    if named:
        raise InvalidRequest(f"{reason}. Use {chosen.id}, or give less.")
    if material.others.parts:
        raise InvalidRequest(f"{reason}. {chosen.id} takes it, and reads no images: ask about them by themselves.")
    return reason


def _reason(call: Call, name: str, material: Material, question: Question) -> str:
    if unread := material.unread:
        return f"{unread.name} ({unread.kind}) is of a kind that {name} does not read"
    model = call.known(name)
    takes = model.limits.max_input if model else None
    if not material.documents or takes is None:
        return ""
    most = sum(count.most for count in (*material.counts, *map(text_tokens, question.words)))
    if most <= takes:
        return ""
    likely = sum(count.likely for count in material.counts)
    return f"The documents have about {likely:,} tokens, and {name} takes {takes:,}"


def require_storage(call: Call, name: str, question: Question, material: Material) -> None:
    """Raises InvalidRequest: these documents may not, or cannot, be put to that model."""
    model, context = call.known(name), call.context
    assert model
    if context.host.kind == "dashscope" and call.region not in model.regions:
        raise InvalidRequest(f"{name} is offered in {' and '.join(model.regions)} only. Use another model.")
    call.require_settings("BAILIAN_UPLOADS")
    call.require_dashscope("The storage for documents")
    if not context.uploads:
        raise InvalidRequest(
            f"{name} reads documents that lie at DashScope, and BAILIAN_UPLOADS=false forbids to put them there. Give "
            "less, so that another model takes their text, or set BAILIAN_UPLOADS=true."
        )
    if (tokens := text_tokens(question.prompt).least) > MAX_PROMPT_TOKENS:
        raise InvalidRequest(
            f"The prompt has at least {tokens:,} tokens, and beside documents {name} takes {MAX_PROMPT_TOKENS:,}. "
            "Shorten it, or give its text as a document."
        )
    least, takes = sum(count.least for count in material.counts), model.limits.max_input
    if takes and least > takes:
        raise InvalidRequest(f"The documents have at least {least:,} tokens, and {name} takes {takes:,}. Give less.")
