"""Sound and film: told by what is at their beginning, never by a name; how long they are, as their headers say."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal, NoReturn

from ..errors import InvalidRequest
from .media_lengths import (
    Length,
    avi_length,
    flac_length,
    mp3_length,
    mp4_length,
    ogg_length,
    wav_length,
)

MediaKind = Literal["audio", "video"]
AUDIO_ENDINGS = ("wav", "mp3", "m4a", "flac", "ogg", "oga", "opus", "aac", "amr", "wma")
VIDEO_ENDINGS = ("mp4", "m4v", "mov", "avi", "mkv", "webm", "flv", "mpeg", "mpg", "wmv")
EBML, ASF = b"\x1a\x45\xdf\xa3", bytes.fromhex("3026b2758e66cf11")
SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")
PICTURE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")
OGG_SOUNDS = {b"OpusHead": "opus", b"\x01vorbis": "ogg", b"Speex   ": "ogg", b"\x7fFLAC": "ogg"}
# No sound is denser, and no film: what claims to be shorter than so many bytes a second allow is not believed
MAX_BYTES_PER_S = {"audio": 3_000_000, "video": 60_000_000}
HEADER_BYTES = 16_384  # that a short one may have beside its sound
MAX_LENGTH_S = 30 * 24 * 3600


@dataclass(frozen=True)
class Media:
    """What a beginning tells. `read`: how its length is found; None: it is not."""

    kind: MediaKind
    format: str
    read: Callable[[BinaryIO, int], Length] | None = None


@dataclass
class MediaFile:
    """A file of sound or film, open. `seconds`: None where its header does not say, or nobody could believe it."""

    name: str
    file: BinaryIO
    kind: MediaKind
    format: str
    size_bytes: int
    seconds: float | None = None
    size_px: tuple[int, int] | None = None

    @property
    def mime(self) -> str:
        return f"{self.kind}/{self.format}"

    def content(self) -> bytes:
        self.file.seek(0)
        return self.file.read(self.size_bytes)

    def close(self) -> None:
        self.file.close()

    def refuse(self) -> NoReturn:
        """Raises InvalidRequest: where texts and images alone are read."""
        raise InvalidRequest(refused_media(self.name, self.kind))


def refused_media(name: str, kind: MediaKind) -> str:
    what = "sound: `transcribe` (BAILIAN_TOOLS=media) writes it down" if kind == "audio" else "film"
    return f"{name} is {what}, and `chat` takes it with a model that can."


def media_kind(ending: str) -> MediaKind | None:
    """What a URL names, of which nobody sees more than its name."""
    return "audio" if ending in AUDIO_ENDINGS else "video" if ending in VIDEO_ENDINGS else None


def media_of(head: bytes) -> Media | None:
    """What a file is whose first bytes these are; None: neither sound nor film."""
    return _riff(head) or _boxed(head) or _ogg(head) or _matroska(head) or _marked(head) or _bare_frames(head)


def opened_media(name: str, file: BinaryIO, size_bytes: int, found: Media) -> MediaFile:
    """With its length, as far as that can be told from headers of sane size."""
    length = Length()
    if found.read:
        try:
            length = found.read(file, size_bytes)
        except (struct.error, ArithmeticError, ValueError, IndexError, OSError):  # cut short, or broken on purpose
            length = Length()
    kind: MediaKind = "audio" if found.kind == "video" and length.has_picture is False else found.kind
    form = "m4a" if kind != found.kind and found.format in ("mp4", "mov") else found.format
    seconds = _believed(length.seconds, size_bytes, length.max_bytes_per_s or MAX_BYTES_PER_S[kind])
    return MediaFile(name, file, kind, form, size_bytes, seconds, length.size_px)


def _believed(seconds: float | None, size_bytes: int, max_bytes_per_s: float) -> float | None:
    """A length for which the file is too large is that of a part of it, and a cap would hold too little."""
    if seconds is None or not (size_bytes - HEADER_BYTES) / max_bytes_per_s <= seconds <= MAX_LENGTH_S:
        return None
    return seconds


def _riff(head: bytes) -> Media | None:
    if head[:4] not in (b"RIFF", b"RF64"):
        return None
    kinds = {b"WAVE": Media("audio", "wav", wav_length), b"AVI ": Media("video", "avi", avi_length)}
    return kinds.get(head[8:12])


def _boxed(head: bytes) -> Media | None:
    """MP4 and QuickTime; pictures come in such boxes, too."""
    brand = head[8:12]
    if head[4:8] in (b"moov", b"mdat", b"wide") and head[:4] != bytes(4):  # QuickTime of before 2001
        return Media("video", "mov", mp4_length)
    if head[4:8] != b"ftyp" or brand in PICTURE_BRANDS:
        return None
    if brand in SOUND_BRANDS:
        return Media("audio", "m4a", mp4_length)
    return Media("video", "mov" if brand == b"qt  " else "mp4", mp4_length)


def _ogg(head: bytes) -> Media | None:
    if not head.startswith(b"OggS"):
        return None
    sound = next((form for mark, form in OGG_SOUNDS.items() if mark in head[:256]), "")
    return Media("audio", sound, ogg_length) if sound else Media("video", "ogg")


def _matroska(head: bytes) -> Media | None:
    """Its kind is the codecs that it names; where none is named so early, it is film."""
    if not head.startswith(EBML):
        return None
    form = "webm" if b"webm" in head[:64] else "mkv"
    sound_only = b"A_" in head and b"V_" not in head
    return Media("audio" if sound_only else "video", form)


def _marked(head: bytes) -> Media | None:
    if head.startswith(b"fLaC"):
        return Media("audio", "flac", flac_length)
    if head.startswith(b"#!AMR"):
        return Media("audio", "amr")
    if head.startswith(ASF):
        return Media("video", "wmv")
    if head.startswith(b"FLV\x01"):
        return Media("video", "flv") if head[4:5] and head[4] & 1 else Media("audio", "flv")
    if head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")):
        return Media("video", "mpeg")
    return None


def _bare_frames(head: bytes) -> Media | None:
    """MP3 and AAC begin with a tag, or with a frame at once."""
    if head.startswith(b"ID3") and len(head) > 10 and head[3] < 0xFF:
        return Media("audio", "mp3", mp3_length)
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    layer, rate = head[1] >> 1 & 3, head[2] >> 2 & 3
    if layer == 0 and head[1] & 0xF0 == 0xF0:
        return Media("audio", "aac")
    valid = layer == 1 and head[1] >> 3 & 3 != 1 and rate != 3 and head[2] >> 4 not in (0, 15)
    return Media("audio", "mp3", mp3_length) if valid else None
