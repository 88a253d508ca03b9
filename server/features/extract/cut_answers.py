"""An answer that breaks off in the middle of its JSON: the fields that came whole. What is missing is not made up."""

import re
from dataclasses import dataclass
from typing import Any

from ...json_text import MAX_DEPTH, NoJson, json_of, pointer
from ...text import thoughts_apart

JSON_TOKEN = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+("|\Z)|[{}\[\],:]', re.DOTALL
)  # a string, perhaps a cut one; or a mark
CLOSED_BY = {"{": "}", "[": "]"}


@dataclass(frozen=True)
class WholeFields:
    """`last`: the pointer of the last value that came whole; `rest`: what came behind it."""

    value: Any
    last: str
    rest: str


def whole_fields(text: str) -> WholeFields | None:
    """What came whole of the one JSON value that a text breaks off in; None: there is no such value."""
    answer = thoughts_apart(text.strip())[1]
    scan = _Scan(answer)
    if not scan.end:
        return None
    try:
        value = json_of(answer[scan.start : scan.end] + "".join(CLOSED_BY[mark] for mark in reversed(scan.open)))
    except NoJson:
        return None
    return WholeFields(value, pointer(_last(value, len(scan.open))), answer[scan.end :].lstrip(" \n\t,"))


class _Scan:
    """`end`: behind the last whole value, with what is `open` there; 0 where there is none, or its object ended."""

    def __init__(self, text: str) -> None:
        self.start = self.end = 0
        self.open: tuple[str, ...] = ()
        self._stack: list[str] = []
        self._before = ""
        for token in JSON_TOKEN.finditer(text):
            self._take(token[0][0], token)
            if len(self._stack) > MAX_DEPTH or (self._before == "}" and not self._stack):
                self._stack.clear()
                break
        if not self._stack:
            self.end = 0

    def _take(self, mark: str, token: re.Match[str]) -> None:
        """A value is whole before a comma, behind a closing mark, and behind the quote that ends it."""
        if mark in CLOSED_BY:
            self.start = self.start if self._stack else token.start()
            self._stack.append(mark)
        elif self._stack:
            if mark in CLOSED_BY.values():
                self._stack.pop()
            if mark in CLOSED_BY.values() or mark == "," or (token[1] and self._is_value()):
                self.end, self.open = token.start() if mark == "," else token.end(), tuple(self._stack)
        self._before = mark

    def _is_value(self) -> bool:
        return self._stack[-1] == "[" or self._before == ":"


def _last(value: Any, depth: int) -> list[Any]:
    """The way to the last value inside so many levels."""
    path: list[Any] = []
    for _ in range(depth):
        path.append(next(reversed(value)) if isinstance(value, dict) else len(value) - 1)
        value = value[path[-1]]
    return path
