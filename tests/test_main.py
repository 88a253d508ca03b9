"""The entry: the standard library only, until a command is known."""

import sys

import anyio
import pytest

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

    version, foreign = told.stdout.decode().splitlines()
    assert version.startswith("bailian-mcp ")
    assert foreign == "[]"
