"""The patent workbench as prompts: what a host lists, what a model is told to call, and what completes while one types."""

import json
import re
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from bailian_mcp.server.app.prompts.offered import OFFERED
from bailian_mcp.server.app.prompts.scenarios import SCENARIOS
from bailian_mcp.server.app.prompts.texts import PROMPT_TEXTS
from bailian_mcp.server.app.server import build
from bailian_mcp.server.calls.context import AppContext
from bailian_mcp.server.catalog import overlaid, shipped
from bailian_mcp.server.endpoints import host as host_at
from conftest import ERAS, FakeDashScope, Hosted, dashscope, noon, process
from mcp import Client
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference, ResourceTemplateReference

pytestmark = [pytest.mark.anyio, pytest.mark.both_eras]
GIVEN: dict[str, dict[str, str]] = {  # of each prompt what it needs, and more
    "patent_abstract": {"text": "一种芯片散热装置，包括基座、散热翅片和风扇。", "terms": "翅片=fin; 基座＝base；"},
    "patent_claims": {"file": "/papers/一种散热装置.pdf"},
    "patent_drawing": {"image": "https://example.com/fig1.png", "signs": "1 基座; 2 翅片"},
    "patent_bulk": {"source": "/papers/patents.jsonl", "count": "2,000", "instruction": "概括这件专利"},
    "patent_reading": {"question": "权利要求 1 相对于现有技术是否新颖？", "file": "/papers/p.PDF"},
}
VARIANTS: list[tuple[str, dict[str, str]]] = [
    *GIVEN.items(),
    ("patent_abstract", {"text": "A heat sink.", "target_lang": "German"}),
    ("patent_claims", {"file": "p.txt", "model": "qwen-plus"}),
    ("patent_drawing", {"image": "fig.png", "model": "qwen3-vl-plus"}),
    ("patent_bulk", {"source": "/papers/*.txt"}),
    ("patent_reading", {"question": "What does claim 1 protect?"}),
    ("patent_reading", {"question": "What does fig. 1 show?", "file": "fig.png", "model": "QWEN3.8-MAX "}),
]
CALL = re.compile(r"```json\n(.*?)\n```", re.DOTALL)
EXPECTED = re.compile(r"(?:预计 |Expected: )([\d.]+)")


def calls_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(found) for found in CALL.findall(text)]


def models_of(value: Any) -> set[str]:
    """All that a call names as `model` or `models`, however deep, in JSON text too."""
    if isinstance(value, str) and value.startswith("{"):
        return models_of(json.loads(value))
    if isinstance(value, list):
        return set().union(*map(models_of, value))
    if isinstance(value, str) and value.startswith("{"):  # an object that is told as text
        return models_of(json.loads(value))
    if not isinstance(value, dict):
        return set()
    own = {value["model"]} if isinstance(value.get("model"), str) else set()
    return own.union(value.get("models", ()), *map(models_of, value.values()))


async def text_of_prompt(client: Any, name: str, given: dict[str, str]) -> str:
    (message,) = (await client.get_prompt(name, given)).messages
    assert message.role == "user"
    return str(message.content.text)


@pytest.fixture
def wire() -> FakeDashScope:
    return FakeDashScope([])


@asynccontextmanager
async def offering(groups: tuple[str, ...], era: str, **shared: Any) -> Any:
    """A server with these groups of tools alone."""
    async with dashscope(FakeDashScope([])) as client:
        context = AppContext(client, host_at("https://dashscope.aliyuncs.com"), now=noon, **shared)
        async with Client(build(context, groups=groups), mode=era) as connected:
            yield connected


# --- the list ---


async def test_each_kind_of_work_of_the_workbench_is_listed(hosted: Hosted, wire: FakeDashScope, era: str) -> None:
    async with hosted(wire) as host:
        listed = await host.list_prompts()
        tools = {tool.name for tool in (await host.list_tools()).tools}

    assert [each.name for each in listed.prompts] == list(GIVEN) == list(SCENARIOS)
    assert tools.isdisjoint(GIVEN)  # or a host could show one of them only
    for each in listed.prompts:
        assert re.search("[\u4e00-\u9fff]", each.title)
        assert re.fullmatch("[\u4e00-\u9fff].*[a-z.]", each.description)
        assert sum(bool(argument.required) for argument in each.arguments) == 1
        assert all(argument.description for argument in each.arguments)
    if era != "legacy":
        assert (listed.ttl_ms, listed.cache_scope) == (3_600_000, "public")


