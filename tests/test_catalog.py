"""The catalog: models found by name only; the file, its overlay, and the check that explains itself in words."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bailian_mcp.server.catalog import Catalog, overlaid, shipped
from bailian_mcp.server.catalog.check import check, reformat
from bailian_mcp.server.catalog.file import CATALOG, BadCatalog, formatted, validated
from bailian_mcp.server.commands.catalog import main

ROOT = Path(__file__).parent.parent
FEW = ["qwen-max", "qwen-plus", "qwen3.7-plus", "qwen3.7-max", "qwen3.5-ocr", "qwen3-max", "qwq-plus", "qwen-mt-plus",
       "qwen3-asr-flash"]  # fmt: skip
SEEDS = json.loads((ROOT / "tests" / "seed_models.json").read_text("utf-8"))  # id -> what became of it


# --- finding a model ---


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("qwen3.7-plus", "qwen3.7-plus"),
        ("qwen-plus-us", "qwen-plus"),  # a stated alias
        ("qwen-plus-0723", "qwen-plus-2024-07-23"),  # an alias of the founding documents
        ("qwen3.7-flash-0715", "qwen3.7-flash-2026-07-15"),  # by the date rule
        ("kimi/kimi-k3", "kimi/kimi-k3"),
        ("qwen3.7-plus-us", "qwen3.7-plus"),
    ],
)
def test_a_model_is_found_by_its_id_or_a_name_that_means_one_model(name: str, found: str) -> None:
    model = shipped().find(name)

    assert model
    assert model.id == found


@pytest.mark.parametrize(
    "name", ["", "qwen3.7", "qwen3.7-plus-2099-01-01", "qwen3.7-plus-x", "QWEN3.7-PLUS", "qwen-plus-0230"]
)
def test_a_name_is_never_found_by_its_beginning(name: str) -> None:
    assert shipped().find(name) is None


@pytest.mark.parametrize(
    ("name", "spelled"), [(" Qwen3.7-Plus ", "qwen3.7-plus"), ("minimax-m2.5", "MiniMax-M2.5"), ("qwen9", "qwen9")]
)
def test_letter_case_and_spaces_may_differ_where_a_name_is_looked_up(name: str, spelled: str) -> None:
    assert shipped().canonical_name(name) == spelled


def test_a_day_that_means_two_snapshots_means_none() -> None:
    twin = {
        "id": "m-2025-07-23",
        "vendor": "v",
        "series": "s",
        "kind": "snapshot",
        "type": "chat",
        "lifecycle": {"status": "active"},
    }

    catalog = changed(lambda data: data["models"].extend([twin, {**twin, "id": "m-2026-07-23"}]))

    assert catalog.find("m-0723") is None


def test_near_names_are_of_models_in_service() -> None:
    assert shipped().similar_names("QWEN3.7PLUS")[0] == "qwen3.7-plus"
    assert "qwen3.7-plus" in shipped().similar_names("通义千问-Plus")
    assert "qwen3-max" not in shipped().similar_names("qwen3-max")


# --- what it holds ---


def test_all_131_models_of_the_founding_documents_resolve() -> None:
    found = {name: shipped().find(name) for name in SEEDS}

    assert len(SEEDS) == 131
    assert {name: model.lifecycle.status if model else None for name, model in found.items()} == SEEDS


def test_each_of_them_keeps_its_claims_and_their_verdicts() -> None:
    catalog = shipped()
    for name in SEEDS:
        model = catalog.find(name)
        assert model
        assert model.claims, name
        assert all(claim.source.startswith("seed_") and claim.why for claim in model.claims), name


def test_every_retired_model_has_a_successor_in_service() -> None:
    catalog = shipped()

    for model in catalog.models:
        if model.retired:
            successor = catalog.find(model.lifecycle.successor or "")
            assert successor, model.id
            assert not successor.retired, model.id


def test_no_retired_model_is_a_default() -> None:
    catalog = shipped()

    assert [name for name in catalog.defaults.values() if catalog.find(name).retired] == []  # type: ignore[union-attr]


def test_the_fuller_list_is_there_too() -> None:
    kinds = {model.type for model in shipped().models}

    others = {"ocr", "translation", "embedding", "rerank", "omni", "audio", "asr", "deployment"}
    assert kinds == {"chat", "vision", *others}
    assert len(shipped().models) >= 406
    assert sum(len(model.prices) for model in shipped().models) >= 711


# --- the check ---


def test_the_shipped_file_has_nothing_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    assert check() == []
    assert main("check", None) == 0
    assert f"{len(shipped().models)} models" in capsys.readouterr().out


def raw() -> dict[str, Any]:
    return dict(json.loads(CATALOG.read_text(encoding="utf-8")))


def few() -> dict[str, Any]:
    """The shipped file with a few of its models: what is wrong with one is found sooner."""
    data = raw()
    kept = {*FEW, *data["defaults"].values()}
    return {**data, "models": [model for model in data["models"] if model["id"] in kept]}


def changed(change: Any) -> Any:
    data = raw()
    change(data)
    return validated(data, "c.json")


def model_in(data: dict[str, Any], name: str) -> dict[str, Any]:
    return next(model for model in data["models"] if model["id"] == name)


def in_model(name: str, **change: Any) -> Any:
    return lambda data: model_in(data, name).update(change)


def price(*tiers: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "region": "cn-beijing",
            "scope": "cn",
            "currency": "CNY",
            "source": "pricing_2026_10",
            "tiers": list(tiers),
            **more,
        }
    ]


def tier(up_to: int | None = None, **prices: str) -> dict[str, Any]:
    return {"up_to": up_to, "label": "x", "input": "1", "output": "1", **prices}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(defaults={"chat": "qwen9"}), "defaults that are no models in service: qwen9"),
        (lambda d: d.update(defaults={"chat": "qwen3-max"}), "defaults that are no models in service: qwen3-max"),
        (in_model("qwen-max", id="qwen-plus"), "named twice: qwen-plus"),
        (in_model("qwen-max", aliases=["qwen-plus"]), "named twice: qwen-plus"),
        (in_model("qwen-max", prices=price(tier(2), tier(1))), "qwen-max.prices[0] tier edges must rise"),
        (in_model("qwen-max", prices=price(tier(), tier(1))), "qwen-max.prices[0] tier edges must rise"),
        (in_model("qwen-max", prices=price()), "qwen-max.prices[0] a list price needs a tier"),
        (in_model("qwen-max", prices=price({"label": "x", "output": "1"})), "qwen-max.prices[0].tiers[0] a tier needs an input price"),
        (in_model("qwen-max", prices=price(tier(input="-1"))), "qwen-max.prices[0].tiers[0].input must be greater than or equal to 0"),
        (in_model("qwen-max", prices=price(tier(input="1e9999999"))), "qwen-max.prices[0].tiers[0].input"),
        (in_model("qwen-max", prices=price(tier(input="NaN"))), "qwen-max.prices[0].tiers[0].input"),
        (in_model("qwen-max", prices=price(tier(), scope="zz")), "qwen-max.prices[0].scope must be 'cn'"),
        (in_model("qwen-max", prices=price(tier(), currency="USD")), "qwen-max.prices[0].currency must be 'CNY'"),
        (in_model("qwen-max", prices=price(tier()) * 2), "qwen-max two prices hold at once in cn-beijing (cn)"),
        (in_model("qwen-max", prices=price(tier(), valid_from="2026-02-01", valid_to="2026-01-01")), "valid_to must come after valid_from"),
        (in_model("qwen-max", prices=price({"label": "x", "input": "1", "output_by_modality": {"audio": "1"}})), "need one of text"),
        (in_model("qwen-max", prices=price(tier(1), {"label": "x", "input": "1"})), "all tiers need an output price, or none"),
        (in_model("qwen-max", prices=price(tier(), off_peak={"start": 5, "end": 5, "tiers": [tier()]})), "cheaper hours must end at another hour"),
        (in_model("qwen-max", prices=price(tier(input=0.5))), 'money must be written as text, "0.8" and not 0.8: input.'),
        (in_model("qwen-max", limits={"context": -5}), "qwen-max.limits.context must be greater than or equal to 0"),
        (in_model("qwen-max", limits={"source": "hearsay"}), "unknown source: hearsay"),
        (in_model("qwen-max", claims=[{"field": "x", "value": "y", "source": "hearsay", "accepted": True, "why": "z"}]), "unknown source: hearsay"),
        (in_model("qwen-max", id="qwen\u202emax"), "id holds characters that it cannot have"),
        (lambda d: d["fees"][0].update(per=3), "fees[0].per must be 1, 1000 or 1000000"),
        (lambda d: d.update(as_of="soon"), "as_of must be a valid date"),
        (lambda d: d.update(defaults={"ocr": "qwen-max"}), "defaults need a model for chat"),
        (in_model("qwen-max", prices=price(tier(input="cheap"))), "qwen-max.prices[0].tiers[0].input"),
        (in_model("qwen-max", prices=price(tier(), source="hearsay")), "unknown source: hearsay"),
        (in_model("qwen-max", prices=price(tier(), source="web_search")), "a source of prices needs a full date, not 2026-10"),
        (in_model("qwen-max", rate_limits=[{"region": "cn-beijing", "rpm": 1}] * 2), "qwen-max rate_limits need one entry a region"),
        (in_model("qwen-max", rate_limits=[{"region": "cn-beijing", "rpm": 0}]), "qwen-max.rate_limits[0].rpm must be greater than or equal to 1"),
        (in_model("qwen-max", rate_limits=[{"region": "cn-beijing", "rpm": 1, "source": "hearsay"}]), "unknown source: hearsay"),
        (in_model("qwen-max", prices=price({"label": "x", "audio_second": "1", "input": "1"})), "a tier by the second of audio has no other price"),
        (in_model("qwen-max", limits={"uncertain": ["max_output"]}), "uncertain names what is no limit of it: max_output"),
        (in_model("qwen-max", unsure=["batch"]), "can says it, so it is not unsure: batch"),
        (in_model("qwen-max", prize=1), "qwen-max.prize is no field of it"),
        (lambda d: d["models"].append("qwen"), f"models[{len(few()['models'])}] must be an object"),
    ],
)  # fmt: skip
def test_a_malformed_entry_is_named_with_the_reason(tmp_path: Path, change: Any, says: str) -> None:
    data = few()
    change(data)
    file = tmp_path / "c.json"
    file.write_text(json.dumps(data), "utf-8")

    assert len(found := check(file)) == 1
    assert says in found[0]
    assert main("list", file) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (in_model("qwen3-max", lifecycle={"status": "retired", "successor": "qwen3.7-max"}), "qwen3-max: is retired, but without a day, and no note says why."),
        (in_model("qwen3-max", lifecycle={"status": "retired", "retired_on": "2026-10-10"}), "qwen3-max: is retired, and its successor None is no model."),
        (in_model("qwen3-max", lifecycle={"status": "retired", "retired_on": "2026-10-10", "successor": "qwq-plus"}), "qwen3-max: its successor qwq-plus is retired itself: name qwen3.7-plus."),
        (in_model("qwen-max", prices=[]), "qwen-max: is in service, but has no price."),
        (in_model("qwen-max", prices=price(tier(5, input="2"), tier())), "price in cn-beijing (cn): a price falls from x to x."),
        (in_model("qwen-max", prices=price(tier(output_thinking="0.5"))), "thinking costs less than not thinking."),
        (in_model("qwen-max", prices=price(tier(cached_input="1"))), "cached_input is no cheaper than input."),
        (in_model("qwen-max", prices=price(tier(cache_write="0.5"))), "writing the cache costs less than input."),
        (in_model("qwen-max", prices=price(tier(), off_peak={"start": 22, "end": 8, "tiers": [tier(input="2")]})), "off-peak costs more than peak."),
        (in_model("qwen-max", limits={"context": 5, "max_input": 6}), "qwen-max: takes more input than its context."),
        (in_model("qwen-max", rate_limits=[{"region": "cn-beijing"}]), "qwen-max: rate limit in cn-beijing: says neither rpm nor tpm."),
        (in_model("qwen-max", lifecycle={"status": "active", "retired_on": "2026-01-01"}), "is active, but retires on 2026-01-01: say so."),
        (in_model("qwen-plus", lifecycle={"status": "active", "scopes": [{"name": "qwen-plus-us", "scope": "us", "retired_on": "2026-10-10", "replacement": "qwen9", "source": "web_search"}]}), "qwen-plus-us: its replacement qwen9 is no model."),
        (in_model("qwen-max", prices=price(tier(), valid_from="2027-02-01")), "begins on 2027-02-01, after the catalog's own day."),
(in_model("qwen-max", points_to=[{"target": "qwen9", "relation": "latest_of", "as_of": "2026", "source": "web_search"}]), "qwen-max: points to qwen9, which is no model."),
        (lambda d: d["advice"][0].update(today=["qwq-plus"]), "advice 'patent abstract translation': qwq-plus is retired, advise qwen3.7-plus."),
        (lambda d: d["advice"][0].update(recommended=["qwen9"]), "advice 'patent abstract translation': qwen9 is no model."),
    ],
)  # fmt: skip
def test_a_doubtful_entry_is_explained(tmp_path: Path, change: Any, says: str) -> None:
    data = few()
    change(data)
    file = tmp_path / "c.json"
    file.write_text(formatted(data), "utf-8")

    assert any(says in finding for finding in check(file)), check(file)


def test_what_is_wrong_with_the_whole_file_is_found_in_it(tmp_path: Path) -> None:
    file, data = tmp_path / "c.json", raw()
    data["sources"]["x"] = {"title": "x", "kind": "official", "date": "2026"}
    file.write_text(formatted(data), "utf-8")
    assert check(file) == ["sources that nothing cites: x."]

    data["models"].append("qwen")
    file.write_text(json.dumps(data), "utf-8")
    assert [f"models[{len(shipped().models)}] must be an object" in finding for finding in check(file)] == [True]


def test_the_order_is_part_of_the_check_and_the_command_restores_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = raw()
    file = tmp_path / "c.json"
    file.write_text(json.dumps({**data, "models": list(reversed(data["models"]))}), "utf-8")

    assert main("check", file) == 1
    assert (
        "c.json is not in its standard order: run `bailian-mcp catalog format`.\n1 finding." in capsys.readouterr().out
    )
    assert main("format", file) == 0
    assert file.read_text("utf-8") == CATALOG.read_text("utf-8")


def test_one_line_is_one_tier() -> None:
    lines = [line.strip().rstrip(",") for line in CATALOG.read_text("utf-8").splitlines()]

    tiers = [json.loads(line) for line in lines if line.startswith(('{"up_to"', '{"label"'))]
    peak = sum(len(price.tiers) for model in shipped().models for price in model.prices)
    off = sum(len(price.off_peak.tiers) for m in shipped().models for price in m.prices if price.off_peak)
    assert len(tiers) == peak + off


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"models": 1}', "\ud800", "[" * 100_000, '{"as_of": 1, "as_of": 2}'])
@pytest.mark.parametrize("action", ["check", "format", "list"])
def test_what_is_no_catalog_is_refused_in_words_and_left_alone(
    tmp_path: Path, text: str, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.json"
    file.write_bytes(before := text.encode("utf-8", "surrogatepass"))

    assert main(action, file) == 1
    assert file.read_bytes() == before
    assert capsys.readouterr().out.startswith("c.json: ")


@pytest.mark.parametrize(
    "change",
    [
        in_model("qwen-max", series="\ud800"),
        in_model("qwen-max", claims=[]),
        in_model("qwen-max", prize=1),
        lambda d: d.update(more=1),
    ],
)
def test_formatting_never_loses_anything(tmp_path: Path, change: Any, capsys: pytest.CaptureFixture[str]) -> None:
    data = few()
    change(data)
    file = tmp_path / "c.json"
    file.write_text(before := json.dumps(data), "utf-8")

    assert main("format", file) == 1
    assert file.read_text("utf-8") == before
    assert "The file was not touched." in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".c.json.new").mkdir()
    (tmp_path / "c.json").write_text(CATALOG.read_text("utf-8"), "utf-8")

    assert main("format", tmp_path / "c.json") == 1
    assert "c.json cannot be written (Is a directory)." in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "c.json")

    assert check(pipe) == ["c.json: it is no file of at most 20 MB."]
    assert "it is no file" in overlaid(pipe).trouble


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    assert check(tmp_path / "none.json") == ["none.json: it cannot be read (No such file or directory)."]
    with pytest.raises(BadCatalog, match="cannot be read"):
        reformat(tmp_path / "none.json")


def test_the_listing_tells_what_became_of_each_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("list", None) == 0

    rows = {row[0]: row[1:] for row in (line.split("\t") for line in capsys.readouterr().out.splitlines())}
    assert rows["qwen-vl-plus"][:3] == ["retired", "2026-10-10", "qwen3.7-plus"]
    assert rows["qwen3-max-latest"][0] == "unverified"
    assert {name for name, row in rows.items() if row[3] not in ("0", "claims")} == set(SEEDS)


def test_the_command_runs_from_the_front_door() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bailian_mcp.server", "catalog", "check"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing to mend" in done.stdout


# --- an overlay of the user's own ---


def overlay(tmp_path: Path, data: Any) -> Path:
    file = tmp_path / "mine.json"
    file.write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    return file


def test_an_overlay_changes_the_fields_it_gives_and_adds_models(tmp_path: Path) -> None:
    mine = {
        "sources": {"contract": {"title": "our contract", "kind": "official", "date": "2026-11-01"}},
        "defaults": {"chat": "qwen-max"},
        "fees": [{"item": "web_search", "price": "1", "per": 1000, "currency": "CNY", "source": "contract", "region": "cn-beijing", "strategy": "turbo"}],
        "models": [
            {"id": "qwen-max", "prices": price(tier(input="1.2"), source="contract")},
            {"id": "ours", "vendor": "us", "series": "ours", "kind": "mainline", "type": "chat", "lifecycle": {"status": "active"}, "prices": price(tier())},
        ],
    }  # fmt: skip

    catalog = overlaid(overlay(tmp_path, mine))

    qwen_max, ours = catalog.find("qwen-max"), catalog.find("ours")
    assert catalog.trouble == ""
    assert qwen_max
    assert ours
    assert str(qwen_max.prices[0].tiers[0].input) == "1.2"
    assert qwen_max.limits.context == 32_768
    assert catalog.defaults["chat"] == "qwen-max"
    fee = catalog.fee("web_search", "cn-beijing", "turbo")
    assert fee
    assert str(fee.price) == "1"


def rate_limit(catalog: Catalog, model: str, region: str) -> tuple[int | None, int | None] | None:
    found = catalog.find(model)
    limit = found.rate_limit(region) if found else None
    return (limit.rpm, limit.tpm) if limit else None


def test_what_an_account_may_send_a_minute_is_known_by_region(tmp_path: Path) -> None:
    """Of every default model, too; an overlay says what an account's own limits are."""
    ours = {"models": [{"id": "qwen3.7-max", "rate_limits": [{"region": "ap-southeast-1", "rpm": 1200}]}]}

    by_tokens = [name for name in shipped().defaults.values() if shipped().find(name).type != "asr"]  # type: ignore[union-attr]
    assert all(all(rate_limit(shipped(), name, "cn-beijing") or ()) for name in by_tokens)
    assert rate_limit(shipped(), "qwen3-asr-flash", "cn-beijing") == (100, None)
    assert rate_limit(shipped(), "qwen3.7-plus", "cn-beijing") == (30_000, 5_000_000)
    assert rate_limit(shipped(), "qwen3.7-max", "ap-southeast-1") == (600, 1_000_000)
    assert rate_limit(shipped(), "qwen3.7-max", "cn-shanghai") is None
    assert rate_limit(overlaid(overlay(tmp_path, ours)), "qwen3.7-max", "ap-southeast-1") == (1200, None)


