"""What DashScope, a disk, other settings and other callers may do to a batch: nothing is paid twice, lost or held for ever."""

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from bailian_mcp.server.endpoints import host as host_at
from conftest import Hosted, refusal, text_of
from test_batch import PROMPTS, SCHEMA, Desk, said

pytestmark = pytest.mark.anyio


@pytest.fixture
def era() -> str:
    return "2026-07-28"  # what is asked does not depend on it


@pytest.fixture
def desk(hosted: Hosted, tmp_path: Path) -> Desk:
    return Desk(hosted, tmp_path)


def completion(text: str, **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
    message = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "finish_reason": "stop", "message": message}], "usage": usage, **more}


def result_line(key: str, body: Any, status: int = 200) -> str:
    line = {"custom_id": key, "response": {"status_code": status, "request_id": "r1", "body": body}, "error": None}
    return json.dumps(line, ensure_ascii=False)


def contents(
    desk: Desk, made: Callable[[list[str]], str | bytes]
) -> Callable[[httpx2.Request], httpx2.Response | None]:
    """Instead of a result file: what is made of the keys of the last upload."""

    def reply(request: httpx2.Request) -> httpx2.Response | None:
        if not request.url.path.endswith("/content"):
            return None
        keys = [line["custom_id"] for line in desk.upstream.lines]
        return httpx2.Response(200, content=made(keys), headers={"x-bailian-sandbox": "1"})

    return reply


def both(
    *hooks: Callable[[httpx2.Request], httpx2.Response | None],
) -> Callable[[httpx2.Request], httpx2.Response | None]:
    return lambda request: next(filter(None, (hook(request) for hook in hooks)), None)


# --- what DashScope answers ---


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85"])
async def test_signs_that_end_a_line_elsewhere_end_none_in_json(desk: Desk, sign: str) -> None:
    desk.upstream.before = contents(desk, lambda keys: result_line(keys[-1], completion(f"one{sign}two")))
    told = await desk.batch({"inputs": ["x"]})

    assert told.structured_content["done"] == 1, text_of(told)
    assert desk.records["1"]["answer"] == f"one{sign}two"
    assert desk.upstream.asked["POST /batches"] == 1


async def test_what_a_lookup_is_refused_says_nothing_of_what_was_created_before(desk: Desk) -> None:
    def gone(request: httpx2.Request) -> None:
        if request.method == "POST" and request.url.path.endswith("/batches"):
            raise httpx2.ReadError("gone")

    desk.upstream.after = gone
    await desk.batch({"inputs": PROMPTS})
    desk.upstream.after = lambda request: None
    desk.upstream.before = lambda request: (
        refusal(403, "AccessDenied", "Access denied.") if request.url.path.endswith("/batches") else None
    )
    await desk.batch({"inputs": PROMPTS})
    desk.upstream.before = lambda request: None
    told = await desk.batch({"inputs": PROMPTS})

    assert told.structured_content["done"] == 5, text_of(told)
    assert desk.upstream.asked["POST /batches"] == 1


async def test_answers_that_came_are_taken_whatever_errors_a_batch_tells(desk: Desk) -> None:
    desk.upstream.before = both(
        said("completed", output_file_id="file-out", errors={"data": [{"code": "x", "message": "some line"}]}),
        contents(desk, lambda keys: "\n".join(result_line(key, completion("ok")) for key in keys)),
    )
    told = await desk.batch({"inputs": ["x", "y"]})

    assert told.structured_content["done"] == 2, text_of(told)
    assert desk.upstream.asked["POST /batches"] == 1


LOST = {
    "no output file": said("completed", request_counts={"total": 5, "completed": 5, "failed": 0}),
    "no counts either": said("completed"),
    "an empty file": both(
        said("completed", output_file_id="file-out"),
        lambda request: httpx2.Response(200, content=b"") if request.url.path.endswith("/content") else None,
    ),
    "a file of something else": both(
        said("completed", output_file_id="file-out"),
        lambda request: httpx2.Response(200, content=b"<html>") if request.url.path.endswith("/content") else None,
    ),
    "expired, with more done than told": both(
        said("expired", output_file_id="file-out", request_counts={"total": 5, "completed": 5, "failed": 0}),
        lambda request: httpx2.Response(200, content=b"") if request.url.path.endswith("/content") else None,
    ),
}


