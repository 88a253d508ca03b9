"""`compare`, as a host sees it: one question, several models, only DashScope's wire scripted."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.spending import Caps
from conftest import FakeDashScope, Hosted, chunk, finish, refusal, sse, stream, text_of, usage

pytestmark = pytest.mark.anyio
MODELS = ["qwen3.7-plus", "qwen-plus", "glm-5.3"]
UNKNOWN = refusal(404, "model_not_found", "The model does not exist.")
Said = str | httpx2.Response | Exception


@dataclass
class ByModel(FakeDashScope):
    """A DashScope whose models have each its answer, whoever is asked first; all of them wait for the last."""

    said: dict[str, Said] = field(default_factory=dict)
    at_once: Callable[[], Any] | None = None

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if self.at_once:
            await self.at_once()
        model = json.loads(request.content)["model"]
        said = self.said[model]
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, httpx2.Response) else stream(answer(said), request_id=f"req-of-{model}")


def answer(text: str, reason: str = "stop") -> bytes:
    return sse(chunk(content=text), finish(reason), usage())


async def compared(hosted: Hosted, said: dict[str, Said], _connect: Any = None, **arguments: Any) -> Any:
    wire = ByModel([], said=said)
    async with hosted(wire, **(_connect or {})) as host:
        given = {"prompt": "西湖多大？", "models": list(said), **arguments}
        result = await host.call_tool("compare", given)
    return result, wire


# --- side by side ---


@pytest.mark.both_eras
async def test_each_model_answers_with_its_own_tokens_price_and_id(hosted: Hosted) -> None:
    result, wire = await compared(hosted, {"qwen3.7-plus": "6.5", "qwen-plus": "6.5"}, system="简短")

    first, second = result.structured_content["answers"]
    assert (first["model"], first["text"], first["cost"]["total"]) == ("qwen3.7-plus", "6.5", "0.006")
    assert (second["model"], second["request_id"], second["cost"]["total"]) == (
        "qwen-plus",
        "req-of-qwen-plus",
        "0.0018",
    )
    assert first["usage"] == second["usage"]
    assert result.structured_content["cost"]["total"] == "0.0078"
    assert len(result.structured_content["request_ids"]) == 2
    bodies = [json.loads(request.content) for request in wire.requests]
    assert {body["model"] for body in bodies} == {"qwen3.7-plus", "qwen-plus"}
    for body in bodies:
        assert [message["content"] for message in body["messages"]] == ["简短", "西湖多大？"]
    line, head, said, *_ = text_of(result).splitlines()
    assert line == "[qwen3.7-plus, qwen-plus | 2,000+1,000 tokens | 0.0078 CNY | 2 requests, wen-plus | THEY AGREE]"
    assert head.startswith("[qwen3.7-plus | 1,000+500 tokens | 0.006 CNY | ")
    assert said == "6.5"


async def test_they_are_asked_at_once(hosted: Hosted) -> None:
    """None is answered before all were asked."""
    asked, all_asked = [], anyio.Event()

    async def wait_for_all() -> None:
        asked.append(1)
        if len(asked) == len(MODELS):
            all_asked.set()
        await all_asked.wait()

    wire = ByModel([], said=dict.fromkeys(MODELS, "6"), at_once=wait_for_all)
    with anyio.fail_after(10):
        async with hosted(wire) as host:
            result = await host.call_tool("compare", {"prompt": "x", "models": MODELS})

    assert [row["model"] for row in result.structured_content["answers"]] == MODELS


async def test_models_in_one_text_are_several(hosted: Hosted) -> None:
    """As models write a list where they must give one."""
    result, _ = await compared(hosted, dict.fromkeys(MODELS, "6"), models="qwen3.7-plus, qwen-plus")

    assert [row["model"] for row in result.structured_content["answers"]] == ["qwen3.7-plus", "qwen-plus"]


@pytest.mark.parametrize("models", [["qwen-plus"], ["qwen-plus", "qwen-plus", "QWEN-PLUS"]])
async def test_one_model_is_nothing_to_compare(hosted: Hosted, models: list[str]) -> None:
    result, wire = await compared(hosted, {}, models=models)

    assert result.is_error
    assert text_of(result) == ("models must name at least 2 different models. `chat` asks one. Nothing was sent.")
    assert wire.requests == []


# --- one that fails ---


async def test_one_that_fails_ends_none_of_the_others(hosted: Hosted) -> None:
    result, _ = await compared(hosted, {"qwen3.7-plus": "6.5", "qwen-plus": UNKNOWN, "glm-5.3": "6.5"})

    answers = result.structured_content["answers"]
    assert not result.is_error
    assert [row["text"] for row in answers] == ["6.5", "", "6.5"]
    assert "does not know this model" in answers[1]["error"]
    assert answers[1]["cost"]["total"] == "0"  # refused at once
    assert result.structured_content["agree"] is True
    assert "2 of 3 models answered | THEY AGREE" in text_of(result).splitlines()[0]
    assert "NO ANSWER: DashScope does not know this model." in text_of(result)


async def test_what_a_failure_has_spent_stands_in_its_row(hosted: Hosted) -> None:
    error = {"error": {"message": "x", "code": "data_inspection_failed"}, "usage": usage()["usage"]}
    failed = stream(sse(error), request_id="req-failed")
    result, _ = await compared(hosted, {"qwen3.7-plus": "6.5", "qwen-plus": failed})

    row = result.structured_content["answers"][1]
    assert "content filter" in row["error"]
    assert row["usage"]["output_tokens"] == 500
    assert row["cost"]["total"] == "0.0018"


async def test_a_fault_of_ours_in_one_loses_only_that_one(hosted: Hosted) -> None:
    result, _ = await compared(hosted, {"qwen3.7-plus": "6.5", "qwen-plus": ZeroDivisionError()})

    row = result.structured_content["answers"][1]
    assert not result.is_error
    assert result.structured_content["answers"][0]["text"] == "6.5"
    assert row["error"].startswith("this model's answer was not taken in: something failed inside bailian-mcp")
    assert row["cost"]["total"] is None


async def test_a_model_that_cannot_do_what_is_asked_says_so_in_its_row(hosted: Hosted) -> None:
    result, wire = await compared(hosted, {"qwen3.7-plus": "6.5", "qwen-max": "6.5"}, thinking="low")

    row = result.structured_content["answers"][1]
    assert row["error"].startswith("qwen-max cannot think.")
    assert row["error"].endswith("Nothing was sent.")
    assert row["cost"]["total"] == "0"
    assert len(wire.requests) == 1


async def test_a_model_whose_share_a_cap_refuses_says_so_in_its_row(hosted: Hosted, tmp_path: Path) -> None:
    caps = Caps(per_call=Decimal("0.01"))
    result, wire = await compared(
        hosted,
        {"qwen-flash": "6.5", "qwen3.8-max": "6.5"},
        {"caps": caps, "kept": (tmp_path,)},
        max_output_tokens=2_000,
    )

    cheap, dear = result.structured_content["answers"]
    assert cheap["text"] == "6.5"
    assert "BAILIAN_MAX_COST_PER_CALL leaves" in dear["error"]
    assert len(wire.requests) == 1


async def test_if_all_fail_the_error_tells_what_each_said(hosted: Hosted) -> None:
    busy = refusal(400, "Arrearage", "Access denied.")
    result, _ = await compared(hosted, {"qwen3.7-plus": UNKNOWN, "qwen-plus": busy})

    assert result.is_error
    assert text_of(result).startswith(
        "None of the models answered. Of qwen3.7-plus: DashScope does not know this model."
    )
    assert "Of qwen-plus: The Alibaba Cloud account owes money" in text_of(result)


async def test_if_none_can_be_asked_nothing_was_sent(hosted: Hosted) -> None:
    result, wire = await compared(hosted, {"qwen-max": "", "qwen-mt-plus": ""}, thinking="low")

    assert result.is_error
    assert text_of(result).startswith("None of the models can be asked. Of qwen-max: qwen-max cannot think.")
    assert text_of(result).count("Nothing was sent.") == 1
    assert wire.requests == []


# --- which differ ---


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("42", "42.0", True), ("1,234 km", "**1234** km", True), ("The answer is 42.", "42", True), ("42", "43", False),
        ("12万", "120,000", True), ("1.2 million", "1200000", True), ("50%", "0.5", True), ("50%", "50", True),
        ("42 km", "26 miles", None), ("42 km", "43 km", False), ("$5", "€5", None), ("-5", "5", False), ("１２", "12", True),
        ("10²", "102", None), ("5", "5 or 6", None), ("1" * 40, "1" * 39 + "2", False), ("0", "0.00", True),
        ("Yes.", "yes, because it is so", True), ("Yes", "No, it is not.", False), ("是的。", "不是", False), ("是", "对", True),
        ("B", "(B)", True), ("B. Paris", "答案是B", True), ("Answer: C", "D", False), ("选A", "A", True),
        ("Paris", "paris!", True), ("The capital of France is Paris.", "Paris", True), ("Paris", "Lyon", False),
        ("杭州", "答案是杭州。", True), ("杭州", "苏州", False), ("杭州", "不是杭州", None), ("Paris", "Paris, France", None),
        ("2024-10-01", "October 1, 2024", True), ("2024年10月1日", "2024/10/1", True), ("1 Oct 2024", "2 Oct 2024", False),
        ("2024-13-45", "2024", None), (r"$\boxed{42}$", "42", True), ("👍", "👎", None), ("👍", "👍", True), ("C++", "C", False), ("C#", "c#.", True),
        ("A+", "A", None), ("A", "The", None), ("。", "42", None), ("iPhone 15", "Galaxy 15", None), ("1/2", "0.5", None),
        ("about 42 km", "The distance is 42 km.", True), ("5 and 6", "5, 6", None), ("I would rather take the long way home today", "You should not go home at all", None),
    ],
)  # fmt: skip
async def test_short_answers_are_compared_by_what_they_say(
    hosted: Hosted, one: str, other: str, agree: bool | None
) -> None:
    result, _ = await compared(hosted, {"qwen3.7-plus": one, "qwen-plus": other})

    assert result.structured_content["agree"] is agree


async def test_those_that_say_the_same_stand_together(hosted: Hosted) -> None:
    result, _ = await compared(hosted, {"qwen3.7-plus": "Paris", "qwen-plus": "Lyon", "glm-5.3": "It is Paris."})

    assert result.structured_content["agree"] is False
    assert result.structured_content["differences"] == [
        {"kind": "answer", "value": "Paris", "models": ["qwen3.7-plus", "glm-5.3"]},
        {"kind": "answer", "value": "Lyon", "models": ["qwen-plus"]},
    ]
    assert text_of(result).splitlines()[1:3] == ["- qwen3.7-plus, glm-5.3: Paris", "- qwen-plus: Lyon"]
    assert "THEY DIFFER" in text_of(result).splitlines()[0]


LONG = (
    "The West Lake in Hangzhou has been painted and written about for longer than most lakes of the world have names. "
)


async def test_of_long_answers_numbers_and_dates_of_one_alone_are_told_and_nothing_is_judged(hosted: Hosted) -> None:
    said = {
        "qwen3.7-plus": f"{LONG}1. It covers 6.5 km², and became world heritage on June 24, 2011.",
        "qwen-plus": f"{LONG}2. It covers 6.39 km², and became world heritage on 2011-06-24.",
    }
    result, _ = await compared(hosted, dict(said))

    data = result.structured_content
    assert data["agree"] is None
    assert [(row["kind"], row["value"], row["models"]) for row in data["differences"]] == [
        ("number", "1", ["qwen3.7-plus"]),
        ("number", "6.5", ["qwen3.7-plus"]),
        ("number", "2", ["qwen-plus"]),
        ("number", "6.39", ["qwen-plus"]),
    ]
    assert {row["alike"] for row in data["answers"]} == {data["answers"][0]["alike"]}
    assert 0.5 < data["answers"][0]["alike"] < 1
    assert "- only qwen-plus: 2; 6.39" in text_of(result)
    assert "agreement not judged" in text_of(result).splitlines()[0]


async def test_the_numbers_of_a_list_are_no_numbers_of_the_answer(hosted: Hosted) -> None:
    listed = f"{LONG}\n1. Leifeng Pagoda\n2) Su Causeway\n3、断桥"
    result, _ = await compared(hosted, {"qwen3.7-plus": listed, "qwen-plus": LONG})

    assert result.structured_content["differences"] == []


async def test_more_differences_than_anybody_reads_are_counted(hosted: Hosted) -> None:
    many = " ".join(f"{number}.5" for number in range(30))
    result, _ = await compared(hosted, {"qwen3.7-plus": many, "qwen-plus": LONG})

    assert len(result.structured_content["differences"]) == 20
    assert result.structured_content["more_differences"] == 10
    assert "10 more differences are left out." in text_of(result)


async def test_the_same_words_agree_however_long(hosted: Hosted) -> None:
    result, _ = await compared(hosted, {"qwen3.7-plus": LONG, "qwen-plus": f"**{LONG.strip()}**"})

    assert result.structured_content["agree"] is True


async def test_what_is_not_whole_is_not_compared(hosted: Hosted) -> None:
    cut = stream(answer("4", "length"), request_id="req-cut")
    result, _ = await compared(hosted, {"qwen3.7-plus": "42", "qwen-plus": cut})

    assert result.structured_content["agree"] is None
    assert "the output limit was reached" in result.structured_content["answers"][1]["incomplete"]


# --- what the host takes ---


async def test_answers_that_are_too_long_get_each_its_share_and_the_rest_is_read_on(hosted: Hosted) -> None:
    said: dict[str, Said] = {"qwen3.7-plus": "甲" * 6_000, "qwen-plus": "kurz", "glm-5.3": "乙" * 6_000}
    async with hosted(ByModel([], said=said), structured=False) as host:
        text = text_of(await host.call_tool("compare", {"prompt": "x", "models": MODELS}))
        note = text.partition("job(id=")[2].partition(")")[0]
        id, offset = note.split('"')[1], int(note.rpartition("=")[2])
        rest = ""
        while True:
            piece = text_of(await host.call_tool("job", {"id": id, "offset": offset + len(rest)}))
            rest += piece.partition("\n")[2]
            if "the end]" in piece.partition("\n")[0]:
                break

    assert len(text) <= 7_000
    assert text.count("甲") > 1_300
    assert abs(text.count("甲") - text.count("乙")) < 100
    assert "kurz" in text
    assert (rest.count("甲"), rest.count("乙")) == (6_000, 6_000)
    assert rest.startswith("[qwen3.7-plus | ")


async def test_what_is_ours_is_in_the_language_of_the_question(hosted: Hosted) -> None:
    said: dict[str, Said] = {"qwen3.7-plus": f"{LONG} 42", "qwen-plus": UNKNOWN, "glm-5.3": LONG * 80}
    async with hosted(ByModel([], said=said), structured=False, language="zh") as host:
        text = text_of(await host.call_tool("compare", {"prompt": "x", "models": list(said)}))

    line, alone, head, *rest = text.splitlines()
    assert "| 3 个模型中有 2 个给出回答 | 是否一致未判断 | 较长的回答在此截断，用 job(id=" in line
    assert alone == "- 仅 qwen3.7-plus: 42"
    assert re.search(r" s \| 相似度 0\.\d+ \| ", head)
    assert any(each.startswith("没有回答： 百炼没有这个模型。") for each in rest)


async def test_the_sandbox_compares_too(hosted: Hosted) -> None:
    async with hosted(FakeDashScope([]), options={"transport": httpx2.ASGITransport(sandbox.app())}) as host:
        result = await host.call_tool("compare", {"prompt": "西湖在哪", "models": ["qwen3.7-plus", "qwen-plus"]})

    assert result.structured_content["sandbox"] is True
    assert result.structured_content["agree"] is True
