"""The one place that takes in a fault of our own: behind a paid answer it must not cost the answer."""

import logging
import traceback
from collections.abc import Iterator, Sized
from contextlib import contextmanager

from mcp.server.mcpserver.exceptions import ToolError


class Step:
    """One step of what is done with an answer. `failed`: a fault of ours ended it."""

    failed = False


@contextmanager
def kept_if_it_fails(doing: str, paid: Sized) -> Iterator[Step]:
    """What is inside may fail and ends then; who asks `failed` gives without it what was `paid`, if anything was.

    Refusals, failures of DashScope and cancellation are no faults of ours and pass.
    """
    step = Step()
    try:
        yield step
    except ToolError:
        raise
    except Exception as fault:
        if not paid:
            raise
        step.failed = True
        _log(doing, fault)


def _log(doing: str, fault: BaseException) -> None:
    """Where it happened, without its words: they may quote a document."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    places = "".join(traceback.format_tb(fault.__traceback__))
    logging.getLogger("bailian_mcp").error(
        "%s failed with %s; what was paid is returned without it.\n%s", doing, type(fault).__name__, places
    )
