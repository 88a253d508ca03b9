"""Speech becomes text: who is asked, what is sent, what is read, what it costs, and how it is given up."""

import json
import math
import wave
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.calls.jobs import Bounds
from bailian_mcp.server.dashscope import AsyncTasks, DashScopeError, FileTranscription, SpokenSentence
from bailian_mcp.server.endpoints import host as host_of
from bailian_mcp.server.features.transcribe.subtitles import srt, vtt
from bailian_mcp.server.spending import Caps
from conftest import KEY, FakeDashScope, Hosted, dashscope, refusal, text_of, told

pytestmark = pytest.mark.anyio
TOOL = "transcribe"
RESULT_URL = "https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/prod/1.json?Expires=1"
TRACK = {"channel_id": 0, "content_duration_in_milliseconds": 3_000}
# Shapes of https://help.aliyun.com/zh/model-studio/fun-asr-recorded-speech-recognition-http-api, in words of our own
SENTENCES = [
    {"sentence_id": 1, "begin_time": 0, "end_time": 1_500, "text": "今天天气怎么样？", "speaker_id": 0, "words": []},
    {"sentence_id": 2, "begin_time": 1_500, "end_time": 3_000, "text": "It is fine.", "speaker_id": 1, "words": []},
]


@pytest.fixture
def era() -> str:
    """What is heard does not depend on how a host is spoken to."""
    return "2026-07-28"


def sound(seconds: float, hz: int = 8_000) -> bytes:
    """A tone of so many seconds, as WAV."""
    made = BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(hz)
        file.writeframes(bytes(128 + int(60 * math.sin(at / 5)) for at in range(int(hz * seconds))))
    return made.getvalue()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Of 2.5 seconds: three are begun."""
    path = tmp_path / "会议.wav"
    path.write_bytes(sound(2.5))
    return path


def reply(value: Any, status: int = 200) -> httpx2.Response:
    return httpx2.Response(status, content=json.dumps(value).encode(), headers={"content-type": "application/json"})


def spoken(text: str = "欢迎使用阿里云。", seconds: int = 3) -> httpx2.Response:
    """As https://help.aliyun.com/zh/model-studio/qwen-asr-api-reference shows it."""
    voice = {"type": "audio_info", "language": "zh", "emotion": "neutral"}
    message = {"role": "assistant", "content": text, "annotations": [voice]}
    tokens = {"prompt_tokens": 42, "completion_tokens": 12, "total_tokens": 54}
    details = {"prompt_tokens_details": {"audio_tokens": 42, "text_tokens": 0}}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return reply({"id": "chatcmpl-a1", "choices": [choice], "usage": {**tokens, **details, "seconds": seconds}})


def task(status: str, usage: dict[str, Any] | None = None, **output: Any) -> httpx2.Response:
    told = {"task_id": "0f1d-77", "task_status": status, **output}
    return reply({"request_id": "3c4e-req", "output": told, **({"usage": usage} if usage else {})})


def done(url: str = RESULT_URL, usage: dict[str, Any] | None = None) -> httpx2.Response:
    part = {"file_url": "https://x.cn/a.wav", "transcription_url": url, "subtask_status": "SUCCEEDED"}
    return task("SUCCEEDED", usage or {"duration": 3}, results=[part])


def transcript(sentences: Any = None) -> httpx2.Response:
    rows = SENTENCES if sentences is None else sentences
    text = "".join(row["text"] for row in rows)
    return reply({"file_url": "https://x.cn/a.wav", "transcripts": [{**TRACK, "text": text, "sentences": rows}]})


def ticket() -> httpx2.Response:
    data = {
        "policy": "eyJ", "signature": "n=", "upload_dir": "dashscope-instant/52af", "max_file_size_mb": 1_024,
        "upload_host": "https://dashscope-file-mgr.oss-cn-beijing.aliyuncs.com", "oss_access_key_id": "k",
        "x_oss_object_acl": "private", "x_oss_forbid_overwrite": "true",
    }  # fmt: skip
    return reply({"data": data})


def body(request: httpx2.Request) -> dict[str, Any]:
    return dict(json.loads(request.content))


async def heard(hosted: Hosted, wire: FakeDashScope, source: Path | str, **arguments: Any) -> Any:
    shared = {name: arguments.pop(name) for name in ("caps", "uploads", "host", "options", "output_folder", "models", "kept") if name in arguments}  # fmt: skip
    said: list[str] = arguments.pop("said", [])
    folders = (source.parent.resolve(),) if isinstance(source, Path) else ()
    async with hosted(wire, folders=folders, **shared) as client:
        return await client.call_tool(TOOL, {"source": str(source), **arguments}, progress_callback=told(said))


