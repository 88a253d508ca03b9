"""A pattern names files of the allowed folders: scans/*.pdf, notes/**/*.md."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from glob import has_magic
from pathlib import Path

from ..errors import InvalidRequest
from ..text import printable
from .paths import is_inside, starts_of

MAX_SEEN = 2_000_000  # names of files and folders that are looked at
MAX_WILD_PARTS = 50
ANY_FOLDERS = "**"


def files_matching(pattern: str, folders: tuple[Path, ...]) -> list[str]:
    """The regular files that it names, sorted; links that lead outside of `folders` are none of them.

    `**`: any folders below, but not through links. What is hidden must be named with its dot.

    Raises:
        InvalidRequest: it begins outside of the allowed folders, or there is too much to look at.
    """
    said = printable(pattern.strip())
    try:
        parts = Path(pattern.strip()).expanduser().parts
    except RuntimeError:
        raise InvalidRequest(f"{said} begins with the home of a user whom nobody knows. Give a full path.") from None
    count = next((number for number, part in enumerate(parts) if has_magic(part)), len(parts))
    begin, rest = Path(*parts[:count]), parts[count:]
    places = [start / begin for start in starts_of(begin, folders)]
    begins = [place for place in places if is_inside(_resolved(place), folders)]
    if not begins:
        raise InvalidRequest(
            f"{said} begins outside the allowed folders. Move the files there, or add their "
            "folder to BAILIAN_ALLOWED_DIRS in this server's environment and restart the server."
        )
    if rest.count(ANY_FOLDERS) > 1:
        raise InvalidRequest(f"{said} has ** twice, which takes long to look for. Leave one.")
    if ".." in rest or len(rest) > MAX_WILD_PARTS:
        raise InvalidRequest(
            f"{said} has .. or more than {MAX_WILD_PARTS} folders behind its first wildcard. Name the folder."
        )
    return next(filter(None, (_found(said, place, rest, folders) for place in begins)), [])


def _found(said: str, begin: Path, rest: Sequence[str], folders: tuple[Path, ...]) -> list[str]:
    found = set()
    for path in _Search(said).below(str(begin), rest):
        real = _resolved(Path(path))
        if is_inside(real, folders) and real.is_file():
            found.add(path)
    return sorted(found)


@dataclass
class _Search:
    """`said`: the pattern, for people."""

    said: str
    seen: int = 0

    def below(self, folder: str, parts: Sequence[str]) -> Iterator[str]:
        """What the parts of a pattern name in a folder."""
        while parts and not has_magic(parts[0]):
            folder, parts = os.path.join(folder, parts[0]), parts[1:]
        if not parts:
            yield folder
            return
        first, *rest = parts
        if first == ANY_FOLDERS:
            yield from self._anywhere(folder, rest)
            return
        matches = re.compile(translate(os.path.normcase(first))).match
        for entry in self._entries(folder, hidden=first.startswith(".")):
            if matches(os.path.normcase(entry.name)) and (not rest or _is_folder(entry)):
                yield from self.below(entry.path, rest)

    def _anywhere(self, folder: str, parts: Sequence[str]) -> Iterator[str]:
        """In it, and in each folder below it."""
        folders = [folder]
        while folders:
            here = folders.pop()
            yield from self.below(here, parts or ("*",))
            folders += [
                entry.path
                for entry in self._entries(here, hidden=False)
                if _is_folder(entry) and not entry.is_symlink()
            ]

    def _entries(self, folder: str, *, hidden: bool) -> Iterator[os.DirEntry[str]]:
        """Each is counted: what links make of a few folders has no end."""
        try:
            entries = os.scandir(folder)
        except (OSError, ValueError):  # it is none, or may not be looked at
            return
        with entries:
            for entry in entries:
                self.seen += 1
                if self.seen > MAX_SEEN:
                    raise InvalidRequest(
                        f"For {self.said} more than {MAX_SEEN:,} files are looked at. Make it narrower."
                    )
                if hidden or not entry.name.startswith("."):
                    yield entry


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _resolved(path: Path) -> Path:
    """Nowhere that is allowed, where it leads nowhere."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return Path("/dev/null")
