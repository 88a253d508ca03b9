"""Files that are written: new ones only, in the one folder that was granted for it, whole or not at all."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import NoReturn

from ..errors import InvalidRequest
from ..text import printable

MAX_NAME_BYTES = 180  # file systems take 255; a part of a file has a longer name
MAX_LIKE_NAMES = 100
IN_NO_NAME = frozenset('/\\:*?"<>|')  # of any system: a folder, a drive, a stream of NTFS
NEW = os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
REOPENED = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
DIRECTORY = getattr(os, "O_DIRECTORY", 0)
HOLDS_FOLDERS = os.open in os.supports_dir_fd and os.link in os.supports_dir_fd  # not on Windows
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
FileIdentity = tuple[int, int]  # device and inode


@dataclass
class OutputFile:
    """A file that is being written. `path`: where it stands once the block was left; of a growing one, at once."""

    path: Path
    _fd: int = field(repr=False)
    size_bytes: int = 0

    @property
    def identity(self) -> FileIdentity:
        """Of this very file, whatever its name."""
        found = os.fstat(self._fd)
        return found.st_dev, found.st_ino

    def cut(self, size_bytes: int) -> None:
        """Back to that size: what was written last was not whole."""
        os.truncate(self._fd, size_bytes)
        self.size_bytes = size_bytes

    def write(self, content: bytes) -> None:
        """All of it. Raises InvalidRequest: the disk takes no more; then nothing of it is there."""
        view = memoryview(content)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            with suppress(OSError):
                os.truncate(self._fd, self.size_bytes)
            _refuse(self.path.name, error)
        self.size_bytes += len(content)


class OutputFolder:
    """Made at first use, for this user alone. A file in it is never overwritten, and no link is followed.

    Each method raises InvalidRequest where the name is none for a new file, or the disk says no. That can be after
    something was paid, when a block is left: whoever paid catches it, and gives what it has.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self, name: str, suffixes: Collection[str], *, if_there: str = "Give another name.") -> None:
        """Before anything is paid: whether `name` can be written. `suffixes` as in `.jsonl`, in lower case;
        `if_there`: what to do about a file of that name.
        """
        with self._opened(name, suffixes, if_there=if_there):
            pass

    @contextmanager
    def new_file(self, name: str, suffixes: Collection[str], *, or_like_it: bool = False) -> Iterator[OutputFile]:
        """A file that appears when the block is left without an error, whole; under a name like it, where meanwhile
        another file took its own. `or_like_it`: that may have been long ago.
        """
        with self._opened(name, suffixes, exists=or_like_it) as folder:
            part = f".{name}.{token_hex(4)}.part"
            file = folder.created(part, name)
            try:
                with _closing(file):
                    yield file
                    _sync(file)
                file.path = self.path / folder.published(part, name)
            finally:
                folder.removed(part)

    @contextmanager
    def growing_file(self, name: str, suffixes: Collection[str]) -> Iterator[OutputFile]:
        """A file of lines that is there from the first one on: each `write` is to end its lines. What came stays,
        however the block is left; a file in which nothing came is none.
        """
        with self._opened(name, suffixes) as folder:
            file = folder.created(name, name)
            try:
                with _closing(file):
                    yield file
                    _sync(file)
            finally:
                if not file.size_bytes:
                    folder.removed(name)

    @contextmanager
    def continued_file(self, name: str, suffixes: Collection[str], identity: FileIdentity) -> Iterator[OutputFile]:
        """A growing file that we left before it was whole, to go on with; `identity`: that it had then."""
        with self._opened(name, suffixes, exists=True) as folder:
            file = folder.reopened(name)
            with _closing(file):
                if file.identity != identity:
                    raise InvalidRequest(_exists(name))
                yield file
                _sync(file)

    @contextmanager
    def _opened(
        self, name: str, suffixes: Collection[str], *, exists: bool = False, if_there: str = "Give another name."
    ) -> "Iterator[_Held]":
        """The folder, held open: it stays the same one, whatever is put in its place meanwhile."""
        _require_name(name, suffixes)
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_RDONLY | DIRECTORY) if HOLDS_FOLDERS else None
        except OSError as error:
            _refuse(name, error)
        try:
            held = _Held(self.path, fd)
            if held.has(name) and not exists:
                raise InvalidRequest(_exists(name, if_there))
            yield held
        finally:
            if fd is not None:
                os.close(fd)


