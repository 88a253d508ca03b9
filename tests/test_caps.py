"""Caps that hold: what a request could cost at worst is held before it is sent, and settled when it has ended."""

import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from bailian_mcp.server.calls.jobs import Jobs
from bailian_mcp.server.catalog import plain, shipped
from bailian_mcp.server.endpoints import host as host_at
from bailian_mcp.server.spending import Caps, Database, Ledger

from .conftest import ANSWER, NOW, FakeDashScope, Hosted, chunk, finish, refusal, sse, stream, text_of, usage

pytestmark = pytest.mark.anyio
CALL = {"prompt": "用一句话介绍杭州西湖。"}
PRICE = Decimal("0.006")  # of the answer that `stream` gives: 1,000 + 500 tokens of qwen3.7-plus
INPUT, OUTPUT = Decimal("0.000002"), Decimal("0.000008")  # a token of qwen3.7-plus


@pytest.fixture
def era() -> str:
    return "2026-07-28"  # money does not depend on it


def caps(**given: str) -> Caps:
    return Caps(**{f"per_{span}": Decimal(cny) for span, cny in given.items()})


def limit(wire: FakeDashScope) -> int:
    return int(wire.body["max_completion_tokens"])


async def used(client: Any, **arguments: Any) -> dict[str, Any]:
    return dict((await client.call_tool("usage", arguments)).structured_content)


# --- before it is sent ---


async def test_a_call_that_fits_is_sent_as_it_is(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(call="1", session="1", day="1"), kept=(tmp_path,)) as client:
        told = await client.call_tool("chat", CALL)
        found = await used(client)

    assert (limit(wire), "cap" in text_of(told)) == (16_384, False)
    assert found["total"]["at_least"] == found["total"]["at_most"] == str(PRICE)
    assert {cap["name"]: cap["left"] for cap in found["caps"]} == {
        "BAILIAN_MAX_COST_PER_CALL": None,
        "BAILIAN_MAX_COST_PER_SESSION": "0.994",
        "BAILIAN_MAX_COST_PER_DAY": "0.994",
    }


@pytest.mark.parametrize("span", ["call", "session", "day"])
async def test_where_less_is_left_the_output_is_limited_to_what_that_pays_and_it_is_said(
    hosted: Hosted, tmp_path: Path, span: str
) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(**{span: "0.02"}), kept=(tmp_path,)) as client:
        told = await client.call_tool("chat", CALL)

    assert f"a spending cap limits the output to {limit(wire):,} tokens" in text_of(told)
    assert 0 < limit(wire) * OUTPUT < Decimal("0.02") <= (limit(wire) + 1_200) * OUTPUT


async def test_over_the_cap_nothing_is_sent_and_the_refusal_says_what_fits(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(day="0.01"), kept=(tmp_path,)) as client:
        first = await client.call_tool("chat", CALL)
        refused = await client.call_tool("chat", CALL)
        named = re.findall(r"model=([\w.-]+)", text_of(refused))
        again = await client.call_tool("chat", {**CALL, "model": named[0]})

    assert (first.is_error, refused.is_error, again.is_error) == (False, True, False)
    assert len(wire.requests) == 2
    assert (
        "BAILIAN_MAX_COST_PER_DAY leaves 0.004 of 0.01 CNY until 2026-11-23 00:00 Beijing time. Nothing was sent."
        in (text_of(refused))
    )


async def test_a_cap_of_nothing_lets_nothing_through(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(day="0"), kept=(tmp_path,)) as client:
        refused = await client.call_tool("chat", CALL)
        free = await client.call_tool("models", {"query": "qwen"})

    assert (refused.is_error, free.is_error, wire.requests) == (True, False, [])
    assert text_of(refused).endswith("Nothing was sent. Have the cap raised for more.")


async def test_of_a_long_input_a_shorter_one_is_advised(hosted: Hosted, tmp_path: Path) -> None:
    async with hosted(FakeDashScope([stream()]), caps=caps(day="0.01"), kept=(tmp_path,)) as client:
        refused = await client.call_tool("chat", {"prompt": "西湖" * 20_000})

    assert "A shorter input costs less: fewer files or pages." in text_of(refused)


async def test_a_thinking_budget_is_lowered_with_the_output(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(call="0.05"), kept=(tmp_path,)) as client:
        await client.call_tool("chat", {**CALL, "thinking": "high"})

    assert wire.body["thinking_budget"] == limit(wire) // 2 < 32_768


