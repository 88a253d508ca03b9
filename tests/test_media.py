"""Sound and film: told by their bytes, measured by their headers, sent beside a prompt, priced by what they come to."""

import json
import struct
from base64 import b64encode
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.catalog import shipped
from bailian_mcp.server.catalog.pricing import media_tokens
from bailian_mcp.server.files.media import MediaFile, media_kind, media_of, opened_media
from bailian_mcp.server.spending import Caps
from conftest import FakeDashScope, Hosted, chunk, finish, sse, stream, text_of, told, usage
from hypothesis import given, settings
from hypothesis import strategies as st
from test_transcribe import sound, ticket

pytestmark = pytest.mark.anyio
OMNI, NEWEST = "qwen3.5-omni-flash", "qwen3.8-omni-flash"


@pytest.fixture
def era() -> str:
    """What is heard does not depend on how a host is spoken to."""
    return "2026-07-28"


# --- files, by hand ---


def box(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", len(content) + 8 if size is None else size) + name + content


def mvhd(units: int, scale: int = 1_000) -> bytes:
    return box(b"mvhd", bytes(12) + struct.pack(">II", scale, units) + bytes(80))


def track(kind: bytes, width: int = 0, height: int = 0) -> bytes:
    head = box(b"tkhd", bytes(76) + struct.pack(">II", width << 16, height << 16))
    return box(b"trak", head + box(b"mdia", box(b"hdlr", bytes(8) + kind + bytes(12))))


def film(seconds: float = 4, width: int = 640, height: int = 480, brand: bytes = b"isom") -> bytes:
    """An MP4 that has an index alone, behind its data."""
    index = mvhd(int(seconds * 1_000)) + track(b"soun") + track(b"vide", width, height)
    return box(b"ftyp", brand + bytes(4)) + box(b"mdat", bytes(5_000)) + box(b"moov", index)


def long_film() -> bytes:
    """Its length in 64 bits, and a data box whose size has 64 bits, too."""
    head = box(b"mvhd", b"\x01" + bytes(19) + struct.pack(">IQ", 90_000, 90_000 * 7_200) + bytes(80))
    data = struct.pack(">I", 1) + b"mdat" + struct.pack(">Q", 16 + 300_000) + bytes(300_000)
    return box(b"ftyp", b"mp42" + bytes(4)) + data + box(b"moov", head + track(b"vide", 1_920, 1_080))


def mp3(frames: int | None = None, tag: bytes = b"", counted: int | None = None) -> bytes:
    """MPEG 1, 128 kbit a second, 44.1 kHz; `frames`, `counted`: they and their bytes, as its first frame says."""
    first = b"\xff\xfb\x90\x00" + bytes(32)
    first += b"Xing" + struct.pack(">II", 1 if counted is None else 3, frames) if frames is not None else b""
    first += struct.pack(">I", counted) if counted is not None else b""
    return tag + first + bytes(160_000 - len(first))


def flac(seconds: int) -> bytes:
    packed = (16_000 << 44) | (15 << 36) | (16_000 * seconds)
    return b"fLaC" + b"\x80\x00\x00\x22" + bytes(10) + packed.to_bytes(8, "big") + bytes(16)


def ogg(head: bytes, samples: int) -> bytes:
    page = b"OggS\x00\x02" + bytes(22)
    return page + head + bytes(4_000) + b"OggS\x00\x04" + struct.pack("<q", samples) + bytes(60)


OPUS = b"OpusHead\x01\x01" + struct.pack("<H", 312) + bytes(8)
VORBIS = b"\x01vorbis" + bytes(5) + struct.pack("<I", 22_050) + bytes(14)


def avi(frames: int = 250) -> bytes:
    header = struct.pack("<IIIIIIIIII", 40_000, 0, 0, 0, frames, 0, 1, 0, 320, 240)
    return b"RIFF\x00\x00\x00\x00AVI LIST\x00\x00\x00\x00hdrlavih\x38\x00\x00\x00" + header + bytes(2_000)


def opened(content: bytes) -> MediaFile:
    found = media_of(content[:1_024])
    assert found
    return opened_media("x", BytesIO(content), len(content), found)


FILES: dict[str, tuple[bytes, str, str, float | None]] = {
    "a wav": (sound(3), "audio", "wav", 3),
    "a wav that claims more than there is": (sound(3)[:40] + b"\xff\xff\xff\xff" + sound(3)[44:], "audio", "wav", 3),
    "a wav whose byte rate is a lie": (sound(3)[:28] + b"\xff\xff\xff\x7f" + sound(3)[32:], "audio", "wav", 3),
    "a wav without a byte rate": (sound(3)[:22] + bytes(12) + sound(3)[34:], "audio", "wav", None),
    "a wav without data": (sound(3)[:36], "audio", "wav", None),
    "a film": (film(), "video", "mp4", 4),
    "a film of QuickTime": (film(brand=b"qt  "), "video", "mov", 4),
    "a film of two hours": (long_film(), "video", "mp4", 7_200),
    "a box of sound": (film(brand=b"M4A "), "audio", "m4a", 4),
    "a film without a picture": (box(b"ftyp", b"isom" + bytes(4)) + box(b"moov", mvhd(9_000) + track(b"soun")), "audio", "m4a", 9),
    "a film that does not know its length": (box(b"ftyp", b"isom" + bytes(4)) + box(b"moov", mvhd(0xFFFFFFFF) + track(b"vide")), "video", "mp4", None),
    "a film without a time scale": (box(b"ftyp", b"isom" + bytes(4)) + box(b"moov", mvhd(9, 0)), "video", "mp4", None),
    "a film without an index": (box(b"ftyp", b"isom" + bytes(4)) + box(b"mdat", bytes(90), 0), "video", "mp4", None),
    "a film whose boxes have no size": (box(b"ftyp", b"isom" + bytes(4)) + box(b"free", b"", 4), "video", "mp4", None),
    "a film of 1995": (box(b"moov", mvhd(2_000) + track(b"vide")), "video", "mov", 2),
    "an mp3 by its bit rate": (mp3(), "audio", "mp3", 10),
    "an mp3 that counts its frames": (mp3(383), "audio", "mp3", 383 * 1_152 / 44_100),
    "an mp3 behind a tag": (mp3(tag=b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)), "audio", "mp3", 10),
    "a tag with nothing behind it": (b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(99), "audio", "mp3", None),
    "aac": (b"\xff\xf1\x50\x80" + bytes(99), "audio", "aac", None),
    "flac": (flac(60), "audio", "flac", 60),
    "flac that was streamed": (flac(0), "audio", "flac", None),
    "opus": (ogg(OPUS, 48_000 * 5 + 312), "audio", "opus", 5),
    "vorbis": (ogg(VORBIS, 22_050 * 7), "audio", "ogg", 7),
    "speex": (ogg(b"Speex   " + bytes(40), 99), "audio", "ogg", None),
    "ogg with a film": (ogg(b"\x80theora" + bytes(40), 99), "video", "ogg", None),
    "avi": (avi(), "video", "avi", 10),
    "avi of another order": (avi().replace(b"avih", b"junk"), "video", "avi", None),
    "webm": (b"\x1a\x45\xdf\xa3" + bytes(8) + b"webm" + bytes(60) + b"V_VP9" + b"A_OPUS", "video", "webm", None),
    "webm of sound": (b"\x1a\x45\xdf\xa3" + bytes(8) + b"webm" + bytes(60) + b"A_OPUS", "audio", "webm", None),
    "mkv": (b"\x1a\x45\xdf\xa3" + bytes(8) + b"matroska", "video", "mkv", None),
    "amr": (b"#!AMR\n" + bytes(99), "audio", "amr", None),
    "wmv": (bytes.fromhex("3026b2758e66cf11") + bytes(99), "video", "wmv", None),
    "flv": (b"FLV\x01\x05" + bytes(99), "video", "flv", None),
    "flv of sound": (b"FLV\x01\x04" + bytes(99), "audio", "flv", None),
    "mpeg": (b"\x00\x00\x01\xba" + bytes(99), "video", "mpeg", None),
    "a wav of a moment": (sound(0.02), "audio", "wav", 0.02),
    "two mp3s in one": (mp3(383, counted=160_000) + mp3(383, counted=160_000), "audio", "mp3", None),
    "an mp3 that counts too few frames": (mp3(40), "audio", "mp3", None),
    "a wav with more behind its data than in it": (sound(3)[:40] + struct.pack("<I", 800) + sound(3)[44:], "audio", "wav", None),
    "flac that is longer than so many samples": (flac(1) + bytes(80_000), "audio", "flac", None),
    "two ogg streams in one": (ogg(OPUS, 48_000 * 5 + 312)[:-60] + b"\x07" * 60, "audio", "opus", None),
    "a film in pieces, of which its index knows the first": (
        box(b"ftyp", b"isom" + bytes(4)) + box(b"moov", mvhd(5_000) + track(b"vide") + box(b"mvex", bytes(20))), "video", "mp4", None),
    "one second of ten megabytes": (film(1, brand=b"M4A ") + bytes(10_000_000), "audio", "m4a", None),
    "a film of forty days": (film(40 * 24 * 3_600), "video", "mp4", None),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_what_a_file_is_and_how_long_its_own_bytes_say(case: str) -> None:
    content, kind, form, seconds = FILES[case]
    found = opened(content)

    assert (found.kind, found.format) == (kind, form)
    assert found.seconds == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    "head",
    [b"", b"\xff", b"RIFF\x00\x00\x00\x00WEBP", b"\x00\x00\x00\x1cftypavif", b"\x00\x00\x00\x18ftypheic", b"%PDF-1.7",
     b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"\xff\xd8\xff\xe0", b"plain text", b"\xff\xff\xff\xff", b"\xff\xfb\xf0\x00", b"\xff\xe9\x90\x00"],
)  # fmt: skip
def test_what_is_neither(head: bytes) -> None:
    assert media_of(head) is None


