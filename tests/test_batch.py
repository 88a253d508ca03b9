"""Many inputs: at once or by DashScope's batches, each asked once whatever ends the process, each line of output once."""

import csv
import json
import re
import shutil
import zipfile
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.calls.jobs import Jobs
from bailian_mcp.server.endpoints import host as host_at
from bailian_mcp.server.spending import Caps
from conftest import NOW, FakeDashScope, Hosted, ended_job, refusal, stream, text_of
from papers import drawn, saved

pytestmark = pytest.mark.anyio
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
PROMPTS = [f"第 {number} 件" for number in range(5)]
Hook = Callable[[httpx2.Request], httpx2.Response | None]


@pytest.fixture
def era() -> str:
    return "2026-07-28"  # what is asked does not depend on it


@dataclass
class Upstream(httpx2.AsyncBaseTransport):
    """The sandbox, which remembers what it was asked; `before` answers in its place, `after` sees what it did."""

    before: Hook = lambda request: None
    after: Callable[[httpx2.Request], None] = lambda request: None
    asked: Counter[str] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)
    app: Any = field(default_factory=sandbox.app)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/compatible-mode/v1")
        self.asked[f"{request.method} {'/'.join(path.split('/')[:2])}"] += 1
        if request.method == "POST":
            self.bodies.append(await request.aread())
        if reply := self.before(request):
            return reply
        reply = await httpx2.ASGITransport(self.app).handle_async_request(request)
        self.after(request)
        return reply

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Of all files that were uploaded."""
        rows = (row for body in self.bodies for row in body.decode().split("\r\n") if row.startswith('{"custom_id"'))
        return [json.loads(line) for row in rows for line in row.splitlines()]


class Raw(str):
    """A line as it stands."""


@dataclass
class Desk:
    """A server over that upstream, with folders that outlive it."""

    hosted: Hosted
    folder: Path
    upstream: Upstream = field(default_factory=Upstream)

    @asynccontextmanager
    async def open(self, **shared: Any) -> AsyncIterator[Any]:
        (self.folder / "in").mkdir(exist_ok=True)
        given = {
            "folders": (self.folder / "in",), "kept": (self.folder / "state",), "output_folder": self.folder / "out",
            "options": {"transport": self.upstream, "timeout_s": 5},
        }  # fmt: skip
        async with self.hosted(FakeDashScope([]), **{**given, **shared}) as host:
            yield host

    async def batch(self, arguments: dict[str, Any], **shared: Any) -> Any:
        async with self.open(**shared) as host:
            return await host.call_tool("batch", {"tool": "chat", "output": "results.jsonl", **arguments})

    def write(self, name: str, *lines: Any) -> str:
        (self.folder / "in").mkdir(exist_ok=True)
        (path := self.folder / "in" / name).write_text("".join(f"{_line(line)}\n" for line in lines), "utf-8")
        return str(path)

    @property
    def written(self) -> list[str]:
        out = self.folder / "out"
        return sorted(path.name for path in out.iterdir()) if out.exists() else []

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        text = (self.folder / "out" / "results.jsonl").read_text("utf-8")
        records = [json.loads(line) for line in text.splitlines()]  # which knows more ends of lines than JSON
        assert len({record["id"] for record in records}) == len(records)
        return {record["id"]: record for record in records}

    async def spent(self) -> dict[str, Any]:
        async with self.open() as host:
            return dict((await host.call_tool("usage", {})).structured_content["total"])


def _line(line: Any) -> str:
    return line if isinstance(line, Raw) else json.dumps(line, ensure_ascii=False)


@pytest.fixture
def desk(hosted: Hosted, tmp_path: Path) -> Desk:
    return Desk(hosted, tmp_path)


# --- what comes of it ---


async def test_each_input_has_its_line_and_half_its_price(desk: Desk) -> None:
    half = await desk.batch({"inputs": PROMPTS})
    records = desk.records
    at_once = await desk.batch({"inputs": PROMPTS, "how": "now", "output": "now.jsonl"})
    spent = await desk.spent()

    assert sorted(records) == ["1", "2", "3", "4", "5"]
    assert all(PROMPTS[int(id) - 1] in record["answer"] for id, record in records.items())
    assert half.structured_content["done"] == at_once.structured_content["done"] == 5
    price, full = (Decimal(told.structured_content["cost_cny"]) for told in (half, at_once))
    assert 0 < price == full / 2 == sum(Decimal(record["cost_cny"]) for record in records.values())
    assert spent["requests"] == 10
    assert Decimal(spent["at_least"]) == Decimal(spent["at_most"]) == price + full
    assert desk.written == ["now.jsonl", "results.jsonl"]
    assert desk.upstream.asked["POST /batches"] == 1
    assert text_of(half).startswith("[SANDBOX | batch chat, half_price | 5 of 5 inputs done | ")


async def test_lines_of_a_file_bring_their_own_ids_and_arguments(desk: Desk) -> None:
    source = desk.write(
        "in.jsonl", {"id": "a", "prompt": "x", "model": "qwen-flash"}, "text alone", Raw(""), {"prompt": "y"}
    )
    told = await desk.batch({"source": source, "arguments": {"model": "qwen3.7-plus", "system": "short"}})

    assert told.structured_content["done"] == 3
    assert {id: record["model"] for id, record in desk.records.items()} == {
        "a": "qwen-flash", "2": "qwen3.7-plus", "3": "qwen3.7-plus",
    }  # fmt: skip
    assert desk.upstream.asked["POST /batches"] == 2  # one model a file
    assert {line["body"]["messages"][0]["content"] for line in desk.upstream.lines} == {"short"}
    assert all("stream" not in line["body"] for line in desk.upstream.lines)


@pytest.mark.parametrize(
    "arguments",
    [{"json_schema": json.dumps(SCHEMA)}, {"json_schema": SCHEMA, "evidence": "auto", "files": None, "model": "null"}],
    ids=["as text", "what is not set"],
)
async def test_arguments_in_a_batch_are_fitted_as_in_a_call(desk: Desk, arguments: dict[str, Any]) -> None:
    """Hosts are told that an object is a text, and that an unset choice is `auto`."""
    told = await desk.batch({"tool": "extract", "inputs": ["name: 西湖"], "arguments": json.dumps(arguments)})
    line = {"id": "a", "prompt": "x", "max_output_tokens": 0, "thinking": "auto", "files": "https://example.com/a.png"}
    of_lines = await desk.batch({"source": desk.write("in.jsonl", line), "output": "lines.jsonl"})

    assert desk.records["1"]["data"] == {"name": "西湖"}, text_of(told)
    assert of_lines.structured_content["done"] == 1, text_of(of_lines)


@pytest.mark.parametrize("how", ["half_price", "now"])
async def test_an_extraction_is_looked_up_and_becomes_a_table(desk: Desk, how: str) -> None:
    for name in ("西湖", "=东湖"):
        (desk.folder / "in").mkdir(exist_ok=True)
        (desk.folder / "in" / f"{name}.txt").write_text(f"name: {name}", "utf-8")
    (desk.folder / "in" / ".hidden.txt").write_text("name: no")
    told = await desk.batch(
        {"tool": "extract", "source": str(desk.folder / "in" / "*.txt"), "arguments": {"json_schema": SCHEMA},
         "output": "results.csv", "how": how}
    )  # fmt: skip
    with (desk.folder / "out" / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))

    assert told.structured_content["done"] == 2, text_of(told)
    assert sorted(row["name"] for row in rows) == ["'=东湖", "西湖"]  # what a spreadsheet would run is a text
    assert list(rows[0])[:3] == ["id", "end", "name"]  # what was asked for comes first
    record = desk.records[str(desk.folder / "in" / "西湖.txt")]
    assert record["evidence"][0]["quote"] == "西湖"


async def test_what_is_extracted_takes_no_column_of_ours(desk: Desk) -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    source = desk.write("in.jsonl", {"id": "CN1", "text": "id: 7"})
    arguments = {"json_schema": schema}
    await desk.batch({"tool": "extract", "source": source, "arguments": arguments, "output": "results.csv"})
    with (desk.folder / "out" / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(csv.DictReader(file))

    assert (row["id"], row["data.id"]) == ("CN1", "7")


async def test_a_table_is_in_the_order_of_its_inputs(desk: Desk) -> None:
    """Lines come as they are ready; a table is laid beside the list that was asked."""
    source = desk.write("in.jsonl", *({"id": id, "prompt": "长" * (3_000 if id == "z" else 1)} for id in "zyxwvu"))
    desk.upstream.before = lambda request: (
        refusal(503, "ModelUnavailable", "later") if "长长".encode() in desk.upstream.bodies[-1] else None
    )
    first = await desk.batch({"source": source, "output": "results.csv", "how": "now"})
    desk.upstream.before = lambda request: None
    await desk.batch({"source": source, "output": "results.csv", "how": "now"})
    with (desk.folder / "out" / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row["id"] for row in csv.DictReader(file)]

    assert first.structured_content["left"] == 1
    assert list(desk.records)[-1] == "z"
    assert rows == list("zyxwvu")


async def test_what_does_not_fit_is_sent_once_more_in_a_second_batch(desk: Desk) -> None:
    arguments = {"json_schema": SCHEMA, "model": "sandbox-wrong-type"}
    told = await desk.batch({"tool": "extract", "inputs": ["name: 西湖"], "arguments": arguments})

    assert desk.upstream.asked["POST /batches"] == 2, text_of(told)
    assert desk.records["1"]["attempts"] == 2


@pytest.mark.parametrize("how", ["half_price", "now"])
async def test_a_price_that_is_not_known_is_never_zero(desk: Desk, how: str) -> None:
    source = desk.write("in.jsonl", "x", {"prompt": "y", "model": "qwen-flash"})
    unknown, dry = [
        await desk.batch({"inputs": ["x"], "how": how, "arguments": {"model": "sandbox-prose"}, "dry_run": dry})
        for dry in (False, True)
    ]
    some = await desk.batch({"source": source, "how": how, "arguments": {"model": "sandbox-prose"}, "dry_run": True})

    for told in (unknown, dry):
        assert " 0 CNY" not in text_of(told)
        assert "price not known" in text_of(told)
    assert [dry.structured_content[name] for name in ("at_least", "at_most")] == [None, None]
    assert "1 without a known price" in text_of(some)
    assert Decimal(some.structured_content["at_most"]) > 0


@pytest.mark.parametrize(
    "given",
    [
        {"tool": "ocr", "source": "*.png"},
        {"tool": "ocr", "source": "*.pdf"},
        {"tool": "translate", "inputs": ["权利要求"], "arguments": {"target_lang": "en"}},
        {"tool": "extract", "inputs": ["x" * 100_000], "arguments": {"json_schema": SCHEMA}, "how": "now"},
    ],
    ids=["ocr", "pdf", "translate", "long"],
)
async def test_a_dry_run_counts_what_any_tool_would_ask(desk: Desk, given: dict[str, Any], caplog: Any) -> None:
    """Nothing that a tool does to save what was paid takes its plan for a fault."""
    desk.write("none.txt")
    (desk.folder / "in" / "a.png").write_bytes(saved(drawn("a")))
    (desk.folder / "in" / "b.pdf").write_bytes(saved(drawn("b"), "PDF"))
    source = {"source": str(desk.folder / "in" / given["source"])} if "source" in given else {}
    told = await desk.batch({**given, **source, "dry_run": True})

    assert told.structured_content["failed"] == 0, text_of(told)
    assert Decimal(told.structured_content["at_most"]) > 0
    assert "Counted is the first request of each input: more pages" in text_of(told)
    assert not caplog.records
    assert not desk.upstream.asked


async def test_nothing_is_sent_or_written_by_a_dry_run(desk: Desk) -> None:
    source = desk.write("in.jsonl", {"prompt": "x" * 400}, {"prompt": "x", "thinking": "high", "max_output_tokens": 10})
    half, now = [await desk.batch({"source": source, "dry_run": True, "how": how}) for how in ("half_price", "now")]

    for told in (half, now):
        assert (told.structured_content["items"], told.structured_content["failed"]) == (2, 1)
        assert told.structured_content["notes"][0].startswith("2: max_output_tokens=10 leaves no room")
    assert Decimal(half.structured_content["at_least"]) * 2 == Decimal(now.structured_content["at_least"]) > 0
    assert not desk.upstream.asked
    assert desk.written == []


async def test_what_has_to_be_stored_first_is_asked_at_once_only(desk: Desk) -> None:
    (desk.folder / "in").mkdir()
    for name in ("a", "b"):
        with zipfile.ZipFile(desk.folder / "in" / f"{name}.xlsx", "w") as packed:
            packed.writestr("xl/workbook.xml", "<workbook/>")
    asked = {"source": str(desk.folder / "in" / "*"), "arguments": {"prompt": "x"}}
    counted = await desk.batch({**asked, "dry_run": True})
    before = dict(desk.upstream.asked)
    half = await desk.batch(asked)
    now = await desk.batch({**asked, "how": "now", "output": "now.jsonl"})

    assert "Its file is stored at DashScope before it is asked" in text_of(counted)
    assert not before
    assert half.structured_content["failed"] == 2
    assert all('use how="now"' in record["error"] for record in desk.records.values())
    assert now.structured_content["done"] == 2, text_of(now)


# --- what is wrong ---

WRONG_LINES = {
    "no JSON": (Raw("{"), "Line 2 is no JSON, from its character 2 on"),
    "a comma too many": (Raw('{"prompt": "好",}'), "Line 2 is no JSON, from its character 16 on"),
    "no number": (Raw("NaN"), "Line 2 is no JSON that can be read"),
    "a list": ([1], "Line 2 is neither an object nor a text"),
    "an id that is none": ({"id": [1], "prompt": "x"}, "Line 2: id must be a text or a number"),
    "an id too long": ({"id": "x" * 201, "prompt": "x"}, "Line 2: id must have at most 200 printable characters"),
    "an id twice": ({"id": "1", "prompt": "x"}, "The id 1 comes twice"),
    "another argument": ({"id": "b", "promt": "x"}, "Input b: chat has no argument promt"),
    "none": ({"id": "b"}, "Input b: "),
    "of another kind": ({"id": "b", "prompt": "x", "temperature": 7}, "Input b: temperature"),
}


@pytest.mark.parametrize("case", WRONG_LINES)
async def test_a_wrong_line_is_named_before_anything_is_sent(desk: Desk, case: str) -> None:
    line, says = WRONG_LINES[case]
    told = await desk.batch({"source": desk.write("in.jsonl", "x", line)})

    assert says in text_of(told)
    assert told.is_error
    assert not desk.upstream.asked
    assert desk.written == []


@pytest.mark.parametrize("encoding", ["gbk", "utf-16"])
async def test_a_file_as_other_programs_save_it_is_told_how_to_be_saved(desk: Desk, encoding: str) -> None:
    path = Path(desk.write("in.jsonl"))
    path.write_bytes('"权利要求"\n'.encode(encoding))
    told = await desk.batch({"source": str(path)})

    assert text_of(told) == "Line 1 is not in UTF-8. Save the file in UTF-8 and call again. Nothing was sent."


@pytest.mark.parametrize("name", ["list.txt", "list.json", "*.txt"])
async def test_what_a_source_without_a_prompt_lacks_is_told_with_its_place(desk: Desk, name: str) -> None:
    desk.write("list.txt", "x")
    desk.write("list.json", ["x"])
    told = await desk.batch({"source": str(desk.folder / "in" / name)})

    assert "prompt is required. What all inputs share goes into arguments." in text_of(told)
    assert ("A file that is no .jsonl is one input." in text_of(told)) == (name != "*.txt")


async def test_what_has_no_batch_is_done_now_where_nothing_is_said(desk: Desk) -> None:
    told = await desk.batch({"tool": "translate", "inputs": ["权利要求"], "arguments": {"target_lang": "en"}})

    assert text_of(told).startswith("[SANDBOX | batch translate, now | 1 of 1 inputs done")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "There is nothing to do"),
        ({"inputs": ["x"], "source": "x.jsonl"}, "Give either inputs or source"),
        ({"source": "/etc/*.conf"}, "begins outside the allowed folders"),
        ({"source": "/etc/passwd.jsonl"}, "outside the allowed folders"),
        ({"inputs": ["x"], "output": "x.txt"}, "does not end in .jsonl or .csv"),
        ({"inputs": ["x"], "output": "../x.jsonl"}, "is no name for a file"),
        ({"inputs": ["x"], "output": "../x.csv"}, "../x.csv is no name for a file"),
        ({"inputs": ["x"], "output": "a/x.jsonl"}, "Give a file name such as result.jsonl, no path"),
        (
            {"tool": "ocr", "inputs": ["x.png"], "how": "half_price"},
            'ocr is not done by DashScope\'s batches. Use how="now"',
        ),
        (
            {"inputs": ["x"], "arguments": {"model": "glm-5.1"}},
            'has no batch. Use how="now", or a model that has: qwen3.7-plus, ',
        ),
    ],
)
async def test_what_cannot_be_done_is_refused_with_its_mend(desk: Desk, arguments: dict[str, Any], says: str) -> None:
    told = await desk.batch(arguments)

    assert says in text_of(told)
    assert text_of(told).endswith("Nothing was sent.")
    assert not desk.upstream.asked
    assert desk.written == []


async def test_pictures_of_a_batch_are_public_ones(desk: Desk) -> None:
    inline = f"data:image/png;base64,{b64encode(saved(drawn('x'))).decode()}"
    line = {"prompt": "x", "files": [inline]}
    told = await desk.batch(
        {"source": desk.write("in.jsonl", line, {"prompt": "y", "files": ["https://example.com/a.png"]})}
    )

    assert (told.structured_content["done"], told.structured_content["failed"]) == (1, 1)
    assert "public https URL only" in desk.records["1"]["error"]


@pytest.mark.parametrize("there", ["a file", "a link"])
async def test_where_nothing_can_be_kept_nothing_is_sent(desk: Desk, there: str) -> None:
    (desk.folder / "out").mkdir()
    (desk.folder / "elsewhere").mkdir()
    work = desk.folder / "out" / ".results.jsonl.batch"
    work.symlink_to(desk.folder / "elsewhere") if there == "a link" else work.write_text("")
    told = await desk.batch({"inputs": ["x"]})

    assert ".results.jsonl.batch cannot be written: " in text_of(told)
    assert not desk.upstream.asked
    assert list((desk.folder / "elsewhere").iterdir()) == []


async def test_a_request_longer_than_dashscope_advises_is_sent_and_that_is_said(desk: Desk) -> None:
    told = await desk.batch({"inputs": ["字" * 350_000], "arguments": {"model": "qwen-flash"}})

    assert "1 requests are longer than the 1 MB that DashScope advises" in text_of(told)
    assert told.structured_content["done"] == 1


async def test_a_plan_has_no_batch(desk: Desk) -> None:
    told = await desk.batch({"inputs": ["x"]}, host=host_at("https://coding.dashscope.aliyuncs.com/v1"))

    assert "Batch is DashScope's own" in text_of(told)
    assert not desk.upstream.asked


async def test_an_output_is_never_written_over(desk: Desk) -> None:
    await desk.batch({"inputs": ["x"]})
    before = dict(desk.upstream.asked)
    told = await desk.batch({"inputs": ["y"]})

    assert "results.jsonl is in the output folder already" in text_of(told)
    assert f"it is whole: read {desk.folder / 'out' / 'results.jsonl'}" in text_of(told)  # and pay no second time
    assert desk.upstream.asked == before


@pytest.mark.parametrize("how", ["half_price", "now"])
async def test_a_table_that_cannot_be_written_is_said_before_anything_is_paid(desk: Desk, how: str) -> None:
    (desk.folder / "out").mkdir()
    (desk.folder / "out" / "results.csv").write_text("mine")
    told = await desk.batch({"inputs": ["x"], "output": "results.csv", "how": how})

    assert "results.csv is in the output folder already" in text_of(told)
    assert not desk.upstream.asked
    assert desk.written == ["results.csv"]


async def test_a_table_whose_name_was_taken_meanwhile_gets_one_like_it(desk: Desk) -> None:
    def taken(request: httpx2.Request) -> None:
        (desk.folder / "out" / "results.csv").write_text("mine")

    desk.upstream.after = taken
    told = await desk.batch({"inputs": ["x"], "output": "results.csv"})

    assert told.structured_content["done"] == 1, text_of(told)
    assert desk.written == ["results-2.csv", "results.csv", "results.jsonl"]


# --- what DashScope refuses ---


async def test_a_line_that_is_refused_costs_nothing_and_says_why(desk: Desk) -> None:
    source = desk.write("in.jsonl", {"prompt": "x"}, {"prompt": "y", "model": "sandbox-content-filter"})
    told = await desk.batch({"source": source})
    record, spent = desk.records["2"], await desk.spent()

    assert (told.structured_content["done"], told.structured_content["failed"]) == (1, 1)
    assert record["error"].startswith("DashScope's content filter stopped the question.")
    assert record["cost_cny"] == "0"
    assert spent["at_least"] == spent["at_most"] == desk.records["1"]["cost_cny"]


def said(status: str, **more: Any) -> Callable[[httpx2.Request], httpx2.Response | None]:
    """What looking at a batch gives, instead."""

    def reply(request: httpx2.Request) -> httpx2.Response | None:
        if request.method != "GET" or "/batches/" not in request.url.path:
            return None
        body = {"id": request.url.path.rpartition("/")[2], "status": status, **more}
        return httpx2.Response(200, json=body, headers={"x-bailian-sandbox": "1"})

    return reply


async def test_a_batch_that_fails_its_validation_says_so_for_each_input(desk: Desk) -> None:
    desk.upstream.before = said(
        "failed", errors={"data": [{"code": "model_not_found", "message": "No such model", "line": 1}]}
    )
    told = await desk.batch({"inputs": ["x", "y"]})

    assert told.structured_content["failed"] == 2
    assert "No such model" in desk.records["1"]["error"]
    assert (await desk.spent())["at_most"] == "0"


async def test_an_error_in_no_known_form_is_passed_over(desk: Desk) -> None:
    desk.upstream.before = said("failed", errors={"data": ["strange", {"code": "model_not_found", "message": "None"}]})
    await desk.batch({"inputs": ["x"]})

    assert "None" in desk.records["1"]["error"]


async def test_a_batch_without_an_id_is_none(desk: Desk) -> None:
    desk.upstream.before = lambda request: (
        httpx2.Response(200, json={"status": "validating"}) if request.url.path.endswith("/batches") else None
    )
    told = await desk.batch({"inputs": ["x"]})

    assert "DashScope gave a batch without an id" in text_of(told)


WHOLE = {
    "model": "qwen3.7-plus",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}  # fmt: skip


async def test_what_a_batch_leaves_unanswered_is_asked_again_and_said_at_last(desk: Desk) -> None:
    desk.upstream.before = said("expired")
    told = await desk.batch({"inputs": ["x"]})

    assert desk.upstream.asked["POST /batches"] == 6
    assert "DashScope left it unanswered" in desk.records["1"]["error"]
    assert told.structured_content["failed"] == 1
    assert (await desk.spent())["at_most"] == "0"


@pytest.mark.parametrize(
    "line",
    [
        "{",
        json.dumps({"custom_id": "1.1.x", "response": None, "error": {"error_code": "Throttling", "error_message": "slow"}}),
        json.dumps({"custom_id": "1.1.x", "response": {"status_code": 500, "body": {"code": "InternalError", "message": "slow"}}}),
        json.dumps({"custom_id": "1.1.x", "response": {"status_code": 200, "body": {"choices": 3}}}),
        json.dumps({"custom_id": "another", "response": {"status_code": 200, "body": {}}}),
        json.dumps({"custom_id": "another", "response": {"status_code": 200, "body": WHOLE}}),
    ],
)  # fmt: skip
async def test_a_strange_line_of_the_results_ends_nothing(desk: Desk, line: str) -> None:
    def strange(request: httpx2.Request) -> httpx2.Response | None:
        key = desk.upstream.lines[-1]["custom_id"] if desk.upstream.lines else ""
        return (
            httpx2.Response(200, content=line.replace("1.1.x", key)) if request.url.path.endswith("/content") else None
        )

    desk.upstream.before = strange
    told = await desk.batch({"inputs": ["x"]})

    assert told.structured_content["items"] == 1
    assert desk.records["1"]["end"] == "failed"


@pytest.mark.parametrize("how", ["half_price", "now"])
async def test_the_first_reason_of_what_was_not_done_is_told(desk: Desk, how: str) -> None:
    told = await desk.batch({"inputs": ["x", "y"], "how": how, "arguments": {"model": "sandbox-content-filter"}})

    assert "Not done: " in text_of(told)
    assert "DashScope's content filter stopped the question." in text_of(told)


async def test_at_once_what_is_refused_for_the_account_is_left_and_ends_it(desk: Desk) -> None:
    """Not the input's fault: a bad key, an outage, a closed model. None of them is spent on thousands of inputs."""
    desk.upstream.before = lambda request: refusal(401, "InvalidApiKey", "Incorrect API key provided.")
    arguments = {"inputs": [f"第 {number} 件" for number in range(100)], "how": "now"}
    told = await desk.batch(arguments)
    asked = desk.upstream.asked["POST /chat"]
    desk.upstream.before = lambda request: None
    again = await desk.batch(arguments)

    assert (told.structured_content["left"], told.structured_content["output"]) == (100, "")
    assert "API key" in text_of(told)
    assert asked < 40
    assert again.structured_content["done"] == 100
    assert again.structured_content["output"].endswith("results.jsonl")