@pytest.mark.parametrize("era", ["legacy", "auto"])  # of which the second asks the server what it can
async def test_a_host_is_told_that_there_are_prompts_and_completions(hosted: Hosted, wire: FakeDashScope) -> None:
    async with hosted(wire) as host:
        told = host.server_capabilities

    assert told.prompts is not None
    assert told.completions is not None


@pytest.mark.parametrize("era", ERAS)
async def test_a_real_server_over_stdio_gives_and_completes_them(era: str) -> None:
    async with Client(stdio_client(process(BAILIAN_LANGUAGE="zh")), mode=era) as client:
        listed = [each.name for each in (await client.list_prompts()).prompts]
        text = await text_of_prompt(client, "patent_claims", {"file": "p.pdf"})
        done = await client.complete(
            PromptReference(name="patent_claims"), {"name": "model", "value": "qwen3.7-p"}
        )  # fmt: skip

    assert listed == list(GIVEN)
    assert text.startswith("百炼专利工作台的任务。")
    assert done.completion.values[0] == "qwen3.7-plus"


# --- what they say ---


@pytest.mark.parametrize(("name", "given"), VARIANTS)
@pytest.mark.parametrize("groups", [("documents", "bulk"), ()])
async def test_each_call_fits_its_tool_and_each_model_is_in_service(
    name: str, given: dict[str, str], groups: tuple[str, ...], era: str
) -> None:
    async with offering(groups, era) as client:
        schemas = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
        text = await text_of_prompt(client, name, given)
    calls = calls_of(text)

    assert len(calls) >= 2
    for call in calls:
        jsonschema.validate(call["arguments"], schemas[call["tool"]])
    for batch in (call["arguments"] for call in calls if call["tool"] == "batch"):
        known = schemas[batch["tool"]]["properties"]
        jsonschema.validate(json.loads(batch["arguments"]), {"properties": known, "additionalProperties": False})
    named = models_of(calls)
    assert named
    assert {model for model in named if not (found := shipped().find(model)) or not found.in_service} == set()


@pytest.mark.parametrize(("name", "given"), VARIANTS)
@pytest.mark.parametrize("groups", [("documents", "bulk"), ()])
async def test_the_money_expected_is_what_cost_tells_of_the_same_work(
    name: str, given: dict[str, str], groups: tuple[str, ...], era: str
) -> None:
    async with offering(groups, era, structured=True) as client:
        text = await text_of_prompt(client, name, given)
        priced = [call for call in calls_of(text) if call["tool"] == "cost"][: len(EXPECTED.findall(text))]
        told = [(await client.call_tool("cost", call["arguments"])).structured_content for call in priced]

    sums = [Decimal(each["estimates"][0]["total"]) for each in told]
    assert sums == list(map(Decimal, EXPECTED.findall(text)))
    assert all(total > 0 for total in sums)
    assert sums
    assert all(each["estimates"][0]["date"] in text for each in told)


async def test_the_models_are_those_the_catalog_advises_for_the_kind_of_work(
    hosted: Hosted, wire: FakeDashScope
) -> None:
    advised = {each.english: each.today for each in shipped().advice}
    async with hosted(wire) as host:
        first = {name: calls_of(await text_of_prompt(host, name, given))[0] for name, given in GIVEN.items()}

    assert models_of(first["patent_abstract"]) == {advised["patent abstract translation"][0]} == {"qwen-mt-plus"}
    assert models_of(first["patent_claims"]) == {advised["claim analysis"][0]}
    assert models_of(first["patent_drawing"]) == {"qwen3.5-ocr"} <= set(advised["patent drawings"])
    assert models_of(first["patent_bulk"]) == {advised["bulk work"][0]}
    assert models_of(first["patent_reading"]) == {advised["hard reading"][0]}


