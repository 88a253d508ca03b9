"""Who may import what: the table of the architecture, held. A room is a file or a folder of `server/`, or `tools/`."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STDLIB = __import__("sys").stdlib_module_names
# room -> what it may import beside the standard library; a dot marks what is ours
MAY = {
    "catalog": {".wording", "pydantic"},
    "hosts": set(),
    "wording": set(),
    "settings": {".hosts", ".wording", "pydantic", "pydantic_settings"},
    "dashscope": {".hosts", "httpx2", "anyio", "stamina", "pydantic", "mcp.server.mcpserver.exceptions"},
    "files": {".errors", ".wording", "anyio", "PIL", "pypdfium2", "mcp.server.mcpserver.exceptions"},
    "errors": {"mcp.server.mcpserver.exceptions"},
    "ask": {".catalog", ".dashscope", ".thinking"},
    "pacing": {"aiolimiter", "anyio"},
    "thinking": {".errors", ".catalog", "mcp.server.mcpserver.exceptions"},
    "searching": {".errors", ".ask", ".bailian", ".catalog", ".dashscope", "mcp.server.mcpserver.exceptions"},
    "recognition": {".errors", ".ask", ".bailian", ".catalog", ".dashscope", "mcp.server.mcpserver.exceptions"},
    "attachments": {".bailian", ".errors", ".catalog", ".files", "anyio", "mcp.server.mcpserver.exceptions"},
    "ocr": {
        ".errors",
        ".ask",
        ".attachments",
        ".bailian",
        ".catalog",
        ".dashscope",
        ".files",
        ".reading",
        ".recognition",
        "anyio",
        "mcp.server.mcpserver.exceptions",
        "pydantic",
    },
    "citations": {".catalog", ".dashscope", ".hosts"},
    "schemas": {".errors", ".catalog", "jsonschema_rs", "mcp.server.mcpserver.exceptions"},
    "reading": set(),
    "evidence": {".catalog", ".schemas"},
    "parts": {".catalog"},
    "extraction": {
        ".ask",
        ".bailian",
        ".catalog",
        ".parts",
        ".reading",
        ".schemas",
    },
    "progress": {"anyio"},
    "signals": {"anyio"},
    "listening": set(),
    "stdio": {".signals", "anyio", "mcp.server.stdio"},
    "answer": {".ask", ".catalog", "pydantic", "mcp.types"},
    "bailian": {
        ".errors",
        ".answer",
        ".ask",
        ".attachments",
        ".dashscope",
        ".catalog",
        ".files",
        ".heard",
        ".hosts",
        ".pacing",
        ".progress",
        ".thinking",
        "mcp",
        "pydantic",
    },
    "sandbox": {".catalog", ".hosts", ".listening", "anyio", "starlette", "uvicorn"},
    "heard": {".catalog", ".dashscope", ".progress"},
    "resources": {".bailian", ".catalog", ".wording", "mcp.server", "mcp.server.mcpserver.exceptions"},
    "app": {".errors", ".answer", ".bailian", ".resources", ".stdio", ".wording", ".tools", "pydantic", "mcp"},
    "web": {".app", ".listening", ".signals", "anyio", "starlette", "uvicorn", "mcp.server.transport_security"},
    "demo": {".app", "anyio", "mcp"},
    "tools": {
        ".attachments",
        ".errors",
        ".answer",
        ".ask",
        ".bailian",
        ".catalog",
        ".citations",
        ".evidence",
        ".extraction",
        ".files",
        ".hosts",
        ".ocr",
        ".parts",
        ".recognition",
        ".schemas",
        ".searching",
        ".thinking",
        ".wording",
        "anyio",
        "mcp.server.mcpserver.exceptions",
        "mcp.types",
        "pydantic",
    },
}
OPEN = {"__init__", "__main__"}  # the front door may import everything; nobody imports it
ENVIRONMENT = {"environ", "getenv"}


def room_of(file: Path) -> str:
    parts = file.relative_to(ROOT).parts
    return "tools" if parts[0] == "tools" else parts[1].removesuffix(".py")


def files() -> list[Path]:
    return sorted(
        p for p in [*(ROOT / "server").rglob("*.py"), *(ROOT / "tools").rglob("*.py")] if room_of(p) not in OPEN
    )


def imports(file: Path) -> set[str]:
    """What a file imports, ours as `.room`; its own room left out."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
        elif isinstance(node, ast.ImportFrom):
            path = (node.module or "").removeprefix("server.")
            inside = file.parent.name == room_of(file) and node.level == 1 and file.parent.name != "tools"
            found |= set() if inside else {f".{p.partition('.')[0]}" for p in ([path] if path else _names(node))}
    return found - {f".{room_of(file)}"}


def _names(node: ast.ImportFrom) -> list[str]:
    return [alias.name for alias in node.names]


@pytest.mark.parametrize("file", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_what_it_may(file: Path) -> None:
    may = MAY[room_of(file)]
    foreign = {
        name
        for name in imports(file)
        if name.partition(".")[0] not in STDLIB and not any(name == ok or name.startswith(f"{ok}.") for ok in may)
    }

    assert foreign == set()


@pytest.mark.parametrize("file", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_only_settings_reads_the_environment(file: Path) -> None:
    names = {node.attr for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Attribute)}

    assert room_of(file) == "settings" or not names & ENVIRONMENT


def test_every_package_folder_is_shipped() -> None:
    import tomllib

    shipped = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    folders = {p.parent.relative_to(ROOT) for room in ("server", "tools") for p in (ROOT / room).rglob("__init__.py")}

    assert set(shipped) == {"bailian_mcp"} | {f"bailian_mcp.{'.'.join(folder.parts)}" for folder in folders}
