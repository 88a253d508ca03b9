"""Documents that lie at DashScope for questions about them: uploaded once, deleted when this process ends.

Files there never expire by themselves: https://help.aliyun.com/zh/model-studio/openai-file-interface
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from hashlib import blake2b, file_digest
from math import inf
from secrets import token_bytes
from types import TracebackType
from typing import BinaryIO, Self

import anyio
from anyio import to_thread

from ..dashscope import OUR_FILES, DashScopeError, StoredFile, StoredFiles

CLOSE_S = 2.0  # hosts wait no longer for a process to end
SELDOM_S = 5.0
NAME_CHARS = 8
GONE = 404
AS_READ, NEVER_READ = ("processed", ""), ("error", "failed", "cancelled", "deleted", "expired")
BeforeUpload = Callable[[], Awaitable[None]]


class Shelf:
    """Of one process. `async with Shelf() as shelf`: what lies there at the end of the block is deleted.

    The same content of the same owner is one file; another owner's is another, whatever it holds. Names tell nothing:
    their letters are made with a secret of this process. What nobody asks about for `idle_s` goes earlier.
    """

    def __init__(self, idle_s: float = 3_600, first_look_s: float = 1.0) -> None:
        """`first_look_s`: after which it is first looked whether DashScope has read a file."""
        self._idle_s = idle_s
        self.first_look_s = first_look_s
        self._secret = token_bytes(32)
        self._lying: dict[str, StoredFile] = {}
        self._used: dict[str, float] = {}
        self._locks: dict[str, anyio.Lock] = {}
        self._perhaps: set[str] = set()  # names of uploads of which nobody heard how they ended
        self._files: StoredFiles | None = None
        self._tokens: dict[tuple[str, ...], int] = {}  # of the documents of a question, as DashScope counted

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._files is None:
            return
        with anyio.move_on_after(CLOSE_S, shield=True):
            await self._clear(self._files)
        if left := [*(file.id for file in self._lying.values()), *self._perhaps]:
            logging.getLogger("bailian_mcp").warning(
                "These files may still lie at DashScope, where they never expire: %s. `bailian-mcp files` lists and "
                "deletes them.",
                ", ".join(left),
            )

    async def put(
        self,
        files: StoredFiles,
        owner: str,
        content: BinaryIO,
        suffix: str,
        *,
        timeout_s: float,
        before_upload: BeforeUpload | None = None,
    ) -> StoredFile:
        """A file with that content, read by DashScope. Whoever asks for the same meanwhile waits for it.

        Raises:
            DashScopeError: it could not be stored, or not be read.
        """
        key = await to_thread.run_sync(self._key, owner, suffix, content)
        self._used[key] = anyio.current_time()
        await self._tidy(files)
        async with self._locks.setdefault(key, anyio.Lock()):
            if key not in self._lying:
                if before_upload:
                    await before_upload()
                self._lying[key] = await self._uploaded(files, f"{OUR_FILES}{key[:NAME_CHARS]}{suffix}", content)
            if self._lying[key].status not in AS_READ:
                self._lying[key] = await self._read(files, key, timeout_s)
            return self._lying[key]

    async def drop(self, files: StoredFiles, ids: Sequence[str]) -> None:
        """One of them at least is gone, and all are stored again: what may still be there is deleted, now or later."""
        dropped = [file for file in self._lying.values() if file.id in ids]
        self._forget(ids)
        for file in dropped:
            self._lying[file.id], self._used[file.id] = file, -inf  # under no key that anybody asks for
            await self._delete(files, file)

    def _forget(self, ids: Sequence[str]) -> None:
        """They are gone."""
        self._lying = {key: file for key, file in self._lying.items() if file.id not in ids}

    def counted(self, ids: Sequence[str]) -> int | None:
        """Input tokens of a question about these documents, where one was asked before."""
        return self._tokens.get(tuple(ids))

    def count(self, ids: Sequence[str], tokens: int) -> None:
        self._tokens[tuple(ids)] = tokens

    def _key(self, owner: str, suffix: str, content: BinaryIO) -> str:
        content.seek(0)
        given = file_digest(content, partial(blake2b, key=self._secret))  # type: ignore[arg-type]  # files have readinto
        given.update(f"\0{owner}\0{suffix}".encode())
        return given.hexdigest()

    async def _uploaded(self, files: StoredFiles, name: str, content: BinaryIO) -> StoredFile:
        """An earlier upload of the same that broke off is still looked for at the end."""
        self._files, broke_off = files, name in self._perhaps
        self._perhaps.add(name)
        try:
            stored = await files.upload("file-extract", name, content)
        except DashScopeError as error:
            if error.refused_at_once and not broke_off:
                self._perhaps.discard(name)
            raise
        if not broke_off:
            self._perhaps.discard(name)
        return stored

    async def _read(self, files: StoredFiles, key: str, timeout_s: float) -> StoredFile:
        """As it is once DashScope has read it; what it cannot read is deleted."""
        file, wait_s = self._lying[key], self.first_look_s
        with anyio.move_on_after(timeout_s):
            while file.status not in (*AS_READ, *NEVER_READ):
                await anyio.sleep(wait_s)
                file, wait_s = await files.told(file.id), min(wait_s * 1.5, SELDOM_S)
        if file.status in NEVER_READ:
            await self._delete(files, file)
            raise DashScopeError(
                "DashScope could not read the file. Save it as PDF, DOCX or TXT with a text in it, and give that."
            )
        if file.status not in AS_READ:
            raise DashScopeError(
                f"DashScope has not read the file within {timeout_s:g} s, and goes on. Call again in a minute: it is "
                "not uploaded again."
            )
        return file

    # --- what is deleted ---

    async def _tidy(self, files: StoredFiles) -> None:
        """What nobody has asked about for long."""
        old = anyio.current_time() - self._idle_s
        for file in [file for key, file in self._lying.items() if self._used[key] < old]:
            await self._delete(files, file)

    async def _clear(self, files: StoredFiles) -> None:
        """All of it, those too whose upload broke off: they are found by their names."""
        async with anyio.create_task_group() as tasks:
            for file in list(self._lying.values()):
                tasks.start_soon(self._delete, files, file)
            with suppress(DashScopeError):
                async for file in _named(files, self._perhaps):
                    self._lying[file.id] = file
                    tasks.start_soon(self._delete, files, file)
                self._perhaps.clear()

    async def _delete(self, files: StoredFiles, file: StoredFile) -> None:
        """It stays among those that lie there where that fails."""
        try:
            await files.delete(file.id)
        except DashScopeError as error:
            if error.status != GONE:
                return
        self._forget([file.id])


async def _named(files: StoredFiles, names: Collection[str]) -> AsyncIterator[StoredFile]:
    if names:
        async for file in files.listed("file-extract"):
            if file.name in names:
                yield file
