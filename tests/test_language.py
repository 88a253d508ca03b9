"""What is ours in a result is in the language of the call; what is not ours stays as it came."""

import ast
import importlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from bailian_mcp.server.calls.language import (
    GAP,
    GAPS,
    HAN,
    MESSAGES,
    holds_chinese,
    in_chinese,
    language_of,
    messages,
    said,
)
from bailian_mcp.server.dashscope import errors
from bailian_mcp.server.errors import NOTHING_SENT, InvalidRequest
from bailian_mcp.server.features.extract.schema import Schema
from bailian_mcp.server.json_text import NoJson, json_of
from bailian_mcp.server.settings import NEEDED_TO_ASK, read_settings
from bailian_mcp.server.text import PLAIN_WORDS
from conftest import ANSWER, FakeDashScope, Hosted, chunk, ended_job, finish, refusal, sse, stream, text_of, usage
from conftest import told as heard
from sources import FILES, ROOT, tree_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def era() -> str:
    """What is said here does not depend on it."""
    return "2026-07-28"


ENGLISH = re.compile(r"[a-z']+ [a-z']+,? [a-z']+")  # three plain words in a row: a sentence that stayed
UNKNOWN_MODEL = refusal(404, "model_not_found", "The model does not exist.")


def stayed_english(text: str) -> str:
    found = ENGLISH.search(in_chinese(text))
    return found[0] if found else ""


# --- the templates ---


@pytest.mark.parametrize(
    "known",
    [*errors.KNOWN, *errors.BY_STATUS.values(), errors.REDIRECTED, errors.BROKEN, errors.BROKE_OFF, errors.REFUSED],
    ids=lambda known: known.message,
)
def test_every_known_error_and_its_next_step_have_chinese(known: errors.KnownError) -> None:
    for text in (known.message, known.next):
        assert in_chinese(text) != text
        assert stayed_english(text) == ""


@pytest.mark.parametrize("words", sorted(set(PLAIN_WORDS.values())))
def test_every_complaint_about_an_argument_has_chinese(words: str) -> None:
    assert stayed_english(f"prompt {words}. Correct this and call again.") == ""


def test_both_sides_have_the_same_gaps() -> None:
    assert [english for english, chinese in messages().items() if not has_the_same_gaps(english, chinese)] == []


def has_the_same_gaps(english: str, chinese: str) -> bool:
    numbers = GAP.findall(chinese)
    count = len(GAPS.findall(english))

    return numbers == [""] * count or sorted(map(int, numbers)) == list(range(count))


def test_a_template_gives_its_chinese() -> None:
    """And no other one does so in its place."""
    assert [english for english, chinese in messages().items() if not gives(english, chinese)] == []


def gives(english: str, chinese: str) -> bool:
    values = [f"v{n}" for n in range(len(GAPS.findall(english)))]
    given, wanted = iter(values), iter(values)

    text = GAPS.sub(lambda _: next(given), english)

    return in_chinese(text) == GAP.sub(lambda gap: values[int(gap[1])] if gap[1] else next(wanted), chinese)


def test_no_english_stands_twice() -> None:
    """In two groups of the file, where TOML allows it."""
    keys = re.findall(r'^("(?:[^"\\]|\\.)*") = ', MESSAGES.read_text("utf-8"), re.MULTILINE)

    assert [key for key in keys if keys.count(key) > 1] == []


def test_sentences_one_after_another_and_an_unknown_one() -> None:
    text = "This model always thinks. Here is nothing known. Call again without thinking=off. Nothing was sent. [x, HTTP 400]"

    assert in_chinese(text) == (
        "该模型始终思考，不能关闭。Here is nothing known. 请去掉 thinking=off 后重新调用。未发送任何内容。[x, HTTP 400]"
    )


def test_what_dashscope_said_is_left_alone() -> None:
    text = 'DashScope refused the request. DashScope said: "Try again later. Call again." Odd". Correct the request and call again.'

    assert 'Try again later. Call again." Odd' in in_chinese(text)


def test_outside_a_call_it_is_english() -> None:
    assert said("Call again.") == "Call again."


def test_what_is_longer_than_anything_of_ours_is_not_matched() -> None:
    with language_of("zh", {}):
        assert said("Call again.") == "请重新调用。"
        assert said(long := "x must be v or " * 5_000) == long


