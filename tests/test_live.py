"""The live list of models, read and judged: shapes as they were recorded, and those that real lists have been seen with."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bailian_mcp.server.catalog import Catalog, RateLimit, overlaid, shipped
from bailian_mcp.server.catalog.check import check
from bailian_mcp.server.catalog.file import CATALOG, BadCatalog, formatted, merge_overlay, validated, write_overlay
from bailian_mcp.server.catalog.live import (
    LiveComparison,
    LiveReading,
    compare_live,
    overlay_of,
    page_of,
    read_list,
    read_permissions,
    read_quotas,
    sites_of,
    told_apart,
)
from bailian_mcp.server.catalog.live.amounts import TokenRange, live_amount, price_unit, token_range
from bailian_mcp.server.catalog.live.tariff import read_tariff
from bailian_mcp.server.catalog.models import Scope

DAY = date(2026, 11, 27)
BEIJING = "cn-beijing"
MILLION = "每百万tokens"


def row(type_: str, price: Any, unit: Any = MILLION, band: Any = None) -> dict[str, Any]:
    return {"type": type_, "price": price, "price_unit": unit, "price_name": "x", "time_band": band}


def ranged(*rows: dict[str, Any], name: Any = "Default") -> dict[str, Any]:
    return {"range_name": name, "prices": list(rows)}


def listed(model: str, *ranges: Any, **more: Any) -> dict[str, Any]:
    return {"model": model, "provider": "qwen", "inference_provider": "aliyun-bailian", "capabilities": ["TG"],
            "prices": list(ranges), **more}  # fmt: skip


# --- units, amounts, ranges ---


@pytest.mark.parametrize(
    ("text", "measure", "per", "chinese"),
    [
        ("每百万tokens", "token", 1_000_000, True),
        ("每百万Token", "token", 1_000_000, True),
        ("每千tokens", "token", 1_000, True),
        ("Per 1M tokens", "token", 1_000_000, False),
        ("per million tokens", "token", 1_000_000, False),
        ("Per 1K tokens", "token", 1_000, False),
        ("每秒", "second", 1, True),
        ("Per second", "second", 1, False),
        ("每张", "image", 1, True),
        ("每万字符", "character", 10_000, True),
    ],
)
def test_a_unit_is_scaled_from_its_words(text: str, measure: str, per: int, chinese: bool) -> None:
    unit = price_unit(text)

    assert unit
    assert (unit.measure, unit.per, unit.chinese) == (measure, per, chinese)


@pytest.mark.parametrize("text", ["", None, 7, "元", "per call"])
def test_a_unit_that_is_not_understood_is_none(text: Any) -> None:
    assert price_unit(text) is None


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0.02", "0.02"), ("0", "0"), ("12", "12"), ("-1", None), ("NaN", None), ("1e999999", None), ("free", None),
     (0.5, None), (None, None), ("1" * 30, None)],
)  # fmt: skip
def test_an_amount_is_text_that_is_a_number(text: Any, amount: str | None) -> None:
    assert live_amount(text) == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("name", "over", "up_to", "label"),
    [
        ("Default", 0, None, "one price"),
        ("默认", 0, None, "one price"),
        ("Input<=32k", 0, 32_000, "0<Token≤32K"),
        ("输入<=256k", 0, 256_000, "0<Token≤256K"),
        ("32k<Input<=128k", 32_000, 128_000, "32K<Token≤128K"),
        ("256k<输入<=1m", 256_000, 1_000_000, "256K<Token≤1M"),
        ("256K ＜ 输入 ≤ 1M", 256_000, 1_000_000, "256K<Token≤1M"),
        ("0<Token≤8192", 0, 8_192, "0<Token≤8192"),
        ("128k<Input", 128_000, None, "128K<Token"),
        ("Input>128k", 128_000, None, "128K<Token"),
        ("Input≥128k", 127_999, None, "127999<Token"),
        ("32k<=Input<128k", 31_999, 127_999, "31999<Token≤127999"),
    ],
)
def test_a_range_of_tokens_is_read_in_both_languages(name: str, over: int, up_to: int | None, label: str) -> None:
    tokens = token_range(name)

    assert tokens == TokenRange(over, up_to)
    assert tokens.label == label


@pytest.mark.parametrize("name", ["Input", "720P", "", None, 5, "32k<Input<=", "<=", "output<=5k"])
def test_a_range_that_is_not_understood_is_none(name: Any) -> None:
    assert token_range(name) is None


# --- the prices of one model ---


def test_types_are_matched_by_their_whole_names() -> None:
    tariff = read_tariff(
        [
            ranged(
                row("input_token", "2", band="standard"), row("output_token", "8"), row("thinking_output_token", "24"),
                row("input_token_cache", "0.4"), row("input_token_cache_read", "0.2"),
                row("input_token_cache_creation_5m", "2.5"), row("input_token_cache_creation_1h", "4"),
                row("input_token_batch", "1"), row("output_token_batch", "4"), row("input_token_batch_chat", "1"),
                row("thinking_input_token", "2"), row("thinking_input_token_cache", "0.4"),
            )
        ],
        "CNY",
    )  # fmt: skip

    assert tariff.tiers[0].entry == {
        "label": "one price", "input": "2", "output": "8", "output_thinking": "24", "cached_input": "0.4",
        "cached_input_explicit": "0.2", "cache_write": "2.5",
    }  # fmt: skip
    assert tariff.batch == Decimal("0.5")
    assert tariff.doubts == ()
    assert tariff.unread == ("input_token_cache_creation_1h", "input_token_batch_chat", "thinking_input_token_cache")


@pytest.mark.parametrize(
    ("rows", "tier"),
    [
        (
            [row("text_input_token", "1.8"), row("vision_input_token", "3.3"), row("audio_input_token", "15.8"),
             row("purein_text_output_token", "6.9"), row("multiin_text_output_token", "12.7")],
            {"input_by_modality": {"text": "1.8", "image": "3.3", "video": "3.3", "audio": "15.8"},
             "output_text_when_input_text_only": "6.9", "output_by_modality": {"text": "12.7"}},
        ),
        (
            [row("omni_no_audio_input_token", "2.2"), row("omni_audio_input_token", "18"),
             row("omni_no_audio_output_token", "13.3"), row("omni_audio_output_token", "72")],
            {"input_by_modality": {"text": "2.2", "image": "2.2", "video": "2.2", "audio": "18"},
             "output_by_modality": {"text": "13.3", "audio": "72"}},
        ),
        ([row("embedding_token", "0.7"), row("embedding_image_token", "1.8")],
         {"input_by_modality": {"text": "0.7", "image": "1.8"}}),
        ([row("content_duration", "0.00022", "每秒")], {"audio_second": "0.00022"}),
        ([row("input_token", "0.0005", "每千tokens")], {"input": "0.5"}),
        ([row("input_token", "0")], {"input": "0"}),
    ],
)  # fmt: skip
def test_rows_become_a_tier_of_the_catalog(rows: list[dict[str, Any]], tier: dict[str, Any]) -> None:
    tariff = read_tariff([ranged(*rows)], "CNY")

    assert tariff.doubts == ()
    assert [each.entry for each in tariff.tiers] == [{"label": "one price", **tier}]


def test_peak_prices_are_the_prices_and_off_peak_ones_stand_beside() -> None:
    bands = [ranged(row("input_token", price, band=band), row("output_token", price, band=band))
             for price, band in (("2", "peak"), ("1", "offpeak"))]  # fmt: skip

    tariff = read_tariff(bands, "CNY")

    assert [tier.amounts["input"] for tier in (*tariff.tiers, *tariff.off_peak)] == [Decimal(2), Decimal(1)]
    assert tariff.doubts == ()


@pytest.mark.parametrize(
    ("prices", "doubt"),
    [
        ([ranged(row("input_token", "two"))], "the price of input_token is no amount"),
        ([ranged(row("input_token", "2", "Per 1M tokens"))], "is not that of a list in CNY"),
        ([ranged(row("input_token", "2", "每秒"))], "the unit 每秒 of input_token is not understood"),
        ([ranged(row("content_duration", "2"))], "of content_duration is not understood"),
        ([ranged(row("input_token", "2", None))], "is not understood"),
        ([ranged(row("input_token", "2"), name="720P")], "its range 720P is not understood"),
        ([ranged(row("input_token", "2", band="night"))], "its time band night is not understood"),
        ([ranged(row("input_token", "2", band=["night"]))], "is not understood"),
        ([ranged(row("input_token", "2"), row("input_token", "3"))], "input_token has two prices"),
        ([ranged(row("input_token", "2"), row("thinking_input_token", "3"))], "thinking has another input price"),
        ([ranged(row("output_token", "2"))], "its rows make no whole price"),
        ([ranged(row("input_token", "2"), name="32k<Input<=64k")], "its first tier does not begin at 0 tokens"),
        ([ranged(row("input_token", "2"), name="Input<=32k"), ranged(row("input_token", "3"), name="64k<Input<=1m")],
         "its tiers do not join"),
        ([ranged(row("input_token", "2"), row("output_token", "3"), name="Input<=32k"),
          ranged(row("input_token", "3"), name="32k<Input<=1m")], "its tiers do not price the same"),
        ([ranged(row("input_token", "2"), row("input_token", "3", band="peak"))], "of the peak hours and of all hours"),
        ([ranged(row("input_token", "2", band="offpeak"))], "of the off-peak hours only"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_as_it_stands_is_a_doubt(prices: Any, doubt: str) -> None:
    assert any(doubt in each for each in read_tariff(prices, "CNY").doubts)


@pytest.mark.parametrize(
    "prices", [None, {}, [], [None], [{}], [{"prices": None}], [{"prices": [{}]}], [{"prices": [None, 5]}]]
)
def test_placeholders_and_missing_prices_are_no_price(prices: Any) -> None:
    tariff = read_tariff(prices, "CNY")

    assert (tariff.rows, tariff.tiers, tariff.doubts) == (0, (), ())


def test_batch_prices_that_are_no_one_part_are_none() -> None:
    uneven = [row("input_token", "2"), row("output_token", "8"), row("input_token_batch", "1")]

    assert read_tariff([ranged(*uneven, row("output_token_batch", "2"))], "CNY").batch is None
    assert read_tariff([ranged(row("input_token", "3"), row("input_token_batch", "1"))], "CNY").batch is None  # a third


def test_strange_types_are_cut_and_shown_without_what_hides() -> None:
    tariff = read_tariff([ranged(row("video_ratio_" + "x" * 999, "1"), row("a\u202eb", "1"), {"price": "1"})], "CNY")

    assert [len(each) <= 60 and "\u202e" not in each for each in tariff.unread] == [True] * 3


# --- the list ---

RECORDED = {  # the shape of https://help.aliyun.com/zh/model-studio/list-models
    "code": None, "message": None, "success": True, "request_id": "r",
    "output": {"total": 505, "page_no": 1, "page_size": 100, "models": [
        {"model": "MiniMax-M2.1", "name": "MiniMax-M2.1", "description": "x", "provider": "mini-max",
         "inference_provider": "aliyun-bailian", "capabilities": ["TG", "Reasoning"],
         "features": ["function-calling", "cache"], "published_time": "2026-01-05 10:00:00",
         "inference_metadata": {"request_modality": ["Text"], "response_modality": ["Text"]},
         "model_info": {"context_window": 204800, "max_input_tokens": 196608, "max_output_tokens": None,
                        "max_reasoning_tokens": 32768, "reasoning_max_input_tokens": 196608,
                        "reasoning_max_output_tokens": 32768},
         "prices": [{"range_name": "Default", "prices": [
             {"type": "input_token", "price": "2.1", "price_unit": "每百万tokens", "price_name": "输入", "time_band": "standard"},
             {"type": "output_token", "price": "8.4", "price_unit": "每百万tokens", "price_name": "输出", "time_band": "standard"},
             {"type": "input_token_cache", "price": "0.42", "price_unit": "每百万tokens", "price_name": "输入（命中缓存）", "time_band": "standard"}]}],
         "equivalent_snapshot": None, "inference_offline_info": None}]},
}  # fmt: skip


def test_a_recorded_reply_is_read_whole() -> None:
    rows, total = page_of(RECORDED, "models")

    model = read_list(rows, "CNY").models["MiniMax-M2.1"]

    assert total == 505
    assert (model.provider, model.seller, model.reads) == ("mini-max", "aliyun-bailian", ("text",))
    assert (model.released_on, model.only_thinks) == (date(2026, 1, 5), True)
    assert model.limits == {"context": 204800, "max_input": 196608, "max_output": 32768, "max_reasoning": 32768}
    assert model.tariff.tiers[0].entry == {
        "label": "one price",
        "input": "2.1",
        "output": "8.4",
        "cached_input": "0.42",
    }


@pytest.mark.parametrize("reply", [None, [], {}, {"output": None}, {"output": {}}, {"output": {"models": {}}}])
def test_a_reply_of_another_form_raises(reply: Any) -> None:
    with pytest.raises((TypeError, LookupError)):
        page_of(reply, "models")


def test_a_reply_without_a_total_has_what_it_shows() -> None:
    assert page_of({"output": {"models": [{}], "total": None}}, "models") == ([{}], 1)


def test_an_id_that_comes_twice_counts_with_its_prices() -> None:
    empty = listed("m", {"prices": [{}]})
    partner = listed("m", ranged(row("input_token", "9")), inference_provider="siliconflow")
    own = listed("m", ranged(row("input_token", "2")))

    for rows in ([empty, partner, own], [own, partner, empty], [own, empty, partner]):
        assert read_list(rows, "CNY").models["m"].tariff.tiers[0].amounts["input"] == Decimal(2)


def test_entries_without_a_name_are_counted_and_nothing_else_need_be_there() -> None:
    rows = [
        None,
        {},
        {"model": 5},
        {"model": "a b"},
        {"model": "x" * 101},
        {"model": "m", "model_info": [], "features": 5},
    ]

    found = read_list(rows, "CNY")

    assert list(found.models) == ["m"]
    assert found.unnamed == 5


@pytest.mark.parametrize("limit", [None, 0, -5, True, "8192", 10**13])
def test_a_limit_that_is_no_count_is_unknown(limit: Any) -> None:
    assert read_list([listed("m", model_info={"max_input_tokens": limit})], "CNY").models["m"].limits == {}


@pytest.mark.parametrize(
    ("info", "day"),
    [
        (None, None),
        ({"offline_time": "2026-10-10 00:00:00"}, date(2026, 10, 10)),
        ({"announceUrl": "https://help.aliyun.com/x", "offlineTime": "2026-10-10"}, date(2026, 10, 10)),
        ({"m": {"offline_time": "2026-10-10 10:00:00"}}, date(2026, 10, 10)),
        ({"offline_time": 1791561600000}, date(2026, 10, 10)),  # midnight in Beijing
        ({"offline_time": "soon", "m": {"offlineTime": "2026-10-10T00:00:00+08:00"}}, date(2026, 10, 10)),
        ({"offline_time": "2026-10-09T16:00:00Z"}, date(2026, 10, 10)),
        ({"offline_time": True}, None),
        ({"offline_time": 10**30}, None),
        ({"a": {"b": {"c": {"d": {"offline_time": "2026-10-10"}}}}}, None),
        ("2026-10-10", None),
    ],
)
def test_the_day_of_a_retirement_is_read_in_every_form_seen(info: Any, day: date | None) -> None:
    assert read_list([listed("m", inference_offline_info=info)], "CNY").models["m"].offline_on == day


def test_two_lists_that_say_the_same_are_one() -> None:
    one, other = (read_list([listed("m", ranged(row("input_token", p)))], "CNY") for p in ("1", "2"))

    assert list(told_apart({"gl": one, "us": one})) == ["gl"]
    assert list(told_apart({"gl": one, "us": other})) == ["gl", "us"]


def test_an_unknown_region_has_one_scope() -> None:
    assert sites_of("cn-shanghai-finance-1") == {"cn": ""}
    assert sites_of("us-east-1") == {"gl": "global", "us": "united-states"}


# --- quotas and permissions ---


@pytest.mark.parametrize(
    ("quota", "limit"),
    [
        ({"model_limit": {"request_limit": 500, "request_limit_period": 1, "usage_limit": 500000,
                          "usage_limit_field": "total_tokens", "usage_limit_period": 6}}, (30_000, 5_000_000)),
        ({"model_limit": {"request_limit": 60, "request_limit_period": 60, "usage_limit": None}}, (60, None)),
        ({"model_limit": {"request_limit": 60, "request_limit_period": 60},
          "workspace_limit": {"request_limit": 10, "request_limit_period": 60}}, (10, None)),
        ({"model_limit": {"usage_limit": 9, "usage_limit_field": "images", "usage_limit_period": 60}}, None),
        ({"model_limit": {"request_limit": 0, "request_limit_period": 60}}, None),
        ({"model_limit": {"request_limit": "60", "request_limit_period": 60}}, None),
        ({"model_limit": {"request_limit": 60, "request_limit_period": 0}}, None),
        ({"model_limit": None}, None),
    ],
)  # fmt: skip
def test_limits_of_any_period_are_told_by_the_minute(quota: dict[str, Any], limit: tuple[int, int] | None) -> None:
    found = read_quotas([{"model": "m", **quota}, None, {"model": "a b"}], BEIJING)

    assert found == ({"m": RateLimit(region=BEIJING, rpm=limit[0], tpm=limit[1])} if limit else {})


def test_what_a_key_may_call() -> None:
    rows = [
        {"model": "a", "permissions": {"inference": True}},
        {"model": "b", "permissions": {"inference": False}},
        {"model": "c", "permissions": {"inference": "yes"}},
        {"model": "d"},
        None,
    ]

    assert read_permissions(rows) == {"a": True, "b": False}


# --- beside the catalog ---


def reading(
    *rows: Any, region: str = BEIJING, scopes: Mapping[Scope, list[Any]] | None = None, **more: Any
) -> LiveReading:
    currency = "CNY" if region == BEIJING else "USD"
    lists = scopes or {next(iter(sites_of(region))): list(rows)}
    return LiveReading(region, DAY, {s: read_list(each, currency) for s, each in lists.items()}, **more)  # type: ignore[arg-type]  # fmt: skip  # the literal


def compared(*rows: Any, of: Catalog | None = None, **more: Any) -> LiveComparison:
    return compare_live(of or shipped(), reading(*rows, **more))


def said(of: LiveComparison, model: str) -> list[tuple[str, str]]:
    return [(each.kind, each.said) for each in of.of(model)]


MAX = ranged(row("input_token", "2.4"), row("output_token", "9.6"), row("input_token_batch", "1.2"),
             row("output_token_batch", "4.8"))  # fmt: skip


def plus(first: str = "2") -> list[dict[str, Any]]:
    """`qwen3.7-plus` as the catalog has it, but for the first price."""
    edges = (("Input<=256k", first, "8", "0.4", "2.5", "0.2"), ("256k<Input<=1m", "6", "24", "1.2", "7.5", "0.6"))
    return [
        ranged(row("input_token", given), row("output_token", back), row("input_token_cache", hit),
               row("input_token_cache_creation_5m", write), row("input_token_cache_read", read), name=name)
        for name, given, back, hit, write, read in edges
    ]  # fmt: skip


def test_what_the_catalog_has_alike_is_no_difference() -> None:
    found = compared(listed("qwen-max", MAX), listed("qwen3.7-plus", *plus()))

    assert (found.same, found.of("qwen-max"), found.of("qwen3.7-plus")) == (2, [], [])


def test_a_changed_price_is_told_amount_by_amount() -> None:
    found = compared(listed("qwen3.7-plus", *plus("1.5")))

    assert said(found, "qwen3.7-plus") == [("price", "price (cn): input 2 -> 1.5 (0<Token≤256K)")]


@pytest.mark.parametrize(
    ("model", "prices", "words"),
    [
        ("qwen3.7-plus", plus("25"), "input changed more than 10-fold"),
        ("qwen3.7-plus", plus("0"), "input changed more than 10-fold"),
        ("qwen3.7-plus", plus()[:1], "other tiers"),
        ("qwen3.7-plus", [ranged(row("input_token", "2"), row("output_token", "8"))], "other tiers"),
        ("qwen-max", [ranged(row("input_token", "3"))], "the list has no output"),
        ("qwen-max", [ranged(row("input_token", "3", "每秒"))], "the unit 每秒 of input_token is not understood"),
    ],
)
def test_what_is_hard_to_believe_needs_a_look(model: str, prices: list[Any], words: str) -> None:
    found = compared(listed(model, *prices))

    [(kind, text)] = said(found, model)
    assert kind == "look"
    assert words in text


def test_a_list_that_only_leaves_out_a_row_differs_in_nothing() -> None:
    assert compared(listed("qwen-max", ranged(row("input_token", "2.4")))).of("qwen-max") == []
    assert compared(listed("qwen-max", {"prices": [{}]})).of("qwen-max") == []


def test_a_batch_price_that_is_printed_rounded_is_the_same() -> None:
    rounded = ranged(row("embedding_token", "0.125"), row("embedding_token_batch", "0.063"))

    assert compared(listed("qwen3.7-text-embedding-flash", rounded)).of("qwen3.7-text-embedding-flash") == []
    other = ranged(row("embedding_token", "0.125"), row("embedding_token_batch", "0.100"))
    assert said(compared(listed("qwen3.7-text-embedding-flash", other)), "qwen3.7-text-embedding-flash") == [
        ("price", "price (cn): batch x 0.5 -> x 0.8")
    ]


OFF_PEAK = "deepseek-v4.1-flash"


def night(price: str = "1", first: str = "2") -> list[dict[str, Any]]:
    return [
        ranged(
            row("input_token", i, band=band), row("output_token", o, band=band), row("input_token_cache", c, band=band)
        )
        for i, o, c, band in ((first, "8", "0.2", "peak"), (price, "4", "0.1", "offpeak"))
    ]


def test_off_peak_prices_keep_the_hours_of_the_price_page() -> None:
    assert compared(listed(OFF_PEAK, *night())).of(OFF_PEAK) == []

    [cheaper] = compared(listed(OFF_PEAK, *night("0.8"))).of(OFF_PEAK)

    assert cheaper.said == "price (cn): off-peak input 1 -> 0.8"
    hours = shipped().find(OFF_PEAK).prices_in(BEIJING)[0].off_peak  # type: ignore[union-attr]
    assert hours
    assert (cheaper.value["off_peak"]["start"], cheaper.value["off_peak"]["end"]) == (hours.start, hours.end)


def test_off_peak_prices_without_hours_or_without_a_row_need_a_look() -> None:
    assert "no hours" in said(compared(listed("qwen-max", *night())), "qwen-max")[0][1]
    day_only = night(first="1.9")[:1]
    assert said(compared(listed(OFF_PEAK, *day_only)), OFF_PEAK)[0][0] == "look"


def test_limits_that_rise_are_taken_and_those_that_fall_need_a_look() -> None:
    found = compared(
        listed("qwen-long", model_info={"max_output_tokens": 8192}),
        listed("qwen-max", model_info={"max_output_tokens": 16384, "max_reasoning_tokens": 999}),
        listed("qwen3.7-max", model_info={"max_output_tokens": 140_000}),
        listed("qwen-flash", model_info={"context_window": 10**9}),
        listed("qwen3-rerank", model_info={"max_input_tokens": 30_000}),
    )

    assert said(found, "qwen-long") == [("look", "max_output 32,768 -> 8,192")]
    assert said(found, "qwen-max") == [("limit", "max_output 8,192 -> 16,384, max_reasoning unknown -> 999")]
    assert said(found, "qwen-flash") == [("look", "context 1,000,000 -> 1,000,000,000")]
    assert said(found, "qwen3-rerank") == []  # the list's is of something else
    [taken] = found.of("qwen3.7-max")
    assert (taken.value["max_output"], "uncertain" in taken.value) == (140_000, False)


@pytest.mark.parametrize(
    ("model", "offline", "kind", "words"),
    [
        ("qwen-max", "2026-12-31", "retirement", "retires on 2026-12-31 (the catalog: no day)"),
        ("qwen-max", "2026-11-01", "retirement", "retires on 2026-11-01 (the catalog: no day)"),
        ("qwen3-max", "2026-12-10", "retirement", "retires on 2026-12-10 (the catalog: 2026-10-10)"),
        ("qwen3-max", "", "look", "the catalog holds it as retired on 2026-10-10, the list does not"),
    ],
)
def test_retirements_are_told(model: str, offline: str, kind: str, words: str) -> None:
    info = {"inference_offline_info": {"offline_time": offline}}

    assert (kind, words) in said(compared(listed(model, **info)), model)


def test_a_retirement_that_both_know_is_none() -> None:
    known = listed("qwen3-max", inference_offline_info={"offline_time": "2026-10-10 00:00:00"})

    assert compared(known).of("qwen3-max") == []


def test_what_a_name_stands_for_is_told_where_that_is_known() -> None:
    found = compared(
        listed("qwen-plus", equivalent_snapshot="qwen-plus-2025-07-28"),
        listed("qwen-max", equivalent_snapshot="qwen-max-2099"),
    )

    assert said(found, "qwen-plus") == [
        ("alias", "stands for qwen-plus-2025-07-28 (the catalog: qwen-plus-2025-12-01)")
    ]
    assert said(found, "qwen-max")[0][0] == "look"
    assert compared(listed("qwen-plus", equivalent_snapshot="qwen-plus-2025-12-01")).of("qwen-plus") == []


def test_what_the_account_may_ask_a_minute_is_taken() -> None:
    quotas = {"qwen-plus": RateLimit(region=BEIJING, rpm=60, tpm=None), "qwen-flash": RateLimit(region=BEIJING, rpm=1)}

    found = compared(listed("qwen-plus"), listed("qwen-max"), quotas=quotas)

    assert said(found, "qwen-plus") == [("rate", "a minute: requests 30,000 -> 60, tokens 5,000,000 -> unknown")]
    assert found.of("qwen-max") == []


def test_a_new_model_is_an_entry_of_what_the_list_says() -> None:
    new = listed(
        "qwen9-vl-plus", ranged(row("input_token", "1"), row("output_token", "4"), row("input_token_cache_read", "0.1")),
        capabilities=["TG", "VU", "Reasoning"], features=["function-calling", "structured-outputs"],
        inference_metadata={"request_modality": ["Text", "Image"]}, published_time="2026-11-20 10:00:00",
        model_info={"context_window": 262144, "max_output_tokens": 32768},
    )  # fmt: skip

    entry, price = compared(new).of("qwen9-vl-plus")

    assert (entry.kind, entry.said, price.kind) == ("new", "vision of qwen", "price")
    assert entry.value["can"] == {"tools": True, "structured_output": True, "cache_explicit": True}
    assert (entry.value["kind"], entry.value["input"]) == ("mainline", ["image", "text"])


@pytest.mark.parametrize(
    ("model", "more", "kind", "type_"),
    [
        ("qwen9-max-2026-11-01", {}, "snapshot", "chat"),
        ("qwen9-max-latest", {}, "latest", "chat"),
        ("qwen9-max-preview", {}, "preview", "chat"),
        ("siliconflow/x", {"provider": "deepseek"}, "third_party", "chat"),
        ("grok", {"provider": "xiaomi"}, "third_party", "chat"),
        ("x", {"provider": None, "capabilities": ["ASR"]}, "third_party", "asr"),
        ("qwen9-rerank", {"capabilities": ["ME"]}, "mainline", "rerank"),
        ("qwen9-ocr", {"capabilities": ["VU"]}, "mainline", "ocr"),
        ("qwen9-omni", {"capabilities": ["Realtime-Omni"]}, "mainline", "omni"),
    ],
)
def test_the_kind_of_a_new_model(model: str, more: dict[str, Any], kind: str, type_: str) -> None:
    [new] = compared(listed(model, **more)).of(model)

    assert (new.value["kind"], new.value["type"]) == (kind, type_)
    assert new.value["doubts"][-1] == "price: in the live list of 2026-11-27 it is not understood, or none"


def test_models_that_no_entry_is_for_are_counted() -> None:
    found = compared(listed("wan9", ranged(row("image_number", "0.2", "每张")), capabilities=["IG"]))

    assert (found.elsewhere, found.of("wan9")) == (1, [])


def test_a_new_model_whose_price_is_doubtful_or_that_is_gone_needs_a_look() -> None:
    doubtful = compared(listed("qwen9", ranged(row("input_token", "1", "Per 1M tokens"))))
    gone = compared(listed("qwen9", inference_offline_info={"offline_time": "2026-01-01"}))

    assert [each.kind for each in doubtful.of("qwen9")] == ["new", "look"]
    assert said(gone, "qwen9") == [("look", "chat of qwen, unknown to the catalog, retired on 2026-01-01: not taken")]


def test_another_name_of_a_known_model_is_no_new_one() -> None:
    assert compared(listed("qwen-plus-us", ranged(row("input_token", "99")))).of("qwen-plus-us") == []


def test_what_is_not_listed_is_marked_and_kept() -> None:
    found = compared(listed("qwen-max", MAX))

    [absent] = found.of("qwen3.7-plus")
    assert (absent.kind, absent.value[-1]) == ("absent", "not in the live list of 2026-11-27")
    assert found.of("qwen3-max") == []  # retired: no wonder
    assert found.of("fun-asr-flash-2026-06-15") == []  # without a price here


# --- the currency ---


def prices_in(scale: str, *names: str, unit: str = MILLION) -> list[Any]:
    rows = []
    for name in names:
        tier = shipped().find(name).prices_in("ap-southeast-1" if unit != MILLION else BEIJING)[0].tiers[0]  # type: ignore[union-attr]
        given = {"input_token": tier.input, "output_token": tier.output}
        rows.append(listed(name, ranged(*(row(kind, format(round(amount / Decimal(scale), 3), "f"), unit)
                                          for kind, amount in given.items() if amount))))  # fmt: skip
    return rows


SOLD = ("qwen3.7-max", "qwen-mt-flash", "qwen-mt-lite", "qwen-mt-plus")


def test_a_list_whose_prices_are_all_sixfold_less_is_in_another_currency() -> None:
    found = compared(*prices_in("6", *SOLD))

    assert [each.model for each in found.differences if each.kind == "price"] == []
    [doubt] = found.of("")
    assert doubt.kind == "look"
    assert "6.00 times those of the list: no price was taken, since they are hardly in CNY" in doubt.said


def test_dollars_are_compared_by_what_most_models_cost_and_never_written() -> None:
    rows = prices_in("7.494", *SOLD, unit="Per 1M tokens")
    rows[1]["prices"][0]["prices"][0]["price"] = "0.3"  # of qwen-mt-flash, was 0.157

    found = compared(*rows, region="ap-southeast-1")

    [odd] = [each for each in found.differences if each.kind in ("look", "price")]
    assert (odd.model, odd.field) == ("qwen-mt-flash", "")
    assert "input 1.174 CNY, live 0.3 USD; the others are 7.49" in odd.said


def test_dollars_of_few_models_and_of_other_tiers_are_compared_with_nothing() -> None:
    few = compared(*prices_in("7.494", "qwen-mt-flash", unit="Per 1M tokens"), region="ap-southeast-1")
    other = prices_in("7.494", *SOLD, unit="Per 1M tokens")
    other.append(listed("qwen3.7-plus", ranged(row("input_token", "9", "Per 1M tokens"))))
    new = compared(listed("qwen9", ranged(row("input_token", "1", "Per 1M tokens"))), region="ap-southeast-1")

    assert few.of("qwen-mt-flash") == []
    assert compared(*other, region="ap-southeast-1").of("qwen3.7-plus") == []
    assert "it is in dollars" in new.of("qwen9")[0].value["doubts"][-1]


def test_each_scope_of_a_host_is_compared_with_its_own_prices() -> None:
    scopes: dict[Scope, list[Any]] = {"gl": [listed("qwen3.7-max")], "us": [listed("qwen-mt-lite")]}

    found = compare_live(shipped(), reading(region="us-east-1", scopes=scopes))

    assert found.of("qwen3.7-max") == found.of("qwen-mt-lite") == []
    assert found.of("qwen3.7-plus")[0].kind == "absent"


# --- the overlay ---


def overlay(of: LiveReading, before: dict[str, Any] | None = None) -> tuple[dict[str, Any], list[str]]:
    before = before or {}
    catalog = validated(merge_overlay(json.loads(CATALOG.read_bytes()), before, "x"), "x") if before else shipped()
    return overlay_of(catalog, of, compare_live(catalog, of), before)


def used(tmp_path: Path, data: dict[str, Any]) -> Catalog:
    """The overlay as the server takes it: without a finding."""
    file = tmp_path / "mine.json"
    write_overlay(file, data)
    assert file.read_text("utf-8") == formatted(data)
    assert check(file) == []
    catalog = overlaid(file)
    assert catalog.trouble == ""
    return catalog


def test_a_changed_price_holds_from_the_day_and_the_old_one_until_then(tmp_path: Path) -> None:
    data, _ = overlay(reading(listed("qwen3.7-plus", *plus("1.5"))))

    model = used(tmp_path, data).find("qwen3.7-plus")

    assert model
    old, new = (price for price in model.prices_in(BEIJING))
    assert (old.valid_to, old.tiers[0].input) == (DAY, Decimal(2))
    assert (new.valid_from, new.tiers[0].input, new.free_quota_tokens) == (DAY, Decimal("1.5"), 1_000_000)
    assert new.batch
    assert (new.batch.multiplier, new.promotion) == (Decimal("0.5"), None)
    assert {price.region for price in model.prices} == {p.region for p in shipped().find("qwen3.7-plus").prices}  # type: ignore[union-attr]


def test_everything_that_differs_makes_an_overlay_the_server_takes(tmp_path: Path) -> None:
    data, kept = overlay(
        reading(
            listed("qwen3.7-plus", *plus("1.5"), equivalent_snapshot="qwen3.7-max-2026-05-20"),
            listed("qwen-max", model_info={"max_output_tokens": 16384}, inference_offline_info={"offline_time": "2026-12-31"}),
            listed("qwen9", ranged(row("input_token", "1"), row("output_token", "4"), row("output_token_batch", "2"))),
            listed("qwen9-nothing"),
            listed(OFF_PEAK, *night("0.8")),
            listed("qwen-audio-turbo", ranged(row("input_token", "1"), row("output_token", "4"))),
            quotas={"qwen-plus": RateLimit(region=BEIJING, rpm=60), "qwen-max": RateLimit(region=BEIJING, rpm=61)},
        )
    )  # fmt: skip

    catalog = used(tmp_path, data)

    assert kept == []
    maximal, new = catalog.find("qwen-max"), catalog.find("qwen9")
    assert maximal
    assert new
    assert (maximal.limits.max_output, maximal.lifecycle.status, str(maximal.lifecycle.retired_on)) == (
        16384, "deprecated", "2026-12-31")  # fmt: skip
    assert maximal.rate_limit(BEIJING).rpm == 61  # type: ignore[union-attr]
    assert maximal.rate_limit("ap-southeast-1") == shipped().find("qwen-max").rate_limit("ap-southeast-1")  # type: ignore[union-attr]
    assert new.prices[0].tiers[0].output == Decimal(4)
    assert new.prices[0].batch
    assert new.prices[0].batch.source == "live_list_cn-beijing_2026-11-27"
    assert catalog.find("qwen3.7-plus").points_to[0].target == "qwen3.7-max-2026-05-20"  # type: ignore[union-attr]
    assert "not in the live list of 2026-11-27" in catalog.find("qwen-flash").doubts  # type: ignore[union-attr]


def test_read_again_nothing_differs_and_nothing_is_lost() -> None:
    live = reading(listed("qwen3.7-plus", *plus("1.5")), listed("qwen9", ranged(row("input_token", "1"))))
    first, _ = overlay(live)

    catalog = validated(merge_overlay(json.loads(CATALOG.read_bytes()), first, "x"), "x")
    again = compare_live(catalog, live)
    second, kept = overlay(live, first)

    assert [each for each in again.differences if each.kind != "absent"] == []
    assert (second, kept) == (first, [])


def test_a_price_that_changes_twice_on_a_day_has_one_entry_of_it() -> None:
    first, _ = overlay(reading(listed("qwen3.7-plus", *plus("1.5"))))

    second, _ = overlay(reading(listed("qwen3.7-plus", *plus("1.6"))), first)

    [model] = [each for each in second["models"] if each["id"] == "qwen3.7-plus"]
    here = [each for each in model["prices"] if each["region"] == BEIJING]
    assert [(each.get("valid_to"), each["tiers"][0]["input"]) for each in here] == [("2026-11-27", "2"), (None, "1.6")]


def test_what_is_listed_again_loses_its_mark() -> None:
    first, _ = overlay(reading(listed("qwen-max", MAX)))

    second, _ = overlay(reading(listed("qwen-max", MAX), listed("qwen3.7-plus", *plus())), first)

    [model] = [each for each in second["models"] if each["id"] == "qwen3.7-plus"]
    assert model["doubts"] == list(shipped().find("qwen3.7-plus").doubts)  # type: ignore[union-attr]


MINE = {
    "sources": {"contract": {"title": "our contract", "kind": "official", "date": "2026-11-01"}},
    "defaults": {"chat": "qwen-max"},
    "models": [
        {
            "id": "qwen-max",
            "prices": [
                {"region": BEIJING, "scope": "cn", "currency": "CNY", "source": "contract",
                 "tiers": [{"label": "one price", "input": "1.2", "output": "4.8"}]}
            ],
            "limits": {"max_output": 4096},
            "rate_limits": [{"region": BEIJING, "rpm": 7}],
        },
        {"id": "qwen-mt-plus", "rate_limits": [{"region": "ap-southeast-1", "rpm": 7}]},
    ],
}  # fmt: skip


def test_what_somebody_wrote_stays_and_is_told(tmp_path: Path) -> None:
    limit = {"qwen-max": RateLimit(region=BEIJING, rpm=60), "qwen-mt-plus": RateLimit(region=BEIJING, rpm=61)}
    live = reading(
        listed("qwen-max", MAX, model_info={"max_output_tokens": 8192}, equivalent_snapshot="qwen-max-2024-09-19"),
        listed("qwen-mt-plus"),
        quotas=limit,
    )

    data, kept = overlay(live, MINE)

    catalog = used(tmp_path, data)
    model = catalog.find("qwen-max")
    assert model
    assert kept == ["qwen-max: prices", "qwen-max: limits", "qwen-max: rate_limits"]
    assert model.prices[0].tiers[0].input == Decimal("1.2")
    assert (model.limits.max_output, model.rate_limits[0].rpm) == (4096, 7)
    assert catalog.defaults["chat"] == "qwen-max"
    assert [each.rpm for each in catalog.find("qwen-mt-plus").rate_limits] == [7, 61]  # type: ignore[union-attr]
    assert MINE["models"][0]["limits"] == {"max_output": 4096}  # type: ignore[index]  # what was given is not changed


def test_an_overlay_the_server_could_not_use_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BadCatalog):
        write_overlay(tmp_path / "x.json", {"models": [{"id": "new"}]})

    assert list(tmp_path.iterdir()) == []


def test_what_needs_a_look_is_in_no_overlay() -> None:
    data, _ = overlay(reading(listed("qwen-long", model_info={"max_output_tokens": 8192})))

    [model] = [each for each in data["models"] if each["id"] == "qwen-long"] or [{}]
    assert "limits" not in model


def test_a_new_model_that_only_thinks_says_so() -> None:
    [new] = compared(listed("qwen9", model_info={"reasoning_max_output_tokens": 9})).of("qwen9")

    assert new.value["thinking"] == {"mode": "only"}
    assert new.value["limits"]["max_output"] == 9
