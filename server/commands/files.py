"""`bailian-mcp files`: what the account keeps at DashScope, where files never expire, and how it goes away."""

import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import anyio

from ..catalog import in_beijing
from ..dashscope import OUR_FILES, DashScope, DashScopeError, StoredFile, StoredFiles
from ..settings import BadSettings, Settings, read_settings
from ..text import shown

FILE_COLUMNS = ("id", "name", "purpose", "MB", "day")


def main(delete: Sequence[str], *, ours: bool) -> int:
    """The command: 0 when all of it could be done."""
    try:
        settings = read_settings()
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if trouble := settings.host.trouble:
        sys.stderr.write(f"{trouble}\n")
        return 2
    if settings.host.kind != "dashscope":
        sys.stderr.write("Only DashScope itself keeps files: no plan and no other server does.\n")
        return 2
    return anyio.run(_run, settings, delete, ours)


async def _run(settings: Settings, delete: Sequence[str], ours: bool) -> int:
    client = DashScope(settings.host, settings.api_key, redact=settings.redact, timeout_s=settings.timeout_s)
    async with client:
        files = StoredFiles(client.rest)
        try:
            if delete or ours:
                found = [file.id async for file in _of_ours(files)] if ours else []
                return await _deleted(files, [*delete, *found])
            sys.stdout.write(_table([file async for file in files.listed()]))
        except DashScopeError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


async def _of_ours(files: StoredFiles) -> AsyncIterator[StoredFile]:
    """Documents: what a batch has there it still needs."""
    async for file in files.listed("file-extract"):
        if file.is_ours:
            yield file


async def _deleted(files: StoredFiles, ids: Sequence[str]) -> int:
    failed = 0
    for id in ids:
        try:
            await files.delete(id)
        except DashScopeError as error:
            failed += 1
            sys.stderr.write(f"{shown(id)}: {error}\n")
    sys.stdout.write(f"{len(ids) - failed} of {len(ids)} files are deleted.\n")
    return int(failed > 0)


def _table(files: Sequence[StoredFile]) -> str:
    if not files:
        return "No file lies at DashScope.\n"
    rows = [FILE_COLUMNS, *map(_row, files)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    ours, size = sum(file.is_ours for file in files), sum(file.size_bytes for file in files) / 1e6
    lines += [
        "",
        f"{len(files)} files, {size:.1f} MB; {ours} of them are this program's ({OUR_FILES}...). They never expire: "
        "--delete ID... or --delete-ours.",
    ]
    return "".join(f"{line}\n" for line in lines)


def _row(file: StoredFile) -> tuple[str, ...]:
    return (
        shown(file.id),
        shown(file.name),
        shown(file.purpose),
        f"{file.size_bytes / 1e6:.3f}",
        _day(file),
    )


def _day(file: StoredFile) -> str:
    """Beijing's."""
    try:
        return str(in_beijing(datetime.fromtimestamp(file.created_at, UTC)).date())
    except (OverflowError, ValueError, OSError):  # no moment at all
        return "?"
