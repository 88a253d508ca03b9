"""How a call ended: what its tool gave or raised, to be given again to whoever asks for the job."""

import json
from dataclasses import dataclass

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult

from ...spending import JobState


class KeptFailure(ToolError):
    """An error in the words in which it was told."""


@dataclass(frozen=True)
class Outcome:
    """A result, or an error as the host is told it. A stopped job has what had come as its result."""

    state: JobState
    result: CallToolResult | None = None
    error: Exception | None = None

    def give(self) -> CallToolResult:
        """As the tool would: returned or raised."""
        if self.error:
            raise self.error
        assert self.result
        return self.result

    def content(self, whole: str = "") -> str:
        """As it is kept. `whole`: the answer, where the result is its first piece."""
        if self.error:
            return json.dumps({"error": str(self.error)})
        assert self.result
        kept = {"result": self.result.model_dump(mode="json", by_alias=True)}
        return json.dumps({**kept, "whole": whole} if whole else kept)

    @classmethod
    def of(cls, state: JobState, content: str) -> "Outcome":
        """As it was kept."""
        kept = json.loads(content)
        if "error" in kept:
            return cls(state, error=KeptFailure(kept["error"]))
        return cls(state, result=CallToolResult.model_validate(kept["result"]))
