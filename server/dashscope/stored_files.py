"""Files that DashScope keeps until somebody deletes them: input and results of batches, documents of qwen-long.

Pages: https://help.aliyun.com/zh/model-studio/openai-file-interface (limits: 10,000 files and 100 GB an account, no
expiry, free; 3 uploads a second, 10 of anything else).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import anyio
import httpx2

from .errors import DashScopeError
from .rest import Rest, in_path, names_one, rows_of, tells

Purpose = Literal["batch", "file-extract"]
PAGE_FILES = 100
MAX_BATCH_RESULT_BYTES = 8_000_000_000  # 50,000 long answers have less
OUR_FILES = "bailian-mcp-"  # how the names begin that this program gives


@dataclass(frozen=True)
class StoredFile:
    """`status`: processing, processed, error; `created_at`: seconds since 1970."""

    id: str
    name: str
    purpose: str
    size_bytes: int
    status: str
    created_at: int
    sandbox: bool = False

    @property
    def is_ours(self) -> bool:
        return self.name.startswith(OUR_FILES)

    @classmethod
    def of(cls, reply: dict[str, Any]) -> "StoredFile":
        """Raises DashScopeError: a reply of an unknown form."""
        if not (id := names_one(reply, "id")):
            raise DashScopeError("DashScope gave a file without an id. Call again.")
        numbers = [value if isinstance(value := reply.get(name), int) else 0 for name in ("bytes", "created_at")]
        name, purpose, status = (tells(reply, name) for name in ("filename", "purpose", "status"))
        return cls(id, name, purpose, numbers[0], status, numbers[1], sandbox=reply.get("sandbox") is True)


class StoredFiles:
    """The files of the account. All raise DashScopeError."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def upload(self, purpose: Purpose, name: str, content: BinaryIO) -> StoredFile:
        """Store a file; what may have been stored is not stored again."""
        content.seek(0)
        form, file = {"purpose": purpose}, {"file": (name, content)}
        async with self._rest.opened("POST", "/files", data=form, files=file) as response:
            return StoredFile.of(await self._rest.object_of(response))

    async def told(self, id: str) -> StoredFile:
        """How a file is."""
        return StoredFile.of(await self._rest.json("GET", f"/files/{in_path(id)}"))

    async def delete(self, id: str) -> None:
        await self._rest.json("DELETE", f"/files/{in_path(id)}")

    async def listed(self, purpose: Purpose | None = None) -> AsyncIterator[StoredFile]:
        """All there are, newest first as DashScope lists them."""
        after = ""
        while True:
            params = {"limit": str(PAGE_FILES)} | ({"purpose": purpose} if purpose else {})
            reply = await self._rest.json("GET", "/files", params=params | ({"after": after} if after else {}))
            rows = rows_of(reply)
            for row in rows:
                yield StoredFile.of(row)
            last = names_one(rows[-1], "id") if rows else ""
            if not reply.get("has_more") or not last or last == after:
                return
            after = last

    async def content(self, id: str, max_bytes: int = MAX_BATCH_RESULT_BYTES) -> AsyncIterator[bytes]:
        """A result file as it comes in; its lines end with a line feed, and with nothing else."""
        size = 0
        async with self._rest.opened("GET", f"/files/{in_path(id)}/content") as response:
            chunks = response.aiter_bytes()
            while chunk := await self._next(chunks):
                size += len(chunk)
                if size > max_bytes:
                    raise DashScopeError(f"DashScope gave more than {max_bytes:,} bytes of results.")
                yield chunk

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes:
        """Empty: that was all."""
        try:
            with anyio.fail_after(self._rest.timeout_s):
                return await anext(chunks, b"")
        except (httpx2.RequestError, TimeoutError) as error:
            raise DashScopeError(
                f"The connection broke while results came in ({type(error).__name__}). Call again: they are kept."
            ) from None