@pytest.mark.parametrize(
    ("arguments", "chinese"),
    [
        ({"a": [{"b": ["x", {"c": "湖"}]}]}, True), ({"json_schema": {"properties": {"湖": {}}}}, True), ({"a": "𠮷"}, True),
        ({"a": "lake", "b": 1, "c": None}, False), ({"a": "，。？"}, False), ({"a": "みずうみ"}, False),
    ],
)  # fmt: skip
def test_chinese_is_a_han_character_anywhere_in_the_arguments(arguments: dict[str, Any], chinese: bool) -> None:
    assert holds_chinese(arguments) is chinese


UNFIT: list[tuple[dict[str, Any], Any]] = [  # a value for each keyword that it does not fit
    ({"type": "integer"}, "甲"), ({"type": ["string", "null"]}, 1), ({"enum": [1]}, 2), ({"enum": [1, 2]}, 3),
    ({"enum": [*"abcdef"]}, "z"), ({"const": 1}, 2), ({"format": "email"}, "x"), ({"format": "date"}, "x"),
    ({"format": "date-time"}, "x"), ({"format": "time"}, "x"), ({"minLength": 3}, "x"), ({"maxLength": 1}, "xyz"),
    ({"pattern": "^a"}, "x"), ({"minimum": 3}, 1), ({"maximum": 3}, 5), ({"exclusiveMinimum": 3}, 3),
    ({"exclusiveMaximum": 3}, 3), ({"multipleOf": 0.5}, 0.3), ({"minItems": 1}, []), ({"minItems": 2}, []),
    ({"maxItems": 1}, [1, 2]), ({"uniqueItems": True}, [1, 1]), ({"contains": {"type": "string"}}, [1]),
    ({"minProperties": 2}, {}), ({"maxProperties": 1}, {"a": 1, "b": 2}), ({"required": ["甲"]}, {}),
    ({"additionalProperties": False, "properties": {"a": {}}}, {"b": 1}),
    ({"additionalProperties": False, "properties": {"a": {}}}, {"b": 1, "c": 1}),
    ({"additionalProperties": False}, {"b": 1}), ({"unevaluatedProperties": False}, {"a": 1}),
    ({"unevaluatedProperties": False}, {"a": 1, "b": 1}), ({"unevaluatedItems": False}, [1]),
    ({"unevaluatedItems": False}, [1, 2]), ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, 1), ({"oneOf": [{"type": "string"}]}, 1),
    ({"not": {"type": "string"}}, "x"), ({"propertyNames": {"maxLength": 1}}, {"abc": 1}),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}), ({"items": False}, [1]),
]  # fmt: skip
TWO_WORDS = re.compile("[a-z]{2,} [a-z]{2,}")


@pytest.mark.parametrize(("schema", "value"), UNFIT, ids=lambda given: json.dumps(given))
def test_whatever_does_not_fit_a_schema_is_said_in_chinese(schema: dict[str, Any], value: Any) -> None:
    (found, *_) = Schema({"allOf": [{}], **schema}).violations(value)

    assert not TWO_WORDS.search(in_chinese(found.message))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"type": "object", "required": "a"},
        {"$ref": "#/$defs/a"},
        {"type": "string", "minLength": -1},
    ],
    ids=json.dumps,
)
def test_what_is_wrong_with_a_schema_is_said_in_chinese(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Schema(schema)

    assert not TWO_WORDS.search(in_chinese(str(refused.value)))


@pytest.mark.parametrize(
    "text",
    ["", "没有", "{} {}", "[" * 300 + "]" * 300, '{"a": 1e999}', '{"a": NaN}', '{"a": 1, "a": 2}', '{"a": 1', '{"a" 1}',
     '{"a": "x', "{1: 2}", r'{"a": "\q"}', r'{"a": "\u12"}', '{"a": tru', '{"a": "\\ud83d"}', "1 2"],
)  # fmt: skip
def test_why_an_answer_is_no_json_is_said_in_chinese(text: str) -> None:
    with pytest.raises(NoJson) as why:
        json_of(text)

    assert not TWO_WORDS.search(in_chinese(str(why.value)))


def test_the_sandbox_has_one_name_in_chinese() -> None:
    pages = [*(ROOT / "docs").glob("*"), ROOT / "README.md", ROOT / "README.zh-CN.md", MESSAGES]

    assert [page.name for page in pages if "沙盒" in page.read_text("utf-8")] == []


# --- what has no template ---

WITHOUT: dict[str, str] = {}  # file: why its sentences stay English
PIECES = {  # what a gap may hold that is a part of the sentence itself
    "off": ", and BAILIAN_UPLOADS=false forbids DashScope's temporary storage",
    "mend": "BAILIAN_ALLOWED_DIRS in this server's environment and restart the server",
    "start": ", which starts from /work", "quoted": ': "v7"', "_are(count)": "are 5 pages, from 1 to 5",
    "each": "0.02 CNY", "narrow": "60 requests a minute", "price": "1 CNY", "plan.label": "page 2: ",
    "done": "page 2 ok: 1 of 3 pages", "_price(call, model, counts)": ", 1 CNY",
}  # fmt: skip


def literals() -> list[tuple[str, int, str]]:
    """The texts given to InvalidRequest and DashScopeError as they stand in the code, with values for the gaps."""
    found = []
    for file in FILES:
        name = str(file.relative_to(ROOT))
        module = importlib.import_module(f"bailian_mcp.{name.removesuffix('.py').replace('/', '.').removesuffix('.__init__')}") if "__main__" not in name else None  # fmt: skip
        for node in ast.walk(tree_of(file)):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) in ("InvalidRequest", "DashScopeError")
                and node.args
            ):
                found.append((name, node.lineno, filled(node.args[0], module)))
    return [each for each in found if ENGLISH.search(each[2])]


