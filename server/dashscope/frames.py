"""The frames of a body: server-sent events as servers really send them.

https://html.spec.whatwg.org/multipage/server-sent-events.html, and beyond it: frames parted by one newline, a last
frame without any, fields inside a field, JSON without a field, errors under a field of their own (llama.cpp), a stream
under another content type, one JSON that is no stream, and DashScope's status comment.
"""

import codecs
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, NamedTuple

import httpx2

from ..json_text import json_or_text

MAX_FRAME_CHARS = 64 * 1024 * 1024
DONE = "[DONE]"
LINE_END = re.compile(r"\r\n|\r")
USUAL = "data: {"  # of a frame on one line, as nearly all are
STATUS = re.compile(r":\s*HTTP_STATUS/([1-5]\d\d)\s*")
FIELD = re.compile(r"\s*(?:data|event|id|retry)?:")  # JSON never begins so
DATA_FIELD = re.compile(r"(?:data: ?)+|error: ?(?=\{)")  # gateways that wrap what is wrapped say it twice
MAX_FIELD_CHARS = 64  # of a body, to see whether it is a stream


class Data(NamedTuple):
    """What one frame carries: the value of its JSON, else its text. `status`: that of DashScope's comment beside it."""

    value: Any
    status: int = 200


class FrameTooLong(ValueError):
    """More than anybody sends in one frame."""


async def data_frames(response: httpx2.Response) -> AsyncGenerator[list[Data]]:
    """The data of each frame, as soon as it is whole; together those that come together.

    Raises:
        httpx2.RequestError: the connection broke; what was whole by then came.
        FrameTooLong: a frame does not end.
    """
    # the standard's, whatever the header says; a byte order mark is not data
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
    reader = _Reader(streams="text/event-stream" in response.headers.get("content-type", "").lower())
    try:
        async with _pieces(response) as pieces:
            async for piece in pieces:
                if found := reader.feed(decoder.decode(piece)):
                    yield found
    except httpx2.RequestError:
        yield [data for data in reader.end() if data.value == DONE or isinstance(data.value, dict | list)]
        raise
    if last := [*reader.feed(decoder.decode(b"", final=True)), *reader.end()]:
        yield last


@asynccontextmanager
async def _pieces(response: httpx2.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    """As they come in; the shorter way, where nothing is packed and nothing has been read."""
    stream, longer = response.stream, "content-encoding" in response.headers or response.is_stream_consumed
    if longer or not isinstance(stream, httpx2.AsyncByteStream):
        async with aclosing(response.aiter_bytes()) as unpacked:
            yield unpacked
    else:
        yield aiter(stream)
        await response.aclose()


class _Reader:
    """Text in pieces -> lines -> frames. A body that is no stream is kept whole: it may be one JSON."""

    def __init__(self, *, streams: bool) -> None:
        self._streams = streams
        self._pieces: list[str] = []  # of the line that has not ended
        self._piece_chars = 0
        self._data: list[str] = []  # of the frame that has not ended
        self._data_chars = 0
        self._status = 200
        self._bare = False  # whether that frame is JSON without a field
        self._found: list[Data] = []

    def feed(self, piece: str) -> list[Data]:
        """The frames that are whole now."""
        self._piece_chars += len(piece)
        if self._piece_chars + self._data_chars > MAX_FRAME_CHARS:
            raise FrameTooLong
        self._pieces.append(piece)
        if not self._streams and self._piece_chars - len(piece) < MAX_FIELD_CHARS:
            self._streams = bool(FIELD.match("".join(self._pieces)))
        if self._streams and ("\n" in piece or "\r" in piece):
            self._lines(last=False)
        return self._taken()

    def end(self) -> list[Data]:
        """The frames that come with the end of the body."""
        if self._streams:
            self._lines(last=True)
            return self._taken()
        whole = "".join(self._pieces)
        value = json_or_text(whole)
        if whole.lstrip().startswith("<") or isinstance(value, dict):
            return [Data(value)]
        self._lines(last=True)
        return self._taken() or [Data(value)]

    def _taken(self) -> list[Data]:
        found, self._found = self._found, []
        return found

    def _lines(self, *, last: bool) -> None:
        text = "".join(self._pieces)
        held = "\r" if text.endswith("\r") and not last else ""  # the first half of a line's end, perhaps
        text = text.removesuffix(held)
        lines = (LINE_END.sub("\n", text) if "\r" in text else text).split("\n")
        rest = lines.pop() + held
        self._pieces, self._piece_chars = [rest], len(rest)
        for line in (*lines, *((rest, "") if last else ())):
            self._line(line)

    def _line(self, line: str) -> None:
        if not line:
            if self._data or self._status != 200:
                self._frame()
        elif not self._data and line.startswith(USUAL) and isinstance(read := json_or_text(line[6:]), dict):
            self._found.append(Data(read, self._status))
            self._status = 200
        elif field := DATA_FIELD.match(line):
            value = line[field.end() :]
            if not FIELD.match(value):  # a comment, or another field, that somebody wrapped
                self._more(value)
        elif self._bare or line.startswith("{"):
            self._more(line, bare=True)
        elif status := STATUS.fullmatch(line):
            self._status = int(status[1])

    def _more(self, value: str, *, bare: bool = False) -> None:
        """A line alone that is whole is a frame, though no empty line ends it: what follows may never come."""
        self._data.append(value)
        self._data_chars += len(value)
        self._bare = bare
        if len(self._data) == 1:
            read, whole = _read(value)
            if whole:
                self._frame(read)

    def _frame(self, read: Any = None) -> None:
        """That was all of it; `read`: what it says, where that has been read already."""
        data, status = self._data, self._status
        self._data, self._data_chars, self._status, self._bare = [], 0, 200, False
        if any(map(str.strip, data)):
            self._found.append(Data(_read("\n".join(data))[0] if read is None else read, status))


def _read(text: str) -> tuple[Any, bool]:
    """The value of JSON, else the text; and whether nothing can belong to it any more."""
    if not text.strip() or text.strip(' "') == DONE:
        return text.strip(' "'), True
    value = json_or_text(text)
    return value, value is not text