@pytest.mark.parametrize("case", LOST)
async def test_what_dashscope_counts_as_done_and_does_not_give_is_not_paid_again(desk: Desk, case: str) -> None:
    desk.upstream.before = LOST[case]
    told = await desk.batch({"inputs": PROMPTS})
    spent = await desk.spent()

    assert desk.upstream.asked["POST /batches"] == 1, text_of(told)
    assert told.structured_content["failed"] == 5
    assert "may have been billed" in desk.records["1"]["error"]
    assert spent["requests"] == 5
    assert Decimal(spent["at_most"]) > Decimal(spent["at_least"]) == 0


async def test_a_result_that_comes_late_is_waited_for(desk: Desk) -> None:
    late = iter([b"", b"<html>"])

    def content(request: httpx2.Request) -> httpx2.Response | None:
        found = next(late, None) if request.url.path.endswith("/content") else None
        return None if found is None else httpx2.Response(200, content=found)

    desk.upstream.before = content
    told = await desk.batch({"inputs": PROMPTS})

    assert told.structured_content["done"] == 5, text_of(told)
    assert desk.upstream.asked["POST /batches"] == 1


@pytest.mark.parametrize(
    "other", ["1.1.000000000000", "2.1.{hash}", f"{'9' * 5000}.1.x", "٣.1.x", "1", "", "1.1", "0.0.0"]
)
async def test_a_line_that_nobody_asked_for_is_no_answer(desk: Desk, other: str) -> None:
    desk.upstream.before = contents(
        desk,
        lambda keys: "\n".join(
            [
                result_line(other.replace("{hash}", keys[0][-12:]), completion("wrong")),
                result_line(keys[0], completion("right")),
            ]
        ),
    )
    told = await desk.batch({"inputs": ["x"]})

    assert told.structured_content["done"] == 1, text_of(told)
    assert desk.records["1"]["answer"] == "right"
    assert (await desk.spent())["requests"] == 1


async def test_an_answer_that_comes_twice_counts_once(desk: Desk) -> None:
    desk.upstream.before = contents(
        desk, lambda keys: "\n".join([result_line(keys[-1], completion('{"name": 1}'))] * 3)
    )
    arguments = {"tool": "extract", "inputs": ["name: 西湖"], "arguments": {"json_schema": SCHEMA}}
    await desk.batch(arguments)

    assert desk.upstream.asked["POST /batches"] == 2  # the correction was asked, and not taken from the first
    assert (await desk.spent())["requests"] == 2


BOMBS = {
    "deep": '{"a":' * 100_000,
    "deep and whole": f'{{"custom_id": "x", "response": {"[" * 50_000}{"]" * 50_000}}}',
    "a huge number": f'{{"custom_id": {"9" * 10_000}}}',
    "a body of NaN": result_line(
        "KEY", completion("x", usage={"prompt_tokens": float("nan"), "completion_tokens": 1e300})
    ),
    "counts beyond all": result_line("KEY", completion("x", usage={"prompt_tokens": 10**30, "completion_tokens": -5})),
    "null": "null",
    "bytes": "\x00\x00",
}


@pytest.mark.parametrize("case", BOMBS)
async def test_a_line_made_to_break_what_reads_it_breaks_nothing(desk: Desk, case: str) -> None:
    desk.upstream.before = contents(
        desk, lambda keys: "\n".join([BOMBS[case].replace("KEY", keys[1]), result_line(keys[0], completion("fine"))])
    )
    told = await desk.batch({"inputs": ["x", "y"]})

    assert told.structured_content["items"] == 2, text_of(told)
    assert desk.records["1"]["answer"] == "fine"
    assert desk.upstream.asked["POST /batches"] == 1


