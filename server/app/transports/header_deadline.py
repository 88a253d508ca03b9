"""A request whose header never ends is cut off: uvicorn has no such setting, and would keep its connection for ever."""

import asyncio

from h11 import IDLE
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_S = 10.0


def header_deadline(seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's HTTP/1.1, and so long for a header; bodies and answers may take their time."""
    return type("HeaderDeadline", (_HeaderDeadline,), {"seconds": seconds})


class _HeaderDeadline(H11Protocol):
    seconds = HEADER_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """The parser is idle until a header is whole. Between two requests uvicorn's own, shorter timer holds."""
        if self.conn.their_state is not IDLE:
            self._disarm()
        elif not self._deadline:
            self._deadline = self.loop.call_later(self.seconds, self.timeout_keep_alive_handler)

    def _disarm(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
