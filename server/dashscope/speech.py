"""Speech that becomes text: the forms in which DashScope's models are asked for it, and in which they answer.

Pages: https://help.aliyun.com/zh/model-studio/qwen-asr-api-reference (qwen3-asr-flash, at two doors; -filetrans),
.../fun-asr-flash-recorded-speech-recognition-http-api (qwen-audio-3.x-asr-flash, fun-asr-flash),
.../fun-asr-recorded-speech-recognition-http-api and .../paraformer-recorded-speech-recognition-restful-api (tasks).

Requests come as messages of chat completions: a system text is the context (names and words that may occur), the one
`input_audio` is what is heard. Beside them `language`, `speakers` (0: however many) and `format`.
"""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from ..json_text import dict_of, dicts_of
from ..text import repair_surrogates
from .error_bodies import is_failure
from .events import Event, Finish, Heard, SpokenSentence, TextDelta, UsageReport
from .protocols import MAX_TOKEN_COUNT, Api, Frame

MAX_SENTENCES = 100_000
MAX_VOICE_CHARS = 40
MAX_CONTEXT_CHARS = 400  # of a round of the native form
SYNCHRONOUS = "/services/aigc/multimodal-generation/generation"


class SpokenChat:
    """qwen3-asr-flash at the compatible door: a text, and what kind of voice it was."""

    api: Api = "compatible"
    takes_budget = False
    path = "/chat/completions"
    headers: Mapping[str, str] = {}

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        messages = [*_context(body, {"type": "text"}), {"role": "user", "content": [_audio_part(body)]}]
        return {"model": body["model"], "messages": messages, "stream": False, "asr_options": _asr_options(body)}

    def failure(self, frame: Frame) -> Frame | None:
        return None if frame.get("choices") else frame if is_failure(frame) else None

    def events(self, frame: Frame) -> Iterator[Event]:
        yield from _chosen(frame.get("choices"), frame)


class SpokenNative:
    """The same model at the native door, which it has in every region. Silence is an empty list."""

    api: Api = "native"
    takes_budget = False
    path = SYNCHRONOUS
    headers: Mapping[str, str] = {"X-DashScope-SSE": "disable"}

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        messages = [*_context(body, {}), {"role": "user", "content": [{"audio": _heard_address(body)}]}]
        return {
            "model": body["model"],
            "input": {"messages": messages},
            "parameters": {"asr_options": _asr_options(body)},
        }

    def failure(self, frame: Frame) -> Frame | None:
        return None if "output" in frame else frame if is_failure(frame) else None

    def events(self, frame: Frame) -> Iterator[Event]:
        yield from _chosen(dict_of(frame.get("output")).get("choices"), frame)


class SpokenSentences:
    """qwen-audio-3.x-asr-flash and fun-asr-flash: sentences with their times. `parameters.format` must be there."""

    api: Api = "native"
    takes_budget = False
    path = SYNCHRONOUS
    headers: Mapping[str, str] = {"X-DashScope-SSE": "disable"}

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        context = "".join(_context_of(body))[:MAX_CONTEXT_CHARS]
        told = [{"role": "user", "content": [{"type": "input_text", "text": context}]}] if context else []
        audio = {"type": "input_audio", "input_audio": {"data": _heard_address(body)}}
        parameters: dict[str, Any] = {"format": body["format"]}
        parameters |= {"language_hints": [body["language"]]} if body.get("language") else {}
        parameters |= {"speaker_diarization_enabled": True} if "speakers" in body else {}
        messages = [*told, {"role": "user", "content": [audio]}]
        return {"model": body["model"], "input": {"messages": messages}, "parameters": parameters}

    def failure(self, frame: Frame) -> Frame | None:
        return None if "output" in frame else frame if is_failure(frame) else None

    def events(self, frame: Frame) -> Iterator[Event]:
        """The guide prints the text in three places: `text`, `sentence.text`, and the second within a second output."""
        output = dict_of(frame.get("output"))
        inner = dict_of(output.get("output"))
        single = dict_of(output.get("sentence")) or dict_of(inner.get("sentence"))
        rows = (
            dicts_of(output.get("sentences")) or dicts_of(inner.get("sentences")) or [row for row in (single,) if row]
        )
        text = _word(output, "text") or _word(single, "text") or "".join(_word(row, "text") for row in rows)
        if text:
            yield TextDelta(text)
        yield Heard(tuple(map(_sentence, rows)))
        yield Finish("stop")
        yield from counted_audio(dict_of(frame.get("usage")))