@given(
    st.sampled_from([content[:80] for content, *_ in FILES.values()]),
    st.binary(max_size=400),
    st.integers(0, 79),
    st.binary(max_size=8),
)
@settings(max_examples=300)
def test_no_header_breaks_the_reader(head: bytes, rest: bytes, at: int, changed: bytes) -> None:
    content = head[:at] + changed + head[at + len(changed) :] + rest
    if found := media_of(content[:1_024]):
        length = opened_media("x", BytesIO(content), len(content), found)

        assert length.seconds is None or 0 <= length.seconds <= 30 * 24 * 3_600


def test_of_a_url_its_ending_is_all_that_is_seen() -> None:
    assert [media_kind(ending) for ending in ("mp3", "webm", "png", "")] == ["audio", "video", None, None]


# --- tokens, by the formulas of https://help.aliyun.com/zh/model-studio/qwen-omni ---


@pytest.mark.parametrize(
    ("model", "kind", "seconds", "size", "tokens"),
    [
        (OMNI, "audio", 10, None, {"audio": 70}), (OMNI, "audio", 0.2, None, {"audio": 7}),
        ("qwen3-omni-flash", "audio", 3, None, {"audio": 38}), ("qwen-omni-turbo", "audio", 2, None, {"audio": 50}),
        (OMNI, "video", 4, (640, 480), {"audio": 28, "video": 4 * 300 + 2}),
        (OMNI, "video", 4, (3_840, 2_160), {"audio": 28, "video": 4 * 640 + 2}),
        (OMNI, "video", 4, None, {"audio": 28, "video": 4 * 640 + 2}),
        (OMNI, "video", 3_600, None, {"audio": 25_200, "video": 1_024 * 640 + 2}),
        (OMNI, "video", 0.1, (32, 32), {"audio": 7, "video": 3}),
        ("qwen3.7-plus", "video", 4, (640, 480), {"video": 4 * 300 + 2}),
        ("qwen3.7-plus", "video", 4, None, None), ("qwen3.7-plus", "audio", 4, None, None),
        (NEWEST, "audio", 10, None, None), (NEWEST, "video", 10, (640, 480), None),
        ("kimi-k2.6", "video", 4, (640, 480), None), (OMNI, "audio", None, None, None), ("unknown", "audio", 1, None, None),
    ],
)  # fmt: skip
def test_tokens_follow_from_the_formulas_where_there_are_any(
    model: str, kind: str, seconds: float | None, size: tuple[int, int] | None, tokens: dict[str, int] | None
) -> None:
    assert media_tokens(shipped().find(model), kind, seconds, size) == tokens


