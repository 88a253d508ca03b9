"""One client for the process: one pool, one TLS context, both made at the first call."""

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, Self, cast
from urllib.parse import urlsplit

import anyio
import httpx2
import stamina
from pydantic import SecretStr
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from ..endpoints import SANDBOX_HEADER, Host
from ..text import clip
from .errors import NO_KEY, DashScopeError, from_reply
from .events import INTERRUPTED, Event, Finish, OcrResult, ReasoningDelta, SearchResults, TextDelta
from .protocols import Frame, WireProtocol
from .surrogates import SurrogateJoiner, repair_json
from .uploads import OSS, OSS_CODE, RESOLVE_OSS, UploadPolicy, names_an_upload

MAX_CONNECTIONS = 64
CONNECT_S = 10.0
DRAIN_S = 0.5
SETTLE_S = 0.05
DONE = "[DONE]"
MAX_REPLY_CHARS = 4_000_000  # of one reply: no model writes more
MAX_EVENT_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
ERROR_S = 5.0
MAX_RETRY_AFTER_S = 30.0  # a Retry-After beyond this is told to the caller, not waited for
NOT_AGAIN = "It may be billed, so it was not sent again: call again if you still need it."


@dataclass
class Reply:
    """An answer on its way. `events` may be read once, inside the `async with` that gave this."""

    request_id: str
    sandbox: bool
    events: AsyncGenerator[Event] = field(init=False)
    answered: bool = False
    finished: bool = False
    counted: bool = False
    characters: int = 0
    found: bool = False  # a search told its pages: paid work, even if no word follows
    _said: SurrogateJoiner = field(default_factory=SurrogateJoiner)
    _reasoned: SurrogateJoiner = field(default_factory=SurrogateJoiner)

    @property
    def whole(self) -> bool:
        return self.finished and self.counted

    def taken(self, event: Event) -> Event:
        """The event as it may be handed on, and remembered."""
        match event:
            case TextDelta(text):
                self.answered = True
                self.characters += len(text)
                return TextDelta(self._said(text))
            case ReasoningDelta(text):
                self.answered = True
                self.characters += len(text)
                return ReasoningDelta(self._reasoned(text))
            case Finish():
                self.finished, self.counted = True, False  # counts that came before the end may not be the last
            case OcrResult(found):
                self.answered = True
                return OcrResult(repair_json(found))
            case SearchResults():
                self.found = self.found or bool(event.pages)
            case _:  # Counted
                self.counted = True
        return event

    def rest(self) -> list[Event]:
        return [TextDelta(half)] if (half := self._said.rest()) else []


