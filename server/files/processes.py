"""Processes of our own that open what strangers made (`rendering`, `reading`): they may hang or crash in vain."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

# By itself, since all of ours would take longer to load than to draw: of this package only its folder is known there
ALONE = (
    "import sys, types; files = sys.modules['files'] = types.ModuleType('files'); files.__path__ = [sys.argv.pop(1)]; "
)
START = f"{ALONE}import runpy; runpy.run_module(f'files.{{sys.argv.pop(1)}}.process', run_name='__main__')"
MAX_HEADER_BYTES = 1 << 20
STUCK_AFTER_S = 10.0  # beyond the time the process gives itself: then it is stuck
LOST = (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, anyio.DelimiterNotFound, TimeoutError)
Running = tuple[Process, BufferedByteReceiveStream]


async def started(room: str, *arguments: object, environment: Mapping[str, str] | None) -> Running:
    """That of the room, and what it answers. `environment`: None is our own. Raises OSError: there can be none."""
    process = await anyio.open_process(
        [sys.executable, "-P", "-c", START, str(Path(__file__).parent), room, *map(str, arguments)],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout
    return process, BufferedByteReceiveStream(process.stdout)


async def header_of(answers: BufferedByteReceiveStream) -> dict[str, Any]:
    """Its next line. Raises one of LOST."""
    header: dict[str, Any] = json.loads(await answers.receive_until(b"\n", MAX_HEADER_BYTES))
    return header