# --- beside a prompt ---


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.bin"  # its name says nothing
    path.write_bytes(sound(10))
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(film())
    return path


def answered(prompt: int = 90, **details: int) -> httpx2.Response:
    counts = {"prompt_tokens_details": details} if details else {}
    return stream(sse(chunk(content="一首歌。"), finish(), usage(prompt, 10, **counts)))


async def asked(hosted: Hosted, wire: FakeDashScope, *files: Path | str, **arguments: Any) -> Any:
    shared = {name: arguments.pop(name) for name in ("caps", "kept", "uploads", "options") if name in arguments}
    said: list[str] = arguments.pop("said", [])
    tool = arguments.pop("tool", "chat")
    folders = tuple(file.parent.resolve() for file in files if isinstance(file, Path))[:1]
    given = {"prompt": "这是什么？", "files": list(map(str, files)), **arguments} if tool == "chat" else arguments
    async with hosted(wire, folders=folders, **shared) as client:
        return await client.call_tool(tool, given, progress_callback=told(said))


async def test_sound_is_sent_as_documented_and_priced_by_its_kind(hosted: Hosted, song: Path) -> None:
    said: list[str] = []
    wire = FakeDashScope([answered(audio_tokens=70, text_tokens=20)])
    result = await asked(hosted, wire, song, model=OMNI, said=said)

    part = wire.body["messages"][0]["content"][0]
    assert (part["type"], part["input_audio"]["format"]) == ("input_audio", "wav")
    assert part["input_audio"]["data"].startswith("data:;base64,UklGR")
    assert (wire.body["stream"], wire.body["modalities"]) == (True, ["text"])
    lines = {line["item"]: line["quantity"] for line in result.structured_content["cost"]["lines"]}
    assert lines == {"input": 20, "input_audio": 70, "output": 10}
    assert "song.bin: sound of 10 s, 70 input tokens or less, 0.00126 CNY" in said