@pytest.mark.parametrize(
    ("model", "has"),
    [("qwen3-max", "max_tokens"), ("qwen3.8-max", "max_completion_tokens"), ("qwen-plus", "max_tokens")],
)
async def test_each_family_is_limited_in_its_own_words(hosted: Hosted, tmp_path: Path, model: str, has: str) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(call="0.05"), kept=(tmp_path,)) as client:
        told = await client.call_tool("chat", {**CALL, "model": model})

    assert not told.is_error, text_of(told)
    assert 0 < wire.body[has] < 16_384


async def test_reasoning_that_nothing_limits_is_held_in_full(hosted: Hosted, tmp_path: Path) -> None:
    """`reasoning_effort` beside `max_tokens`: the limit is of the answer alone."""
    wire = FakeDashScope([stream()])
    call = {**CALL, "model": "qwen3.8-27b", "thinking": "high"}
    async with hosted(wire, caps=caps(call="0.5"), kept=(tmp_path,)) as client:
        refused = await client.call_tool("chat", call)
    async with hosted(wire, caps=caps(call="50"), kept=(tmp_path,)) as client:
        told = await client.call_tool("chat", call)

    assert (refused.is_error, told.is_error, len(wire.requests)) == (True, False, 1)


async def test_of_such_a_request_the_answer_alone_is_limited(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    call = {**CALL, "model": "qwen3.8-27b", "thinking": "high"}
    async with hosted(wire, caps=caps(call="0.001"), kept=(tmp_path,)) as client:
        said = text_of(await client.call_tool("chat", call))
        most, least = (Decimal(cny) for cny in re.findall(r"([\d.]+) CNY, ([\d.]+) with", said)[0])
    async with hosted(wire, caps=caps(call=str((most + least) / 2)), kept=(tmp_path,)) as client:
        told = await client.call_tool("chat", call)

    assert not told.is_error
    assert "thinking_budget" not in wire.body
    assert 256 < wire.body["max_tokens"] < 16_384


async def test_a_short_answer_that_would_fit_is_named_and_fits(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(call="0.003"), kept=(tmp_path,)) as client:
        refused = await client.call_tool("chat", CALL)
        named = re.search(r"With max_output_tokens=(\d+) it fits\.", text_of(refused))
        assert named
        told = await client.call_tool("chat", {**CALL, "max_output_tokens": int(named[1])})

    assert not told.is_error
    assert limit(wire) == int(named[1]) < 256


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"model": "no-such-model"}, "no-such-model is not in the catalog"),
        ({"files": ["https://example.com/a.pdf"], "model": "qwen3.8-flash"}, "nobody has counted the pages"),
    ],
)
async def test_what_has_no_known_price_is_refused_while_a_cap_is_set(
    hosted: Hosted, tmp_path: Path, given: dict[str, Any], why: str
) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(day="100"), kept=(tmp_path,)) as client:
        refused = await client.call_tool("chat", {**CALL, **given})

    assert why in text_of(refused)
    assert "Nothing was sent" in text_of(refused)
    assert wire.requests == []


