"""What was paid comes back, whatever it is and whatever fails here after it came."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest
from bailian_mcp.server.calls.call import Call
from bailian_mcp.server.calls.context import AppContext
from bailian_mcp.server.calls.delivery import delivered
from bailian_mcp.server.calls.language import in_chinese
from bailian_mcp.server.calls.progress import Progress
from bailian_mcp.server.calls.salvage import Salvage
from bailian_mcp.server.features.attachments import target_of
from bailian_mcp.server.features.extract.schema import Schema, checked
from bailian_mcp.server.features.ocr.page import assess
from bailian_mcp.server.features.ocr.pages import PageRun
from bailian_mcp.server.features.ocr.tasks import OcrTask
from bailian_mcp.server.features.ocr.transcripts import Transcript
from bailian_mcp.server.files import Link
from bailian_mcp.server.json_text import NoJson, json_of
from bailian_mcp.server.text import clip
from bailian_mcp.tools.extract import extract
from bailian_mcp.tools.ocr import ocr
from bailian_mcp.tools.web_search import web_search
from conftest import HOST, NOW, FakeDashScope, Hosted, chunk, dashscope, finish, refusal, sse, stream, text_of, usage
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult
from papers import image_of, number_of, numbered

pytestmark = pytest.mark.anyio
INSIDE = "something failed inside bailian-mcp, whose log on stderr has the details"
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}}
PART = "西湖在杭州，门票免费，2024年。\n" * 160  # fills one part of SMALL
SHORT_PART, CROWDING = PART[:800], "湖" * 1_400  # fills one where the instructions take the room
SMALL = "qwen-max-2024-04-28"  # its window is 6,000 tokens
THREE_PARTS = PART * 2 + PART[:800]


@pytest.fixture
def era() -> str:
    """What is paid does not depend on it."""
    return "2026-07-28"


async def unheard(*_: Any) -> None: ...


def call_over(client: Any, **shared: Any) -> Call:
    context = AppContext(client, HOST, **{"now": lambda: NOW, "structured": True, "extract_repairs": 0, **shared})
    return Call(context, Progress(unheard))


async def served(tool: Any, wire: FakeDashScope, shared: dict[str, Any] | None = None, **arguments: Any) -> Any:
    """A tool as it is served, without a client between."""
    async with dashscope(wire) as client:
        return await delivered(tool)(call_over(client, **(shared or {})), **arguments)


def answer(text: str) -> httpx2.Response:
    """Its JSON is ASCII: halves of surrogate pairs come as escapes, as they do."""
    frames = (chunk(content=text), finish(), usage())
    return stream("".join(f"data: {json.dumps(frame)}\n\n" for frame in frames).encode() + b"data: [DONE]\n\n")


# --- whatever is answered ---

ODD = st.sampled_from([0, -0.0, 1e-320, 1.7e308, 10**400, -(10**4000), True, False, None, "", " ", "\u202e", "\ud83d", "１", "-5", "2024年"])  # fmt: skip
NAMES = st.sampled_from(["title", "", "a/b", "~", "$ref", "名 称", "\x00", "__proto__", "0"])
VALUES = st.recursive(
    ODD | st.text(max_size=8) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
BROKEN = st.sampled_from(
    ["", " ", "散文", '{"title": "西', '{"a": NaN}', '{"a": 1e400}', '{"a": 1, "a": 2}', "[" * 150 + "]" * 150, "9" * 5_000, "[" * 100_000,
     "```json\n", "[1] [2]", "{} {}", "<think>x</think>", '"\\ud83d"', '{"a": [1,], /* x */ "b": 2}', "\ufeff{}", "null", "true"]
)  # fmt: skip
ANSWERS = (
    VALUES.map(json.dumps) | VALUES.map(lambda v: f"```json\n{json.dumps(v)}\n```") | BROKEN | st.text(max_size=20)
)
LEAF = st.sampled_from(
    [{"type": "string"}, {"type": "integer", "minimum": 2, "multipleOf": 3}, {"type": ["number", "null"], "maximum": 1e308}, {"type": "boolean"},
     {"enum": ["甲", 1, None, True]}, {"const": 10**30}, {"type": "null"}, {"type": "string", "pattern": r"^(?=湖)(a+)+$", "format": "date"}, {"not": {}},
     {"multipleOf": 1e-9}, {"uniqueItems": True}, {"type": "string", "minLength": 3}, {}]
)  # fmt: skip
SCHEMAS = st.recursive(
    LEAF,
    lambda inner: (
        st.builds(lambda each: {"type": "array", "items": each, "uniqueItems": True}, inner)
        | st.builds(lambda one, other: {"anyOf": [one, other]}, inner, inner)
        | st.builds(lambda each: {"patternProperties": {r"^a(?!b)": each}, "type": "object"}, inner)
        | st.dictionaries(NAMES, inner, max_size=3).map(lambda p: {"type": "object", "properties": p, "required": list(p)})
    ),
    max_leaves=5,
)  # fmt: skip


def leaves(value: Any) -> Iterator[str]:
    """Each that is not empty, as JSON."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from leaves(each)
    elif value not in (None, ""):
        yield json.dumps(value, ensure_ascii=False)