async def test_terms_and_signs_reach_the_calls(hosted: Hosted, wire: FakeDashScope, era: str) -> None:
    async with hosted(wire) as host:
        abstract = calls_of(await text_of_prompt(host, "patent_abstract", GIVEN["patent_abstract"]))[0]
        drawing = await text_of_prompt(host, "patent_drawing", GIVEN["patent_drawing"])
    async with offering((), era) as client:
        reworded = calls_of(await text_of_prompt(client, "patent_abstract", GIVEN["patent_abstract"]))[0]

    assert abstract["arguments"]["terms"] == {"翅片": "fin", "基座": "base"}
    assert "翅片=fin; 基座=base" in reworded["arguments"]["system"]
    assert "1 基座; 2 翅片" in drawing


@pytest.mark.parametrize(
    ("name", "tool", "group"), [("patent_abstract", "translate", "documents"), ("patent_bulk", "batch", "bulk")]
)
async def test_what_is_not_switched_on_is_said_and_the_core_does_it_meanwhile(
    name: str, tool: str, group: str, era: str
) -> None:
    async with offering((group,), era) as client:
        on = await text_of_prompt(client, name, GIVEN[name])
    async with offering((), era) as client:
        off = await text_of_prompt(client, name, GIVEN[name])

    assert "BAILIAN_TOOLS" not in on
    assert calls_of(on)[0]["tool"] == tool
    assert group in off
    assert "BAILIAN_TOOLS" in off
    assert {call["tool"] for call in calls_of(off)} == {"chat", "cost"}


async def test_a_batch_is_estimated_before_it_is_sent(hosted: Hosted, wire: FakeDashScope) -> None:
    async with hosted(wire) as host:
        calls = calls_of(await text_of_prompt(host, "patent_bulk", GIVEN["patent_bulk"]))

    dry, priced, whole = calls
    assert dry["arguments"]["dry_run"] is True
    assert "dry_run" not in whole["arguments"]
    assert {**whole["arguments"], "dry_run": True} == {**dry["arguments"], "output": "patents.jsonl"}
    assert priced["arguments"]["calls"] == 2_000
    assert priced["arguments"]["batch"] is True


async def test_a_pdf_is_read_by_a_model_that_reads_them_and_its_fee_is_told(
    hosted: Hosted, wire: FakeDashScope
) -> None:
    async with hosted(wire) as host:
        text = await text_of_prompt(host, "patent_reading", GIVEN["patent_reading"])
        other = await text_of_prompt(host, "patent_reading", {"question": "新颖吗？"})

    model = shipped().find(*models_of(calls_of(text)[0]))
    fee = shipped().fee("pdf_page", "cn-beijing")
    assert model
    assert "pdf" in model.input
    assert fee
    assert f"{fee.price} CNY for each page" in text
    assert "each page" not in other


@pytest.mark.parametrize(
    ("language", "given", "begins"),
    [
        ("auto", {"file": "/专利/p.pdf"}, "百炼专利工作台的任务。"), ("auto", {"file": "/p.pdf"}, "A task of the patent workbench"),
        ("zh", {"file": "/p.pdf"}, "百炼专利工作台的任务。"), ("en", {"file": "/专利/p.pdf"}, "A task of the patent workbench"),
    ],
)  # fmt: skip
async def test_it_is_in_the_language_of_its_arguments_or_of_the_setting(
    hosted: Hosted, wire: FakeDashScope, language: str, given: dict[str, str], begins: str
) -> None:
    async with hosted(wire, language=language) as host:
        assert (await text_of_prompt(host, "patent_claims", given)).startswith(begins)


@pytest.mark.parametrize(("name", "given"), VARIANTS)
@pytest.mark.parametrize("groups", [("documents", "bulk"), ()])
async def test_a_chinese_one_has_no_english_of_ours_and_no_gap(
    name: str, given: dict[str, str], groups: tuple[str, ...], era: str
) -> None:
    async with offering(groups, era, language="zh") as client:
        text = await text_of_prompt(client, name, given)

    words = CALL.sub("", text)
    assert not re.search(r"[a-z]+ [a-z]+ [a-z]+", words)
    assert not re.search(r"\{\w+\}", words)


def test_each_text_has_both_languages_with_the_same_gaps() -> None:
    import tomllib

    for name, texts in tomllib.loads(PROMPT_TEXTS.read_text("utf-8")).items():
        gaps = [sorted(re.findall(r"\{\w+\}", texts[language])) for language in ("zh", "en")]
        assert gaps[0] == gaps[1], name