def filled(node: ast.expr, module: Any) -> str:
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.JoinedStr():
            return "".join(filled(value, module) for value in node.values)
        case ast.FormattedValue():
            piece = PIECES.get(ast.unparse(node.value))
            return piece or (filled(node.value, module) if isinstance(node.value, ast.Name) else "v7")
        case ast.Name():
            value = getattr(module, node.id, None)
            return value if isinstance(value, str) else "v7"
    return "v7"


def test_every_error_in_the_code_has_chinese() -> None:
    without = [(name, line, text) for name, line, text in literals() if stayed_english(text) and name not in WITHOUT]

    assert without == []
    assert len(literals()) > 60  # or the scan sees nothing


TOLD_WHILE_IT_RUNS = ("report", "report_now", "heartbeat")


def progress_lines() -> list[tuple[str, int, str]]:
    """What the code tells a host while a call runs, with values for the gaps; what is made elsewhere is left out."""
    calls = [
        (file, node)
        for file in FILES
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TOLD_WHILE_IT_RUNS
    ]
    with_gaps = [(file, node.lineno, filled(_first(node), None)) for file, node in calls if node.args]
    return [
        (str(file.relative_to(ROOT)), line, text) for file, line, text in with_gaps if re.search("[a-z] [a-z]", text)
    ]


def _first(node: ast.Call) -> ast.expr:
    first = node.args[0]
    return first.body if isinstance(first, ast.Lambda) else first


def test_every_line_of_progress_has_chinese() -> None:
    assert [(*where, text) for *where, text in progress_lines() if not HAN.search(in_chinese(text))] == []
    assert len(progress_lines()) > 30  # or the scan sees nothing


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("cost", {"models": ["qwen3.7-plus", "qwen-max"], "input_tokens": 1000, "web_searches": 2, "calls": 10}),
        ("cost", {"text": "你好", "region": "ap-southeast-1"}),
        ("cost", {"models": ["qwen-of-tomorrow"], "input_tokens": 1}),
        ("cost", {}),
        ("models", {"query": "便宜的视觉模型", "limit": 2}),
        ("models", {"query": "无人知晓"}),
        ("models", {"query": "qwen-max", "capabilities": ["vision"]}),
        ("usage", {}),
        ("usage", {"by": "model"}),
    ],
)
async def test_what_is_looked_up_is_told_in_chinese(hosted: Hosted, tool: str, arguments: dict[str, Any]) -> None:
    async with hosted(FakeDashScope([stream()]), structured=False, language="zh") as client:
        await client.call_tool("chat", {"prompt": "你好"})
        text = text_of(await client.call_tool(tool, arguments))

    assert HAN.search(text)
    of_the_catalog = re.compile(r"^(\S+ \| |  )")  # rows: names, prices, and what was noted there
    assert [line for line in text.splitlines() if ENGLISH.search(line) and not of_the_catalog.match(line)] == []


