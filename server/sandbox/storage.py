"""The sandbox's temporary storage: tickets, and the form that a file is posted with.

Page: https://help.aliyun.com/zh/model-studio/get-temporary-file-url
"""

import base64
import json
import uuid
from typing import Any

from starlette.datastructures import UploadFile

ORDER = ["OSSAccessKeyId", "Signature", "policy", "key", "x-oss-object-acl", "x-oss-forbid-overwrite",
         "success_action_status", "file"]  # fmt: skip
MAX_UPLOAD_MB = 100


class Storage:
    """Remembers the names of what was stored, not the files."""

    def __init__(self) -> None:
        self._tickets: dict[str, str] = {}
        self._stored: dict[str, int] = {}

    def ticket(self, model: str, root: str) -> dict[str, Any]:
        """`GET /api/v1/uploads?action=getPolicy`."""
        folder = f"dashscope-instant/sandbox/{uuid.uuid5(uuid.NAMESPACE_URL, f'{model}{len(self._tickets)}')}"
        policy = base64.b64encode(json.dumps({"folder": folder}).encode()).decode()
        self._tickets[policy] = folder
        return {
            "policy": policy,
            "signature": "sandbox=",
            "upload_dir": folder,
            "upload_host": f"{root}/oss",
            "expire_in_seconds": 300,
            "max_file_size_mb": MAX_UPLOAD_MB,
            "capacity_limit_mb": 999999999,
            "oss_access_key_id": "sandbox",
            "x_oss_object_acl": "private",
            "x_oss_forbid_overwrite": "true",
        }

    async def store(self, form: list[tuple[str, Any]]) -> str:
        """The OSS code of what is wrong with a form; empty: stored."""
        fields = dict(form)
        key, file, folder = fields.get("key"), fields.get("file"), self._tickets.get(str(fields.get("policy")))
        if [name for name, _ in form][-1:] != ["file"] or not isinstance(file, UploadFile):
            return "InvalidArgument"
        if folder is None or not str(key).startswith(f"{folder}/") or set(ORDER) - set(fields):
            return "AccessDenied"
        if key in self._stored:
            return "FileAlreadyExists"
        if (file.size or 0) > MAX_UPLOAD_MB * 1024 * 1024:
            return "EntityTooLarge"
        self._stored[str(key)] = file.size or 0
        return ""

    def holds(self, address: str) -> bool:
        return address.removeprefix("oss://") in self._stored
