"""Requests wait for a turn of their model, as the catalog knows it or as refusals teach; a host that is down is told.

The clock is the stories' own: where nothing can go on, it is at once as late as the next one waits for.
"""

import asyncio
import json
import selectors
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from bailian_mcp.server.calls.call import Call
from bailian_mcp.server.calls.context import AppContext
from bailian_mcp.server.calls.language import in_chinese
from bailian_mcp.server.calls.progress import Progress
from bailian_mcp.server.calls.rates import MAX_PACED_MODELS, ModelPace, Rates
from bailian_mcp.server.catalog import RateLimit
from bailian_mcp.server.dashscope import ChatCompletions, DashScope, DashScopeError
from bailian_mcp.server.endpoints import host
from bailian_mcp.server.spending import Caps
from conftest import (
    HOST,
    FakeDashScope,
    Hosted,
    Step,
    chunk,
    dashscope,
    finish,
    refusal,
    sse,
    stream,
    text_of,
    told,
    usage,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.anyio

SLOW = "qwen3.7-max-preview"  # 60 requests and 500,000 tokens a minute in Beijing
UNPACED = "qwen-of-tomorrow"  # which the catalog does not hold
BUSY = refusal(429, "limit_requests", "You exceeded your current requests list.")
TICK_S = 1e-6  # for what is due a rounding error from now


IN_THREADS: list[object] = []  # what is being done in one, and is waited for


@pytest.fixture(autouse=True)
def _count_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    run_sync = anyio.to_thread.run_sync

    async def counted(*given: Any, **more: Any) -> Any:
        IN_THREADS.append(given)
        try:
            return await run_sync(*given, **more)
        finally:
            IN_THREADS.pop()

    monkeypatch.setattr(anyio.to_thread, "run_sync", counted)


class Hurried(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer where nothing is ready."""

    def __init__(self) -> None:
        self.now = 1_000.0
        selector = selectors.DefaultSelector()
        select = selector.select

        def jump(timeout: float | None = None) -> Any:
            while not (ready := select(0 if timeout else timeout)) and timeout and IN_THREADS:
                if ready := select(0.01):  # the ledger writes in a thread, whose time is real
                    break
            self.now += TICK_S if ready or timeout is None else timeout + TICK_S
            return ready

        selector.select = jump  # type: ignore[method-assign]
        super().__init__(selector)

    def time(self) -> float:
        return self.now


@pytest.fixture
def anyio_backend() -> Any:
    return "asyncio", {"loop_factory": Hurried}


@pytest.fixture
def era() -> str:
    """What is paced here does not depend on it."""
    return "2026-07-28"


class Clocked(FakeDashScope):
    """Knows when it was asked."""

    def __init__(self, *steps: Step, lag_s: float = 0) -> None:
        super().__init__(list(steps))
        self.lag_s = lag_s
        self.at: list[float] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.at.append(anyio.current_time())
        await anyio.sleep(self.lag_s)
        return await super().__call__(request)


def again(response: Callable[[], httpx2.Response] = stream) -> Step:
    return lambda: response()


def busy() -> httpx2.Response:
    return refusal(429, "limit_requests", "You exceeded your current requests list.")


def most_in_a_minute(at: list[float], amounts: list[int] | None = None) -> int:
    """The most that fell into any minute that begins with one of them; turns are kept, and the way from a turn to the
    wire differs by some turns of the loop.
    """
    sizes, minute_s = amounts or [1] * len(at), 60 - 100 * TICK_S
    return max(sum(size for when, size in zip(at, sizes, strict=True) if 0 <= when - start < minute_s) for start in at)


def many_tokens(prompt: int) -> Callable[[], httpx2.Response]:
    return lambda: stream(sse(chunk(content="湖"), finish(), usage(prompt, 1)))


async def silent(*progress: Any) -> None:
    """Nobody listens."""


async def chat(call: Call, model: str = SLOW, prompt: str = "x") -> str:
    return (await call.complete(model, [{"role": "user", "content": prompt}])).text


# --- what the catalog knows ---


async def test_64_calls_at_once_are_never_more_than_a_minute_allows_and_come_in_their_order(hosted: Hosted) -> None:
    wire, said = Clocked(again()), list[str]()
    async with hosted(wire, soft_timeout_s=3600) as client, anyio.create_task_group() as tasks:
        for number in range(64):
            call = {"prompt": f"number {number}", "model": SLOW}
            tasks.start_soon(client.call_tool, "chat", call, None, told(said))

    asked = [json.loads(request.content)["messages"][-1]["content"] for request in wire.requests]
    assert asked == [f"number {number}" for number in range(64)]
    assert most_in_a_minute(wire.at) == 60
    assert wire.at[5] - wire.at[0] < 0.1  # some go at once
    assert wire.at[-1] - wire.at[0] == pytest.approx(58 * 60 / 55, abs=0.1)  # the others evenly, none later than needed
    assert f"waiting for a turn: {SLOW} takes 60 requests a minute" in said


async def test_where_nothing_is_near_the_limit_nothing_waits_or_is_said() -> None:
    """Not even for the next turn of the loop."""
    wire, said = Clocked(again()), list[str]()
    async with dashscope(wire) as client:
        call = Call(AppContext(client, HOST), Progress(told(said), heartbeat_s=60))
        for _ in range(30):
            await chat(call, "qwen3.7-plus")
    assert wire.at[-1] - wire.at[0] < 0.1
    assert not any("turn" in message for message in said)

    pace = ModelPace(RateLimit(region="cn-beijing", rpm=600, tpm=1_000_000))
    with pytest.raises(StopIteration):
        pace.turn(1_000).send(None)


async def test_a_wait_that_nobody_feels_is_not_told() -> None:
    wire, said = Clocked(again()), list[str]()
    async with dashscope(wire) as client:
        call = Call(AppContext(client, HOST), Progress(told(said), every_s=0))
        for _ in range(62):
            await chat(call, "qwen3.7-max-2026-06-08")  # 600 a minute: sixty at once, then nine a second

    assert wire.at[-1] - wire.at[0] == pytest.approx(2 / 9, abs=0.02)
    assert not any("turn" in message for message in said)


async def test_a_cancelled_call_gives_its_place_to_the_next() -> None:
    wire = Clocked(again())
    async with dashscope(wire) as client:
        shared = AppContext(client, HOST)
        gone = anyio.CancelScope()

        async def cancelled() -> None:
            with gone:
                await chat(Call(shared, Progress(silent)), prompt="cancelled")

        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                await chat(Call(shared, Progress(silent)))
            tasks.start_soon(chat, Call(shared, Progress(silent)))
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(cancelled)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(chat, Call(shared, Progress(silent)))
            await anyio.wait_all_tasks_blocked()
            gone.cancel()

        assert shared.rates.of(SLOW, None).waiting == 0
    assert [b"cancelled" in request.content for request in wire.requests] == [False] * 8
    assert wire.at[-1] - wire.at[5] == pytest.approx(2 * 60 / 55, abs=0.1)


async def test_a_turn_that_is_too_far_off_is_refused_and_nothing_is_sent(hosted: Hosted) -> None:
    wire, results = Clocked(again()), list[str]()

    async def ask(client: Any) -> None:
        results.append(text_of(await client.call_tool("chat", {"prompt": str(len(results)), "model": SLOW})))

    async with hosted(wire, options={"timeout_s": 20}, replay=False) as client, anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(ask, client)

    refused = [result for result in results if "requests wait for" in result]
    assert len(refused) + len(wire.at) == 30
    assert wire.at[-1] - wire.at[0] < 20
    assert "which is longer than BAILIAN_TIMEOUT_S. Nothing was sent." in refused[0]
    assert "say so in the file of BAILIAN_CATALOG (rate_limits)" in refused[0]


async def test_tokens_are_paced_by_what_was_used_in_the_end() -> None:
    """Which nobody knows before: the next one waits for it."""
    wire = Clocked(again(many_tokens(300_000)))
    async with dashscope(wire) as client:
        shared = AppContext(client, HOST)
        said: list[str] = []
        for _ in range(4):
            await chat(Call(shared, Progress(told(said))))

    first, *others = (later - earlier for earlier, later in pairwise(wire.at))
    assert first == pytest.approx((300_000 - 125_000) / 375_000 * 60, abs=1)  # a quarter of a minute's may come at once
    assert others == pytest.approx([300_000 / 375_000 * 60] * 2, abs=1)
    assert f"waiting for a turn: {SLOW} takes 500,000 tokens a minute" in said


async def test_one_request_larger_than_a_burst_waits_for_nothing_and_the_next_pays_for_it() -> None:
    wire = Clocked(again())
    async with dashscope(wire) as client:
        call = Call(AppContext(client, HOST), Progress(silent))
        start = anyio.current_time()
        await call.complete(SLOW, [{"role": "user", "content": [{"type": "text", "text": "x" * 900_000}, {"type": "image_url", "image_url": {"url": "data:,"}}]}])  # fmt: skip
        assert anyio.current_time() - start < 0.1
        await chat(call)

    assert wire.at[1] - wire.at[0] == pytest.approx(301_000 / 375_000 * 60 - 20, abs=1)


async def test_attempts_that_were_made_again_are_counted_too() -> None:
    wire = Clocked(*[httpx2.ConnectError("refused"), httpx2.ConnectError("refused"), again()] * 2, again())
    async with dashscope(wire) as client:
        call = Call(AppContext(client, HOST), Progress(silent))
        for _ in range(3):
            await chat(call)

    assert wire.at[-1] - wire.at[0] == pytest.approx(60 / 55, abs=0.1)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/v1", "https://coding.dashscope.aliyuncs.com/v1", "https://dashscope-intl.aliyuncs.com"]
)
async def test_where_the_catalog_knows_no_limit_nothing_waits(url: str) -> None:
    """Of another server, of a plan, in a region that has none."""
    wire = Clocked(again())
    async with dashscope(wire, host=host(url)) as client:
        for _ in range(10):
            await chat(Call(AppContext(client, host(url)), Progress(silent)))

    assert wire.at[-1] - wire.at[0] < 0.1


@given(
    rpm=st.integers(1, 200),
    tpm=st.integers(100, 100_000),
    calls=st.lists(st.tuples(st.floats(0, 40), st.floats(0, 0.25), st.booleans()), min_size=1, max_size=60),
)
@example(rpm=5, tpm=100, calls=[(0.0, part, False) for part in (0, 0.25, 0.25, 0.25, 0.25, 0.12)])
@settings(max_examples=60)
async def test_no_minute_ever_holds_more_than_the_limits(
    rpm: int, tpm: int, calls: list[tuple[float, float, bool]]
) -> None:
    """Whenever they come, whatever their size, whoever is cancelled while it waits."""
    pace = ModelPace(RateLimit(region="x", rpm=rpm, tpm=tpm))
    at, sizes = list[float](), list[int]()

    async def call(after_s: float, tokens: int, impatient: bool) -> None:
        await anyio.sleep(after_s)
        with anyio.move_on_after(1 if impatient else None):
            at.append(await pace.turn(tokens))
            sizes.append(tokens)

    async with anyio.create_task_group() as tasks:
        for after_s, part, impatient in calls:
            tasks.start_soon(call, after_s, int(part * tpm), impatient)

    assert pace.waiting == 0
    assert len(at) >= sum(not impatient for *_, impatient in calls)
    if at:
        assert most_in_a_minute(at) <= rpm
        assert most_in_a_minute(at, sizes) <= tpm


async def test_names_that_callers_make_up_do_not_pile_up() -> None:
    rates = Rates()
    first = rates.of("qwen-0", None)
    assert rates.of("qwen-0", None) is first

    for number in range(MAX_PACED_MODELS):
        rates.of(f"qwen-{number + 1}", None)

    assert rates.of("qwen-0", None) is not first


# --- what refusals teach ---


async def asked_after(wait_s: float, *refused: int) -> list[float]:
    """When requests of a model without a known limit go out that are made all at once, so long after it was refused.

    `refused`: how many requests at once, each time, a minute apart.
    """
    wire = Clocked(again(), lag_s=0.01)  # all are on their way when the first is refused
    async with dashscope(wire, max_attempts=1) as client:
        shared = AppContext(client, HOST)

        async def ask() -> None:
            with suppress(DashScopeError):
                await chat(Call(shared, Progress(silent)), UNPACED)

        async def ask_many(count: int) -> None:
            async with anyio.create_task_group() as tasks:
                for _ in range(count):
                    tasks.start_soon(ask)

        for count in refused:
            wire.steps = [again(busy)]
            await ask_many(count)
        wire.steps = [again()]
        await anyio.sleep(wait_s)
        start, before = anyio.current_time(), len(wire.at)
        await ask_many(5)
        return [at - start for at in wire.at[before:]]


async def test_a_model_that_refuses_is_asked_less_often_for_a_while() -> None:
    """Half as often as in the minute before, but six times all the same; what was on its way together counts once."""
    assert await asked_after(0, 40) == pytest.approx([3, 6, 9, 12, 15], abs=0.1)
    assert await asked_after(0, 1) == pytest.approx([10, 20, 30, 40, 50], abs=0.1)
    assert await asked_after(0, 200) == pytest.approx([1.9, 3.8, 5.6, 7.5, 9.4], abs=0.3)  # 64 are sent at once


async def test_it_recovers_minute_by_minute_and_then_it_is_forgotten() -> None:
    assert await asked_after(65, 1) == pytest.approx([0, 5, 10, 15, 20], abs=0.1)
    assert await asked_after(125, 1) == pytest.approx([0, 2.5, 5, 7.5, 10], abs=0.1)
    assert await asked_after(245, 1) == pytest.approx([0, 0.6, 1.2, 1.9, 2.5], abs=0.1)
    assert await asked_after(301, 1) == pytest.approx([0, 0, 0, 0, 0], abs=0.1)


async def test_refused_again_it_is_asked_still_less_often() -> None:
    once, twice = await asked_after(0, 40), await asked_after(0, 40, 1)

    assert once[-1] < twice[-1] <= 50


async def test_one_that_waits_when_it_is_refused_again_waits_longer() -> None:
    pace = ModelPace(None)
    for _ in range(30):
        pace.sent()
    pace.slow_down(anyio.current_time())
    start = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pace.turn, 0)
        await anyio.sleep(2)  # of four
        pace.slow_down(anyio.current_time())

    assert anyio.current_time() - start > 2 + 60 / 7.5


async def test_a_refusal_that_a_second_attempt_got_over_teaches_as_well() -> None:
    wire, said = Clocked(again(busy), again()), list[str]()
    async with dashscope(wire) as client:
        call = Call(AppContext(client, HOST), Progress(told(said), every_s=0))
        await chat(call, UNPACED)
        await chat(call, UNPACED)

    assert wire.at[1] - wire.at[0] < 1
    assert wire.at[2] - wire.at[0] == pytest.approx(10, abs=0.1)
    assert f"waiting for a turn: {UNPACED} takes 6 requests a minute" in said


@pytest.mark.parametrize(
    "refused",
    [
        refusal(429, "insufficient_quota", "Free allocated quota exceeded."),
        refusal(429, "PostpaidBillOverdue", "overdue"),
        refusal(400, "invalid_parameter_error", "no"),
    ],
)
async def test_what_no_waiting_mends_slows_nothing_down(refused: httpx2.Response) -> None:
    wire = Clocked(refused, again())
    async with dashscope(wire) as client:
        call = Call(AppContext(client, HOST), Progress(silent))
        with pytest.raises(DashScopeError):
            await chat(call, UNPACED)
        await chat(call, UNPACED)

    assert wire.at[1] - wire.at[0] < 0.1


async def test_a_refusal_within_a_stream_teaches_as_well() -> None:
    frame = {"error": {"code": "limit_requests", "message": "slow down", "type": "limit_requests"}, "status_code": 429}
    wire = Clocked(stream(sse(frame)), again())
    async with dashscope(wire) as client:
        call = Call(AppContext(client, HOST), Progress(silent))
        with pytest.raises(DashScopeError) as caught:
            await chat(call, UNPACED)
        await chat(call, UNPACED)

    assert (wire.at[1] - wire.at[0] > 9) == caught.value.asks_for_fewer


# --- a host that is down ---

BODY = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "x"}]}
DOWN = httpx2.ConnectError("refused")


def gateway(status: int) -> Step:
    return lambda: httpx2.Response(status, html="<title>Odd</title>")


async def outcome(client: DashScope) -> str:
    """What came of one request."""
    try:
        async with client.stream(ChatCompletions(), BODY) as reply:
            async for _ in reply.events:
                pass
    except DashScopeError as error:
        return str(error)
    return "answered"


async def outcomes(client: DashScope, count: int) -> list[str]:
    return [await outcome(client) for _ in range(count)]


@pytest.mark.parametrize(
    ("failing", "seen"),
    [
        (DOWN, "ConnectError"),
        (httpx2.ConnectTimeout("slow"), "ConnectTimeout"),
        (httpx2.RemoteProtocolError("gone"), "RemoteProtocolError"),
        (gateway(502), "HTTP 502"),
        (gateway(503), "HTTP 503"),
        (lambda: refusal(503, "ServiceUnavailable", "later"), "HTTP 503"),
        (lambda: httpx2.Response(503, json={"error": {"code": 503, "message": "Loading model"}}), "HTTP 503"),
    ],
    ids=["refused", "slow", "gone", "502", "503", "unavailable", "loading"],
)
async def test_after_five_failures_in_a_row_the_next_call_is_told_at_once(failing: Step, seen: str) -> None:
    wire = Clocked(failing)
    async with dashscope(wire, max_attempts=1) as client:
        await outcomes(client, 5)
        await anyio.sleep(2)
        start = anyio.current_time()
        said = await outcome(client)

    assert len(wire.requests) == 5
    assert anyio.current_time() - start < 0.001
    assert said == (
        f"dashscope.aliyuncs.com has been failing for 3 s (5 times in a row, the last one: {seen}). Nothing was sent. It "
        "is tried again in 3 s: call again then. If it goes on, check the network, the proxy and DASHSCOPE_BASE_URL."
    )
    assert in_chinese(said) == (
        f"dashscope.aliyuncs.com 已持续故障 3 秒（连续失败 5 次，最近一次：{seen}）。未发送任何内容。"
        "3 秒后会再试：请届时重新调用。如仍不行，请检查网络、代理和 DASHSCOPE_BASE_URL。"
    )


async def test_a_call_that_is_under_way_keeps_its_attempts() -> None:
    wire = Clocked(*[DOWN] * 5, again())
    async with dashscope(wire) as client:
        assert "cannot be reached" in await outcome(client)
        assert await outcome(client) == "answered"
        assert await outcome(client) == "answered"


@pytest.mark.parametrize(
    "sign",
    [
        again(),
        lambda: refusal(400, "invalid_parameter_error", "no"),
        busy,
        lambda: refusal(503, "ModelUnavailable", "later"),
        lambda: refusal(500, "ModelServingError", "busy"),
        lambda: refusal(503, "Throttling.RateQuota", "slow"),
        lambda: refusal(500, "InternalError", "oops"),
        gateway(500),
        gateway(504),
    ],
)
async def test_any_sign_of_life_begins_the_count_anew(sign: Step) -> None:
    """A refusal is one, and so is that one model is out of capacity, or that one request broke something."""
    wire = Clocked(*[DOWN] * 4, sign, *[DOWN] * 4, again())
    async with dashscope(wire, max_attempts=1) as client:
        await outcomes(client, 9)
        assert await outcome(client) == "answered"


async def test_without_a_key_no_host_is_held_to_be_down() -> None:
    async with DashScope(HOST, None, redact=str) as client:
        assert {said.partition(":")[0] for said in await outcomes(client, 9)} == {"No DashScope API key is set"}


async def test_what_never_left_us_says_nothing_of_a_host() -> None:
    async with dashscope(Clocked(*[httpx2.LocalProtocolError("odd")] * 9, again()), max_attempts=1) as client:
        assert (await outcomes(client, 10))[-1] == "answered"


async def test_after_a_rest_one_request_tries_and_an_answer_ends_the_outage(caplog: pytest.LogCaptureFixture) -> None:
    wire = Clocked(*[DOWN] * 5, again())
    async with dashscope(wire, max_attempts=1) as client:
        await outcomes(client, 5)
        await anyio.sleep(5)
        assert await outcomes(client, 2) == ["answered"] * 2

    assert [record.getMessage() for record in caplog.records] == [
        "dashscope.aliyuncs.com fails (ConnectError): nothing is sent for 5 s.",
        "dashscope.aliyuncs.com answers again.",
    ]


async def test_while_one_tries_the_others_are_told_at_once() -> None:
    trying, go_on = anyio.Event(), anyio.Event()

    class Waiting(Clocked):
        async def __call__(self, request: httpx2.Request) -> httpx2.Response:
            if len(self.at) == 5:
                trying.set()
                await go_on.wait()
            return await super().__call__(request)

    wire, said = Waiting(*[DOWN] * 5, again()), list[str]()

    async def try_it(client: DashScope) -> None:
        said.append(await outcome(client))

    async with dashscope(wire, max_attempts=1) as client:
        await outcomes(client, 5)
        await anyio.sleep(5)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(try_it, client)
            await trying.wait()
            assert "It is tried again in 10 s" in await outcome(client)  # by another, if this one hears nothing
            tasks.cancel_scope.cancel()
        async with anyio.create_task_group() as tasks:
            trying = anyio.Event()
            tasks.start_soon(try_it, client)  # the one before was cancelled: this one tries
            await trying.wait()
            go_on.set()
        assert await outcome(client) == "answered"

    assert said == ["answered"]
    assert len(wire.requests) == 7


async def test_a_trial_that_hears_nothing_keeps_nobody_back_for_long() -> None:
    class Hung(Clocked):
        async def __call__(self, request: httpx2.Request) -> httpx2.Response:
            if len(self.at) == 5:
                self.at.append(anyio.current_time())
                await anyio.sleep_forever()
            return await super().__call__(request)

    wire = Hung(*[DOWN] * 5, again())
    async with dashscope(wire, max_attempts=1) as client:
        await outcomes(client, 5)
        await anyio.sleep(5)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(outcome, client)
            await anyio.sleep(11)
            assert await outcome(client) == "answered"
            tasks.cancel_scope.cancel()


async def test_what_is_owed_is_paid_off_by_time_also_where_nobody_asks(hosted: Hosted) -> None:
    """Or a model of which one reply used very much would be refused for ever."""
    wire = Clocked(again(many_tokens(50_000_000)), again())
    async with hosted(wire, soft_timeout_s=3600) as client:
        await client.call_tool("chat", {"prompt": "x", "model": SLOW})
        await anyio.sleep(61)
        began = anyio.current_time()
        told = await client.call_tool("chat", {"prompt": "y", "model": SLOW})

    assert not told.is_error
    assert wire.at[-1] - began < 1


async def test_what_another_call_holds_is_waited_for_no_longer_than_is_said(hosted: Hosted, tmp_path: Path) -> None:
    wire = Clocked(again(), lag_s=200)
    given: Any = {"caps": Caps(per_session=Decimal("0.135")), "kept": (tmp_path,), "soft_timeout_s": 3600}
    async with hosted(wire, **given) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.call_tool, "chat", {"prompt": "x"})
        await anyio.sleep(1)
        began = anyio.current_time()
        refused = await client.call_tool("chat", {"prompt": "y"})
        waited = anyio.current_time() - began

    assert refused.is_error
    assert waited == pytest.approx(30, abs=1)
    assert "CNY more are held by requests under way: call again when they have ended." in text_of(refused)


async def test_each_trial_that_fails_makes_the_rest_longer_up_to_a_bound() -> None:
    wire = Clocked(DOWN)
    async with dashscope(wire, max_attempts=2) as client:
        for _ in range(160):
            await outcome(client)
            await anyio.sleep(1)

    trials = wire.at[5::2]  # of two attempts each
    assert [round(later - earlier) for earlier, later in pairwise(trials)] == [5, 10, 20, 40, 40, 40]


async def test_storage_has_the_same_breaker_where_it_has_the_same_host(tmp_path: Any) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"x")
    async with dashscope(wire := Clocked(DOWN), max_attempts=1) as client, await anyio.open_file(file, "rb") as opened:
        await outcomes(client, 5)
        with pytest.raises(DashScopeError, match="has been failing"):
            await client.upload("qwen3.7-plus", "a.png", "x.png", opened.wrapped)

    assert len(wire.requests) == 5


async def test_an_outage_is_told_to_the_host_in_words(hosted: Hosted) -> None:
    async with hosted(Clocked(DOWN), options={"max_attempts": 1}, replay=False) as client:
        said = [text_of(await client.call_tool("chat", {"prompt": str(number)})) for number in range(6)]

    assert "cannot be reached" in said[4]
    assert "has been failing for" in said[5]
