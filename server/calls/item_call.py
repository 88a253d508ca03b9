"""One item of many that a call works on: a call of its own, which spends from the purse of the whole."""

from collections.abc import Sequence
from dataclasses import replace

from ..errors import InvalidRequest
from .ask import Exchange, RequestFailed, RequestPlan
from .call import Call
from .jobs.asked import unheard
from .progress import Progress


class ItemCall(Call):
    """Its answer goes into a file, not to the host: no limit of a host's, no progress of its own."""

    def __init__(self, whole: Call, part: str) -> None:
        super().__init__(whole.context, Progress(unheard), purse=whole.purse)
        self._part = part

    async def ask(self, plan: RequestPlan) -> Exchange:
        """As ever, but the ledger is told which of the inputs it is for."""
        return await super().ask(replace(plan, part=self._part))


class NotAnsweredYet(BaseException):
    """The request that an item needs next is planned, and has no answer yet. No fault: what saves a tool's work from
    its faults must not take it for one.
    """


class PlannedItemCall(ItemCall):
    """Sends nothing: its requests are answered from what a batch brought, in their order."""

    def __init__(self, whole: Call, answers: Sequence[Exchange | RequestFailed] = ()) -> None:
        super().__init__(whole, "")
        self._answers = list(answers)
        self.planned: RequestPlan | None = None  # what it needs next

    def require_storing(self) -> None:
        """What is stored stays no longer than the process, and a batch may. Raises InvalidRequest."""
        raise InvalidRequest(
            "Its file is stored at DashScope before it is asked, which neither a dry run nor a batch does: "
            'use how="now".'
        )

    async def ask(self, plan: RequestPlan) -> Exchange:
        """The next answer.

        Raises:
            NotAnsweredYet: there is none; `planned` is what to ask.
            RequestFailed: DashScope gave none.
        """
        if not self._answers:
            self.planned = self.planned or replace(plan, batch=True)
            raise NotAnsweredYet
        answer = self._answers.pop(0)
        self.exchanges.append(answer.exchange if isinstance(answer, RequestFailed) else answer)
        if isinstance(answer, RequestFailed):
            raise answer
        return replace(answer, label=plan.label, thinking=plan.thinking.used)