class FileTranscription:
    """A task that writes down a file: https only, or what lies in temporary storage.

    `single`: qwen3-asr-flash-filetrans names its file otherwise, and takes a text as context.
    """

    api: Api = "native"
    takes_budget = False
    path = "/services/audio/asr/transcription"
    headers: Mapping[str, str] = {"X-DashScope-Async": "enable"}

    def __init__(self, *, single: bool) -> None:
        self._single = single

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        address = _heard_address(body)
        language, context = body.get("language"), "".join(_context_of(body))
        parameters: dict[str, Any] = {"channel_id": [0]}  # each other track is billed, too
        if self._single:
            parameters |= {"language": language} if language else {}
            parameters |= {"corpus": {"text": context}} if context else {}
            return {"model": body["model"], "input": {"file_url": address}, "parameters": parameters}
        parameters |= {"language_hints": [language]} if language else {}
        if "speakers" in body:
            parameters |= {"diarization_enabled": True}
            parameters |= {"speaker_count": body["speakers"]} if body["speakers"] else {}
        return {"model": body["model"], "input": {"file_urls": [address]}, "parameters": parameters}

    def failure(self, frame: Frame) -> Frame | None:
        """A task that failed has left no file."""
        return None

    def events(self, frame: Frame) -> Iterator[Event]:
        """Of the file that a task left."""
        tracks = dicts_of(frame.get("transcripts"))
        rows = [row for track in tracks for row in dicts_of(track.get("sentences"))][:MAX_SENTENCES]
        whole = "\n".join(filter(None, (_word(track, "text") for track in tracks)))
        if text := whole or "".join(_word(row, "text") for row in rows):
            yield TextDelta(text)
        sentences = tuple(map(_sentence, rows))
        yield Heard(sentences, _shared(sentences, "language"), _shared(sentences, "emotion"))
        yield Finish("stop")


def counted_audio(usage: Frame) -> Iterator[UsageReport]:
    """Seconds, under either of two names, with the tokens beside them where those are told."""
    told = [usage[name] for name in ("seconds", "duration") if _is_number(usage.get(name))]
    seconds = told[0] if told else None
    tokens = [
        _token_count(usage, "prompt_tokens", "input_tokens"),
        _token_count(usage, "completion_tokens", "output_tokens"),
    ]
    if seconds is None and None in tokens:
        return
    read = dict_of(usage.get("prompt_tokens_details")) or dict_of(usage.get("input_tokens_details"))
    yield UsageReport(
        tokens[0] or 0,
        tokens[1] or 0,
        reasoning_tokens=None,
        cached_input_tokens=None,
        image_tokens=None,
        audio_tokens=_token_count(read, "audio_tokens"),
        audio_seconds=None if seconds is None else ceil(seconds),
    )


# --- what is asked ---


def _context_of(body: Mapping[str, Any]) -> Iterator[str]:
    for message in body["messages"]:
        if message["role"] == "system":
            yield str(message["content"])


def _context(body: Mapping[str, Any], kind: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"role": "system", "content": [{**kind, "text": text}]} for text in _context_of(body)]


def _audio_part(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": _heard_address(body)}}


def _heard_address(body: Mapping[str, Any]) -> str:
    (part,) = body["messages"][-1]["content"]
    return str(part["input_audio"]["data"])


def _asr_options(body: Mapping[str, Any]) -> dict[str, Any]:
    language = {"language": body["language"]} if body.get("language") else {}
    return {**language, "enable_itn": False}


# --- what is answered ---


def _chosen(choices: Any, frame: Frame) -> Iterator[Event]:
    choice = next(iter(dicts_of(choices)), {})
    message = dict_of(choice.get("message"))
    if text := _text_in(message.get("content")):
        yield TextDelta(text)
    voice = next((row for row in dicts_of(message.get("annotations")) if row.get("type") == "audio_info"), {})
    yield Heard((), _word(voice, "language")[:MAX_VOICE_CHARS], _word(voice, "emotion")[:MAX_VOICE_CHARS])
    yield Finish(str(choice.get("finish_reason") or "stop"))
    yield from counted_audio(dict_of(frame.get("usage")))


def _text_in(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(_word(part, "text") for part in dicts_of(content))


def _sentence(row: Frame) -> SpokenSentence:
    language, emotion = (_word(row, name)[:MAX_VOICE_CHARS] for name in ("language", "emotion"))
    times = [_whole(row.get(name)) for name in ("begin_time", "end_time", "speaker_id")]
    return SpokenSentence(_word(row, "text"), times[0], times[1], times[2], language, emotion)


def _shared(sentences: tuple[SpokenSentence, ...], name: str) -> str:
    """What all say, or the only one said."""
    told = {value for sentence in sentences if (value := str(getattr(sentence, name)))}
    return told.pop() if len(told) == 1 else ""


def _word(row: Frame, name: str) -> str:
    """JSON can name half a letter, which no host's wire can carry."""
    value = row.get(name)
    return repair_surrogates(value) if isinstance(value, str) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_TOKEN_COUNT


def _whole(value: Any) -> int | None:
    return int(value) if _is_number(value) else None


def _token_count(counts: Frame, *names: str) -> int | None:
    return next((found for name in names if (found := _whole(counts.get(name))) is not None), None)
