"""How a process that opens what strangers made bounds itself, and how it answers. It imports nothing of ours."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any, BinaryIO


@contextmanager
def within_time(seconds: float) -> Iterator[None]:
    """Ends this process when the block takes longer: what it calls cannot be interrupted."""
    end = Timer(seconds, os._exit, (1,))
    end.daemon = True
    end.start()
    try:
        yield
    finally:
        end.cancel()


def limit_memory(most_bytes: int) -> None:
    """Of addresses; there is no such limit on Windows."""
    try:
        import resource
    except ImportError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    allowed = most_bytes if most == resource.RLIM_INFINITY else min(most_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, most))


def send(answers: BinaryIO, header: dict[str, Any], content: bytes = b"") -> None:
    """A line of JSON, and what follows it."""
    answers.write(json.dumps(header).encode() + b"\n" + content)
    answers.flush()