def data_of(text: str) -> Any:
    try:
        return json_of(text)
    except NoJson:
        return None


def is_json(text: str) -> bool:
    """Also the null of a fence, of which `data_of` tells nothing."""
    try:
        json_of(text)
    except NoJson:
        return False
    return True


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEMAS, st.lists(ANSWERS, min_size=1, max_size=4), st.integers(0, 1))
@example({"type": "object", "properties": {"a": {"type": "boolean"}}}, ['{"a": true}', '{"a": false}', '{"a": 1}'], 0)
@example({"type": "string"}, ["```null```"], 0)
@example(SCHEMA, [json.dumps({"title": "甲" * 3_000}), json.dumps({"title": "乙" * 3_000})], 0)
async def test_any_schema_any_parts_any_answers_give_back_what_was_paid(
    schema: dict[str, Any], answers: list[str], repairs: int
) -> None:
    wire, shared = FakeDashScope([answer(text) for text in answers]), {"extract_repairs": repairs}
    try:
        told = await served(
            extract,
            wire,
            shared,
            json_schema=schema,
            text=SHORT_PART * len(answers),
            instructions=CROWDING,
            model=SMALL,
        )
    except ToolError:
        told = None
    if told is None:
        assert wire.requests == []
        return
    found, text = told.structured_content, text_of(told)

    assert INSIDE not in text
    assert told.model_dump_json().encode()
    assert found["attempts"] == len(wire.requests)
    values = {*leaves(found["data"])}
    for paid in answers[: len(wire.requests)] if not repairs else ():
        data = data_of(paid)
        assert all(leaf in values or clip(leaf, 60_000) in text for leaf in leaves(data))
        assert is_json(paid) or not paid.strip() or "instead" in text


ROWS = st.dictionaries(
    st.sampled_from(["text", "label", "location", "rotate_rect", "bbox_2d", "words_info", "kv_result"]), VALUES, max_size=4
) | st.builds(lambda text, place: {"text": text, "rotate_rect": place}, st.text(max_size=3), st.lists(ODD, max_size=6))  # fmt: skip
FOUND = st.dictionaries(st.sampled_from(["words_info", "kv_result", "x"]), VALUES | st.lists(ROWS | VALUES, max_size=3))


def read(text: str, found: Any, reason: str = "stop") -> httpx2.Response:
    """A native frame of an OCR model."""
    message = {"content": [{"ocr_result": found, "text": text}], "role": "assistant"}
    counts = {"input_tokens": 524, "output_tokens": 65, "total_tokens": 589}
    frame = {"output": {"choices": [{"finish_reason": reason, "message": message}]}, "usage": counts, "request_id": "r"}
    return stream(f"id:1\nevent:result\n:HTTP_STATUS/200\ndata:{json.dumps(frame)}\n\n".encode())


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(
    ANSWERS | st.text(), FOUND | VALUES, st.sampled_from(["advanced_recognition", "key_information_extraction", None])
)
async def test_any_text_and_any_finding_give_a_page(text: str, found: Any, task: Any) -> None:
    told = await served(ocr, FakeDashScope([read(text, found)]), source="https://a.example/x.png", task=task)

    (page,) = told.structured_content["pages"]
    assert INSIDE not in text_of(told)
    assert told.model_dump_json().encode()
    assert page["status"] in ("ok", "failed", "empty", "repeating")
    assert page.get("text") or page.get("fields") is not None or page["status"] == "empty"


