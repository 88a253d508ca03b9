"""`make hosts`: what the model of each real host sees of a result.

Hosts come from npm and PyPI; all else stays on loopback: the model is scripted. Each host runs twice in a home of its
own, over stdio: each tool's example and a bad argument against the sandbox, then a long answer of a scripted upstream.
`make hosts ARGS="codex cline"` runs some of them; with `--keep` what was said stays under .hosts/said/.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from arrival import arrival
from bailian_mcp.server.app.tool_files import tool_modules
from installing import CACHE, PATH, installed, version
from processes import Failed, end_what_is_left, last_words, run_to_end
from recording import Answered, answers, protocol, recorded, started, why_unconnected
from scripted_model import LONG_ANSWER, LONG_MODEL, ScriptedModel, ToolCall
from table import HOSTS, KEY, Host, Place

BAILIAN = str(Path(sys.executable).with_name("bailian-mcp"))
RUN_TIMEOUT_S = 120
TRIES = 3  # to connect: some hosts give a server little time to start

BAD = "bad argument"
EXAMPLES = {
    module.__name__.rpartition(".")[2]: module.EXAMPLE for module in tool_modules(())
}  # the core: what hosts list by default
CALLS = {name: ToolCall(name, example) for name, example in EXAMPLES.items()} | {
    BAD: ToolCall("chat", {"question": "?"})
}
LONG_CALLS = {"long answer": ToolCall("chat", {"prompt": "Write much."})}
HEAD = ("host", "version", "connected", *CALLS, "whole?", f"an answer of {len(LONG_ANSWER):,} characters")


@dataclass(frozen=True)
class Outcome:
    """One run. By the name of the call: the text that the server gave, and what the model saw."""

    protocol: str
    started: bool
    why_unconnected: str
    given: Mapping[str, str]
    seen: Mapping[str, str]
    printed: str


def run(host: Host, folder: Path, long: bool, keep: bool) -> Outcome:
    calls = LONG_CALLS if long else CALLS
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
            printed = launched(host, Place(folder, root / "home", root / "project", server, model.url))
        if keep:
            kept(CACHE / "said" / f"{host.folder}{'-long' if long else ''}", root / "said", model, printed)
        said = root / "said"
        seen = {name: model.seen[number] for number, name in enumerate(calls) if number in model.seen}
        return Outcome(protocol(said), started(said), why_unconnected(said), given(calls, answers(said)), seen, printed)


def launched(host: Host, place: Place) -> str:
    launch = host.launch(place)
    for name, text in launch.files.items():
        (place.home / name).parent.mkdir(parents=True, exist_ok=True)
        (place.home / name).write_text(text, "utf-8")
    env = {
        "PATH": PATH,
        "HOME": str(place.home),
        "LANG": "C.UTF-8",
        "OPENAI_API_KEY": KEY,
        "NO_COLOR": "1",
        **launch.env,
    }
    try:
        return run_to_end(launch.command, place.project, env, RUN_TIMEOUT_S)
    except Failed as failure:
        return str(failure)
    finally:
        end_what_is_left(place.home)


def given(calls: Mapping[str, ToolCall], answered: list[Answered]) -> dict[str, str]:
    """To each call the text that the server gave; none where the host never passed it on."""
    found, left = {}, list(answered)
    for name, call in calls.items():
        same = [one for one in left if (one.tool, one.arguments) == (call.tool, call.arguments)]
        same = same or [one for one in left if one.tool == call.tool and name != BAD]  # a host may add defaults
        if same:
            left.remove(same[0])
            found[name] = same[0].text
    return found


def kept(target: Path, said: Path, model: ScriptedModel, printed: str) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(said, target)
    (target / "printed.txt").write_text(printed, "utf-8")
    (target / "seen.json").write_text(json.dumps(model.seen, ensure_ascii=False, indent=1), "utf-8")


# --- the table ---


def tokens(text: str | None) -> str:
    return "-" if text is None else f"{len(text) / 4:,.0f}"


def whole_cell(outcome: Outcome) -> str:
    found = []
    for name, text in outcome.seen.items():
        if name not in outcome.given:
            found.append(f"{name}: the host's own words")
        elif not (came := arrival(outcome.given[name], text)).whole:
            found.append(f"{name}: {came}")
    if missing := [name for name in CALLS if name not in outcome.seen]:
        found.append(f"nothing of {', '.join(missing)}: {last_words(outcome.printed)}")
    return "; ".join(found) or "yes"


def long_cell(outcome: Outcome) -> str:
    seen, text = "".join(outcome.seen.values()), "".join(outcome.given.values())
    if not seen or not text:
        return f"nothing: {last_words(seen or outcome.printed)}"
    beside = (
        "" if arrival(text.replace(LONG_ANSWER, "").strip(), seen).whole else "; what stands beside it is not whole"
    )
    return f"{arrival(LONG_ANSWER, seen)}{beside}; {len(seen):,} characters in all"


def row(host: Host, keep: bool) -> tuple[list[str], Mapping[str, str]]:
    """Its cells, and the texts they are about."""
    try:
        folder = installed(host)
    except Failed as failure:
        return [host.name, "", f"not installed: {failure}"], {}
    told = [host.name, version(host, folder)]
    outcome, tries = tried(host, folder, long=False, keep=keep)
    if not outcome.protocol:
        return [*told, f"no ({tries}x): {outcome.why_unconnected}; {last_words(outcome.printed)}"], {}
    connected = f"yes, {outcome.protocol}{f' (try {tries})' if tries > 1 else ''}"
    counts = [tokens(outcome.seen.get(name)) for name in CALLS]
    long, _ = tried(host, folder, long=True, keep=keep)
    return [*told, connected, *counts, whole_cell(outcome), long_cell(long)], outcome.given


def tried(host: Host, folder: Path, long: bool, keep: bool) -> tuple[Outcome, int]:
    for number in range(1, TRIES):
        outcome = run(host, folder, long, keep)
        if outcome.protocol or not outcome.started:
            return outcome, number
    return run(host, folder, long, keep), TRIES


def main() -> None:
    parser = argparse.ArgumentParser(description="What the model of each real host sees of a result.")
    parser.add_argument("names", nargs="*", help="parts of hosts' names; none: all hosts")
    parser.add_argument("--keep", action="store_true", help="keep what was said under .hosts/said/")
    asked = parser.parse_args()
    hosts = [host for host in HOSTS if not asked.names or any(name.lower() in host.folder for name in asked.names)]
    texts: dict[str, str] = {}
    rows = []
    for host in hosts:
        print(f"running {host.name}", file=sys.stderr)
        cells, about = row(host, asked.keep)
        rows.append(cells)
        texts = {**about, **texts}
    itself = ["(the text itself)", "", "", *(tokens(texts.get(name)) for name in CALLS)]
    print("Tokens (characters / 4) that the model saw of each result.\n")
    for cells in (list(HEAD), ["---"] * len(HEAD), itself, *rows):
        full = [*cells, *[""] * (len(HEAD) - len(cells))]
        print("| " + " | ".join(cell.replace("|", "\\|") for cell in full) + " |")


if __name__ == "__main__":
    main()
