"""What goes to stderr: never the key, never what may quote a request."""

import logging
import sys
from typing import Any

from ..settings import Settings


class RedactingFormatter(logging.Formatter):
    """Takes the key out of every line, tracebacks included, and what may quote a request out of tracebacks."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._redact = settings.redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))

    def formatException(self, ei: Any) -> str:
        if _quotes_its_input(ei[1]):
            return f"{type(ei[1]).__name__}: its text may quote the request and is left out"
        return super().formatException(ei)


def _quotes_its_input(error: BaseException | None) -> bool:
    if error is None:
        return False
    inner = [error.__cause__, error.__context__, *getattr(error, "exceptions", ())]
    return type(error).__name__ == "ValidationError" or any(map(_quotes_its_input, inner))


def log_to_stderr(settings: Settings) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(settings))
    logging.basicConfig(level=settings.log_level, handlers=[handler])
    for name in ("mcp", "sse_starlette"):  # their DEBUG lines hold whole requests and replies
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))