async def test_at_once_one_that_the_service_did_not_take_is_left_and_the_others_are_asked(desk: Desk) -> None:
    desk.upstream.before = lambda request: (
        refusal(403, "Model.AccessDenied", "No.") if b"qwen-flash" in desk.upstream.bodies[-1] else None
    )
    source = desk.write("in.jsonl", *PROMPTS, {"prompt": "y", "model": "qwen-flash"}, *PROMPTS)
    told = await desk.batch({"source": source, "how": "now"})

    assert (told.structured_content["done"], told.structured_content["left"]) == (10, 1)
    assert "may not use this model" in text_of(told)


# --- what may be spent ---


async def test_what_no_cap_could_hold_is_not_sent_and_nothing_stays_held(desk: Desk) -> None:
    caps = Caps(per_day=Decimal("0.001"))
    told = await desk.batch({"inputs": PROMPTS}, caps=caps)

    assert text_of(told).startswith("5 requests cost ")
    assert "BAILIAN_MAX_COST_PER_DAY leaves 0.001 of 0.001 CNY" in text_of(told)
    assert not desk.upstream.asked
    assert (await desk.spent())["requests"] == 0


@pytest.mark.parametrize("given", [{"caps": Caps(per_day=Decimal("0.05"))}, {"max_cost": "0.05"}])
async def test_where_less_is_left_each_answer_is_limited_to_its_share(desk: Desk, given: dict[str, Any]) -> None:
    caps, arguments = given.get("caps", Caps()), {k: v for k, v in given.items() if k == "max_cost"}
    told = await desk.batch({"inputs": PROMPTS, **arguments}, caps=caps)

    assert told.structured_content["done"] == 5, text_of(told)
    limits = [line["body"]["max_completion_tokens"] for line in desk.upstream.lines]
    assert all(256 <= each < 16_384 for each in limits)


