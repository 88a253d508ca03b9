"""What was paid is handed over, whatever fails here since: the one place that catches what nobody foresaw.

Elsewhere a fault ends the call, and is seen. After an answer came it would end what was paid for, too: the few steps
that stand between an answer and its result run inside a `Salvage`, and `delivered` is the net below them all.
"""

import logging
from traceback import format_tb
from types import TracebackType
from typing import Self

from mcp.server.mcpserver.exceptions import ToolError


class Salvage:
    """`with Salvage("the pages could not be compared") as step:` a fault in it is logged, and told by `step.note`.

    What is meant for the host (ToolError) and cancellation pass.
    """

    def __init__(self, lost: str) -> None:
        self._lost = lost
        self.note = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, _: TracebackType | None) -> bool:
        if not isinstance(fault, Exception) or isinstance(fault, ToolError):
            return False
        self.note = told_fault(self._lost, fault)
        return True


def told_fault(lost: str, fault: Exception) -> str:
    """What to tell of a fault that ends nothing; the log has its way through the code."""
    logging.getLogger("bailian_mcp").error("%s: %s", lost, _way(fault))
    return f"{lost}: something failed inside bailian-mcp, whose log on stderr has the details"


def _way(fault: BaseException) -> str:
    """Its class and the lines it came by. Its words may quote a document and are left out."""
    inner = (fault.__cause__, *getattr(fault, "exceptions", ()))
    ways = [f"{type(fault).__name__}\n{''.join(format_tb(fault.__traceback__))}", *map(_way, filter(None, inner))]
    return "".join(ways)
