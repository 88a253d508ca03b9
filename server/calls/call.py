"""What a tool is handed: one call's view of DashScope. Progress and cost happen here, once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import date
from functools import partial, wraps
from inspect import signature
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult

from ..catalog import Catalog, Cost, Model, plain, unpriced
from ..catalog.pricing import Workload, cost_of, lifecycle_warnings
from ..dashscope import BatchChat, ChatCompletions, DashScopeError, Reply
from ..errors import InvalidRequest
from ..files import OutputFolder
from .ask import NO_MEDIA, Exchange, RequestFailed, RequestPlan, exchange_of, require_own_files
from .client import client_of, session_of, waits_s
from .context import AppContext
from .functions import Functions
from .host_limits import UNKNOWN, TextLimit, client_name, text_limit
from .jobs import CURRENT_JOB, Asked, Job, SoFar, job_of
from .patience import IMPATIENT_S
from .payment import Payment
from .progress import Progress
from .purse import CapLeft, Payer, Purse
from .reply import progress_line
from .result import money, tokens
from .so_far import UnderWay, answers_so_far, so_far
from .spent import Spent, sum_exchanges, without_failed
from .thinking import Level, ThinkingParameters, output_limit, standard, thinking
from .turns import PacedRequest, in_turn

if TYPE_CHECKING:
    from ..catalog.live import LiveReading

MAX_MODEL_CHARS = 200
MAX_BATCH_CHAT_S = 3_600.0  # https://help.aliyun.com/zh/model-studio/openai-compatible-batch-chat
HALF_PRICE_MODELS = "qwen3.7-plus or qwen-flash"
CAP_SETTINGS = ("BAILIAN_MAX_COST_PER_CALL", "BAILIAN_MAX_COST_PER_SESSION", "BAILIAN_MAX_COST_PER_DAY")
NO_FUNCTIONS = Functions()
PaidWork = Callable[[RequestPlan, Reply, PacedRequest], Awaitable[None]]
"""Sends a plan as it is paid for, and fills the reply; of the turn it tells each attempt."""


class Call:
    """One call's view of DashScope."""

    def __init__(
        self,
        context: AppContext,
        progress: Progress,
        text_limit: TextLimit = UNKNOWN,
        payer: Payer | None = None,
        patience_s: float = IMPATIENT_S,
        purse: Purse | None = None,
    ) -> None:
        """`purse`: of the whole that this is a part of."""
        self.context = context
        self.text_limit = text_limit
        self.purse = purse or Purse(context, payer or Payer(), progress)
        self.client = self.purse.payer.client  # whose jobs it may see
        self.owner = self.client or self.purse.payer.session  # whose files lie at DashScope
        self.patience_s = patience_s  # how long its host waits
        self._progress = progress
        self.exchanges: list[Exchange] = []  # every request that was answered or counted
        self._under_way: dict[int, Payment] = {}  # requests that have not ended
        self.stored_files = 0  # in DashScope's temporary storage, before anything was asked
        self._of_setting: dict[str, str] = {}  # model -> the variable that names it, since the call names none
        self._perhaps_billed = 0  # requests that failed, and nobody said what they used

    @property
    def was_cancelled(self) -> bool:
        """Whether somebody ended it, and not the server's own end."""
        job = CURRENT_JOB.get()
        return job is not None and job.cancelled

    def take_as_long_as(self, seconds: float) -> None:
        """It may run for so long, as a job."""
        if job := CURRENT_JOB.get():
            job.scope.deadline = max(job.scope.deadline, anyio.current_time() + seconds)

    def tell_so_far(self, so_far: Callable[[], SoFar]) -> None:
        """What its job says while it runs, instead of the answers that came."""
        if job := CURRENT_JOB.get():
            job.so_far = so_far

    @property
    def catalog(self) -> Catalog:
        return self.context.catalog()

    @property
    def region(self) -> str:
        """The region whose prices hold. Raises InvalidRequest: it is not known."""
        return self.context.region

    @property
    def today(self) -> date:
        return self.context.today()

    def model_for(self, tool: str, asked: str) -> str:
        """The id to send: what the call asked for, else the settings' choice, else the catalog's default.

        Raises:
            InvalidRequest: nothing can be sent, since a setting that every request needs cannot be read.
        """
        if trouble := self.context.host.trouble:
            raise InvalidRequest(trouble)
        defaults = self.catalog.defaults
        if len(asked) > MAX_MODEL_CHARS or not asked.strip().isprintable():
            raise InvalidRequest("model must be a model id, as `models` tells them.")
        chosen = asked.strip() or self.context.models.get(tool) or defaults.get(tool, defaults["chat"])
        name = chosen if self.context.host.kind == "other" else self.catalog.canonical_name(chosen)
        if self.has_configured_model(tool) and not asked.strip():
            self._of_setting[name] = f"BAILIAN_{tool.upper()}_MODEL"
        return name

    def require_settings(self, *variables: str) -> None:
        """Raises InvalidRequest: one of them cannot be read, and its default is not what somebody set."""
        if unreadable := self.context.mend(*variables):
            raise InvalidRequest(unreadable)

    def outputs(self, instead: str = "call without `output`") -> OutputFolder:
        """Where a tool may write new files. `instead`: what else helps. Raises InvalidRequest: nowhere."""
        self.require_settings("BAILIAN_OUTPUT_DIR")
        if folder := self.context.output_folder:
            return OutputFolder(folder)
        raise InvalidRequest(
            "No folder is set where files may be written. Put one into BAILIAN_OUTPUT_DIR in this server's environment "
            f"and restart the server, or {instead}."
        )

    def require_storing(self) -> None:
        """Before a file is stored at DashScope. Raises InvalidRequest: this call stores none."""

    def has_configured_model(self, tool: str) -> bool:
        """Whether the settings name a model for it."""
        return tool in self.context.models

    def names_model(self, tool: str, asked: str, name: str) -> bool:
        """Whether the call, or else the settings, name that one."""
        return (asked.strip() or self.context.models.get(tool, "")) == name

    def known(self, model: str) -> Model | None:
        """What the catalog holds of a model."""
        return self.context.known(model)

    @property
    def elapsed_s(self) -> float:
        return self._progress.elapsed_s

    async def report(self, message: str) -> None:
        await self._progress.report(lambda: message)

    def heartbeat(self, doing: str) -> AbstractAsyncContextManager[None]:
        """Progress that says `doing` whenever nothing else was said for a while."""
        return self._progress.heartbeat(doing)

    async def report_now(self, message: str) -> None:
        await self._progress.report_now(message)

    def require_dashscope(self, what: str) -> None:
        """Raises InvalidRequest: the host is a plan's, or no DashScope at all."""
        if self.context.host.kind != "dashscope":
            raise InvalidRequest(f"{what} is DashScope's own: a plan or another server has none. `chat` works there.")

    async def live_list(self) -> "LiveReading":
        """DashScope's own list of models, as it is now; free of charge.

        Raises:
            InvalidRequest: there is none, or nothing can be asked.
            DashScopeError: it could not be read.
        """
        self.require_dashscope("The live list of models")
        if trouble := self.context.host.trouble:
            raise InvalidRequest(trouble)
        from .live_list import read_live_list  # with what it needs, which few calls do

        async with self.heartbeat("reading the live list"):
            return await read_live_list(self.context.dashscope, self.context.host, self.today)

    def estimate(
        self, model: str, input_tokens: int, output_tokens: int = 0, calls: int = 1, *, batch: bool = False
    ) -> Cost:
        """What requests of that many tokens each would cost at DashScope, before they are sent."""
        work = Workload(input_tokens=input_tokens, output_tokens=output_tokens, calls=calls, batch=batch)
        return self.price(model, work)

    def price(self, model: str, work: Workload) -> Cost:
        """What such work costs at DashScope, here and now."""
        return cost_of(self.catalog, model, work, region=self.region, on=self.context.now())

    async def complete(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        thinking_level: Level | None = None,
        max_output_tokens: int | None = None,
        response_format: Mapping[str, Any] | None = None,
        sampling: Mapping[str, float] | None = None,
        functions: Functions = NO_FUNCTIONS,
        half_price: bool = False,
        pdf_pages: int | None = 0,
        media_tokens: Mapping[str, int] | None = NO_MEDIA,
        label: str = "",
        document_tokens: int | None = None,
        own_documents: bool = False,
    ) -> Exchange:
        """Ask a model over chat completions. A cut stream gives what came, marked. `label`: as in a plan.
        `own_documents`: files at DashScope that the messages name are of this call, and were not named by its caller.

        Raises:
            InvalidRequest: the arguments do not fit the model.
            RequestFailed: DashScope gave no answer.
        """
        known = self.known(model)
        self._require_text(model, known)
        if not own_documents:
            require_own_files(self.context, messages)
        thinking = self.thinking(model, thinking_level)
        parameters: dict[str, Any] = self.output_limit(model, thinking, max_output_tokens)
        parameters |= {"response_format": response_format} if response_format else {}
        parameters |= sampling or {}
        parameters |= {"modalities": ["text"]} if known and known.type == "omni" else {}
        parameters |= self._functions(functions, model, known, thinking)
        if pdf_pages != 0 and self.context.host.kind == "dashscope":
            parameters["include_tool_usage"] = True  # or the pages that were parsed are not told
            await self._tell_page_fee(pdf_pages)
        protocol = ChatCompletions(cumulative=bool(known and known.cumulative))
        plan = RequestPlan(
            model,
            protocol,
            messages,
            thinking,
            parameters,
            label,
            pdf_pages=pdf_pages,
            document_tokens=document_tokens,
            media_tokens=media_tokens,
        )
        return await self.ask(await self._at_half_price(plan) if half_price else plan)

    async def _at_half_price(self, plan: RequestPlan) -> RequestPlan:
        """The same by Batch Chat, which may take an hour.

        Raises:
            InvalidRequest: it is not offered here, or not for this model.
        """
        known = self.known(plan.model)
        if not self.context.host.batch_chat:
            raise InvalidRequest(
                "patience=half_price is offered in cn-beijing only, by DashScope itself. Leave it out."
            )
        if known and known.can.get("batch") is False:
            raise InvalidRequest(f"{plan.model} has no half price. Leave patience out, or use {HALF_PRICE_MODELS}.")
        self.take_as_long_as(MAX_BATCH_CHAT_S + self.context.dashscope.timeout_s)
        await self.report_now(f"{plan.model} at half price: it may take up to an hour")
        return replace(plan, protocol=BatchChat(), batch=True, timeout_s=MAX_BATCH_CHAT_S)

    def _require_text(self, name: str, model: Model | None) -> None:
        """Raises InvalidRequest: what the model gives is no text, or only what it hears."""
        if model and model.type == "asr":
            raise InvalidRequest(f"{name} writes down speech: `transcribe` uses it (BAILIAN_TOOLS=media).")
        if model and not model.writes:
            raise InvalidRequest(f"{name} writes no text: it is for {model.type}. Use {self.catalog.defaults['chat']}.")

    def _functions(
        self, functions: Functions, name: str, model: Model | None, thinking: ThinkingParameters
    ) -> dict[str, Any]:
        """Raises InvalidRequest: the model cannot call functions, or not so."""
        if functions.given and model and model.can.get("tools") is False:
            raise InvalidRequest(f"{name} cannot call functions. Use {self.catalog.defaults['chat']}.")
        return functions.parameters(name, model, thinking, ours=self.context.host.kind != "other")

    async def _tell_page_fee(self, pages: int | None) -> None:
        fee = self.catalog.fee("pdf_page", self.region)
        each = f"{plain(fee.price)} {fee.currency}" if fee else "an unknown price"
        await self.report_now(f"{'some' if pages is None else pages} PDF pages, at {each} each beside their tokens")

    async def caps_left(self) -> list[CapLeft]:
        """What each cap that is set still allows."""
        return await self.purse.left()

    async def caps_trouble(self) -> str:
        """Why no cap can be held now, and what mends it; empty where they can, or none is set."""
        return self.context.mend(*CAP_SETTINGS) or await self.purse.trouble()

    def thinking(self, model: str, level: Level | None = None) -> ThinkingParameters:
        """What makes a model think so much; None: it thinks only if it must.

        Raises:
            InvalidRequest: it cannot.
        """
        if self.context.host.kind == "other":  # only fields every OpenAI-compatible server knows
            return standard(level)
        return thinking(model, self.known(model), level)

    def output_limit(
        self, model: str, thinking: ThinkingParameters, asked: int | None = None, *, of_answer: bool = False
    ) -> dict[str, int]:
        """The parameter that bounds the output; by default so that an answer fits the host.

        Raises:
            InvalidRequest: it leaves no room for an answer.
        """
        if self.context.host.kind == "other":
            return {"max_tokens": asked} if asked else {}
        return output_limit(model, self.known(model), thinking, asked, of_answer=of_answer)

    async def ask(self, plan: RequestPlan) -> Exchange:
        """Send one request and take in its stream; what it cost is in this call's sums, answered or not.

        Raises:
            RequestFailed: DashScope gave no answer.
        """
        return await self.run(plan, self._send)

    async def run(self, plan: RequestPlan, work: PaidWork) -> Exchange:
        """Have one request made in its turn, the only way there is: held before, settled after, in this call's sums.

        Raises:
            RequestFailed: DashScope gave no answer.
        """
        reply = Reply()
        async with in_turn(self.context, plan, reply, self._progress) as turn, self.purse.paid(plan, reply) as payment:
            self._under_way[id(payment)] = payment
            try:
                await work(payment.plan, reply, turn)
            except DashScopeError as error:
                raise self._failed(payment, error) from None
            except Exception:  # `delivered` hands over what had come
                if reply.answered:
                    self._keep(payment)
                raise
            return self._keep(payment)

    def _keep(self, payment: Payment) -> Exchange:
        payment.exchange = exchange_of(self.context, payment.plan, payment.reply)
        self._under_way.pop(id(payment), None)
        self.exchanges.append(payment.exchange)
        return payment.exchange

    def so_far(self) -> SoFar:
        """What there is of it: a host that waits no longer is told so."""
        under_way: list[UnderWay] = [(payment.plan, payment.reply) for payment in self._under_way.values()]
        text = answers_so_far(self.exchanges, under_way, self.text_limit)
        model = self.exchanges[-1].model if self.exchanges else ""
        return so_far(self.spent(model), under_way, text, self._price_of)

    def _price_of(self, model: str, input_tokens: int, output_tokens: int) -> Cost:
        if self.context.host.kind != "dashscope" or not self.context.host.region:
            return unpriced("not known")
        return self.estimate(model, input_tokens, output_tokens)

    async def _send(self, plan: RequestPlan, reply: Reply, turn: PacedRequest) -> None:
        """Take in the whole reply, with progress."""
        async with (
            self._progress.heartbeat(f"{plan.label}waiting for {plan.model}"),
            self.context.dashscope.stream(
                plan.protocol,
                plan.body,
                reply,
                timeout_s=plan.timeout_s,
                before_attempt=turn.attempt,
                after_failure=turn.failed,
            ),
        ):
            async for _ in reply.events:
                if self._progress.is_due:
                    await self._progress.report(lambda: progress_line(reply, plan.model, plan.label))

    def _failed(self, payment: Payment, error: DashScopeError) -> RequestFailed:
        reply = payment.reply
        reply.request_id, reply.sandbox = reply.request_id or error.request_id, error.sandbox
        self._under_way.pop(id(payment), None)
        payment.exchange, payment.failure = exchange_of(self.context, payment.plan, reply), error
        exchange = payment.exchange
        if exchange.usage:
            self.exchanges.append(exchange)
        else:
            self._perhaps_billed += not error.refused_at_once
        return RequestFailed(error.reworded(hint=self._advice(error, exchange)), exchange)

    def spent(self, model: str) -> Spent:
        """What this call cost so far, failed requests included: the part of a result that says so."""
        spent = sum_exchanges(model, self.exchanges, self.elapsed_s)
        spent["sandbox"] = spent["sandbox"] or self.context.sandboxed
        if self._perhaps_billed:
            warnings = (*spent["cost"].warnings, self._uncounted)
            spent["cost"] = spent["cost"].model_copy(update={"warnings": warnings})
        return spent

    def told(self, error: ToolError) -> ToolError:
        """A failure that ends the call, as the host is told it: true of all the call did and spent before."""
        if isinstance(error, InvalidRequest) and (named := self._named_by_settings(error.reason)):
            error = InvalidRequest(f"{error.reason} {named}")
        if isinstance(error, InvalidRequest) and (self.stored_files or self.exchanges):
            stored = " Another file was stored at DashScope, for 48 hours." if self.stored_files else ""
            error = DashScopeError(f"{error.reason}{stored}")
        if not isinstance(error, DashScopeError):
            return error
        spent = self._spent_in_words()
        return error.reworded(hint=f"{error.hint} {spent}".strip()) if spent else error

    def _spent_in_words(self) -> str:
        if not self.exchanges:
            return self._uncounted if self._perhaps_billed > 1 else ""  # of a single one its own words say so
        spent = self.spent(self.exchanges[-1].model)
        least = "Spent at least" if any(exchange.was_cut for exchange in self.exchanges) else "Spent"
        return f"{least}: {tokens(spent['usage'])}, {money(spent['cost']).removesuffix('.')}."

    @property
    def _uncounted(self) -> str:
        return without_failed(self._perhaps_billed)

    def _advice(self, error: DashScopeError, exchange: Exchange) -> str:
        """What only we can add to a failure: near names."""
        if error.kind != "unknown_model" or self.context.host.kind != "dashscope":
            return ""
        model, known = exchange.model, self.known(exchange.model)
        near = self.catalog.similar_names(model)
        advice = lifecycle_warnings(known, model, self.today) if known else []
        told = f"Near names: {', '.join(near)}." if near else "The catalog knows no near name: `models` finds one."
        return " ".join([*advice, told, self._named_by_settings(model)]).rstrip()

    def _named_by_settings(self, text: str) -> str:
        """Who chose a model that is spoken of, where it was not the caller."""
        said = [variable for model, variable in self._of_setting.items() if model in text]
        return f"{said[0]} in the server's environment names that model." if said else ""

    async def job(self, id: str, wait_s: float, *, cancel: bool) -> CallToolResult:
        """What another call of this client gave, as its tool gave or raised it; or how far it is.

        Raises:
            InvalidRequest: this client has no such job.
        """
        asked = Asked(
            tool="job",
            client=self.client,
            question=str,
            patience_s=min(wait_s, self.patience_s),
            report=self._progress.pass_on,
        )
        result = await self.context.jobs.told(id, asked, cancel=cancel)
        return result.model_copy(update={"meta": None}) if job_of(result) else result  # no task comes of asking

    async def turn(self, to: str, per_s: float) -> None:
        """Wait for a turn to do what DashScope takes so often a second, from all calls together."""
        waiting = partial(self._progress.report, lambda: f"waiting for a turn to {to} ({per_s:g} a second)")
        await self.context.pacing.turn(to, per_s, waiting)