@pytest.mark.parametrize(("language", "began"), [("zh", "qwen3.7-plus 回答：西湖"), ("en", "qwen3.7-plus says: 西湖")])
async def test_progress_is_in_the_language_of_the_call(hosted: Hosted, language: str, began: str) -> None:
    said: list[str] = []
    async with hosted(FakeDashScope([stream()]), structured=False, language=language) as client:
        await client.call_tool("chat", {"prompt": "hi"}, progress_callback=heard(said))

    assert said[0].startswith(began)


def test_the_advice_when_there_is_no_key_is_whole() -> None:
    assert stayed_english(errors.NO_KEY) == ""
    assert in_chinese(errors.NO_KEY).endswith(in_chinese(NOTHING_SENT))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DASHSCOPE_API_KEY", "sk a"), ("DASHSCOPE_REGION", "moon"), ("DASHSCOPE_REGION", "beijing"), ("BAILIAN_TIMEOUT_S", "soon"),
        ("BAILIAN_TIMEOUT_S", "0"), ("DASHSCOPE_BASE_URL", "http://example.com"), ("DASHSCOPE_BASE_URL", "no url"), ("DASHSCOPE_WORKSPACE_ID", "a b"),
        ("DASHSCOPE_API_KEY", "sk-sp-0123456789abcdef"), ("DASHSCOPE_REGION", "ap-southeast-1 x"), ("BAILIAN_STATE_URL", "db"),
    ],
)  # fmt: skip
def test_what_to_do_about_an_unreadable_setting_is_chinese(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    trouble = read_settings().mend(*NEEDED_TO_ASK)

    assert trouble
    assert stayed_english(trouble) == ""


# --- over the whole server ---


async def told(hosted: Hosted, wire: FakeDashScope, tool: str, arguments: dict[str, Any], **shared: Any) -> str:
    async with hosted(wire, **{"structured": False, "language": "auto", **shared}) as client:
        return text_of(await client.call_tool(tool, arguments))


CHINESE, ENGLISH_PROMPT = {"prompt": "西湖在哪里？"}, {"prompt": "Where is it?"}


@pytest.mark.parametrize(
    ("language", "arguments", "chinese"),
    [
        ("auto", CHINESE, True), ("auto", ENGLISH_PROMPT, False), ("en", CHINESE, False), ("zh", ENGLISH_PROMPT, True),
        ("auto", {**ENGLISH_PROMPT, "history": [{"role": "user", "content": "你好"}]}, True),
    ],
)  # fmt: skip
async def test_an_error_is_in_the_language_of_the_call(
    hosted: Hosted, language: str, arguments: dict[str, Any], chinese: bool
) -> None:
    text = await told(hosted, FakeDashScope([UNKNOWN_MODEL]), "chat", arguments, language=language)

    assert text.startswith("百炼没有这个模型。" if chinese else "DashScope does not know this model.")
    assert "The model does not exist" in text
    assert "req-refused" in text


async def test_what_is_said_of_a_job_is_in_the_language_of_its_call(hosted: Hosted) -> None:
    """Its id says nothing of it."""

    async def half() -> AsyncIterator[bytes]:
        yield sse(chunk(content="西湖"), done=False)
        await anyio.sleep_forever()

    async with hosted(
        FakeDashScope([stream(half())]), structured=False, language="auto", soft_timeout_s=0.05
    ) as client:
        handle = text_of(await client.call_tool("chat", {"prompt": "你好"}))
        id = handle.partition('id="')[2].partition('"')[0]
        asked = text_of(await client.call_tool("job", {"id": id, "wait_s": 0}))
        ended = text_of(await ended_job(client, id, cancel=True))

    assert handle.startswith("[RUNNING 已运行 0 秒：用 job(")
    assert re.match(r"\[RUNNING 已运行 \d+ 秒：用 job\(", asked)  # however slow the machine is
    assert ended.startswith("[不完整：调用已取消 | 已收到约 ")


@pytest.mark.parametrize(
    ("tool", "arguments", "said_so"),
    [
        ("chat", {"prompt": "你好", "temperatur": 1}, "temperatur 不是参数。"),
        ("chat", {"system": "你好"}, "缺少必填参数 prompt。"),
        ("chat", {"prompt": "你好", "temperature": 7}, "temperature 须小于 2。"),
        ("chat", {"prompt": "你好", "thinking": "deep"}, "thinking 须为 off、low、medium 或 high。"),
        ("ocr", {"source": "没有.png"}, "无法读取 没有.png：没有允许的文件夹。"),
        ("job", {"id": "没有"}, "没有编号为 没有 的任务"),
        ("extract", {"text": "甲方", "json_schema": {}}, "json_schema 不可用："),
        ("没有", {"prompt": "你好"}, "没有这个工具。"),
    ],
)  # fmt: skip
async def test_a_refusal_is_chinese(hosted: Hosted, tool: str, arguments: dict[str, Any], said_so: str) -> None:
    async with hosted(FakeDashScope([stream()]), structured=False, language="auto") as client:
        try:
            text = text_of(await client.call_tool(tool, arguments))
        except Exception as refused:  # noqa: BLE001 - an era may refuse an unknown tool as a protocol error
            text = str(refused)

    assert said_so in text
    assert not ENGLISH.search(text)


async def test_the_first_line_is_chinese_and_the_answer_is_not_touched(hosted: Hosted) -> None:
    words = "INCOMPLETE: Call again. note: This model always thinks. 西湖"
    wire = FakeDashScope([stream(sse(chunk(content=words), finish("length"), usage()))])

    line, _, answer = (await told(hosted, wire, "chat", CHINESE)).partition("\n")

    assert answer == words
    assert line.startswith("[qwen3.7-plus | 1,000+500 tokens | ")
    assert line.endswith(
        " | req-1 | 不完整：已达到输出上限；请减少要求的内容，或调大 max_output_tokens（如该工具有此参数）]"
    )


async def test_no_fact_of_an_ordinary_line_changes(hosted: Hosted) -> None:
    chinese = await told(hosted, FakeDashScope([stream(ANSWER)]), "chat", CHINESE)

    assert chinese == await told(hosted, FakeDashScope([stream(ANSWER)]), "chat", CHINESE, language="en")


async def test_a_search_that_was_none_is_said_in_chinese_behind_the_answer(hosted: Hosted) -> None:
    reply = {
        "output": {
            "choices": [{"message": {"content": [{"text": "西湖"}], "role": "assistant"}, "finish_reason": "stop"}]
        },
        "request_id": "req-native",
    }
    wire = FakeDashScope([stream(f"data:{json.dumps(reply)}\n\n".encode())])

    line, *rest = (await told(hosted, wire, "web_search", {"question": "西湖？"})).splitlines()

    assert line == ("[qwen3.7-plus | Token 数未知 | 费用未知：百炼没有返回用量；仍可能已计费 | req-1 | 未联网搜索]")
    assert rest[-1].startswith("没有进行联网搜索：")
    assert rest[-1].endswith("请重新搜索，或提得更具体。")


async def test_data_stay_and_what_does_not_fit_is_said_in_chinese(hosted: Hosted) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    wire = FakeDashScope([stream(sse(chunk(content='{"name": 1, "note": "Call again."}'), finish(), usage()))])

    async with hosted(wire, language="zh") as client:
        result = await super(type(client), client).call_tool("extract", {"text": "甲方", "json_schema": schema})

    lines = text_of(result).splitlines()
    assert "未通过校验" in lines[0]
    assert lines[1] == '{"name":1,"note":"Call again."}'
    assert lines[2] == '- /name: 1 不是 "string" 类型'
    assert lines[3] == "/name: 在来源中未找到"
    assert result.structured_content["violations"][0]["message"] == '1 is not of type "string"'


async def test_a_long_answer_says_in_chinese_how_to_read_on(hosted: Hosted) -> None:
    wire = FakeDashScope([stream(sse(chunk(content="湖" * 20_000), finish(), usage()))])

    line = (await told(hosted, wire, "chat", CHINESE)).partition("\n")[0]

    assert re.search(r'第 0 到 [\d,]+ 个字符，共 [\d,]+ 个，用 job\(id="\w+", offset=\d+\) 继续读\]$', line)


async def test_calls_at_the_same_time_have_each_its_language(hosted: Hosted) -> None:
    texts: dict[str, str] = {}

    async with hosted(FakeDashScope([UNKNOWN_MODEL]), structured=False, language="auto") as client:

        async def ask(prompt: str) -> None:
            texts[prompt] = text_of(await client.call_tool("chat", {"prompt": prompt}))

        async with anyio.create_task_group() as calls:
            for prompt in ("你好", "Hello", "湖", "Lake"):
                calls.start_soon(ask, prompt)

    assert {prompt for prompt, text in texts.items() if text.startswith("百炼")} == {"你好", "湖"}
