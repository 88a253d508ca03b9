"""What DashScope keeps or lists, asked by plain JSON requests: files, batches, tasks, models; no streams."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any, Literal

import anyio
import httpx2

from ..endpoints import SANDBOX_HEADER
from ..json_text import json_or_text
from .connection import MAX_ERROR_BYTES, Connection, beginning
from .errors import DashScopeError

Method = Literal["GET", "POST", "DELETE"]
Door = Literal["compatible", "native"]
MAX_JSON_BYTES = 32 * 1024 * 1024
WANTS_JSON = {"Accept": "application/json"}


class Rest:
    """Plain requests over the one connection. What may have been done is never asked for twice."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def json(
        self,
        method: Method,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        door: Door = "compatible",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The reply, an object (see `object_of`). `path` is below the door.

        Raises:
            DashScopeError: no reply, a refusal, or a reply of an unknown form.
        """
        content: dict[str, Any] = {} if body is None else {"content": self._connection.encoded(body)}
        content |= {"params": dict(params)} if params else {}
        async with self.opened(method, path, door=door, headers=headers, **content) as response:
            return await self.object_of(response)

    @asynccontextmanager
    async def opened(
        self,
        method: Method,
        path: str,
        *,
        door: Door = "compatible",
        headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> AsyncIterator[httpx2.Response]:
        """A response of which the head has come; leaving the block closes it.

        Raises:
            DashScopeError: none came in time, or a refusal.
        """
        connection, url = self._connection, self._url(path, door)
        deadline = anyio.current_time() + connection.timeout_s
        given = {**WANTS_JSON, **(headers or {})}
        async with AsyncExitStack() as stack:
            await connection.take_slot(stack)
            response = None
            with connection.breaker(url).watching(), anyio.move_on_at(deadline):
                async for attempt in connection.attempts(deadline):
                    with attempt:
                        response = await connection.request(method, url, given, **content)
            if response is None:
                raise self._late()
            await stack.enter_async_context(aclosing(response))
            yield response

    def _url(self, path: str, door: Door) -> str:
        host = self._connection.host
        if door == "native" and not host.native:
            raise DashScopeError(f"{self._service} has no such service: it is DashScope's own.", kind="unsent")
        return (host.native if door == "native" else host.compatible) + path

    async def object_of(self, response: httpx2.Response) -> dict[str, Any]:
        """The object that a response holds; `sandbox` is true in it where the sandbox gave it.

        Raises:
            DashScopeError: it broke off, or holds something else.
        """
        reply = json_or_text(await self._whole(response))
        if not isinstance(reply, dict):
            raise DashScopeError(f"{self._service} gave a reply of an unknown form. Check DASHSCOPE_BASE_URL.")
        return {**reply, "sandbox": SANDBOX_HEADER in response.headers}

    async def _whole(self, response: httpx2.Response) -> str:
        try:
            with anyio.fail_after(self._connection.timeout_s):
                text = await beginning(response, MAX_JSON_BYTES)
        except (httpx2.RequestError, TimeoutError):
            raise DashScopeError("The connection broke in the middle of a reply. Call again.") from None
        if len(text) >= MAX_JSON_BYTES:
            raise DashScopeError(f"{self._service} sent more than {MAX_JSON_BYTES:,} bytes.")
        return text

    def _late(self) -> DashScopeError:
        return DashScopeError(
            f"{self._service} sent nothing within {self._connection.timeout_s:g} s. Call again, or raise "
            "BAILIAN_TIMEOUT_S."
        )

    @property
    def _service(self) -> str:
        return self._connection.host.service


def tells(reply: Mapping[str, Any], name: str) -> str:
    """A word of a reply; empty where it is none."""
    value = reply.get(name)
    return value if isinstance(value, str) and len(value) <= MAX_ERROR_BYTES else ""
