"""Until the first byte: one pool, one TLS context, both made at the first call; the only part that may try again."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from functools import lru_cache, partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import anyio
import httpx2
import stamina
from pydantic import SecretStr
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from ..endpoints import Host
from ..errors import NOTHING_SENT
from ..json_text import json_or_text
from ..text import HALF_A_PAIR, clip, is_sendable
from .breaker import Breaker
from .errors import NO_KEY, UNNAMED, DashScopeError, from_reply

MAX_CONNECTIONS = 64  # of one host's server; the setting, or HTTP, may allow more
CONNECT_S = 10.0
SETTLE_S = 0.05
MAX_ERROR_BYTES = 64 * 1024
USUAL_HEADERS = ("User-Agent", "Accept-Encoding", "Connection")  # of httpx2's client, whatever is asked
UNREACHED = (httpx2.NetworkError, httpx2.TimeoutException, httpx2.ProxyError, httpx2.RemoteProtocolError)
ERROR_S = 5.0
MAX_RETRY_AFTER_S = 30.0  # a Retry-After beyond this is told to the caller, not waited for
MAX_WORD_CHARS = 1_000  # of upstream's, before it is cleaned and clipped
UNANSWERED = "without sending a response"  # how httpcore says that no head came
_Tried = TypeVar("_Tried")
NOT_AGAIN = "It may be billed, so it was not sent again: call again if you still need it."


class Connection:
    """The way to one host: who asks, how often, how many at once. Times in seconds."""

    def __init__(
        self,
        host: Host,
        key: SecretStr | None,
        redact: Callable[[str], str],
        *,
        timeout_s: float,
        max_attempts: int,
        first_wait_s: float,
        settle_s: float,
        transport: httpx2.AsyncBaseTransport | None,
        max_connections: int,
    ) -> None:
        self.host = host
        self.redact = redact
        self.timeout_s = timeout_s
        self._key = key
        self._max_attempts = max_attempts
        self.first_wait_s = first_wait_s
        self._settle_s = settle_s
        self._transport = transport
        self._max_connections = max_connections
        self._slots = anyio.Semaphore(max_connections)
        self._http: httpx2.AsyncClient | None = None
        self._usual: dict[str, str] = {}
        self._breakers: dict[str, Breaker] = {}

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    @property
    def http(self) -> httpx2.AsyncClient:
        if self._http is None:
            from .transport import quick_transport  # with what it needs, at the first request

            proxied = not self.host.compatible.startswith("http://")  # plain http is loopback: no proxy between
            most = self._max_connections
            self._transport = self._transport or quick_transport(most, trust_env=proxied)
            self._http = httpx2.AsyncClient(
                transport=self._transport,
                timeout=httpx2.Timeout(None, connect=CONNECT_S),  # the deadline and the gap are watched here
                limits=httpx2.Limits(max_connections=most, max_keepalive_connections=most),
                trust_env=proxied,
                follow_redirects=False,
            )
            self._usual = {name: self._http.headers[name] for name in USUAL_HEADERS}
        return self._http

    async def take_slot(self, stack: AsyncExitStack) -> None:
        """Wait until one of the connections is free, and hold it until `stack` is left.

        Raises:
            DashScopeError: none was free in time; nothing was sent.
        """
        try:
            self._slots.acquire_nowait()
            stack.callback(self._slots.release)
            return
        except anyio.WouldBlock:
            with anyio.move_on_after(self.timeout_s / 2) as waiting:  # what is sent must have time to be answered
                await self._slots.acquire()
                stack.callback(self._slots.release)
        if waiting.cancelled_caught:
            raise DashScopeError(
                f"{self._max_connections} calls are under way and none ended within {self.timeout_s / 2:g} s. "
                f"{NOTHING_SENT} Call again later.",
                kind="unsent",
            )
        await anyio.sleep(self._settle_s)  # a host cancels many calls one by one: let ours arrive before we send

    async def tried(self, url: str, deadline: float, once: Callable[[], Awaitable[_Tried]]) -> _Tried:
        """What one of the attempts gave. Whoever asks ends it at the deadline.

        Raises:
            DashScopeError: the host is held to be down and nothing was sent, or no attempt may follow the last one.
        """
        with self.breaker(url).watching():
            try:
                return await once()
            except DashScopeError as error:
                failed = error
            return await self._tried_again(deadline, failed, once)

    async def _tried_again(
        self, deadline: float, failed: DashScopeError, once: Callable[[], Awaitable[_Tried]]
    ) -> _Tried:
        """After the first attempt, which most requests need alone, and which costs no more than itself."""
        first: DashScopeError | None = failed
        async for attempt in self.attempts(deadline):
            with attempt:
                if first:
                    failed, first = first, None
                    raise failed
                given = await once()
        return given

    def attempts(self, deadline: float) -> AsyncIterator[stamina.Attempt]:
        return stamina.retry_context(
            on=partial(_wait_before_retry, deadline),
            attempts=self._max_attempts,
            timeout=self.timeout_s,
            wait_initial=self.first_wait_s,
            wait_max=self.first_wait_s * 16,
            wait_jitter=self.first_wait_s,
        ).__aiter__()

    async def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx2.Response:
        """One attempt; its response, of which only the head has come.

        Raises:
            DashScopeError: no answer; `retry` where no work can have begun.
        """
        request = self._built(method, url, headers or {}, content)
        breaker = self.breaker(url)
        try:
            response = await self._sent(request)
        except httpx2.RequestError as error:
            if isinstance(error, UNREACHED):
                breaker.failed(type(error).__name__)
            raise self._no_answer(method, error) from None
        refusal = None if response.status_code == 200 else await self._refusal(response)
        if refusal and refusal.is_outage:
            breaker.failed(f"HTTP {refusal.status}")
        else:
            breaker.answered()
        if refusal:
            raise refusal
        return response

    def _built(self, method: str, url: str, headers: Mapping[str, str], content: Mapping[str, Any]) -> httpx2.Request:
        given = {**self._headers(), **self.host.headers, **headers}
        client = self.http
        if set(content) == {"content"}:  # as for answers: the client has nothing to add
            waits = {"timeout": {"connect": CONNECT_S}}
            given = {**self._usual, **given}
            return httpx2.Request(method, _parsed(url), headers=given, content=content["content"], extensions=waits)
        if "files" in content:  # a form says itself what it is
            del given["Content-Type"]
        return client.build_request(method, url, headers=given, **content)

    def breaker(self, url: str) -> Breaker:
        """The one of that host."""
        name = urlsplit(url).netloc
        return self._breakers.setdefault(name, Breaker(name))

    def _no_answer(self, method: str, error: httpx2.RequestError) -> DashScopeError:
        why = type(error).__name__
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            return DashScopeError(
                f"{urlsplit(self.host.compatible).netloc} cannot be reached ({why}). "
                "Check the network, the proxy and DASHSCOPE_BASE_URL.",
                retry=True,
            )
        next_step = NOT_AGAIN if method == "POST" else "Call again."
        return DashScopeError(f"The connection broke before an answer came ({why}). {next_step}", retry=method == "GET")

    async def _sent(self, request: httpx2.Request) -> httpx2.Response:
        """Where nothing is billed, a kept connection that turns out to be closed is no failure: it is sent once more.

        llama.cpp announces keep-alive and closes after each stream.
        """
        if self.host.kind != "other":
            return await self._passed(request)
        kept = True

        async def watch(event: str, _: Mapping[str, Any]) -> None:
            nonlocal kept
            kept = kept and not event.startswith("connection.connect")

        request.extensions["trace"] = watch
        try:
            return await self._passed(request)
        except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError) as error:
            came = isinstance(error, httpx2.RemoteProtocolError) and UNANSWERED not in str(error)
            if came or not kept:
                raise
        return await self._passed(request)

    async def _passed(self, request: httpx2.Request) -> httpx2.Response:
        """Straight to the transport where no proxy is to be chosen: no redirects, cookies or logins are wanted."""
        if self._transport is None:
            return await self.http.send(request, stream=True)
        response = await self._transport.handle_async_request(request)
        response.request = request
        return response

    def encoded(self, body: Mapping[str, Any]) -> bytes:
        """Raises DashScopeError: no UTF-8 can carry it, or the host takes less."""
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        if not is_sendable(text):
            raise DashScopeError(
                f"The text holds {HALF_A_PAIR}, which no UTF-8 can carry. {NOTHING_SENT} Remove it and call again.",
                kind="unsent",
            )
        content = text.encode()
        most = self.host.body_bytes
        if most and len(content) > most:
            raise DashScopeError(
                f"The request has {len(content) / 1e6:.1f} MB and this host takes {most / 1e6:.1f} MB. "
                f"{NOTHING_SENT} Send fewer or smaller files; a workspace host (DASHSCOPE_WORKSPACE_ID) takes 64 MB.",
                kind="unsent",
            )
        return content

    def safe(self, text: str) -> str:
        """A word of upstream's that goes into a result."""
        return clip(UNNAMED.sub("", self.redact(text[:MAX_WORD_CHARS])), 80)

    def error(self, response: httpx2.Response, reply: Any, *, status: int = 0, began: bool = False) -> DashScopeError:
        """`status`: what a frame says of its own; `began`: the answer had begun."""
        status, service = status or response.status_code, self.host.service
        return from_reply(status, response.headers, reply, self.redact, service, began=began)

    async def _refusal(self, response: httpx2.Response) -> DashScopeError:
        async with aclosing(response):
            text = ""
            with suppress(httpx2.RequestError), anyio.move_on_after(ERROR_S):  # its status says enough
                text = await beginning(response, MAX_ERROR_BYTES)
        return self.error(response, json_or_text(text))

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if self._key:
            return {**headers, "Authorization": f"Bearer {self._key.get_secret_value()}"}
        if self.host.kind != "other":  # a server of one's own may need no key
            raise DashScopeError(NO_KEY, kind="no_key")
        return headers


async def beginning(response: httpx2.Response, max_bytes: int) -> str:
    """A body as text, but not more of it than that."""
    content = bytearray()
    async with aclosing(response.aiter_bytes()) as chunks:
        async for chunk in chunks:
            content += chunk
            if len(content) >= max_bytes:
                break
    return content[:max_bytes].decode("utf-8-sig", errors="replace")


def _log_retry(details: RetryDetails) -> None:
    logging.getLogger("bailian_mcp").warning("%s It is sent again in %.1f s.", details.caused_by, details.wait_for)


set_on_retry_hooks([_log_retry])
_parsed = lru_cache(httpx2.URL)


def _wait_before_retry(deadline: float, error: Exception) -> bool | float:
    """Whether to try again: False, True (with the usual backoff), or after that many seconds."""
    if not isinstance(error, DashScopeError) or not error.retry:
        return False
    if error.wait_s is None:
        return True
    remaining_s = deadline - anyio.current_time()
    return error.wait_s if error.wait_s <= min(MAX_RETRY_AFTER_S, remaining_s) else False
