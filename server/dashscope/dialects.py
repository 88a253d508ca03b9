"""DashScope's protocols: for each its path, its headers, and how a frame of its stream becomes events."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from .events import Counted, Event, Finished, Reasoned, Said

Frame = Mapping[str, Any]


class Dialect(Protocol):
    """One reply's decoder: made anew for each request, so it may remember what it has seen."""

    path: str
    headers: Mapping[str, str]

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """`body` with what makes the reply a stream that reports its usage."""
        ...

    def events(self, frame: Frame) -> Iterator[Event]:
        """What one frame of the stream says."""
        ...


class ChatCompletions:
    """OpenAI-compatible chat completions.

    Page: https://help.aliyun.com/zh/model-studio/qwen-api-via-openai-chat-completions
    The usage frame has `choices: []`; `content` and `reasoning_content` may be null or "".
    """

    path = "/compatible-mode/v1/chat/completions"
    headers: Mapping[str, str] = {}

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**body, "stream": True, "stream_options": {"include_usage": True}}

    def events(self, frame: Frame) -> Iterator[Event]:
        for choice in frame.get("choices") or ():
            delta = choice.get("delta") or choice.get("message") or {}
            if reasoning := _text(delta.get("reasoning_content")):
                yield Reasoned(reasoning)
            if text := _text(delta.get("content")):
                yield Said(text)
            if reason := choice.get("finish_reason"):
                yield Finished(str(reason))
        if usage := frame.get("usage"):
            yield from _counted(usage)


def _text(content: Any) -> str:
    """Text that comes as a string, as a list of parts, or not at all."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content)
    if content is not None and not isinstance(content, str):
        raise TypeError("content is neither text nor a list of parts")
    return content or ""


def _counted(usage: Frame) -> Iterator[Counted]:
    """The counts, unless they are no counts: then usage is unknown, which is better than wrong."""
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    input_tokens, output_tokens = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if input_tokens is not None and output_tokens is not None:
        yield Counted(
            input_tokens,
            output_tokens,
            reasoning_tokens=_count(completion.get("reasoning_tokens")),
            cached_input_tokens=_count(prompt.get("cached_tokens")),
            image_tokens=_count(prompt.get("image_tokens")),
        )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