async def test_another_server_has_no_price_so_a_cap_refuses_it(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    other = host_at("https://llm.example.com/v1")
    async with hosted(wire, host=other, caps=caps(day="100"), kept=(tmp_path,)) as client:
        refused = await client.call_tool("chat", {**CALL, "model": "llama"})

    assert (refused.is_error, wire.requests) == (True, [])
    assert "not DashScope" in text_of(refused)


async def test_a_search_holds_as_much_input_as_the_model_takes(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(call="0.5"), kept=(tmp_path,)) as client:
        refused = await client.call_tool("web_search", {"question": "西湖"})

    assert (refused.is_error, wire.requests) == (True, [])
    assert "What fits: model=" in text_of(refused)


async def test_where_nobody_says_whether_a_partners_model_thinks_its_reasoning_is_held(
    hosted: Hosted, tmp_path: Path
) -> None:
    """Of those whose makers sell them themselves the catalog knows little, and some do think."""
    wire = FakeDashScope([httpx2.ReadError("cut off")])
    async with hosted(wire, caps=caps(call="50"), kept=(tmp_path,)) as client:
        await client.call_tool("chat", {**CALL, "model": "xiaomi/mimo-v2.5-pro"})
        held = Decimal((await used(client))["total"]["at_most"])

    assert held > (wire.body["max_tokens"] + 262_144) * Decimal("0.000021")


@pytest.mark.parametrize(("cap", "budget"), [("9", 32_768), ("0.6", None)])
async def test_a_model_that_is_asked_to_think_may_whatever_the_catalog_knows(
    hosted: Hosted, tmp_path: Path, cap: str, budget: int | None
) -> None:
    wire = FakeDashScope([httpx2.ReadError("cut off")])
    async with hosted(wire, caps=caps(call=cap), kept=(tmp_path,)) as client:
        await client.call_tool("chat", {**CALL, "model": "vanchin/deepseek-v4-pro-0813", "thinking": "high"})
        held = Decimal((await used(client))["total"]["at_most"])

    assert budget in (None, wire.body["thinking_budget"])
    assert (wire.body["max_tokens"] + wire.body["thinking_budget"]) * Decimal("0.000027") < held <= Decimal(cap)


async def test_of_many_short_messages_what_frames_each_is_held(hosted: Hosted, tmp_path: Path) -> None:
    """`<|im_start|>user` and `<|im_end|>`, each with a new line, are five tokens of ChatML, however short what is said."""
    wire = FakeDashScope([httpx2.ReadError("cut off")])
    history = [{"role": role, "content": "好"} for role in ("user", "assistant")] * 2_000
    async with hosted(wire, caps=caps(call="50"), kept=(tmp_path,)) as client:
        await client.call_tool("chat", {**CALL, "history": history})
        held = Decimal((await used(client))["total"]["at_most"])

    assert held - limit(wire) * OUTPUT > 4_000 * (5 + len("好".encode())) * INPUT


@pytest.mark.parametrize(
    ("model", "strategy", "reasoning_tokens"),
    [
        ("qwen3.7-max-2026-05-17", "turbo", 262_144),
        ("qwen3.7-max-2026-05-17", "agent", 262_144),
        ("qwen3.8-2.4t-a95b", "max", 131_072),
        ("kimi-k3", "agent", 1_048_576),
    ],
)
async def test_of_a_search_that_thinks_the_reasoning_is_held_beside_the_limit(
    hosted: Hosted, tmp_path: Path, model: str, strategy: str, reasoning_tokens: int
) -> None:
    """Neither the native protocol nor the Responses API (of all but qwen3.8) counts it in its limit, whatever the
    model's own parameter in chat completions does.
    """
    wire = FakeDashScope([httpx2.ReadError("cut off")])
    call = {"question": "西湖", "model": model, "strategy": strategy}
    async with hosted(wire, caps=caps(call="500"), kept=(tmp_path,)) as client:
        await client.call_tool("web_search", call)
        held = Decimal((await used(client))["total"]["at_most"])

    limits = wire.body.get("parameters", wire.body)
    answer = limits.get("max_tokens") or limits["max_output_tokens"]
    known = shipped().find(model)
    assert known
    assert known.limits.max_input
    (dearest,) = [price.tiers[-1] for price in known.prices if price.region == "cn-beijing"]
    assert dearest.output
    read, written = known.limits.max_input * dearest.text_input, (answer + reasoning_tokens) * dearest.output
    assert held > (read + written) / 1_000_000


@pytest.mark.parametrize("share", ["0.1", "0.5", "0.9"])
@pytest.mark.parametrize(("model", "strategy"), [("qwen3.7-max-2026-05-17", "turbo"), ("kimi-k3", "agent")])
async def test_of_such_a_search_what_can_be_limited_is(
    hosted: Hosted, tmp_path: Path, model: str, strategy: str, share: str
) -> None:
    """The native protocol takes a budget for the reasoning; the Responses API none."""
    wire = FakeDashScope([stream()])
    call = {"question": "西湖", "model": model, "strategy": strategy}
    async with hosted(wire, caps=caps(call="0.001"), kept=(tmp_path,)) as client:
        said = text_of(await client.call_tool("web_search", call))
        most, least = (Decimal(cny) for cny in re.findall(r"([\d.]+) CNY, ([\d.]+) with", said)[0])
    async with hosted(wire, caps=caps(call=str(least + (most - least) * Decimal(share))), kept=(tmp_path,)) as client:
        await client.call_tool("web_search", call)

    limits = wire.body.get("parameters", wire.body)
    if strategy == "agent":
        assert "thinking_budget" not in limits
        assert 256 <= limits["max_output_tokens"] <= 16_384
    else:
        assert limits["max_tokens"] <= 16_384
        assert limits["max_tokens"] + limits["thinking_budget"] <= 16_384 + 262_144 * Decimal(share)


# --- when it has ended ---


def cut() -> httpx2.Response:
    return stream(sse(chunk(content="西湖"), done=False))


def silent_failure() -> Exception:
    return httpx2.ReadError("gone")


@pytest.mark.parametrize(
    ("step", "outcome", "certain"),
    [
        (stream, "answered", True),
        (cut, "cut", False),
        (partial(refusal, 400, "InvalidParameter", "no"), "refused", True),
        (partial(refusal, 401, "InvalidApiKey", "no"), "refused", True),
        (partial(refusal, 500, "InternalError", "no"), "failed", False),
        (partial(refusal, 504, "ResponseTimeout", "no"), "failed", False),
    ],
)
async def test_what_is_not_known_to_be_free_stays_held(
    hosted: Hosted, tmp_path: Path, step: Callable[[], httpx2.Response], outcome: str, certain: bool
) -> None:
    async with hosted(FakeDashScope([step()]), caps=caps(day="0.1"), kept=(tmp_path,)) as client:
        await client.call_tool("chat", CALL)
        found = await used(client)

    least, most = Decimal(found["total"]["at_least"]), Decimal(found["total"]["at_most"])
    assert (least == most) is certain
    assert most == {"answered": PRICE, "refused": 0}.get(outcome, Decimal("0.1")), found
    assert found["total"]["uncertain"] == int(not certain)


async def test_a_broken_connection_stays_held_and_one_that_was_never_made_does_not(
    hosted: Hosted, tmp_path: Path
) -> None:
    wire = FakeDashScope([httpx2.ReadError("gone"), httpx2.ConnectError("no route")])
    async with hosted(wire, caps=caps(day="0.3"), kept=(tmp_path,)) as client:
        await client.call_tool("chat", CALL)
        one = await used(client)
        await client.call_tool("chat", CALL)
        both = await used(client)

    assert one["total"]["uncertain"] == both["total"]["uncertain"] == 1
    assert one["total"]["at_most"] == both["total"]["at_most"] != "0"


async def test_without_a_key_nothing_was_sent_and_nothing_is_kept(hosted: Hosted, tmp_path: Path) -> None:
    async with hosted(FakeDashScope([stream()]), caps=caps(day="1"), kept=(tmp_path,)) as client:
        assert (await used(client))["total"]["requests"] == 0


async def test_a_cancelled_call_stays_held_once_it_was_sent(hosted: Hosted, tmp_path: Path) -> None:
    asked = anyio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield sse(chunk(content="西湖"), done=False)
        asked.set()
        await anyio.sleep_forever()

    async with hosted(FakeDashScope([lambda: stream(endless())]), caps=caps(day="0.1"), kept=(tmp_path,)) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "chat", CALL)
            await asked.wait()
            tasks.cancel_scope.cancel()
        found = await used(client)
        while found["total"]["requests"] == 1 and "cancelled" not in await outcomes(client):
            await anyio.lowlevel.checkpoint()
        found = await used(client)

    assert (found["total"]["uncertain"], found["total"]["at_most"]) == (1, "0.1")


