"""A pattern names files of the allowed folders: scans/*.pdf, notes/**/*.md."""

import glob
from pathlib import Path

from ..errors import InvalidRequest
from ..text import printable
from .paths import is_inside, starts_of

MAX_MATCHES = 1_000_000


def files_matching(pattern: str, folders: tuple[Path, ...]) -> list[str]:
    """The regular files that it names, sorted; links that lead outside of `folders` are none of them.

    Raises:
        InvalidRequest: it begins outside of the allowed folders, or names too many.
    """
    asked = str(Path(pattern.strip()).expanduser())
    starts = [start for start in starts_of(Path(asked), folders) if is_inside(_begin(start, asked), folders)]
    if not starts:
        raise InvalidRequest(
            f"{printable(pattern.strip())} begins outside the allowed folders. Move the files there, or add their "
            "folder to BAILIAN_ALLOWED_DIRS in this server's environment and restart the server."
        )
    if asked.count("**") > 1:
        raise InvalidRequest(f"{printable(pattern.strip())} has ** twice, which takes long to look for. Leave one.")
    return next(filter(None, (_matches(start, asked, folders) for start in starts)), [])


def _matches(start: Path, pattern: str, folders: tuple[Path, ...]) -> list[str]:
    found = set()
    for number, name in enumerate(glob.iglob(pattern, root_dir=start, recursive=True)):
        if number >= MAX_MATCHES:
            raise InvalidRequest(f"The pattern names more than {MAX_MATCHES:,} files. Make it narrower.")
        path = start / name
        real = _resolved(path)
        if is_inside(real, folders) and real.is_file():
            found.add(str(path))
    return sorted(found)


def _begin(start: Path, pattern: str) -> Path:
    """The folder that it begins in."""
    return _resolved(start / _fixed_part(pattern))


def _fixed_part(pattern: str) -> Path:
    parts = Path(pattern).parts
    fixed = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:fixed])


def _resolved(path: Path) -> Path:
    """Nowhere that is allowed, where it leads nowhere."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return Path("/dev/null")