# --- short ones, with the request ---


@pytest.mark.both_eras
async def test_a_short_recording_goes_with_the_request_and_costs_its_seconds(hosted: Hosted, recording: Path) -> None:
    said: list[str] = []
    wire = FakeDashScope([spoken()])
    result = await heard(hosted, wire, recording, said=said, language="zh", context="百炼, DashScope")

    sent = wire.body
    (part,) = sent["messages"][1]["content"]
    assert str(wire.requests[0].url).endswith("/compatible-mode/v1/chat/completions")
    assert (sent["model"], sent["stream"]) == ("qwen3-asr-flash", False)
    assert sent["asr_options"] == {"language": "zh", "enable_itn": False}
    assert sent["messages"][0] == {"role": "system", "content": [{"type": "text", "text": "百炼, DashScope"}]}
    assert part["input_audio"]["data"].startswith("data:audio/wav;base64,UklGR")
    assert text_of(result) == (
        "[qwen3-asr-flash | 42+12 tokens of 3 s of audio | 0.00066 CNY | a1 | language zh | emotion neutral]\n"
        "欢迎使用阿里云。"
    )
    assert "会议.wav: 3 s by qwen3-asr-flash, 0.00066 CNY" in said


@pytest.mark.parametrize(
    ("given", "sent"),
    [("zh-CN", "zh"), ("EN", "en"), ("中文", "zh"), ("Mandarin", "zh"), ("粤语", "yue"), ("Japanese", "ja")],
)
async def test_a_language_is_taken_as_people_call_it(hosted: Hosted, recording: Path, given: str, sent: str) -> None:
    wire = FakeDashScope([spoken()])
    await heard(hosted, wire, recording, language=given)

    assert wire.body["asr_options"]["language"] == sent


async def test_what_is_no_language_is_refused_with_what_would_do(hosted: Hosted, recording: Path) -> None:
    wire = FakeDashScope([])
    result = await heard(hosted, wire, recording, language="客家话？")

    assert text_of(result) == (
        "language 客家话？ is not known. Give a code such as zh, en, yue or ja, or leave it out: it is found. "
        "Nothing was sent."
    )
    assert wire.requests == []


async def test_where_the_seconds_are_not_told_the_price_is_not_known(hosted: Hosted, recording: Path) -> None:
    untold = json.loads(spoken().content)
    del untold["usage"]["seconds"]

    result = await heard(hosted, FakeDashScope([reply(untold)]), recording)

    assert "cost unknown: DashScope did not say how many seconds it heard" in text_of(result)


async def test_virginia_is_asked_at_the_native_door(hosted: Hosted, recording: Path) -> None:
    """https://help.aliyun.com/zh/model-studio/qwen-asr-api-reference: no compatible mode there."""
    message = {"role": "assistant", "content": [{"text": "Hello."}], "annotations": [{"type": "audio_info", "language": "en"}]}  # fmt: skip
    output = {"choices": [{"finish_reason": "stop", "message": message}]}
    usage = {"input_tokens_details": {"text_tokens": 0}, "output_tokens_details": {"text_tokens": 3}, "seconds": 3}
    wire = FakeDashScope([reply({"output": output, "usage": usage, "request_id": "568e-1"})])
    result = await heard(hosted, wire, recording, host=host_of(region="us-east-1"), context="Alibaba")

    assert str(wire.requests[0].url).endswith("/api/v1/services/aigc/multimodal-generation/generation")
    assert wire.body["parameters"] == {"asr_options": {"enable_itn": False}}
    context, asked = wire.body["input"]["messages"]
    assert context == {"role": "system", "content": [{"text": "Alibaba"}]}
    assert list(asked["content"][0]) == ["audio"]
    assert result.structured_content["transcript"] == "Hello."
    assert "3 s of audio" in text_of(result)


NESTINGS = [
    {"text": "西湖。", "sentence": {"begin_time": 0, "end_time": 900, "text": "西湖。"}},
    {"sentence": {"begin_time": 0, "end_time": 900, "text": "西湖。"}},
    {"output": {"sentence": {"begin_time": 0, "end_time": 900, "text": "西湖。"}}},
]


@pytest.mark.parametrize("output", NESTINGS, ids=["text", "sentence", "nested"])
async def test_all_three_places_of_the_text_are_read(hosted: Hosted, recording: Path, output: dict[str, Any]) -> None:
    wire = FakeDashScope([reply({"output": output, "usage": {"duration": 1}, "request_id": "r-1"})])
    result = await heard(hosted, wire, recording, model="qwen-audio-3.0-asr-flash", format="json", context="杭州")

    messages, parameters = wire.body["input"]["messages"], wire.body["parameters"]
    assert parameters == {"format": "wav"}  # without it: 400 and {}
    assert wire.requests[0].headers["x-dashscope-sse"] == "disable"
    assert messages[0] == {"role": "user", "content": [{"type": "input_text", "text": "杭州"}]}
    assert messages[1]["content"][0]["type"] == "input_audio"
    assert result.structured_content["segments"] == [{"start_ms": 0, "end_ms": 900, "text": "西湖。"}]
    assert json.loads(result.structured_content["transcript"])[0]["end_ms"] == 900


