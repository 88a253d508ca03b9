"""What is raised, and by whom it is understood.

    ToolError (the SDK's: a host shows its text to the model)
    ├── InvalidRequest      refused here, before anything was sent or paid; says so itself
    └── DashScopeError      DashScope gave no answer; `kind` says what that means, `retry` whether asking again is free
        └── RequestFailed   the same within a call: `exchange` holds what it spent

    BadSettings             the environment holds something with which starting would be unsafe
    BadCatalog              a catalog file cannot be used

A text has three parts: what happened, why, and what to do next.
"""

from mcp.server.mcpserver.exceptions import ToolError

NOTHING_SENT = "Nothing was sent."


class InvalidRequest(ToolError):
    """A call that cannot be made as it is. `reason`: what is wrong and what to do next."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)  # what it is made of: a copy is made of that again
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason} {NOTHING_SENT}"


def reason_of(error: Exception) -> str:
    """Of a part of a call, where other parts were sent."""
    return error.reason if isinstance(error, InvalidRequest) else str(error)
