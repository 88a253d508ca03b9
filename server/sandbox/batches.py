"""The sandbox's `/compatible-mode/v1/batches`: a file of requests, answered when it is asked for the third time.

Page: https://help.aliyun.com/zh/model-studio/batch-interfaces-compatible-with-openai
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .chat_completions import Chat
from .checks import check_request
from .kept_files import FROM_SANDBOX, KeptFile, KeptFiles, refused, require_key
from .protocols import CREATED
from .replies import sandbox_reply
from .requests import ApiRefusal, from_chat
from .storage import Storage

MAX_FILE_LINES, MAX_CUSTOM_ID_CHARS = 50_000, 256
SERVED = ("/v1/chat/completions", "/v1/chat/ds-test")
STAGES = ("validating", "in_progress", "completed")  # one a look


@dataclass
class SandboxBatch:
    id: str
    file: KeptFile
    endpoint: str
    metadata: dict[str, Any]
    looks: int = 0
    status: str = "validating"
    errors: list[dict[str, Any]] = field(default_factory=list)
    output: str = ""
    failures: str = ""
    counts: tuple[int, int, int] = (0, 0, 0)

    @property
    def told(self) -> dict[str, Any]:
        total, completed, failed = self.counts
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.file.id,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output or None,
            "error_file_id": self.failures or None,
            "created_at": CREATED,
            "request_counts": {"total": total, "completed": completed, "failed": failed},
            "metadata": self.metadata,
        }


class SandboxBatches:
    """By id."""

    def __init__(self, files: KeptFiles) -> None:
        self._files = files
        self._batches: dict[str, SandboxBatch] = {}

    @property
    def routes(self) -> list[Route]:
        root = "/compatible-mode/v1/batches"
        return [
            Route(root, self.create, methods=["POST"]),
            Route(root, self.listed),
            Route(f"{root}/{{id}}", self.told),
            Route(f"{root}/{{id}}/cancel", self.cancel, methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        try:
            require_key(request)
            body = json.loads(await request.body() or b"{}")
            file = self._files.files.get(str(body.get("input_file_id")))
            if file is None or file.purpose != "batch":
                raise ApiRefusal(400, "invalid_request_error", "input_file_id is invalid")
        except ApiRefusal as refusal:
            return refused(refusal)
        batch = SandboxBatch(f"batch_{uuid.uuid4()}", file, str(body.get("endpoint")), body.get("metadata") or {})
        self._batches[batch.id] = batch
        return JSONResponse(batch.told, headers=FROM_SANDBOX)

    async def listed(self, request: Request) -> Response:
        wanted = request.query_params.get("ds_name")
        found = [b.told for b in self._batches.values() if wanted in (None, b.metadata.get("ds_name"))]
        data = found or None  # an empty list is null
        return JSONResponse({"object": "list", "data": data, "has_more": False}, headers=FROM_SANDBOX)

    async def told(self, request: Request) -> Response:
        """Each look brings it on."""
        if (batch := self._batches.get(request.path_params["id"])) is None:
            return refused(_no_batch(request))
        if batch.status in STAGES[:2]:
            batch.looks += 1
            if batch.looks < len(STAGES) - 1:
                batch.status = STAGES[batch.looks]
            else:
                await to_thread.run_sync(self._answer, batch)
        return JSONResponse(batch.told, headers=FROM_SANDBOX)

    async def cancel(self, request: Request) -> Response:
        if (batch := self._batches.get(request.path_params["id"])) is None:
            return refused(_no_batch(request))
        if batch.status in STAGES[:2]:
            batch.status = "cancelled"
        return JSONResponse(batch.told, headers=FROM_SANDBOX)

    def _answer(self, batch: SandboxBatch) -> None:
        lines = batch.file.content.decode("utf-8", "replace").removesuffix("\n").split("\n")
        batch.errors = list(_mistakes(lines, batch.endpoint))
        if batch.errors:
            batch.status = "failed"
            return
        answers = [_answered(json.loads(line)) for line in lines]
        good = [line for line, fine in answers if fine]
        bad = [line for line, fine in answers if not fine]
        batch.counts = len(lines), len(good), len(bad)
        batch.output = self._kept("output", good)
        batch.failures = self._kept("errors", bad)
        batch.status = "completed"  # only now: who looks meanwhile, or is gone, loses nothing

    def _kept(self, name: str, lines: list[str]) -> str:
        content = "".join(f"{line}\n" for line in lines).encode()
        return self._files.keep(f"{name}.jsonl", "batch_output", content).id if lines else ""


def _mistakes(lines: list[str], endpoint: str) -> Iterator[dict[str, Any]]:
    """What the validation of a whole file refuses."""
    if endpoint not in SERVED:
        said = f"The provided url '{endpoint}' is not supported by the Batch API."
        yield {"code": "url_not_found", "message": said, "param": "url", "line": 1}
        return
    if len(lines) > MAX_FILE_LINES:
        yield {"code": "too_many_requests", "message": "The file has too many lines.", "param": None, "line": None}
    names: set[str] = set()
    first_model = None
    for number, line in enumerate(lines, 1):
        asked = _object(line)
        name, model = str(asked.get("custom_id")), asked.get("body", {}).get("model")
        first_model = first_model or model
        if name in names or not 0 < len(name) <= MAX_CUSTOM_ID_CHARS:
            yield {"code": "duplicate_custom_id", "message": "custom_id must be unique.", "param": None, "line": number}
        if model != first_model:
            said = (
                f"The model '{model}' for this request does not match the rest of the batch. "
                "Each batch must contain requests for a single model."
            )
            yield {"code": "mismatched_model", "message": said, "param": "model", "line": number}
        names.add(name)


def _object(line: str) -> dict[str, Any]:
    try:
        asked = json.loads(line)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) and isinstance(asked.get("body"), dict) else {}


def _answered(asked: dict[str, Any]) -> tuple[str, bool]:
    """A line of the result or of the error file; whether it was answered. A batch gives no reasoning."""
    wire, body = Chat(), asked["body"]
    given: dict[str, Any] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, asked["custom_id"])),
        "custom_id": asked["custom_id"],
    }
    try:
        request = from_chat({**body, "stream": False})
        check_request(request, "Bearer sandbox", Storage(), resolves=False)
    except ApiRefusal as refusal:
        error = {"code": refusal.code, "message": refusal.message}
        return json.dumps({**given, "response": None, "error": error}, ensure_ascii=False), False
    reply = wire.whole(request, sandbox_reply(request))
    for choice in reply["choices"]:
        choice["message"].pop("reasoning_content", None)
    response = {"status_code": 200, "request_id": given["id"], "body": reply}
    return json.dumps({**given, "response": response, "error": None}, ensure_ascii=False), True


def _no_batch(request: Request) -> ApiRefusal:
    return ApiRefusal(404, "not_found", f"No such Batch object: {request.path_params['id']}")
