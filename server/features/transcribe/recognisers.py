"""Who writes down speech, and what each of them can: https://help.aliyun.com/zh/model-studio/asr-model"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ...catalog import Catalog, Model
from ...dashscope import FileTranscription, SpokenChat, SpokenNative, SpokenSentences, WireProtocol
from ...errors import InvalidRequest

Way = Literal["chat", "native", "sentences", "task"]
WAYS_BY_NAME: tuple[tuple[str, Way], ...] = (
    (r"qwen3-asr-flash(?!-filetrans|-realtime)", "chat"),
    (r"(qwen-audio-3\.[01]-asr-flash|fun-asr-flash)(?!-filetrans|-message|-realtime)", "sentences"),
    (r".+-filetrans|fun-asr(?!-flash|-realtime)|paraformer-(?!realtime)", "task"),
)
NO_COMPATIBLE_DOOR = ("us-east-1",)  # of qwen3-asr-flash
KNOWS_SPEAKERS = re.compile(r"qwen-audio-3\.1-asr-flash|qwen-audio-3.+-filetrans|fun-asr(?!-flash)|paraformer")
NAMED_SINGLY = re.compile(r"qwen3-asr-flash-filetrans")
LONG_RECORDINGS, WITH_SPEAKERS = "qwen3-asr-flash-filetrans", "fun-asr"  # where the model is left to us


@dataclass(frozen=True)
class Wanted:
    """What of a recording is asked for. `seconds`, `size_bytes`: None where nobody knows."""

    times: bool = False
    speakers: bool = False
    context: bool = False
    seconds: float | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class Recogniser:
    name: str
    model: Model | None
    way: Way

    @property
    def protocol(self) -> WireProtocol:
        if self.way == "task":
            return FileTranscription(single=bool(NAMED_SINGLY.match(self.name)))
        if self.way == "sentences":
            return SpokenSentences()
        return SpokenChat() if self.way == "chat" else SpokenNative()

    @property
    def max_seconds(self) -> int | None:
        return max(self.model.limits.audio_seconds, default=None) if self.model else None

    def lacks(self, wanted: Wanted) -> str:
        """What of it this one cannot give; empty: nothing."""
        if wanted.speakers and not KNOWS_SPEAKERS.match(self.name):
            return "does not tell speakers apart"
        if wanted.times and self.way in ("chat", "native"):
            return "tells no times, which this format needs"
        if wanted.context and self.way == "task" and not NAMED_SINGLY.match(self.name):
            return "takes no context"
        if wanted.seconds and self.max_seconds and wanted.seconds > self.max_seconds:
            return f"takes up to {self.max_seconds:,} s, and this has {wanted.seconds:,.0f} s"
        most = self.model.limits.max_file_mb if self.model else None
        if wanted.size_bytes and most and wanted.size_bytes > most * 1_000_000:
            return f"takes up to {most:,} MB, and this has {wanted.size_bytes / 1e6:,.1f} MB"
        return ""


def recogniser(catalog: Catalog, name: str, region: str) -> Recogniser:
    """Raises InvalidRequest: it writes down no speech, or only while it is spoken."""
    model = catalog.find(name)
    way = next((way for pattern, way in WAYS_BY_NAME if re.match(pattern, name)), None)
    if way is None or (model and model.type != "asr"):
        raise InvalidRequest(f"{name} writes down no recorded speech. Use {_named(catalog, Wanted(), region)}.")
    if way == "chat" and region in NO_COMPATIBLE_DOOR:
        way = "native"
    return Recogniser(name, model, way)


def fitting(catalog: Catalog, default: str, wanted: Wanted, region: str) -> Recogniser:
    """The default where it can, else who can: for speakers one, for what is long or timed another."""
    usual = recogniser(catalog, default, region)
    unsure = wanted.seconds is None and usual.way != "task"  # it may be longer than it takes
    if not unsure and not usual.lacks(wanted):
        return usual
    other = recogniser(catalog, WITH_SPEAKERS if wanted.speakers else LONG_RECORDINGS, region)
    if other.model and other.model.regions and region not in other.model.regions:
        return required(catalog, usual, wanted, region)
    return required(catalog, other, wanted, region)


def required(catalog: Catalog, asked: Recogniser, wanted: Wanted, region: str) -> Recogniser:
    """Raises InvalidRequest: it cannot, and who can."""
    if lacks := asked.lacks(wanted):
        raise InvalidRequest(f"{asked.name} {lacks}. Use {_named(catalog, wanted, region)}.")
    return asked


def _named(catalog: Catalog, wanted: Wanted, region: str) -> str:
    return " or ".join(list(_able(catalog, wanted, region))[:2]) or "less at once"


def _able(catalog: Catalog, wanted: Wanted, region: str) -> Iterator[str]:
    for name in (catalog.defaults.get("transcribe", ""), LONG_RECORDINGS, WITH_SPEAKERS, "qwen-audio-3.1-asr-flash"):
        model = catalog.find(name)
        here = model and model.in_service and region in model.regions
        if here and not recogniser(catalog, name, region).lacks(wanted):
            yield name