async def outcomes(client: Any) -> str:
    groups = await client.call_tool("usage", {"id": "req-1"})
    return text_of(groups)


async def test_repairs_and_pages_of_one_call_count_together(hosted: Hosted, tmp_path: Path) -> None:
    """The first answer does not fit; its repair would pass the cap, so the best there is comes back."""
    wire = FakeDashScope([stream(sse(chunk(content='{"n": "x"}'), finish(), usage()))])
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    async with hosted(wire, caps=caps(call="0.01"), kept=(tmp_path,)) as client:
        told = await client.call_tool("extract", {"json_schema": schema, "text": "n is 7"})

    assert len(wire.requests) == 1
    assert told.is_error
    assert told.structured_content["data"] == {"n": "x"}


# --- who else spends ---


async def test_64_calls_at_once_never_pass_a_cap(hosted: Hosted, tmp_path: Path) -> None:
    """Each costs what it may: the sum that was sent is within the cap, and every refusal sent nothing."""

    class Dear(FakeDashScope):
        async def __call__(self, request: httpx2.Request) -> httpx2.Response:
            await super().__call__(request)
            tokens = json.loads(request.content)["max_completion_tokens"]
            return stream(sse(chunk(content="西湖"), finish("length"), usage(1_000, tokens)))

    wire = Dear([stream()])
    async with hosted(wire, caps=caps(day="0.5"), kept=(tmp_path,)) as client:
        results: list[Any] = []

        async def call() -> None:
            results.append(await client.call_tool("chat", CALL))

        async with anyio.create_task_group() as tasks:
            for _ in range(64):
                tasks.start_soon(call)
        found = await used(client)

    answered = [result for result in results if not result.is_error]
    told = sum(Decimal(result.structured_content["cost"]["total"]) for result in answered)
    assert Decimal("0.4") < told <= Decimal("0.5")
    assert len(answered) == len(wire.requests) < 64
    assert found["total"]["at_least"] == found["total"]["at_most"] == plain(told)


