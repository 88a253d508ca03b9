"""`cost`, as a host sees it: no key, no network, exact money."""

from typing import Any, get_args

import pytest
from bailian_mcp.server.app.server import build
from bailian_mcp.server.calls.context import AppContext
from bailian_mcp.server.dashscope import DashScope
from bailian_mcp.server.endpoints import Region
from conftest import HOST, FakeDashScope, Hosted, text_of
from mcp import Client

pytestmark = pytest.mark.anyio


async def asked(hosted: Hosted, **arguments: Any) -> Any:
    """The result; nothing may be sent."""
    wire = FakeDashScope([])
    async with hosted(wire) as host:
        result = await host.call_tool("cost", arguments)
    assert wire.requests == []
    return result


async def data(hosted: Hosted, **arguments: Any) -> dict[str, Any]:
    result = await asked(hosted, **arguments)
    assert not result.is_error, text_of(result)
    return dict(result.structured_content)


@pytest.mark.both_eras
async def test_a_workload_is_priced_on_each_model_cheapest_first(hosted: Hosted) -> None:
    found = await data(
        hosted, models=["qwen3.7-plus", "qwen3.8-flash"], input_tokens=300_000, output_tokens=2_000, calls=10
    )

    assert [(each["model"], each["total"]) for each in found["estimates"]] == [
        ("qwen3.8-flash", "2.454"),
        ("qwen3.7-plus", "18.48"),
    ]
    assert found["cheapest"] == "qwen3.8-flash"
    assert (found["region"], found["on"]) == ("cn-beijing", "2026-11-22")


async def test_without_models_the_cheapest_that_can_are_compared(hosted: Hosted) -> None:
    found = await data(hosted, input_tokens=1_000, output_tokens=100)

    totals = [float(each["total"]) for each in found["estimates"]]
    assert len(totals) == 10
    assert totals == sorted(totals)
    assert not any("/" in each["model"] for each in found["estimates"])


async def test_a_price_of_the_batch_api_says_that_it_is_one(hosted: Hosted) -> None:
    """Else half the list price looks like a mistake."""
    found = await asked(hosted, models=["qwen3.7-plus"], input_tokens=1_000, output_tokens=100, batch=True)

    assert "(0<Token≤256K, Batch)" in text_of(found)


async def test_what_is_said_of_all_is_said_once(hosted: Hosted) -> None:
    found = await data(hosted, models=["qwen3.7-plus", "qwen3.8-flash"], input_tokens=1_000)

    once = "List price: free quota and promotions are not deducted."
    assert found["notes"] == [once]
    assert not any(once in each["warnings"] for each in found["estimates"])


async def test_models_that_are_free_for_a_time_or_made_for_one_thing_are_not_compared_unasked(hosted: Hosted) -> None:
    names = [each["model"] for each in (await data(hosted, input_tokens=1_000, output_tokens=100))["estimates"]]

    assert not {"deepseek-r1-distill-qwen-1.5b", "qwen-plus-character", "qwen-doc-turbo"} & set(names)
    assert names[0] == "qwen3.7-flash"


async def test_models_that_cannot_write_so_much_are_not_compared_unasked(hosted: Hosted) -> None:
    found = await data(hosted, input_tokens=1_000, output_tokens=100_000)

    assert "qwen-plus" not in [each["model"] for each in found["estimates"]]


async def test_the_cheapest_is_one_in_service(hosted: Hosted) -> None:
    work = {"input_tokens": 1_000, "output_tokens": 100}

    assert (await data(hosted, models=["qwen-turbo", "qwen-plus"], **work))["cheapest"] == "qwen-plus"
    assert (await data(hosted, models=["qwen-turbo"], **work)).get("cheapest") is None


@pytest.mark.parametrize(
    ("arguments", "price"),
    [({"models": ["kimi-k3"]}, "4"), ({"models": ["qwen3.7-plus"]}, "3"), ({"models": ["qwen3.8-max"], "search_strategy": "agent"}, "4"),
     ({"models": ["qwen3.7-plus"], "region": "ap-southeast-1"}, "73.392381")],
)  # fmt: skip
async def test_a_search_is_priced_as_web_search_would_make_it(
    hosted: Hosted, arguments: dict[str, Any], price: str
) -> None:
    assert (await data(hosted, web_searches=1, **arguments))["estimates"][0]["lines"][-1]["unit_price"] == price