async def test_at_once_it_stops_where_the_money_ends_and_goes_on_with_more(desk: Desk) -> None:
    arguments = {"inputs": PROMPTS, "how": "now", "max_cost": "0.0046"}
    stopped = await desk.batch(arguments)
    done = len(desk.records)
    rest = await desk.batch({**arguments, "max_cost": "1"})

    assert stopped.structured_content["left"] == 5 - done > 0
    assert "max_cost leaves" in text_of(stopped)
    assert rest.structured_content["done"] == len(desk.records) == 5
    assert desk.upstream.asked["POST /chat"] == 5


async def test_what_a_batch_may_cost_holds_for_all_calls_that_go_on_with_it(desk: Desk) -> None:
    arguments = {"inputs": PROMPTS, "how": "now", "max_cost": "0.0046"}
    first = await desk.batch(arguments)
    calls = [text_of(await desk.batch(arguments)) for _ in range(3)]

    assert 0 < first.structured_content["done"] < 5
    assert desk.upstream.asked["POST /chat"] == first.structured_content["done"]
    assert "max_cost" in calls[-1]
    assert sum(Decimal(record["cost_cny"]) for record in desk.records.values()) <= Decimal("0.0046")


async def test_what_a_batch_may_cost_holds_for_all_its_rounds(desk: Desk) -> None:
    """What does not fit the schema is sent back in a second batch: for what the first one left."""
    digits = {"type": "object", "properties": {"name": {"type": "string", "pattern": "^[0-9]+$"}}, "required": ["name"]}
    given = {"tool": "extract", "inputs": ["name: 西湖"] * 4, "arguments": {"json_schema": digits}}
    told = await desk.batch({**given, "max_cost": "0.0115"})  # enough for the shortest answers, once

    assert desk.upstream.asked["POST /batches"] == 1, text_of(told)
    assert "max_cost leaves" in text_of(told)


