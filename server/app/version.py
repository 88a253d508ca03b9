"""Which versions are installed; the standard library only, so that `--version` is at once."""

import os
import sys
from functools import cache


@cache
def own_version() -> str:
    return installed_version("bailian-mcp") or "0"  # run from a bare clone


def installed_version(package: str) -> str:
    """By the name of its folder of metadata: `importlib.metadata` takes as long to load as all else that a start needs.

    Empty where it is not installed. What is not as installers leave it is looked up there all the same.
    """
    name = package.lower().replace("-", "_")
    for folder in sys.path:
        try:
            found = [entry for entry in os.listdir(folder or ".") if _is_of(entry, name)]
        except OSError:
            if os.path.exists(folder):
                return _looked_up(package)  # an archive
            continue
        if found:
            version, _, kind = found[0].removeprefix(f"{name}-").rpartition(".")
            return version if len(found) == 1 and kind == "dist-info" else _looked_up(package)
    return _looked_up(package)


def _is_of(entry: str, name: str) -> bool:
    """Whether this is the metadata of that package, in any spelling."""
    stem, _, kind = entry.rpartition(".")
    return kind in {"dist-info", "egg-info"} and stem.partition("-")[0].lower().replace(".", "_") == name


def _looked_up(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""
