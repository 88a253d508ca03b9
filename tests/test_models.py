"""`models`, as a host sees it: found by words in two languages, with what to use today."""

from pathlib import Path
from typing import Any

import pytest
from bailian_mcp.server.catalog import overlaid
from conftest import FakeDashScope, Hosted, text_of

pytestmark = pytest.mark.anyio


async def found(hosted: Hosted, shared: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
    wire = FakeDashScope([])
    async with hosted(wire, **(shared or {})) as host:
        result = await host.call_tool("models", arguments)
    assert wire.requests == []
    assert not result.is_error, text_of(result)
    return dict(result.structured_content)


def ids(of: dict[str, Any]) -> list[str]:
    return [model["id"] for model in of["models"]]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("便宜的视觉模型", "qwen3.7-flash"),
        ("cheap vision model", "qwen3.7-flash"),
        ("便宜", "qwen-flash"),
        ("翻译", "qwen-mt-plus"),
        ("文字识别", "qwen3.5-ocr"),
        ("文本向量 embedding", "qwen3.7-text-embedding"),
        ("重排", "qwen3-rerank"),
        ("深度求索 推理", "deepseek-v4.1-flash"),
        ("月之暗面 看图", "kimi-k2.7-code"),
        ("glm", "glm-5.2"),
        ("qwen3.8", "qwen3.8-flash"),
        ("千问 旗舰", "qwen3.8-max"),
        ("function calling", "qwen3.7-plus"),
        ("百万上下文", "qwen3.7-plus"),
        ("200k vision", "qwen3.7-plus"),
        ("开源", "qwen3.8-27b"),
    ],
)
async def test_words_find_models(hosted: Hosted, query: str, first: str) -> None:
    assert ids(await found(hosted, query=query))[0] == first


@pytest.mark.both_eras
async def test_without_a_wish_the_default_comes_first(hosted: Hosted) -> None:
    assert ids(await found(hosted))[0] == "qwen3.7-plus"


async def test_capabilities_context_and_price_narrow(hosted: Hosted) -> None:
    seen = await found(
        hosted, capabilities=["vision", "json_schema"], min_context=900_000, max_input_price=0.5, limit=50
    )

    assert ids(seen)[0] == "qwen3.7-flash"
    for model in seen["models"]:
        assert {"vision", "json_schema"} <= set(model["capabilities"])
        assert model["limits"]["context"] >= 900_000
        assert float(model["price"][0]["input"]) <= 0.5


async def test_the_retired_are_left_out_unless_asked_for(hosted: Hosted) -> None:
    assert ids(await found(hosted, query="qwq")) == []
    kept = await found(hosted, query="qwq", include_retired=True)
    assert "qwq-plus" in ids(kept)
    assert kept["models"][0]["lifecycle"]["status"] == "retired"


async def test_a_models_own_name_tells_everything_retired_or_not(hosted: Hosted) -> None:
    model, successor = (await found(hosted, query="qwen-vl-plus"))["models"]

    assert successor["id"] == "qwen3.7-plus"
    assert successor["history"] == []

    assert model["lifecycle"] == {
        "status": "retired", "retired_on": "2026-10-10", "replacement": "Qwen3.7/3.6 系列最新模型",
        "successor": "qwen3.7-plus",
        "note": "official schedule; pages of 2026-10-09 still list it (one day before)",
    }  # fmt: skip
    assert model["history"][-1].endswith(" pages claim of it: resource bailian://models/qwen-vl-plus")


async def test_one_model_is_told_without_the_pages_its_facts_are_from(hosted: Hosted) -> None:
    async with hosted(FakeDashScope([]), structured=False) as host:
        told = text_of(await host.call_tool("models", {"query": "qwen-max"}))

    assert len(told) < 800
    assert told.splitlines()[-3:] == [
        "  equals qwen-max-2024-09-19 on 2026-05-28",
        "  equals qwen-max-2025-01-25 on 2026-05-28",
        "  what 4 pages claim of it: resource bailian://models/qwen-max",
    ]


async def test_what_is_not_known_keeps_its_column(hosted: Hosted) -> None:
    async with hosted(FakeDashScope([]), structured=False) as host:
        told = text_of(await host.call_tool("models", {"limit": 50}))

    columns, *rows = [line.split(" | ") for line in told.splitlines() if " | " in line]
    assert {len(row) for row in rows if "status" not in row[-1]} == {len(columns)}
    assert ["qwen3.8-max-prime", "24/72 to 1M", "-", "vision video thinking web_search"] in rows


@pytest.mark.parametrize(
    "query",
    ["image generation", "text-to-image model", "generate an image", "a cheap TTS model", "speech synthesis", "make music",
     "文生图", "生成一张图片", "语音合成", "文本转语音", "图生视频", "配音"],
)  # fmt: skip
async def test_models_that_make_images_or_speech_are_said_to_be_none(hosted: Hosted, query: str) -> None:
    told = await found(hosted, query=query)

    assert told["models"] == []
    assert told["notes"][0].startswith("No tool here makes images, speech, video or music, and no model listed is for")


