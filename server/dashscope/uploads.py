"""DashScope's temporary storage, for files that do not fit into a request. They are named by oss:// addresses.

Page: https://help.aliyun.com/zh/model-studio/get-temporary-file-url. Free; a file is kept 48 hours and cannot be listed
or deleted; its address works for the account and the model it was put there for.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import anyio
import httpx2

from ..json_text import json_or_text
from ..network import is_host_name, is_loopback
from ..text import is_sendable
from .connection import MAX_ERROR_BYTES, Connection, beginning
from .errors import DashScopeError

RESOLVE_OSS = {"X-DashScope-OssResourceResolve": "enable"}
OSS = "oss://"
OSS_CODE = re.compile(r"<Code>([\w.-]{1,60})</Code>")


@dataclass(frozen=True)
class UploadPolicy:
    """Leave to put one file there."""

    url: str
    folder: str
    max_bytes: int
    fields: Mapping[str, str]

    @classmethod
    def of(cls, reply: Any) -> "UploadPolicy":
        """Raises TypeError, LookupError, ValueError or OverflowError: of an unknown form, or it leads nowhere good."""
        data = reply["data"]
        url, folder = str(data["upload_host"]).rstrip("/") + "/", str(data["upload_dir"])
        parts = urlsplit(url)
        if parts.port == 0 or not is_host_name(parts.hostname or "") or parts.username is not None:
            raise ValueError("no plain address")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise ValueError("not https")
        if not is_sendable("".join(map(str, data.values()))):
            raise ValueError("the form could not carry it")
        return cls(
            url,
            folder,
            int(data.get("max_file_size_mb") or 0) * 1024 * 1024,
            {
                "OSSAccessKeyId": str(data["oss_access_key_id"]),
                "Signature": str(data["signature"]),
                "policy": str(data["policy"]),
                "x-oss-object-acl": str(data["x_oss_object_acl"]),
                "x-oss-forbid-overwrite": str(data["x_oss_forbid_overwrite"]),
            },
        )

    def require_room(self, name: str, model: str, size: int) -> None:
        """Raises DashScopeError: the file has more bytes than may be stored."""
        if self.max_bytes and size > self.max_bytes:
            raise DashScopeError(
                f"{name} has {size / 1e6:.1f} MB; DashScope's storage takes {self.max_bytes / 1e6:.0f} MB for "
                f"{model}. Split it, or shrink it."
            )

    def key(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def form(self, name: str) -> dict[str, str]:
        """The fields of the form, which the file follows as the last."""
        given = dict(self.fields)
        start = {field: given.pop(field) for field in ("OSSAccessKeyId", "Signature", "policy")}
        return {**start, "key": self.key(name), **given, "success_action_status": "200"}


def names_an_upload(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a file among the messages lies in temporary storage: then DashScope must be told to look there."""
    parts = [part for message in messages if isinstance(message["content"], list) for part in message["content"]]
    return any(address.startswith(OSS) for part in parts for address in addresses_in(part))


def addresses_in(part: Mapping[str, Any]) -> list[str]:
    """Of the file that a part of a message names."""
    fields = {"image_url": "url", "file": "file_url", "input_audio": "data", "video_url": "url"}
    return [str(part[kind].get(name) or "") for kind, name in fields.items() if isinstance(part.get(kind), Mapping)]


async def upload(connection: Connection, model: str, name: str, stored_as: str, content: BinaryIO) -> str:
    """Put a file there; its address. Raises DashScopeError: it could not be stored."""
    deadline = anyio.current_time() + connection.timeout_s
    async with AsyncExitStack() as stack:
        await connection.take_slot(stack)
        with anyio.move_on_at(deadline):
            policy = await connection.tried(connection.host.uploads, deadline, partial(_policy, connection, model))
            policy.require_room(name, model, content.seek(0, 2))
            content.seek(0)
            await _store(connection, policy, name, stored_as, content)
            return OSS + policy.key(stored_as)
    raise DashScopeError(
        f"{name} could not be stored within {connection.timeout_s:g} s. Nothing was asked. Call again."
    )


async def _policy(connection: Connection, model: str) -> UploadPolicy:
    query = {"action": "getPolicy", "model": model}
    response = await connection.request("GET", connection.host.uploads, {"Accept": "application/json"}, params=query)
    async with aclosing(response):
        reply = json_or_text(await beginning(response, MAX_ERROR_BYTES))
    try:
        return UploadPolicy.of(reply)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise DashScopeError(
            "DashScope gave no leave to store the file (a reply of an unknown form). Give a smaller file, or a URL."
        ) from None


async def _store(connection: Connection, policy: UploadPolicy, name: str, stored_as: str, content: BinaryIO) -> None:
    """One form, without the key: the storage is not DashScope itself."""
    form, file = policy.form(stored_as), {"file": (stored_as, content)}
    try:
        request = connection.http.build_request("POST", policy.url, data=form, files=file)
        response = await connection.http.send(request, stream=True)
        async with aclosing(response):
            said = await beginning(response, MAX_ERROR_BYTES)
    except httpx2.RequestError as error:
        raise DashScopeError(
            f"{name} could not be stored at DashScope ({type(error).__name__}). Call again, or give a smaller file."
        ) from None
    if response.status_code != 200:
        code = OSS_CODE.search(said)
        why = connection.safe(code[1]) if code else f"HTTP {response.status_code}"
        raise DashScopeError(f"DashScope's storage refused {name} ({why}). Call again, or give a smaller file.")