@dataclass(frozen=True)
class _Held:
    """A folder held open; `fd` is None where a system has no such thing."""

    path: Path
    fd: int | None

    def at(self, name: str) -> str:
        return name if self.fd is not None else str(self.path / name)

    def has(self, name: str) -> bool:
        """Whether anything has that name: a link that leads nowhere, too."""
        try:
            os.stat(self.at(name), dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as error:
            _refuse(name, error)
        return True

    def created(self, as_name: str, told_name: str) -> OutputFile:
        try:
            fd = os.open(self.at(as_name), NEW | os.O_WRONLY | os.O_APPEND, 0o666, dir_fd=self.fd)
        except FileExistsError:
            raise InvalidRequest(_exists(told_name)) from None
        except OSError as error:
            _refuse(told_name, error)
        return OutputFile(self.path / told_name, fd)

    def reopened(self, told_name: str) -> OutputFile:
        try:
            fd = os.open(self.at(told_name), REOPENED, dir_fd=self.fd)
        except OSError as error:
            _refuse(told_name, error)
        return OutputFile(self.path / told_name, fd, os.fstat(fd).st_size)

    def published(self, part: str, name: str) -> str:
        """The name that a whole file got: its own, or the first free one like it."""
        stem, dot, suffix = name.rpartition(".")
        for other in (name, *(f"{stem}-{number}{dot}{suffix}" for number in range(2, MAX_LIKE_NAMES))):
            try:
                self._named(part, other)
            except FileExistsError:
                continue
            except OSError as error:
                _refuse(name, error)
            return other
        raise InvalidRequest(_exists(name))

    def _named(self, part: str, name: str) -> None:
        """Raises FileExistsError: a file has it, and stays as it is."""
        try:
            os.link(self.at(part), self.at(name), src_dir_fd=self.fd, dst_dir_fd=self.fd, follow_symlinks=False)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):  # file systems without hard links: the name is taken first, then filled
            os.close(os.open(self.at(name), NEW | os.O_WRONLY, 0o666, dir_fd=self.fd))
            os.replace(self.at(part), self.at(name), src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def removed(self, name: str) -> None:
        with suppress(OSError):
            os.unlink(self.at(name), dir_fd=self.fd)


@contextmanager
def _closing(file: OutputFile) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(file._fd)


def _sync(file: OutputFile) -> None:
    try:
        os.fsync(file._fd)
    except OSError as error:
        _refuse(file.path.name, error)


def _require_name(name: str, suffixes: Collection[str]) -> None:
    shown = printable(name) or "the empty text"
    if fault := _fault_of(name):
        such_as = f"result{next(iter(suffixes))}"
        raise InvalidRequest(f"{shown} is no name for a file: it {fault}. Give a file name such as {such_as}, no path.")
    if not name.lower().endswith(tuple(suffixes)):
        raise InvalidRequest(f"{shown} does not end in {' or '.join(suffixes)}. Give it such a name.")


def _fault_of(name: str) -> str:
    if not name.strip():
        return "is empty"
    if IN_NO_NAME & set(name) or not name.isprintable():
        return "holds characters that no file name should have"
    if name.startswith(".") or name != name.strip() or name.endswith("."):
        return "begins with a dot or a space, or ends with one"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"is longer than {MAX_NAME_BYTES} bytes"
    return "is a device on Windows" if name.partition(".")[0].lower() in DEVICES else ""


def _exists(name: str, next_step: str = "Give another name.") -> str:
    return f"{printable(name)} is in the output folder already, and no file is overwritten. {next_step}"


def _refuse(name: str, error: OSError) -> NoReturn:
    raise InvalidRequest(
        f"{printable(name)} cannot be written into the output folder: {error.strerror}. Check BAILIAN_OUTPUT_DIR in "
        "this server's environment, and the room on its disk."
    ) from None
