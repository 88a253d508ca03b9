"""DashScope itself: a request becomes a stream of events, a file becomes an address."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any, BinaryIO, Self

import anyio
import httpx2
from pydantic import SecretStr

from ..endpoints import SANDBOX_HEADER, Host
from ..errors import NOTHING_SENT
from .connection import MAX_CONNECTIONS, SETTLE_S, Connection
from .errors import DashScopeError, from_reply
from .lists import get_json
from .protocols import WireProtocol
from .reply import Reply
from .rest import Rest
from .stream import ReplyStream
from .uploads import RESOLVE_OSS, names_an_upload, upload

BeforeAttempt = Callable[[], Awaitable[None]]
AfterFailure = Callable[[DashScopeError], Awaitable[None]]


class DashScope:
    """The one client of the process. Times in seconds.

    `timeout_s` bounds a call from its first attempt to its last event; `gap_s` the silence between two data lines,
    which keep-alive comments do not end. `max_attempts` and `timeout_s` together cap retries. `transport` replaces the
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
        max_attempts: int = 3,
        first_wait_s: float = 0.5,
        settle_s: float = SETTLE_S,
        transport: httpx2.AsyncBaseTransport | None = None,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self._gap_s = gap_s
        self._connection = Connection(
            host,
            key,
            redact,
            timeout_s=timeout_s,
            max_attempts=max_attempts,
            first_wait_s=first_wait_s,
            settle_s=settle_s,
            transport=transport,
            max_connections=max_connections,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.aclose()

    @property
    def timeout_s(self) -> float:
        """How long a request may take."""
        return self._connection.timeout_s

    @asynccontextmanager
    async def stream(
        self,
        protocol: WireProtocol,
        body: Mapping[str, Any],
        reply: Reply | None = None,
        *,
        timeout_s: float | None = None,
        before_attempt: BeforeAttempt | None = None,
        after_failure: AfterFailure | None = None,
    ) -> AsyncIterator[Reply]:
        """Send one request and hand over its reply as events; leaving the block closes the connection.

        `reply` keeps what came, also of a request that failed. `timeout_s`: of this request, where it may take longer
        than others. `before_attempt` is awaited before each attempt, when nothing else is left to wait for;
        `after_failure` after each that failed before its first byte.

        Raises:
            DashScopeError: no answer came. Once a piece of the answer has arrived nothing is raised any more:
                the events then end with `Finish("interrupted", why)`. A request whose work may have begun is
                never sent twice: it may be billed.
        """
        connection, reply = self._connection, reply or Reply()
        connection.breaker(self._url(protocol)).require_up()
        timeout_s = timeout_s or connection.timeout_s
        deadline = anyio.current_time() + timeout_s
        content = connection.encoded(protocol.request(body))
        headers = {**protocol.headers, **(RESOLVE_OSS if names_an_upload(body["messages"]) else {})}
        async with AsyncExitStack() as stack:
            await connection.take_slot(stack)
            watched = before_attempt or _at_once, after_failure or _untold
            response = await self._answered(protocol, headers, content, (deadline, timeout_s), reply, *watched)
            stack.push_async_callback(response.aclose)
            reply.request_id = connection.safe(response.headers.get("x-request-id", ""))
            reply.sandbox = SANDBOX_HEADER in response.headers
            stream = ReplyStream(connection, response, protocol, reply, deadline, self._gap_s, timeout_s)
            reply.events = await stack.enter_async_context(aclosing(stream.events()))
            yield reply

    @property
    def pause_s(self) -> float:
        """The first pause before something is asked again."""
        return self._connection.first_wait_s

    @property
    def rest(self) -> Rest:
        """For what is no answer of a model."""
        return Rest(self._connection)

    def refusal(self, status: int, reply: Any) -> DashScopeError:
        """What a reply that came on another way says, as a line of a batch's results."""
        return from_reply(status, {}, reply, self._connection.redact, self._connection.host.service)

    async def get(self, path: str, query: Mapping[str, str]) -> Any:
        """What the native protocol tells at a path: JSON, read whole. It is free, so what fails is asked again.

        Raises:
            DashScopeError: no answer came, or one of an unknown form.
        """
        return await get_json(self._connection, path, query)

    async def upload(self, model: str, name: str, stored_as: str, content: BinaryIO) -> str:
        """Put a file into temporary storage, where it stays 48 hours; its oss:// address, good for that model.

        `name` is for messages; what is stored gets a name that tells nothing.

        Raises:
            DashScopeError: it could not be stored.
        """
        return await upload(self._connection, model, name, stored_as, content)

    def _url(self, protocol: WireProtocol) -> str:
        host = self._connection.host
        doors = {
            "compatible": host.compatible,
            "native": host.native,
            "compatible-api": host.compatible_api,
            "batch-chat": host.batch_chat,
        }
        return doors[protocol.api] + protocol.path

    async def _answered(
        self,
        protocol: WireProtocol,
        headers: Mapping[str, str],
        content: bytes,
        limit: tuple[float, float],
        reply: Reply,
        before_attempt: BeforeAttempt,
        after_failure: AfterFailure,
    ) -> httpx2.Response:
        """The head of the response, after as many attempts as it may take. `limit`: when it ends, after how long."""
        url, (deadline, timeout_s) = self._url(protocol), limit
        failed: DashScopeError | None = None

        async def once() -> httpx2.Response:
            nonlocal failed
            await before_attempt()
            reply.sent, reply.refused, failed = True, False, None
            try:
                return await self._connection.request("POST", url, headers, content=content)
            except DashScopeError as error:
                failed, reply.refused = error, error.refused_at_once
                await after_failure(error)
                raise

        with anyio.move_on_at(deadline):
            return await self._connection.tried(url, deadline, once)
        if failed:  # the time ran out before it could be sent again
            raise failed
        if not reply.sent:
            raise DashScopeError(
                f"Its turn did not come within {timeout_s:g} s. {NOTHING_SENT} Call again later.", kind="unsent"
            )
        raise DashScopeError(
            f"{self._connection.host.service} sent nothing within {timeout_s:g} s. It may be billed, so it was not "
            "sent again: ask for less at once, use a faster model, or raise BAILIAN_TIMEOUT_S."
        )


async def _at_once() -> None:
    """No turn to wait for."""


async def _untold(failure: DashScopeError) -> None:
    """Nobody learns of it."""
