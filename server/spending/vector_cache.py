"""Vectors that were paid for once: a file a document in the state folder, for this user alone; no call fails for it.

A file grows by whole batches. It holds numbers and no text, under a name that only who has the same text can make.
"""

import logging
import os
import struct
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import anyio
from anyio import to_thread

from .database import require_own

_LOGGER = logging.getLogger("bailian_mcp")
MAX_VECTORS_BYTES = {"disk": 1_000_000_000, "memory": 100_000_000}
HEAD = struct.Struct("4sI")  # what it is, and the length of a vector
ROW = struct.Struct("I")  # the number of a text, before its vector
VECTORS_MARK = b"BMV1"
VECTORS_SUFFIX = ".f32"


class VectorCache:
    """By key, which is a hash in hexadecimal; what was used least lately goes first. `folder` None: in memory."""

    def __init__(self, folder: Path | None = None, max_bytes: int | None = None) -> None:
        self._folder = folder / "vectors" if folder else None
        self._max_bytes = max_bytes
        self._memory: dict[str, dict[int, array[float]]] = {}
        self._turn = anyio.CapacityLimiter(1)

    async def rows(self, key: str) -> "dict[int, array[float]]":
        """What there is of a document, by the number of the text."""
        return await self._done(lambda: self._read(key))

    async def add(self, key: str, rows: "Mapping[int, array[float]]") -> None:
        """A cancelled call keeps what it paid for."""
        with anyio.CancelScope(shield=True):
            await self._done(lambda: self._add(key, rows))

    async def trim(self) -> None:
        """Forget the oldest, until the rest is within its bound."""
        await self._done(self._trim)

    async def _done(self, work: "Callable[[], dict[int, array[float]]]") -> "dict[int, array[float]]":
        """Where the disk does not do it, what is kept lives as long as the process."""
        try:
            return await to_thread.run_sync(work, limiter=self._turn)
        except OSError as error:
            _LOGGER.warning("vectors are kept in memory only: %s", error)
            self._folder = None
            return await to_thread.run_sync(work, limiter=self._turn)

    def _read(self, key: str) -> "dict[int, array[float]]":
        if self._folder is None:
            kept = self._memory.pop(key, {})
            if kept:
                self._memory[key] = kept  # the last to go
            return dict(kept)
        file = self._folder / f"{key}{VECTORS_SUFFIX}"
        try:
            content = file.read_bytes()
            os.utime(file)
        except FileNotFoundError:
            return {}
        return dict(_rows_of(content))

    def _add(self, key: str, rows: "Mapping[int, array[float]]") -> "dict[int, array[float]]":
        if self._folder is None:
            self._memory.setdefault(key, {}).update(rows)
            return {}
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_own(self._folder)
        length = len(next(iter(rows.values())))
        body = b"".join(ROW.pack(number) + vector.tobytes() for number, vector in rows.items())
        _append(self._folder / f"{key}{VECTORS_SUFFIX}", length, body)
        return {}

    def _trim(self) -> "dict[int, array[float]]":
        sizes = self._sizes()
        over = sum(sizes.values()) - (self._max_bytes or MAX_VECTORS_BYTES["disk" if self._folder else "memory"])
        for key, size in sizes.items():
            if over <= 0:
                break
            self._forget(key)
            over -= size
        return {}

    def _sizes(self) -> dict[str, int]:
        """Of each document, the oldest first."""
        if self._folder is None:
            return {key: sum(len(each) * each.itemsize for each in rows.values()) for key, rows in self._memory.items()}
        found = {}
        if self._folder.exists():
            for file in self._folder.glob(f"*{VECTORS_SUFFIX}"):
                with suppress(FileNotFoundError):  # another process forgot it
                    found[file.stem] = file.stat()
        return {key: told.st_size for key, told in sorted(found.items(), key=lambda each: each[1].st_mtime_ns)}

    def _forget(self, key: str) -> None:
        self._memory.pop(key, None)
        if self._folder:
            (self._folder / f"{key}{VECTORS_SUFFIX}").unlink(missing_ok=True)


def _append(file: Path, length: int, body: bytes) -> None:
    """In one write, behind the head. A file of other vectors, or of none, is begun anew."""
    flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    fd = os.open(file, flags, 0o600)
    try:
        require_own(file)
        head = HEAD.pack(VECTORS_MARK, length)
        begun = os.read(fd, HEAD.size) == head and not (os.fstat(fd).st_size - HEAD.size) % _row_bytes(length)
        if not begun:
            os.ftruncate(fd, 0)
            body = head + body
        os.write(fd, body)
    finally:
        os.close(fd)


def _rows_of(content: bytes) -> "Iterator[tuple[int, array[float]]]":
    """Nothing of what is none of ours; half a row at the end is passed over."""
    if len(content) < HEAD.size:
        return
    mark, length = HEAD.unpack_from(content)
    if mark != VECTORS_MARK or not length:
        return
    step = _row_bytes(length)
    for at in range(HEAD.size, len(content) - step + 1, step):
        vector = array("f")
        vector.frombytes(content[at + ROW.size : at + step])
        yield ROW.unpack_from(content, at)[0], vector


def _row_bytes(length: int) -> int:
    return ROW.size + 4 * length
