"""What a batch would cost, before anything is sent: each input's first request, planned and not asked."""

from dataclasses import dataclass, replace
from decimal import Decimal

from anyio.lowlevel import checkpoint
from mcp.server.mcpserver.exceptions import ToolError

from ...calls.ask import RequestPlan
from ...calls.batched import worst_cost
from ...calls.call import Call
from ...calls.item_call import NotAnsweredYet, PlannedItemCall
from ...catalog.pricing import text_tokens
from .items import BatchItem, BatchTool
from .spool import spooled_items
from .work import WorkFolder


@dataclass
class BatchEstimate:
    """Of first requests. Money in CNY: for the input alone, and at worst; `unpriced`: requests of unknown price.

    `wrong`: inputs that would fail, of which `first_wrong` is one, with its reason.
    """

    requests: int = 0
    input_tokens: int = 0
    least: Decimal = Decimal()
    most: Decimal = Decimal()
    unpriced: int = 0
    wrong: int = 0
    first_wrong: str = ""
    model: str = ""

    @property
    def is_known(self) -> bool:
        """Whether a price is: where none is, its sums are not nothing."""
        return self.unpriced < self.requests or not self.requests


async def estimated(call: Call, tool: BatchTool, work: WorkFolder, *, batch: bool) -> BatchEstimate:
    """`batch`: at DashScope's batch price."""
    found = BatchEstimate()
    for item in spooled_items(work.path):
        await checkpoint()
        plan = await _first_request(call, tool, item, found)
        if plan is None:
            continue
        plan = replace(plan, batch=batch)
        tokens = sum(_tokens_of(message.get("content")) for message in plan.messages)
        least, most = call.estimate(plan.model, tokens, batch=batch).total, worst_cost(call, plan)
        found.requests += 1
        found.model = plan.model
        found.input_tokens += tokens
        found.least += least or Decimal()
        found.most += most or Decimal()
        found.unpriced += most is None
    return found


async def _first_request(call: Call, tool: BatchTool, item: BatchItem, found: BatchEstimate) -> RequestPlan | None:
    own = PlannedItemCall(call)
    try:
        await tool.run(own, item.arguments)
    except (NotAnsweredYet, BaseExceptionGroup):  # a tool may ask several things at once
        if own.planned is None:
            raise
    except ToolError as wrong:
        found.wrong += 1
        found.first_wrong = found.first_wrong or f"{item.id}: {wrong}"
    return own.planned


def _tokens_of(content: object) -> int:
    if isinstance(content, str):
        return text_tokens(content).likely
    parts = content if isinstance(content, list | tuple) else ()
    return sum(text_tokens(str(part.get("text", ""))).likely for part in parts)
