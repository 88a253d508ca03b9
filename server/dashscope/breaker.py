"""An outage is told at once: after some failures in a row nothing is sent for a while, and then one request tries."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

import anyio

from ..errors import NOTHING_SENT
from .errors import DashScopeError

MAX_FAILURES = 5  # in a row, of all calls together; a call that is under way keeps its own attempts
FIRST_REST_S, MAX_REST_S = 5.0, 40.0  # each trial that fails doubles it
TRIAL_S = 10.0  # a trial that has no answer by then keeps nobody back


class Breaker:
    """Of one host. Closed while it answers, open in an outage; then one request is let through to see."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._failures, self._since, self._seen = 0, 0.0, ""
        self._rest_s, self._retry_at = FIRST_REST_S, 0.0
        self._trial_until = 0.0  # while one is under way

    @property
    def is_open(self) -> bool:
        return self._failures >= MAX_FAILURES

    @contextmanager
    def watching(self) -> Iterator[None]:
        """All attempts of one request, until it is answered.

        Raises:
            DashScopeError: the host is held to be down; nothing was sent.
        """
        self.require_up()
        if not self.is_open:
            yield
            return
        self._trial_until = anyio.current_time() + TRIAL_S
        try:
            yield
        finally:
            self._trial_until = 0.0  # also of one that was cancelled: the next may try

    def require_up(self) -> None:
        """Raises DashScopeError: the host is held to be down; nothing was sent."""
        now = anyio.current_time()
        again_at = max(self._retry_at, self._trial_until)
        if not self.is_open or now >= again_at:
            return
        raise DashScopeError(
            f"{self._host} has been failing for {ceil(now - self._since)} s ({self._failures} times in a row, the last "
            f"one: {self._seen}). {NOTHING_SENT} It is tried again in {max(1, ceil(again_at - now))} s: call "
            "again then. If it goes on, check the network, the proxy and DASHSCOPE_BASE_URL.",
            kind="unsent",
            retry=True,
        )

    def answered(self) -> None:
        """The host is there, whatever it said."""
        if self.is_open:
            logging.getLogger("bailian_mcp").warning("%s answers again.", self._host)
        self._failures, self._rest_s = 0, FIRST_REST_S

    def failed(self, seen: str) -> None:
        """An attempt came to nothing."""
        now = anyio.current_time()
        self._since = self._since if self._failures else now
        self._failures, self._seen = self._failures + 1, seen
        if self._failures == MAX_FAILURES:
            self._rest(now)
        elif self._trial_until and now >= self._retry_at:
            self._rest_s = min(2 * self._rest_s, MAX_REST_S)
            self._rest(now)

    def _rest(self, now: float) -> None:
        self._retry_at = now + self._rest_s
        logging.getLogger("bailian_mcp").warning(
            "%s fails (%s): nothing is sent for %.0f s.", self._host, self._seen, self._rest_s
        )
