"""Tasks: work that DashScope does in its own time, asked for once and looked after until it has ended.

Page: https://help.aliyun.com/zh/model-studio/manage-asynchronous-tasks (20 questions a second an account; kept 24
hours; only what is PENDING can be cancelled; a task that succeeded may hold a part that failed).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..json_text import dict_of, dicts_of
from .errors import DashScopeError
from .protocols import WireProtocol
from .rest import Rest, in_path, names_one, tells
from .uploads import RESOLVE_OSS, names_an_upload

ASKED_PER_S = 20
MAX_RESULT_URL_CHARS = 8_000
UNSAFE_IN_ID, MAX_REQUEST_ID_CHARS = re.compile(r"[^\w.:-]"), 80
ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN")
NOT_STARTED = "PENDING"
UNTAKEN = ("InvalidFile", "InvalidParameter", "InvalidURL", "FILE_", "REQUEST_INVALID", "UNSUPPORTED_FORMAT")


@dataclass(frozen=True)
class AsyncTask:
    """As DashScope tells it. `status`: PENDING, RUNNING, SUCCEEDED, FAILED, CANCELED, UNKNOWN."""

    id: str
    status: str
    output: Mapping[str, Any] = field(repr=False)
    usage: Mapping[str, Any] = field(repr=False)
    request_id: str
    sandbox: bool

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> "AsyncTask":
        """Raises DashScopeError: a reply of an unknown form."""
        output = dict_of(reply.get("output"))
        id, status, usage = names_one(output, "task_id"), tells(output, "task_status"), reply.get("usage")
        if not id or not status:
            raise DashScopeError("DashScope told of a task without its id or its state. Call again.")
        counted = usage if isinstance(usage, dict) else dict_of(output.get("usage"))
        request_id = UNSAFE_IN_ID.sub("", tells(reply, "request_id"))[:MAX_REQUEST_ID_CHARS]
        return cls(id, status, output, counted, request_id, reply.get("sandbox") is True)

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def parts(self) -> Sequence[Mapping[str, Any]]:
        """What it is made of: one for each file."""
        rows, one = self.output.get("results"), self.output.get("result")
        return dicts_of(rows if isinstance(rows, list) else [one])

    @property
    def verdict(self) -> Mapping[str, Any]:
        """What says why it failed, or why its one part did."""
        failed = [part for part in self.parts if part.get("subtask_status") == "FAILED" or part.get("code")]
        return failed[0] if failed else self.output


class AsyncTasks:
    """The tasks of the account. All raise DashScopeError."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def submit(self, protocol: WireProtocol, body: Mapping[str, Any]) -> AsyncTask:
        """Ask for work; what may have been taken is not asked for again."""
        headers = {**protocol.headers, **(RESOLVE_OSS if names_an_upload(body["messages"]) else {})}
        asked = protocol.request(body)
        return AsyncTask.of(await self._rest.json("POST", protocol.path, asked, door="native", headers=headers))

    async def told(self, id: str) -> AsyncTask:
        """How it is."""
        return AsyncTask.of(await self._rest.json("GET", f"/tasks/{in_path(id)}", door="native"))

    async def cancel(self, id: str) -> bool:
        """Give it up; whether that came before any work on it."""
        try:
            await self._rest.json("POST", f"/tasks/{in_path(id)}/cancel", door="native")
        except DashScopeError:
            return False
        return True

    async def result(self, url: str, allowed: Callable[[str], bool]) -> dict[str, Any]:
        """The JSON that a task left behind, fetched without the key. `allowed`: whether a host may be asked."""
        parts = _parts_of(url)
        if parts is None or not self._rest.reaches(parts, allowed):
            raise DashScopeError("DashScope named an address for its result that is not fetched. Report it.")
        return await self._rest.fetched(url)

    def failure(self, task: AsyncTask) -> DashScopeError:
        """Why it gave nothing; what is wrong with a file is found before any work on it."""
        code = tells(task.verdict, "code")
        reply = {name: task.verdict.get(name) for name in ("code", "message")} | {"request_id": task.request_id}
        if task.status == "CANCELED":
            return DashScopeError("The task was cancelled at DashScope before it began. Call again.", status=400)
        if task.status == "UNKNOWN":
            return DashScopeError("DashScope no longer knows the task (it keeps them for 24 hours). Call again.")
        return self._rest.error(400 if code.startswith(UNTAKEN) else 500, reply, sandbox=task.sandbox)


def _parts_of(url: str) -> SplitResult | None:
    """None: it is no address, or none that a request could be made of."""
    if len(url) > MAX_RESULT_URL_CHARS or not (url.isascii() and url.isprintable()):
        return None
    try:
        parts = urlsplit(url)
        return None if parts.port == 0 else parts
    except ValueError:  # brackets that do not fit, a port that is none
        return None