async def test_names_may_differ_in_case_and_a_dated_alias_says_what_it_is(hosted: Hosted) -> None:
    found = await data(hosted, models=["Qwen-Max", "qwen3.7-flash-0715"], input_tokens=1_000)

    dated, plain = found["estimates"]
    assert plain["model"] == "qwen-max"
    assert "qwen3.7-flash-0715 is qwen3.7-flash-2026-07-15." in dated["notes"]


async def test_a_name_from_outside_is_echoed_fit_for_a_sentence(hosted: Hosted) -> None:
    found = await data(hosted, models=["x\u202e\ny"], input_tokens=1)

    assert found["estimates"][0]["model"] == "x??y"


async def test_a_moment_at_night_has_the_night_price(hosted: Hosted) -> None:
    async def total(on: str) -> str:
        return str(
            (await data(hosted, models=["deepseek-v4.1-flash"], input_tokens=1_000_000, on=on))["estimates"][0]["total"]
        )

    assert [await total("2026-11-22T23:30"), await total("2026-11-22T12:00"), await total("2026-11-22")] == [
        "1",
        "2",
        "2",
    ]


async def test_whether_an_unclear_model_thinks_is_said_to_be_unknown(hosted: Hosted) -> None:
    found = await data(hosted, models=["qwen-long"], output_tokens=10, thinking=True)

    assert "Whether qwen-long can think is not known." in found["estimates"][0]["warnings"]


async def test_only_models_that_can_do_it_are_compared(hosted: Hosted) -> None:
    found = await data(hosted, images=["1024x768"], thinking=True, web_searches=1, output_tokens=1)

    assert [each["model"] for each in found["estimates"]]
    assert "qwen-max" not in [each["model"] for each in found["estimates"]]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"models": ["qwen-max"], "images": ["10x10"]}, "qwen-max reads no images"),
        ({"models": ["qwen-max"], "thinking": True, "input_tokens": 1}, "qwen-max cannot think"),
        ({"models": ["qwen-mt-plus"], "web_searches": 1}, "qwen-mt-plus cannot search the web in cn-beijing"),
        ({"models": ["qwen-plus"], "web_searches": 1, "region": "ap-southeast-1"}, "qwen-plus cannot search the web in ap-southeast-1"),
        ({"models": ["qwen-plus"], "web_searches": 1, "search_strategy": "agent"}, "qwen-plus has no search strategy agent in cn-beijing: it has turbo, max"),
        ({"models": ["qwen9"], "input_tokens": 1}, "qwen9 is not in the catalog"),
        ({"models": ["qwen3.5-ocr"], "input_tokens": 1, "region": "us-east-1"}, "no price of qwen3.5-ocr is known for region us-east-1"),
    ],
)  # fmt: skip
async def test_what_a_model_cannot_do_has_no_price_but_a_reason(
    hosted: Hosted, arguments: dict[str, Any], reason: str
) -> None:
    found = await data(hosted, **arguments)

    assert (found["estimates"][0]["total"], found.get("cheapest")) == (None, None)
    assert reason in found["estimates"][0]["reason"]


async def test_a_named_model_without_a_price_comes_last(hosted: Hosted) -> None:
    found = await data(hosted, models=["qwen9", "qwen-max"], input_tokens=1)

    assert [each["model"] for each in found["estimates"]] == ["qwen-max", "qwen9"]


async def test_images_are_an_upper_estimate_and_that_is_said(hosted: Hosted) -> None:
    found = await data(hosted, models=["qwen3.7-plus"], images=["1024x768", "1024×768"])

    (estimate,) = found["estimates"]
    assert estimate["lines"][0]["quantity"] == 2 * 770
    assert "The images are at most 1,540 tokens." in estimate["warnings"]