STRANGE = {
    "errors are no list": {"errors": {"data": 5}},
    "errors are a number": {"errors": 5},
    "no status": {"status": None},
    "counts are texts": {"request_counts": {"total": "x", "completed": None}},
    "counts are huge": {"request_counts": {"total": 10**40, "completed": 10**40, "failed": 10**40}},
    "a status of markup": {"status": "<script>"},
    "ids are numbers": {"id": 7},
    "all is null": {"metadata": None, "request_counts": None, "errors": None, "output_file_id": None},
}


@pytest.mark.parametrize("case", STRANGE)
async def test_a_batch_told_in_another_form_once_is_looked_at_again(desk: Desk, case: str) -> None:
    told_once: list[str] = []

    def strange(request: httpx2.Request) -> httpx2.Response | None:
        if request.method != "GET" or "/batches/" not in request.url.path or told_once:
            return None
        told_once.append(case)
        id = request.url.path.rpartition("/")[2]
        return httpx2.Response(
            200, json={"id": id, "status": "in_progress", **STRANGE[case]}, headers={"x-bailian-sandbox": "1"}
        )

    desk.upstream.before = strange
    first = await desk.batch({"inputs": PROMPTS})
    told = first if not first.is_error else await desk.batch({"inputs": PROMPTS})

    assert "inside bailian-mcp" not in text_of(first), text_of(first)
    assert "Internal" not in text_of(first), text_of(first)
    assert told.structured_content["done"] == 5, text_of(told)
    assert desk.upstream.asked["POST /batches"] == 1


@pytest.mark.parametrize("id", ["../files", "a/../../b", "a\nb", "a b?x=1#y", "\x00", "é", "x" * 5_000, "sk-secret"])
async def test_an_id_is_never_an_address(desk: Desk, id: str) -> None:
    def created(request: httpx2.Request) -> httpx2.Response | None:
        if request.method == "POST" and request.url.path.endswith("/batches"):
            return httpx2.Response(200, json={"id": id, "status": "validating"}, headers={"x-bailian-sandbox": "1"})
        if request.method == "GET" and "/compatible-mode/v1/batches/" not in request.url.path:
            pytest.fail(str(request.url))
        return (
            httpx2.Response(404, json={"error": {"code": "NotFound", "message": "none"}})
            if request.method == "GET"
            else None
        )

    desk.upstream.before = created
    told = await desk.batch({"inputs": ["x"]})

    assert told.is_error
    assert "inside" not in text_of(told)
    assert "Internal" not in text_of(told), text_of(told)


@pytest.mark.parametrize("data", [5, [5], [{"id": None}], [{"metadata": {"ds_name": "x"}}], "text", {"a": 1}])
async def test_a_list_of_another_form_hides_nothing(desk: Desk, data: Any) -> None:
    def gone(request: httpx2.Request) -> None:
        if request.method == "POST" and request.url.path.endswith("/batches"):
            raise httpx2.ReadError("gone")

    desk.upstream.after = gone
    await desk.batch({"inputs": PROMPTS})
    desk.upstream.after = lambda request: None
    lists = iter([{"data": data}])

    def listed(request: httpx2.Request) -> httpx2.Response | None:
        if request.method == "GET" and request.url.path.endswith("/batches"):
            found = next(lists, None)
            return None if found is None else httpx2.Response(200, json=found)
        return None

    desk.upstream.before = listed
    told = await desk.batch({"inputs": PROMPTS})

    assert told.structured_content.get("done") == 5, text_of(told)
    assert desk.upstream.asked["POST /batches"] == 1


# --- what lies between two runs ---


def ended(desk: Desk, step: str) -> None:
    """From here on that request breaks the server's work off."""

    def gone(request: httpx2.Request) -> httpx2.Response | None:
        path = request.url.path.removeprefix("/compatible-mode/v1")
        if f"{request.method} /{path.split('/')[1]}" == step:
            raise httpx2.ReadError("gone")
        return None

    desk.upstream.before = gone


async def test_what_was_begun_at_another_service_is_not_asked_for_here(desk: Desk) -> None:
    ended(desk, "GET /batches")
    await desk.batch({"inputs": PROMPTS})
    desk.upstream.before = lambda request: None
    before = dict(desk.upstream.asked)
    other = await desk.batch({"inputs": PROMPTS}, host=host_at("https://dashscope-intl.aliyuncs.com"))
    unasked = dict(desk.upstream.asked)
    told = await desk.batch({"inputs": PROMPTS})

    assert "was begun at dashscope.aliyuncs.com" in text_of(other)
    assert unasked == before
    assert told.structured_content["done"] == 5


