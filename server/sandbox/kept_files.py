"""The sandbox's `/compatible-mode/v1/files`: kept in memory until deleted, or until it ends.

Page: https://help.aliyun.com/zh/model-studio/openai-file-interface
"""

import uuid
from dataclasses import dataclass, replace
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..endpoints import SANDBOX_HEADER
from .chat_completions import Chat
from .protocols import CREATED
from .requests import ApiRefusal

FROM_SANDBOX = {SANDBOX_HEADER: "1"}
PREFIXES = {"batch": "file-batch", "file-extract": "file-fe", "batch_output": "file-batch_output"}
MAX_KEPT_BYTES = {"batch": 500_000_000, "file-extract": 150_000_000}
DEFAULT_PAGE_FILES = 20
SLOW, SLOW_WITHIN = "slow", 100  # what a file says that is not read at once: not until somebody has asked for it
# https://help.aliyun.com/zh/model-studio/error-code
WRONG_PURPOSE = {
    "error": {
        "message": "'purpose' must be 'file-extract'",
        "type": "invalid_request_error",
        "param": "purpose",
        "code": None,
    }
}


@dataclass(frozen=True)
class KeptFile:
    id: str
    name: str
    purpose: str
    content: bytes
    status: str = "processed"

    @property
    def is_slow(self) -> bool:
        """Whether it asks not to be read at once, by its name or its first words."""
        return self.purpose == "file-extract" and (SLOW in self.name or SLOW.encode() in self.content[:SLOW_WITHIN])

    @property
    def told(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": CREATED,
            "filename": self.name,
            "purpose": self.purpose,
            "status": self.status,
            "status_details": None,
        }


class KeptFiles:
    """By id, newest first."""

    def __init__(self) -> None:
        self.files: dict[str, KeptFile] = {}

    @property
    def routes(self) -> list[Route]:
        root = "/compatible-mode/v1/files"
        return [
            Route(root, self.create, methods=["POST"]),
            Route(root, self.listed),
            Route(f"{root}/{{id}}", self.told),
            Route(f"{root}/{{id}}", self.delete, methods=["DELETE"]),
            Route(f"{root}/{{id}}/content", self.content),
        ]

    def keep(self, name: str, purpose: str, content: bytes) -> KeptFile:
        file = KeptFile(f"{PREFIXES[purpose]}-{uuid.uuid4().hex[:24]}", name, purpose, content)
        self.files[file.id] = file = replace(file, status="processing") if file.is_slow else file
        return file

    async def create(self, request: Request) -> Response:
        try:
            require_key(request)
            async with request.form() as form:
                file, purpose = form.get("file"), str(form.get("purpose"))
                if purpose not in MAX_KEPT_BYTES:
                    return JSONResponse(WRONG_PURPOSE, 400, headers=FROM_SANDBOX)
                if not isinstance(file, UploadFile):
                    raise ApiRefusal(400, "invalid_request_error", "'file' is required")
                if (file.size or 0) > MAX_KEPT_BYTES[purpose]:
                    raise ApiRefusal(400, "invalid_request_error", "File size exceeds the limit")
                kept = self.keep(file.filename or "", purpose, await file.read())
        except ApiRefusal as refusal:
            return refused(refusal)
        return JSONResponse(kept.told, headers=FROM_SANDBOX)

    async def listed(self, request: Request) -> Response:
        asked = request.query_params
        of_purpose = [
            file for file in reversed(self.files.values()) if file.purpose == asked.get("purpose", file.purpose)
        ]
        after = [file.id for file in of_purpose].index(asked["after"]) + 1 if asked.get("after") in self.files else 0
        limit = int(asked.get("limit", DEFAULT_PAGE_FILES))
        page = of_purpose[after : after + limit]
        more = len(of_purpose) > after + limit
        return JSONResponse({"object": "list", "data": [f.told for f in page], "has_more": more}, headers=FROM_SANDBOX)

    async def told(self, request: Request) -> Response:
        file = self.files.get(request.path_params["id"])
        if file:
            self.read(file)
        return JSONResponse(file.told, headers=FROM_SANDBOX) if file else refused(_no_file(request))

    def read(self, file: KeptFile) -> None:
        """From now on it is."""
        self.files[file.id] = replace(file, status="processed")

    async def delete(self, request: Request) -> Response:
        if (file := self.files.pop(request.path_params["id"], None)) is None:
            return refused(_no_file(request))
        return JSONResponse({"object": "file", "deleted": True, "id": file.id}, headers=FROM_SANDBOX)

    async def content(self, request: Request) -> Response:
        """Of results only; what was put in cannot be had back."""
        file = self.files.get(request.path_params["id"])
        if file is None or file.purpose != "batch_output":
            return refused(_no_file(request))
        return Response(file.content, headers=FROM_SANDBOX, media_type="application/octet-stream")


def require_key(request: Request) -> None:
    if not request.headers.get("authorization", "").removeprefix("Bearer ").strip():
        raise ApiRefusal(401, "invalid_api_key", "You didn't provide an API key.")


def refused(refusal: ApiRefusal) -> Response:
    return JSONResponse(Chat().refusal(refusal, "sandbox"), refusal.status, headers=FROM_SANDBOX)


def _no_file(request: Request) -> ApiRefusal:
    return ApiRefusal(404, "not_found", f"No such File object: {request.path_params['id']}")