async def test_text_is_an_estimate_with_its_bounds(hosted: Hosted) -> None:
    found = await data(hosted, models=["qwen3.7-plus"], text="代码改变世界" * 100, input_tokens=1_000)

    assert found["estimates"][0]["lines"][0]["quantity"] == 1_000 + 430
    assert "The text is about 430 tokens, at least 300, at most 868." in found["notes"]


async def test_a_model_that_always_thinks_is_priced_so(hosted: Hosted) -> None:
    found = await data(hosted, models=["glm-5.3"], output_tokens=1_000)

    assert "glm-5.3 always thinks: its output includes the reasoning." in found["estimates"][0]["warnings"]


async def test_a_past_day_has_its_own_price(hosted: Hosted) -> None:
    found = await data(hosted, models=["qwen-max"], input_tokens=1_000_000 // 50, on="2024-10-01")

    assert found["estimates"][0]["total"] == "0.4"
    assert found["on"] == "2024-10-01"


async def test_a_region_may_be_asked_for(hosted: Hosted) -> None:
    found = await data(hosted, models=["qwen3.7-plus"], web_searches=1, region="ap-southeast-1")

    assert found["estimates"][0]["lines"][-1]["unit_price"] == "73.392381"


async def test_without_counts_the_price_sheet_is_shown(hosted: Hosted) -> None:
    found = await data(hosted, models=["qwen-plus", "qwen3.8-flash", "qwen9"])

    plus, flash = found["sheets"]
    assert plus["tiers"][0] == {
        "tier": "0<Token≤128K", "input": "0.8", "output": "2", "output_thinking": "8",
        "cached_input": "0.16", "cache_write": "1", "cached_input_explicit": "0.08",
    }  # fmt: skip
    page = "(百炼 计费 (billing-for-tongyiqianwen; date inferred: February or March 2025), 2025-03-01)"
    assert plus["batch"] == "0.5"
    assert plus["services"] == [
        f"fine-tuning: 30 CNY per million training tokens {page}",
        f"标准版: 160 CNY an instance an hour {page}",
        f"标准版: 80000 CNY an instance a month {page}",
    ]
    assert flash["services"] == []
    assert found["fees"]["web_search (turbo)"] == "3 per 1,000 (联网搜索, 2026-10)"
    assert "web_search" not in found["fees"]
    assert found["fees"]["pdf_page"].startswith("0.02 per 1 (")
    assert any("qwen9 is not in the catalog" in note for note in found["notes"])


async def test_without_a_wish_the_main_models_are_told_a_line_each(hosted: Hosted) -> None:
    found = await data(hosted)

    assert list(found["main_models"])[:3] == ["qwen3.7-plus", "qwen3.8-flash", "qwen3.8-max"]
    assert len(found["main_models"]) == 15
    assert found["main_models"]["qwen3.7-plus"] == "2/8 to 256K, 6/24 to 1M"
    assert found["main_models"]["deepseek-v4.1-flash"] == "2/8 (off-peak 1/4)"
    assert found["fees"]["web_search (turbo)"] == "3 per 1,000"
    assert found["sheets"] == []


@pytest.mark.parametrize("region", get_args(Region))
async def test_the_answer_without_a_wish_is_short(hosted: Hosted, region: str) -> None:
    async with hosted(FakeDashScope([]), structured=False) as host:
        told = text_of(await host.call_tool("cost", {"region": region}))

    assert len(told) <= 1_500
    assert "Name some in `models` for all their prices" in told
    assert f" in {region}" in told.splitlines()[-1]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("deepseek-v4.1-flash", "off-peak tier one price, input 1, output 4"),
        ("qwen3.7-plus", "A printed promotion (20% off (限时8折)) is not applied."),
        ("qwen-audio-turbo", "A free trial, without a price"),
        ("minimax-text-01", "This price is the lone claim of a third party"),
        ("qwen-plus-us", "qwen-plus-us [retired]"),
        ("qwen3-omni-flash", "output_text_when_input_text_only 6.9"),
        ("qwen-vl-plus", "独立部署: 40 CNY an instance an hour"),
        ("yi-large", "No price is known for cn-beijing."),
        ("qwen2.5-32b-instruct", "is listed as retired since 2026-05-13"),
        ("qwen2-7b-instruct", "price of calls after fine-tuning"),
        ("emo-deployment", "轻量版: 20 CNY an instance an hour"),
    ],
)
async def test_a_sheet_tells_what_is_special(hosted: Hosted, model: str, words: str) -> None:
    await data(hosted, models=[model])

    assert words in text_of(await asked(hosted, models=[model]))


