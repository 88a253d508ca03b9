"""Speech in the sandbox: what is heard is always the same words; a recording without a sound is silence.

Pages: https://help.aliyun.com/zh/model-studio/qwen-asr-api-reference and
.../fun-asr-flash-recorded-speech-recognition-http-api
"""

import re
import wave
from base64 import b64decode
from binascii import Error
from io import BytesIO
from math import ceil
from typing import Any

from .requests import SandboxRequest, as_dict

SAYS = ("这是沙箱的听写，没有调用任何模型。", "Nobody listened to this recording.")
VOICE = {"type": "audio_info", "language": "zh", "emotion": "neutral"}
UNSEEN_S = 10  # a recording by URL
TELLS_SENTENCES = re.compile(r"(qwen-audio-3\.[01]-asr-flash|fun-asr-flash)(?!-filetrans|-message|-realtime)")
BY_TOKENS = "qwen-audio-3.1"
SILENT_NAME = "silence"  # in an address: nothing is said there


def tells_sentences(name: str) -> bool:
    return bool(TELLS_SENTENCES.match(name))


def length_s(address: str) -> int:
    """Begun seconds of a WAV in a data URI; the rest is not looked into."""
    frames, hz, _ = _sound(address)
    return max(1, ceil(frames / hz)) if hz else UNSEEN_S


def heard_text(address: str) -> str:
    return "" if is_silent(address) else "".join(SAYS)


def is_silent(address: str) -> bool:
    _, hz, samples = _sound(address)
    return len(set(samples)) <= 1 if hz else SILENT_NAME in address


def sentences_of(address: str, *, speakers: bool) -> list[dict[str, Any]]:
    """With their times in milliseconds."""
    half = length_s(address) * 500
    return [
        {
            "sentence_id": number,
            "begin_time": number * half,
            "end_time": (number + 1) * half,
            "text": text,
            "words": [],
            **({"speaker_id": number} if speakers else {}),
        }
        for number, text in enumerate(SAYS)
    ]


def sentences_reply(asked: SandboxRequest, request_id: str) -> tuple[int, dict[str, Any]]:
    """The status and the body; without `parameters.format`, and for silence, the one that was seen: 400 and {}."""
    parameters = as_dict(asked.body.get("parameters"))
    address = asked.sounds[0] if asked.sounds else ""
    if not parameters.get("format") or is_silent(address):
        return 400, {}
    speakers = bool(parameters.get("speaker_diarization_enabled"))
    sentences = sentences_of(address, speakers=speakers)
    whole = {**sentences[0], "text": heard_text(address), "end_time": sentences[-1]["end_time"]}
    output = {"text": heard_text(address), "sentence": whole, "sentences": sentences}
    return 200, {"output": output, "usage": usage_of(asked.name, address), "request_id": request_id}


def usage_of(model: str, address: str) -> dict[str, Any]:
    if not model.startswith(BY_TOKENS):
        return {"duration": length_s(address)}
    read, wrote = 25 * length_s(address), len(heard_text(address))
    return {"duration": length_s(address), "input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote}


def _sound(address: str) -> tuple[int, int, bytes]:
    """Samples, of so many a second, and what they are; nothing where it is no WAV that is seen here."""
    try:
        with wave.open(BytesIO(b64decode(address.partition("base64,")[2]))) as sound:
            return sound.getnframes(), sound.getframerate(), sound.readframes(sound.getnframes())
    except (wave.Error, EOFError, Error):
        return 0, 0, b""