async def test_a_new_day_has_its_cap_to_itself(hosted: Hosted, tmp_path: Path) -> None:
    wire, now = FakeDashScope([stream()]), NOW
    async with hosted(wire, caps=caps(day="0.01"), kept=(tmp_path,), now=lambda: now) as client:
        assert not (await client.call_tool("chat", CALL)).is_error
        assert (await client.call_tool("chat", CALL)).is_error
        now = NOW + timedelta(hours=12)
        assert not (await client.call_tool("chat", CALL)).is_error


async def test_a_session_ends_with_its_process_and_a_day_does_not(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    for given, refused in (({"session": "0.01"}, False), ({"day": "0.01"}, True)):
        for number in range(2):
            async with hosted(wire, caps=caps(**given), kept=(tmp_path / str(given),)) as client:
                assert (await client.call_tool("chat", CALL)).is_error is (refused and number == 1)


# --- a file that is lost ---


async def test_a_deleted_ledger_opens_no_cap_until_somebody_says_what_was_spent(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    given: dict[str, Any] = {"caps": caps(day="0.02"), "kept": (tmp_path,)}
    async with hosted(wire, **given) as client:
        await client.call_tool("chat", CALL)
    (tmp_path / "state.db").unlink()
    async with hosted(wire, **given) as client:
        refused = await client.call_tool("chat", CALL)
        async with Jobs(tmp_path) as jobs:
            assert await Ledger(jobs.database).confirm("2026-11-22", 6_000_000) == 6_000_000
        told = await client.call_tool("chat", CALL)
        found = await used(client)

    assert "bailian-mcp usage --confirm-spent" in text_of(refused)
    assert (refused.is_error, told.is_error, len(wire.requests)) == (True, False, 2)
    assert next(cap["left"] for cap in found["caps"]) == "0.008"


async def test_on_the_next_day_a_lost_ledger_matters_no_more(hosted: Hosted, tmp_path: Path) -> None:
    wire, now = FakeDashScope([stream()]), NOW
    given: dict[str, Any] = {"caps": caps(day="0.02"), "kept": (tmp_path,), "now": lambda: now}
    async with hosted(wire, **given) as client:
        await client.call_tool("chat", CALL)
    (tmp_path / "state.db").unlink()
    async with hosted(wire, **given) as client:
        assert (await client.call_tool("chat", CALL)).is_error
        now = NOW + timedelta(days=1)
        assert not (await client.call_tool("chat", CALL)).is_error


async def test_a_broken_ledger_stops_calls_only_where_a_cap_is_set(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, kept=(tmp_path,)) as client:
        await client.call_tool("chat", CALL)
    (tmp_path / "state.db").write_bytes(b"no database " * 999)
    async with hosted(wire, kept=(tmp_path,)) as client:
        assert not (await client.call_tool("chat", CALL)).is_error
    async with hosted(wire, caps=caps(day="1"), kept=(tmp_path,)) as client:
        assert (await client.call_tool("chat", CALL)).is_error


async def test_where_nothing_can_be_kept_a_cap_lets_nothing_through(hosted: Hosted, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(call="1"), kept=(tmp_path / "file" / "state",)) as client:
        refused = await client.call_tool("chat", CALL)
    async with hosted(wire, kept=(tmp_path / "file" / "state",)) as client:
        told = await client.call_tool("chat", CALL)

    assert "A spending cap is set and cannot be held: the state folder cannot be used" in text_of(refused)
    assert "see that this user can write there, and restart the server. Nothing was sent." in text_of(refused)
    assert (refused.is_error, told.is_error, len(wire.requests)) == (True, False, 1)


# --- what was spent ---


async def test_usage_adds_up_and_tells_one_call_in_full(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream(request_id="req-abcdefgh"), stream(request_id="req-22222222"), cut()])
    async with hosted(wire, kept=(tmp_path,)) as client:
        await client.call_tool("chat", CALL)
        await client.call_tool("chat", {**CALL, "model": "qwen3.8-flash"})
        await client.call_tool("chat", CALL)
        by_model = await used(client, by="model")
        one = await client.call_tool("usage", {"id": "abcdefgh"})
        none = await client.call_tool("usage", {"id": "nowhere1"})
        table = text_of(await client.call_tool("usage", {"by": "tool"}))

    assert [group["name"] for group in by_model["groups"]] == ["qwen3.7-plus", "qwen3.8-flash"]
    assert (by_model["total"]["requests"], by_model["total"]["uncertain"]) == (3, 1)
    assert "0.006 CNY = 1,000 input x 2/M + 500 output x 8/M" in text_of(one)
    assert none.is_error
    assert "chat: 3 requests, 2,000+1,000 tokens" in table
    assert "No cap is set" in table


async def test_a_sandbox_has_sums_of_its_own(hosted: Hosted, tmp_path: Path) -> None:
    marked = stream()
    marked.headers["x-bailian-sandbox"] = "true"
    here = host_at("http://127.0.0.1:9")
    async with hosted(FakeDashScope([marked]), host=here, caps=caps(day="1"), kept=(tmp_path,)) as client:
        told = await client.call_tool("chat", CALL)
        mine = await client.call_tool("usage", {})
    async with hosted(FakeDashScope([stream()]), caps=caps(day="1"), kept=(tmp_path,)) as client:
        real = await used(client)

    assert told.structured_content["sandbox"] is True
    assert text_of(mine).startswith("[SANDBOX, no money: ")
    assert (real["total"]["requests"], real["caps"][0]["left"]) == (0, "1")


async def test_a_gateway_that_takes_the_place_of_a_sandbox_fills_the_caps_again(hosted: Hosted, tmp_path: Path) -> None:
    """At the same address, while the server runs: its requests were looked up in the sandbox's sums for ever."""
    marked = stream()
    marked.headers["x-bailian-sandbox"] = "true"
    wire = FakeDashScope([marked, *(stream() for _ in range(9))])
    here = host_at("http://127.0.0.1:9", "cn-beijing")
    async with hosted(wire, host=here, caps=caps(day="0.02"), kept=(tmp_path,)) as client:
        results = [await client.call_tool("chat", {"prompt": f"{number}"}) for number in range(9)]
        found = await used(client)

    assert [result.is_error for result in results] == [False] * 4 + [True] * 5  # 0.006 CNY each, the first of no money
    assert found["caps"][0]["spent"] == "0.018"


async def test_who_is_not_on_this_machine_is_no_sandbox_whatever_it_says(hosted: Hosted, tmp_path: Path) -> None:
    """Or spending would be moved out of the caps."""
    marked = stream()
    marked.headers["x-bailian-sandbox"] = "true"
    async with hosted(FakeDashScope([marked]), caps=caps(day="1"), kept=(tmp_path,)) as client:
        await client.call_tool("chat", CALL)
        found = await used(client)

    assert (found["total"]["at_least"], found["caps"][0]["left"]) == (str(PRICE), "0.994")


async def test_a_refusal_after_something_was_counted_is_not_free(hosted: Hosted, tmp_path: Path) -> None:
    filtered = {"error": {"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}}
    wire = FakeDashScope([stream(sse(usage(), filtered))])
    async with hosted(wire, caps=caps(day="1"), kept=(tmp_path,)) as client:
        told = await client.call_tool("chat", CALL)
        found = await used(client)

    assert told.is_error
    assert (found["total"]["at_least"], found["total"]["uncertain"]) == (str(PRICE), 1)
    assert Decimal(found["total"]["at_most"]) > PRICE


async def test_a_folder_that_others_may_write_to_opens_no_cap(hosted: Hosted, tmp_path: Path) -> None:
    """Not even for the first call, which finds it so."""
    (folder := tmp_path / "open").mkdir()
    folder.chmod(0o777)
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(day="1"), kept=(folder,)) as client:
        refused = await client.call_tool("chat", CALL)
        found = text_of(await client.call_tool("usage", {}))

    assert (refused.is_error, wire.requests) == (True, [])
    assert "others may write to it" in found


async def test_what_another_call_holds_is_waited_for(hosted: Hosted, tmp_path: Path) -> None:
    """Each holds 0.13 CNY, and costs 0.006: all of them fit, one after another."""
    wire = FakeDashScope([stream()])
    results: list[Any] = []
    async with hosted(wire, caps=caps(session="0.14"), kept=(tmp_path,)) as client:

        async def call() -> None:
            results.append(await client.call_tool("chat", CALL))

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(call)

    assert [result.is_error for result in results] == [False] * 8


class HeldUp(Database):
    """A file that another program has locked, for as long as the story says."""

    held_up: anyio.Event | None = None
    looks = 0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reached = anyio.Event()

    async def run(self, work: Callable[[Any], Any], *, short: bool = False) -> Any:
        self.looks += 1
        if self.held_up:
            self.reached.set()
            with anyio.CancelScope(shield=True):
                await self.held_up.wait()
        return await super().run(work, short=short)


async def test_what_waited_over_midnight_is_of_the_day_on_which_it_is_sent(hosted: Hosted, tmp_path: Path) -> None:
    """Its cap is that day's, and so will its bill be."""
    midnight, answer, day = NOW + timedelta(hours=12), anyio.Event(), [NOW + timedelta(hours=12, seconds=-1)]

    async def slowly() -> AsyncIterator[bytes]:
        await answer.wait()
        yield ANSWER

    wire, store = FakeDashScope([lambda: stream(slowly()), stream()]), HeldUp(tmp_path)
    async with hosted(wire, caps=caps(session="0.135"), ledger=Ledger(store), now=lambda: day[0]) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "chat", CALL)
            while not wire.requests:
                await anyio.sleep(0.01)
            looks = store.looks
            tasks.start_soon(client.call_tool, "chat", {"prompt": "the next day"})
            while store.looks < looks + 2:  # it found too little, and looks again
                await anyio.sleep(0.01)
            day[0] = midnight
            answer.set()
        found = await used(client, by="day")

    assert {group["name"]: group["requests"] for group in found["groups"]} == {"2026-11-22": 1, "2026-11-23": 1}


async def test_a_call_cancelled_while_the_ledger_is_slow_is_not_sent_and_holds_nothing(
    hosted: Hosted, tmp_path: Path
) -> None:
    wire, store, locked = FakeDashScope([stream()]), HeldUp(tmp_path), anyio.Event()
    async with hosted(wire, caps=caps(session="1"), ledger=Ledger(store)) as client:
        store.held_up = locked
        async with anyio.create_task_group() as tasks:
            scope = anyio.CancelScope()
            tasks.start_soon(_call_within, scope, client)
            await store.reached.wait()
            scope.cancel()
        await client.call_tool("models", {})  # by now the server knows that it was cancelled
        store.held_up = None
        locked.set()
        while (left := (await used(client))["caps"][0])["held"] != "0":
            pass

    assert (wire.requests, left["spent"]) == ([], "0")


async def _call_within(scope: anyio.CancelScope, client: Any) -> None:
    with scope:
        await client.call_tool("chat", {"prompt": "another"})


async def test_a_ledger_deleted_under_a_running_server_shuts_its_caps(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(day="1"), kept=(tmp_path,)) as client:
        await client.call_tool("chat", CALL)
        (tmp_path / "state.db").unlink()
        refused = await client.call_tool("chat", CALL)

    assert (refused.is_error, len(wire.requests)) == (True, 1)


async def test_where_a_region_has_several_price_scopes_the_dearest_is_held(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    europe = host_at("", "eu-central-1", "llm-1")
    async with hosted(wire, host=europe, caps=caps(call="0.5"), kept=(tmp_path,)) as client:
        await client.call_tool("chat", {**CALL, "model": "qwen3-max"})

    assert wire.body["max_tokens"] < 0.5 / 44.965e-6  # CNY a token of output in the dearer one; 10e-6 in the other


# --- the worst case ---


def test_the_dearer_tier_is_never_the_cheaper() -> None:
    """So that the most input is the worst case."""
    for price in (price for model in shipped().models for price in model.prices):
        for tiers in (price.tiers, price.off_peak.tiers if price.off_peak else ()):
            for name in ("input", "output", "output_thinking"):
                row = [getattr(tier, name) for tier in tiers if getattr(tier, name) is not None]
                assert row == sorted(row)


def test_no_context_has_caps_unless_they_are_set() -> None:
    assert not Caps()
