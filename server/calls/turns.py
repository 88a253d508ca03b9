"""The turn of one request: it waits for it, and tells what came of it to those who come after."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..dashscope import DashScopeError, Reply
from ..errors import NOTHING_SENT
from .ask import RequestPlan, refused_before
from .context import AppContext
from .pacing import PATIENCE_S
from .progress import Progress
from .rates import ModelPace

CHARS_PER_TOKEN = 3
FILE_TOKENS = 1_000  # what a file comes to is counted when DashScope tells


class PacedRequest:
    """What is seen of one request while it is sent, once or again."""

    def __init__(self, pace: ModelPace, plan: RequestPlan, turn_at: float) -> None:
        self._pace, self._plan, self._turn_at = pace, plan, turn_at
        self._attempts = 0

    async def attempt(self) -> None:
        """It is sent now."""
        if self._plan.before_attempt:
            await self._plan.before_attempt()
        self._attempts += 1
        self._pace.sent()

    async def failed(self, error: DashScopeError) -> None:
        """An attempt that failed; to say so twice changes nothing."""
        if error.asks_for_fewer:
            self._pace.slow_down(self._turn_at)

    def settle(self, reply: Reply, tokens: int) -> None:
        """It had one turn, for so many tokens."""
        used = reply.usage.input_tokens + reply.usage.output_tokens if reply.usage else 0
        self._pace.settle(self._attempts - 1, used - tokens)


@asynccontextmanager
async def in_turn(
    context: AppContext, plan: RequestPlan, reply: Reply, progress: Progress
) -> AsyncIterator[PacedRequest]:
    """When it is the request's turn, and until it has ended.

    Raises:
        RequestFailed: its turn would come too late; nothing was sent.
    """
    pace = _pace_of(context, plan.model)
    tokens = _input_tokens(plan) if pace.counts_tokens else 0
    turn = PacedRequest(pace, plan, await _waited(context, pace, plan, tokens, progress))
    try:
        yield turn
    except DashScopeError as error:
        await turn.failed(error)
        raise
    finally:
        turn.settle(reply, tokens)


async def _waited(context: AppContext, pace: ModelPace, plan: RequestPlan, tokens: int, progress: Progress) -> float:
    narrow = pace.narrow(tokens)
    if narrow is None:
        return await pace.turn(tokens)
    wait_s = pace.wait_s(tokens)
    if wait_s > context.dashscope.timeout_s:
        raise refused_before(context, plan, _too_late(plan.model, pace.waiting, wait_s))
    doing = f"{plan.label}waiting for a turn: {plan.model} takes {narrow}"
    if wait_s > PATIENCE_S:
        await progress.report(lambda: doing)
    async with progress.heartbeat(doing):
        return await pace.turn(tokens)


def _too_late(model: str, waiting: int, wait_s: float) -> DashScopeError:
    """Asking again bills nothing, and does not help any other request of the call either."""
    return DashScopeError(
        f"{waiting} requests wait for {model} already: the turn of one more may take {wait_s:.0f} s to come, which is "
        f"longer than BAILIAN_TIMEOUT_S. {NOTHING_SENT} Ask for less at once, wait, or use another model. If your "
        "account may send more a minute, say so in the file of BAILIAN_CATALOG (rate_limits).",
        kind="unsent",
        retry=True,
    )


def _pace_of(context: AppContext, name: str) -> ModelPace:
    """A plan's limits are its own, and of other servers nothing is known: they are learned."""
    model = context.known(name)
    limit = model.rate_limit(context.host.region) if model and context.host.kind == "dashscope" else None
    return context.rates.of(model.id if model else name, limit)


def _input_tokens(plan: RequestPlan) -> int:
    """Roughly, and without a look at the words: what it really came to is settled at the end."""
    contents = [message.get("content") or "" for message in plan.messages]
    parts = [part for content in contents for part in ([content] if isinstance(content, str) else content)]
    texts = [part if isinstance(part, str) else part.get("text") for part in parts]
    texts += [str(message["tool_calls"]) for message in plan.messages if "tool_calls" in message]
    texts += [str(plan.parameters["tools"])] if "tools" in plan.parameters else []
    return sum(FILE_TOKENS if text is None else len(text) // CHARS_PER_TOKEN for text in texts)
