"""What refuses a call before anything was sent says so itself, once, and in one place."""

import ast
import copy
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bailian_mcp.server.calls.ask import Exchange, RequestFailed
from bailian_mcp.server.catalog import Catalog, Model, Usage, shipped, unpriced
from bailian_mcp.server.catalog.file import BadCatalog
from bailian_mcp.server.dashscope import DashScopeError, SearchResult
from bailian_mcp.server.errors import NOTHING_SENT, InvalidRequest
from bailian_mcp.server.sandbox.requests import ApiRefusal
from bailian_mcp.server.settings import OUTPUT_FOLDER, settings_table
from conftest import FakeDashScope, Hosted, stream
from sources import FILES, tree_of


def test_a_refusal_says_that_nothing_was_sent() -> None:
    refusal = InvalidRequest("The page is torn. Mend it.")

    assert (str(refusal), refusal.reason) == (
        "The page is torn. Mend it. Nothing was sent.",
        "The page is torn. Mend it.",
    )


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    """All that is written in the sources."""
    return ((file, node) for file in FILES for node in ast.walk(tree_of(file)))


def test_nobody_refuses_with_the_bare_error_of_the_sdk() -> None:
    """In `app` the SDK's own errors are reworded; everywhere else it is InvalidRequest or DashScopeError."""
    called = {
        file
        for file, node in nodes()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ToolError"
    }

    assert [file for file in called if file.stem not in ("app", "server")] == []


def test_the_sentence_is_typed_once() -> None:
    """What DashScope's own errors say of a request that never left is theirs: they are no refusals."""
    typed = [file for file in FILES if NOTHING_SENT in file.read_text("utf-8")]

    assert [file for file in typed if file.stem not in ("errors", "client", "connection", "stream")] == []


REFUSED = DashScopeError(
    "It rains.", hint="Wait.", kind="account", code="Rain", status=429, retry=True, details=("x", "request r")
)
EXCHANGE = Exchange(
    "m", "西湖", "", "stop", "", "", "off", Usage(input_tokens=1, output_tokens=2), unpriced("x"), "r", sandbox=False,
    search_results=(SearchResult(1, "湖", "https://a.cn", "a"),),
)  # fmt: skip
MADE = (
    REFUSED, RequestFailed(REFUSED, EXCHANGE), InvalidRequest("The page is torn."), BadCatalog("a.json", "one", "two"),
    ApiRefusal(429, "Throttling", "Too many."),
)  # fmt: skip


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_an_error_that_is_copied_says_and_knows_the_same(error: Exception, again: Callable[[Any], Any]) -> None:
    copied = again(error)

    assert (type(copied), str(copied), repr(copied.__dict__)) == (type(error), str(error), repr(error.__dict__))


def test_every_error_that_is_made_of_more_than_its_text_is_among_them() -> None:
    bases = {node: {ast.unparse(base) for base in node.bases} for _, node in nodes() if isinstance(node, ast.ClassDef)}
    errors, known = {"Exception", "ValueError", "ToolError"}, 0
    while len(errors) > known:
        known = len(errors)
        errors |= {each.name for each, of in bases.items() if errors & of}
    own = {
        each.name
        for each in bases
        if each.name in errors and any(isinstance(n, ast.FunctionDef) and n.name == "__init__" for n in each.body)
    }

    assert own == {type(error).__name__ for error in MADE}


def messages(file: Path) -> list[str]:
    """The texts of a file that are shown to somebody: its strings, but for docstrings."""
    tree = tree_of(file)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip
    strings = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [str(node.value) for node in strings if id(node) not in docstrings]


@pytest.mark.anyio
async def test_what_stands_in_back_ticks_in_a_message_is_there(hosted: Hosted) -> None:
    """A tool, a parameter, a setting, a field of the catalog, a model, or a command."""
    async with hosted(FakeDashScope([stream()])) as host:
        tools = (await host.list_tools()).tools
    known = {tool.name for tool in tools} | {name for tool in tools for name in tool.input_schema["properties"]}
    known |= {name for name, _ in settings_table()} | {*Model.model_fields, *Catalog.model_fields}
    known |= {name for model in shipped().models for name in model.names}
    known |= {f"bailian-mcp {words}" for words in ("catalog format", "catalog check", "files")}
    known |= {"all", OUTPUT_FOLDER}
    words = re.compile(r"`([A-Za-z][\w.-]*(?: [\w.-]+)*)`")
    named = {(word, file.stem) for file in FILES for text in messages(file) for word in words.findall(text)}

    assert len(named) >= 10
    assert {(word, file) for word, file in named if word not in known} == set()
