"""What a tool is handed: one call's view of DashScope. Progress and cost happen here, once."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import anyio
from aiolimiter import AsyncLimiter
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import Resolve

from .answer import Completion, clipped_in_the_middle, money, tokens
from .attachments import Attached, Recipient, attached, read
from .catalog import Catalog, Cost, Model, Workload, cost_of, in_beijing, lifecycle_warnings, plain, shipped, unpriced
from .dashscope import (
    ChatCompletions,
    DashScope,
    DashScopeError,
    Dialect,
    Page,
    Reply,
)
from .files import Source, Studio, opened
from .heard import Heard
from .hosts import Host
from .progress import Progress
from .recognition import Way, pixels_for
from .searching import PAGES_FILTERED, QUESTION_OR_PAGES_FILTERED, RESPONSES, SEARCH_FIRST, SEARCHES_PER_S, Ask, road
from .thinking import Level, Thinking, output_limit, standard, thinking

PATIENCE_S = 0.2  # a wait that is not worth a word
Turn = Callable[[], Awaitable[None]]
UNPRICED = {
    "plan": "plan: this call draws on the plan's quota, not on money per token",
    "other": "not DashScope: this server's prices are not known",
}


@dataclass(frozen=True)
class Finding:
    """A completion, and how it was searched. `cites`: its text may hold `[ref_<number>]` marks."""

    completion: Completion
    pages: tuple[Page, ...]
    searched: bool
    searches: int | None
    strategy: str
    cites: bool


@dataclass(frozen=True)
class Recognition:
    """A completion, and what an OCR model found beside its words."""

    completion: Completion
    found: Mapping[str, Any]


@dataclass(frozen=True)
class Shared:
    """What all calls share: made once, in the front door."""

    dashscope: DashScope
    host: Host
    folders: tuple[Path, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)  # tool -> the model the settings chose for it
    catalog: Callable[[], Catalog] = shipped
    enough_s: float = 45  # a call that reads in parts begins no new one after it
    repairs: int = 1
    studio: Studio = field(default_factory=Studio)
    uploads: bool = True  # whether a file may be put into DashScope's temporary storage
    # Evenly spaced: never more than the rate in any second.
    search_turns: AsyncLimiter = field(default_factory=lambda: AsyncLimiter(1, 1 / SEARCHES_PER_S))
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def today(self) -> date:
        """The day in Beijing, where prices are made."""
        return in_beijing(self.now()).date()


class Bailian:
    """One call's view of DashScope."""

    refusal = ToolError  # what a tool raises where its arguments do not fit together
    failure = DashScopeError  # what it catches where paid work must not be lost

    def __init__(self, shared: Shared, progress: Progress) -> None:
        self._shared = shared
        self._progress = progress

    @property
    def catalog(self) -> Catalog:
        return self._shared.catalog()

    @property
    def region(self) -> str:
        """The region whose prices hold."""
        return self._shared.host.region

    @property
    def today(self) -> date:
        return self._shared.today()

    def model_for(self, tool: str, asked: str) -> str:
        """The id to send: what the call asked for, else the settings' choice, else the catalog's default."""
        defaults = self.catalog.defaults
        chosen = asked.strip() or self._shared.models.get(tool) or defaults.get(tool, defaults["chat"])
        return chosen if self._shared.host.kind == "other" else self.catalog.spelled(chosen)

    def chose(self, tool: str) -> bool:
        """Whether the settings name a model for it."""
        return tool in self._shared.models

    def known(self, model: str) -> Model | None:
        """What the catalog holds of a model; of another server's models it knows nothing, whatever their names."""
        return None if self._shared.host.kind == "other" else self.catalog.find(model)

    @property
    def has_enough(self) -> bool:
        """Whether the call has run so long that no new part of the work may begin: hosts give up on long calls."""
        return self._progress.elapsed_s > self._shared.enough_s

    @property
    def repairs(self) -> int:
        """How often an answer that does not fit may be sent back."""
        return self._shared.repairs

    @property
    def elapsed_s(self) -> float:
        return self._progress.elapsed_s

    async def say(self, message: str) -> None:
        await self._progress.say(lambda: message)

    def beating(self, doing: str) -> AbstractAsyncContextManager[None]:
        """Progress that says `doing` whenever nothing else was said for a while."""
        return self._progress.beating(doing)

    async def tell(self, message: str) -> None:
        await self._progress.tell(message)

    def require_dashscope(self, what: str) -> None:
        """Raises ToolError: the host is a plan's, or no DashScope at all."""
        if self._shared.host.kind != "dashscope":
            raise ToolError(
                f"{what} is DashScope's own: a plan or another server has none. `chat` works there. Nothing was sent."
            )

    @asynccontextmanager
    async def opened(self, source: str) -> AsyncIterator[Source]:
        """What a path, URL or data URI holds, while the block lasts.

        Raises:
            ToolError: it cannot be used; nothing was sent.
        """
        async with AsyncExitStack() as stack:
            async with self.beating("opening the file"):
                found = await stack.enter_async_context(opened(source, self._shared.folders, self._shared.studio))
            yield found

    async def sources(self, model: str, text: str, files: Sequence[str]) -> tuple[dict[str, str], list[dict[str, Any]]]:
        """The texts of a call by name ("text", "files[0]"), and its images as message parts, pages of scans included.

        Raises:
            ToolError: a file cannot be used, or the model reads no images; nothing was sent.
        """
        texts: dict[str, str] = {"text": text} if text else {}
        images: list[dict[str, Any]] = []
        for number, source in enumerate(files):
            async with self.opened(source) as found, self.beating("reading the file"):
                words, seen = await read(found, self.recipient(model))
            if words:
                texts[f"files[{number}]"] = words
            images += seen.parts
        return texts, images

    async def attached(self, model: str, files: Sequence[str]) -> Attached:
        """Message parts for files (paths, https URLs, data URIs).

        Raises:
            ToolError: the model does not read them, or one cannot be used; nothing was sent.
        """
        whole = Attached()
        for source in files:
            async with self.opened(source) as found, self.beating("reading the file"):
                whole += await attached(found, self.recipient(model))
        return whole

    def recipient(self, model: str) -> Recipient:
        """The model, as somebody to send files to."""
        known = self.known(model)
        return Recipient(model, known, self.catalog, pixels_for(model, known), partial(self._store, model))

    async def _store(self, model: str, name: str, stored_as: str, content: BinaryIO) -> str:
        size = content.seek(0, 2) / 1e6
        if self._shared.host.kind != "dashscope" or not self._shared.uploads:
            off = "" if self._shared.uploads else ", and BAILIAN_UPLOADS=false forbids DashScope's temporary storage"
            raise ToolError(
                f"{name} has {size:.1f} MB, which does not fit into a request{off}. Shrink or split it; PDFs of any "
                "size are read by `ocr` and `extract`. Nothing was sent."
            )
        await self.tell(f"putting {name} ({size:.1f} MB) into DashScope's temporary storage, where it stays 48 hours")
        async with self._progress.beating(f"storing {name}"):
            return await self._shared.dashscope.upload(model, name, stored_as, content)

    def estimate(self, model: str, input_tokens: int, output_tokens: int = 0, calls: int = 1) -> Cost:
        """What requests of that many tokens each would cost at DashScope, before they are sent."""
        work = Workload(input_tokens=input_tokens, output_tokens=output_tokens, calls=calls)
        return cost_of(self.catalog, model, work, region=self.region, on=self._shared.now())

    async def recognise(
        self,
        model: str,
        way: Way,
        part: Mapping[str, Any],
        settings: Mapping[str, Any],
        *,
        about: str = "",
    ) -> Recognition:
        """Ask a model to read an image; what it wrote, and what it found. `about`: which page, for the progress.

        Raises:
            DashScopeError: it gave no answer.
        """
        known = self.known(model)
        thought, _ = self._thought_and_limit(model, known, None, None)
        content = [part, {"type": "text", "text": way.prompt}] if way.prompt else [part]
        messages = [{"role": "user", "content": content}]
        body = {"model": model, "messages": messages, **thought.parameters, **way.parameters, **settings}
        heard = Heard()
        try:
            reply = await self._hear(way.dialect(), body, heard, about=about)
        except DashScopeError as error:
            failed = error.reworded(hint=self._advice(error, model, known, heard))
            if heard.usage:
                failed.spent = self._completion(model, known, heard, Reply(error.request_id, error.sandbox), thought)
            raise failed from None
        return Recognition(self._completion(model, known, heard, reply, thought), heard.recognised)

    async def complete(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        thinking_level: Level | None = None,
        max_output_tokens: int | None = None,
        response_format: Mapping[str, Any] | None = None,
        sampling: Mapping[str, float] | None = None,
        pdf_pages: int | None = 0,
    ) -> Completion:
        """Ask a model; the answer, its tokens and its price. A cut stream gives what came, marked.

        `pdf_pages`: of PDFs among the messages, as counted here; None: nobody counted.

        Raises:
            ToolError: the arguments do not fit the model, or DashScope gave no answer.
        """
        known = self.known(model)
        dialect = ChatCompletions(cumulative=bool(known and known.cumulative))
        thought, limit = self._thought_and_limit(model, known, thinking_level, max_output_tokens)
        form = {"response_format": response_format} if response_format else {}
        body = {"model": model, "messages": list(messages), **thought.parameters, **limit, **form, **(sampling or {})}
        if pdf_pages != 0 and self._shared.host.kind == "dashscope":
            body["include_tool_usage"] = True  # or the pages that were parsed are not told
            await self._tell_page_fee(pdf_pages)
        heard = Heard(pdf_pages=pdf_pages)
        try:
            reply = await self._hear(dialect, body, heard)
        except DashScopeError as error:
            raise error.reworded(hint=self._advice(error, model, known, heard)) from None
        return self._completion(model, known, heard, reply, thought)

    async def _tell_page_fee(self, pages: int | None) -> None:
        fee = self.catalog.fee("pdf_page", self.region)
        each = f"{plain(fee.price)} {fee.currency}" if fee else "an unknown price"
        await self.tell(f"{'some' if pages is None else pages} PDF pages, at {each} each beside their tokens")

    async def search(self, model: str, question: str, ask: Ask) -> Finding:
        """Ask a model that searches the web first; its answer and the pages it found. It thinks only if it must.

        Raises:
            ToolError: the model cannot search here or not so, or DashScope gave no answer.
        """
        self.require_dashscope("Web search")
        known = self.known(model)
        way = road(self.catalog, model, self.region, ask)
        thought, limit = self._thought_and_limit(model, known, None, None)
        messages = [{"role": "system", "content": SEARCH_FIRST}] if way.strategy == RESPONSES else []
        messages.append({"role": "user", "content": question})
        body = {"model": model, "messages": messages, **thought.parameters, **limit, **way.parameters}
        heard = Heard(search_strategy=way.strategy)
        try:
            reply = await self._hear(way.dialect, body, heard, self._turn_to_search)
        except DashScopeError as error:
            raise self._search_failed(error, model, known, heard) from None
        completion = self._completion(model, known, heard, reply, thought)
        return Finding(completion, tuple(heard.pages), heard.searched, heard.searches, way.strategy, way.cites)

    async def _turn_to_search(self) -> None:
        """DashScope drops searches above its rate without a word, so they wait here, each attempt anew."""
        turns = self._shared.search_turns
        with anyio.move_on_after(PATIENCE_S) as soon:
            await turns.acquire()
        if soon.cancelled_caught:
            await self._progress.say(lambda: f"waiting for a turn to search ({SEARCHES_PER_S} a second)")
            await turns.acquire()

    async def _hear(
        self, dialect: Dialect, body: Mapping[str, Any], heard: Heard, turn: Turn | None = None, about: str = ""
    ) -> Reply:
        """Send one request and take in its reply, with progress."""
        model = body["model"]
        async with (
            self._progress.beating(f"{about}waiting for {model}"),
            self._shared.dashscope.stream(dialect, body, turn=turn) as reply,
        ):
            async for event in reply.events:
                heard.take(event)
                await self._progress.say(lambda: about + heard.news(model))
        return reply

    def _completion(self, model: str, known: Model | None, heard: Heard, reply: Reply, thought: Thinking) -> Completion:
        return Completion(
            model=model,
            usage=heard.usage,
            cost=self._cost(model, known, heard, (*thought.warnings, *self._host_warnings(reply))),
            request_id=reply.request_id,
            request_ids=(reply.request_id,) if reply.request_id else (),
            elapsed_s=round(self._progress.elapsed_s, 3),
            sandbox=reply.sandbox,
            text="".join(heard.text),
            reasoning=clipped_in_the_middle("".join(heard.reasoning)),
            finish_reason=heard.finished.reason,
            truncated=bool(heard.incomplete),
            incomplete=heard.incomplete,
            thinking=thought.used,
        )

    def _thought_and_limit(
        self, model: str, known: Model | None, level: Level | None, most: int | None
    ) -> tuple[Thinking, dict[str, int]]:
        if self._shared.host.kind == "other":  # only fields every OpenAI-compatible server knows
            return standard(level), {"max_tokens": most} if most else {}
        thought = thinking(model, known, level)
        return thought, output_limit(model, known, thought, most)

    def _cost(self, model: str, known: Model | None, heard: Heard, warnings: tuple[str, ...]) -> Cost:
        if self._shared.host.kind != "dashscope":
            return unpriced(UNPRICED[self._shared.host.kind], *warnings)
        if heard.usage is None:
            warnings = (*warnings, "A search was made, which is billed too.") if heard.searched else warnings
            said = lifecycle_warnings(known, model, self.today) if known else []
            return unpriced("DashScope reported no usage; the call may still be billed", *warnings, *said)
        work = replace(
            Workload.of(heard.usage, reasoned=bool(heard.reasoning or heard.usage.reasoning_tokens)),
            web_searches=heard.billed_searches,
            pdf_pages=heard.pdf_pages or 0,
            search_strategy=heard.search_strategy,
        )
        if heard.pdf_pages is None:
            return unpriced(
                "DashScope did not say how many PDF pages it parsed, and they are billed by the page", *warnings
            )
        if heard.pdf_pages and not heard.pages_told:
            warnings = (*warnings, "DashScope did not say how many PDF pages it parsed: those of the file are priced.")
        if heard.searched and heard.searches is None:
            warnings = (*warnings, "DashScope did not say how many searches it made: one is priced.")
        price = cost_of(self.catalog, model, work, region=self.region, on=self._shared.now())
        return price.model_copy(update={"warnings": (*warnings, *price.warnings)})

    def _host_warnings(self, reply: Reply) -> tuple[str, ...]:
        host = self._shared.host
        if host.kind != "dashscope" or host.known or reply.sandbox:
            return ()
        return ("This host is none of Alibaba's own: what it charges may differ.",)

    def _advice(self, error: DashScopeError, model: str, known: Model | None, heard: Heard) -> str:
        """What only we can add to a failure: near names, and what it cost so far."""
        if heard.usage:
            return f"Spent: {tokens(heard.usage)}, {money(self._cost(model, known, heard, ()))}."
        if error.kind != "unknown_model" or self._shared.host.kind != "dashscope":
            return ""
        near = self.catalog.near(model)
        advice = lifecycle_warnings(known, model, self.today) if known else []
        return " ".join([*advice, f"Near names: {', '.join(near)}." if near else "The catalog knows no near name."])

    def _search_failed(self, error: DashScopeError, model: str, known: Model | None, heard: Heard) -> DashScopeError:
        """Tells apart, as far as it shows, whether the question or the pages found were refused."""
        stopped = error.kind == "question_filtered"
        message = (PAGES_FILTERED if heard.pages else QUESTION_OR_PAGES_FILTERED) if stopped else ""
        return error.reworded(message=message, hint=self._advice(error, model, known, heard))


async def bind(ctx: Context[Shared]) -> Bailian:
    """The SDK calls this for each tool call (its `Resolve`), so a tool never sees the context."""
    return Bailian(ctx.request_context.lifespan_context, Progress(ctx.report_progress))


Call = Annotated[Bailian, Resolve(bind)]
"""The first parameter of every tool."""
