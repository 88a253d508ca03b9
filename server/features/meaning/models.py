"""Which models make vectors of texts, and what one request to them may hold."""

from ...calls.call import Call
from ...catalog import Model
from ...catalog.pricing import text_tokens
from ...errors import InvalidRequest

MAX_BATCH_TEXTS, MAX_RANKED = 10, 100  # of a model of which the catalog does not say it
# What every model takes in every region, by its upper estimate; a text alone may be longer:
# https://help.aliyun.com/zh/model-studio/embedding
MAX_BATCH_TOKENS = 8_192
MAX_RERANK_TOKENS = 30_000  # the least that a model is listed to take


def embedding_model(call: Call, tool: str, asked: str) -> str:
    """Raises InvalidRequest: it makes no vectors of texts, or DashScope is not who is asked."""
    call.require_dashscope(f"`{tool}`")
    chosen = call.model_for(tool, asked)
    known = call.known(chosen)
    if known and (known.type != "embedding" or "image" in known.input or "-async-" in known.id):
        raise InvalidRequest(f"{chosen} makes no vectors of texts. Use {call.catalog.defaults[tool]}.")
    return chosen


def ranking_model(call: Call, asked: str) -> str:
    """Empty: none is wanted. Raises InvalidRequest: it ranks no texts."""
    if asked.strip().lower() in ("none", "off"):
        return ""
    chosen = call.model_for("rerank", asked)
    known = call.known(chosen)
    if known and (known.type != "rerank" or known.id == "qwen3-vl-rerank"):  # that one takes objects
        raise InvalidRequest(f"{chosen} ranks no texts. Use {call.catalog.defaults['rerank']}, or none.")
    return chosen


def require_dimension(model: Model | None, dimension: int | None) -> None:
    """Raises InvalidRequest: it is known not to make vectors of that length."""
    known = model.limits.dimensions if model else ()
    if model and dimension and known and dimension not in known:
        listed = ", ".join(map(str, sorted(known)))
        raise InvalidRequest(f"{model.id} makes no vectors of {dimension} numbers. Choose one of {listed}.")


def require_length(model: Model | None, name: str, text: str) -> None:
    """Raises InvalidRequest: it says nothing, or is surely too long."""
    if not text.strip():
        raise InvalidRequest(f"{name} is empty. Leave it out.")
    limits = model.limits if model else None
    most = limits and (limits.max_input_per_text or limits.max_input or limits.context)
    if most and text_tokens(text).least > most:
        raise InvalidRequest(f"{name} has more than {most:,} tokens, the most that a text may have. Split it.")


def batch_texts(model: Model | None) -> int:
    return (model and model.limits.max_texts) or MAX_BATCH_TEXTS