async def test_an_unknown_price_with_a_cap_is_refused(desk: Desk) -> None:
    told = await desk.batch({"inputs": ["x"], "arguments": {"model": "my-model"}, "max_cost": "1"})

    assert "What this may cost is not known" in text_of(told)
    assert desk.upstream.asked["POST /batches"] == 0


async def test_where_no_cap_can_be_held_nothing_is_sent(desk: Desk) -> None:
    (desk.folder / "state").write_text("no folder")
    told = await desk.batch({"inputs": ["x"]}, caps=Caps(per_day=Decimal(1)))

    assert "A spending cap is set and cannot be held" in text_of(told)
    assert not desk.upstream.asked


async def test_a_day_that_begins_while_it_is_planned_counts(desk: Desk, hosted: Hosted) -> None:
    tomorrow, caps = NOW + timedelta(days=1), Caps(per_day=Decimal("0.006"))  # what the answer to a chat costs
    async with hosted(FakeDashScope([stream()]), kept=(desk.folder / "state",), now=lambda: tomorrow) as host:
        await host.call_tool("chat", {"prompt": "x"})

    def midnight(after: int) -> Callable[[], datetime]:
        looks = count()
        return lambda: NOW if next(looks) < after else tomorrow

    asked = {"inputs": ["x", "y"]}
    said = [text_of(await desk.batch(asked, caps=caps, now=midnight(looks))) for looks in range(8)]

    assert all("BAILIAN_MAX_COST_PER_DAY leaves 0 of 0.006 CNY" in text for text in said[:3])
    assert {text.partition(" cost ")[0] for text in said if " cost " in text} == {"2 requests", "1 requests"}


