"""The cheapest host there can be over pipes: what it takes itself must not hide what a server takes (POSIX)."""

import fcntl
import json
import os
import re
import select
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

PIPE_BYTES = 1024 * 1024  # or a host that sends 256 requests at once would be held up
ENDS_S = 10.0
VERSION = "2025-06-18"
HELLO = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
ID = re.compile(rb'"id": ?(\d+)')


class Host:
    """A server's process and its pipes."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
        )
        assert self.process.stdin
        assert self.process.stdout
        self._to, self._from = self.process.stdin.fileno(), self.process.stdout.fileno()
        for pipe in (self._to, self._from):
            if hasattr(fcntl, "F_SETPIPE_SZ"):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._held = b""
        self._lines: list[bytes] = []
        self._id = 0

    def greet(self) -> None:
        self.ask("initialize", HELLO)
        self.send({"method": "notifications/initialized"})

    def send(self, message: Mapping[str, Any]) -> None:
        os.write(self._to, json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def line(self) -> bytes:
        """The next one, whatever it is."""
        while not self._lines:
            came = os.read(self._from, PIPE_BYTES)
            if not came:
                raise EOFError("the server has ended")
            *lines, self._held = (self._held + came).split(b"\n") if b"\n" in came else (self._held + came,)
            self._lines = lines[::-1]
        return self._lines.pop()

    def hears_within(self, seconds: float) -> bool:
        """Whether it says anything by then."""
        return bool(self._lines or select.select([self._from], [], [], seconds)[0])

    def begin(self, method: str, params: Mapping[str, Any]) -> int:
        self._id += 1
        self.send({"id": self._id, "method": method, "params": params})
        return self._id

    def ask(self, method: str, params: Mapping[str, Any], *, failing: bool = False) -> bytes:
        """The line of the answer. Raises RuntimeError: it is none, or gives an error where none is expected."""
        id = self.begin(method, params)
        while (line := self.line()) and not self.answers(line, id, failing=failing):
            pass
        return line

    def call(self, prompt: str, **meta: Any) -> bytes:
        return self.ask("tools/call", call_of(prompt, **meta))

    @staticmethod
    def answers(line: bytes, id: int = 0, *, failing: bool = False) -> bool:
        """Whether a line is an answer, to this request or to any."""
        found = ID.search(line[:64] + line[-64:])  # where servers write it
        if b'"method":' in line[:64] or not found or (id and int(found[1]) != id):
            return False
        if b'"result"' not in line or (b'"isError":true' in line and not failing):
            raise RuntimeError(line[:300].decode(errors="replace"))
        return True

    def end(self) -> None:
        """At the end of its input."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def call_of(prompt: str, **meta: Any) -> dict[str, Any]:
    """What is asked of the tool `chat`."""
    named = {"_meta": meta} if meta else {}
    return {"name": "chat", "arguments": {"prompt": prompt}, **named}


@contextmanager
def hosting(command: Sequence[str], env: Mapping[str, str]) -> Iterator[Host]:
    host = Host(command, env)
    try:
        host.greet()
        yield host
    finally:
        host.end()
