"""One question to many models at once: one that fails loses only itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import anyio
from mcp.server.mcpserver.exceptions import ToolError

from ...calls.ask import Exchange, RequestFailed
from ...calls.call import Call
from ...calls.salvage import Salvage
from ...catalog import Cost, unpriced
from ...dashscope import DashScopeError
from ...errors import InvalidRequest


@dataclass(frozen=True)
class ModelOutcome:
    """Of one model. `exchange`: what it said or spent; None: nothing came. `error`: why there is no answer."""

    model: str
    elapsed_s: float
    exchange: Exchange | None = None
    error: ToolError | None = None
    fault: str = ""  # of ours

    @property
    def cost(self) -> Cost:
        """What was refused at once, or never sent, cost nothing."""
        refused = isinstance(self.error, RequestFailed) and self.error.refused_at_once
        if self.exchange and not (refused and self.exchange.usage is None):
            return self.exchange.cost
        return unpriced("not known") if self.fault else Cost(total=Decimal())


@dataclass(frozen=True)
class SharedQuestion:
    """`options`: of `Call.complete`."""

    messages: Sequence[Mapping[str, Any]]
    options: Mapping[str, Any]

    async def put_to(self, call: Call, models: Sequence[str]) -> list[ModelOutcome]:
        """All of them at once, as far as their rates and the caps let it be.

        Raises:
            InvalidRequest: none could be asked.
            DashScopeError: none answered.
        """
        outcomes: dict[str, ModelOutcome] = {}

        async def one(model: str) -> None:
            outcomes[model] = await self._asked(call, model)
            await call.report(f"{len(outcomes)} of {len(models)} models are done")

        async with call.heartbeat(f"asking {len(models)} models"), anyio.create_task_group() as tasks:
            for model in models:
                tasks.start_soon(one, model)
        found = [outcomes[model] for model in models]
        if all(outcome.error for outcome in found):
            raise _none_answered(found)
        return found

    async def _asked(self, call: Call, model: str) -> ModelOutcome:
        begun, label = anyio.current_time(), f"[{model}] "
        with Salvage("this model's answer was not taken in") as step:
            try:
                exchange = await call.complete(model, self.messages, label=label, **self.options)
            except RequestFailed as failure:
                return ModelOutcome(model, _since(begun), failure.exchange, failure)
            except ToolError as refusal:
                return ModelOutcome(model, _since(begun), error=refusal)
            return ModelOutcome(model, _since(begun), exchange)
        came = next((exchange for exchange in call.exchanges if exchange.label == label), None)
        return ModelOutcome(model, _since(begun), came, fault=step.note)


def _since(begun: float) -> float:
    return round(anyio.current_time() - begun, 3)


def _none_answered(outcomes: Sequence[ModelOutcome]) -> ToolError:
    """With what each said."""
    errors = [outcome.error for outcome in outcomes]
    refusals = [error.reason for error in errors if isinstance(error, InvalidRequest)]
    reasons = refusals if len(refusals) == len(outcomes) else [str(error) for error in errors]
    each = " ".join(f"Of {outcome.model}: {reason}" for outcome, reason in zip(outcomes, reasons, strict=True))
    if reasons is refusals:
        return InvalidRequest(f"None of the models can be asked. {each}")
    return DashScopeError(f"None of the models answered. {each}")