async def test_film_goes_to_a_model_that_sees_it(hosted: Hosted, clip: Path) -> None:
    said: list[str] = []
    wire = FakeDashScope([answered(video_tokens=1_202)])
    result = await asked(hosted, wire, clip, said=said)

    part = wire.body["messages"][0]["content"][0]
    assert part["type"] == "video_url"
    assert part["video_url"]["url"].startswith("data:video/mp4;base64,")
    assert "modalities" not in wire.body
    assert "clip.mp4: film of 4 s, 1,202 input tokens or less, 0.002404 CNY" in said
    assert not result.is_error


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("https://x.cn/a.mp3", {"type": "input_audio", "input_audio": {"data": "https://x.cn/a.mp3", "format": "mp3"}}),
        ("https://x.cn/a.MOV?x=1", {"type": "video_url", "video_url": {"url": "https://x.cn/a.MOV?x=1"}}),
    ],
)
async def test_a_url_goes_as_it_is(hosted: Hosted, url: str, part: dict[str, Any]) -> None:
    said: list[str] = []
    wire = FakeDashScope([answered(audio_tokens=9)])
    await asked(hosted, wire, url, model=OMNI, said=said)

    assert wire.body["messages"][0]["content"][0] == part
    assert any("of unknown length; how many tokens" in each for each in said)


