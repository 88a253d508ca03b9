"""Who reads stdin from the first moment on: answers the handshake while the server is loaded, then hands over.

A probe (`server/discover`) decides nothing and is done when it is answered. `initialize` is answered and handed on too,
so that the SDK knows what was agreed; what it says to it is not sent again. The standard library only.
"""

import os
import select
import stat
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
        self.stdout = stdout
        self.said = b""  # how the reply began that the SDK need not give any more
        self._stdin = stdin
        self._lines = LineSplitter()
        self._wake = os.pipe() if can_be_polled(stdin) else None
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
        with suppress(OSError, RuntimeError):  # the loop has ended
            if self._wake:
                self._look()
                return
            for content in self._stdin:
                for line in self._lines.feed(content):
                    self._take(line)
        with suppress(OSError, RuntimeError):
            for last in (*self._lines.end(), None):
                self._take(last)

    def _look(self) -> None:
        """Read until somebody takes over, or the input ends."""
        assert self._wake
        looking = select.poll()
        for fd in (self._wake[0], self.fileno()):
            looking.register(fd, select.POLLIN)
        while self._wake[0] not in dict(looking.poll()):
            for line in self.read():
                self._take(line)
                if line is None:
                    return

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


def can_be_polled(stream: BinaryIO) -> bool:
    """Whether the system tells when there is something to read, or room to write: pipes, sockets; not on Windows."""
    try:
        kind = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return hasattr(select, "poll") and (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind))
