"""What a workload costs: the worked examples, both sides of every edge, every warning, and what always holds."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from bailian_mcp.server.catalog import Catalog, Cost, Usage, plain, shipped
from bailian_mcp.server.catalog.models import MAX_FOUND
from bailian_mcp.server.catalog.pricing import Workload, cost_of, image_tokens, text_tokens
from bailian_mcp.server.catalog.pricing.services import deployment_cost, training_cost
from hypothesis import given
from hypothesis import strategies as st

TODAY = date(2026, 11, 22)
BEIJING = "cn-beijing"


def cost(
    name: str, region: str = BEIJING, *, on: date | datetime = TODAY, of: Catalog | None = None, **work: Any
) -> Cost:
    return cost_of(of or shipped(), name, Workload(**work), region=region, on=on)


def amounts(of: Cost) -> dict[str, str]:
    return {line.item: plain(line.amount) for line in of.lines}


def says(of: Cost, words: str) -> bool:
    return any(words in said for said in (*of.warnings, *of.notes))


def on_a_day(tiers: list[dict[str, Any]], **price: Any) -> Catalog:
    """A catalog of one model `m`, whose prices are of another day than the shipped ones."""
    place = {"region": BEIJING, "scope": "cn", "currency": "CNY", "source": "s", "tiers": tiers, **price}
    return Catalog.model_validate(
        {
            "schema_version": 2, "as_of": "2026-10-09", "defaults": {"chat": "m"},
            "sources": {"s": {"title": "t", "kind": "official", "date": "2026-10-09"}},
            "models": [{"id": "m", "vendor": "v", "series": "s", "kind": "mainline", "type": "chat",
                        "lifecycle": {"status": "active"}, "prices": [place]}],
        }
    )  # fmt: skip


def one_price(**prices: str) -> list[dict[str, Any]]:
    return [{"label": "one price", **prices}]


# --- the worked examples of the project's price facts, checked by hand ---


def test_1_a_cache_hit_of_early_2025_cost_forty_percent() -> None:
    early_2025 = on_a_day(one_price(input="2.4", output="9.6", cached_input="0.96"))

    of = cost("m", of=early_2025, input_tokens=10_000, cached_input_tokens=5_000)

    assert amounts(of) == {"input": "0.012", "cached_input": "0.0048"}
    assert of.total == Decimal("0.0168")


def test_2_plain_input_and_output() -> None:
    of = cost("qwen-max", input_tokens=10_000, output_tokens=1_000)

    assert amounts(of) == {"input": "0.024", "output": "0.0096"}
    assert of.total == Decimal("0.0336")


def test_3_batch_halves_everything_and_ignores_the_cache() -> None:
    of = cost("qwen-max", input_tokens=10_000, output_tokens=1_000, cached_input_tokens=5_000, batch=True)

    assert amounts(of) == {"input": "0.012", "output": "0.0048"}
    assert of.total == Decimal("0.0168")
    assert says(of, "Batch calls get no cache price")


def test_4_the_whole_request_is_billed_at_the_tier_of_its_input() -> None:
    of = cost("qwen3-max", input_tokens=40_000, output_tokens=2_000)

    assert amounts(of) == {"input": "0.16", "output": "0.032"}
    assert (of.total, of.tier) == (Decimal("0.192"), "32K<Token≤128K")


def test_7_without_thinking_the_plain_output_price_holds() -> None:
    assert cost("qwen-plus", input_tokens=3_000, output_tokens=1_000).total == Decimal("0.0044")


def test_8_a_reply_that_reasoned_pays_the_thinking_price_for_all_its_output() -> None:
    of = cost("qwen-plus", input_tokens=3_000, output_tokens=5_000, reasoning_tokens=4_000, thinking=True)

    assert amounts(of) == {"input": "0.0024", "output_thinking": "0.04"}
    assert of.total == Decimal("0.0424")


def test_10_an_image_is_its_tokens() -> None:
    survey = on_a_day(one_price(input="1.5", output="4.5"))
    tokens = image_tokens(1024, 768, patch_px=28)

    assert tokens == 27 * 37 + 2 == 1_001
    assert cost("m", of=survey, input_tokens=24 + tokens, output_tokens=200).total == Decimal("0.0024375")


def test_11_writing_the_explicit_cache_costs_more_than_input() -> None:
    of = cost("qwen3.7-plus", input_tokens=21_000, cache_write_tokens=20_000, output_tokens=500)

    assert amounts(of) == {"input": "0.002", "cache_write": "0.05", "output": "0.004"}
    assert of.total == Decimal("0.056")


def test_12_hitting_it_costs_a_tenth() -> None:
    of = cost("qwen3.7-plus", input_tokens=21_000, explicit_cached_tokens=20_000, output_tokens=500)

    assert amounts(of) == {"input": "0.002", "explicit_cached_input": "0.004", "output": "0.004"}
    assert of.total == Decimal("0.01")


def test_15_the_text_inside_an_audio_answer_is_free() -> None:
    of = cost("qwen-omni-turbo", input_tokens=2_000, output_tokens=1_200,
              input_by_modality={"image": 1_000}, output_by_modality={"audio": 1_000})  # fmt: skip

    assert amounts(of) == {"input": "0.0004", "input_image": "0.0015", "output_audio": "0.05"}
    assert of.total == Decimal("0.0519")


def test_17_embeddings_in_batch() -> None:
    assert amounts(cost("text-embedding-v4", input_tokens=400, calls=100, batch=True)) == {"input": "0.01"}


def test_18_a_search_is_a_line_of_its_own() -> None:
    of = cost("qwen-plus", input_tokens=1_500, output_tokens=300, web_searches=1, search_strategy="max")

    assert amounts(of) == {"input": "0.0012", "output": "0.0006", "web_search": "0.004"}
    assert of.total == Decimal("0.0058")


def test_20_cheaper_hours() -> None:
    night = {"start": 22, "end": 8, "tiers": one_price(input="2.4", output="7.2")}
    plan = on_a_day(one_price(input="12", output="36"), off_peak=night)

    of = cost("m", of=plan, on=datetime(2026, 11, 22, 15, tzinfo=UTC), input_tokens=100_000, output_tokens=10_000)

    assert amounts(of) == {"input": "0.24", "output": "0.072"}
    assert (of.total, of.tier) == (Decimal("0.312"), "one price, off-peak")


def test_21_the_free_quota_covers_a_real_time_call_when_asked_to_simulate_it() -> None:
    of = cost("qwen-plus", input_tokens=3_000, output_tokens=1_000, free_quota=True)

    assert amounts(of) == {"input": "0", "output": "0"}
    assert of.total == Decimal("0")
    assert says(of, "Free quota simulated")


def test_22_the_free_quota_does_not_cover_batch() -> None:
    of = cost("qwen-plus", input_tokens=3_000, output_tokens=1_000, free_quota=True, batch=True)

    assert amounts(of) == {"input": "0.0012", "output": "0.001"}
    assert of.total == Decimal("0.0022")
    assert says(of, "does not cover Batch")


def test_23_fine_tuning_counts_every_epoch() -> None:
    of = training_cost(shipped(), "qwen-plus", tokens=2_000_000, mixed_in_tokens=500_000, epochs=3)

    assert (of.total, of.lines[0].quantity) == (Decimal(225), 7_500_000)


def test_less_than_an_hour_of_a_machine_is_an_hour() -> None:
    assert deployment_cost(shipped(), "qwen-plus", minutes=0).total == Decimal("160")


def test_24_a_begun_hour_of_a_machine_counts_whole() -> None:
    assert deployment_cost(shipped(), "qwen-plus", minutes=5 * 60 + 20, instances=2).total == Decimal("1920")


def test_25_image_tokens_of_both_generations() -> None:
    assert image_tokens(1024, 768) == 770
    assert image_tokens(4000, 3000, patch_px=28, max_pixels=1_280 * 28 * 28) == 1_232
    assert image_tokens(4000, 3000, patch_px=28, max_pixels=12_845_056) == 15_303


# --- beyond the examples ---


def test_a_documented_picture_has_the_documented_tokens() -> None:
    assert image_tokens(6000, 3000, kind="ocr") == 64 * 128 + 2 == 8_194


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 5_000), (10_000, 10_000), (31, 33)])
def test_any_picture_has_tokens_within_the_limits(width: int, height: int) -> None:
    assert 2 < image_tokens(width, height) <= 2_621_440 // 1024 + 2


def test_text_is_estimated_between_two_bounds() -> None:
    chinese, english = text_tokens("代码改变世界" * 100), text_tokens("the quick brown fox " * 100)

    for guess in (chinese, english):
        assert guess.least <= guess.likely <= guess.most
    assert chinese.least <= 300 <= chinese.most  # the recorded tokenizer needed 3 for these 6 characters
    assert english.least <= 500 <= english.most


@pytest.mark.parametrize(
    ("tokens", "tier", "per_million"),
    [
        (1, "0<Token≤128K", "0.8"),
        (128_000, "0<Token≤128K", "0.8"),
        (128_001, "128K<Token≤256K", "2.4"),
        (256_000, "128K<Token≤256K", "2.4"),
        (256_001, "256K<Token≤1M", "4.8"),
        (1_000_000, "256K<Token≤1M", "4.8"),
    ],
)
def test_both_sides_of_every_edge(tokens: int, tier: str, per_million: str) -> None:
    of = cost("qwen-plus", input_tokens=tokens)

    assert (of.tier, of.lines[0].unit_price) == (tier, Decimal(per_million))


def test_the_last_tier_runs_to_the_models_own_limit() -> None:
    """qwen3-max: the last edge is 256K, its max input 258,048."""
    assert cost("qwen3-max", input_tokens=258_048).tier == "128K<Token≤256K"
    assert "more than qwen3-max takes (258,048)" in (cost("qwen3-max", input_tokens=258_049).reason or "")


@pytest.mark.parametrize(
    ("work", "warns"),
    [
        ({"input_tokens": 991_808}, False),
        ({"input_tokens": 991_809}, True),
        ({"input_tokens": 983_617, "thinking": True}, True),
        ({"output_tokens": 131_072}, False),
        ({"output_tokens": 131_073}, True),
        ({"output_tokens": 131_073, "thinking": True}, False),
        ({"input_tokens": 256_001, "batch": True}, True),
    ],
)
def test_more_than_a_model_is_listed_to_do_is_priced_with_a_warning(work: dict[str, Any], warns: bool) -> None:
    of = cost("qwen3.7-flash", **work)

    assert of.total
    assert says(of, "is listed to") is warns


def test_what_dashscope_counted_is_priced_whatever_the_limits_say() -> None:
    assert cost("qwen3-max", input_tokens=300_000, measured=True).tier == "128K<Token≤256K"


def test_a_model_without_tiers_has_one_price_at_any_size() -> None:
    assert cost("deepseek-v4-pro", input_tokens=999_999).tier == "one price"


@pytest.mark.parametrize(("tokens", "warns"), [(256_000, False), (256_001, True), (262_144, True), (262_145, False)])
def test_between_the_two_readings_of_k_there_is_a_warning(tokens: int, warns: bool) -> None:
    assert says(cost("qwen3.7-plus", input_tokens=tokens), "just above a tier edge of 256,000") is warns


def test_a_model_that_only_thinks_has_the_thinking_price_alone() -> None:
    assert amounts(cost("qwen3-235b-a22b-thinking-2507", output_tokens=1_000)) == {"output_thinking": "0.02"}


def test_a_model_with_one_output_price_has_no_thinking_line() -> None:
    of = cost("qwen3.7-plus", input_tokens=1_000, output_tokens=1_000, thinking=True)

    assert amounts(of) == {"input": "0.002", "output": "0.008"}


def test_implicit_cache_hits_have_their_own_price() -> None:
    of = cost("qwen3.7-plus", input_tokens=10_000, cached_input_tokens=5_000)

    assert amounts(of) == {"input": "0.01", "cached_input": "0.002"}


def test_where_no_cache_price_is_known_hits_are_plain_input_and_that_is_said() -> None:
    of = cost("qwen3.7-plus", "eu-central-1", input_tokens=10_000, cached_input_tokens=5_000)

    assert amounts(of) == {"input": "0.02"}
    assert says(of, "No cache price is known here: cached tokens are priced as plain input.")


def test_text_alone_has_its_own_output_price_on_older_omni_models() -> None:
    said = {"input_tokens": 1_000, "output_tokens": 1_000}

    assert amounts(cost("qwen3-omni-flash", **said)) == {"input": "0.0018", "output": "0.0069"}
    seen = cost("qwen3-omni-flash", **said, input_by_modality={"image": 400})
    assert amounts(seen) == {"input": "0.00108", "input_image": "0.00132", "output": "0.0127"}


def test_a_kind_without_a_price_of_its_own_is_text() -> None:
    assert amounts(cost("qwen3-omni-flash", input_tokens=100, input_by_modality={"smell": 40})) == {"input": "0.00018"}


def test_deepseek_is_half_price_at_night_in_beijing() -> None:
    used = {"input_tokens": 1_000_000}
    day, night = datetime(2026, 11, 22, 4, tzinfo=UTC), datetime(2026, 11, 22, 23, 59, tzinfo=UTC)

    assert cost("deepseek-v4.1-flash", on=day, **used).total == Decimal("2")
    assert cost("deepseek-v4.1-flash", on=night, **used).total == Decimal("1")
    assert says(
        cost("deepseek-v4.1-flash", **used),
        "Peak price; from 22:00 to 8:00 Beijing time it is 1 in, 4 out per million tokens.",
    )
    assert not says(cost("deepseek-v4.1-flash", batch=True), "Peak price")


@pytest.mark.parametrize(("hour", "cheap"), [(7, True), (8, False), (21, False), (22, True)])
def test_the_cheaper_hours_begin_and_end_on_the_hour(hour: int, cheap: bool) -> None:
    night = {"start": 22, "end": 8, "tiers": one_price(input="1")}
    plan = on_a_day(one_price(input="2"), off_peak=night)
    moment = datetime(2026, 11, 22, (hour - 8) % 24, 59 if hour in (7, 21) else 0, tzinfo=UTC)

    assert cost("m", of=plan, on=moment, input_tokens=1_000_000).total == (1 if cheap else 2)


def test_cheaper_hours_may_lie_within_a_day() -> None:
    noon = {"start": 12, "end": 14, "tiers": one_price(input="1")}
    plan = on_a_day(one_price(input="2"), off_peak=noon)

    assert cost("m", of=plan, on=datetime(2026, 11, 22, 5, tzinfo=UTC), input_tokens=1_000_000).total == Decimal("1")


def test_a_search_costs_what_its_region_and_strategy_cost() -> None:
    def fee(region: str, strategy: str) -> str:
        priced = cost("qwen3.7-plus", region, web_searches=1_000, search_strategy=strategy, input_tokens=1)
        return plain(priced.lines[-1].amount)

    assert [fee(BEIJING, s) for s in ("turbo", "max", "agent")] == ["3", "4", "4"]
    assert fee("ap-southeast-1", "turbo") == "73.392381"
    assert fee("us-east-1", "agent") == "4"


def test_a_pdf_page_costs_two_fen_and_where_the_fee_is_unknown_the_price_is() -> None:
    assert amounts(cost("qwen3.8-max", pdf_pages=10))["pdf_page"] == "0.2"
    assert cost("qwen3.8-max", "us-east-1", pdf_pages=10).reason == "the fee of pdf_page is not known in us-east-1"


def test_a_fee_printed_for_agent_searches_only_says_so() -> None:
    turbo = {"web_searches": 1, "search_strategy": "turbo"}

    assert says(cost("qwen3.7-plus", "ap-southeast-1", **turbo), "a search fee is printed for agent searches only")
    assert not says(cost("qwen3.7-plus", **turbo), "agent searches only")


def test_cheaper_hours_count_from_their_day_on_and_never_for_batch() -> None:
    night = {"start": 22, "end": 8, "valid_from": "2026-08-17", "tiers": one_price(input="1")}
    plan = on_a_day(one_price(input="2"), off_peak=night, batch={"multiplier": "0.5", "source": "s"})

    def at(day: int, **work: Any) -> Decimal | None:
        return cost("m", of=plan, on=datetime(2026, 8, day, 23), input_tokens=4_000_000, **work).total

    assert (at(16), at(17)) == (8, 4)
    assert at(17, batch=True) == 4
    assert not says(cost("m", of=plan, on=date(2026, 8, 16), input_tokens=1), "Peak price")


def test_calls_multiply_every_line_but_the_tier_is_that_of_one() -> None:
    of = cost("qwen3.7-plus", input_tokens=200_000, calls=10)

    assert (of.tier, of.total, of.lines[0].quantity) == ("0<Token≤256K", Decimal(4), 2_000_000)


# --- history ---


@pytest.mark.parametrize(
    ("on", "total"),
    [
        (date(2024, 5, 1), "20"),
        (date(2024, 9, 19), "20"),
        (date(2025, 1, 31), "20"),
        (date(2025, 2, 1), "2.4"),
        (TODAY, "2.4"),
    ],
)
def test_a_past_day_has_its_own_price(on: date, total: str) -> None:
    assert cost("qwen-max", input_tokens=30_000, on=on).lines[0].unit_price == Decimal(total)


def test_a_past_day_before_the_page_was_read_says_so() -> None:
    of = cost("qwen3-max", input_tokens=1, on=date(2026, 1, 1))

    assert says(of, "Read on 2026-10-09; whether it already held on 2026-01-01 is not known.")


def test_a_day_without_a_price_takes_the_nearest_one_and_says_so() -> None:
    later = on_a_day(one_price(input="1"), valid_from="2026-06-01")

    of = cost("m", of=later, on=date(2026, 1, 1), input_tokens=1_000_000)

    assert of.total == Decimal("1")
    assert says(of, "No price of 2026-01-01 is known; the nearest one known is used.")


@pytest.mark.parametrize(
    ("name", "born"), [("qwen-plus-2025-01-12", date(2025, 1, 15)), ("qwen3.7-plus", date(2026, 5, 26))]
)
def test_a_model_had_no_price_before_it_existed(name: str, born: date) -> None:
    assert cost(name, input_tokens=1, on=born).total
    assert f"was released on {born}" in (
        cost(name, input_tokens=1, on=date(born.year, born.month, born.day - 1)).reason or ""
    )


def test_the_last_day_of_the_calendar_has_a_price_too() -> None:
    assert not says(cost("qwen-max", input_tokens=1, on=date.max), "No price of")


# --- warnings ---


def test_every_price_says_what_is_not_in_it() -> None:
    assert cost("qwen-max", input_tokens=1).notes == ("List price: free quota and promotions are not deducted.",)


def test_a_printed_promotion_is_named_and_not_applied() -> None:
    assert "A printed promotion (20% off (限时8折)) is not applied." in cost("qwen3.7-plus", input_tokens=1).notes


@pytest.mark.parametrize(("on", "warns"), [(date(2027, 1, 7), False), (date(2027, 1, 8), True)])
def test_a_price_older_than_ninety_days_says_so(on: date, warns: bool) -> None:
    assert says(cost("qwen-max", input_tokens=1, on=on), "days old") is warns


def test_a_region_with_several_price_scopes_says_which_was_used() -> None:
    of = cost("qwen3.7-plus", "us-east-1", input_tokens=1_000_000)

    assert of.lines[0].unit_price == Decimal("6")
    assert "us-east-1 has several price scopes (gl, us); gl used." in of.warnings


def test_a_name_of_one_scope_has_the_price_and_the_end_of_that_scope() -> None:
    of = cost("qwen-plus-us", "us-east-1", input_tokens=1_000)

    assert of.lines[0].unit_price == Decimal("2.936")
    assert says(of, "qwen-plus-us is listed as retired since 2026-10-10; use qwen3.7-plus-us.")


def test_singapore_prices_say_in_what_they_are_billed() -> None:
    assert says(cost("qwen3.7-plus", "ap-southeast-1", input_tokens=1), "the international site bills in USD")


def test_a_retired_model_is_priced_at_its_last_price_with_a_warning() -> None:
    of = cost("qwen3-max", input_tokens=1_000)

    assert of.total == Decimal("0.0025")
    assert "qwen3-max is listed as retired since 2026-10-10; use qwen3.7-max." in of.warnings


def test_on_a_day_before_its_end_a_model_was_not_retired() -> None:
    assert not says(cost("qwen3-max", input_tokens=1, on=date(2026, 10, 9)), "retired")


def test_a_model_that_is_to_retire_says_so() -> None:
    assert says(
        cost("deepseek-v4-flash", input_tokens=1),
        "was announced to retire on 2026-10-10, which may have happened; use deepseek-v4-flash-0731.",
    )
    assert says(
        cost("deepseek-v4-flash", input_tokens=1, on=date(2026, 10, 1)), "is announced to retire on 2026-10-10;"
    )


def test_a_lone_third_party_claim_says_so() -> None:
    of = cost("qwen3-max-latest", input_tokens=200_000)

    assert of.total == Decimal("0.5")
    assert says(of, "lone claim of a third party")
    assert says(of, "it may not exist")


def test_a_batch_price_that_the_row_does_not_print_says_so() -> None:
    assert says(cost("qwen3.8-flash", input_tokens=1, batch=True), "The price row prints no Batch price")


def test_an_overlay_that_is_set_aside_is_said_with_every_price() -> None:
    troubled = shipped().model_copy(update={"trouble": "The catalog overlay (BAILIAN_CATALOG) is set aside: why."})

    assert says(cost("qwen-max", of=troubled, input_tokens=1), "set aside: why.")


def test_a_free_quota_that_is_too_small_covers_nothing() -> None:
    of = cost("qwen-plus", input_tokens=900_000, output_tokens=200_000, free_quota=True)

    assert of.total
    assert says(of, "does not cover it all")


# --- unknown is null with a reason, never zero ---


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (lambda: cost("qwen9", input_tokens=1), "qwen9 is not in the catalog of 2026-10-09"),
        (lambda: cost("qwen3.7-pluss", input_tokens=1), "near names: qwen3.7-plus"),
        (lambda: cost("qwen3.5-ocr", "ap-southeast-1", input_tokens=1), "no price of qwen3.5-ocr is known for region ap-southeast-1; it has one in cn-beijing"),
        (lambda: cost("yi-large", input_tokens=1), "no price of yi-large is known for region cn-beijing, nor for any other"),
        (lambda: cost("qwen-audio-turbo", input_tokens=1), "qwen-audio-turbo has no price: it is a free trial"),
        (lambda: cost("qwen-max", input_tokens=1, cached_input_tokens=2), "do not add up"),
        (lambda: cost("qwen-max", output_tokens=1, reasoning_tokens=2), "do not add up"),
        (lambda: cost("qwen3-omni-flash", input_tokens=1, input_by_modality={"image": 2}), "do not add up"),
        (lambda: cost("qwen3.7-plus", input_tokens=9, cached_input_tokens=2, cache_write_tokens=2), "exclude each other"),
        (lambda: cost("qwen-mt-plus", input_tokens=1, batch=True), "no Batch price is known in cn-beijing"),
        (lambda: cost("qwen-plus", input_tokens=1, batch=True, web_searches=1), "Batch calls cannot search"),
        (lambda: cost("qwen3.7-plus", input_tokens=-1), "a count is negative"),
        (lambda: cost("qwen3.7-plus", calls=0), "a count is negative"),
        (lambda: cost("qwen3-asr-flash", input_tokens=1), "qwen3-asr-flash is billed by the second of audio: give audio_seconds"),
        (lambda: cost("qwen-audio-3.1-asr-flash", audio_seconds=Decimal(9)), "qwen-audio-3.1-asr-flash is billed by the token, not by the second: give input_tokens and output_tokens"),
        (lambda: cost("qwen3-asr-flash", audio_seconds=Decimal(-9)), "a count is negative"),
        (lambda: cost("fun-asr-flash-2026-06-15", audio_seconds=Decimal(9)), "no price of fun-asr-flash-2026-06-15 is known for region cn-beijing, nor for any other"),
        (lambda: cost("paraformer-v2", "ap-southeast-1", audio_seconds=Decimal(9)), "it has one in cn-beijing"),
        (lambda: cost("qwen3-rerank", input_tokens=120_001), "120,001 input tokens are more than qwen3-rerank takes (120,000)"),
        (lambda: cost("text-embedding-v4", "ap-southeast-1", input_tokens=8_193), "more than text-embedding-v4 takes (8,192)"),
        (lambda: cost("text-embedding-v4", output_tokens=1), "the model writes no text"),
        (lambda: training_cost(shipped(), "qwen-plus", tokens=-1), "a count is negative"),
        (lambda: deployment_cost(shipped(), "qwen-plus", minutes=-1), "a count is negative"),
        (lambda: training_cost(shipped(), "qwen3.7-plus", tokens=1), "no fine-tuning price"),
        (lambda: training_cost(shipped(), "qwen9", tokens=1), "no fine-tuning price"),
        (lambda: deployment_cost(shipped(), "qwen3.7-plus", months=1), "no deployment price of qwen3.7-plus per month"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_is_null_with_a_reason(of: Any, reason: str) -> None:
    found = of()

    assert (found.total, found.lines) == (None, ())
    assert reason in (found.reason or "")


def test_a_machine_by_the_month() -> None:
    assert deployment_cost(shipped(), "qwen-max", months=2).total == Decimal("320000")


def total_of(price: Cost) -> Decimal:
    """What is known; an unknown one would make every comparison idle."""
    assert price.total is not None, price.reason
    return price.total


def test_money_leaves_as_exact_text() -> None:
    told = cost("qwen3.7-plus", input_tokens=1_500, output_tokens=1).model_dump(mode="json")

    assert [told["lines"][1][name] for name in ("unit_price", "amount")] == ["8", "0.000008"]
    assert told["total"] == "0.003008"


# --- what always holds ---

counts = st.integers(min_value=0, max_value=900_000)


def speaks(price: Any) -> bool:
    return price.region == BEIJING and any(tier.has_output for tier in price.tiers)


models = st.sampled_from([m.id for m in shipped().models if any(map(speaks, m.prices))])
workloads = st.builds(
    Workload, input_tokens=counts, output_tokens=counts, thinking=st.booleans(), calls=st.integers(1, 1_000),
    web_searches=st.integers(0, 3), measured=st.just(True),
)  # fmt: skip


@given(models, workloads, st.booleans())
def test_the_total_is_the_exact_sum_of_lines_that_are_exact_products(name: str, work: Workload, cached: bool) -> None:
    work = replace(work, cached_input_tokens=work.input_tokens // 3 if cached else 0)
    of = cost_of(shipped(), name, work, region=BEIJING, on=TODAY)

    products = [line.quantity * line.unit_price / line.per for line in of.lines]
    assert total_of(of) == sum(products) >= 0
    assert [line.amount for line in of.lines] == products
    assert "E" not in of.model_dump(mode="json")["total"]


@given(models, workloads, st.sampled_from(["output_tokens", "web_searches", "calls"]))
def test_more_of_anything_never_costs_less(name: str, work: Workload, what: str) -> None:
    more = replace(work, **{what: getattr(work, what) + 1})
    less, cost_of_more = (total_of(cost_of(shipped(), name, w, region=BEIJING, on=TODAY)) for w in (work, more))

    assert less <= cost_of_more


@given(models, workloads)
def test_more_input_never_costs_less_and_in_a_higher_tier_not_either(name: str, work: Workload) -> None:
    more = replace(work, input_tokens=work.input_tokens + 1)
    less, cost_of_more = (total_of(cost_of(shipped(), name, w, region=BEIJING, on=TODAY)) for w in (work, more))

    assert less <= cost_of_more


@given(models, workloads)
def test_batch_never_costs_more_than_real_time(name: str, work: Workload) -> None:
    work = replace(work, web_searches=0)
    real, batch = (
        cost_of(shipped(), name, replace(work, batch=b), region=BEIJING, on=TODAY).total for b in (False, True)
    )

    assert batch is None or (real is not None and batch <= real)


@given(models, workloads)
def test_a_cache_hit_never_costs_more_than_input(name: str, work: Workload) -> None:
    hits = replace(work, cached_input_tokens=work.input_tokens)
    plainly, cached = (total_of(cost_of(shipped(), name, w, region=BEIJING, on=TODAY)) for w in (work, hits))

    assert cached <= plainly


def test_usage_becomes_a_workload_with_the_same_price() -> None:
    usage = Usage(input_tokens=1_000, output_tokens=100, reasoning_tokens=50, cached_input_tokens=900, image_tokens=800)

    of = cost_of(shipped(), "qwen3.7-plus", Workload.of(usage, reasoned=True), region=BEIJING, on=TODAY)

    assert amounts(of) == {"input": "0.0002", "cached_input": "0.00036", "output": "0.0008"}


def test_money_is_exact_at_any_size() -> None:
    of = cost("qwen3.7-plus", "ap-southeast-1", web_searches=999_999_999_999, calls=999_999_999, input_tokens=1)

    assert of.lines[-1].amount == Decimal("73392380926534226619.073392381")


@pytest.mark.parametrize(
    ("amount", "text"), [("0E-7", "0"), ("-0", "0"), ("1.500", "1.5"), ("1E+3", "1000"), ("100", "100")]
)
def test_money_is_plain(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


# --- audio, by its seconds ---


@pytest.mark.parametrize(
    ("model", "region", "seconds", "total"),
    [
        ("qwen3-asr-flash", BEIJING, "60", "0.0132"),
        ("qwen3-asr-flash", "ap-southeast-1", "60", "0.0156"),
        ("qwen3-asr-flash-filetrans", BEIJING, "3600", "0.792"),
        ("fun-asr-mtl", BEIJING, "1", "0.00022"),
        ("paraformer-v2", BEIJING, "43200", "3.456"),
        ("qwen3-asr-flash", BEIJING, "0", "0"),
    ],
)
def test_audio_is_priced_by_its_seconds(model: str, region: str, seconds: str, total: str) -> None:
    of = cost(model, region, audio_seconds=Decimal(seconds))

    assert of.total == Decimal(total)
    assert [(each.item, each.per) for each in of.lines] == [("audio_seconds", 1)] * bool(Decimal(seconds))


def test_a_begun_second_is_a_whole_one_of_each_call() -> None:
    of = cost("qwen3-asr-flash", audio_seconds=Decimal("12.01"), calls=3)

    assert (of.lines[0].quantity, of.total) == (39, Decimal("0.00858"))
    assert says(of, "A begun second of audio is counted as a whole one.")
    assert not says(cost("qwen3-asr-flash", audio_seconds=Decimal(12)), "A begun second")


def test_a_model_that_hears_and_is_billed_by_tokens_is_priced_by_them() -> None:
    of = cost("qwen-audio-3.1-asr-flash", input_tokens=5_000, output_tokens=1_000, audio_seconds=Decimal(300))

    assert amounts(of) == {"input": "0.004", "output": "0.0027"}


def test_what_a_reply_heard_becomes_a_workload_whatever_its_tokens() -> None:
    usage = Usage(input_tokens=70, output_tokens=12)

    work = Workload.of(usage, audio_seconds=Decimal(7))

    assert amounts(cost_of(shipped(), "qwen3-asr-flash", work, region=BEIJING, on=TODAY)) == {
        "audio_seconds": "0.00154"
    }


def test_the_warnings_of_a_price_stay_with_one_by_the_second() -> None:
    of = cost("qwen3-asr-flash-2025-09-08", audio_seconds=Decimal(301), on=date(2027, 2, 1))

    assert says(of, "is listed as retired since 2026-10-10; use qwen3-asr-flash.")
    assert says(of, "is listed to take at most 300 seconds of audio.")
    assert says(of, "days old")
    assert says(of, "36,000 seconds are free for 90 days")
    assert says(cost("fun-asr", audio_seconds=Decimal(1)), "the time of speech, not of the file")


# --- what pages contradict each other about ---


def test_a_limit_that_is_advised_warns_and_one_that_holds_refuses() -> None:
    of = cost("qwen3.7-text-rerank", input_tokens=150_000)

    assert of.total == Decimal("0.075")
    assert says(of, "is listed to take at most 120,000 input tokens")


def test_the_official_rerank_example_has_its_price() -> None:
    of = cost("qwen3-rerank", input_tokens=75_000)

    assert (of.total, of.warnings) == (Decimal("0.0375"), ())
    assert says(of, "those of the query once for each document")


def test_what_qwen_long_writes_is_bounded_by_its_newer_page() -> None:
    assert not says(cost("qwen-long", input_tokens=1, output_tokens=32_768), "at most")
    assert says(cost("qwen-long", input_tokens=1, output_tokens=32_769), "at most 32,768 output tokens")


def test_thinking_alone_narrows_the_input_of_qwen_plus_latest() -> None:
    said = "is listed to take at most 995,904 input tokens"

    assert not says(cost("qwen-plus-latest", input_tokens=997_000), "at most")
    assert says(cost("qwen-plus-latest", input_tokens=997_000, thinking=True), said)


def test_batch_calls_that_pages_differ_about_are_priced_with_the_doubt() -> None:
    of = cost("qwen3.5-omni-flash", input_tokens=100_000, batch=True)

    assert of.total == Decimal("0.11")
    assert says(of, "Pages differ on whether it takes Batch calls")
    assert not says(cost("qwen3.5-omni-plus", input_tokens=1_000, batch=True), "Pages differ")


@pytest.mark.parametrize(
    ("model", "tokens", "total"),
    [("qwen3.7-max-preview", 1_000, "0.018736"), ("tongyi-embedding-vision-plus", 1_000, "0.0005"),
     ("tongyi-embedding-vision-flash-2026-03-06", 1_000, "0.00015")],
)  # fmt: skip
def test_prices_of_singapore_that_were_missing(model: str, tokens: int, total: str) -> None:
    of = cost(model, "ap-southeast-1", input_tokens=tokens)

    assert of.total == Decimal(total)
    assert says(of, "lone claim of a third party") == model.startswith("qwen3.7")


def test_a_snapshot_that_outlived_its_alias_is_unsure() -> None:
    of = cost("qwen-vl-ocr-2025-11-20", input_tokens=1)

    assert says(of, "Whether qwen-vl-ocr-2025-11-20 is still in service is not sure: its alias qwen-vl-ocr")


def test_a_price_of_any_day_is_found_again_and_few_are_remembered() -> None:
    """Any day may be asked for, as often as somebody likes."""
    work, catalog = Workload(input_tokens=1_000, output_tokens=500), shipped()
    model = catalog.find("qwen3.7-plus")
    assert model
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(MAX_FOUND + 5)]
    first = [cost_of(catalog, model.id, work, region="cn-beijing", on=day).total for day in days]

    assert len(model.prices_found) <= MAX_FOUND
    assert [cost_of(catalog, model.id, work, region="cn-beijing", on=day).total for day in days] == first