async def test_a_sheet_of_a_day_before_the_model_says_so(hosted: Hosted) -> None:
    await data(hosted, models=["qwen3.7-plus"], on="2024-01-01")

    sheet = text_of(await asked(hosted, models=["qwen3.7-plus"], on="2024-01-01"))
    assert "Released on 2026-05-26: there was no price on 2024-01-01." in sheet


async def test_a_region_with_several_scopes_says_which_is_shown(hosted: Hosted) -> None:
    found = await data(hosted, models=["qwen3.7-plus"], region="us-east-1")

    assert "us-east-1 has several price scopes (gl, us); gl used." in found["sheets"][0]["notes"]
    assert found["fees"]["web_search"] == "4 per 1,000 (联网搜索, 2026-10)"
    assert found["sheets"][0]["services"] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"input_tokens": -1}, "input_tokens must be greater than or equal to 0"),
        ({"input_tokens": 10**30}, "input_tokens must be less than or equal to"),
        ({"calls": -1}, "calls must be greater than or equal to 1"),
        ({"images": ["big"]}, 'images[0] must be width x height in pixels, as "1024x768"'),
        ({"images": ["0x10"]}, "images[0]"),
        ({"region": "mars"}, "region must be 'cn-beijing'"),
        ({"on": "yesterday"}, "on must be a day or a moment from 2023 on, as 2026-11-22"),
        ({"on": "0001-01-01"}, "on must be a day or a moment"),
        ({"thinking": "maybe"}, "thinking must be true or false"),
        ({"models": ["x" * 101]}, "models[0] must have at most 100 characters"),
        ({"search_strategy": "deep"}, "search_strategy must be"),
        ({"tokens": 5}, "tokens is not an argument"),
    ],
)
async def test_bad_arguments_are_refused_in_words(hosted: Hosted, arguments: dict[str, Any], says: str) -> None:
    result = await asked(hosted, **arguments)

    assert result.is_error
    assert says in text_of(result)


async def test_parts_that_are_more_than_the_whole_have_no_price(hosted: Hosted) -> None:
    found = await data(hosted, models=["qwen-max"], input_tokens=1, cached_input_tokens=2)

    assert "do not add up" in found["estimates"][0]["reason"]


async def test_it_needs_no_key(era: str) -> None:
    async with DashScope(HOST, None, redact=str) as client, Client(build(AppContext(client, HOST)), mode=era) as host:
        result = await host.call_tool("cost", {"models": ["qwen-max"], "input_tokens": 10_000})

    assert "0.024 CNY" in text_of(result)


async def test_seconds_of_audio_are_priced_on_the_models_billed_by_them(hosted: Hosted) -> None:
    answer = await data(hosted, audio_seconds=90.5, calls=2)

    models = {each["model"]: each["total"] for each in answer["estimates"]}
    assert models["paraformer-v2"] == "0.01456"
    assert models["qwen3-asr-flash"] == "0.04004"
    assert "qwen-audio-3.1-asr-flash" not in models
    assert not any("omni" in each for each in models)


async def test_audio_and_its_tokens_compare_both_kinds(hosted: Hosted) -> None:
    answer = await data(hosted, audio_seconds=60, input_tokens=1_000, output_tokens=200)

    models = {each["model"]: each["total"] for each in answer["estimates"]}
    assert models["qwen-audio-3.1-asr-flash"] == "0.00134"
    assert models["paraformer-v2"] == "0.0048"


async def test_a_sheet_tells_the_price_of_a_second(hosted: Hosted) -> None:
    text = text_of(await asked(hosted, models=["qwen3-asr-flash"]))

    assert "CNY: tier one price, 0.00022 per second of audio" in text
