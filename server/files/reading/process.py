"""The process that reads pictures: a hostile one hangs or crashes in vain, and nothing is ever fetched.

Run by `local_reader`, with the seconds that one picture may take and the threads to use. When it is ready it says so in
a line of JSON; then, for each line `{"bytes": n}` and the picture that follows it, comes a line `{"bytes": n}` and the
lines of the picture as JSON (`engine`), or `{"refusal": why}`. It ends by itself when it is not asked for a while.
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from ..confined import limit_memory, send, within_time

MAX_ADDRESS_BYTES = 4_000_000_000  # of addresses: of memory it takes a fifth
MAX_LOADING_S = 60.0
MAX_IDLE_S = 300.0
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.sendto")


def main(requests: BinaryIO, answers: BinaryIO, timeout_s: float, threads: int) -> None:
    sys.addaudithook(_refuse_network)
    limit_memory(MAX_ADDRESS_BYTES)
    try:
        with within_time(MAX_LOADING_S):
            from .engine import Engine

            engine = Engine(threads)
    except Exception as error:  # noqa: BLE001  # whatever a part of it lacks on this machine
        send(answers, {"refusal": f"it could not be loaded ({type(error).__name__})"})
        return
    send(answers, {"ready": True})
    for size in _sizes(requests):
        content = requests.read(size)
        try:
            with within_time(timeout_s):
                said = json.dumps(engine.lines(content), ensure_ascii=False).encode("utf-8", errors="replace")
        except Exception as error:  # noqa: BLE001  # the next picture may be read
            send(answers, {"refusal": f"it is broken, or of a kind that is not read here ({type(error).__name__})"})
        else:
            send(answers, {"bytes": len(said)}, said)


def _sizes(requests: BinaryIO) -> Iterator[int]:
    while True:
        with within_time(MAX_IDLE_S):
            line = requests.readline()
        if not line:
            return
        yield json.loads(line)["bytes"]


def _refuse_network(event: str, _: Any) -> None:
    if event in NETWORK:
        raise PermissionError("no picture is read with the help of a network")


if __name__ == "__main__":
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    main(sys.stdin.buffer, pipe, float(sys.argv[1]), int(sys.argv[2]))
