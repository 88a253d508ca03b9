"""Each host in a folder of its own under .hosts/, once: its newest version. Remove the folder to renew it."""

import importlib.metadata
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from processes import Failed, run_to_end
from table import Host

CACHE = Path(__file__).parents[2] / ".hosts"
NODE = "node@22"  # several hosts need a newer one than distributions have
PATH = os.pathsep.join([str(CACHE / "node" / "node_modules" / ".bin"), os.environ["PATH"]])
TIMEOUT_S = 600


def installed(host: Host) -> Path:
    if host.npm:
        _once(CACHE / "node", npm=(NODE,))
    return _once(CACHE / host.folder, host.npm, host.pip)


def version(host: Host, folder: Path) -> str:
    if host.npm:
        return str(json.loads((folder / "node_modules" / host.npm[0] / "package.json").read_text("utf-8"))["version"])
    name = host.pip[0].partition("[")[0]
    paths = [str(path) for path in folder.glob("lib/python*/site-packages")]
    return next((found.version for found in importlib.metadata.distributions(name=name, path=paths)), "?")


def _once(folder: Path, npm: Sequence[str] = (), pip: Sequence[str] = ()) -> Path:
    done = folder / ".installed"
    if not done.exists():
        print(f"installing {folder.name}", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        if npm:
            _npm(folder, npm)
        if pip:
            _run([sys.executable, "-m", "venv", "."], folder)
            _run(["bin/pip", "install", "--quiet", "--disable-pip-version-check", *pip], folder)
        done.touch()
    return folder


def _npm(folder: Path, packages: Sequence[str]) -> None:
    if not shutil.which("npm"):
        raise Failed("npm is not there")
    named = [package if "@" in package[1:] else f"{package}@latest" for package in packages]
    _run(
        ["npm", "install", "--prefix", ".", "--no-audit", "--no-fund", "--loglevel=error", "--logs-max=0", *named],
        folder,
    )


def _run(command: Sequence[str], folder: Path) -> None:
    run_to_end(command, folder, os.environ | {"PATH": PATH}, TIMEOUT_S)