async def test_a_model_billed_by_tokens_is_priced_by_them(hosted: Hosted, recording: Path) -> None:
    usage = {"duration": 3, "input_tokens": 1_000, "output_tokens": 100, "total_tokens": 1_100}
    rows = [{**row, "speaker_id": row["speaker_id"]} for row in SENTENCES]
    wire = FakeDashScope([reply({"output": {"text": "x", "sentences": rows}, "usage": usage, "request_id": "r-1"})])
    said: list[str] = []
    given: dict[str, Any] = {"model": "qwen-audio-3.1-asr-flash", "speakers": 2, "language": "zh", "said": said}
    result = await heard(hosted, wire, recording, **given)

    assert wire.body["parameters"] == {"format": "wav", "language_hints": ["zh"], "speaker_diarization_enabled": True}
    assert result.structured_content["cost"]["total"] == "0.00107"
    assert "1,000+100 tokens of 3 s of audio" in text_of(result)
    assert "会议.wav: 3 s by qwen-audio-3.1-asr-flash, whose price is known after it" in said
    assert text_of(result).endswith("\nSpeaker 0: 今天天气怎么样？\nSpeaker 1: It is fine.")


async def test_a_refusal_without_a_reason_says_that_silence_is_refused_so(hosted: Hosted, recording: Path) -> None:
    result = await heard(hosted, FakeDashScope([reply({}, 400)]), recording, model="qwen-audio-3.0-asr-flash")

    assert result.is_error
    assert "A recording in which nothing is said is refused so, too." in text_of(result)


@pytest.mark.parametrize("content", ["", None, []])
async def test_silence_is_told_as_such(hosted: Hosted, recording: Path, content: Any) -> None:
    result = await heard(hosted, FakeDashScope([spoken(content)]), recording)

    assert not result.is_error
    assert "NO SPEECH: nothing that is said was heard in it" in text_of(result)
    assert (result.structured_content["silent"], result.structured_content["transcript"]) == (True, "")


# --- long ones, by tasks ---


async def test_subtitles_take_the_road_of_a_task_as_documented(hosted: Hosted, recording: Path) -> None:
    single = task("SUCCEEDED", {"seconds": 3}, result={"transcription_url": RESULT_URL})
    steps = [ticket(), httpx2.Response(200), task("PENDING"), task("RUNNING"), single, transcript()]
    wire = FakeDashScope(list(steps))
    result = await heard(hosted, wire, recording, format="srt", language="zh", context="天气")

    _, stored, submitted, asked, _, fetched = wire.requests
    assert stored.url.host == "dashscope-file-mgr.oss-cn-beijing.aliyuncs.com"
    assert submitted.url.path == "/api/v1/services/audio/asr/transcription"
    assert submitted.headers["x-dashscope-async"] == "enable"
    assert submitted.headers["x-dashscope-ossresourceresolve"] == "enable"
    assert body(submitted) == {
        "model": "qwen3-asr-flash-filetrans",
        "input": {"file_url": "oss://dashscope-instant/52af/audio.wav"},
        "parameters": {"channel_id": [0], "language": "zh", "corpus": {"text": "天气"}},
    }
    assert (asked.method, asked.url.path) == ("GET", "/api/v1/tasks/0f1d-77")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert (str(fetched.url), "authorization" in fetched.headers) == (RESULT_URL, False)
    assert result.structured_content["transcript"] == (
        "1\n00:00:00,000 --> 00:00:01,500\nSpeaker 0: 今天天气怎么样？\n\n"
        "2\n00:00:01,500 --> 00:00:03,000\nSpeaker 1: It is fine.\n"
    )
    assert text_of(result).startswith("[qwen3-asr-flash-filetrans | 3 s of audio | 0.00066 CNY | 3c4e-req]")


async def test_a_url_of_unknown_length_is_asked_for_as_it_is(hosted: Hosted) -> None:
    said: list[str] = []
    wire = FakeDashScope([task("PENDING"), done(usage={"seconds": 3}), transcript()])
    result = await heard(hosted, wire, "https://example.com/talk.mp3", said=said)

    assert not result.is_error, text_of(result)
    assert body(wire.requests[0])["input"] == {"file_url": "https://example.com/talk.mp3"}
    assert "x-dashscope-ossresourceresolve" not in wire.requests[0].headers
    assert any("of unknown length" in each for each in said)


