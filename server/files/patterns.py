"""A pattern names files of the allowed folders: scans/*.pdf, notes/**/*.md."""

import glob
from pathlib import Path

from ..errors import InvalidRequest
from ..text import printable

MAX_MATCHES = 1_000_000


def files_matching(pattern: str, folders: tuple[Path, ...]) -> list[str]:
    """The regular files that it names, sorted; links that lead outside of `folders` are none of them.

    Raises:
        InvalidRequest: it begins outside of the allowed folders, or names too many.
    """
    asked = str(Path(pattern.strip()).expanduser())
    if not any(_resolved(_fixed_part(asked)).is_relative_to(folder) for folder in folders):
        raise InvalidRequest(
            f"{printable(pattern.strip())} begins outside the allowed folders. Move the files there, or add their "
            "folder to BAILIAN_ALLOWED_DIRS in this server's environment and restart the server."
        )
    found = set()
    for number, path in enumerate(glob.iglob(asked, recursive=True)):
        if number >= MAX_MATCHES:
            raise InvalidRequest(f"The pattern names more than {MAX_MATCHES:,} files. Make it narrower.")
        real = _resolved(Path(path))
        if any(real.is_relative_to(folder) for folder in folders) and real.is_file():
            found.add(path)
    return sorted(found)


def _fixed_part(pattern: str) -> Path:
    """The folder that it begins in."""
    parts = Path(pattern).parts
    fixed = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:fixed])


def _resolved(path: Path) -> Path:
    """Nowhere that is allowed, where it leads nowhere."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return Path("/dev/null")
