"""A name with `*`, `?`, `[...]` or `**` (any folders between) becomes the files it fits, inside the allowed folders."""

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from anyio import to_thread

from ..errors import InvalidRequest
from ..text import printable
from .sources import local_path, names_a_path

MAX_MATCHES = 1_000
MAX_LOOKED_AT = 100_000  # files and folders
WILD = frozenset("*?[")


async def matching(source: str, folders: tuple[Path, ...]) -> list[str]:
    """The paths that a name fits, in order; the name itself, where it is no pattern or names a file as it stands.

    Raises:
        InvalidRequest: it fits none, too many, or lies outside the allowed folders.
    """
    if not names_a_path(source) or not WILD & set(source):
        return [source]
    return await to_thread.run_sync(_matching, local_path(source.strip()), folders, abandon_on_cancel=True)


def _matching(pattern: str, folders: tuple[Path, ...]) -> list[str]:
    path = Path(pattern).expanduser()
    at = next(number for number, part in enumerate(path.parts) if WILD & set(part))
    root, wanted = Path(*path.parts[:at]), path.parts[at:]
    _require_open(pattern, root, folders)
    if os.path.lexists(path):
        return [pattern]
    found = []
    for name in _walked(pattern, root, wanted):
        found.append(name)
        if len(found) > MAX_MATCHES:
            raise InvalidRequest(f"{_shown(pattern)} fits more than {MAX_MATCHES:,} files. Narrow it.")
    if not found:
        raise InvalidRequest(f"{_shown(pattern)} fits no file. Check the pattern; `**` stands for any folders between.")
    return sorted(found)


def _require_open(pattern: str, root: Path, folders: tuple[Path, ...]) -> None:
    """What lies elsewhere is not looked at: even a name would tell something."""
    if not any(root.resolve().is_relative_to(folder) for folder in folders):
        allowed = ", ".join(map(str, folders)) or "none"
        raise InvalidRequest(
            f"{_shown(pattern)} begins outside the allowed folders ({allowed}). Move the files there, or add their "
            "folder to BAILIAN_ALLOWED_DIRS in this server's environment and restart the server."
        )


def _walked(pattern: str, root: Path, wanted: Sequence[str]) -> Iterator[str]:
    """No link to a folder is followed, and nothing hidden is looked at unless it is named."""
    left = MAX_LOOKED_AT
    for folder, below, files in os.walk(root):
        parts = Path(folder).relative_to(root).parts
        below[:] = [name for name in below if _may_lead(name, wanted)] if _deeper(parts, wanted) else []
        left -= len(below) + len(files)
        if left < 0:
            raise InvalidRequest(f"{_shown(pattern)} has too many files to look through below it. Narrow it.")
        for name in files:
            if _may_lead(name, wanted) and _fits((*parts, name), wanted):
                yield os.path.join(folder, name)


def _deeper(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    return "**" in wanted or len(parts) + 1 < len(wanted)


def _may_lead(name: str, wanted: Sequence[str]) -> bool:
    return not name.startswith(".") or any(part.startswith(".") for part in wanted)


def _fits(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    reached = _with_next({0}, wanted)  # how much of the pattern may be used up
    for part in parts:
        stay = {at for at in reached if at < len(wanted) and wanted[at] == "**"}
        go_on = {at + 1 for at in reached - stay if at < len(wanted) and fnmatchcase(part, wanted[at])}
        reached = _with_next(stay | go_on, wanted)
    return len(wanted) in reached


def _with_next(reached: set[int], wanted: Sequence[str]) -> set[int]:
    """`**` may stand for nothing."""
    for at, part in enumerate(wanted):
        if at in reached and part == "**":
            reached.add(at + 1)
    return reached


def _shown(pattern: str) -> str:
    return printable(pattern)
