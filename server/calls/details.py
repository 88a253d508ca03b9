"""What the ledger keeps of a request as JSON, for who asks for its price in full: never a prompt, never an answer."""

from pydantic import ConfigDict

from ..catalog import Cost, Frozen, Usage
from ..spending import KeptRequest


class RequestDetails(Frozen):
    """`elapsed_s`: since its call began, when it had ended. What stands in no row of an older server has a default."""

    model_config = ConfigDict(extra="ignore")  # rows of a newer server of the same store

    usage: Usage | None = None
    cost: Cost
    finish_reason: str = ""
    thinking: str = ""
    elapsed_s: float = 0

    @classmethod
    def of(cls, kept: KeptRequest) -> "RequestDetails | None":
        """None: it has not ended, or nobody saw its end."""
        return cls.model_validate_json(kept.details) if kept.details else None

    def as_kept(self) -> str:
        return self.model_dump_json(exclude_defaults=True)
