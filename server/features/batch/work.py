"""What a batch must not lose with its process: what is asked, how far it is. A hidden folder beside the output.

`plan.json` says what it is, `items.jsonl` holds the inputs as they were first read, `journal.jsonl` what has been done:
one event a line, each written before what it announces. A batch that is whole leaves nothing of it.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import InvalidRequest
from ...text import printable, repair_surrogates

PLAN, ITEMS, JOURNAL = "plan.json", "items.jsonl", "journal.jsonl"
_UNSAFE = re.compile("[\x85\u2028\u2029\ud800-\udfff]")  # ends of lines elsewhere; halves of letters
READ_BACK_BYTES = 64 * 1024
MAX_KEPT_LINE_BYTES = 64 * 1024 * 1024  # no input and no answer has so many
WorkEvent = dict[str, Any]
PLANNED = {"key": str, "batch": str, "items": int, "service": str}


class WorkFolder:
    """Of one batch. Only one process goes on with it at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._journal: BinaryIO | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else works on it.

        Raises:
            InvalidRequest: somebody does, or it cannot be written.
        """
        try:
            if self.path.is_symlink():
                raise OSError(None, "it is a link")
            self.path.mkdir(mode=0o700, exist_ok=True)
            self._journal = (self.path / JOURNAL).open("ab", buffering=0)
        except OSError as error:
            raise InvalidRequest(f"{printable(self.path.name)} cannot be written: {error.strerror}.") from None
        with self._journal:
            if not _locked(self._journal):
                raise InvalidRequest("This batch is under way already. Wait for it with `job`, or give another output.")
            self._end_line()
            yield

    def _end_line(self) -> None:
        """What was not written to its end spoils no event that follows."""
        assert self._journal
        if end_of_lines(self.path / JOURNAL) < os.fstat(self._journal.fileno()).st_size:
            self._write(b"\n")

    # --- what it is ---

    @property
    def plan(self) -> dict[str, Any] | None:
        """None: there is none yet, or it was not written to its end."""
        try:
            plan = json.loads((self.path / PLAN).read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(plan, dict) or {name: type(plan.get(name)) for name in PLANNED} != PLANNED:
            return None
        return plan

    def require_nothing_asked(self) -> None:
        """Raises InvalidRequest: what was asked cannot be told any more, and would be asked again."""
        if any({"round", "begun", "shard"} & set(event) for event in self.events()):
            raise InvalidRequest(
                f"The work folder {printable(self.path.name)} is not as this version left it, and inputs of it were "
                "asked. Look at what it holds; delete it, or give another output."
            )

    def begin(self, plan: dict[str, Any]) -> None:
        """The inputs are read by now: from here on they are what they were."""
        part = self.path / f"{PLAN}.part"
        with part.open("w", encoding="utf-8") as file:
            json.dump(plan, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path / PLAN)

    def forget(self) -> None:
        """It is whole, or nothing of it was begun."""
        shutil.rmtree(self.path, ignore_errors=True)

    # --- what has been done ---

    def note(self, *, durable: bool = False, **event: Any) -> None:
        """Before what it announces is done. `durable`: a power cut must not lose it."""
        assert self._journal
        self._write(json.dumps(event).encode() + b"\n")
        if durable:
            os.fsync(self._journal.fileno())

    def _write(self, line: bytes) -> None:
        """Raises OSError: the disk takes no more; then nothing of it is there."""
        assert self._journal
        whole = os.fstat(self._journal.fileno()).st_size
        try:
            while line:
                line = line[self._journal.write(line) or 0 :]
        except OSError:
            with suppress(OSError):
                os.truncate(self._journal.fileno(), whole)
            raise

    def events(self) -> Iterator[WorkEvent]:
        """All so far; what was not written to its end was not done."""
        for _, event in json_lines(self.path / JOURNAL):
            yield event

    def file(self, name: str) -> Path:
        return self.path / name


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Where each whole line begins, and its object; what is none, or longer than any, is passed over."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        at = 0
        while line := file.readline(MAX_KEPT_LINE_BYTES):
            end = at + len(line)
            if line.endswith(b"\n") and (value := _object_in(line)) is not None:
                yield at, value
            while not line.endswith(b"\n"):
                if not (line := file.readline(MAX_KEPT_LINE_BYTES)):
                    return
                end += len(line)
            at = end


def _object_in(line: bytes) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        value = json.loads(line)
        return value if isinstance(value, dict) else None
    return None


def end_of_lines(path: Path) -> int:
    """How much of a file is whole lines."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - READ_BACK_BYTES)
            file.seek(start)
            if (at := file.read(end - start).rfind(b"\n")) >= 0:
                return start + at + 1
            end = start
    return 0


def json_line(value: Any, *, repaired: bool = False) -> bytes:
    """On one line, for readers as well that know more ends of lines than JSON does; in UTF-8, whatever it holds.

    `repaired`: halves of letters become U+FFFD, and do not come back.
    """
    line = json.dumps(value, ensure_ascii=False)
    line = repair_surrogates(line) if repaired else line
    return _UNSAFE.sub(lambda sign: f"\\u{ord(sign[0]):04x}", line).encode() + b"\n"


def line_at(path: Path, at: int) -> dict[str, Any]:
    """The object of the line that begins there."""
    with path.open("rb") as file:
        file.seek(at)
        value = json.loads(file.readline())
    assert isinstance(value, dict)
    return value


def _locked(file: BinaryIO) -> bool:
    """Whether it is ours alone until it is closed, however the process ends."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover  (Windows)
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