# --- whatever ends the process ---


async def test_what_may_have_been_created_is_found_and_not_created_again(desk: Desk) -> None:
    def gone(request: httpx2.Request) -> None:
        if request.method == "POST" and request.url.path.endswith("/batches"):
            raise httpx2.ReadError("gone")

    desk.upstream.after = gone
    failed = await desk.batch({"inputs": PROMPTS})
    desk.upstream.after = lambda request: None
    told = await desk.batch({"inputs": PROMPTS})

    assert "broke before an answer came" in text_of(failed)
    assert told.structured_content.get("done") == 5, text_of(told)
    assert desk.upstream.asked["POST /batches"] == 1


async def test_a_batch_that_was_refused_holds_nothing_and_is_made_anew(desk: Desk) -> None:
    desk.upstream.before = lambda request: (
        refusal(400, "Arrearage", "Access denied.") if request.url.path.endswith("/files") else None
    )
    failed = await desk.batch({"inputs": PROMPTS})
    held = await desk.spent()
    desk.upstream.before = lambda request: None
    told = await desk.batch({"inputs": PROMPTS})

    assert "owes money" in text_of(failed)
    assert held["at_most"] == "0"
    assert told.structured_content["done"] == 5
    assert (await desk.spent())["requests"] == 5


async def test_what_was_held_by_a_process_that_was_killed_is_not_held_twice(desk: Desk) -> None:
    desk.upstream.before = lambda request: refusal(500, None, "down") if request.url.path.endswith("/files") else None
    await desk.batch({"inputs": PROMPTS})
    journal = desk.folder / "out" / ".results.jsonl.batch" / "journal.jsonl"
    kept = [line for line in journal.read_text("utf-8").splitlines(keepends=True) if '"output"' in line]
    journal.write_text("".join(kept), "utf-8")  # it was held; that it was so was never noted
    desk.upstream.before = lambda request: None
    told = await desk.batch({"inputs": PROMPTS})
    spent = await desk.spent()

    assert told.structured_content["done"] == 5
    assert (spent["requests"], spent["at_least"]) == (5, spent["at_most"])


