"""Whether two files hold the same."""

import os
from hashlib import file_digest
from pathlib import Path

from anyio import to_thread

from ..errors import InvalidRequest
from .paths import open_within
from .sources import MAX_FILE_BYTES, named_path, names_a_path

MAX_DIGESTED_BYTES = max(MAX_FILE_BYTES.values())


async def digest(source: str, folders: tuple[Path, ...]) -> str:
    """A hash of what a path names; of a URL or a data URI, which say it themselves, nothing.

    Raises:
        InvalidRequest: it cannot be read, or is outside the allowed folders.
    """
    if not names_a_path(source):
        return ""
    return await to_thread.run_sync(_digest, source, folders, abandon_on_cancel=True)


def _digest(source: str, folders: tuple[Path, ...]) -> str:
    with open_within(named_path(source, folders), folders) as file:
        if os.fstat(file.fileno()).st_size > MAX_DIGESTED_BYTES:
            raise InvalidRequest("The file is larger than any that is read. Split it.")
        return file_digest(file, "sha256").hexdigest()