def test_an_overlay_can_be_checked_and_formatted_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = {"models": [{"prices": price({"label": "one price", "input": "1.2", "output": "4.8"}), "id": "qwen-max"}]}

    assert main("format", file := overlay(tmp_path, good)) == 0
    assert json.loads(file.read_text("utf-8")) == good
    assert overlaid(file).trouble == ""
    bad = overlay(tmp_path, {"models": [{"id": "qwen-max", "prices": price(tier(cached_input="2"))}]})
    assert any("qwen-max: price in cn-beijing (cn): x: cached_input is no cheaper" in finding for finding in check(bad))
    assert "mine.json is not in its standard order" in check(bad)[-1]
    assert main("list", bad) == 0
    assert "defaults: qwen-mt-plus cannot search the web." in check(
        overlay(tmp_path, {"defaults": {"web_search": "qwen-mt-plus"}})
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"models": [{"id": "qwen-max", "prices": price(tier(input="-1"))}]}, "mine.json: qwen-max.prices[0].tiers[0].input must be greater"),
        ({"models": [{"id": "new"}]}, "new.vendor is required"),
        ({"models": [{"prices": []}]}, "models[0] must be an object with an id."),
        ({"models": [{"id": "qwen-max"}, {"id": "qwen-max"}]}, "models[1] is qwen-max again."),
        ({"models": {}}, "models must be a list."),
        ({"sources": []}, "sources must be an object."),
        ({"fees": {}}, "fees must be a list."),
        ({"prices": {}}, "it must be an object with any of sources, defaults, fees, models, and nothing else."),
        ([], "it must be an object"),
        ("{", "mine.json: it is not JSON"),
        ({"defaults": {"chat": "qwen3-max"}}, "defaults that are no models in service: qwen3-max"),
    ],
)  # fmt: skip
def test_a_malformed_overlay_is_named_and_set_aside(tmp_path: Path, data: Any, says: str) -> None:
    catalog = overlaid(overlay(tmp_path, data))

    assert catalog.trouble.startswith("The catalog overlay (BAILIAN_CATALOG) is set aside: ")
    assert says in catalog.trouble
    assert catalog.models == shipped().models


def test_an_overlay_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "none.json: it cannot be read (No such file or directory)" in overlaid(tmp_path / "none.json").trouble
