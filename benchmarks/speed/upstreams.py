"""The bench's DashScope as a process, and the time it takes when it is asked by a bare socket."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

END = b"0\r\n\r\n"


class Upstream:
    def __enter__(self) -> Self:
        program = [sys.executable, str(Path(__file__).with_name("upstream.py"))]
        self._process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
        self._port = int(self.line())
        self._socket = socket.create_connection(("127.0.0.1", self._port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def line(self) -> float:
        """What it prints next: its port, then the moments at which paused replies were left."""
        assert self._process.stdout
        return float(self._process.stdout.readline())

    def directly(self, prompt: str) -> float:
        """Milliseconds."""
        body = json.dumps({"messages": [{"role": "user", "content": prompt}], "stream": True}).encode()
        since = time.monotonic()
        self._socket.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        came = b""
        while not came.endswith(END):
            came += self._socket.recv(1 << 18)
        return 1000 * (time.monotonic() - since)
