"""What one round of a batch asks: request files in DashScope's form, one model and one thinking mode each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from ...calls.ask import RequestPlan
from ...dashscope import ADVISED_LINE_BYTES, MAX_BATCH_BYTES, MAX_BATCH_LINE_BYTES, MAX_BATCH_LINES, ChatCompletions
from ...errors import InvalidRequest
from .work import json_line

MODE = ("enable_thinking", "thinking_budget", "reasoning_effort")
URL = "/v1/chat/completions"
KEY_HASH_CHARS = 12


def key_of(number: int, round_number: int, plan: RequestPlan) -> str:
    """The custom_id: which input, its how manieth request, and what it asks."""
    said = json.dumps(plan.body, ensure_ascii=False, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    return f"{number}.{round_number}.{sha256(said).hexdigest()[:KEY_HASH_CHARS]}"


def input_of(key: str) -> int:
    """Which input; 0: it is no key of ours."""
    number, _, _ = key.partition(".")
    return int(number) if number.isdecimal() else 0


def round_of(key: str) -> int:
    parts = key.split(".")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else 0


def require_batchable(plan: RequestPlan) -> None:
    """Raises InvalidRequest: a batch cannot ask this."""
    if not isinstance(plan.protocol, ChatCompletions):
        raise InvalidRequest(f'A batch cannot ask {plan.model} so: use how="now".')
    for message in plan.messages:
        content = message.get("content")
        for part in () if isinstance(content, str) or content is None else content:
            if "data:" in str(part.get("image_url", {}).get("url", ""))[:5] or part.get("type") == "file":
                raise InvalidRequest('A batch takes pictures by public https URL only. Give URLs, or use how="now".')


def line_of(key: str, body: Mapping[str, Any]) -> bytes:
    """Raises InvalidRequest: it is longer than a batch takes."""
    line = {"custom_id": key, "method": "POST", "url": URL, "body": body}
    said = json_line(line, repaired=True)
    if len(said) > MAX_BATCH_LINE_BYTES:
        raise InvalidRequest(
            f"It makes a request of {len(said):,} bytes, and a batch takes {MAX_BATCH_LINE_BYTES:,} a line: shorten "
            'it, or use how="now".'
        )
    return said


@dataclass
class _Open:
    name: str
    file: BinaryIO
    lines: int = 0
    size_bytes: int = 0


@dataclass
class RequestFiles:
    """Files of a round as they are written, split where DashScope's limits are. `long_lines`: above what it advises."""

    folder: Path
    round_number: int
    names: list[str] = field(default_factory=list)
    lines: int = 0
    long_lines: int = 0
    _open: dict[str, _Open] = field(default_factory=dict)

    def add(self, body: Mapping[str, Any], line: bytes) -> None:
        kind = json.dumps([body.get("model"), *(body.get(name) for name in MODE)])
        now = self._open.get(kind)
        if now is None or now.lines >= MAX_BATCH_LINES or now.size_bytes + len(line) > MAX_BATCH_BYTES:
            now = self._open[kind] = self._begun(now)
        now.file.write(line)
        now.lines += 1
        now.size_bytes += len(line)
        self.lines += 1
        self.long_lines += len(line) > ADVISED_LINE_BYTES

    def _begun(self, full: _Open | None) -> _Open:
        if full:
            full.file.close()
        name = f"requests-{self.round_number}-{len(self.names) + 1}.jsonl"
        self.names.append(name)
        return _Open(name, (self.folder / name).open("wb"))

    def close(self) -> list[str]:
        """Their names."""
        for each in self._open.values():
            each.file.close()
        return self.names