@pytest.mark.parametrize(
    "query", ["图片理解", "语音识别", "extract JSON from images", "画图表 视觉", "creating image captions"]
)
async def test_models_that_read_images_or_speech_are_listed(hosted: Hosted, query: str) -> None:
    assert (await found(hosted, query=query))["models"]


async def test_a_name_in_a_sentence_is_asked_for_by_name(hosted: Hosted) -> None:
    assert ids(await found(hosted, query="Qwen-VL-Plus 下线了用什么")) == ["qwen-vl-plus", "qwen3.7-plus"]
    assert ids(await found(hosted, query="qwen3.7-plus和qwen3.8-flash哪个便宜")) == ["qwen3.7-plus", "qwen3.8-flash"]
    told = await found(hosted, query="qwen3.7-plus", capabilities=["audio"])
    assert "Asked by name: other wishes were not applied." in told["notes"]


async def test_a_name_of_one_scope_has_its_price_and_its_end(hosted: Hosted) -> None:
    told = await found(hosted, query="qwen-plus-us", region="us-east-1")

    assert told["models"][0]["price"][0]["input"] == "2.936"
    assert any(
        "qwen-plus-us is listed as retired since 2026-10-10; use qwen3.7-plus-us." in note for note in told["notes"]
    )
    assert "qwen3.7-plus-us stands for qwen3.7-plus." in (await found(hosted, query="qwen3.7-plus-us"))["notes"]


async def test_what_went_out_of_service_can_be_asked_for(hosted: Hosted) -> None:
    gone = await found(hosted, query="哪些模型下线了")

    assert {model["lifecycle"]["status"] for model in gone["models"]} == {"retired"}
    assert gone["models"][0]["lifecycle"]["retired_on"] == "2026-10-10"


async def test_models_that_search_do_so_in_the_region(hosted: Hosted) -> None:
    assert ids(await found(hosted, query="联网", region="us-east-1", limit=1)) == ["qwen3.8-flash"]
    assert ids(await found(hosted, query="联网", limit=1)) == ["qwen3.7-plus"]


async def test_words_that_mean_nothing_here_are_said_and_left_aside(hosted: Hosted) -> None:
    told = await found(hosted, query="vision model for llamas on mars")

    assert "Not understood, and not used: llamas, on, mars." in told["notes"]
    assert ids(told)[0] == "qwen3.7-plus"


@pytest.mark.parametrize(
    ("query", "ignored", "first"),
    [
        ("why does a vision model fail", "why, does, fail", "qwen3.7-plus"),
        ("does any vision model fit", "does, any, fit", "qwen3.7-plus"),  # animate-anyone
        ("vision research", "", None),  # a whole word of qwen-deep-research, which sees nothing
        ("vision sear", "sear", "qwen3.7-plus"),
        ("chat model for a large text", "", "qwen3.7-plus"),
        ("minim", "", "MiniMax-M2.5"),  # how a name begins
    ],
)
async def test_a_word_finds_whole_words_of_a_name_and_beginnings_only(
    hosted: Hosted, query: str, ignored: str, first: str | None
) -> None:
    told = await found(hosted, query=query)
    said = [note for note in told["notes"] if note.startswith("Not understood")]

    assert said == ([f"Not understood, and not used: {ignored}."] if ignored else [])
    assert (ids(told) or [None])[0] == first


async def test_retired_models_that_fit_are_counted(hosted: Hosted) -> None:
    assert any("retired models fit too" in note for note in (await found(hosted, query="qwen-vl"))["notes"])


async def test_an_alias_a_pointer_and_a_doubt_are_told(hosted: Hosted) -> None:
    (plus,) = (await found(hosted, query="qwen-plus-us"))["models"]
    (kimi,) = (await found(hosted, query="kimi-k2.5"))["models"]

    assert plus["id"] == "qwen-plus"
    assert "Also called: qwen-plus-us." in plus["history"]
    assert any(line.startswith("equals qwen-plus-2025-12-01 on 2026-10-09") for line in plus["history"])
    assert any(line.startswith("doubt: ") for line in kimi["history"])


@pytest.mark.parametrize(
    ("query", "today"),
    [
        ("专利摘要翻译", "qwen-mt-plus"),
        ("权利要求分析", "qwen3.7-plus"),
        ("专利附图识别", "qwen3.7-plus"),
        ("批量专利处理", "qwen3.8-flash"),
        ("复杂专利解读", "qwen3.8-max"),
        ("代码生成", "qwen3.7-plus"),
        ("patent claim analysis", "qwen3.7-plus"),
        ("bulk work on patents", "qwen3.8-flash"),
    ],
)
async def test_a_kind_of_work_is_answered_with_a_recommendation(hosted: Hosted, query: str, today: str) -> None:
    first = (await found(hosted, query=query))["advice"][0]

    assert first["today"][0] == today


