"""Build the wheel from a clean copy, install it into an empty environment, and speak to it over stdio.

Run by `make wheel`: what users get is tested, not the checkout. Standard library only, so that nothing leaks in.
"""

import json
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
META = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "wheel-check", "version": "1"},
}


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        wheel = _built(Path(place))
        _only_our_names(wheel)
        script = _installed(wheel, Path(place) / "empty")
        _speaks(script, cwd=place)
    sys.stdout.write("wheel: built, installed into an empty environment, answered over stdio\n")


def _built(place: Path) -> Path:
    """A wheel made from the committed and uncommitted files git knows, so that no stale build folder joins in."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (place / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
            (place / "copy" / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "build", "--wheel", "-o", place / "dist", place / "copy"]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    return next((place / "dist").glob("*.whl"))


def _only_our_names(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.partition("/")[0] for name in names}
    assert all(top == "bailian_mcp" or top.endswith(".dist-info") for top in tops), tops
    folders = [ROOT / room for room in ("server", "tools")]
    ours = {path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    wanted = {"catalog.json", "py.typed", *(str(path.relative_to(ROOT)) for path in ours)}  # code, and what it reads
    missing = {f"bailian_mcp/{name}" for name in wanted} - names
    assert not missing, missing


def _installed(wheel: Path, empty: Path) -> Path:
    venv.create(empty, with_pip=True)
    scripts = empty / ("Scripts" if sys.platform == "win32" else "bin")
    subprocess.run([scripts / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel], check=True)
    return scripts / "bailian-mcp"


def _speaks(script: Path, cwd: str) -> None:
    with subprocess.Popen(
        [script, "--sandbox"], cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as server:
        assert server.stdin
        assert server.stdout

        def ask(id: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
            request = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
            server.stdin.write(json.dumps(request) + "\n")
            server.stdin.flush()
            reply = json.loads(server.stdout.readline())
            assert reply["id"] == id, reply
            assert "result" in reply, reply
            return reply["result"]

        started = ask(1, "initialize", META)
        assert started["serverInfo"]["name"] == "bailian", started
        server.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        tools = [tool["name"] for tool in ask(2, "tools/list", {})["tools"]]
        assert "chat" in tools, tools
        answer = ask(3, "tools/call", {"name": "chat", "arguments": {"prompt": "你好"}})
        assert not answer.get("isError"), answer
        assert " CNY | " in answer["content"][0]["text"], answer
        refusal = ask(4, "tools/call", {"name": "chat", "arguments": {"system": "你好"}})
        assert "缺少必填参数 prompt" in refusal["content"][0]["text"], refusal
        server.stdin.close()
        assert server.wait(timeout=10) == 0


if __name__ == "__main__":
    main()
