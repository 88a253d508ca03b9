"""One tool's work over many inputs."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal

from mcp.server.mcpserver.utilities.func_metadata import func_metadata
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BeforeValidator, Field, ValidationError

from ...server.calls.arguments import fitted
from ...server.calls.call import BoundCall, Call
from ...server.calls.checked_schemas import checked_schema
from ...server.calls.functions import AS_TEXT, json_object
from ...server.calls.language import said
from ...server.calls.result import tool_result
from ...server.catalog import Frozen, Model, Money, plain
from ...server.errors import InvalidRequest
from ...server.features.batch import BatchInputs, BatchOptions, BatchOutcome, BatchTool, run_batch
from ...server.text import clip, complaint, printable
from ..chat import chat
from ..documents.translate import translate
from ..extract import extract
from ..ocr import ocr

ANNOTATIONS = ToolAnnotations(
    title="Ask over many inputs, at half price or now (百炼批量)",
    read_only_hint=False,
    destructive_hint=False,
    idempotent_hint=True,
    open_world_hint=True,
)
EXAMPLE = {"tool": "chat", "inputs": ["用一句话介绍杭州西湖。", "用一句话介绍苏州园林。"], "dry_run": True}

MAX_WHY_CHARS = 600
Worker = Literal["chat", "extract", "translate", "ocr"]
# Of each tool its function, the parameter that a text is, the one that a file is, and whether that takes several
WORKERS: dict[Worker, tuple[Callable[..., Awaitable[CallToolResult]], str, str, bool]] = {
    "chat": (chat, "prompt", "files", True),
    "extract": (extract, "text", "files", True),
    "translate": (translate, "text", "file", False),
    "ocr": (ocr, "source", "source", False),
}


HALF_PRICED = ("chat", "extract")  # what DashScope's batches do


class BatchAnswer(Frozen):
    """`at_least` and `at_most`: CNY, of a dry run only; `left`: inputs that were not asked yet."""

    tool: str
    how: str
    items: int
    done: int = 0
    failed: int = 0
    uncertain: int = Field(0, description="Under way when the batch was stopped: perhaps billed, not asked again")
    left: int = 0
    named: tuple[str, ...] = Field((), description="Ids of some that were not done")
    input_tokens: int = 0
    output_tokens: int = 0
    cost_cny: Money | None = None
    unpriced: int = Field(0, description="Inputs whose price is not known")
    at_least: Money | None = None
    at_most: Money | None = None
    output: str = ""
    table: str = Field("", description="The same as CSV")
    notes: tuple[str, ...] = ()
    sandbox: bool = Field(False, exclude_if=lambda v: not v)


async def batch(
    call: BoundCall,
    tool: Annotated[Worker, Field(description="What does the work")],
    inputs: Annotated[tuple[str, ...], Field(description="Texts (prompts), or for ocr paths and URLs")] = (),
    source: Annotated[
        str, Field(description="Instead: a .jsonl file (a line: the tool's arguments, or a text), or a glob of files")
    ] = "",
    arguments: Annotated[
        dict[str, Any] | None,
        BeforeValidator(json_object),
        AS_TEXT,
        Field(description='JSON object of the tool\'s arguments that all share, as {"target_lang": "en"}'),
    ] = None,
    how: Annotated[
        Literal["now", "half_price"] | None,
        Field(
            description="half_price (default of chat, extract): by DashScope's batches, within a day; now: full price"
        ),
    ] = None,
    max_cost: Annotated[
        float | None, Field(description="CNY for all of it; what may cost more is not sent", gt=0)
    ] = None,
    dry_run: Annotated[bool, Field(description="Only count inputs, tokens and money")] = False,
    output: Annotated[str, Field(description="Name of the new file in the output folder: .jsonl, or .csv too")] = "",
    window_h: Annotated[int, Field(description="How long a batch may take", ge=24, le=336)] = 24,
) -> Annotated[CallToolResult, BatchAnswer]:
    """Let chat, extract, translate or ocr work over many inputs, and write one line of JSON for each into a new file.

    Begin with dry_run. It runs as a job and outlives the server: the same call again goes on where it was, and no
    input is paid twice. half_price takes text and picture URLs, and models that batch.
    """
    way = how or ("half_price" if tool in HALF_PRICED else "now")
    shared = arguments or {}
    most = None if max_cost is None else Decimal(str(max_cost))
    options = BatchOptions(way, output.strip(), most, dry_run, window_h)
    require_way(call, tool, way, str(shared.get("model", "")))
    outcome = await run_batch(call, _worker(tool), BatchInputs(inputs, source.strip(), shared), options)
    answer = _answer(tool, way, outcome)
    return tool_result(answer, "\n".join(_in_words(answer, outcome)))


def require_way(call: Call, tool: Worker, way: str, model: str) -> None:
    """Raises InvalidRequest: DashScope has no batch for it."""
    if way == "now":
        return
    if tool not in HALF_PRICED:
        raise InvalidRequest(f'{tool} is not done by DashScope\'s batches. Use how="now".')
    chosen = call.model_for(tool, model)
    known = call.known(chosen)
    if known and known.can.get("batch") is False:
        able = ", ".join(_batching(call, tool, known))
        raise InvalidRequest(f'{chosen} has no batch. Use how="now", or a model that has: {able}.')


def _batching(call: Call, tool: Worker, like: Model) -> list[str]:
    """Some models that have a batch, the tool's own first."""
    own = call.model_for(tool, "")
    models = (each for each in call.catalog.models if each.can.get("batch") and each.in_service)
    able = [each.id for each in models if each.type == like.type]
    return sorted(able, key=lambda id: id != own)[:3]


