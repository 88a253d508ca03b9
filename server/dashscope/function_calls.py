"""The calls of functions in a message: `tool_calls`, in pieces or whole, and `function_call`, its older form.

Page: https://help.aliyun.com/zh/model-studio/qwen-api-via-openai-chat-completions: id and name come once, the arguments
in pieces that are joined by `index`. Servers differ: no index, the same id again and again or none, one index for
several calls, arguments that are an object, a whole call in one piece.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..json_text import DECODER, MAX_DEPTH, depth_of
from ..text import is_sendable, repair_surrogates
from .events import FunctionCallDelta

MAX_CALLS = 1_000  # no model makes more
CALL_PARTS = ("id", "name", "arguments")


@dataclass(frozen=True)
class FunctionCall:
    """A function that is to be called. `arguments`: JSON as it came; of a reply that was cut perhaps half."""

    id: str
    name: str
    arguments: str

    @classmethod
    def of(cls, pieces: Sequence[FunctionCallDelta]) -> "FunctionCall":
        joined = ("".join(getattr(piece, part) for piece in pieces) for part in CALL_PARTS)
        return cls(*map(repair_surrogates, joined))

    @property
    def as_object(self) -> dict[str, Any] | None:
        """The arguments, where they are a whole JSON object that can be sent on. Nothing is mended or made up."""
        try:
            value = DECODER.decode(self.arguments)
        except (ValueError, RecursionError):
            return None
        fits = isinstance(value, dict) and depth_of(value) <= MAX_DEPTH
        return value if fits and is_sendable(json.dumps(value, ensure_ascii=False)) else None


@dataclass
class _Begun:
    """A call, as far as it has come."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class CallPieces:
    """Of one reply."""

    def __init__(self) -> None:
        self._calls: list[_Begun] = []
        self._places: dict[int, int] = {}  # the index a server gives -> which call

    def of(self, message: Mapping[str, Any], *, again: bool) -> Iterator[FunctionCallDelta]:
        """What is new in a message; `again`: it says anew what was said before."""
        for position, piece in enumerate(_pieces(message)):
            inner = piece.get("function")
            told = inner if isinstance(inner, dict) else piece
            new = _Begun(_text(piece.get("id")), _text(told.get("name")), [_arguments(told.get("arguments"))])
            if not (new.id or new.name or any(new.arguments)):
                continue
            at = min(position, len(self._calls)) if again else self._place(piece.get("index"), new)
            if at < MAX_CALLS:
                yield from self._joined(at, new, again=again)

    def _place(self, index: Any, new: _Begun) -> int:
        """Which call it belongs to: that of its index, else the last one, unless it begins another."""
        if not (isinstance(index, int) or (isinstance(index, str) and index.isdecimal())):
            known = [at for at, call in enumerate(self._calls) if new.id and call.id == new.id]
            at = known[0] if known else len(self._calls) - 1
            return at if known or (self._calls and not new.name) else len(self._calls)
        at = self._places.setdefault(int(index), len(self._calls))
        before = self._calls[at].id if at < len(self._calls) else ""
        if before and new.name and new.id not in ("", before):
            at = self._places[int(index)] = len(self._calls)  # one index for several calls
        return at

    def _joined(self, at: int, new: _Begun, *, again: bool) -> Iterator[FunctionCallDelta]:
        if at == len(self._calls):
            self._calls.append(_Begun())
        call, (arguments,) = self._calls[at], new.arguments
        if again:
            before = "".join(call.arguments)
            arguments = arguments[len(before) :] if arguments.startswith(before) else ""
        told = FunctionCallDelta(at, "" if call.id else new.id, "" if call.name else new.name, arguments)
        call.id, call.name = call.id or new.id, call.name or new.name
        call.arguments.append(arguments)
        if told.id or told.name or told.arguments:
            yield told


def _pieces(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    calls = message.get("tool_calls")
    listed = calls if isinstance(calls, list) else [calls] if isinstance(calls, dict) else []
    older = message.get("function_call")
    listed = listed or ([{"index": 0, **older}] if isinstance(older, dict) else [])
    return [piece for piece in listed if isinstance(piece, dict)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _arguments(value: Any) -> str:
    """As JSON text, which they are; some servers send the object itself."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
