"""What DashScope keeps or lists, asked by plain JSON requests: files, batches, tasks, models; no streams."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from typing import Any, Literal
from urllib.parse import SplitResult, quote

import anyio
import httpx2

from ..endpoints import SANDBOX_HEADER
from ..json_text import dicts_of, json_or_text
from ..network import is_host_name, is_loopback
from .connection import MAX_ERROR_BYTES, Connection, beginning
from .errors import DashScopeError, from_reply

Method = Literal["GET", "POST", "DELETE"]
Door = Literal["compatible", "native"]
MAX_JSON_BYTES = 32 * 1024 * 1024
MAX_RESULT_BYTES = 64 * 1024 * 1024  # of twelve hours of speech, each word with its time
PLAIN_ID = re.compile(r"[\w-][\w.:-]{0,199}", re.ASCII)
WANTS_JSON = {"Accept": "application/json"}


class Rest:
    """Plain requests over the one connection. What may have been done is never asked for twice."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def timeout_s(self) -> float:
        return self._connection.timeout_s

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
            asked = partial(connection.request, method, url, given, **content)
            response = None
            with anyio.move_on_at(deadline):
                response = await connection.tried(url, deadline, asked)
            if response is None:
                raise self._late(method)
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

    async def fetched(self, url: str) -> dict[str, Any]:
        """The object that lies at an address: asked without the key, and as often as it takes.

        Raises:
            DashScopeError: it did not come, or is something else.
        """
        connection, deadline = self._connection, anyio.current_time() + self._connection.timeout_s
        found: dict[str, Any] = {}
        async with AsyncExitStack() as stack:
            await connection.take_slot(stack)
            async for attempt in connection.attempts(deadline):
                with attempt:
                    found = await self._fetched_once(url)
        return found

    async def _fetched_once(self, url: str) -> dict[str, Any]:
        """Redirects are not followed: nobody looked at where they lead."""
        try:
            with anyio.fail_after(self._connection.timeout_s):
                response = await self._connection.http.send(
                    self._connection.http.build_request("GET", url, headers=WANTS_JSON), stream=True
                )
                async with aclosing(response):
                    text = await beginning(response, MAX_RESULT_BYTES)
        except (httpx2.RequestError, TimeoutError) as error:
            raise DashScopeError(
                f"A result could not be fetched ({type(error).__name__}). It is kept for 24 hours.", retry=True
            ) from None
        if response.status_code != 200:
            raise DashScopeError(
                f"A result could not be fetched (HTTP {response.status_code}). It is kept for 24 hours.",
                retry=response.status_code >= 500,
            )
        found = json_or_text(text)
        if not isinstance(found, dict):
            raise DashScopeError(f"A result is no JSON, or longer than {MAX_RESULT_BYTES:,} bytes.")
        return found

    def reaches(self, url: SplitResult, allowed: Callable[[str], bool]) -> bool:
        """Whether a result may be fetched there: over https from a host that is allowed; by a sandbox from here."""
        name = url.hostname or ""
        if self._connection.host.on_loopback and is_loopback(name):
            return True
        return url.scheme == "https" and url.username is None and is_host_name(name) and allowed(name)

    def error(self, status: int, reply: Mapping[str, Any], *, sandbox: bool) -> DashScopeError:
        """A failure that is told within a reply."""
        marked = {SANDBOX_HEADER: "1"} if sandbox else {}
        return from_reply(status, marked, reply, self._connection.redact, self._service)

    def _late(self, method: Method) -> DashScopeError:
        if method == "POST":
            return DashScopeError(
                f"{self._service} sent nothing within {self._connection.timeout_s:g} s. It may have been done all the "
                "same, so it was not sent again: call again if you still need it, or raise BAILIAN_TIMEOUT_S."
            )
        return DashScopeError(
            f"{self._service} sent nothing within {self._connection.timeout_s:g} s. Call again, or raise "
            "BAILIAN_TIMEOUT_S."
        )

    @property
    def _service(self) -> str:
        return self._connection.host.service


def names_one(reply: Mapping[str, Any], name: str) -> str:
    """An id of a reply; empty where it is none that could stand in an address, or beside others in a message."""
    value = tells(reply, name)
    return value if PLAIN_ID.fullmatch(value) else ""


def in_path(id: str) -> str:
    """An id as one part of a path, whoever gave it."""
    return quote(id.encode("utf-8", "replace"), safe="")


def tells(reply: Mapping[str, Any], name: str) -> str:
    """A word of a reply; empty where it is none."""
    value = reply.get(name)
    return value if isinstance(value, str) and len(value) <= MAX_ERROR_BYTES else ""


def rows_of(reply: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of a list; none where it is none."""
    return dicts_of(reply.get("data"))