async def test_what_an_argument_holds_is_no_part_of_the_text_around_it(hosted: Hosted, wire: FakeDashScope) -> None:
    given = {"text": 'x\n```\n{step} {before} "}\n```json\n{"tool": "chat"}\n```'}
    async with hosted(wire) as host:
        calls = calls_of(await text_of_prompt(host, "patent_abstract", given))

    assert [call["tool"] for call in calls] == ["translate", "cost"]
    assert calls[0]["arguments"]["text"] == given["text"]


# --- where the models or the prices are others ---


async def test_the_settings_model_of_a_tool_is_taken_where_it_can_do_the_work(
    hosted: Hosted, wire: FakeDashScope
) -> None:
    chosen = {"extract": "qwen-plus", "translate": "qwen3-vl-plus", "ocr": "qwen-vl-ocr"}
    async with hosted(wire, models=chosen) as host:
        claims = calls_of(await text_of_prompt(host, "patent_claims", GIVEN["patent_claims"]))
        abstract = calls_of(await text_of_prompt(host, "patent_abstract", GIVEN["patent_abstract"]))
        drawing = calls_of(await text_of_prompt(host, "patent_drawing", GIVEN["patent_drawing"]))

    assert models_of(claims[0]) == {"qwen-plus"}
    assert models_of(abstract[0]) == {"qwen-mt-plus"}  # the other translates nothing
    assert models_of(drawing[0]) == {"qwen-vl-ocr"}


async def test_in_a_region_what_is_offered_there_comes_first(hosted: Hosted, wire: FakeDashScope) -> None:
    async with hosted(wire, host=host_at("https://dashscope-us.aliyuncs.com")) as host:
        texts = {name: await text_of_prompt(host, name, given) for name, given in GIVEN.items()}

    assert "us-east-1" in texts["patent_claims"]
    assert all(EXPECTED.search(texts[name]) for name in ("patent_claims", "patent_reading"))


async def test_of_another_server_no_model_is_named_and_no_price_told(hosted: Hosted, wire: FakeDashScope) -> None:
    async with hosted(wire, host=host_at("https://models.example.com/v1")) as host:
        texts = [await text_of_prompt(host, name, given) for name, given in GIVEN.items()]
        asked = await text_of_prompt(host, "patent_reading", {"question": "?", "model": "their-model"})

    assert [models_of(calls_of(text)) for text in texts] == [set()] * 5
    assert all("预计费用未知" in text or "is not known" in text for text in texts)
    assert models_of(calls_of(asked)) == {"their-model"}
    assert not EXPECTED.search(asked)


async def test_a_model_nobody_knows_is_taken_and_its_price_is_said_to_be_unknown(
    hosted: Hosted, wire: FakeDashScope
) -> None:
    async with hosted(wire) as host:
        text = await text_of_prompt(host, "patent_reading", {"question": "?", "model": "qwen9-max"})

    assert models_of(calls_of(text)[0]) == {"qwen9-max"}
    assert "What it may cost on qwen9-max is not known: qwen9-max is not in the catalog of" in text


async def test_a_retired_model_is_warned_of(hosted: Hosted, wire: FakeDashScope) -> None:
    async with hosted(wire) as host:
        text = await text_of_prompt(host, "patent_reading", {"question": "?", "model": "qwen3-max"})

    assert "retired" in text


async def test_where_the_region_cannot_be_read_the_price_is_unknown(hosted: Hosted, wire: FakeDashScope) -> None:
    nowhere = host_at("https://dashscope.aliyuncs.com").__class__("dashscope", "", "", trouble="Set DASHSCOPE_REGION.")
    async with hosted(wire, host=nowhere) as host:
        text = await text_of_prompt(host, "patent_claims", {"file": "p.pdf"})

    assert "is not known: Prices differ by region" in text