STEPS = ("GET /batches", "POST /batches", "POST /files", "GET /files")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_server_that_ends_anywhere_loses_nothing_and_asks_nothing_twice(
    desk: Desk, step: str, when: str
) -> None:
    reached = anyio.Event()

    def stop(request: httpx2.Request) -> None:
        path = request.url.path.removeprefix("/compatible-mode/v1")
        if f"{request.method} {'/'.join(path.split('/')[:2])}" == step:
            reached.set()
            raise httpx2.ReadError("the server ends here")

    setattr(desk.upstream, when, stop)
    async with desk.open() as host:
        with anyio.move_on_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(
                    host.call_tool, "batch", {"tool": "chat", "inputs": PROMPTS, "output": "results.jsonl"}
                )
                await reached.wait()
                tasks.cancel_scope.cancel()
    desk.upstream.before, desk.upstream.after = (lambda request: None), (lambda request: None)
    told = await desk.batch({"inputs": PROMPTS})
    spent = await desk.spent()

    assert told.structured_content["done"] == len(desk.records) == 5
    assert (spent["requests"], spent["at_least"]) == (5, spent["at_most"])
    assert sum(line["custom_id"].startswith("1.") for line in desk.upstream.lines) <= 2  # uploaded again, created once
    assert desk.written == ["results.jsonl"]


