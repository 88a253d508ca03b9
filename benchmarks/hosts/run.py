"""`make hosts`: what the model of each real host sees of a result. Needs npm and PyPI; the model is scripted, on loopback.

Each host is installed into .hosts/ once (its newest version; remove its folder to renew it) and run twice in a home of its
own, over stdio: every tool's example and one bad argument against the sandbox, then one long answer.
`make hosts ARGS="codex cline"` runs some of them; `ARGS=--keep` keeps what was said under .hosts/said/.
"""

import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from arrival import Arrival, arrival
from recording import Answered, answers, protocol, recorded
from scripted_model import LONG_ANSWER, LONG_MODEL, ScriptedModel, ToolCall
from table import HOSTS, KEY, Host, Place

from bailian_mcp.server.app.server import tool_modules

CACHE = Path(__file__).parents[2] / ".hosts"
SAID = CACHE / "said"
NODE = "node@22"  # several hosts need a newer one than distributions have
BAILIAN = str(Path(sys.executable).with_name("bailian-mcp"))
INSTALL_TIMEOUT_S, RUN_TIMEOUT_S = 600, 120
PATH = os.pathsep.join([str(CACHE / "node" / "node_modules" / ".bin"), os.environ["PATH"]])
REASON_CHARS = 160

BAD = "bad argument"
EXAMPLES = {module.__name__.rpartition(".")[2]: module.EXAMPLE for module in tool_modules()}
CALLS = {name: ToolCall(name, example) for name, example in EXAMPLES.items()} | {BAD: ToolCall("chat", {"question": "?"})}
LONG_CALLS = {"long answer": ToolCall("chat", {"prompt": "long"})}


class Failed(Exception):
    """A host could not be installed or run; the words say why."""


@dataclass
class Seen:
    """One run: the protocol spoken, what the server gave, what the model saw, by the name of the call."""

    protocol: str
    given: dict[str, str] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    ended: str = ""


# --- installing ---