async def test_a_data_uri_is_told_by_its_bytes(hosted: Hosted) -> None:
    wire = FakeDashScope([answered(audio_tokens=70)])
    await asked(hosted, wire, f"data:application/octet-stream;base64,{b64encode(sound(1)).decode()}", model=OMNI)

    assert wire.body["messages"][0]["content"][0]["input_audio"]["format"] == "wav"


async def test_what_does_not_fit_goes_through_temporary_storage(hosted: Hosted, tmp_path: Path) -> None:
    large = tmp_path / "large.wav"
    large.write_bytes(sound(1) + bytes(8_000_000))
    wire = FakeDashScope([ticket(), httpx2.Response(200), answered(audio_tokens=7)])
    result = await asked(hosted, wire, large, model=OMNI)

    address = wire.body["messages"][0]["content"][0]["input_audio"]["data"]
    assert address == "oss://dashscope-instant/52af/audio.wav"
    assert wire.requests[-1].headers["x-dashscope-ossresourceresolve"] == "enable"
    assert not result.is_error


async def test_several_files_are_counted_together(hosted: Hosted, song: Path, clip: Path, tmp_path: Path) -> None:
    """Under a cap that holds for exactly what they can come to."""
    wire = FakeDashScope([answered(2_000, audio_tokens=98, video_tokens=1_202)])
    caps, limit = Caps(per_call=Decimal("0.05")), {"max_output_tokens": 1_000}
    result = await asked(hosted, wire, song, clip, model=OMNI, caps=caps, kept=(tmp_path,), **limit)

    assert not result.is_error, text_of(result)
    assert len(wire.body["messages"][0]["content"]) == 3


async def test_where_no_formula_is_known_the_longest_input_is_held(hosted: Hosted, song: Path, tmp_path: Path) -> None:
    said: list[str] = []
    wire = FakeDashScope([answered(audio_tokens=70)])
    caps = Caps(per_call=Decimal("0.5"))
    refused = await asked(hosted, wire, song, model=NEWEST, caps=caps, kept=(tmp_path,), said=said)
    fits = await asked(hosted, wire, song, model=NEWEST, caps=Caps(per_call=Decimal(2)), kept=(tmp_path,))

    assert "It may cost up to " in text_of(refused)
    assert (refused.is_error, fits.is_error, len(wire.requests)) == (True, False, 1)
    assert f"how many tokens {NEWEST} makes of it is not known before it answers" in "".join(said)


async def test_of_dear_sound_that_nobody_measured_all_is_held_at_its_price(hosted: Hosted, tmp_path: Path) -> None:
    """196,608 tokens at 18 a million are 3.54 CNY."""
    wire = FakeDashScope([answered(audio_tokens=70)])
    given: dict[str, Any] = {"model": OMNI, "kept": (tmp_path,), "max_output_tokens": 300}
    refused = await asked(hosted, wire, "https://x.cn/a.mp3", caps=Caps(per_call=Decimal("3.5")), **given)
    fits = await asked(hosted, wire, "https://x.cn/a.mp3", caps=Caps(per_call=Decimal("3.6")), **given)

    assert (refused.is_error, fits.is_error) == (True, False)


async def test_a_price_that_depends_on_what_was_not_counted_is_not_known(hosted: Hosted, song: Path) -> None:
    dear = await asked(hosted, FakeDashScope([answered()]), song, model=OMNI)
    flat = await asked(hosted, FakeDashScope([answered()]), song, model=NEWEST)
    plain = await asked(hosted, FakeDashScope([answered()]), model=OMNI)

    assert "cost unknown: DashScope did not say how many tokens were sound or film" in text_of(dear)
    assert flat.structured_content["cost"]["total"] == "0.000099"
    assert plain.structured_content["cost"]["total"] is not None


