"""Our own code as stories look at it: each file is taken apart once."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = sorted([*(ROOT / "server").rglob("*.py"), *(ROOT / "tools").rglob("*.py")])


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))