@cache
def _worker(tool: Worker) -> BatchTool:
    function, text, file, many = WORKERS[tool]
    model = func_metadata(function, skip_names=("call",)).arg_model

    def check(given: Mapping[str, Any]) -> dict[str, Any]:
        fits = fitted(given, checked_schema(model))
        unknown = sorted(set(fits) - set(model.model_fields))
        if unknown:
            raise InvalidRequest(
                f"{tool} has no argument {printable(unknown[0])}. It has {', '.join(model.model_fields)}."
            )
        try:
            model.model_validate(fits)
        except ValidationError as error:
            raise InvalidRequest(f"{complaint(error.errors()[0])}.") from None
        return fits

    async def run(call: Call, given: Mapping[str, Any]) -> CallToolResult:
        return await function(call, **model.model_validate(given).model_dump_one_level())

    return BatchTool(tool, text, file, many, check, run)


# --- telling ---


def _answer(tool: Worker, way: str, outcome: BatchOutcome) -> BatchAnswer:
    totals, estimate = outcome.totals, outcome.estimate
    return BatchAnswer(
        tool=tool,
        how=way,
        items=outcome.total,
        done=totals.ends["done"],
        failed=estimate.wrong if estimate else totals.ends["failed"],
        uncertain=totals.ends["uncertain"],
        left=0 if estimate else outcome.left,
        named=tuple(map(printable, totals.named)),
        input_tokens=estimate.input_tokens if estimate else totals.input_tokens,
        output_tokens=totals.output_tokens,
        cost_cny=None if estimate else totals.known_cny,
        unpriced=estimate.unpriced if estimate else totals.unpriced,
        at_least=estimate.least if estimate and estimate.is_known else None,
        at_most=estimate.most if estimate and estimate.is_known else None,
        output=str(outcome.path or "") if totals.items else "",  # a file in which nothing came is none
        table=str(outcome.csv or ""),
        notes=tuple(
            filter(
                None, (_of_first(tool, outcome), outcome.why_left, estimate and estimate.first_wrong, *outcome.notes)
            )
        ),
        sandbox=totals.sandbox,
    )


def _of_first(tool: Worker, outcome: BatchOutcome) -> str:
    """How many more there are shows only in the answers."""
    several = outcome.estimate and tool != "chat"
    return "Counted is the first request of each input: more pages, parts and repairs come on top." if several else ""


def _in_words(answer: BatchAnswer, outcome: BatchOutcome) -> Iterator[str]:
    yield f"[{' | '.join(map(said, filter(None, _head(answer, outcome))))}]"
    if outcome.estimate:
        yield said("Nothing was sent: this was a dry run. Call again without dry_run.")
    elif answer.left:
        yield said("Call again with the same arguments (max_cost may be higher): it goes on with what is left.")
    yield from filter(None, (answer.output, answer.table))
    if answer.named:
        yield said("Not done:") + " " + ", ".join(answer.named)
        yield f"{said('The first says:')} {clip(said(outcome.totals.why), MAX_WHY_CHARS)}" if outcome.totals.why else ""
    yield from map(said, answer.notes)


def _head(answer: BatchAnswer, outcome: BatchOutcome) -> Iterator[str]:
    yield "SANDBOX" if answer.sandbox else ""
    yield f"batch {answer.tool}, {answer.how}"
    if estimate := outcome.estimate:
        yield f"{answer.items:,} inputs, {estimate.requests:,} requests to {estimate.model or 'no model'}"
        yield f"about {answer.input_tokens:,} tokens in"
        known = f"{plain(estimate.least)} CNY for the input, {plain(estimate.most)} CNY at most"
        yield known if estimate.is_known else "price not known"
    else:
        yield f"{answer.done:,} of {answer.items:,} inputs done"
        yield f"{answer.input_tokens:,}+{answer.output_tokens:,} tokens"
        yield "price not known" if answer.cost_cny is None else f"{plain(answer.cost_cny)} CNY"
    yield f"{answer.failed:,} failed" if answer.failed else ""
    yield f"{answer.uncertain:,} UNCERTAIN" if answer.uncertain else ""
    yield f"{answer.left:,} LEFT" if answer.left else ""
    yield f"{answer.unpriced:,} without a known price" if answer.unpriced else ""
