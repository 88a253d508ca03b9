"""Several processes behind one port: each serves on its own; what they share is the state folder, or its server."""

import os
import socket
import sys
import time
from collections.abc import Sequence
from subprocess import DEVNULL

import anyio

from ..app.transports.signals import wait_for_shutdown
from ..network import root_url

MIN_LIFE_S = 3.0  # who ends sooner would again
ENDS_S = 3.0  # a server is gone within two


def keep_running(count: int, listening: socket.socket, command: Sequence[str], path: str) -> int:
    """Keep so many running until told to stop; the exit status. `command`: what they are started with."""
    sys.stderr.write(f"bailian-mcp listens on {root_url(listening)}{path}, {count} workers\n")
    return anyio.run(_supervised, count, listening, command)


async def _supervised(count: int, listening: socket.socket, command: Sequence[str]) -> int:
    failed = anyio.Event()
    async with anyio.create_task_group() as tasks:
        await tasks.start(_ended_by, failed, tasks.cancel_scope)
        for _ in range(count):
            tasks.start_soon(_kept_running, listening, command, failed)
    return int(failed.is_set())


async def _ended_by(
    failed: anyio.Event,
    scope: anyio.CancelScope,
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """At a signal, or where a worker cannot be kept running."""
    async with anyio.create_task_group() as either:

        async def broke() -> None:
            await failed.wait()
            either.cancel_scope.cancel()

        either.start_soon(broke)
        await wait_for_shutdown(task_status=task_status)
        either.cancel_scope.cancel()
    scope.cancel()


async def _kept_running(listening: socket.socket, command: Sequence[str], failed: anyio.Event) -> None:
    inherited = listening.fileno()
    while not failed.is_set():
        begun = time.monotonic()
        process = await anyio.open_process(
            [*command, "--inherited", str(inherited)], stdin=DEVNULL, stdout=None, stderr=None, pass_fds=[inherited]
        )
        try:
            await process.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await _ended(process)
        if time.monotonic() - begun < MIN_LIFE_S:
            failed.set()


async def _ended(process: anyio.abc.Process) -> None:
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(ENDS_S):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()


def inherited_socket(number: int) -> socket.socket:
    """The listening socket that the process which started this one has opened."""
    found = socket.socket(fileno=number)
    return socket.socket(found.family, found.type, socket.IPPROTO_TCP, fileno=found.detach())


def can_share() -> bool:
    """Whether a process can hand a socket on by its number."""
    return os.name == "posix"
