"""How long sound and film are, by their headers alone: a few reads of bounded size, whatever sizes the headers claim.

A header may be wrong, or lie: whoever uses a length asks whether it can be (`media._believed`).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_BOXES, MAX_CHUNKS = 512, 64
MAX_MOOV_BYTES = 8_000_000  # of an index that is read; a film of hours has less
TAIL_BYTES = 65_536  # a page of Ogg is no longer
MORE_BESIDE = 1.25  # of a file, beside its sound: tags and a picture. What has more holds sound that was not counted
MAX_MP3_BYTES_PER_S = 40_000  # 320 kbit
MP3_KBPS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG 1, layer 3
    0: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG 2 and 2.5
}
MP3_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
TRACKS = (b"moov", b"trak", b"mdia")


@dataclass(frozen=True)
class Length:
    """`has_picture`: None where that was not looked at. `max_bytes_per_s`: such a sound can have; None: as any."""

    seconds: float | None = None
    size_px: tuple[int, int] | None = None
    has_picture: bool | None = None
    max_bytes_per_s: float | None = None


def _at(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


def wav_length(file: BinaryIO, size_bytes: int) -> Length:
    """Data by its byte rate; a size that is more than there is, is what is there."""
    place, byte_rate = 12, 0
    for _ in range(MAX_CHUNKS):
        head = _at(file, place, 8)
        if len(head) < 8:
            break
        name, size = head[:4], struct.unpack("<I", head[4:])[0]
        if name == b"fmt ":
            channels, hz, byte_rate, _, bits = struct.unpack("<HIIHH", _at(file, place + 10, 14))
            plain = channels * hz * bits // 8
            byte_rate = min(plain, byte_rate) if plain else byte_rate
        if name == b"data":
            return Length(min(size, size_bytes - place - 8) / byte_rate, max_bytes_per_s=MORE_BESIDE * byte_rate)
        place += 8 + size + size % 2
    return Length()


def avi_length(file: BinaryIO, size_bytes: int) -> Length:
    head = _at(file, 0, 80)
    if head[24:28] != b"avih":
        return Length()
    frame_us, frames = struct.unpack("<I", head[32:36])[0], struct.unpack("<I", head[48:52])[0]
    width, height = struct.unpack("<II", head[64:72])
    return Length(frame_us * frames / 1e6 or None, (width, height) if width and height else None, True)


def flac_length(file: BinaryIO, size_bytes: int) -> Length:
    """STREAMINFO is always the first block."""
    packed = int.from_bytes(_at(file, 18, 8), "big")
    hz, samples = packed >> 44, packed & 0xFFFFFFFFF
    unpacked = hz * ((packed >> 41 & 7) + 1) * ((packed >> 36 & 31) + 1) / 8
    return Length(samples / hz if samples else None, max_bytes_per_s=MORE_BESIDE * unpacked)


def ogg_length(file: BinaryIO, size_bytes: int) -> Length:
    """The last page says how many samples there were, if it is of the stream that the first one is of."""
    head = _at(file, 0, 256)
    tail = _at(file, max(0, size_bytes - TAIL_BYTES), TAIL_BYTES)
    last = tail.rfind(b"OggS")
    samples = struct.unpack("<q", tail[last + 6 : last + 14])[0]
    if tail[last + 14 : last + 18] != head[14:18]:
        return Length()
    if (opus := head.find(b"OpusHead")) > 0:
        hz, skipped = 48_000, struct.unpack("<H", head[opus + 10 : opus + 12])[0]
    elif (vorbis := head.find(b"\x01vorbis")) > 0:
        hz, skipped = struct.unpack("<I", head[vorbis + 12 : vorbis + 16])[0], 0
    else:
        return Length()
    return Length((samples - skipped) / hz if samples > skipped else None)


def mp3_length(file: BinaryIO, size_bytes: int) -> Length:
    """Of MP3: the frames that its first one counts, if that is of the whole; or its size by its bit rate."""
    start = 0
    tag = _at(file, 0, 10)
    if tag.startswith(b"ID3"):
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:10], (21, 14, 7, 0), strict=True))
    frame = _at(file, start, 256)
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:  # layer 3 alone
        return Length()
    version, rate = frame[1] >> 3 & 3, frame[2] >> 2 & 3
    hz, kbps = MP3_HZ[version][rate], MP3_KBPS[3 if version == 3 else 0][frame[2] >> 4]
    samples = 1152 if version == 3 else 576
    counted = max(frame.find(b"Xing"), frame.find(b"Info"))
    if counted > 0 and frame[counted + 7] & 1:
        frames, whole = struct.unpack(">II", frame[counted + 8 : counted + 16])
        more = frame[counted + 7] & 2 and size_bytes - start > MORE_BESIDE * whole + TAIL_BYTES
        dense = MAX_MP3_BYTES_PER_S * size_bytes / (size_bytes - start)
        return Length(None if more else frames * samples / hz, max_bytes_per_s=dense)
    return Length((size_bytes - start) * 8 / (kbps * 1000))


def mp4_length(file: BinaryIO, size_bytes: int) -> Length:
    """`mvhd` of the index, the size of its largest picture, and whether there is one at all."""
    moov = _index(file, size_bytes)
    if not moov:
        return Length()
    seconds, pictures, film, in_pieces = None, [(0, 0)], False, False
    for name, box in _inner(moov):
        if name == b"mvhd":
            seconds = _duration(box)
        elif name == b"tkhd" and len(box) >= 8:
            width, height = struct.unpack(">II", box[-8:])
            pictures.append((width >> 16, height >> 16))
        elif name == b"hdlr":
            film = film or box[8:12] == b"vide"
        in_pieces = in_pieces or name == b"mvex"  # whose lengths stand in the pieces
    width, height = max(pictures)
    return Length(None if in_pieces else seconds, (width, height) if width and height else None, film)


def _index(file: BinaryIO, size_bytes: int) -> bytes:
    """The `moov` box, which may stand behind the film."""
    place = 0
    for _ in range(MAX_BOXES):
        head = _at(file, place, 16)
        if len(head) < 8:
            break
        size, name, header = struct.unpack(">I", head[:4])[0], head[4:8], 8
        if size == 1 and len(head) == 16:
            size, header = struct.unpack(">Q", head[8:])[0], 16
        size = size_bytes - place if size == 0 else size
        if size < header:
            break
        if name == b"moov":
            return _at(file, place + header, min(size - header, MAX_MOOV_BYTES))
        place += size
    return b""


def _inner(box: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of an index, those of its tracks after them."""
    left, seen = [box], 0
    while left and seen < MAX_BOXES:
        whole, place = left.pop(), 0
        while place + 8 <= len(whole) and seen < MAX_BOXES:
            size, name = struct.unpack(">I", whole[place : place + 4])[0], whole[place + 4 : place + 8]
            if size < 8:
                break
            inner = whole[place + 8 : place + size]
            seen += 1
            if name in TRACKS:
                left.append(inner)
            else:
                yield name, inner
            place += size


def _duration(mvhd: bytes) -> float | None:
    if mvhd[0] == 1:
        scale, units = struct.unpack(">IQ", mvhd[20:32])
    else:
        scale, units = struct.unpack(">II", mvhd[12:20])
    unknown = units in (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
    return None if unknown else units / scale
