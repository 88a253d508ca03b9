"""Lines to the host: what it takes at once is written at once, the rest in a thread, so that a host that does not read
holds up nothing else. Standard library only.
"""

import os
import select
import stat
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import BinaryIO

PIECE_BYTES = 8 * 1024  # how finely it is seen that the host takes bytes


class Outlet:
    """The one who writes to a host; `stdout` unbuffered. What is put first is written first."""

    def __init__(self, stdout: BinaryIO) -> None:
        self.written = 0  # bytes the host has taken
        self.failed: OSError | None = None  # the host has gone
        self._stdout = stdout
        self._lines: SimpleQueue[tuple[bytes, Callable[[], object] | None]] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0  # texts for the thread
        self._room = select.poll() if can_be_polled(stdout) else None
        if self._room:
            self._room.register(stdout.fileno(), select.POLLOUT)
        threading.Thread(target=self._work, daemon=True).start()

    def write_now(self, content: bytes) -> int:
        """How much of it the host takes without making anybody wait: nothing while something waits to be written.

        The stream stays in blocking mode, since others may share it. Where it is writable, a piece of PIPE_BUF bytes
        fits: https://man7.org/linux/man-pages/man7/pipe.7.html

        Raises:
            BrokenPipeError: nobody reads there any more.
        """
        if self._room is None or self._waiting:
            return 0
        taken, rest, fd = 0, memoryview(content), self._stdout.fileno()
        while taken < len(content) and self._room.poll(0) == [(fd, select.POLLOUT)]:
            taken += os.write(fd, rest[taken : taken + select.PIPE_BUF])
        self.written += taken
        return taken

    def put(self, content: bytes, done: Callable[[], object] | None = None) -> None:
        """`done` is called in the thread, when all of it was written or has failed."""
        with self._lock:
            self._waiting += 1
        self._lines.put((content, done))

    def _work(self) -> None:
        while True:
            content, done = self._lines.get()
            try:
                for start in range(0, len(content), PIECE_BYTES):
                    self._write(content[start : start + PIECE_BYTES])
            except OSError as error:
                self.failed = error
            with self._lock:
                self._waiting -= 1
            if done:
                done()

    def _write(self, content: bytes) -> None:
        while content:
            taken = self._stdout.write(content)
            self.written += taken
            content = content[taken:]


def can_be_polled(stream: BinaryIO) -> bool:
    """Whether the system tells when there is something to read, or room to write: pipes, sockets; not on Windows."""
    try:
        kind = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return hasattr(select, "poll") and (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind))