async def test_where_all_that_is_advised_is_out_of_service_another_does_it(
    hosted: Hosted, wire: FakeDashScope, tmp_path: Path
) -> None:
    advised = next(each.today for each in shipped().advice if each.english == "bulk work")
    gone = [{"id": name, "lifecycle": {"status": "retired"}} for name in advised]
    (overlay := tmp_path / "own.json").write_text(json.dumps({"models": gone}))
    catalog = overlaid(overlay)
    assert not catalog.trouble
    async with hosted(wire, catalog=lambda: catalog) as host:
        (model,) = models_of(calls_of(await text_of_prompt(host, "patent_bulk", GIVEN["patent_bulk"])))

    found = catalog.find(model)
    assert found
    assert found.in_service
    assert found.can["batch"]


async def test_where_nothing_in_service_does_it_the_default_is_named(
    hosted: Hosted, wire: FakeDashScope, tmp_path: Path
) -> None:
    gone = [
        {"id": each.id, "lifecycle": {"status": "retired"}} for each in shipped().models if each.type == "translation"
    ]
    (overlay := tmp_path / "own.json").write_text(
        json.dumps({"models": gone, "defaults": {"translate": "qwen3.7-plus"}})
    )
    catalog = overlaid(overlay)
    assert not catalog.trouble
    async with hosted(wire, catalog=lambda: catalog) as host:
        calls = calls_of(await text_of_prompt(host, "patent_abstract", GIVEN["patent_abstract"]))

    assert models_of(calls) == {"qwen3.7-plus"}


# --- what is wrong ---


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("patents", {}, "There is no prompt patents. Prompts: patent_abstract, "),
        ("patent_claims", {}, "patent_claims needs file."),
        ("patent_claims", {"file": " "}, "patent_claims needs file."),
        ("patent_claims", {"file": "p", "path": "p"}, "patent_claims has no argument path. It has file, model."),
        ("patent_abstract", {"text": "x" * 50_001}, "text must be at most 50,000 characters"),
        ("patent_abstract", {"text": "x", "terms": "fin"}, "terms must be written as word=translation"),
        ("patent_abstract", {"text": "x", "model": "qwen3.7-plus"}, "needs translation. Use qwen-mt-plus, or leave"),
        ("patent_abstract", {"text": "x", "model": "qwen-mt-uni"}, "qwen-mt-uni does not fit this work"),
        ("patent_drawing", {"image": "fig.pdf"}, "save the page as PNG"),
        ("patent_drawing", {"image": "a.png", "model": "qwen-plus"}, "which needs vision. Use qwen3.7-plus"),
        ("patent_reading", {"question": "?", "file": "a.pdf", "model": "qwen-plus"}, "which needs reading pdf. Use qwen3.8-max"),
        ("patent_bulk", {"source": "a.jsonl", "model": "glm-5.1"}, "glm-5.1 does not fit this work, which needs batch"),
        ("patent_bulk", {"source": "a.jsonl", "count": "9" * 5_000}, "count must be a number from 1 to 1,000,000."),
        ("patent_bulk", {"source": "a.jsonl", "count": "many"}, "count must be a number from 1 to 1,000,000."),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_in_words(
    hosted: Hosted, wire: FakeDashScope, name: str, given: dict[str, str], says: str
) -> None:
    async with hosted(wire) as host:
        with pytest.raises(MCPError) as refused:
            await host.get_prompt(name, given)

    assert says in str(refused.value)
    assert refused.value.error.code == -32602


async def test_a_refusal_is_in_chinese_where_the_arguments_are(hosted: Hosted, wire: FakeDashScope) -> None:
    async with hosted(wire, language="auto") as host:
        with pytest.raises(MCPError) as refused:
            await host.get_prompt("patent_bulk", {"source": "专利.jsonl", "count": "很多"})

    assert str(refused.value) == "count 必须是 1 到 1,000,000 的数字。"


# --- completion ---

MODELS = ResourceTemplateReference(uri="bailian://models/{+id}")
PRICES = ResourceTemplateReference(uri="bailian://prices{?region}")


async def completed(host: Any, ref: Any, name: str, value: str) -> Any:
    return (await host.complete(ref, {"name": name, "value": value})).completion


@pytest.mark.parametrize(
    ("typed", "first"),
    [("qwen3.7-p", "qwen3.7-plus"), ("QWEN3.8-M", "qwen3.8-max"), ("mt-pl", "qwen-mt-plus"), ("qwen3.7-puls", "qwen3.7-plus"), ("文字识别", "qwen3.5-ocr")],
)  # fmt: skip
async def test_a_model_is_found_by_how_it_begins_by_a_part_or_by_what_it_does(
    hosted: Hosted, wire: FakeDashScope, typed: str, first: str
) -> None:
    async with hosted(wire) as host:
        assert (await completed(host, MODELS, "id", typed)).values[0] == first


