"""Being told to stop."""

import signal
import sys

import anyio
from anyio.abc import TaskStatus


async def wait_for_shutdown(*, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
    """Return at SIGTERM or SIGINT; on Windows, which has no such thing for a task, never."""
    if sys.platform == "win32":
        task_status.started()
        await anyio.sleep_forever()
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            return
