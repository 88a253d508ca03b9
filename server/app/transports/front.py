"""Who reads stdin from the first moment on: answers the handshake while the server is loaded, then hands over.

A probe (`server/discover`) decides nothing and is done when it is answered. `initialize` is answered and handed on too,
so that the SDK knows what was agreed; what it says to it is not sent again. The standard library only.
"""

import sys
import threading
from codecs import BOM_UTF8
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from ..version import own_version
from . import handshake

MAX_EARLY = 4  # replies: a pipe takes them even if nobody reads
SWITCH_S = 0.0005  # or a thread that loads modules keeps this one waiting

Sink = Callable[[bytes | None], None]


class Front:
    """The two streams of one host; `stdout` unbuffered. Lines of input go to the sink, at their end None."""

    def __init__(self, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self.stdout = stdout
        self.said = b""  # how the reply began that the SDK need not give any more
        self._stdin = stdin
        self._held: list[bytes | None] = []
        self._sink: Sink | None = None
        self._lock = threading.Lock()
        self._early = 0  # how many replies may be given yet
        self._switch_s = sys.getswitchinterval()
        self._reader = threading.Thread(target=self._read, daemon=True)  # a blocked read holds nobody up

    def answer_early(self) -> None:
        """Answer the handshake from now on until somebody attaches."""
        own_version()
        self._early = MAX_EARLY
        sys.setswitchinterval(SWITCH_S)
        self._reader.start()

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
        if line := self._stdin.readline():
            self._take(line.removeprefix(BOM_UTF8))

    def _take(self, line: bytes | None) -> None:
        with self._lock:
            sink = self._sink
            if sink is None and not (line and self._early and self._answered(line)):
                self._held.append(line)
        if sink:
            sink(line)

    def _answered(self, line: bytes) -> bool:
        """Whether a line is done with. The first request that is not a probe ends early replies."""
        message = handshake.request(line)
        if message is None:
            if b'"method"' in line and b'"id"' in line:  # a request, perhaps
                self._early = 0
            return False
        reply = handshake.answer(message)
        probe = message["method"] == handshake.DISCOVER
        self._early = self._early - 1 if reply and probe else 0
        if reply is None or not self._write(reply):
            return False
        if not probe:
            self.said = handshake.head(message)
        return bool(probe)

    def _write(self, reply: bytes) -> bool:
        try:
            while reply:
                reply = reply[self.stdout.write(reply) :]
        except OSError:  # the host has gone; the SDK will notice
            return False
        return True
