"""Many inputs: at once or by DashScope's batches, each asked once whatever ends the process, each line of output once."""

import csv
import json
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
        records = [json.loads(line) for line in text.splitlines()]
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
    record = desk.records[str(desk.folder / "in" / "西湖.txt")]
    assert record["evidence"][0]["quote"] == "西湖"


async def test_what_does_not_fit_is_sent_once_more_in_a_second_batch(desk: Desk) -> None:
    arguments = {"json_schema": SCHEMA, "model": "sandbox-wrong-type"}
    told = await desk.batch({"tool": "extract", "inputs": ["name: 西湖"], "arguments": arguments})

    assert desk.upstream.asked["POST /batches"] == 2, text_of(told)
    assert desk.records["1"]["attempts"] == 2


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

    assert "2 inputs have files that are stored at DashScope first" in text_of(counted)
    assert not before
    assert half.structured_content["failed"] == 2
    assert all('use how="now" for it' in record["error"] for record in desk.records.values())
    assert now.structured_content["done"] == 2, text_of(now)


# --- what is wrong ---

WRONG_LINES = {
    "no JSON": (Raw("{"), "Line 2 is no JSON in UTF-8"),
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


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "There is nothing to do"),
        ({"inputs": ["x"], "source": "x.jsonl"}, "Give either inputs or source"),
        ({"source": "/etc/*.conf"}, "begins outside the allowed folders"),
        ({"source": "/etc/passwd.jsonl"}, "outside the allowed folders"),
        ({"inputs": ["x"], "output": "x.txt"}, "does not end in .jsonl or .csv"),
        ({"inputs": ["x"], "output": "../x.jsonl"}, "is no name for a file"),
        ({"tool": "ocr", "inputs": ["x.png"]}, 'ocr is not done by DashScope\'s batches. Use how="now"'),
        ({"inputs": ["x"], "arguments": {"model": "glm-5.1"}}, 'has no batch. Use how="now", or a model that has: '),
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


async def test_a_plan_has_no_batch(desk: Desk) -> None:
    told = await desk.batch({"inputs": ["x"]}, host=host_at("https://coding.dashscope.aliyuncs.com/v1"))

    assert "Batch is DashScope's own" in text_of(told)
    assert not desk.upstream.asked


async def test_an_output_is_never_written_over(desk: Desk) -> None:
    await desk.batch({"inputs": ["x"]})
    before = dict(desk.upstream.asked)
    told = await desk.batch({"inputs": ["y"]})

    assert "results.jsonl is in the output folder already" in text_of(told)
    assert desk.upstream.asked == before


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


async def test_what_was_begun_at_once_by_a_server_that_ended_is_not_asked_again(desk: Desk) -> None:
    asked = anyio.Event()

    def hang(request: httpx2.Request) -> httpx2.Response | None:
        asked.set()
        raise httpx2.ReadError("the server ends here")

    desk.upstream.after = hang  # type: ignore[assignment]  # it never returns
    async with desk.open() as host, anyio.create_task_group() as tasks:
        arguments = {"tool": "chat", "inputs": ["x"], "output": "results.jsonl", "how": "now"}
        tasks.start_soon(host.call_tool, "batch", arguments)
        await asked.wait()
        tasks.cancel_scope.cancel()
    work = desk.folder / "out" / ".results.jsonl.batch"
    if not work.exists():
        pytest.fail("nothing is left to go on with")
    desk.upstream.after = lambda request: None
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

    assert "0 of 5 inputs" in text_of(handle)
    assert "5 of 5 inputs done" in text_of(whole)