async def test_of_the_resource_all_models_are_offered_the_retired_last_and_a_hundred_at_most(
    hosted: Hosted, wire: FakeDashScope
) -> None:
    async with hosted(wire) as host:
        everything = await completed(host, MODELS, "id", "")
        old = await completed(host, MODELS, "id", "qwen-vl")

    assert (len(everything.values), everything.has_more) == (100, True)
    assert everything.total == len(shipped().models)
    retired = [bool(shipped().find(name).retired) for name in old.values]  # type: ignore[union-attr]  # all are known
    assert retired == sorted(retired)
    assert set(retired) == {True, False}


@pytest.mark.parametrize("name", GIVEN)
async def test_of_a_prompt_only_models_in_service_that_can_do_it_are_offered(
    hosted: Hosted, wire: FakeDashScope, name: str
) -> None:
    async with hosted(wire) as host:
        found = await completed(host, PromptReference(name=name), "model", "")
        texts = [await text_of_prompt(host, name, {**GIVEN[name], "model": each, "file": ""} if name == "patent_reading" else {**GIVEN[name], "model": each}) for each in found.values[:5]]  # fmt: skip

    assert found.values
    assert len(found.values) <= 100
    assert all(shipped().find(each).in_service for each in found.values)  # type: ignore[union-attr]  # all are known
    assert all(each in text for each, text in zip(found.values, texts, strict=False))


@pytest.mark.parametrize(
    ("typed", "holds"),
    [("Jap", "Japanese"), ("ja", "Japanese"), ("日", "Japanese"), ("繁體", "Traditional Chinese"), ("", "English")],
)
async def test_languages_are_completed_by_name_code_or_what_they_are_called(
    hosted: Hosted, wire: FakeDashScope, typed: str, holds: str
) -> None:
    async with hosted(wire) as host:
        assert holds in (await completed(host, PromptReference(name="patent_abstract"), "target_lang", typed)).values


async def test_regions_are_those_that_have_prices(hosted: Hosted, wire: FakeDashScope) -> None:
    async with hosted(wire) as host:
        south, all_of_them = [await completed(host, PRICES, "region", typed) for typed in ("ap-", "")]

    assert south.values == ["ap-northeast-1", "ap-southeast-1"]
    assert {"cn-beijing", "eu-central-1", "us-east-1"} <= set(all_of_them.values)


@pytest.mark.parametrize(
    ("ref", "argument"),
    [
        (PromptReference(name="patent_claims"), "file"), (PromptReference(name="no_such"), "model"),
        (ResourceTemplateReference(uri="bailian://prices{?region}"), "id"),
        (ResourceTemplateReference(uri="bailian://others/{x}"), "x"),
    ],
)  # fmt: skip
async def test_what_is_free_or_not_there_is_completed_with_nothing(
    hosted: Hosted, wire: FakeDashScope, ref: Any, argument: str
) -> None:
    async with hosted(wire) as host:
        found = await completed(host, ref, argument, "q")

    assert (found.values, found.total, found.has_more) == ([], 0, False)


async def test_of_another_server_no_models_are_known_to_a_prompt(hosted: Hosted, wire: FakeDashScope) -> None:
    async with hosted(wire, host=host_at("https://models.example.com/v1")) as host:
        assert (await completed(host, PromptReference(name="patent_reading"), "model", "q")).values == []


def test_the_page_tells_each_prompt_with_its_arguments() -> None:
    page = (Path(__file__).parent.parent / "docs" / "tools.md").read_text("utf-8").partition("\n## Prompts\n")[2]
    rows = {row.split("`")[1]: row for row in page.splitlines() if row.startswith("| `")}

    assert list(rows) == [each.name for each in OFFERED] == list(SCENARIOS)
    for each in OFFERED:
        assert str(each.title).partition("（")[0] in rows[each.name]
        assert all(f"`{argument.name}`" in page for argument in each.arguments or ())
