"""Who reads stdin from the first moment on: answers a host while the server is loaded, then hands over.

What is answered and what is handed on: see `early`. The standard library only.
"""

import sys
import threading
from codecs import BOM_UTF8
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from ..version import own_version
from .early import Early
from .listing import Listing
from .outlet import Outlet

GREETING_S = 0.25  # how long a host that says nothing keeps the server from being loaded
SWITCH_S = 0.0005  # or a thread that loads modules keeps this one waiting

Sink = Callable[[bytes | None], None]


class Front:
    """The two streams of one host; `stdout` unbuffered. Lines of input go to the sink, at their end None."""

    def __init__(self, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self.outlet = Outlet(stdout)
        self._stdin = stdin
        self._held: list[bytes | None] = []
        self._sink: Sink | None = None
        self._lock = threading.Lock()
        self._early: Early | None = None
        self._greeted = threading.Event()
        self._switch_s = sys.getswitchinterval()
        self._reader = threading.Thread(target=self._read, daemon=True)  # a blocked read holds nobody up

    @property
    def said(self) -> bytes:
        """How the line begins that the SDK need not give any more."""
        return self._early.said if self._early else b""

    def answer_early(self, listing: Listing | None = None) -> None:
        """Answer what can be answered from now on until somebody attaches; returns when a first line has been."""
        own_version()
        self._early = Early(listing)
        sys.setswitchinterval(SWITCH_S)
        self._reader.start()
        self._greeted.wait(GREETING_S)

    def attach(self, sink: Sink) -> list[bytes | None]:
        """What was read and is not done; what comes later goes to `sink`, in the reader's thread."""
        with self._lock:
            self._sink = sink
        sys.setswitchinterval(self._switch_s)
        if not self._reader.ident:  # nothing was to be answered early
            self._reader.start()
        return self._held

    def _read(self) -> None:
        with suppress(OSError, RuntimeError):  # the loop has ended
            self._take_first()
            for line in self._stdin:
                self._take(line)
        with suppress(OSError, RuntimeError):
            self._take(None)

    def _take_first(self) -> None:
        """Shells of Windows put a byte order mark before what they pipe."""
        try:
            if line := self._stdin.readline():
                self._take(line.removeprefix(BOM_UTF8))
            if self._early and self._early.listing:  # the host is reading, and will ask for it
                self._early.listing.load()
        finally:
            self._greeted.set()

    def _take(self, line: bytes | None) -> None:
        with self._lock:
            sink = self._sink
            if sink is None:
                self._hold(line)
        if sink:
            sink(line)

    def _hold(self, line: bytes | None) -> None:
        if not (line and self._early):
            self._held.append(line)
            return
        reply, onward = self._early.take(line)
        if reply:
            self.outlet.put(reply)
        if onward:
            self._held.append(onward)
