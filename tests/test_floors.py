"""The architecture, held: a room imports from floors below its own, and from itself; nothing else.

A room is a file or a folder of `server/`, or `tools/`; an arrow is a pair of rooms of which one imports the other.
"""

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import quantiles

import pytest
from sources import FILES, ROOT, tree_of

FLOORS = (
    {"errors", "text", "network"},
    {"json_text"},
    {"endpoints", "catalog", "files"},
    {"settings", "dashscope", "sandbox", "spending"},
    {"calls"}, {"features"}, {"tools"}, {"app"}, {"commands"}, {"__main__"},
)  # fmt: skip
ONLY = {  # what only these may import, or read
    "httpx2": {"dashscope"}, "httptools": {"dashscope"}, "stamina": {"dashscope"}, "os.environ": {"settings", "__main__"}, "os.getenv": {"settings"},
    "PIL": {"files/rendering", "files/reading"}, "rapidocr": {"files/reading"}, "numpy": {"files/reading"}, "pypdfium2": {"files/rendering"}, "uvicorn": {"app/transports", "sandbox"},
    "starlette": {"app/transports", "sandbox"}, "mcp.server.mcpserver.Context": {"calls", "app"},
    "jsonschema_rs": {"features/extract"}, "sqlite3": {"spending"}, "psycopg": {"spending"},
}  # fmt: skip
COMMON_FEATURE = "attachments"  # what the others may use; none of them imports another
MAX_ROOMS, MAX_ARROWS = (
    17,
    61,
)  # of which two lead to the ground: tables show texts of others; one shows what a feature draws
P90_LINES, MAX_LINES = 20, 80
NAMES = {file: file.relative_to(ROOT).with_suffix("").as_posix().removeprefix("server/") for file in FILES}
FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}


def room(name: str) -> str:
    return name.partition("/")[0]


@cache
def imports(file: Path) -> list[str]:
    """What a file imports: modules of ours by their path (`calls/ask`), what is not ours by its full name."""
    return list(_imports(file))


def _imports(file: Path) -> Iterator[str]:
    here = file.relative_to(ROOT).parent.parts
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*here[: len(here) - node.level + 1], *(node.module or "").split(".")]
            path = "/".join(part for part in base if part).removeprefix("server").strip("/")
            yield from ([path] if path else [alias.name for alias in node.names])


def arrows() -> set[tuple[str, str]]:
    pairs = {(room(NAMES[file]), room(name)) for file in FILES for name in imports(file) if room(name) in FLOOR_OF}
    return {(one, other) for one, other in pairs if one != other and one != "__init__"}


def test_every_room_has_its_floor() -> None:
    assert {room(name) for name in NAMES.values()} - {"__init__"} == set(FLOOR_OF)
    assert len(FLOOR_OF) <= MAX_ROOMS


def test_no_arrow_leads_up_or_along_a_floor() -> None:
    assert {(one, other) for one, other in arrows() if FLOOR_OF[one] <= FLOOR_OF[other]} == set()
    assert len(arrows()) <= MAX_ARROWS


def test_no_feature_imports_another() -> None:
    for file in FILES:
        own = "/".join(NAMES[file].split("/")[:2])
        used = {"/".join(name.split("/")[:2]) for name in imports(file) if name.startswith("features/")}
        assert room(own) != "features" or used <= {own, f"features/{COMMON_FEATURE}"}, NAMES[file]


@pytest.mark.parametrize("what", ONLY)
def test_only_its_room_touches(what: str) -> None:
    touching = {
        NAMES[file]
        for file in FILES
        for name in (*imports(file), *attributes(file))
        if f"{name}.".startswith(f"{what}.")
    }

    assert {name for name in touching if not any(f"{name}/".startswith(f"{ok}/") for ok in ONLY[what])} == set()


@cache
def attributes(file: Path) -> list[str]:
    """`os.environ` and the like, as they are read."""
    return [ast.unparse(node) for node in ast.walk(tree_of(file)) if isinstance(node, ast.Attribute)]


def test_functions_are_short() -> None:
    lengths = [
        (node.end_lineno or 0) - node.lineno + 1
        for tree in map(tree_of, FILES)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert quantiles(lengths, n=10)[-1] <= P90_LINES
    assert max(lengths) <= MAX_LINES


# One name, one meaning: what is public at the top of a module is so in one only, but for what a contract asks for.
TWICE = {
    "serve": "how a transport, or the sandbox, is run",
    "ANNOTATIONS": "the contract of tool files", "EXAMPLE": "the contract of tool files",
    "main": "the entry of each command, and of the render process, which imports nothing of ours",
}  # fmt: skip


def test_no_public_name_has_two_meanings() -> None:
    counts = Counter(name for file in FILES for name in set(public_names(tree_of(file))))

    assert {name for name, count in counts.items() if count > 1} - set(TWICE) == set()


def public_names(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            named = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
        else:
            named = []
        yield from (name for name in named if not name.startswith("_"))


def test_every_package_folder_is_shipped() -> None:
    shipped = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    folders = {p.parent.relative_to(ROOT) for room in ("server", "tools") for p in (ROOT / room).rglob("__init__.py")}

    assert set(shipped) == {"bailian_mcp"} | {f"bailian_mcp.{'.'.join(folder.parts)}" for folder in folders}
