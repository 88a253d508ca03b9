"""The catalog: models found by name only, prices exact on both sides of every edge."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from bailian_mcp.server.catalog import CATALOG, Catalog, Cost, Usage, plain, shipped
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

TODAY = date(2026, 11, 22)
BEIJING = "cn-beijing"


def cost(model: str, used: Usage, region: str = BEIJING, *, reasoned: bool = False, on: date = TODAY) -> Cost:
    return shipped().cost(model, used, region=region, reasoned=reasoned, on=on)


def used(input_tokens: int, output_tokens: int, **more: int) -> Usage:
    return Usage(input_tokens=input_tokens, output_tokens=output_tokens, **more)


def amounts(of: Cost) -> dict[str, str]:
    return {line.item: line.amount for line in of.lines}


# --- worked examples, checked by hand in the project's price facts ---


def test_plain_input_and_output() -> None:
    of = cost("qwen-max", used(10_000, 1_000))

    assert amounts(of) == {"input": "0.024", "output": "0.0096"}
    assert of.total == "0.0336"


def test_without_thinking_the_plain_output_price_holds() -> None:
    assert cost("qwen-plus", used(3_000, 1_000)).total == "0.0044"


def test_a_reply_that_reasoned_pays_the_thinking_price_for_all_its_output() -> None:
    of = cost("qwen-plus", used(3_000, 5_000, reasoning_tokens=4_000), reasoned=True)

    assert amounts(of) == {"input": "0.0024", "output_thinking": "0.04"}
    assert of.total == "0.0424"


def test_a_model_with_one_output_price_has_no_thinking_line() -> None:
    assert amounts(cost("qwen3.7-plus", used(1_000, 1_000), reasoned=True)) == {"input": "0.002", "output": "0.008"}


def test_the_whole_request_is_billed_at_the_tier_of_its_input() -> None:
    of = cost("qwen3-max", used(40_000, 2_000))

    assert amounts(of) == {"input": "0.16", "output": "0.032"}
    assert of.total == "0.192"
    assert of.tier == "32K<Token≤128K"


def test_implicit_cache_hits_have_their_own_price() -> None:
    of = cost("qwen3.7-plus", used(10_000, 0, cached_input_tokens=5_000))

    assert amounts(of) == {"input": "0.01", "cached_input": "0.002"}


def test_where_no_cache_price_is_known_hits_are_plain_input_and_that_is_said() -> None:
    of = cost("qwen3.7-plus", used(10_000, 0, cached_input_tokens=5_000), "eu-central-1")

    assert amounts(of) == {"input": "0.02"}
    assert any("cached tokens are priced as plain input" in warning for warning in of.warnings)


@pytest.mark.parametrize(
    ("tokens", "tier", "per_million"),
    [
        (1, "0<Token≤128K", "0.8"),
        (128_000, "0<Token≤128K", "0.8"),
        (128_001, "128K<Token≤256K", "2.4"),
        (256_000, "128K<Token≤256K", "2.4"),
        (256_001, "256K<Token≤1M", "4.8"),
        (1_000_000, "256K<Token≤1M", "4.8"),
        (1_000_001, "256K<Token≤1M", "4.8"),
    ],
)
def test_both_sides_of_every_edge(tokens: int, tier: str, per_million: str) -> None:
    of = cost("qwen-plus", used(tokens, 0))

    assert (of.tier, of.lines[0].unit_price) == (tier, per_million)


def test_a_model_without_tiers_has_one_price_at_any_size() -> None:
    assert cost("qwen-max", used(999_999_999, 0)).tier == "one price"


# --- warnings ---


def test_every_price_says_what_is_not_in_it() -> None:
    assert cost("qwen-max", used(1, 1)).warnings == ("List price: free quota and promotions are not deducted.",)


def test_a_printed_promotion_is_named_and_not_applied() -> None:
    assert "A printed promotion (20% off (限时8折)) is not applied." in cost("qwen3.7-plus", used(1, 1)).warnings


@pytest.mark.parametrize(("tokens", "warns"), [(256_000, False), (256_001, True), (262_144, True), (262_145, False)])
def test_between_the_two_readings_of_k_there_is_a_warning(tokens: int, warns: bool) -> None:
    said = cost("qwen3.7-plus", used(tokens, 1)).warnings

    assert any("just above a tier edge of 256,000" in warning for warning in said) is warns


@pytest.mark.parametrize(("on", "warns"), [(date(2027, 1, 7), False), (date(2027, 1, 8), True)])
def test_a_price_older_than_ninety_days_says_so(on: date, warns: bool) -> None:
    said = cost("qwen-max", used(1, 1), on=on).warnings

    assert any("days old" in warning for warning in said) is warns


def test_a_region_with_several_price_scopes_says_which_was_used() -> None:
    of = cost("qwen3.7-plus", used(1_000_000, 0), "us-east-1")

    assert of.lines[0].unit_price == "6"
    assert "us-east-1 has several price scopes (gl, us); gl used." in of.warnings


def test_a_retired_model_is_priced_at_its_last_price_with_a_warning() -> None:
    of = cost("qwen3-max", used(1_000, 0))

    assert of.total == "0.0025"
    assert "qwen3-max is listed as retired since 2026-10-10; use qwen3.7-max." in of.warnings


# --- unknown is null with a reason, never zero ---


def test_an_unknown_model_has_no_price() -> None:
    of = cost("qwen9", used(1, 1))

    assert (of.total, of.lines) == (None, ())
    assert of.reason == "qwen9 is not in the catalog of 2026-10-09, so its price is unknown"


def test_a_region_without_a_price_has_no_price() -> None:
    assert cost("qwen3.5-ocr", used(1, 1), "ap-southeast-1").reason == (
        "no price of qwen3.5-ocr is known for region ap-southeast-1"
    )


def test_usage_that_does_not_add_up_has_no_price() -> None:
    assert "does not add up" in (cost("qwen-max", used(1, 1, cached_input_tokens=2)).reason or "")


def test_a_name_is_never_found_by_its_beginning() -> None:
    assert shipped().find("qwen3.7-plus-2099-01-01") is None
    assert shipped().find("qwen3.7") is None


def test_near_names_are_of_models_in_service() -> None:
    assert shipped().near("QWEN3.7PLUS")[0] == "qwen3.7-plus"
    assert "qwen3-max" not in shipped().near("qwen3-max")


# --- properties ---

counts = st.integers(min_value=0, max_value=1_100_000)
models = st.sampled_from([model.id for model in shipped().models])


@given(models, counts, counts, st.booleans())
def test_the_total_is_the_exact_sum_of_lines_that_are_exact_products(
    model: str, read: int, written: int, reasoned: bool
) -> None:
    of = cost(model, used(read, written, cached_input_tokens=read // 3), reasoned=reasoned)

    total = sum((Decimal(line.quantity) * Decimal(line.unit_price) for line in of.lines), Decimal()) / 1_000_000
    assert Decimal(of.total or "x") == total
    assert sum(Decimal(line.amount) for line in of.lines) == total
    assert sum(line.quantity for line in of.lines) == read + written
    assert "E" not in (of.total or "")


@given(models, counts, counts)
def test_more_output_never_costs_less(model: str, read: int, written: int) -> None:
    less, more = (Decimal(cost(model, used(read, n)).total or "x") for n in (written, written + 1))

    assert less <= more


@pytest.mark.parametrize(("amount", "text"), [("0E-7", "0"), ("1.500", "1.5"), ("1E+3", "1000"), ("100", "100")])
def test_money_is_plain(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


# --- the file ---


def changed(**change: Any) -> Catalog:
    return Catalog.model_validate({**json.loads(CATALOG.read_text(encoding="utf-8")), **change})


def with_first_model(**change: Any) -> Catalog:
    models = json.loads(CATALOG.read_text(encoding="utf-8"))["models"]
    return changed(models=[{**models[0], **change}, *models[1:]])


def price(*edges: int | None) -> list[dict[str, Any]]:
    tiers = [{"up_to": edge, "label": "x", "input": "1", "output": "1"} for edge in edges]
    return [{"region": BEIJING, "scope": "cn", "currency": "CNY", "source": "pricing_2026_10", "tiers": tiers}]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: changed(defaults={"chat": "qwen9"}), "defaults that are no models"),
        (lambda: with_first_model(id="qwen-plus"), "named twice"),
        (lambda: with_first_model(aliases=["qwen-plus"]), "named twice"),
        (lambda: with_first_model(prices=price(2, 1)), "tier edges must rise"),
        (lambda: with_first_model(prices=price(None, 1)), "tier edges must rise"),
        (lambda: with_first_model(prices=[{**price(None)[0], "source": "hearsay"}]), "unknown source"),
        (lambda: with_first_model(prize=1), "Extra inputs"),
    ],
)
def test_a_malformed_catalog_is_refused(make: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        make()


def test_no_retired_model_is_a_default() -> None:
    catalog = shipped()

    assert [name for name in catalog.defaults.values() if catalog.find(name).retired] == []  # type: ignore[union-attr]


def test_every_replacement_is_a_model_in_service() -> None:
    catalog = shipped()
    replacements = {m.lifecycle.replacement for m in catalog.models if m.retired}

    assert all(name and (model := catalog.find(name)) and not model.retired for name in replacements)
