"""A connection as the SDK takes it, over lines: what it reads from and what it writes to, without a task of their own.

The SDK's streams hand each message from task to task; here the event loop fills one, and the other is a function.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Self

import anyio
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter


class MessageStream(ABC):
    """A `ReadStream` of the SDK, over its `receive` and `aclose`."""

    @abstractmethod
    async def receive(self) -> SessionMessage | Exception:
        """The next message, or what is wrong with what came. Raises anyio.EndOfStream."""

    @abstractmethod
    async def aclose(self) -> None:
        """Nothing more is taken."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Inbox(MessageStream):
    """Lines as messages, and what is wrong with a line that is none. `whole` once nothing follows,
    `ended` once all was taken. `at_end` is told first.
    """

    def __init__(self, at_end: Callable[[], None]) -> None:
        self._at_end = at_end
        self.whole, self.ended = anyio.Event(), anyio.Event()
        self._lines: deque[str] = deque()
        self._change = anyio.Event()

    @property
    def left(self) -> int:
        """Lines that nobody has taken."""
        return len(self._lines)

    def put(self, line: bytes | None) -> None:
        """The next line; None: that was all."""
        if line is None:
            self._at_end()
            self.whole.set()
        elif not self.whole.is_set():
            self._lines.append(line.decode("utf-8", errors="replace"))
        self._change.set()

    async def receive(self) -> SessionMessage | Exception:
        """Raises anyio.EndOfStream."""
        while not self._lines:
            if self.whole.is_set():
                self.ended.set()
                raise anyio.EndOfStream
            self._change = anyio.Event()
            await self._change.wait()
        try:
            return SessionMessage(jsonrpc_message_adapter.validate_json(self._lines.popleft(), by_name=False))
        except ValueError as error:  # pydantic's are of these
            return error

    async def aclose(self) -> None:
        self._lines.clear()
        self.put(None)


class Outbox:
    """A `WriteStream` of the SDK. `gone` once the host reads no more."""

    def __init__(self, write: Callable[[str], Awaitable[None]]) -> None:
        """`write`: a text, in the order in which it is called; raises BrokenPipeError."""
        self.gone = anyio.Event()
        self._write = write

    async def send(self, item: SessionMessage, /) -> None:
        """Raises anyio.BrokenResourceError: nobody is left to tell."""
        try:
            await self._write(item.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n")
        except BrokenPipeError:
            self.gone.set()
            raise anyio.BrokenResourceError from None

    async def aclose(self) -> None:
        """Whose streams these are closes them."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
