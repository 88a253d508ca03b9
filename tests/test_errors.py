"""What refuses a call before anything was sent says so itself, once, and in one place."""

import ast
from pathlib import Path

import pytest
from bailian_mcp.server.errors import NOTHING_SENT, InvalidRequest

ROOT = Path(__file__).parent.parent
SOURCES = [*(ROOT / "server").rglob("*.py"), *(ROOT / "tools").rglob("*.py")]


def test_a_refusal_says_that_nothing_was_sent() -> None:
    refusal = InvalidRequest("The page is torn. Mend it.")

    assert (str(refusal), refusal.reason) == (
        "The page is torn. Mend it. Nothing was sent.",
        "The page is torn. Mend it.",
    )


@pytest.mark.parametrize("file", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_refuses_with_the_bare_error_of_the_sdk(file: Path) -> None:
    """In `app` the SDK's own errors are reworded; everywhere else it is InvalidRequest or DashScopeError."""
    called = [node.func.id for node in ast.walk(ast.parse(file.read_text("utf-8")))
              if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]  # fmt: skip

    assert "ToolError" not in called or file.stem in ("app", "server")


@pytest.mark.parametrize("file", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_sentence_is_typed_once(file: Path) -> None:
    """What DashScope's own errors say of a request that never left is theirs: they are no refusals."""
    typed = file.read_text("utf-8").count(NOTHING_SENT)

    assert typed == 0 or file.stem in ("errors", "client", "connection", "stream")
