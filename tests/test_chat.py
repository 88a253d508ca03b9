"""`chat`, as a host sees it: the whole server in both protocol eras, only DashScope's wire scripted."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import FakeDashScope, Hosted, chunk, finish, refusal, sse, stream, text_of, told, usage
from mcp.types import CallToolResult
from PIL import Image

pytestmark = pytest.mark.anyio


async def ask(hosted: Hosted, wire: FakeDashScope, _connect: Any = None, **arguments: Any) -> CallToolResult:
    async with hosted(wire, **(_connect or {})) as host:
        result = await host.call_tool("chat", {"prompt": "杭州西湖在哪里？", **arguments})
    assert isinstance(result, CallToolResult)
    return result


def png(width: int = 32, height: int = 32) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(content, "PNG")
    return content.getvalue()


# --- the answer ---


@pytest.mark.both_eras
async def test_an_answer_comes_with_its_tokens_its_exact_price_and_its_request_id(hosted: Hosted) -> None:
    result = await ask(hosted, FakeDashScope([stream()]))

    data = dict(result.structured_content or {})
    assert data.pop("elapsed_s") >= 0
    assert data == {
        "answer": "西湖在杭州。",
        "finish_reason": "stop",
        "truncated": False,
        "thinking": "off",
        "model": "qwen3.7-plus",
        "usage": {
            "input_tokens": 1000,
            "output_tokens": 500,
            "reasoning_tokens": None,
            "cached_input_tokens": None,
            "image_tokens": None,
        },
        "cost": {
            "total": "0.006",
            "currency": "CNY",
            "basis": "list",
            "lines": [
                {"item": "input", "quantity": 1000, "unit_price": "2", "per": 1_000_000, "amount": "0.002"},
                {"item": "output", "quantity": 500, "unit_price": "8", "per": 1_000_000, "amount": "0.004"},
            ],
            "tier": "0<Token≤256K",
            "source": "https://help.aliyun.com/zh/model-studio/model-pricing",
            "date": "2026-10-09",
            "warnings": [],
            "notes": [
                "List price: free quota and promotions are not deducted.",
                "A printed promotion (20% off (限时8折)) is not applied.",
            ],
            "reason": None,
        },
        "request_id": "req-1",
        "request_ids": ["req-1"],
    }


async def test_the_text_says_what_the_structure_says(hosted: Hosted) -> None:
    details = {
        "prompt_tokens_details": {"cached_tokens": 200, "image_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 123},
    }
    frames = sse(chunk(reasoning_content="先想一想"), chunk(content="答案"), finish("length"), usage(**details))
    result = await ask(hosted, FakeDashScope([stream(frames)]), thinking="low")

    assert text_of(result) == (
        "[qwen3.7-plus | 1,000+500 tokens (123 reasoning) | 0.00568 CNY | req-1 | INCOMPLETE: the output limit was "
        "reached; ask for less, or raise max_output_tokens where the tool has it]\n答案"
    )


@pytest.mark.parametrize(
    "prompt", ['{"a":1}', "null", "123", "true", "[1]", '"x"', " 空 格 ", "a\x00b\x1b[31m", "👩‍👩‍👧𠮷"]
)
async def test_a_prompt_arrives_verbatim(hosted: Hosted, prompt: str) -> None:
    wire = FakeDashScope([stream()])
    await ask(hosted, wire, prompt=prompt)

    assert wire.body["messages"] == [{"role": "user", "content": prompt}]


async def test_system_and_history_come_before_the_prompt(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    turns = [{"role": "user", "content": "你好"}, {"role": "assistant", "content": '{"x": null}'}]
    await ask(hosted, wire, system="null", history=turns)

    assert wire.body["messages"] == [
        {"role": "system", "content": "null"},
        *turns,
        {"role": "user", "content": "杭州西湖在哪里？"},
    ]


async def test_a_list_sent_as_json_text_is_understood(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    await ask(hosted, wire, history=json.dumps([{"role": "user", "content": "你好"}]))

    assert len(wire.body["messages"]) == 2


async def test_a_preset_sets_the_sampling_and_temperature_overrides_it(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    await ask(hosted, wire, preset="translation", temperature=0.0)

    assert (wire.body["temperature"], wire.body["top_p"]) == (0.0, 0.8)


async def test_without_a_preset_no_sampling_is_sent(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    await ask(hosted, wire)

    assert wire.body == {
        "model": "qwen3.7-plus",
        "messages": [{"role": "user", "content": "杭州西湖在哪里？"}],
        "enable_thinking": False,
        "max_completion_tokens": 16_384,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


# --- refused before anything is sent ---


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"prompt": ""}, "prompt must not be empty."),
        ({"prompt": " \n"}, "prompt must not be empty."),
        ({"prompt": None}, "prompt must be text."),
        ({"temperature": "warm"}, "temperature must be a number."),
        ({"max_output_tokens": 1.5}, "max_output_tokens must be a whole number."),
        ({"files": ["https://x.cn/a.png"] * 51}, "files must have at most 50 items."),
        ({"a": 1, "b": 2}, "a is not an argument. b is not an argument. This tool takes: prompt, model,"),
        ({"modle": "qwen-plus"}, "modle is not an argument. This tool takes: prompt, model, system, history, files"),
        ({"history": [{"role": "user", "content": "x", "name": "y"}]}, "history[0].name is not an argument."),
        ({"history": [{"role": "robot", "content": "x"}]}, "history[0].role must be 'user', 'assistant' or 'tool'."),
        ({"history": [{"role": "user"}]}, "history[0].content is required."),
        ({"history": ["x"]}, "history[0] must be an object."),
        ({"history": "x"}, "history must be a list."),
        ({"files": 7}, "files must be a list."),
        ({"thinking": "max"}, "thinking must be 'off', 'low', 'medium' or 'high'."),
        ({"preset": "poetry"}, "preset must be 'creative_writing', 'code_generation', 'factual_qa' or 'translation'."),
        ({"temperature": 2}, "temperature must be less than 2."),
        ({"max_output_tokens": -1}, "max_output_tokens must be greater than or equal to 1."),
        ({"model": "qwen-max", "thinking": "low"}, "qwen-max cannot think."),
        ({"model": "glm-5.3", "thinking": "off"}, "glm-5.3 always thinks."),
        ({"model": "qwen-max", "files": ["https://x.cn/a.png"]}, "qwen-max reads no images."),
        (
            {"thinking": "low", "max_output_tokens": 4096},
            "leaves no room for an answer: thinking=low alone may use 4,096",
        ),
    ],
)
async def test_bad_arguments_are_refused_in_words_and_nothing_is_sent(
    hosted: Hosted, arguments: dict[str, Any], says: str
) -> None:
    wire = FakeDashScope([stream()])
    result = await ask(hosted, wire, **arguments)

    assert result.is_error
    assert says in text_of(result)
    assert "pydantic" not in text_of(result)
    assert "input_value" not in text_of(result)
    assert wire.requests == []


async def test_a_refusal_does_not_repeat_what_was_sent(hosted: Hosted) -> None:
    result = await ask(hosted, FakeDashScope([stream()]), temperature="geheimes Wort")

    assert "geheimes" not in text_of(result)


async def test_an_unknown_tool_is_told_with_the_known_ones(hosted: Hosted) -> None:
    async with hosted(FakeDashScope([stream()])) as host:
        result = await host.call_tool("chatt", {"prompt": "x"})

    assert text_of(result).startswith("There is no such tool. Tools: batch, chat, ")


# --- thinking, per family ---


@pytest.mark.parametrize(
    ("model", "level", "sent", "used"),
    [
        ("qwen3.7-plus", "low", {"enable_thinking": True, "thinking_budget": 4096}, "low"),
        ("qwen3.7-plus", "high", {"enable_thinking": True, "thinking_budget": 32_768}, "high"),
        ("qwen3.7-plus", "off", {"enable_thinking": False}, "off"),
        ("qwen3.8-max", "medium", {"enable_thinking": True, "reasoning_effort": "medium"}, "medium"),
        ("qwen3.8-max", "high", {"enable_thinking": True, "reasoning_effort": "xhigh"}, "high"),
        ("deepseek-v4-pro", "low", {"enable_thinking": True, "reasoning_effort": "high"}, "high"),
        ("glm-5.3", "medium", {"reasoning_effort": "high"}, "high"),
        ("glm-5.3", None, {}, "on"),
        ("qwen-max", None, {}, "off"),
        ("qwen-max", "off", {}, "off"),
        ("qwen9-new", None, {}, "the model's own default"),
        ("qwen9-new", "off", {"enable_thinking": False}, "off"),
        ("qwen9-new", "low", {"enable_thinking": True, "thinking_budget": 4096}, "low"),
    ],
)
async def test_a_thinking_level_is_sent_in_the_models_own_words(
    hosted: Hosted, model: str, level: str | None, sent: dict[str, Any], used: str
) -> None:
    wire = FakeDashScope([stream()])
    result = await ask(hosted, wire, model=model, thinking=level)

    thinking = {k: v for k, v in wire.body.items() if k in ("enable_thinking", "thinking_budget", "reasoning_effort")}
    assert thinking == sent
    assert (result.structured_content or {})["thinking"] == used


async def test_the_highest_effort_warns_how_long_it_may_reason(hosted: Hosted) -> None:
    result = await ask(hosted, FakeDashScope([stream()]), model="qwen3.8-max", thinking="high")

    assert "up to 114,688 tokens" in (result.structured_content or {})["cost"]["warnings"][0]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ({"max_output_tokens": 50}, {"max_completion_tokens": 50}),
        ({"max_output_tokens": 50, "model": "qwen-plus"}, {"max_tokens": 50}),
        ({"model": "qwen-plus"}, {"max_tokens": 16_384}),
        ({"model": "qwen-max"}, {"max_tokens": 8192}),
        ({"thinking": "low"}, {"max_completion_tokens": 4096 + 16_384}),
        ({"thinking": "low", "model": "qwen-plus"}, {"max_tokens": 16_384}),
        ({"thinking": "low", "model": "qwen3.8-max"}, {"max_completion_tokens": 4096 + 16_384}),
        ({"thinking": "high", "model": "qwen3.8-max"}, {"max_completion_tokens": 131_072}),
        ({"model": "kimi-k3"}, {"max_completion_tokens": 32_768 + 16_384}),
        ({"thinking": "low", "model": "qwen3.8-max", "max_output_tokens": 9}, {"max_completion_tokens": 9}),
        ({"model": "qwen9-new"}, {}),
        ({"model": "qwen9-new", "max_output_tokens": 7}, {"max_completion_tokens": 7}),
    ],
)
async def test_the_output_limit_goes_by_the_name_the_model_takes(
    hosted: Hosted, arguments: dict[str, Any], sent: dict[str, int]
) -> None:
    wire = FakeDashScope([stream()])
    await ask(hosted, wire, **arguments)

    assert {k: v for k, v in wire.body.items() if k.startswith("max_")} == sent


async def test_reasoning_is_priced_as_thinking_and_a_long_one_loses_its_middle(hosted: Hosted) -> None:
    frames = sse(chunk(reasoning_content="想" * 9000), chunk(content="好"), finish(), usage(1000, 9001))
    result = await ask(hosted, FakeDashScope([stream(frames)]), model="qwen-plus", thinking="medium")

    data = result.structured_content or {}
    assert [line["item"] for line in data["cost"]["lines"]] == ["input", "output_thinking"]
    assert data["cost"]["total"] == "0.072808"  # 1,000 x 0.8 + 9,001 x 8, per million
    assert "reasoning" not in data

    shown = await ask(
        hosted, FakeDashScope([stream(frames)]), model="qwen-plus", thinking="medium", show_reasoning=True
    )
    assert "[... 1,000 characters left out ...]" in (shown.structured_content or {})["reasoning"]
    assert "好\n\n[reasoning, req-1]\n想想" in text_of(shown)


# --- models the catalog does not know, or holds as retired ---


async def test_an_unknown_model_is_sent_as_it_is_and_priced_null_with_a_note(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    result = await ask(hosted, wire, model="qwen9-new")

    assert wire.body["model"] == "qwen9-new"
    cost = (result.structured_content or {})["cost"]
    assert cost["total"] is None
    assert "qwen9-new is not in the catalog" in cost["reason"]
    assert "cost unknown: qwen9-new is not in the catalog" in text_of(result)


async def test_a_model_dashscope_does_not_know_either_gets_near_names(hosted: Hosted) -> None:
    wire = FakeDashScope([refusal(404, "model_not_found", "The model `qwen3.7plus` does not exist.")])
    result = await ask(hosted, wire, model="qwen3.7plus")

    assert "Near names: qwen3.7-plus," in text_of(result)
    assert text_of(result).endswith("[model_not_found, HTTP 404, request req-refused]")


async def test_without_near_names_that_is_said(hosted: Hosted) -> None:
    result = await ask(hosted, FakeDashScope([refusal(404, "ModelNotFound", "Model not exist.")]), model="gpt")

    assert "no near name" in text_of(result)


async def test_a_retired_model_is_sent_with_a_warning_that_names_its_successor(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    result = await ask(hosted, wire, model="qwen3-max")

    assert wire.body["model"] == "qwen3-max"
    warning = "qwen3-max is listed as retired since 2026-10-10; use qwen3.7-max."
    assert (result.structured_content or {})["cost"]["warnings"].count(warning) == 1
    assert warning in text_of(result)


async def test_a_retired_model_that_is_gone_names_its_successor_in_the_error(hosted: Hosted) -> None:
    result = await ask(hosted, FakeDashScope([refusal(404, "model_not_found", "no")]), model="qwen3-max")

    assert "use qwen3.7-max." in text_of(result)


async def test_the_settings_choose_the_default_model(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    await ask(hosted, wire, {"models": {"chat": "qwen3.8-flash"}})

    assert wire.body["model"] == "qwen3.8-flash"


# --- answers that are not whole ---


async def test_a_cut_stream_keeps_what_came_and_is_marked(hosted: Hosted) -> None:
    wire = FakeDashScope([stream(sse(chunk(content="前半"), done=False))])
    result = await ask(hosted, wire)

    data = result.structured_content or {}
    assert not result.is_error
    assert (data["answer"], data["truncated"], data["finish_reason"]) == ("前半", True, "interrupted")
    assert data["cost"]["reason"] == "DashScope reported no usage; the call may still be billed"
    assert "INCOMPLETE: DashScope ended the stream in the middle." in text_of(result)
    assert len(wire.requests) == 1


async def test_an_answer_that_hit_its_limit_is_marked(hosted: Hosted) -> None:
    result = await ask(hosted, FakeDashScope([stream(sse(chunk(content="前半"), finish("length"), usage()))]))

    data = result.structured_content or {}
    assert (data["truncated"], data["incomplete"]) == (
        True,
        "the output limit was reached; ask for less, or raise max_output_tokens where the tool has it",
    )
    assert "INCOMPLETE: the output limit was reached;" in text_of(result)


async def test_an_error_inside_the_stream_is_told_beside_what_came(hosted: Hosted) -> None:
    error = {"error": {"code": "data_inspection_failed", "message": "Output data may contain inappropriate content."}}
    result = await ask(hosted, FakeDashScope([stream(sse(chunk(content="前半"), error))]))

    assert (result.structured_content or {})["answer"] == "前半"
    assert "content filter stopped the answer" in (result.structured_content or {})["incomplete"]


async def test_tokens_that_were_spent_on_no_answer_are_told_with_their_price(hosted: Hosted) -> None:
    result = await ask(hosted, FakeDashScope([stream(sse(usage(1000, 500), done=False))]))

    assert result.is_error
    assert "Spent at least: 1,000+500 tokens, 0.006 CNY" in text_of(result)


# --- images ---


async def test_an_https_url_is_handed_on(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    await ask(hosted, wire, files=["https://example.com/图.png"])

    assert wire.body["messages"][-1]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://example.com/图.png"}},
        {"type": "text", "text": "杭州西湖在哪里？"},
    ]


async def test_a_path_and_a_data_uri_become_data_uris(hosted: Hosted, tmp_path: Path) -> None:
    image = tmp_path / "图 1.jpg"  # by content, not by name: it is a PNG
    image.write_bytes(png())
    wire, uri = FakeDashScope([stream()]), f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    await ask(hosted, wire, {"folders": (tmp_path,)}, files=[str(image), image.as_uri(), uri])

    assert [part["image_url"]["url"] for part in wire.body["messages"][-1]["content"][:-1]] == [uri, uri, uri]


async def test_a_file_outside_the_allowed_folders_is_refused_with_the_way_to_allow_it(
    hosted: Hosted, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out.png").write_bytes(png())
    wire = FakeDashScope([stream()])
    result = await ask(hosted, wire, {"folders": (tmp_path / "in",)}, files=[str(tmp_path / "out.png")])

    assert result.is_error
    assert "BAILIAN_ALLOWED_DIRS" in text_of(result)
    assert wire.requests == []


# --- progress ---


@pytest.mark.both_eras
async def test_progress_carries_what_has_arrived(hosted: Hosted) -> None:
    messages: list[str] = []
    async with hosted(FakeDashScope([stream()])) as host:
        await host.call_tool("chat", {"prompt": "x"}, progress_callback=told(messages))

    assert messages == ["qwen3.7-plus says: 西湖"]  # the second piece came within the same moment


async def test_a_long_answer_shows_only_its_end(hosted: Hosted) -> None:
    messages: list[str] = []
    async with hosted(FakeDashScope([stream(sse(chunk(reasoning_content="想\n" * 400), finish()))])) as host:
        await host.call_tool("chat", {"prompt": "x"}, progress_callback=told(messages))

    assert messages[0].startswith("qwen3.7-plus thinks: …想 想")
    assert len(messages[0]) < 120


@pytest.mark.both_eras
async def test_cancelling_closes_the_stream(hosted: Hosted) -> None:
    started, closed = anyio.Event(), anyio.Event()

    async def endless() -> Any:
        try:
            yield sse(chunk(content="慢"), done=False)
            started.set()
            await anyio.sleep_forever()
        finally:
            closed.set()

    async with hosted(FakeDashScope([stream(endless())])) as host, anyio.create_task_group() as tasks:
        tasks.start_soon(host.call_tool, "chat", {"prompt": "x"})
        with anyio.fail_after(5):
            await started.wait()
            tasks.cancel_scope.cancel()
    with anyio.fail_after(5):
        await closed.wait()
