"""Who reads stdin from the first moment on: answers a host while the server is loaded, then hands over.

What is answered and what is handed on: see `early`. The standard library only.
"""

import os
import select
import sys
import threading
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO

from ..version import own_version
from .early import Early
from .listing import Listing
from .outlet import Outlet, can_be_polled

GREETING_S = 0.25  # how long a host that says nothing keeps the server from being loaded
SWITCH_S = 0.0005  # or a thread that loads modules keeps this one waiting

READ_BYTES = 256 * 1024

Sink = Callable[[bytes | None], None]


class LineSplitter:
    """Bytes as they come become lines, each with its end; shells of Windows put a byte order mark before the first."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # of the line that has not ended
        self._first = True

    def feed(self, content: bytes) -> list[bytes]:
        """The lines that are whole now."""
        *whole, rest = content.split(b"\n")
        lines = []
        for piece in whole:
            lines.append(self._begun(b"".join((*self._pieces, piece, b"\n"))))
            self._pieces = []
        self._pieces += [rest] if rest else []
        return lines

    def end(self) -> list[bytes]:
        """What was not ended by a line end."""
        last = b"".join(self._pieces)
        self._pieces = []
        return [self._begun(last)] if last else []

    def _begun(self, line: bytes) -> bytes:
        line, self._first = line.removeprefix(BOM_UTF8) if self._first else line, False
        return line


class Front:
    """The two streams of one host; `stdout` unbuffered. Lines of input go to the sink, at their end None.

    A pipe or socket is only looked at by the thread, so that an event loop can go on in its place (`take_over`).
    """

    def __init__(self, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self.outlet = Outlet(stdout)
        self._stdin = stdin
        self._lines = LineSplitter()
        self._wake = os.pipe() if can_be_polled(stdin) else None
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

    def take_over(self) -> list[bytes | None] | None:
        """What was read and is not done; from here on whoever asks reads, with `read` whenever `fileno` is readable.

        None: this thread goes on reading, to whom attaches.
        """
        if self._wake is None:
            return None
        os.write(self._wake[1], b".")
        if self._reader.ident:
            self._reader.join()
        sys.setswitchinterval(self._switch_s)
        return self._held

    def fileno(self) -> int:
        return self._stdin.fileno()

    def read(self) -> list[bytes | None]:
        """The lines that are whole by what can be read now; None at the end of input."""
        try:
            content = os.read(self._stdin.fileno(), READ_BYTES)
        except OSError:  # the host has gone
            content = b""
        return [*self._lines.feed(content)] if content else [*self._lines.end(), None]

    def attach(self, sink: Sink) -> list[bytes | None]:
        """What was read and is not done; what comes later goes to `sink`, in the reader's thread."""
        with self._lock:
            self._sink = sink
        sys.setswitchinterval(self._switch_s)
        if not self._reader.ident:  # nothing was to be answered early
            self._reader.start()
        return self._held

    def _read(self) -> None:
        try:
            with suppress(OSError, RuntimeError):  # the loop has ended
                for line in self._polled() if self._wake else self._blocked():
                    self._take(line)
                    self._greet()
        finally:
            self._greeted.set()

    def _polled(self) -> Iterator[bytes | None]:
        """Lines until somebody takes over, or the input ends."""
        assert self._wake
        looking = select.poll()
        for fd in (self._wake[0], self.fileno()):
            looking.register(fd, select.POLLIN)
        while self._wake[0] not in dict(looking.poll()):
            lines = self.read()
            yield from lines
            if None in lines:
                return

    def _blocked(self) -> Iterator[bytes | None]:
        """Lines of what cannot be polled: a file, a terminal, all of Windows."""
        with suppress(OSError):
            for content in self._stdin:
                yield from self._lines.feed(content)
        yield from self._lines.end()
        yield None

    def _greet(self) -> None:
        """A first line was taken: the host is reading, and will ask what there is."""
        if not self._greeted.is_set() and self._early and self._early.listing:
            self._early.listing.load()
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
