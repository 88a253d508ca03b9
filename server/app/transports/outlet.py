"""Lines to the host, written in a thread: a host that does not read holds up nothing else. Standard library only."""

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
        threading.Thread(target=self._work, daemon=True).start()

    def put(self, content: bytes, done: Callable[[], object] | None = None) -> None:
        """`done` is called in the thread, when all of it was written or has failed."""
        self._lines.put((content, done))

    def _work(self) -> None:
        while True:
            content, done = self._lines.get()
            try:
                for start in range(0, len(content), PIECE_BYTES):
                    self._write(content[start : start + PIECE_BYTES])
            except OSError as error:
                self.failed = error
            if done:
                done()

    def _write(self, content: bytes) -> None:
        while content:
            taken = self._stdout.write(content)
            self.written += taken
            content = content[taken:]