async def test_what_an_ended_server_held_for_a_plan_that_is_no_more_comes_free(desk: Desk) -> None:
    """Killed between holding and sealing; then another model was set."""
    desk.upstream.before = lambda request: pytest.fail("nothing may be sent")
    ended(desk, "POST /files")
    await desk.batch({"inputs": PROMPTS})
    work = desk.folder / "out" / ".results.jsonl.batch"
    journal = [line for line in (work / "journal.jsonl").read_text().splitlines() if '"output"' in line]
    (work / "journal.jsonl").write_text("\n".join(journal) + "\n")  # as it was before the round was sealed
    desk.upstream.before = lambda request: None
    told = await desk.batch({"inputs": PROMPTS}, models={"chat": "qwen-flash"})
    spent = await desk.spent()

    assert told.structured_content["done"] == 5, text_of(told)
    assert (spent["requests"], spent["at_least"]) == (5, spent["at_most"])


async def test_what_a_server_settled_before_it_was_killed_is_not_settled_twice(desk: Desk) -> None:
    arguments = {
        "json_schema": {"type": "object", "properties": {"name": {"type": "string"}}},
        "model": "sandbox-wrong-type",
    }
    asked = {"tool": "extract", "inputs": ["name: 西湖"], "arguments": arguments}
    desk.upstream.before = lambda request: (
        httpx2.Response(503) if request.url.path.endswith("/files") and desk.upstream.asked["POST /files"] > 1 else None
    )
    await desk.batch(asked)
    journal = desk.folder / "out" / ".results.jsonl.batch" / "journal.jsonl"
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    over = next(at for at, line in enumerate(lines) if '"over"' in line)
    journal.write_text("".join(lines[:over]), "utf-8")  # the results had come, and that they had was not noted
    before = await desk.spent()
    desk.upstream.before = lambda request: None
    await desk.batch(asked)
    spent = await desk.spent()

    assert (before["requests"], spent["requests"]) == (1, 2)
    assert desk.records["1"]["attempts"] == 2


async def test_max_cost_holds_for_all_rounds_together(desk: Desk) -> None:
    arguments = {"json_schema": SCHEMA, "model": "sandbox-wrong-type"}
    whole = {"tool": "extract", "inputs": ["name: 西湖"], "arguments": arguments}
    desk.upstream.before = contents(
        desk,
        lambda keys: result_line(
            keys[-1],
            completion('{"name": 1}', usage={"prompt_tokens": 10, "completion_tokens": 90_000, "total_tokens": 90_010}),
        ),
    )
    arguments["model"] = "qwen3.7-plus"
    told = await desk.batch({**whole, "max_cost": 0.15})
    spent = await desk.spent()

    assert Decimal(spent["at_least"]) > Decimal("0.15"), text_of(told)  # more than any model writes
    assert desk.upstream.asked["POST /batches"] == 1
    assert "max_cost leaves" in text_of(told)


@pytest.mark.parametrize("how", ["half_price", "now"])
async def test_a_journal_that_was_torn_loses_no_event_after_it(desk: Desk, how: str) -> None:
    ended(desk, "POST /chat" if how == "now" else "POST /batches")
    out = desk.folder / "out"
    work = out / ".results.jsonl.batch"
    work.mkdir(parents=True)
    (work / "journal.jsonl").write_bytes(b'{"begun": "1')
    desk.upstream.before = lambda request: None
    told = await desk.batch({"inputs": PROMPTS, "how": how})

    assert told.structured_content["done"] == 5, text_of(told)
    assert desk.written == ["results.jsonl"]


