"""Batches: a file of requests that DashScope answers within a day or more, at half price.

Page: https://help.aliyun.com/zh/model-studio/batch-interfaces-compatible-with-openai. To create one is not idempotent:
our own name, `ds_name`, finds it again. A batch can be asked for 30 days.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..json_text import dict_of
from .errors import DashScopeError
from .rest import Rest, in_path, names_one, rows_of, tells

OVER = ("completed", "failed", "expired", "cancelled")
ENDPOINT = "/v1/chat/completions"
MAX_BATCH_LINES, MAX_BATCH_BYTES = 50_000, 500_000_000
MAX_BATCH_LINE_BYTES = 6_000_000  # the API page and its script; the guide's rule says 1 MB
ADVISED_LINE_BYTES = 1_000_000
PAGE_BATCHES = 100
MAX_BATCH_NAME_CHARS = 100


@dataclass(frozen=True)
class FileBatch:
    """`errors`: why it failed its validation, in DashScope's words. Counts are of lines."""

    id: str
    name: str
    status: str
    output_file_id: str = ""
    error_file_id: str = ""
    total: int = 0
    completed: int = 0
    failed: int = 0
    errors: tuple[str, ...] = ()
    sandbox: bool = False

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> "FileBatch":
        """Raises DashScopeError: a reply of an unknown form."""
        if not (id := names_one(reply, "id")):
            raise DashScopeError("DashScope gave a batch without an id. Call again.")
        counts, names = dict_of(reply.get("request_counts")), dict_of(reply.get("metadata"))
        total, completed, failed = (_count(counts.get(name)) for name in ("total", "completed", "failed"))
        return cls(
            id,
            tells(names, "ds_name"),
            tells(reply, "status"),
            names_one(reply, "output_file_id"),
            names_one(reply, "error_file_id"),
            total,
            completed,
            failed,
            tuple(_errors(reply)),
            sandbox=reply.get("sandbox") is True,
        )


class Batches:
    """The batches of the account. All raise DashScopeError."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def create(self, file_id: str, name: str, window: str) -> FileBatch:
        """`name`: our own, at most 100 characters; `window`: 24h to 336h. What may have been created is not again."""
        body = {
            "input_file_id": file_id,
            "endpoint": ENDPOINT,
            "completion_window": window,
            "metadata": {"ds_name": name[:MAX_BATCH_NAME_CHARS]},
        }
        return FileBatch.of(await self._rest.json("POST", "/batches", body))

    async def told(self, id: str) -> FileBatch:
        return FileBatch.of(await self._rest.json("GET", f"/batches/{in_path(id)}"))

    async def cancel(self, id: str) -> FileBatch:
        """What is answered by then is billed."""
        return FileBatch.of(await self._rest.json("POST", f"/batches/{in_path(id)}/cancel", {}))

    async def named(self, name: str) -> FileBatch | None:
        """The one we gave that name, if it was created."""
        reply = await self._rest.json("GET", "/batches", params={"ds_name": name, "limit": str(PAGE_BATCHES)})
        given = {"sandbox": reply.get("sandbox")}
        rows = [FileBatch.of({**row, **given}) for row in rows_of(reply) if names_one(row, "id")]
        return next((row for row in rows if row.name == name), None)


def _errors(reply: Mapping[str, Any]) -> Iterator[str]:
    for error in rows_of(dict_of(reply.get("errors"))):
        line = f" (line {error['line']})" if isinstance(error.get("line"), int) else ""
        yield f"{tells(error, 'code')}: {tells(error, 'message')}{line}"


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
