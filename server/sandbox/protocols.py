"""What every protocol has in common: an answer whole or in frames, at a pace, broken where asked."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import anyio

from .replies import SandboxReply
from .requests import BROKEN_STREAMS, FILTERED_PAGES, ApiRefusal, SandboxRequest

CREATED = 1_790_000_000
OUTPUT_FILTERED = {"message": "Output data may contain inappropriate content.", "code": "data_inspection_failed"}


@dataclass(frozen=True)
class Pace:
    """How a stream comes: seconds before each chunk, characters in it."""

    latency_s: float = 0
    chunk: int = 12


STEADY = Pace()


class WireFormat(Protocol):
    def whole(self, asked: SandboxRequest, given: SandboxReply) -> dict[str, Any]: ...

    def frames(self, asked: SandboxRequest, given: SandboxReply, chunk: int) -> Iterator[str]: ...

    def error(self, code: str, message: str) -> str:
        """An error among the frames."""
        ...

    def refusal(self, refusal: ApiRefusal, request_id: str) -> dict[str, Any]: ...


async def frames_of(wire: WireFormat, asked: SandboxRequest, given: SandboxReply, pace: Pace) -> AsyncIterator[str]:
    """The frames, at that pace, and broken where the model's name asks for it."""
    found = False
    for number, frame in enumerate(wire.frames(asked, given, pace.chunk)):
        await anyio.sleep(pace.latency_s)
        if number == 3 and asked.name in BROKEN_STREAMS:
            async for line in _broken(wire, asked.name):
                yield line
            return
        if found and asked.name == FILTERED_PAGES:
            yield wire.error("DataInspectionFailed", "Input data may contain inappropriate content.")
            return
        yield frame
        found = found or any(page["url"] in frame for page in given.pages)


async def _broken(wire: WireFormat, fault: str) -> AsyncIterator[str]:
    if fault == "sandbox-error-in-stream":
        yield wire.error(OUTPUT_FILTERED["code"], OUTPUT_FILTERED["message"])
    while fault == "sandbox-silent":
        yield ": keep-alive\n\n"
        await anyio.sleep(1)


def in_pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
