"""A recording that is written down by a task of DashScope: asked for once, looked after, given up where it can be."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio

from ...calls.ask import RequestPlan
from ...calls.call import Call
from ...calls.turns import PacedRequest
from ...dashscope import (
    ASKED_PER_S,
    NOT_STARTED,
    AsyncTask,
    AsyncTasks,
    DashScopeError,
    Finish,
    Heard,
    Reply,
    WireProtocol,
    counted_audio,
)
from ...files import is_public

SLOWER, MOST_PAUSES = 1.5, 30  # each pause is longer than the one before, up to so many of the first
MAX_MISSED = 8  # questions in a row that were not answered
MAX_TASK_S = 20 * 3600  # what is told is kept for 24 hours
GIVE_UP_S = 1.0  # hosts wait no longer for a process to end, and what lies at DashScope is deleted after it
SILENCE = "SUCCESS_WITH_NO_VALID_FRAGMENT"


@dataclass(frozen=True)
class TaskOfFile:
    """Fills a reply with what a task gives: see `Call.run`."""

    call: Call

    async def __call__(self, plan: RequestPlan, reply: Reply, turn: PacedRequest) -> None:
        tasks = AsyncTasks(self.call.context.dashscope.rest)
        self.call.take_as_long_as(MAX_TASK_S)
        await turn.attempt()
        reply.sent = True
        async with self.call.heartbeat(f"asking {plan.model}"):
            task = await tasks.submit(plan.protocol, plan.body)
        reply.request_id, reply.sandbox = task.request_id, task.sandbox
        task = await self._looked_after(tasks, task, reply, plan.model)
        for event in counted_audio(task.usage):
            reply.observe(event)
        await self._read(tasks, task, reply, plan.protocol)

    async def _looked_after(self, tasks: AsyncTasks, task: AsyncTask, reply: Reply, model: str) -> AsyncTask:
        """Until it has ended. However that is broken off, a task that has not begun is given up."""
        last = task
        try:
            async with self.call.heartbeat(f"{model} is writing down the recording"):
                with anyio.move_on_after(MAX_TASK_S):
                    async for told in self._states(tasks, task):
                        last = told
        finally:
            if last.status == NOT_STARTED:
                with anyio.CancelScope(shield=True), anyio.move_on_after(GIVE_UP_S):
                    reply.withdrawn = await tasks.cancel(task.id)
        if not last.ended:
            raise DashScopeError(f"{model} did not end within {MAX_TASK_S // 3600} hours. Split the recording.")
        return last

    async def _states(self, tasks: AsyncTasks, task: AsyncTask) -> AsyncIterator[AsyncTask]:
        """Asked for less and less often; a question that is not answered ends nothing."""
        first_s = 2 * self.call.context.dashscope.pause_s
        pause_s, missed = first_s, 0
        while not task.ended:
            await anyio.sleep(pause_s)
            pause_s = min(pause_s * SLOWER, first_s * MOST_PAUSES)
            await self.call.turn("ask after a task", ASKED_PER_S)
            try:
                task, missed = await tasks.told(task.id), 0
            except DashScopeError:
                missed += 1
                if missed == MAX_MISSED:
                    raise
            yield task

    async def _read(self, tasks: AsyncTasks, task: AsyncTask, reply: Reply, protocol: WireProtocol) -> None:
        if SILENCE in (task.verdict.get("code"), task.output.get("code")):
            reply.observe(Heard())
            reply.observe(Finish("stop"))
        elif task.status == "SUCCEEDED" and task.verdict is task.output:
            url = task.parts[0].get("transcription_url") if task.parts else ""
            for event in protocol.events(await tasks.result(str(url), is_public)):
                reply.observe(event)
        else:
            reply.withdrawn = task.status == "CANCELED"
            raise tasks.failure(task)
