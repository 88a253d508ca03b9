"""Which version this is; the standard library only, so that `--version` is at once."""

from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    try:
        return version("bailian-mcp")
    except PackageNotFoundError:  # run from a bare clone
        return "0"
