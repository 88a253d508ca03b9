"""A path becomes an open file, if it lies inside the allowed folders."""

import os
import stat
import sys
from contextlib import suppress
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
        real = _place(path, folders).resolve()
        _require_inside(name, real, folders)
        fd = os.open(real, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            _require_inside(name, _place_of(fd, real), folders)  # a folder on the way may have been swapped meanwhile
            if stat.S_ISDIR(mode := os.fstat(fd).st_mode):
                raise InvalidRequest(
                    f"{name} is a folder. Give the path of a file in it, or, where patterns are taken, {name}/*."
                )
            if not stat.S_ISREG(mode):
                raise InvalidRequest(f"{name} is not a regular file. Give the path of a file.")
            return os.fdopen(fd, "rb")
        except BaseException:
            os.close(fd)
            raise
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a usable path"
        starts = ", ".join(map(str, dict.fromkeys((Path.cwd(), *folders))))
        start = "" if Path(path).is_absolute() else f", which starts from {starts}"
        raise InvalidRequest(f"{name} cannot be read: {reason}. Check the path{start}.") from None


def starts_of(path: Path, folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """Where a relative path may start: in the working directory, which a host chooses as it likes, or in an allowed
    folder, which is what people mean."""
    return (Path(),) if path.is_absolute() else (Path(), *folders)


def is_there(path: str, folders: tuple[Path, ...]) -> bool:
    """Whether a path leads to something, wherever it may start."""
    try:
        return _place(path, folders).exists()
    except (OSError, RuntimeError, ValueError):  # it cannot be one, which is said where it is opened
        return False


def _place(path: str, folders: tuple[Path, ...]) -> Path:
    """The first place where something is that may be read; else the one whose refusal says most."""
    named = Path(path)
    with suppress(RuntimeError):  # nobody is called so: ~$report.docx is a name
        named = named.expanduser()
    asked, *others = (start / named for start in starts_of(named, folders))
    found = (place for place in (asked, *others) if place.exists() and is_inside(place.resolve(), folders))
    missing = asked if asked.exists() or is_inside(asked.resolve(), folders) or not others else others[0]
    return next(found, missing)


def is_inside(real: Path, folders: tuple[Path, ...]) -> bool:
    """Whether a resolved path lies in one of them."""
    return any(real.is_relative_to(folder) for folder in folders)


def _place_of(fd: int, asked: Path) -> Path:
    """Where an open file really lies."""
    if sys.platform == "linux":
        return Path(os.readlink(f"/proc/self/fd/{fd}"))
    if sys.platform == "darwin":
        import fcntl

        return Path(os.fsdecode(fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0")))
    return asked.resolve(strict=True)


def _require_inside(name: str, real: Path, folders: tuple[Path, ...]) -> None:
    if not is_inside(real, folders):
        mend = "BAILIAN_ALLOWED_DIRS in this server's environment and restart the server"
        if not folders:
            raise InvalidRequest(f"{name} cannot be read: no folder is allowed. Put its folder into {mend}.")
        allowed = ", ".join(str(folder) for folder in folders)
        if missing := [str(folder) for folder in folders if not folder.is_dir()]:
            raise InvalidRequest(
                f"{name} is outside the allowed folders ({allowed}). There is no folder {', '.join(missing)}: correct "
                f"{mend} (several are separated by {os.pathsep})."
            )
        raise InvalidRequest(
            f"{name} is outside the allowed folders ({allowed}). Move it there, or add its folder to {mend}."
        )