def searched(text: str, found: Any) -> httpx2.Response:
    """A native frame of an answer from the web."""
    message = {"content": text, "role": "assistant"}
    output = {"choices": [{"message": message, "finish_reason": "stop"}], "search_info": {"search_results": found}}
    return stream(f"data: {json.dumps({'output': output, 'request_id': 'r'})}\n\n".encode())


URLS = st.sampled_from(
    ["https://a.cn/1", "https://a.cn:99999/", "http://[::1", "https://a.cn/\ud83d", "//", "javascript:x"]
)
SITES = st.fixed_dictionaries(
    {}, optional={"index": st.integers(-1, 3) | ODD, "title": ODD | st.text(), "url": URLS | ODD, "site_name": ODD}
)
CITING = st.lists(
    st.sampled_from(["西湖", "[ref_1]", "[2]", "[1-3]", "`[1]`", "[", "［1］", "\ue000", "\ud83d", "$", "\n"])
    | st.text(max_size=3)
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(CITING.map("".join), st.lists(SITES | VALUES, max_size=4) | VALUES)
async def test_any_answer_from_the_web_is_given(text: str, found: Any) -> None:
    told = await served(web_search, FakeDashScope([searched(text, found)]), question="西湖？")

    assert INSIDE not in text_of(told)
    assert not told.is_error
    assert told.model_dump_json().encode()


# --- whatever fails here ---


async def torn(call: Call, prompt: str) -> CallToolResult:
    """A tool with a fault behind its answers."""
    for _ in range(2):
        await call.complete("qwen3.7-plus", [{"role": "user", "content": prompt}])
    raise KeyError(prompt)


async def unpaid(call: Call, prompt: str) -> CallToolResult:
    raise KeyError(prompt)


@pytest.mark.parametrize("structured", [True, False])
async def test_a_tool_with_a_fault_hands_over_what_was_paid_and_tells_what_it_cost(
    structured: bool, caplog: pytest.LogCaptureFixture
) -> None:
    wire = FakeDashScope([answer("西湖"), answer("在杭州")])
    told = await served(torn, wire, {"structured": structured}, prompt="geheim")
    line, *body = text_of(told).splitlines()

    assert told.is_error
    assert body == ["西湖", "", "在杭州"]
    assert "2,000+1,000 tokens | 0.012 CNY" in line
    assert f"NOT FINISHED, what was paid follows as it came, untrusted: {INSIDE}]" in line
    assert "KeyError" in caplog.text
    assert "in torn" in caplog.text
    assert "geheim" not in caplog.text


async def test_a_fault_before_anything_was_paid_stays_one() -> None:
    with pytest.raises(KeyError):
        await served(unpaid, FakeDashScope([]), prompt="x")
    with pytest.raises(KeyError):
        await served(torn, FakeDashScope([answer("")]), prompt="x")


async def test_an_answer_that_a_fault_cuts_off_is_handed_over_as_far_as_it_came() -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield sse(chunk(content="西湖"), done=False)
        raise RuntimeError

    async def silent() -> AsyncIterator[bytes]:
        raise RuntimeError
        yield b""

    told = await served(torn, FakeDashScope([stream(breaking())]), prompt="x")

    assert text_of(told).endswith("]\n西湖")
    with pytest.raises(RuntimeError):
        await served(torn, FakeDashScope([stream(silent())]), prompt="x")


async def test_no_clock_and_no_price_lose_an_answer() -> None:
    """They are asked for when it has come."""
    wire = FakeDashScope([answer("西湖")])

    def now() -> Any:
        assert len(wire.requests) < 2  # it asks twice
        return NOW

    told = await served(torn, wire, {"now": now}, prompt="x")

    assert "cost unknown: its price could not be made out" in text_of(told)
    assert text_of(told).endswith("]\n西湖\n\n西湖")


async def test_a_sum_that_fails_loses_no_answer() -> None:
    class Torn(Call):
        def spent(self, model: str) -> Any:
            raise ArithmeticError

    async with dashscope(FakeDashScope([answer("西湖")])) as client:
        told = await delivered(torn)(Torn(call_over(client).context, Progress(unheard)), prompt="x")

    assert text_of(told) == f"[NOT FINISHED, what was paid follows as it came, untrusted: {INSIDE}]\n西湖\n\n西湖"


async def test_the_pages_of_a_search_come_back_too() -> None:
    async def searching(call: Call) -> CallToolResult:
        await web_search(call, "西湖？")
        raise TypeError

    told = await served(
        searching, FakeDashScope([searched("西湖", [{"index": 1, "title": "湖", "url": "https://a.cn/1\ud83d"}])])
    )

    assert text_of(told).endswith("]\n西湖\nhttps://a.cn/1\ufffd")


async def test_data_that_cannot_be_checked_are_given_with_that_said() -> None:
    class Torn(Schema):
        def violations(self, data: Any) -> Any:
            raise OverflowError

    (violation,) = checked(Torn(SCHEMA), {"title": "西湖"})

    assert violation.message == f"it could not be checked: {INSIDE}"


async def test_without_threads_parts_stand_one_after_the_other_and_nothing_is_looked_up(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine may have none left: joining and looking up need one."""

    async def none_left(*_: Any, **__: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(anyio.to_thread, "run_sync", none_left)
    wire = FakeDashScope([answer('{"title": "西湖"}'), answer('{"title": "东湖"}'), answer('{"title": "南湖"}')])
    async with hosted(wire) as host:
        told = await host.call_tool("extract", {"json_schema": SCHEMA, "text": THREE_PARTS, "model": SMALL})

    found = told.structured_content
    assert found["data"] == [{"title": "西湖"}, {"title": "东湖"}, {"title": "南湖"}]
    assert [each["message"] for each in found["violations"]] == [
        f"the parts could not be joined, and stand one after the other: {INSIDE}"
    ]
    assert f"The values could not be looked up in the sources: {INSIDE}." in found["notes"]
    assert (told.is_error, found["evidence"]) == (True, [])


class TornTask(OcrTask):
    """A task whose name is lost once it was asked for."""

    def __init__(self, wire: FakeDashScope) -> None:
        object.__setattr__(self, "fields", {})
        object.__setattr__(self, "wire", wire)

    @property
    def name(self) -> Any:  # type: ignore[override]
        if self.wire.requests:  # type: ignore[attr-defined]
            raise LookupError
        return "text_recognition"


async def test_a_page_whose_answer_is_not_understood_comes_as_it_came() -> None:
    wire = FakeDashScope([read("西湖", {"kv_result": {"湖": "西"}})])
    async with dashscope(wire) as client:
        call, source = call_over(client), Link("https://a.example/x.png")
        run = PageRun(call, target_of(call, "qwen3.5-ocr"), TornTask(wire), source, [1])
        await run.run()

    page = run.pages[1]
    assert (page.status, page.text) == ("failed", '西湖\n{"kv_result": {"湖": "西"}}')
    assert page.why == f"the answer could not be understood, and stands as it came: {INSIDE}"


class TornTranscript(Transcript):
    @property
    def words(self) -> str:
        raise UnicodeError


async def test_a_page_that_cannot_be_judged_is_given_with_that_said() -> None:
    async with dashscope(FakeDashScope([answer("西湖")])) as client:
        exchange = await call_over(client).complete("qwen3.7-plus", [])
    page = assess(1, OcrTask(), TornTranscript("西湖"), exchange, "")

    assert (page.status, page.text) == ("ok", "西湖")
    assert page.why == f"whether it can be trusted was not checked: {INSIDE}"


class TornAtTheSecondPage(FakeDashScope):
    """A wire with a fault that is none of HTTP's."""

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        await super().__call__(request)
        number = number_of(image_of(self.body))
        if number == 2:
            raise RuntimeError
        return read(f"第{number}页", {})


async def test_a_page_with_a_fault_does_not_lose_the_others(hosted: Hosted, tmp_path: Path) -> None:
    (tmp_path / "n.pdf").write_bytes(numbered(3))
    async with hosted(TornAtTheSecondPage([answer("")]), folders=(tmp_path.resolve(),)) as host:
        told = await host.call_tool("ocr", {"source": str(tmp_path / "n.pdf")})

    pages = told.structured_content["pages"]
    assert [(page["status"], page["text"]) for page in pages] == [("ok", "第1页"), ("failed", ""), ("ok", "第3页")]
    assert pages[1]["why"] == f"The page could not be read: {INSIDE}."


async def test_a_fault_at_every_page_ends_the_work(hosted: Hosted, tmp_path: Path) -> None:
    (tmp_path / "n.pdf").write_bytes(numbered(30))
    wire = FakeDashScope([RuntimeError()])
    async with hosted(wire, folders=(tmp_path.resolve(),)) as host:
        told = await host.call_tool("ocr", {"source": str(tmp_path / "n.pdf")})

    assert told.is_error
    assert text_of(told).startswith(f"The page could not be read: {INSIDE}.")
    assert len(wire.requests) <= 7


async def test_a_fault_in_asking_once_more_loses_nothing(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([read("半页", {}, "length"), RuntimeError()])
    async with hosted(wire) as host:
        told = await host.call_tool("ocr", {"source": "https://a.example/x.png"})

    (page,) = told.structured_content["pages"]
    assert (page["status"], page["text"], len(wire.requests)) == ("truncated", "半页", 2)


def test_what_is_meant_for_the_host_and_cancellation_are_no_faults() -> None:
    for passing in (ToolError("x"), KeyboardInterrupt(), BaseExceptionGroup("", [KeyboardInterrupt()])):
        with pytest.raises(type(passing)), Salvage("x"):
            raise passing


async def test_a_cancelled_call_is_cancelled() -> None:
    with anyio.CancelScope() as scope:
        with Salvage("x") as step:
            scope.cancel()
            await anyio.sleep(0)
        raise AssertionError

    assert step.note == ""


def test_a_fault_of_several_is_logged_with_each_and_with_none_of_their_words(caplog: pytest.LogCaptureFixture) -> None:
    words = "ge" + "heim"
    with Salvage("the pages were lost"):
        try:
            raise ValueError(words)
        except ValueError as cause:
            raise ExceptionGroup(words, [KeyError(words)]) from cause

    assert all(name in caplog.text for name in ("ExceptionGroup", "KeyError", "ValueError", "the pages were lost"))
    assert "geheim" not in caplog.text


@pytest.mark.parametrize(
    "lost",
    ["The values could not be looked up in the sources", "the parts could not be joined, and stand one after the other", "it could not be checked",
     "its price could not be made out", "The page could not be read", "the answer could not be understood, and stands as it came",
     "whether it can be trusted was not checked", "NOT FINISHED, what was paid follows as it came, untrusted"],
)  # fmt: skip
def test_each_loss_is_told_in_chinese(lost: str) -> None:
    assert "bailian-mcp 内部出错" in in_chinese(f"{lost}: {INSIDE}")
    assert lost not in in_chinese(f"{lost}: {INSIDE}")


async def test_a_later_part_that_fails_is_counted_as_often_as_it_was_asked_for() -> None:
    no = refusal(400, "invalid_parameter_error", "Unknown format of response_format")
    owing = refusal(400, "Arrearage", "good standing")
    wire = FakeDashScope([answer('{"title": "西湖"}'), no, owing])
    told = await served(extract, wire, json_schema=SCHEMA, text=PART * 30, model="qwen-max")

    assert told.structured_content["attempts"] == len(wire.requests) == 3


async def test_what_is_no_data_comes_back_whole_from_every_part() -> None:
    prose = ["散文" * 4_000, '{"title": "西湖"}', "诗" * 4_000]
    told = await served(
        extract, FakeDashScope(list(map(answer, prose))), json_schema=SCHEMA, text=THREE_PARTS, model=SMALL
    )

    assert prose[0] in text_of(told)
    assert prose[2] in text_of(told)
    assert told.structured_content["data"] == {"title": "西湖"}
