"""A path becomes an open file, if it lies inside the allowed folders."""

import os
import stat
import sys
from io import BufferedReader
from pathlib import Path

from ..errors import InvalidRequest
from ..text import printable


def open_within(path: str, folders: tuple[Path, ...]) -> BufferedReader:
    """A regular file inside `folders`, judged by where the opened file lies, not by its name.

    Raises:
        InvalidRequest: outside of them, no regular file, or not readable.
    """
    name = printable(Path(path).name) or "the path"
    try:
        real = Path(path).expanduser().resolve()
        _require_inside(name, real, folders)
        fd = os.open(real, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            _require_inside(name, _place_of(fd, real), folders)  # a folder on the way may have been swapped meanwhile
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise InvalidRequest(f"{name} is not a regular file. Give the path of a file.")
            return os.fdopen(fd, "rb")
        except BaseException:
            os.close(fd)
            raise
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a usable path"
        start = "" if Path(path).is_absolute() else f", which starts from {Path.cwd()}"
        raise InvalidRequest(f"{name} cannot be read: {reason}. Check the path{start}.") from None


def _place_of(fd: int, asked: Path) -> Path:
    """Where an open file really lies."""
    if sys.platform == "linux":
        return Path(os.readlink(f"/proc/self/fd/{fd}"))
    if sys.platform == "darwin":
        import fcntl

        return Path(os.fsdecode(fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0")))
    return asked.resolve(strict=True)


def _require_inside(name: str, real: Path, folders: tuple[Path, ...]) -> None:
    if not any(real.is_relative_to(folder) for folder in folders):
        mend = "BAILIAN_ALLOWED_DIRS in this server's environment and restart the server"
        if not folders:
            raise InvalidRequest(f"{name} cannot be read: no folder is allowed. Put its folder into {mend}.")
        allowed = ", ".join(str(folder) for folder in folders)
        raise InvalidRequest(
            f"{name} is outside the allowed folders ({allowed}). Move it there, or add its folder to {mend}."
        )
