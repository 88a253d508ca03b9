"""From the first byte on: frames -> events, watched by a deadline and for silence. Nothing is sent again."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx2

from ..text import clip, without_markup
from .connection import MAX_ERROR_BYTES, NOT_AGAIN, Connection
from .errors import DashScopeError
from .events import INTERRUPTED, Event, Finish
from .finish_reasons import finish_of
from .frames import DONE, Data, FrameTooLong, data_frames
from .protocols import Frame, WireProtocol
from .reply import Reply

DRAIN_S = 0.5
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError)
MAX_REPLY_CHARS = 4_000_000  # no model writes more
HEARTBEATS: tuple[Any, ...] = (None, [], "")  # data that says nothing


@dataclass(frozen=True)
class ReplyStream:
    """One response as it comes in. `gap_s`: the longest silence between two data lines."""

    connection: Connection
    response: httpx2.Response
    protocol: WireProtocol
    reply: Reply
    deadline: float
    gap_s: float
    timeout_s: float

    async def events(self) -> AsyncGenerator[Event]:
        """Each event once, kept in `reply`.

        Raises:
            DashScopeError: no piece of an answer came. After the first one nothing is raised any more: the last event
                is then `Finish("interrupted", why)`.
        """
        reply = self.reply
        try:
            async with aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    for event in self._told(piece):
                        yield event
            for event in self._ending():
                yield event
        except DashScopeError as error:
            found = reply.search_results and error.kind != "question_filtered"  # paid work, even without a word
            ended = reply.finish and not (error.status or reply.went_on)  # what breaks after the end breaks nothing
            if not (ended or reply.answered or found):
                raise error.with_request(reply.request_id, sandbox=reply.sandbox) from None
            if not reply.finish or reply.went_on:
                yield reply.observe(Finish(INTERRUPTED, str(error), error.kind))

    def _require_bounds(self) -> None:
        if self.reply.chars > MAX_REPLY_CHARS:
            raise DashScopeError(
                f"{self._service} sent more than {MAX_REPLY_CHARS:,} characters. Ask for less at once."
            )

    def _ending(self) -> list[Event]:
        """What the end of the body says beside the frames."""
        if self.response.headers.get("x-dashscope-partialresponse") == "true":
            cut = Finish(INTERRUPTED, f"{self._service} reached its own time limit. {NOT_AGAIN}")
            return [*self.reply.flush(), self.reply.observe(cut)]
        if not self.reply.finish:
            raise DashScopeError(f"{self._service} ended the stream in the middle. {NOT_AGAIN}")
        return self.reply.flush()

    async def _pieces(self) -> AsyncGenerator[list[Data]]:
        """What comes at once; comments and heartbeats do not count as a sign of life."""
        now = asyncio.get_running_loop().time
        # the first line may take as long as the call
        last, limit, ending = now(), self.deadline, False
        try:
            # one for all waits: each in a scope of its own would take as long as what is done with the piece
            async with aclosing(data_frames(self.response)) as frames, asyncio.timeout(None) as waiting:
                while True:
                    waiting.reschedule(min(limit, self.deadline))
                    came = await _next(frames)
                    waiting.reschedule(None)  # whoever reads it takes the time it takes
                    if came is None:
                        return
                    if not (told := [data for data in came if data.value not in HEARTBEATS]):
                        continue
                    yield told
                    last = now()
                    # a whole reply is read to the end of its body, or the connection is lost; but not for long
                    drained, ending = ending, self.reply.whole or self.reply.done
                    if not (drained and ending):
                        limit = last + (DRAIN_S if ending else self.gap_s)
        except TimeoutError:
            if not ending:
                raise self._silence(now() - last, limit < self.deadline) from None

    def _told(self, piece: list[Data]) -> Iterator[Event]:
        for data in piece:
            events, failure = self._read(data)
            yield from map(self.reply.observe, events)
            if failure:
                raise failure

    def _read(self, data: Data) -> tuple[list[Event], DashScopeError | None]:
        """What one frame says, and the failure it tells."""
        if data.value == DONE:
            self.reply.end()
            return [], None
        frame = self._object(data.value)
        self._require_bounds()
        self.reply.request_id = self.reply.request_id or self._request_id(frame)
        return self._decoded(frame, data.status)

    def _decoded(self, frame: Frame, status: int) -> tuple[list[Event], DashScopeError | None]:
        """A failure may come with what was used until then."""
        protocol, safe = self.protocol, self.connection.safe
        events: list[Event] = []
        try:
            if failure := protocol.failure(frame):
                return _readable(protocol, frame), self._failure(failure, status)
            for event in protocol.events(frame):
                events.append(finish_of(safe(event.reason) or "?") if isinstance(event, Finish) else event)
        except UNREADABLE:
            return events, DashScopeError(f"{self._service} sent a line of an unknown form. {NOT_AGAIN}")
        return events, None

    def _failure(self, failure: Frame, status: int) -> DashScopeError:
        """Once an answer has begun, whatever is wrong now, the request was taken."""
        began = self.reply.answered
        return self.connection.error(self.response, failure, status=200 if began else status, began=began)

    def _object(self, frame: Any) -> Frame:
        if not isinstance(frame, dict):
            words = clip(self.connection.redact(without_markup(str(frame)[:MAX_ERROR_BYTES])), 100)
            quoted = f': "{words}"' if words else ""
            raise DashScopeError(
                f"{self._service} sent a line that is no JSON{quoted}. "
                "Call again; if it happens again, check DASHSCOPE_BASE_URL."
            )
        return frame

    def _request_id(self, frame: Frame) -> str:
        told = frame.get("request_id") or frame.get("id")
        return self.connection.safe(str(told).removeprefix("chatcmpl-")) if told else ""

    def _silence(self, seconds: float, gap: bool) -> DashScopeError:
        if gap:
            return DashScopeError(
                f"{self._service} fell silent: nothing for {seconds:.3g} s. Call again if you need the rest."
            )
        return DashScopeError(
            f"The call took longer than {self.timeout_s:g} s. Ask for less at once, or raise BAILIAN_TIMEOUT_S."
        )

    @property
    def _service(self) -> str:
        return self.connection.host.service


def _readable(protocol: WireProtocol, frame: Frame) -> list[Event]:
    """What a frame says beside its failure; nothing where that has no known form."""
    try:
        return [event for event in protocol.events(frame) if not isinstance(event, Finish)]
    except UNREADABLE:
        return []


async def _next(frames: AsyncGenerator[list[Data]]) -> list[Data] | None:
    """None: that was all."""
    try:
        return await anext(frames, None)
    except (httpx2.RequestError, FrameTooLong) as error:
        raise DashScopeError(f"The connection broke in the middle ({type(error).__name__}). {NOT_AGAIN}") from None