class DashScope:
    """The way to DashScope. Times in seconds.

    `timeout_s` bounds a call from its first attempt to its last event; `gap_s` the silence between two data lines,
    which keep-alive comments do not end. `attempts` and `timeout_s` together cap retries. `transport` replaces the
    network in tests.
    """

    def __init__(
        self,
        host: Host,
        key: SecretStr | None,
        *,
        redact: Callable[[str], str],
        timeout_s: float = 300,
        gap_s: float = 60,
        attempts: int = 3,
        first_wait_s: float = 0.5,
        settle_s: float = SETTLE_S,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._host = host
        self._key = key
        self._redact = redact
        self._timeout_s = timeout_s
        self._gap_s = gap_s
        self._most_attempts = attempts
        self._first_wait_s = first_wait_s
        self._settle_s = settle_s
        self._transport = transport
        self._turns = anyio.Semaphore(MAX_CONNECTIONS)
        self._http: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.aclose()

    @asynccontextmanager
    async def stream(
        self, dialect: WireProtocol, body: Mapping[str, Any], *, turn: Callable[[], Awaitable[None]] | None = None
    ) -> AsyncIterator[Reply]:
        """Send one request and hand over its reply as events; leaving the block closes the connection.

        `turn` is awaited before each attempt, when nothing else is left to wait for.

        Raises:
            DashScopeError: no answer came. Once a piece of the answer has arrived nothing is raised any more:
                the events then end with `Finished("interrupted", why)`. A request whose work may have begun is
                never sent twice: it may be billed.
        """
        deadline = anyio.current_time() + self._timeout_s
        content = self._encoded(dialect.request(body))
        headers = {**dialect.headers, **(RESOLVE_OSS if names_an_upload(body["messages"]) else {})}
        async with AsyncExitStack() as stack:
            await self._take_turn(stack)
            response = await self._answered(dialect, headers, content, deadline, turn or _at_once)
            stack.push_async_callback(response.aclose)
            reply = Reply(self._mark(response.headers.get("x-request-id", "")), SANDBOX_HEADER in response.headers)
            reply.events = await stack.enter_async_context(
                aclosing(self._events(reply, response, dialect, deadline)),
            )
            yield reply

    async def upload(self, model: str, name: str, stored_as: str, content: BinaryIO) -> str:
        """Put a file into temporary storage, where it stays 48 hours; its oss:// address, good for that model.

        `name` is for messages; what is stored gets a name that tells nothing.

        Raises:
            DashScopeError: it could not be stored.
        """
        deadline = anyio.current_time() + self._timeout_s
        async with AsyncExitStack() as stack:
            await self._take_turn(stack)
            with anyio.move_on_at(deadline):
                async for attempt in self._attempts(deadline):
                    with attempt:
                        ticket = await self._ticket(model)
                ticket.require_room(name, model, content.seek(0, 2))
                content.seek(0)
                await self._store(ticket, name, stored_as, content)
                return OSS + ticket.key(stored_as)
        raise DashScopeError(f"{name} could not be stored within {self._timeout_s:g} s. Nothing was asked. Call again.")

    async def _ticket(self, model: str) -> UploadPolicy:
        query = {"action": "getPolicy", "model": model}
        response = await self._asked("GET", self._host.uploads, {"Accept": "application/json"}, params=query)
        async with aclosing(response):
            reply = _json_or_text(await _beginning(response, MAX_ERROR_BYTES))
        try:
            return UploadPolicy.of(reply)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise DashScopeError(
                "DashScope gave no leave to store the file (a reply of an unknown form). Give a smaller file, or a URL."
            ) from None

    async def _store(self, ticket: UploadPolicy, name: str, stored_as: str, content: BinaryIO) -> None:
        """One form, without the key: the storage is not DashScope itself."""
        request = self._client().build_request(
            "POST", ticket.url, data=ticket.form(stored_as), files={"file": (stored_as, content)}
        )
        try:
            response = await self._client().send(request, stream=True)
            async with aclosing(response):
                said = await _beginning(response, MAX_ERROR_BYTES)
        except httpx2.RequestError as error:
            raise DashScopeError(
                f"{name} could not be stored at DashScope ({type(error).__name__}). Call again, or give a smaller file."
            ) from None
        if response.status_code != 200:
            code = OSS_CODE.search(said)
            why = self._mark(code[1]) if code else f"HTTP {response.status_code}"
            raise DashScopeError(f"DashScope's storage refused {name} ({why}). Call again, or give a smaller file.")

    async def _take_turn(self, stack: AsyncExitStack) -> None:
        """Wait until one of the connections is free, and hold it until `stack` is left."""
        try:
            self._turns.acquire_nowait()
            stack.callback(self._turns.release)
            return
        except anyio.WouldBlock:
            with anyio.move_on_after(self._timeout_s / 2) as waiting:  # what is sent must have time to be answered
                await self._turns.acquire()
                stack.callback(self._turns.release)
        if waiting.cancelled_caught:
            raise DashScopeError(
                f"{MAX_CONNECTIONS} calls are under way and none ended within {self._timeout_s / 2:g} s. Nothing was sent. "
                "Call again later."
            )
        await anyio.sleep(self._settle_s)  # a host cancels many calls one by one: let ours arrive before we send

    # --- until the first byte: the only part that may be tried again ---

    async def _answered(
        self,
        dialect: WireProtocol,
        headers: Mapping[str, str],
        content: bytes,
        deadline: float,
        turn: Callable[[], Awaitable[None]],
    ) -> httpx2.Response:
        url = (self._host.native if dialect.api == "native" else self._host.compatible) + dialect.path
        sent = False
        with anyio.move_on_at(deadline):
            async for attempt in self._attempts(deadline):
                with attempt:
                    await turn()
                    sent = True
                    return await self._asked("POST", url, headers, content=content)
        if not sent:
            raise DashScopeError(
                f"Its turn did not come within {self._timeout_s:g} s. Nothing was sent. Call again later."
            )
        raise DashScopeError(
            f"{self._host.service} sent nothing within {self._timeout_s:g} s. "
            "It may be billed, so it was not sent again: ask for less at once, use a faster model, "
            "or raise BAILIAN_TIMEOUT_S."
        )

    def _attempts(self, deadline: float) -> AsyncIterator[stamina.Attempt]:
        return stamina.retry_context(
            on=partial(_wait_before_retry, deadline),
            attempts=self._most_attempts,
            timeout=self._timeout_s,
            wait_initial=self._first_wait_s,
            wait_max=self._first_wait_s * 16,
            wait_jitter=self._first_wait_s,
        ).__aiter__()

    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx2.Response:
        given = {**self._headers(), **self._host.headers, **(headers or {})}
        request = self._client().build_request(method, url, headers=given, **more)
        try:
            response = await self._client().send(request, stream=True)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise DashScopeError(
                f"{urlsplit(self._host.compatible).netloc} cannot be reached ({type(error).__name__}). "
                "Check the network, the proxy and DASHSCOPE_BASE_URL.",
                retry=True,
            ) from None
        except httpx2.RequestError as error:
            next_step = NOT_AGAIN if method == "POST" else "Call again."
            raise DashScopeError(
                f"The connection broke before an answer came ({type(error).__name__}). {next_step}",
                retry=method == "GET",
            ) from None
        if response.status_code != 200:
            raise await self._refusal(response)
        return response

    async def _refusal(self, response: httpx2.Response) -> DashScopeError:
        async with aclosing(response):
            text = ""
            with suppress(httpx2.RequestError), anyio.move_on_after(ERROR_S):  # its status says enough
                text = await _beginning(response, MAX_ERROR_BYTES)
        return self._error(response, _json_or_text(text))

    # --- from the first byte on ---

    async def _events(
        self, reply: Reply, response: httpx2.Response, dialect: WireProtocol, deadline: float
    ) -> AsyncGenerator[Event]:
        try:
            async with aclosing(self._frames(reply, response, deadline)) as frames:
                async for frame in frames:
                    self._require_bounds(reply)
                    reply.request_id = reply.request_id or self._mark(_request_id(frame))
                    events, failure = self._decoded(response, dialect, frame)
                    for event in events:
                        yield reply.taken(event)
                    if failure:
                        raise failure
            for event in self._ending(reply, response):
                yield event
        except DashScopeError as error:
            if not reply.finished and not (reply.answered or (reply.found and error.kind != "question_filtered")):
                raise error.with_request(reply.request_id, sandbox=reply.sandbox) from None
            if not reply.finished:
                yield Finish(INTERRUPTED, str(error), error.kind)

    def _require_bounds(self, reply: Reply) -> None:
        if reply.characters > MAX_REPLY_CHARS:
            raise DashScopeError(
                f"{self._host.service} sent more than {MAX_REPLY_CHARS:,} characters. Ask for less at once."
            )

    def _ending(self, reply: Reply, response: httpx2.Response) -> list[Event]:
        """What the end of the body says beside the frames."""
        if response.headers.get("x-dashscope-partialresponse") == "true":
            return [
                *reply.rest(),
                Finish(INTERRUPTED, f"{self._host.service} reached its own time limit. {NOT_AGAIN}"),
            ]
        if not reply.finished:
            raise DashScopeError(f"{self._host.service} ended the stream in the middle. {NOT_AGAIN}")
        return reply.rest()

    async def _frames(self, reply: Reply, response: httpx2.Response, deadline: float) -> AsyncGenerator[Frame]:
        """The JSON of each data line; comments and empty lines do not count as a sign of life."""
        last, limit, ending = anyio.current_time(), deadline, False  # the first line may take as long as the call
        async with aclosing(_data_lines(response)) as lines:
            while True:
                with anyio.move_on_at(min(limit, deadline)) as waiting:
                    line = await anext(lines, None)
                if waiting.cancelled_caught and not ending:
                    raise self._silence(anyio.current_time() - last, limit < deadline)
                if waiting.cancelled_caught or line is None:
                    return
                last = anyio.current_time()
                if line != DONE:
                    yield self._frame(line)
                # A whole reply is read to the end of its body, or the connection cannot be used again; not for long.
                ending = ending or reply.whole or line == DONE
                limit = last + (DRAIN_S if ending else self._gap_s)

    def _decoded(
        self, response: httpx2.Response, dialect: WireProtocol, frame: Frame
    ) -> tuple[list[Event], DashScopeError | None]:
        """What a frame says, and the failure it tells; a failure may come with what was used until then."""
        try:
            failure = dialect.failure(frame)
            events = [] if failure and not dialect.counts_failures else list(dialect.events(frame))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise DashScopeError(f"{self._host.service} sent a line of an unknown form. {NOT_AGAIN}") from None
        marked = [Finish(self._mark(event.reason)) if isinstance(event, Finish) else event for event in events]
        return marked, self._error(response, failure) if failure else None

    def _frame(self, line: str) -> Frame:
        frame = _json_or_text(line)
        if not isinstance(frame, dict):
            raise DashScopeError(
                f'{self._host.service} sent a line that is no JSON: "{clip(self._redact(line), 100)}". '
                "Call again; if it happens again, check DASHSCOPE_BASE_URL."
            )
        return frame

    def _silence(self, seconds: float, gap: bool) -> DashScopeError:
        if gap:
            return DashScopeError(
                f"{self._host.service} fell silent: nothing for {seconds:.3g} s. Call again if you need the rest."
            )
        return DashScopeError(
            f"The call took longer than {self._timeout_s:g} s. Ask for less at once, or raise BAILIAN_TIMEOUT_S."
        )

    # --- what both parts need ---

    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            self._http = httpx2.AsyncClient(
                transport=self._transport,
                timeout=httpx2.Timeout(None, connect=CONNECT_S),  # the deadline and the gap are watched here
                limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
                trust_env=not self._host.compatible.startswith(
                    "http://"
                ),  # plain http is loopback: no proxy in between
                follow_redirects=False,
            )
        return self._http

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if self._key:
            return {**headers, "Authorization": f"Bearer {self._key.get_secret_value()}"}
        if self._host.kind != "other":  # a server of one's own may need no key
            raise DashScopeError(NO_KEY, kind="no_key")
        return headers

    def _encoded(self, body: Mapping[str, Any]) -> bytes:
        try:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        except UnicodeEncodeError:
            raise DashScopeError(
                "The text holds half of a surrogate pair (a broken emoji, say), which no UTF-8 can carry. "
                "Remove it and call again."
            ) from None
        most = self._host.body_bytes
        if most and len(content) > most:
            raise DashScopeError(
                f"The request has {len(content) / 1e6:.1f} MB and this host takes {most / 1e6:.1f} MB. "
                "Send fewer or smaller files; a workspace host (DASHSCOPE_WORKSPACE_ID) takes 64 MB."
            )
        return content

    def _mark(self, text: str) -> str:
        """A word of upstream's that goes into a result."""
        return clip(self._redact(text), 80)

    def _error(self, response: httpx2.Response, reply: Any) -> DashScopeError:
        return from_reply(response.status_code, response.headers, reply, self._redact, self._host.service)


async def _at_once() -> None:
    """No turn to wait for."""


def _log_retry(details: RetryDetails) -> None:
    logging.getLogger("bailian_mcp").warning("%s It is sent again in %.1f s.", details.caused_by, details.wait_for)


set_on_retry_hooks([_log_retry])


def _wait_before_retry(deadline: float, error: Exception) -> bool | float:
    """Whether to try again: False, True (with the usual backoff), or after that many seconds."""
    if not isinstance(error, DashScopeError) or not error.retry:
        return False
    if error.wait_s is None:
        return True
    remaining_s = deadline - anyio.current_time()
    return error.wait_s if error.wait_s <= min(MAX_RETRY_AFTER_S, remaining_s) else False


async def _data_lines(response: httpx2.Response) -> AsyncGenerator[str]:
    """The data of each server-sent event; a reply that is no stream is one line, or a stream under a wrong name."""
    response.encoding = "utf-8-sig"  # the standard's, whatever the header says; a byte order mark is not data
    try:
        if "text/event-stream" not in response.headers.get("content-type", "").lower():
            for line in _lines_of(await _beginning(response, MAX_EVENT_BYTES)):
                yield line
            return
        source = aiter(httpx2.EventSource(response, max_event_size=MAX_EVENT_BYTES))
        async with aclosing(cast("AsyncGenerator[httpx2.ServerSentEvent]", source)) as events:
            async for event in events:
                if event.data:
                    yield event.data
    except httpx2.RequestError as error:
        raise DashScopeError(f"The connection broke in the middle ({type(error).__name__}). {NOT_AGAIN}") from None


def _lines_of(text: str) -> list[str]:
    data = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    return [text] if isinstance(_json_or_text(text), dict) else data or [text]


async def _beginning(response: httpx2.Response, most_bytes: int) -> str:
    """A body as text, but not more of it than that."""
    content = bytearray()
    async with aclosing(response.aiter_bytes()) as chunks:
        async for chunk in chunks:
            content += chunk
            if len(content) >= most_bytes:
                break
    return content[:most_bytes].decode("utf-8-sig", errors="replace")


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _request_id(frame: Frame) -> str:
    return str(frame.get("request_id") or frame.get("id") or "").removeprefix("chatcmpl-")