def install(host: Host) -> Path:
    folder = CACHE / host.folder
    done = folder / ".installed"
    if not done.exists():
        print(f"installing {host.name} ...", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        if host.npm:
            npm_install(folder, host.npm)
        if host.pip:
            ended([sys.executable, "-m", "venv", str(folder)], folder, os.environ | {"PATH": PATH}, INSTALL_TIMEOUT_S)
            pip = [str(folder / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", *host.pip]
            ended(pip, folder, os.environ | {"PATH": PATH}, INSTALL_TIMEOUT_S)
        done.touch()
    return folder


def npm_install(folder: Path, packages: Sequence[str]) -> None:
    if not shutil.which("npm"):
        raise Failed("npm is not installed")
    named = [package if "@" in package[1:] else f"{package}@latest" for package in packages]
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    ended(["npm", "install", "--prefix", ".", *quiet, *named], folder, os.environ | {"PATH": PATH}, INSTALL_TIMEOUT_S)


def version(host: Host, folder: Path) -> str:
    if host.npm:
        return str(json.loads((folder / "node_modules" / host.npm[0] / "package.json").read_text())["version"])
    name = host.pip[0].partition("[")[0]
    paths = [str(path) for path in folder.glob("lib/python*/site-packages")]
    return next((found.version for found in importlib.metadata.distributions(name=name, path=paths)), "?")


# --- running ---


def run(host: Host, installed: Path, calls: dict[str, ToolCall], long: bool) -> Seen:
    with tempfile.TemporaryDirectory(prefix="hosts-", ignore_cleanup_errors=True) as temporary:
        root = Path(temporary)
        for name in ("home", "project", "said"):
            (root / name).mkdir()
        with ScriptedModel(list(calls.values())) as model:
            upstream = {
                "DASHSCOPE_BASE_URL": f"{model.url}/v1",
                "DASHSCOPE_API_KEY": "sk-scripted-000000",
                "BAILIAN_CHAT_MODEL": LONG_MODEL,
            }
            command = [BAILIAN] if long else [BAILIAN, "--sandbox"]
            server = recorded(command, upstream if long else {}, root / "said")
            place = Place(installed, root / "home", root / "project", server, model.url)
            ended_with = launched(host, place)
        seen = Seen(protocol(root / "said"), ended=ended_with)
        pair(seen, calls, answers(root / "said"), model.seen)
        if "--keep" in sys.argv:
            keep(host, long, root / "said", model, ended_with)
        return seen


def launched(host: Host, place: Place) -> str:
    launch = host.launch(place)
    for name, text in launch.files.items():
        (place.home / name).parent.mkdir(parents=True, exist_ok=True)
        (place.home / name).write_text(text, "utf-8")
    env = {"PATH": PATH, "HOME": str(place.home), "LANG": "C.UTF-8", "OPENAI_API_KEY": KEY, "NO_COLOR": "1", **launch.env}
    try:
        return ended(launch.command, place.project, env, RUN_TIMEOUT_S)
    except Failed as failure:
        return str(failure)
    finally:
        end_what_is_left(place.home)


def ended(command: list[str], folder: Path, env: dict[str, str], timeout_s: float) -> str:
    """Run a program to its end, or end it and all its group; what it printed."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        end_group(process.pid)
        raise Failed(f"did not end within {timeout_s:.0f} s: {last_words(process.communicate()[0])}") from None
    end_group(process.pid)
    if process.returncode:
        raise Failed(f"ended with {process.returncode}: {last_words(printed)}")
    return printed


def end_group(leader: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(leader, number)
        except ProcessLookupError:
            return
        time.sleep(0.3)


def end_what_is_left(home: Path) -> None:
    """Daemons that left the group carry our home in their environment (Linux tells it)."""
    mark = f"HOME={home}".encode()
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in _environment(path)]
        for pid in left:
            os.kill(pid, number)
        if left:
            time.sleep(1)


def _environment(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")
    except OSError:
        return []


def last_words(printed: str | None) -> str:
    lines = [line.strip() for line in (printed or "").splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-REASON_CHARS:] or "it said nothing"


# --- what was seen ---


def pair(seen: Seen, calls: dict[str, ToolCall], given: list[Answered], shown: dict[int, str]) -> None:
    """To each call what the server gave for it and what came back to the model."""
    left = list(given)
    for number, (name, call) in enumerate(calls.items()):
        same = [one for one in left if (one.tool, one.arguments) == (call.tool, call.arguments)]
        same = same or [one for one in left if one.tool == call.tool and name != BAD]
        if same:
            left.remove(same[0])
            seen.given[name] = same[0].text
        if number in shown:
            seen.seen[name] = shown[number]


def keep(host: Host, long: bool, said: Path, model: ScriptedModel, printed: str) -> None:
    target = SAID / f"{host.folder}{'-long' if long else ''}"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(said, target)
    (target / "printed.txt").write_text(printed, "utf-8")
    offered = sorted(f"{tool.namespace} {tool.name}" for tool in model.offered)
    told = {"requests": model.requests, "offered": offered, "seen": model.seen}
    (target / "seen.json").write_text(json.dumps(told, ensure_ascii=False, indent=1), "utf-8")


def tokens(text: str) -> str:
    return f"{len(text) / 4:,.0f}"


def cut(seen: Seen) -> list[str]:
    found = []
    for name, text in seen.seen.items():
        if name not in seen.given:
            found.append(f"{name}: the host's own words")
        elif not (came := arrival(seen.given[name], text)).whole:
            found.append(f"{name}: {came}")
    missing = [name for name in CALLS if name not in seen.seen]
    return found + ([f"never came: {', '.join(missing)} ({last_words(seen.ended)})"] if missing else [])


def long_cell(seen: Seen) -> str:
    if not seen.seen:
        return f"never came: {last_words(seen.ended)}"
    shown = "".join(seen.seen.values())
    given = "".join(seen.given.values())
    answer: Arrival = arrival(LONG_ANSWER, shown)
    rest = given.replace(LONG_ANSWER, "").strip()
    after = "" if arrival(rest, shown).whole else "; not all that stands beside it"
    return f"{answer} in {len(shown):,}{after}" if given else "the host's own words"


def row(host: Host) -> tuple[list[str], Seen | None]:
    try:
        folder = install(host)
    except Failed as failure:
        return [host.name, "-", f"not installed: {failure}"], None
    told = [host.name, version(host, folder)]
    seen = run(host, folder, CALLS, long=False)
    if not seen.protocol:
        return [*told, f"no: {last_words(seen.ended)}"], None
    counts = [tokens(seen.seen[name]) if name in seen.seen else "-" for name in CALLS]
    long = run(host, folder, LONG_CALLS, long=True)
    return [*told, f"yes, {seen.protocol}", *counts, "; ".join(cut(seen)) or "yes", long_cell(long)], seen


def main() -> None:
    wanted = [name.lower() for name in sys.argv[1:] if not name.startswith("-")]
    hosts = [host for host in HOSTS if not wanted or any(name in host.folder for name in wanted)]
    (CACHE / "node").mkdir(parents=True, exist_ok=True)
    if not (CACHE / "node" / "node_modules").exists():
        npm_install(CACHE / "node", [NODE])
    head = ["host", "version", "connected", *CALLS, "whole?", f"answer of {len(LONG_ANSWER):,} characters"]
    given: dict[str, str] = {}
    rows = []
    for host in hosts:
        print(f"running {host.name} ...", file=sys.stderr)
        cells, seen = row(host)
        rows.append(cells + [""] * (len(head) - len(cells)))
        given |= seen.given if seen else {}
    rows.insert(0, ["(the text itself)", "", "", *(tokens(given[name]) if name in given else "-" for name in CALLS), "", ""])
    print("Tokens (characters / 4) that the model saw of each result.\n")
    for cells in [head, ["---"] * len(head), *rows]:
        print("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")


if __name__ == "__main__":
    main()
