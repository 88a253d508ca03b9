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
            if reasoning := delta.get("reasoning_content"):
                yield Reasoned(reasoning)
            if text := delta.get("content"):
                yield Said(text)
            if reason := choice.get("finish_reason"):
                yield Finished(reason)
        if usage := frame.get("usage"):
            yield _counted(usage)


def _counted(usage: Frame) -> Counted:
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    return Counted(
        input_tokens=usage.get("prompt_tokens") or 0,
        output_tokens=usage.get("completion_tokens") or 0,
        reasoning_tokens=completion.get("reasoning_tokens"),
        cached_input_tokens=prompt.get("cached_tokens"),
        image_tokens=prompt.get("image_tokens"),
    )
