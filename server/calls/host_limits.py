"""How long a text each host takes: what is longer it cuts, though that was paid.

Measured with a scripted model in November 2026 (docs/hosts.md); the name is the one a client gives when it connects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mcp.server.context import ServerRequestContext

Limit = TypeVar("Limit")


@dataclass(frozen=True)
class TextLimit:
    """Of one result: characters, and bytes of UTF-8."""

    max_chars: int
    max_bytes: int

    def fitting(self, text: str, start: int = 0) -> int:
        """Where a piece of `text` from `start` must end; at the end of a line, if there is one near."""
        piece = text[start : start + self.max_chars].encode()[: self.max_bytes].decode(errors="ignore")
        if start + len(piece) == len(text):
            return len(text)
        line_end = piece.rfind("\n", len(piece) * 3 // 4)
        return start + (line_end + 1 or len(piece))

    def less(self, chars: int) -> "TextLimit":
        """Where so many characters of our own stand beside it."""
        return TextLimit(self.max_chars - chars, self.max_bytes - 3 * chars)  # of Chinese


HOSTS = {
    "qwen": TextLimit(24_000, 96_000),  # above 25,000 characters: a preview of 2,000
    "claude-code": TextLimit(10_000, 40_000),  # warns above 10,000 tokens, of which a Chinese character may be one
    "cline": TextLimit(7_000, 28_000),  # cuts the middle out of what is above 8,000 characters of JSON
    "codex": TextLimit(9_500, 9_500),  # cuts the middle out of what is above about 10,000 bytes
    "opencode": TextLimit(24_000, 48_000),  # cuts the end off above 50 KiB
    "gemini": TextLimit(26_000, 104_000),  # so many came whole, as in the next two
    "kimi": TextLimit(26_000, 104_000),
    "continue": TextLimit(26_000, 104_000),
}
UNKNOWN = TextLimit(min(limit.max_chars for limit in HOSTS.values()), min(limit.max_bytes for limit in HOSTS.values()))


def of_host(table: Mapping[str, Limit], client_name: str, otherwise: Limit) -> Limit:
    """What a table of hosts says of the one with that name."""
    name = client_name.lower().replace(" ", "-")
    return next((limit for host, limit in table.items() if host in name), otherwise)


def text_limit(client_name: str) -> TextLimit:
    """A client that nobody measured gets the smallest."""
    return of_host(HOSTS, client_name, UNKNOWN)


def client_name(asked: ServerRequestContext[Any, Any]) -> str:
    """As the client introduced itself; empty where it did not."""
    params = asked.session.client_params
    return params.client_info.name if params else ""