async def test_speakers_are_told_apart_by_who_can(hosted: Hosted) -> None:
    wire = FakeDashScope([task("PENDING"), done(), transcript()])
    result = await heard(hosted, wire, "https://example.com/talk.mp3", speakers=2)

    assert body(wire.requests[0]) == {
        "model": "fun-asr",
        "input": {"file_urls": ["https://example.com/talk.mp3"]},
        "parameters": {"channel_id": [0], "diarization_enabled": True, "speaker_count": 2},
    }
    assert text_of(result).endswith("\nSpeaker 0: 今天天气怎么样？\nSpeaker 1: It is fine.")
    assert result.structured_content["cost"]["total"] == "0.00066"


async def test_a_question_that_is_not_answered_ends_nothing(hosted: Hosted) -> None:
    steps = [task("PENDING"), httpx2.ReadError("gone"), refusal(500, "InternalError", "x"), done(), transcript()]
    result = await heard(hosted, FakeDashScope(steps), "https://example.com/talk.mp3", speakers=0)

    assert not result.is_error, text_of(result)


async def test_after_eight_questions_without_an_answer_it_is_told(hosted: Hosted) -> None:
    wire = FakeDashScope([task("RUNNING"), refusal(500, "InternalError", "x")])
    result = await heard(hosted, wire, "https://example.com/talk.mp3")

    assert result.is_error
    assert len(wire.requests) == 9


@pytest.mark.parametrize("broken", [httpx2.ReadTimeout("late"), httpx2.ReadError("gone")])
async def test_a_task_that_may_have_been_taken_is_not_asked_for_again(hosted: Hosted, broken: Exception) -> None:
    wire = FakeDashScope([broken, task("PENDING")])
    result = await heard(hosted, wire, "https://example.com/talk.mp3")

    assert (result.is_error, len(wire.requests)) == (True, 1)
    assert "was not sent again" in text_of(result)


async def test_silence_ends_a_task_as_failed_and_is_no_failure(hosted: Hosted) -> None:
    code = "SUCCESS_WITH_NO_VALID_FRAGMENT"
    wire = FakeDashScope([task("PENDING"), task("FAILED", {"duration": 0}, code=code, message=code)])
    result = await heard(hosted, wire, "https://example.com/talk.mp3", speakers=0)

    assert not result.is_error
    assert "NO SPEECH" in text_of(result)
    assert result.structured_content["cost"]["total"] == "0"


MISSING = {"subtask_status": "FAILED", "code": "InvalidFile.DownloadFailed", "message": "The audio file cannot be downloaded."}  # fmt: skip
FAILURES = {
    "a part that failed in a task that succeeded": (task("SUCCEEDED", results=[MISSING]), "The audio file cannot be downloaded"),
    "a task that failed": (task("FAILED", code="InternalError", message="Oops"), "DashScope had an internal error"),
    "one that somebody cancelled": (task("CANCELED"), "The task was cancelled at DashScope"),
    "one that is gone": (task("UNKNOWN"), "no longer knows the task"),
    "one without a result": (task("SUCCEEDED", results=[]), "an address for its result that is not fetched"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILURES)
async def test_what_went_wrong_with_a_task_is_told(hosted: Hosted, case: str) -> None:
    ending, says = FAILURES[case]
    result = await heard(hosted, FakeDashScope([task("PENDING"), ending]), "https://example.com/talk.mp3", speakers=0)

    assert result.is_error
    assert says in text_of(result)


@pytest.mark.parametrize(
    "url",
    ["http://example.com/a.json", "https://127.0.0.1/a.json", "https://10.0.0.1/a.json", "https://a@example.com/a.json",
     "https://metadata.internal/a", "file:///etc/passwd", "", "https://x.cn/" + "a" * 9_000, "https://[::1", "https://x.cn:a/",
     "https://x.cn:99999/a", "https://x.cn/\x00", "https://x.cn/\ud800", "https://[x.cn]/a", "https://x.cn:0/a"],
)  # fmt: skip
async def test_a_result_is_fetched_from_public_hosts_over_https_only(hosted: Hosted, url: str) -> None:
    wire = FakeDashScope([task("PENDING"), done(url), transcript()])
    result = await heard(hosted, wire, "https://example.com/talk.mp3", speakers=0)

    assert "an address for its result that is not fetched" in text_of(result)
    assert len(wire.requests) == 2
    assert "Spent at least: 3 s of audio, 0.00066 CNY" in text_of(result)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (httpx2.Response(302, headers={"location": "http://10.0.0.1/"}), "could not be fetched (HTTP 302)"),
        (httpx2.Response(200, content=b"<html>"), "is no JSON"),
        (httpx2.ReadError("gone"), "could not be fetched (ReadError)"),
        (httpx2.Response(503), "could not be fetched (HTTP 503)"),
    ],
)
async def test_a_result_that_cannot_be_had_leaves_what_was_paid_told(hosted: Hosted, given: Any, says: str) -> None:
    result = await heard(hosted, FakeDashScope([task("PENDING"), done(), given]), "https://example.com/t.mp3", speakers=0)  # fmt: skip

    assert says in text_of(result)
    assert "0.00066 CNY" in text_of(result)