def bound(tool: Callable[..., Awaitable[CallToolResult]]) -> Callable[..., Awaitable[CallToolResult]]:
    """The tool as the SDK calls it, with a context, which no tool sees: it gets its `Call`.

    The SDK's `Resolve` would do it too, and makes a class for each call.
    """

    @wraps(tool)
    async def called(ctx: Context[AppContext], **arguments: Any) -> CallToolResult:
        return await tool(_call_of(ctx), **arguments)

    told = signature(tool)
    first, *others = told.parameters.values()
    ours = first.replace(name="ctx", annotation=Context[AppContext])
    called.__signature__ = told.replace(parameters=[ours, *others])  # type: ignore[attr-defined]  # what the SDK reads
    called.__annotations__ = {"ctx": ours.annotation, **{each.name: each.annotation for each in others}}
    return called


def _call_of(ctx: Context[AppContext]) -> Call:
    asked = ctx.request_context
    shared: AppContext = asked.lifespan_context
    limit, job = text_limit(client_name(asked)), CURRENT_JOB.get()
    progress = Progress(job.report if job else ctx.report_progress)
    call = Call(shared, progress, limit, _payer(asked, job), waits_s(asked, shared.soft_timeout_s))
    if job:
        job.so_far = call.so_far
    return call


def _payer(asked: ServerRequestContext[AppContext, Any], job: Job | None) -> Payer:
    request, now = asked.request, asked.lifespan_context.now
    client, session = client_of(request), session_of(request, asked.meta or {}, now)
    return Payer(client, session, job.asked.tool, job.id) if job else Payer(client, session)


BoundCall = Call
"""The first parameter of every tool, bound by what serves it."""
