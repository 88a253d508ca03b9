"""The entry: the standard library only, until a command is known."""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import anyio
import pytest
from bailian_mcp.server.app.version import installed_version, own_version

pytestmark = pytest.mark.anyio
VERSION = """
import sys
from bailian_mcp.server.__main__ import main

try:
    main(["--version"])
except SystemExit:
    foreign = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
    print(sorted(name for name in foreign if not name.startswith(("_", "bailian_mcp"))))
"""


async def test_the_version_is_told_without_loading_anything() -> None:
    # -S: what an environment's own start-up files load is not ours; the package is found through the path alone
    path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    told = await anyio.run_process([sys.executable, "-S", "-c", path + VERSION])

    said, foreign = told.stdout.decode().splitlines()
    assert said == f"bailian-mcp {version('bailian-mcp')}"
    assert foreign == "[]"


@pytest.mark.parametrize("package", ["bailian-mcp", "mcp", "mcp-types", "pydantic-settings", "Pillow", "no-such"])
def test_versions_are_those_that_python_tells(package: str) -> None:
    try:
        known = version(package)
    except PackageNotFoundError:
        known = ""

    assert installed_version(package) == known
    assert own_version() == version("bailian-mcp")


@pytest.mark.parametrize(
    "files",
    [
        {"mcp-1.0.dist-info/METADATA": "1.0"},
        {"mcp.egg-info/PKG-INFO": "1.1"},
        {"mcp-1.2-py3.11.egg-info/PKG-INFO": "1.2"},
        {"mcp-1.3.dist-info/METADATA": "1.3", "mcp-1.4.dist-info/METADATA": "1.4"},
        {"mcp_types-1.0.dist-info/METADATA": "1.0"},
    ],
    ids=lambda files: next(iter(files)),
)
def test_what_stands_first_on_the_path_counts_however_it_was_left_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    for name, number in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"Metadata-Version: 2.1\nName: mcp\nVersion: {number}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "not there"), str(tmp_path), *sys.path])

    assert installed_version("mcp") == version("mcp")
