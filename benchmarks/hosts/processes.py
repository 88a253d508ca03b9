"""Programs that end: by themselves, or at their time limit, with all that they started."""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE_S = 0.5


class Failed(Exception):
    """A program could not be started, failed, or did not end; the words say which."""


def run_to_end(command: Sequence[str], folder: Path, env: Mapping[str, str], timeout_s: float) -> str:
    """What it printed. Into a file: a daemon that keeps a pipe open would be waited for."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as out:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise Failed(f"{command[0]}: {error.strerror}") from None
        code = None
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _end_group(process)
        out.seek(0)
        printed = out.read()
    if code == 0:
        return printed
    how = f"did not end within {timeout_s:.0f} s" if code is None else f"ended with {code}"
    raise Failed(f"{how}: {last_words(printed, lines=8, chars=400)}")


def last_words(printed: str, lines: int = 3, chars: int = 160) -> str:
    """The end of what a program printed, without the addresses of this machine's services."""
    said = [re.sub(r"https?://\S+", "...", line.strip()) for line in printed.splitlines() if line.strip()]
    return " / ".join(said[-lines:])[-chars:] or "it said nothing"


def _end_group(leader: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(leader.pid, number)
        except ProcessLookupError:
            break
        time.sleep(GRACE_S)
        leader.poll()
    leader.wait()


def end_what_is_left(home: Path) -> None:
    """Daemons that left the group still carry this home in their environment (only Linux tells it)."""
    mark = f"HOME={home}".encode()
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in _environment(path)]
        for pid in left:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        if left:
            time.sleep(GRACE_S)


def _environment(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")
    except OSError:
        return []