async def test_events_behind_a_torn_one_are_read(desk: Desk) -> None:
    ended(desk, "GET /batches")
    work = desk.folder / "out" / ".results.jsonl.batch"
    work.mkdir(parents=True)
    (work / "journal.jsonl").write_bytes(b'{"shard": "requests-1-1.jsonl", "fi')
    await desk.batch({"inputs": PROMPTS})
    events = [json.loads(line) for line in (work / "journal.jsonl").read_text().splitlines()[1:]]

    assert [next(iter(event)) for event in events][:2] == ["output", "round"]


async def test_an_empty_output_of_a_server_that_ended_at_once_is_gone_on_with(desk: Desk) -> None:
    ended(desk, "GET /batches")
    await desk.batch({"inputs": PROMPTS})
    out = desk.folder / "out"
    work = out / ".results.jsonl.batch"
    lines = (work / "journal.jsonl").read_text().splitlines()
    (work / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines if '"output"' not in line))
    (out / "results.jsonl").touch()
    desk.upstream.before = lambda request: None
    told = await desk.batch({"inputs": PROMPTS})

    assert told.structured_content.get("done") == 5, text_of(told)
    assert desk.upstream.asked["POST /batches"] == 1


@pytest.mark.parametrize(
    "plan", ["{}", "[]", '{"key": 1}', "", "[" * 50_000, '{"key": "KEY", "batch": 5, "items": "x"}']
)
async def test_a_plan_of_another_version_is_refused_and_nothing_is_asked_again(desk: Desk, plan: str) -> None:
    ended(desk, "GET /batches")
    await desk.batch({"inputs": PROMPTS})
    file = desk.folder / "out" / ".results.jsonl.batch" / "plan.json"
    file.write_text(plan.replace("KEY", json.loads(file.read_text())["key"]))
    desk.upstream.before = lambda request: None
    before = dict(desk.upstream.asked)
    told = await desk.batch({"inputs": PROMPTS})

    assert told.is_error, text_of(told)
    assert "inside" not in text_of(told)
    assert desk.upstream.asked["POST /batches"] == before["POST /batches"]


async def test_an_output_that_somebody_wrote_over_is_not_cut(desk: Desk) -> None:
    ended(desk, "GET /batches")
    await desk.batch({"inputs": PROMPTS})
    out = desk.folder / "out" / "results.jsonl"
    desk.upstream.before = lambda request: None
    if out.exists():
        pytest.fail("an empty output is none")
    out.write_text('{"id":"a","end":"done"}\n# mine\n')
    told = await desk.batch({"inputs": PROMPTS})

    assert out.read_text().startswith('{"id":"a","end":"done"}\n# mine\n')
    assert told.is_error or told.structured_content["done"]


# --- whose it is ---


async def test_a_plan_that_has_no_batch_leaves_nothing_of_the_inputs(desk: Desk) -> None:
    await desk.batch({"inputs": ["private"]}, host=host_at("https://coding.dashscope.aliyuncs.com/v1"))

    assert desk.written == []


# --- the disk and the tables ---


async def test_a_table_that_is_there_already_is_said_before_anything_is_paid(desk: Desk) -> None:
    (desk.folder / "out").mkdir()
    (desk.folder / "out" / "results.csv").write_text("mine")
    told = await desk.batch({"inputs": ["x"], "output": "results.csv"})

    assert "results.csv is in the output folder already" in text_of(told)
    assert not desk.upstream.asked
    assert (desk.folder / "out" / "results.csv").read_text() == "mine"
    assert desk.written == ["results.csv"]


async def test_a_table_whose_name_was_taken_meanwhile_ends_nothing(desk: Desk) -> None:
    def take(request: httpx2.Request) -> None:
        (desk.folder / "out" / "results.csv").write_text("mine")

    desk.upstream.after = take
    told = await desk.batch({"inputs": ["x"], "output": "results.csv"})

    assert told.structured_content.get("done") == 1, text_of(told)
    assert told.structured_content["table"].endswith("results-2.csv")
    assert desk.written == ["results-2.csv", "results.csv", "results.jsonl"]
    assert (desk.folder / "out" / "results.csv").read_text() == "mine"