CANNOT = {
    "sound for one that sees": ({}, "https://x.cn/a.mp3", "qwen3.7-plus takes no sound. Use qwen3.8-omni-flash or qwen3.5-omni-plus, or write it down with `transcribe`"),
    "film for one that reads": ({"model": "qwen3-max"}, "https://x.cn/a.mp4", "qwen3-max takes no film. Use qwen3.7-plus or "),
    "sound to be read": ({"tool": "ocr", "source": "https://x.cn/a.mp3"}, "", "a.mp3 is sound: `transcribe`"),
    "film to be read": ({"tool": "ocr", "source": "https://x.cn/a.mp4"}, "", "a.mp4 is film, and `chat` takes it"),
    "sound to be searched for data": ({"tool": "extract", "json_schema": {"type": "object", "properties": {"a": {}}}, "files": ["https://x.cn/a.mp3"]}, "", "a.mp3 is sound"),
}  # fmt: skip


@pytest.mark.parametrize("case", CANNOT)
async def test_who_cannot_is_said_with_who_can(hosted: Hosted, case: str) -> None:
    arguments, file, says = CANNOT[case]
    wire = FakeDashScope([answered()])
    result = await asked(hosted, wire, *filter(None, [file]), **arguments)

    assert (result.is_error, wire.requests) == (True, [])
    assert says in text_of(result)


@pytest.mark.parametrize("tool", ["ocr", "extract"])
async def test_a_file_of_sound_is_refused_where_texts_and_pictures_are_read(
    hosted: Hosted, song: Path, tool: str
) -> None:
    fields = {"json_schema": {"type": "object", "properties": {"a": {}}}, "files": [str(song)]}
    arguments = {"source": str(song)} if tool == "ocr" else fields
    wire = FakeDashScope([answered()])
    async with hosted(wire, folders=(song.parent.resolve(),)) as client:
        result = await client.call_tool(tool, arguments)

    assert wire.requests == []
    assert "song.bin is sound: `transcribe`" in text_of(result)


# --- the sandbox ---


@pytest.mark.parametrize(
    ("model", "kind", "tokens"),
    [(OMNI, "input_audio", 70), (OMNI, "input_video", 10 * 640 + 2), (NEWEST, "input_audio", None)],
)
async def test_the_sandbox_counts_by_the_formulas(
    hosted: Hosted, song: Path, model: str, kind: str, tokens: Any
) -> None:
    files = [song] if kind == "input_audio" else ["https://x.cn/a.mp4"]
    options = {"transport": httpx2.ASGITransport(sandbox.app())}
    result = await asked(hosted, FakeDashScope([]), *files, model=model, options=options)

    lines = {line["item"]: line["quantity"] for line in result.structured_content["cost"]["lines"]}
    assert not result.is_error, text_of(result)
    assert lines.get(kind) == tokens


@pytest.mark.parametrize(
    ("model", "part", "says"),
    [
        ("qwen3.7-plus", {"type": "input_audio", "input_audio": {"data": "https://x.cn/a.mp3"}}, "does not support audio"),
        (OMNI, {"type": "text", "text": "x"}, "only support stream mode"),
    ],
)  # fmt: skip
async def test_the_sandbox_refuses_what_the_model_does_not_take(model: str, part: dict[str, Any], says: str) -> None:
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(sandbox.app()), base_url="http://127.0.0.1", headers={"authorization": "x"}
    ) as client:
        asked = {"model": model, "messages": [{"role": "user", "content": [part]}]}
        refused = await client.post("/compatible-mode/v1/chat/completions", content=json.dumps(asked))

    assert refused.status_code == 400
    assert says in refused.text
