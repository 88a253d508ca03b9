"""The five kinds of work of the patent workbench, end to end: the prompt is asked for, and what it says is called.

The server is whole, DashScope is the sandbox; each story asserts what the one would look at who pays for it.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bailian_mcp.server.catalog import shipped
from conftest import Hosted, text_of
from papers import drawn, pdf, saved
from test_batch import Desk
from test_prompts import EXPECTED, calls_of, text_of_prompt

pytestmark = pytest.mark.anyio
TITLE, APPLICANT = "一种芯片散热装置", "杭州某某科技有限公司"
PATENT = (
    ("权利要求书", f"发明名称：{TITLE}", f"申请人：{APPLICANT}", "1. 一种芯片散热装置，包括基座、散热翅片和风扇。"),
    ("2. 根据权利要求 1 所述的芯片散热装置，所述翅片间距为 2 mm。",),
)
ABSTRACT = "本发明涉及一种芯片散热装置，包括基座和散热翅片，翅片间距为 2 mm。"


@pytest.fixture
def era() -> str:
    return "2026-07-28"  # what is done does not depend on it


@pytest.fixture
def desk(hosted: Hosted, tmp_path: Path) -> Desk:
    (tmp_path / "in").mkdir()
    return Desk(hosted, tmp_path)


def paper(desk: Desk, name: str, content: bytes) -> str:
    (path := desk.folder / "in" / name).write_bytes(content)
    return str(path)


async def prompted(host: Any, name: str, **given: str) -> tuple[list[dict[str, Any]], list[Decimal]]:
    """The calls that a prompt says, but for those that price other sizes; and the sums it expects."""
    text = await text_of_prompt(host, name, given)
    return [call for call in calls_of(text) if call["tool"] != "cost"], [
        Decimal(sum_) for sum_ in EXPECTED.findall(text)
    ]


async def called(host: Any, call: dict[str, Any], **more: Any) -> Any:
    result = await host.call_tool(call["tool"], {**call["arguments"], **more})
    assert not result.is_error, text_of(result)
    return result


async def paid(host: Any, result: Any) -> Decimal:
    """What a call cost, as its answer says it and as the ledger tells it."""
    told = result.structured_content
    receipts = (await host.call_tool("cost", {"request_id": told["request_id"]})).structured_content["receipts"]
    total = Decimal(told["cost"]["total"])
    assert sum(Decimal(each["cost"]["total"]) for each in receipts) == total > 0
    assert f"{told['model']} | " in text_of(result).partition("\n")[0]
    return total


async def test_many_patents_at_half_price_cost_no_more_than_the_dry_run_said(desk: Desk) -> None:
    lines = [{"id": f"CN{number}", "prompt": f"第 {number} 件专利：{ABSTRACT}"} for number in range(1, 7)]
    source = desk.write("patents.jsonl", *lines)
    async with desk.open() as host:
        (dry, run), _ = await prompted(host, "patent_bulk", source=source, count="6", instruction="概括这件专利")
        estimate = (await called(host, dry)).structured_content
        asked_before = dict(desk.upstream.asked)
        result = await called(host, run, max_cost=estimate["at_most"])
    told, spent = result.structured_content, await desk.spent()
    rows = [json.loads(line) for line in Path(told["output"]).read_text("utf-8").splitlines()]
    model = shipped().find(rows[0]["model"])

    assert asked_before == {}  # the dry run asked nothing
    assert (told["items"], told["done"], told["failed"], told["left"]) == (6, 6, 0, 0)
    assert Path(told["output"]).name == "patents.jsonl"
    assert {row["id"]: row["end"] for row in rows} == {each["id"]: "done" for each in lines}
    assert all(f"第 {row['id'][2:]} 件专利" in row["answer"] for row in rows)
    cost = Decimal(told["cost_cny"])
    assert Decimal(estimate["at_most"]) >= cost == sum(Decimal(row["cost_cny"]) for row in rows) > 0
    assert Decimal(spent["at_most"]) == cost
    assert model
    assert model.can["batch"]
    assert {line["body"]["messages"][0]["content"] for line in desk.upstream.lines} == {"概括这件专利"}
    assert text_of(result).startswith("[SANDBOX | batch chat, half_price | 6 of 6 inputs done | ")


async def test_it_is_half_of_what_the_same_costs_now(desk: Desk) -> None:
    source = desk.write("patents.jsonl", *(f"第 {number} 件：{ABSTRACT}" for number in range(3)))
    async with desk.open() as host:
        (_, run), _ = await prompted(host, "patent_bulk", source=source)
        half = await called(host, run)
        now = await called(host, run, how="now", output="now.jsonl")

    assert Decimal(half.structured_content["cost_cny"]) * 2 == Decimal(now.structured_content["cost_cny"]) > 0


async def test_an_abstract_is_translated_with_its_terms(desk: Desk) -> None:
    async with desk.open() as host:
        (call,), (expected,) = await prompted(
            host, "patent_abstract", text=ABSTRACT, terms="散热翅片=cooling fin; 基座=base"
        )
        result = await called(host, call)
        cost = await paid(host, result)
        same = await host.call_tool("cost", {"models": [call["arguments"]["model"]], **_sizes(result)})

    told = result.structured_content
    sent = json.loads(desk.upstream.bodies[-1])
    assert told["model"] == sent["model"] == "qwen-mt-plus"
    assert sent["translation_options"]["terms"] == [
        {"source": "散热翅片", "target": "cooling fin"}, {"source": "基座", "target": "base"},
    ]  # fmt: skip
    assert "cooling fin" in told["translation"]
    assert "2 mm" in told["translation"]
    assert not told.get("untranslated")
    assert cost == Decimal(same.structured_content["estimates"][0]["total"])
    assert expected >= cost


def _sizes(result: Any) -> dict[str, int]:
    usage = result.structured_content["usage"]
    return {"input_tokens": usage["input_tokens"], "output_tokens": usage["output_tokens"]}


async def test_claims_are_extracted_with_their_places_in_the_pdf_and_analysed(desk: Desk) -> None:
    file = paper(desk, "patent.pdf", pdf(PATENT))
    async with desk.open() as host:
        (extract, analyse), (for_reading, for_analysis) = await prompted(host, "patent_claims", file=file)
        found = await called(host, extract)
        first = await paid(host, found)
        claims = json.dumps(found.structured_content["data"]["claims"], ensure_ascii=False)
        analysis = await called(host, analyse, prompt=analyse["arguments"]["prompt"] + claims)
        second = await paid(host, analysis)

    told = found.structured_content
    places = {each["pointer"]: each for each in told["evidence"]}
    assert told["valid"] is True
    assert (told["data"]["title"], told["data"]["applicant"]) == (TITLE, APPLICANT)
    assert told["data"]["claims"]
    for pointer, value in (("/title", TITLE), ("/applicant", APPLICANT)):
        assert value in places[pointer]["quote"]
        assert places[pointer]["source"] == "files[0]"
    assert places["/title"]["page"] == 1
    assert analysis.structured_content["thinking"] == "medium"
    assert for_reading >= first
    assert for_analysis >= second


async def test_a_drawing_is_read_by_one_model_and_looked_at_by_another(desk: Desk) -> None:
    image = paper(desk, "fig1.png", saved(drawn("图1", "1", "2", size=(1654, 2339))))
    async with desk.open() as host:
        (letters, look), expected = await prompted(host, "patent_drawing", image=image, signs="1 基座; 2 翅片")
        read = await called(host, letters)
        seen = await called(host, look)
        costs = [await paid(host, read), await paid(host, seen)]

    body = json.loads(desk.upstream.bodies[-1])
    kinds = [part["type"] for part in body["messages"][-1]["content"]]
    model = shipped().find(seen.structured_content["model"])
    assert read.structured_content["pages"][0]["status"] == "ok"
    assert read.structured_content["transcript"]
    assert model
    assert "image" in model.input
    assert kinds == ["image_url", "text"]
    assert "1 基座; 2 翅片" in body["messages"][-1]["content"][1]["text"]
    assert seen.structured_content["usage"]["image_tokens"] > 0
    assert all(before >= after for before, after in zip(expected, costs, strict=True))


async def test_a_hard_reading_thinks_as_much_as_it_can_and_its_pages_are_in_the_price(desk: Desk) -> None:
    file = paper(desk, "patent.pdf", pdf(PATENT))
    async with desk.open() as host:
        (call,), (expected,) = await prompted(host, "patent_reading", question="权利要求 1 是否新颖？", file=file)
        result = await called(host, call)
        cost = await paid(host, result)

    told = result.structured_content
    fee = shipped().fee("pdf_page", "cn-beijing")
    pages = [line["quantity"] for line in told["cost"]["lines"] if line["item"] == "pdf_page"]
    assert fee
    assert told["model"] == "qwen3.8-max"
    assert told["thinking"] == "high"
    assert told["usage"]["reasoning_tokens"] > 0
    assert "权利要求 1 是否新颖？" in told["answer"]
    assert pages == [len(PATENT)]
    assert expected + len(PATENT) * fee.price >= cost > len(PATENT) * fee.price
    assert json.loads(desk.upstream.bodies[-1])["enable_thinking"] is True