async def test_what_a_model_names_a_column_is_run_by_no_spreadsheet(desk: Desk) -> None:
    names = {"=cmd|' /C calc'!A0": "x", "name": "\t=1+1", "id": "9", "end": "=2", "@x": "\r=1"}
    desk.upstream.before = contents(desk, lambda keys: result_line(keys[-1], completion(json.dumps(names))))
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    told = await desk.batch(
        {"tool": "extract", "inputs": ["x"], "output": "results.csv", "arguments": {"json_schema": schema}}
    )
    with (desk.folder / "out" / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        head, row = list(csv.reader(file))

    assert told.structured_content["done"] == 1, text_of(told)
    assert not [cell for cell in (*head, *row) if cell.startswith(("=", "@", "+", "-", "\t", "\r"))]
    assert row[head.index("id")] == "1"  # the input's own stays
    assert row[head.index("data.id")] == "9"


# --- what would be stored at DashScope ---


@pytest.mark.parametrize("arguments", [{"dry_run": True}, {"how": "half_price"}, {"dry_run": True, "how": "now"}])
async def test_neither_a_count_nor_a_plan_stores_a_document_at_dashscope(desk: Desk, arguments: dict[str, Any]) -> None:
    (desk.folder / "in").mkdir(exist_ok=True)
    (desk.folder / "in" / "a.txt").write_text("words " * 200)
    source = desk.write("in.jsonl", {"prompt": "x", "files": [str(desk.folder / "in" / "a.txt")]})
    told = await desk.batch({"source": source, "arguments": {"model": "qwen-long"}, **arguments})

    assert desk.upstream.asked["POST /files"] == 0, text_of(told)
    assert told.structured_content.get("failed", 1) == 1, text_of(told)


# --- at once ---


@pytest.mark.parametrize(
    "error", [(401, "InvalidApiKey", "Invalid API-key provided."), (400, "Arrearage", "Access denied.")]
)
async def test_what_every_input_would_meet_ends_it_and_leaves_the_rest(desk: Desk, error: tuple[int, str, str]) -> None:
    desk.upstream.before = lambda request: refusal(*error)
    arguments = {"inputs": [str(number) for number in range(50)], "how": "now"}
    stopped = await desk.batch(arguments)
    asked = desk.upstream.asked["POST /chat"]
    desk.upstream.before = lambda request: None
    told = await desk.batch(arguments)

    assert asked <= 8
    assert stopped.structured_content["left"] == 50, text_of(stopped)
    assert told.structured_content["done"] == 50


async def test_an_outage_leaves_what_was_not_asked(desk: Desk) -> None:
    def down(request: httpx2.Request) -> httpx2.Response | None:
        raise httpx2.ConnectError("down")

    desk.upstream.before = down
    arguments = {"inputs": [str(number) for number in range(50)], "how": "now"}
    stopped = await desk.batch(arguments)
    desk.upstream.before = lambda request: None
    told = await desk.batch(arguments)

    assert stopped.structured_content["left"] == 50, text_of(stopped)
    assert told.structured_content["done"] == 50


# --- patterns ---


@pytest.mark.parametrize(
    "pattern",
    [
        "~nobody-here/*.txt",
        "IN/*/a\0/*",
        "IN/a\0*",
        "IN/" + "x" * 5_000 + "/*",
        "IN/" + "*/" * 300 + "x",
        "IN/[",
        "IN/**x/../../*",
    ],
)
async def test_a_pattern_that_names_nothing_says_so(desk: Desk, pattern: str) -> None:
    (desk.folder / "in" / "sub").mkdir(parents=True)
    told = await desk.batch({"source": pattern.replace("IN", str(desk.folder / "in")), "dry_run": True})

    assert told.is_error
    assert "inside bailian-mcp" not in text_of(told), text_of(told)


async def test_a_pattern_does_not_walk_through_links_for_ever(desk: Desk) -> None:
    root = desk.folder / "in"
    root.mkdir()
    for name in "abcdef":
        (root / name).symlink_to(root, target_is_directory=True)
    (root / "x.txt").write_text("x")
    with anyio.fail_after(10):
        told = await desk.batch({"source": str(root / "**" / "*.txt"), "arguments": {"prompt": "x"}, "dry_run": True})

    assert not told.is_error, text_of(told)
    assert told.structured_content["items"] == 1
