"""The sandbox's tasks: a file is written down over two questions, and what came of it lies here for as long as it runs.

Pages: https://help.aliyun.com/zh/model-studio/manage-asynchronous-tasks and
.../fun-asr-recorded-speech-recognition-http-api
"""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..catalog import shipped
from ..endpoints import SANDBOX_HEADER
from .native_generation import Native
from .requests import ApiRefusal, as_dict, as_list
from .speech import is_silent, length_s, sentences_of, usage_of
from .storage import Storage

OF_SANDBOX = {SANDBOX_HEADER: "1"}
TASK_STATES = ("PENDING", "RUNNING", "SUCCEEDED")  # when it was asked after so often
SINGLE = "qwen3-asr-flash-filetrans"
MISSING_NAME = "missing"  # in an address: nothing lies there
TASK_TIME = "2026-11-22 12:00:00.000"
MISSING = {"code": "InvalidFile.DownloadFailed", "message": "The audio file cannot be downloaded."}
NO_SYNC = "current user api does not support synchronous calls."


@dataclass
class SandboxTask:
    """One recording to be written down."""

    id: str
    model: str
    address: str
    speakers: bool
    root: str
    asked: int = 0
    cancelled: bool = False

    @property
    def status(self) -> str:
        state = TASK_STATES[min(self.asked, 2)]
        if self.cancelled:
            return "CANCELED"
        fails = is_silent(self.address) or (self.model == SINGLE and MISSING_NAME in self.address)
        return "FAILED" if state == "SUCCEEDED" and fails else state

    @property
    def told(self) -> dict[str, Any]:
        output: dict[str, Any] = {"task_id": self.id, "task_status": self.status, "submit_time": TASK_TIME}
        if self.status not in ("SUCCEEDED", "FAILED"):
            return {"output": output}
        output |= {"scheduled_time": TASK_TIME, "end_time": TASK_TIME}
        if self.status == "FAILED" and MISSING_NAME in self.address:
            return {"output": {**output, **MISSING}}
        if self.status == "FAILED":
            code = "SUCCESS_WITH_NO_VALID_FRAGMENT"
            return {"output": {**output, "code": code, "message": code}, "usage": self._usage}
        url = f"{self.root}/results/{self.id}.json"
        failed = MISSING_NAME in self.address
        if self.model == SINGLE:
            return {"output": {**output, "result": {"transcription_url": url}}, "usage": self._usage}
        part: dict[str, Any] = {"file_url": self.address, "subtask_status": "FAILED" if failed else "SUCCEEDED"}
        part |= MISSING if failed else {"transcription_url": url}
        output |= {"results": [part], "task_metrics": {"TOTAL": 1, "SUCCEEDED": int(not failed), "FAILED": int(failed)}}
        return {"output": output, **({} if failed else {"usage": self._usage})}

    @property
    def _usage(self) -> dict[str, Any]:
        return {"seconds": length_s(self.address)} if self.model == SINGLE else usage_of(self.model, self.address)

    @property
    def transcript(self) -> dict[str, Any]:
        sentences = sentences_of(self.address, speakers=self.speakers)
        if self.model == SINGLE:
            sentences = [{**each, "language": "zh", "emotion": "neutral"} for each in sentences]
        ms = 1000 * length_s(self.address)
        track = {"channel_id": 0, "content_duration_in_milliseconds": ms}
        text = "".join(each["text"] for each in sentences)
        heard = {"audio_format": "pcm_s16le", "channels": [0], "original_sampling_rate": 16000}
        return {
            "file_url": self.address,
            "properties": {**heard, "original_duration_in_milliseconds": ms},
            "transcripts": [{**track, "text": text, "sentences": sentences}],
        }


class SandboxTasks:
    """By id."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._tasks: dict[str, SandboxTask] = {}

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/api/v1/services/audio/asr/transcription", self.create, methods=["POST"]),
            Route("/api/v1/tasks/{id}", self.told),
            Route("/api/v1/tasks/{id}/cancel", self.cancel, methods=["POST"]),
            Route("/results/{id}.json", self.result),
        ]

    async def create(self, request: Request) -> Response:
        try:
            task = self._task(request, json.loads(await request.body()))
        except ApiRefusal as refusal:
            return JSONResponse(Native().refusal(refusal, "sandbox"), refusal.status, headers=OF_SANDBOX)
        self._tasks[task.id] = task
        return _reply(task.told)

    def _task(self, request: Request, body: dict[str, Any]) -> SandboxTask:
        if not request.headers.get("authorization", "").removeprefix("Bearer ").strip():
            raise ApiRefusal(401, "InvalidApiKey", "No API-key provided.")
        if request.headers.get("x-dashscope-async") != "enable":
            raise ApiRefusal(403, "AccessDenied", NO_SYNC)
        name = str(body.get("model"))
        model, given = shipped().find(name), as_dict(body.get("input"))
        if model is None or model.type != "asr" or model.endpoint or name == "qwen3-asr-flash":
            raise ApiRefusal(400, "InvalidParameter", "Model not exist.")
        files = [given["file_url"]] if name == SINGLE and given.get("file_url") else as_list(given.get("file_urls"))
        if len(files) != 1 or (name == SINGLE) == ("file_urls" in given):
            raise ApiRefusal(400, "InvalidParameter", "file_urls must hold one address")
        resolves = request.headers.get("x-dashscope-ossresourceresolve") == "enable"
        address = str(files[0])
        lost = address.startswith("oss://") and not (resolves and self._storage.holds(address))
        if address.startswith("data:") or lost:
            raise ApiRefusal(400, "InvalidURL", "The provided URL does not appear to be valid.")
        speakers = bool(as_dict(body.get("parameters")).get("diarization_enabled"))
        return SandboxTask(str(uuid.uuid4()), name, address, speakers, str(request.base_url).rstrip("/"))

    async def told(self, request: Request) -> Response:
        """An unknown one is told as such, with status 200."""
        id = request.path_params["id"]
        if (task := self._tasks.get(id)) is None:
            return _reply({"output": {"task_id": id, "task_status": "UNKNOWN"}})
        task.asked += 1
        return _reply(task.told)

    async def cancel(self, request: Request) -> Response:
        task = self._tasks.get(request.path_params["id"])
        if task is None or task.status != "PENDING":
            refusal = ApiRefusal(400, "UnsupportedOperation", "Only a task in the state PENDING can be cancelled.")
            return JSONResponse(Native().refusal(refusal, "sandbox"), refusal.status, headers=OF_SANDBOX)
        task.cancelled = True
        return _reply({})

    async def result(self, request: Request) -> Response:
        """Without a key, as it lies in the storage."""
        task = self._tasks.get(request.path_params["id"])
        return JSONResponse(task.transcript, headers=OF_SANDBOX) if task else Response(status_code=404)


def _reply(told: dict[str, Any]) -> Response:
    return JSONResponse({**told, "request_id": str(uuid.uuid4())}, headers=OF_SANDBOX)
