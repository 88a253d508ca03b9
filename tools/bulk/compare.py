"""The same question to several models, side by side."""

from collections.abc import Sequence
from secrets import token_hex
from typing import Annotated, Any

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ...server.calls.call import BoundCall, Call
from ...server.calls.delivery import NOTE_CHARS
from ...server.calls.language import said
from ...server.calls.reply import why_empty
from ...server.calls.result import CallResult, call_result, fact_line, incomplete, money, short_id, tokens
from ...server.calls.salvage import Salvage
from ...server.calls.shares import fair_pieces
from ...server.calls.thinking import Level
from ...server.catalog import Cost, Frozen, Usage
from ...server.errors import InvalidRequest
from ...server.features.compare.asking import ModelOutcome, SharedQuestion
from ...server.features.compare.differences import Difference, Judged, judge
from ...server.text import repair_surrogates, revealed

ANNOTATIONS = ToolAnnotations(
    title="Compare the answers of Model Studio models (百炼模型对比)",
    read_only_hint=True,
    destructive_hint=False,
    idempotent_hint=False,
    open_world_hint=True,
)
EXAMPLE = {"prompt": "杭州西湖有多大？只回答面积。", "models": ["qwen3.7-plus", "qwen-plus"]}
MIN_MODELS, MAX_MODELS = 2, 8
AGREEMENT = {True: "THEY AGREE", False: "THEY DIFFER", None: "agreement not judged"}


class ModelAnswer(Frozen):
    """What one model gave."""

    model: str
    text: str = Field(description="Verbatim")
    error: str = Field("", description="Why there is no answer", exclude_if=lambda v: not v)
    incomplete: str = Field("", description="Why it is not whole", exclude_if=lambda v: not v)
    alike: float | None = Field(
        None,
        description="0 to 1: how many of its words a long answer shares with the others",
        exclude_if=lambda v: v is None,
    )
    elapsed_s: float
    usage: Usage | None = Field(None, exclude_if=lambda v: v is None)
    cost: Cost
    request_id: str


class SideBySide(CallResult):
    """Several answers; who is right is not said."""

    answers: tuple[ModelAnswer, ...]
    agree: bool | None = Field(description="Of short whole answers, as written; null: that cannot be told from words")
    differences: tuple[Difference, ...] = Field(description="Groups of short answers; numbers and dates of one alone")
    more_differences: int = Field(0, description="Left out here", exclude_if=lambda v: not v)
    notes: tuple[str, ...] = Field((), exclude_if=lambda v: not v)


async def compare(
    call: BoundCall,
    prompt: Annotated[str, Field(description="Sent verbatim to each", pattern=r"\S")],
    models: Annotated[tuple[str, ...], Field(description="2 to 8 model ids", max_length=MAX_MODELS)],
    system: Annotated[str, Field(description="System instruction")] = "",
    thinking: Annotated[Level | None, Field(description="As in chat")] = None,
    max_output_tokens: Annotated[int | None, Field(description="For each", ge=1)] = None,
) -> Annotated[CallToolResult, SideBySide]:
    """Ask 2 to 8 models the same at once: answers side by side with time, tokens and price, and where they differ.

    Ask for short answers (a number, yes or no, a name) and it says whether they agree; of long ones it lists the
    numbers and dates that one alone has. It never says who is right. One model's failure ends none of the others.
    """
    chosen = _chosen(call, models)
    before = [{"role": "system", "content": system}] if system else []
    options = {"thinking_level": thinking, "max_output_tokens": max_output_tokens}
    outcomes = await SharedQuestion([*before, {"role": "user", "content": prompt}], options).put_to(call, chosen)
    comparison = _compared(call, outcomes)
    facts = _facts(comparison)
    parts = [_part(answer) for answer in comparison.answers]
    if not call.context.structured:
        parts, note = _shared_out(call, parts, f"{fact_line(comparison, *facts)}\n{_told(comparison)}")
        facts += [note] if note else []
    return call_result(comparison, "\n".join(filter(None, (_told(comparison), *parts))), *facts)