async def test_somebody_who_cancels_pays_for_what_was_answered_only(desk: Desk) -> None:
    desk.upstream.before = said("in_progress")
    arguments = {"tool": "chat", "inputs": PROMPTS, "output": "results.jsonl"}
    async with desk.open(soft_timeout_s=0.2) as host:
        handle = await host.call_tool("batch", arguments)
        assert "RUNNING" in text_of(handle)
        await host.call_tool("job", {"id": handle.structured_content["job"], "cancel": True})
    desk.upstream.before = lambda request: None
    again = await desk.batch({"inputs": PROMPTS})

    assert any(body == b"{}" for body in desk.upstream.bodies)  # the batch was told
    assert again.structured_content["done"] == 5
    assert desk.upstream.asked["POST /batches"] == 3  # two, and one to cancel


async def test_who_cancels_is_told_what_is_there_and_how_it_goes_on(desk: Desk) -> None:
    desk.upstream.before = said("in_progress")
    async with desk.open(soft_timeout_s=0.2, language="auto") as host:
        handle = await host.call_tool("batch", {"tool": "chat", "inputs": PROMPTS, "output": "results.jsonl"})
        told = await host.call_tool("job", {"id": handle.structured_content["job"], "cancel": True})
        chinese = await host.call_tool("batch", {"tool": "chat", "inputs": ["另一批"], "output": "b.jsonl"})

    for text in (text_of(handle), text_of(told), text_of(chinese)):
        assert "results.jsonl" in text or "b.jsonl" in text
        assert "用相同参数再次调用 batch" in text
        assert "没有收到任何内容" not in text