async def test_a_track_without_a_whole_text_is_read_by_its_sentences(hosted: Hosted) -> None:
    told = {"transcripts": [{**TRACK, "sentences": [*SENTENCES, "no row"]}, "no track"]}
    wire = FakeDashScope([task("PENDING"), done(usage={"seconds": 3}), reply(told)])
    result = await heard(hosted, wire, "https://example.com/talk.mp3")

    assert len(result.structured_content["segments"]) == 2


@pytest.mark.parametrize("output", [{}, {"task_id": "a"}, {"task_id": "../models", "task_status": "PENDING"}, None])
async def test_a_task_without_its_id_or_its_state_is_none(hosted: Hosted, output: Any) -> None:
    result = await heard(hosted, FakeDashScope([reply({"output": output})]), "https://example.com/talk.mp3")

    assert "told of a task without its id or its state" in text_of(result)


async def test_a_reply_without_a_word_is_silence_in_each_form(hosted: Hosted, recording: Path) -> None:
    sentences = FakeDashScope([reply({"output": {"sentences": []}, "usage": {"duration": 1}})])
    by_task = FakeDashScope([task("PENDING"), done(), reply({"transcripts": []})])

    assert "NO SPEECH" in text_of(await heard(hosted, sentences, recording, model="qwen-audio-3.0-asr-flash"))
    assert "NO SPEECH" in text_of(await heard(hosted, by_task, "https://example.com/talk.mp3", speakers=0))


async def test_work_that_is_asked_for_in_silence_is_not_asked_for_again() -> None:
    async def silent(_: httpx2.Request) -> httpx2.Response:
        await anyio.sleep_forever()
        raise AssertionError

    transport = httpx2.MockTransport(silent)
    async with dashscope(FakeDashScope([]), transport=transport, timeout_s=0.05) as client:
        with pytest.raises(DashScopeError, match="so it was not sent again"):
            await client.rest.json("POST", "/services/x", {}, door="native")


async def test_what_is_under_way_is_not_given_up() -> None:
    wire = FakeDashScope([refusal(400, "UnsupportedOperation", "not PENDING")])
    async with dashscope(wire) as client:
        assert not await AsyncTasks(client.rest).cancel("a")


def test_what_a_file_of_a_task_holds_is_never_a_failure() -> None:
    assert FileTranscription(single=True).failure({"code": "x", "message": "y"}) is None


# --- giving it up ---