def _chosen(call: Call, models: Sequence[str]) -> list[str]:
    """Each once.

    Raises:
        InvalidRequest: there is nothing to compare.
    """
    chosen = list(dict.fromkeys(call.model_for("chat", name) for name in models))
    if len(chosen) < MIN_MODELS:
        raise InvalidRequest(f"models must name at least {MIN_MODELS} different models. `chat` asks one.")
    return chosen


def _compared(call: Call, outcomes: Sequence[ModelOutcome]) -> SideBySide:
    answers, judged = [_answer(outcome) for outcome in outcomes], Judged()
    with Salvage("where they differ could not be told") as step:
        judged = judge({each.model: each.text for each in answers if not (each.error or each.incomplete)})
    alike = judged.alike or {}
    return SideBySide(
        **call.spent(", ".join(outcome.model for outcome in outcomes)),
        answers=tuple(each.model_copy(update={"alike": alike.get(each.model)}) for each in answers),
        agree=judged.agree,
        differences=judged.differences,
        more_differences=judged.more,
        notes=tuple(filter(None, (step.note,))),
    )


def _answer(outcome: ModelOutcome) -> ModelAnswer:
    exchange, error = outcome.exchange, str(outcome.error or "")
    given: dict[str, Any] = {"text": "", "request_id": ""}
    if exchange is None:
        error = error or outcome.fault
    else:
        empty = why_empty(exchange.text, exchange.reasoning, exchange.finish_reason)
        given = {"text": exchange.text, "usage": exchange.usage, "request_id": exchange.request_id}
        given |= {} if error else {"incomplete": outcome.fault or exchange.incomplete or empty}
    return ModelAnswer(model=outcome.model, elapsed_s=outcome.elapsed_s, error=error, cost=outcome.cost, **given)


# --- in words ---


def _facts(comparison: SideBySide) -> list[str]:
    count, asked = sum(not each.error for each in comparison.answers), len(comparison.answers)
    return [
        f"{count} of {asked} models answered" if count < asked else "",
        AGREEMENT[comparison.agree],
        *comparison.notes,
    ]


def _told(comparison: SideBySide) -> str:
    """The differences, those of the same models together, in lines that no model can write before them."""
    by_models: dict[tuple[str, ...], list[str]] = {}
    for each in comparison.differences:
        by_models.setdefault(each.models, []).append(each.value)
    alone = "" if any(each.kind == "answer" for each in comparison.differences) else f"{said('only')} "
    lines = [f"- {alone}{', '.join(models)}: {'; '.join(values)}" for models, values in by_models.items()]
    more = comparison.more_differences
    return "\n".join([*lines, *([said(f"{more} more differences are left out.")] if more else [])])


def _part(answer: ModelAnswer) -> str:
    """A head that the model could not foresee, and what it said."""
    facts = [
        said(tokens(answer.usage)) if answer.usage or not answer.error else "",
        said(money(answer.cost)),
        f"{answer.elapsed_s:g} s",
        f"{said('alike')} {answer.alike:g}" if answer.alike is not None else "",
        short_id(answer.request_id) or token_hex(2),
        said(incomplete(answer.incomplete)),
        *(said(f"note: {warning}") for warning in answer.cost.warnings),
    ]
    text = f"{said('NO ANSWER:')} {said(answer.error)}" if answer.error else answer.text
    return f"[{' | '.join(filter(None, (answer.model, *facts)))}]\n{text}"


def _shared_out(call: Call, parts: list[str], head: str) -> tuple[list[str], str]:
    """The answers as long as the host takes them, each its share; the whole is kept where they are cut."""
    shown = [revealed(repair_surrogates(part))[0] for part in parts]
    whole = "\n".join((head, *shown))
    if call.text_limit.fitting(whole) == len(whole):
        return parts, ""
    id = call.context.jobs.keep_text("compare", call.client, whole)
    room = call.text_limit.less(len(head) + len(parts) + NOTE_CHARS)
    note = f'long answers are cut here, all are whole with job(id="{id}", offset={len(head) + 1})'
    return fair_pieces(shown, room), note