async def test_the_first_line_of_a_batch_is_in_the_language_of_its_call(desk: Desk) -> None:
    lines = [
        text_of(
            await desk.batch(
                {"inputs": ["你好"], "how": how, "dry_run": dry, "output": f"{how}-{dry}.jsonl"},
                language="auto",
                structured=False,
            )
        )
        for how in ("half_price", "now")
        for dry in (True, False)
    ]

    assert lines[0].startswith("[批量 chat，半价 | 1 个输入，向 qwen3.7-plus 发 1 次请求 | 输入约 ")
    assert lines[3].startswith("[SANDBOX | 批量 chat，立即 | 1 个输入中完成 1 个 | ")


async def test_somebody_who_cancels_is_not_held_up_by_dashscope(desk: Desk) -> None:
    in_progress = said("in_progress")
    desk.upstream.before = lambda request: (
        refusal(500, "InternalError", "down") if request.url.path.endswith("/cancel") else in_progress(request)
    )
    async with desk.open(soft_timeout_s=0.2) as host:
        handle = await host.call_tool("batch", {"tool": "chat", "inputs": PROMPTS, "output": "results.jsonl"})
        told = await host.call_tool("job", {"id": handle.structured_content["job"], "cancel": True})
    desk.upstream.before = lambda request: None
    again = await desk.batch({"inputs": PROMPTS})

    assert "cancelled" in text_of(told)
    assert again.structured_content["done"] == 5
    assert (await desk.spent())["requests"] == 5


@pytest.mark.parametrize("how", ["half_price", "now"])
async def test_a_work_folder_that_is_deleted_under_way_ends_it_with_what_came(desk: Desk, how: str) -> None:
    def delete(request: httpx2.Request) -> None:
        shutil.rmtree(desk.folder / "out" / ".results.jsonl.batch", ignore_errors=True)

    desk.upstream.after = delete
    told = await desk.batch({"inputs": ["x"], "how": how})

    assert told.is_error == (how == "half_price")
    assert how == "now" or "What came is kept: the same call again goes on." in text_of(told)
    assert "Nothing was sent" not in text_of(told)


async def test_what_was_begun_at_once_by_a_server_that_ended_is_not_asked_again(desk: Desk) -> None:
    asked = anyio.Event()

    async def hang(*_: Any) -> None:
        asked.set()
        await anyio.sleep_forever()

    answering, desk.upstream.app = desk.upstream.app, hang
    async with desk.open() as host, anyio.create_task_group() as tasks:
        arguments = {"tool": "chat", "inputs": ["x"], "output": "results.jsonl", "how": "now"}
        tasks.start_soon(host.call_tool, "batch", arguments)
        await asked.wait()
        tasks.cancel_scope.cancel()
    desk.upstream.app = answering
    told = await desk.batch({"inputs": ["x"], "how": "now"})

    assert told.structured_content["uncertain"] == 1
    assert desk.upstream.asked["POST /chat"] == 1
    assert "not asked again" in desk.records["1"]["error"]


async def test_another_batch_does_not_take_an_output_that_is_not_whole(desk: Desk) -> None:
    desk.upstream.before = said("in_progress")
    async with desk.open(soft_timeout_s=0.2) as host:
        first = await host.call_tool("batch", {"tool": "chat", "inputs": PROMPTS, "output": "results.jsonl"})
        second = await host.call_tool("batch", {"tool": "chat", "inputs": ["z"], "output": "results.jsonl"})
    other = await desk.batch({"inputs": ["z"]})

    assert "RUNNING" in text_of(first)
    assert "This batch is under way already" in text_of(second)
    assert "Another batch, which is not finished, writes this output" in text_of(other)


async def test_where_no_jobs_are_kept_it_is_answered_in_its_call(desk: Desk) -> None:
    told = await desk.batch({"inputs": ["x"]}, jobs=Jobs(desk.folder / "state"))

    assert told.structured_content["done"] == 1


async def test_a_long_one_is_a_job_that_says_how_far_it_is(desk: Desk) -> None:
    desk.upstream.before = said("in_progress")
    async with desk.open(soft_timeout_s=0.2) as host:
        handle = await host.call_tool("batch", {"tool": "chat", "inputs": PROMPTS})
        desk.upstream.before = lambda request: None
        whole = await ended_job(host, handle.structured_content["job"])

    assert "0 of 5 inputs are in " in text_of(handle)
    assert "untrusted" not in text_of(handle)  # all of it is ours
    assert re.search("Last seen at DashScope: batch (validating|in_progress)", text_of(handle))
    assert "5 of 5 inputs done" in text_of(whole)
