"""The engine of the second reader without its process, loaded once for all stories; a picture is read once.

Of the process tell `tests/test_second_reader.py` and `tests/test_ocr_view.py`.
"""

from typing import Any

from anyio import to_thread
from bailian_mcp.server.files import LocalReader
from bailian_mcp.server.files.reading.engine import Engine


class EngineInHere(LocalReader):
    """With one thread: another is faster only where nothing else is to be done."""

    def __init__(self) -> None:
        super().__init__()
        self._engine = Engine(1)
        self._said: dict[bytes, list[dict[str, Any]]] = {}

    async def said_of(self, content: bytes) -> list[dict[str, Any]]:
        if content not in self._said:
            self._said[content] = await to_thread.run_sync(self._engine.lines, content)
        return self._said[content]