async def cancelled(hosted: Hosted, tmp_path: Path, state: str) -> tuple[list[str], dict[str, Any]]:
    """Cancel a call while its task is in that state: the paths that were asked, and what the day's cap says then."""
    looked = anyio.Event()

    def still() -> httpx2.Response:
        looked.set()
        return task(state)

    class Wire(FakeDashScope):
        async def __call__(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.path.endswith("/cancel"):
                self.steps = [reply({"request_id": "c-1"})]
            return await super().__call__(request)

    wire = Wire([task("PENDING"), still])
    async with hosted(wire, kept=(tmp_path,), caps=Caps(per_day=Decimal(100))) as client:
        with anyio.fail_after(20):
            async with anyio.create_task_group() as calls:
                calls.start_soon(client.call_tool, TOOL, {"source": "https://example.com/talk.mp3"})
                await looked.wait()
                calls.cancel_scope.cancel()
            while "cancelled" not in text_of(await client.call_tool("usage", {"id": "3c4e-req"})):
                pass
        (cap,) = (await client.call_tool("usage", {})).structured_content["caps"]
    return [request.url.path for request in wire.requests], cap


async def test_a_cancelled_call_gives_up_a_task_that_has_not_begun_and_owes_nothing(
    hosted: Hosted, tmp_path: Path
) -> None:
    paths, cap = await cancelled(hosted, tmp_path, "PENDING")

    assert paths[-1] == "/api/v1/tasks/0f1d-77/cancel"
    assert cap["left"] == "100"


async def test_a_task_under_way_goes_on_and_its_worst_case_stays_held(hosted: Hosted, tmp_path: Path) -> None:
    paths, cap = await cancelled(hosted, tmp_path, "RUNNING")

    assert not any(path.endswith("/cancel") for path in paths)
    assert cap["left"] == "90.496"  # twelve hours at 0.00022 a second


async def test_a_task_outlives_the_time_of_other_jobs(hosted: Hosted, tmp_path: Path) -> None:
    """Its seconds are billed whether somebody still asks after it or not."""

    class Wire(FakeDashScope):
        async def __call__(self, request: httpx2.Request) -> httpx2.Response:
            if request.method == "GET" and len(self.requests) == 1:
                await anyio.sleep(1.2)  # of a task of hours
            return await super().__call__(request)

    wire = Wire([task("RUNNING"), done(), transcript()])
    async with hosted(wire, kept=(tmp_path, Bounds(max_job_s=1))) as client:
        result = await client.call_tool(TOOL, {"source": "https://example.com/talk.mp3"})

    assert "It is fine." in text_of(result)


async def test_one_request_is_one_row_of_the_ledger_with_its_seconds(
    hosted: Hosted, recording: Path, tmp_path: Path
) -> None:
    async with hosted(FakeDashScope([spoken()]), folders=(tmp_path.resolve(),), kept=(tmp_path,)) as client:
        await client.call_tool(TOOL, {"source": str(recording)})
        found = (await client.call_tool("usage", {"id": "a1"})).structured_content

    (row,) = found["requests"]
    assert (row["tool"], row["usage"]["audio_seconds"], row["at_most"]) == (TOOL, 3, "0.00066")


# --- caps ---


async def test_under_a_cap_the_seconds_are_held_and_an_unknown_length_is_the_longest(
    hosted: Hosted, recording: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"caps": Caps(per_call=Decimal("0.001")), "kept": (tmp_path,)}
    fits = await heard(hosted, FakeDashScope([spoken()]), recording, **given)
    wire = FakeDashScope([task("PENDING")])
    refused = await heard(hosted, wire, "https://example.com/talk.mp3", **given)

    assert not fits.is_error, text_of(fits)
    assert wire.requests == []
    assert "It may cost up to 9.504 CNY" in text_of(refused)


async def test_what_a_model_writes_by_tokens_has_no_limit_to_be_set(
    hosted: Hosted, recording: Path, tmp_path: Path
) -> None:
    """All of it is held, or nothing is sent: 7,168 x 0.8 + 1,024 x 2.7 a million."""
    given: dict[str, Any] = {"model": "qwen-audio-3.1-asr-flash", "kept": (tmp_path,)}
    wire = FakeDashScope([reply({"output": {"text": "x"}, "usage": {"input_tokens": 9, "output_tokens": 1}})])
    refused = await heard(hosted, wire, recording, caps=Caps(per_call=Decimal("0.008")), **given)
    sent = len(wire.requests)
    fits = await heard(hosted, wire, recording, caps=Caps(per_call=Decimal("0.0085")), **given)

    assert (sent, refused.is_error, fits.is_error) == (0, True, False)
    assert "It may cost up to 0.0084992 CNY" in text_of(refused)


# --- refusals: nothing was sent ---

URL = "https://example.com/talk.mp3"
REFUSED = {
    "no model for speech": ({"model": "qwen3.7-plus"}, "qwen3.7-plus writes down no recorded speech. Use qwen3-asr-flash"),
    "one for live speech": ({"model": "qwen-audio-3.1-asr-flash-message"}, "writes down no recorded speech"),
    "times it does not tell": ({"model": "qwen3-asr-flash", "format": "srt"}, "tells no times, which this format needs. Use qwen3-asr-flash-filetrans or fun-asr."),
    "speakers it does not tell": ({"model": "qwen3-asr-flash-filetrans", "speakers": 0}, "does not tell speakers apart. Use fun-asr"),
    "context it does not take": ({"model": "fun-asr", "context": "百炼"}, "fun-asr takes no context. Use qwen3-asr-flash"),
    "speakers and context": ({"speakers": 2, "context": "百炼"}, "fun-asr takes no context. Use qwen-audio-3.1-asr-flash"),
    "one speaker": ({"speakers": 1}, "speakers=1 tells nobody apart"),
    "a document": ({"source": "https://example.com/a.pdf"}, "a.pdf is no recording"),
    "a picture": ({"source": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}, "holds no sound or film that is known"),
    "a text": ({"source": "data:text/plain;base64,5rmW"}, "holds no sound or film that is known"),
    "nowhere to write": ({"output": "a.txt"}, "No folder is set where files may be written"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_done_is_said_before_anything_is_sent(hosted: Hosted, case: str) -> None:
    arguments, says = REFUSED[case]
    wire = FakeDashScope([spoken()])
    result = await heard(hosted, wire, **{"source": URL, **arguments})

    assert (result.is_error, wire.requests) == (True, [])
    assert says in text_of(result)
    assert text_of(result).endswith("Nothing was sent.")


async def test_a_long_recording_is_refused_by_a_model_for_short_ones(hosted: Hosted, tmp_path: Path) -> None:
    long = tmp_path / "long.wav"
    long.write_bytes(sound(301, hz=100))
    result = await heard(hosted, FakeDashScope([spoken()]), long, model="qwen3-asr-flash")

    assert "qwen3-asr-flash takes up to 300 s, and this has 301 s. Use qwen3-asr-flash-filetrans" in text_of(result)


async def test_a_large_recording_is_refused_by_a_model_for_small_ones(hosted: Hosted, tmp_path: Path) -> None:
    large = tmp_path / "large.wav"
    large.write_bytes(sound(1) + bytes(11_000_000))
    result = await heard(hosted, FakeDashScope([spoken()]), large, model="qwen3-asr-flash")

    assert "takes up to 10 MB, and this has 11.0 MB" in text_of(result)


async def test_where_nothing_may_be_stored_long_ones_need_an_address(hosted: Hosted, recording: Path) -> None:
    wire = FakeDashScope([spoken()])
    result = await heard(hosted, wire, recording, format="srt", uploads=False)

    assert wire.requests == []
    assert "needs the recording at an address" in text_of(result)


async def test_where_the_usual_long_one_is_not_offered_the_refusal_says_what_is_missing(hosted: Hosted) -> None:
    result = await heard(hosted, FakeDashScope([spoken()]), URL, format="vtt", host=host_of(region="us-east-1"))

    assert "qwen3-asr-flash tells no times, which this format needs. Use less at once." in text_of(result)


async def test_a_model_of_the_settings_is_taken_at_its_word(hosted: Hosted, recording: Path) -> None:
    wire = FakeDashScope([spoken()])
    result = await heard(hosted, wire, recording, models={TOOL: "qwen3-asr-flash"}, format="srt")

    assert (result.is_error, wire.requests) == (True, [])


async def test_other_servers_have_no_such_thing(hosted: Hosted, recording: Path) -> None:
    result = await heard(hosted, FakeDashScope([]), recording, host=host_of("http://127.0.0.1:9/v1"))

    assert "Speech recognition is DashScope's own" in text_of(result)


async def test_chat_sends_nothing_to_a_model_for_speech(hosted: Hosted) -> None:
    wire = FakeDashScope([spoken()])
    async with hosted(wire) as client:
        result = await client.call_tool("chat", {"prompt": "x", "model": "fun-asr"})

    assert wire.requests == []
    assert "fun-asr writes down speech: `transcribe` uses it" in text_of(result)


# --- what is made of it ---


async def test_it_is_written_to_a_new_file_that_the_result_names(
    hosted: Hosted, recording: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    result = await heard(hosted, FakeDashScope([spoken()]), recording, output="会议.txt", output_folder=folder)

    assert (folder / "会议.txt").read_text("utf-8") == "欢迎使用阿里云。"
    assert f"written to {folder / '会议.txt'}" in text_of(result)


async def test_a_name_of_another_kind_is_refused_before(hosted: Hosted, recording: Path, tmp_path: Path) -> None:
    wire = FakeDashScope([spoken()])
    result = await heard(hosted, wire, recording, output="a.exe", output_folder=tmp_path / "out")

    assert wire.requests == []
    assert "a.exe does not end in .txt or .md" in text_of(result)


async def test_what_was_paid_is_given_where_it_could_not_be_written(
    hosted: Hosted, recording: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"

    def gone() -> httpx2.Response:
        folder.rmdir()
        folder.write_text("a file in the folder's place")
        return spoken()

    result = await heard(hosted, FakeDashScope([gone]), recording, output="a.txt", output_folder=folder)

    assert not result.is_error
    assert "NOT WRITTEN: a.txt cannot be written into the output folder" in text_of(result)
    assert result.structured_content["transcript"] == "欢迎使用阿里云。"


async def test_subtitles_without_times_are_the_text_and_said_to_be(hosted: Hosted) -> None:
    wire = FakeDashScope([task("PENDING"), done(), transcript([{"text": "湖"}])])
    result = await heard(hosted, wire, URL, format="srt")

    assert "INCOMPLETE: the model told no times" in text_of(result)
    assert result.structured_content["transcript"] == "湖"


@pytest.mark.both_eras
@pytest.mark.parametrize("form", ["text", "srt", "vtt", "json"])
async def test_half_a_letter_in_a_sentence_ends_no_connection(hosted: Hosted, form: str) -> None:
    """JSON can name what UTF-8 cannot carry."""
    wire = FakeDashScope([task("PENDING"), done(), transcript([{**SENTENCES[0], "text": "西\ud83d湖"}])])
    async with hosted(wire) as client:
        result = await client.call_tool(TOOL, {"source": "https://example.com/t.mp3", "format": form, "speakers": 0})

    assert "西\ufffd湖" in text_of(result).encode().decode()


def line(text: str, start: int = 0, end: int = 1_000, **more: Any) -> SpokenSentence:
    return SpokenSentence(text, start, end, **more)


@pytest.mark.parametrize(
    ("sentences", "cues"),
    [
        ([], ""),
        ([line(" "), SpokenSentence("untimed")], ""),
        ([line("a", 3_600_123, 36_061_007)], "1\n01:00:00,123 --> 10:01:01,007\na\n"),
        ([line("late", 5, 9), line("early", 0, 4)],
         "1\n00:00:00,000 --> 00:00:00,004\nearly\n\n2\n00:00:00,005 --> 00:00:00,009\nlate\n"),
        ([line("no length", 7, 7)], "1\n00:00:00,007 --> 00:00:00,008\nno length\n"),
        ([line("a\n\nb --> c")], "1\n00:00:00,000 --> 00:00:01,000\na b -> c\n"),
        ([line("湖" * 30 + "。")], "1\n00:00:00,000 --> 00:00:01,000\n" + "湖" * 21 + "\n" + "湖" * 9 + "。\n"),
        ([line("The quick brown fox jumps over the lazy dog and runs", speaker=2)],
         "1\n00:00:00,000 --> 00:00:01,000\nSpeaker 2: The quick brown fox jumps over\nthe lazy dog and runs\n"),
    ],
)  # fmt: skip
def test_cues_have_the_times_that_were_told_and_no_empty_line(sentences: list[SpokenSentence], cues: str) -> None:
    assert srt(sentences) == cues


def test_vtt_names_the_voice_and_escapes_what_is_markup() -> None:
    assert vtt([line("a < b & c", speaker=1), line("d", 1_000, 2_500)]) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v Speaker 1>a &lt; b &amp; c\n\n00:00:01.000 --> 00:00:02.500\nd\n"
    )


# --- the sandbox ---

SANDBOX = {"transport": httpx2.ASGITransport(sandbox.app())}
TAKES = [
    {}, {"format": "srt"}, {"format": "vtt", "speakers": 2}, {"model": "qwen-audio-3.0-asr-flash", "format": "json"},
    {"model": "qwen-audio-3.1-asr-flash", "speakers": 0}, {"model": "paraformer-v2", "format": "vtt"},
    {"model": "qwen-audio-3.1-asr-flash-filetrans", "language": "zh"},
]  # fmt: skip


@pytest.mark.parametrize("arguments", TAKES, ids=json.dumps)
async def test_the_sandbox_hears_at_each_door(hosted: Hosted, recording: Path, arguments: dict[str, Any]) -> None:
    loopback = host_of("http://127.0.0.1")  # where the result of a sandbox lies
    result = await heard(hosted, FakeDashScope([]), recording, options=SANDBOX, host=loopback, **arguments)

    assert not result.is_error, text_of(result)
    assert text_of(result).startswith("[SANDBOX | ")
    assert "Nobody listened to this recording." in result.structured_content["transcript"]


async def test_where_nobody_speaks_no_file_is_written_and_that_is_said(hosted: Hosted, tmp_path: Path) -> None:
    loopback, folder = host_of("http://127.0.0.1"), tmp_path / "out"
    source, options = "https://example.com/silence.mp3", SANDBOX
    result = await heard(
        hosted, FakeDashScope([]), source, options=options, host=loopback, output_folder=folder, output="talk.txt"
    )

    assert text_of(result).endswith("| NOT WRITTEN: there are no words to write]")
    assert not (tmp_path / "out" / "talk.txt").exists()


@pytest.mark.parametrize(
    ("source", "says"),
    [("https://example.com/silence.mp3", "NO SPEECH"), ("https://example.com/missing.mp3", "could not fetch a file")],
)
@pytest.mark.parametrize("more", [{}, {"speakers": 0}], ids=json.dumps)
async def test_the_sandbox_knows_silence_and_what_is_not_there(
    hosted: Hosted, source: str, says: str, more: dict[str, Any]
) -> None:
    loopback = host_of("http://127.0.0.1")
    result = await heard(hosted, FakeDashScope([]), source, options=SANDBOX, host=loopback, **more)

    assert says in text_of(result)