async def test_the_recommended_models_come_first_with_their_prices(hosted: Hosted) -> None:
    assert ids(await found(hosted, query="复杂专利解读")) == ["qwen3.8-max", "deepseek-v4-pro"]


async def test_a_recommendation_names_what_became_of_the_old_one(hosted: Hosted) -> None:
    (advice,) = (await found(hosted, query="专利附图识别"))["advice"]
    (claims,) = (await found(hosted, query="权利要求"))["advice"]

    assert advice["originally"] == ["qwen-vl-plus (retired 2026-10-10; successor qwen3.7-plus)"]
    assert claims["originally"][0] == "qwen-plus (in service)"


@pytest.mark.parametrize("query", ["火锅", "zzz-99", "???"])
async def test_what_nothing_is_called_finds_nothing(hosted: Hosted, query: str) -> None:
    empty = await found(hosted, query=query)

    assert empty["models"] == []
    assert empty["notes"][0].startswith("No model fits.")


async def test_more_than_the_limit_is_said(hosted: Hosted) -> None:
    few = await found(hosted, limit=2)

    assert len(few["models"]) == 2
    assert "models fit, 2 are shown" in few["notes"][0]


async def test_an_overlay_that_is_set_aside_is_said(hosted: Hosted, tmp_path: Path) -> None:
    (bad := tmp_path / "mine.json").write_text("{")
    catalog = overlaid(bad)

    told = await found(hosted, {"catalog": lambda: catalog}, query="qwen-max")

    assert any("mine.json: it is not JSON" in note for note in told["notes"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"capabilities": ["flying"]}, "capabilities[0] must be"),
        ({"capabilities": ["image_generation"]}, "capabilities[0] cannot be had. No tool here makes images, speech"),
        ({"limit": -1}, "limit must be greater than or equal to 1"),
        ({"max_input_price": -1}, "max_input_price must be greater than or equal to 0"),
        ({"min_context": "big"}, "min_context must be a whole number"),
    ],
)
async def test_bad_arguments_are_refused_in_words(hosted: Hosted, arguments: dict[str, Any], says: str) -> None:
    async with hosted(FakeDashScope([])) as host:
        result = await host.call_tool("models", arguments)

    assert result.is_error
    assert says in text_of(result)


async def test_a_name_with_a_slip_is_told_its_near_names(hosted: Hosted) -> None:
    told = await found(hosted, query="qwen3.7-plsu")

    assert told["models"] == []
    assert any(note.startswith("Near names: ") and "qwen3.7-plus" in note for note in told["notes"])


@pytest.mark.parametrize("query", ["speech", "asr", "语音", "转写", "语音识别", "transcription", "speech to text"])
async def test_models_that_write_down_what_they_hear_are_found(hosted: Hosted, query: str) -> None:
    assert ids(await found(hosted, query=query))[:2] == ["qwen3-asr-flash", "qwen3-asr-flash-filetrans"]


@pytest.mark.parametrize("query", ["omni", "全模态"])
async def test_omni_models_are_no_mere_speech_models(hosted: Hosted, query: str) -> None:
    assert all("omni" in each for each in ids(await found(hosted, query=query)))


async def test_a_speech_model_tells_its_seconds_and_its_price(hosted: Hosted) -> None:
    row = (await found(hosted, query="qwen3-asr-flash"))["models"][0]

    assert (row["limits"], row["price"]) == (
        {"max_file_mb": 10, "max_audio_seconds": 300},
        [{"tier": "one price", "per_second_of_audio": "0.00022"}],
    )
    assert row["capabilities"] == ["audio", "asr"]


async def test_the_price_of_a_second_is_not_told_as_that_of_a_million_tokens(hosted: Hosted) -> None:
    async with hosted(FakeDashScope([])) as client:
        many = text_of(await client.call_tool("models", {"query": "语音"}))
        one = text_of(await client.call_tool("models", {"query": "fun-asr"}))

    assert "\nqwen3-asr-flash | 0.00022 per second of audio | - |" in many
    assert "| CNY: tier one price, 0.00022 per second of audio |" in one


@pytest.mark.parametrize("query", ["说话人分离", "会议录音转文字", "speaker diarization", "subtitles"])
async def test_what_people_call_the_writing_down_of_speech_is_understood(hosted: Hosted, query: str) -> None:
    assert "qwen3-asr-flash" in ids(await found(hosted, query=query))


async def test_what_pages_contradict_each_other_about_is_unsure(hosted: Hosted) -> None:
    row = (await found(hosted, query="qwen-long"))["models"][0]

    assert "json_schema: unsure" in row["capabilities"]
    assert any("a JSON Schema can be given" in each for each in row["history"])


async def test_where_all_that_fit_are_retired_that_is_said(hosted: Hosted) -> None:
    answer = await found(hosted, query="qwen-vl")

    assert answer["models"] == []
    assert any("retired models fit too" in note for note in answer["notes"])
