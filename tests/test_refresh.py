"""`bailian-mcp catalog refresh` and `models(live=true)`: the list is read over the one client, told, and written if asked."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import anyio
import httpx2
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.__main__ import main as entry
from bailian_mcp.server.calls.live_list import MAX_PAGES, PAGE_SIZE
from bailian_mcp.server.catalog import overlaid
from bailian_mcp.server.commands.refresh import RefreshOptions, main
from bailian_mcp.server.dashscope import DashScopeError
from bailian_mcp.server.endpoints import Host
from bailian_mcp.server.endpoints import host as host_of
from bailian_mcp.server.sandbox.model_lists import NEW_MODEL
from conftest import HOST, KEY, FakeDashScope, Hosted, dashscope, refusal, text_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def era() -> str:
    """What is read does not depend on it."""
    return "2026-07-28"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with sandbox.running() as root:
        yield root


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, url: str) -> Callable[..., None]:
    """The environment of the command, which leads to the sandbox."""

    def put(**more: str) -> None:
        for name, value in {"DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": KEY, **more}.items():
            monkeypatch.setenv(name, value)

    put()
    return put


def page(name: str, rows: list[Any], total: int | None = None) -> httpx2.Response:
    output = {"total": len(rows) if total is None else total, "page_no": 1, "page_size": 100, name: rows}
    return httpx2.Response(200, content=json.dumps({"success": True, "output": output}).encode())


PRICE = [{"range_name": "Default", "prices": [
    {"type": "input_token", "price": "1.8", "price_unit": "每百万tokens"},
    {"type": "output_token", "price": "9.6", "price_unit": "每百万tokens"},
    {"type": "input_token_cache", "price": "0.48", "price_unit": "每百万tokens"}]}]  # fmt: skip
MAX = {"model": "qwen-max", "provider": "qwen", "capabilities": ["TG"], "prices": PRICE}
NEW = {"model": "qwen9", "provider": "qwen", "capabilities": ["TG"], "prices": PRICE}
REFUSED = refusal(403, "AccessDenied", "Access denied.")


# --- the command ---


def test_what_differs_is_told_and_nothing_is_written(
    settings: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert entry(["catalog", "refresh"]) == 0

    out = capsys.readouterr().out
    assert "models listed in cn-beijing on 20" in out
    assert "if it is a SANDBOX, nothing of its list is real." in out
    assert f"New models (1):\n  {NEW_MODEL}: chat of qwen\n" in out
    assert f"Prices (1):\n  {NEW_MODEL}: cn: a price here: input 1, output 4" in out
    assert "1 of kinds that it does not hold" in out
    assert "Needs a look" not in out
    assert out.endswith("Nothing was written: --write FILE makes an overlay of it, for BAILIAN_CATALOG.\n")
    assert list(tmp_path.iterdir()) == []


def test_it_is_written_as_an_overlay_and_then_in_use_nothing_differs(
    settings: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.json"

    assert entry(["catalog", "refresh", "--write", str(file)]) == 0

    assert capsys.readouterr().out.endswith(f"Written: {file}. Set BAILIAN_CATALOG to it, and restart the server.\n")
    assert overlaid(file).find(NEW_MODEL)
    settings(BAILIAN_CATALOG=str(file))
    assert entry(["catalog", "refresh"]) == 0
    assert capsys.readouterr().out.endswith("There is nothing to write.\n")


def test_a_file_that_is_there_is_replaced_only_with_force_and_keeps_what_is_yours(
    settings: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.json"
    mine = {"models": [{"id": "qwen-max", "limits": {"max_output": 4096}}]}
    file.write_text(json.dumps(mine), "utf-8")

    assert entry(["catalog", "refresh", "--write", str(file)]) == 2
    assert "is there already: with --force it is replaced" in capsys.readouterr().err
    assert json.loads(file.read_text("utf-8")) == mine

    assert entry(["catalog", "refresh", "--write", str(file), "--force"]) == 0
    assert "Yours stays: qwen-max: limits.\n" in capsys.readouterr().out
    assert overlaid(file).find("qwen-max").limits.max_output == 4096  # type: ignore[union-attr]
    assert overlaid(file).find(NEW_MODEL)


def test_without_a_key_the_next_step_is_said(settings: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    settings(DASHSCOPE_API_KEY="")

    assert main(RefreshOptions()) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert "No DashScope API key is set: create one at" in said.err
    assert "Nothing was sent." in said.err


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DASHSCOPE_BASE_URL": "https://coding.dashscope.aliyuncs.com/v1"}, "a plan or another server has none"),
        ({"DASHSCOPE_BASE_URL": "https://models.example/v1"}, "a plan or another server has none"),
        ({"DASHSCOPE_REGION": "nowhere"}, "DASHSCOPE_REGION"),
        ({"BAILIAN_HTTP_TOKEN": "short", "DASHSCOPE_REGION": "mars"}, "DASHSCOPE_REGION"),
    ],
)
def test_where_there_is_no_list_nothing_is_asked(
    settings: Callable[..., None], capsys: pytest.CaptureFixture[str], environment: dict[str, str], words: str
) -> None:
    settings(**environment)

    assert main(RefreshOptions()) == 2

    assert words in capsys.readouterr().err


def test_an_overlay_that_cannot_be_used_stops_it(
    settings: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.json"
    file.write_text("{", "utf-8")
    settings(BAILIAN_CATALOG=str(file))

    assert main(RefreshOptions()) == 1
    assert "it is not JSON" in capsys.readouterr().err


def test_a_folder_that_is_not_there_cannot_be_written_to(
    settings: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(RefreshOptions(tmp_path / "none" / "mine.json")) == 1
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["catalog", "refresh", "x.json"], "refresh reads DashScope's list, no file"),
        (["catalog", "check", "--write", "x.json"], "--write and --force are for catalog refresh"),
        (["catalog", "format", "--force"], "--write and --force are for catalog refresh"),
    ],
)
def test_arguments_of_another_action_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    with pytest.raises(SystemExit):
        entry(arguments)

    assert words in capsys.readouterr().err


def test_another_region_is_told_in_its_own_currency(
    settings: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    settings(DASHSCOPE_REGION="us-east-1")

    assert main(RefreshOptions()) == 0

    out = capsys.readouterr().out
    assert "us-east-1 lists its prices in USD, the catalog holds CNY" in out
    assert "The list does not tell its price scopes apart: gl, us." in out  # the sandbox does not


class Listing(BaseHTTPRequestHandler):
    """A host whose lists are as they are given, by path."""

    lists: ClassVar[dict[str, Any]] = {}

    def do_GET(self) -> None:
        rows = self.lists.get(self.path.partition("?")[0])
        name = {"models": "models", "permissions": "permissions"}.get(
            self.path.partition("?")[0].rpartition("/")[2], "quotas"
        )
        reply = page(name, rows) if rows is not None else httpx2.Response(404, content=b"{}")
        self.send_response(reply.status_code)
        self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def test_what_is_not_listed_not_told_and_not_allowed_is_said(
    settings: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = [{"model": "qwen-max", "permissions": {"inference": False}}]
    monkeypatch.setattr(
        Listing, "lists", {"/api/v1/models": [MAX, {"model": "a b"}], "/api/v1/models/permissions": allowed}
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), Listing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        settings(DASHSCOPE_BASE_URL=f"http://127.0.0.1:{server.server_port}")
        assert main(RefreshOptions()) == 0
        server.shutdown()

    out = capsys.readouterr().out
    assert "1 entries of the list have no name that a model could have." in out
    assert "Prices (1):\n  qwen-max: price (cn): input 2.4 -> 1.8\n" in out
    assert "or there again (" in out
    assert "How much the account may send a minute, this host does not tell." in out
    assert "This key may not call (1): qwen-max." in out


# --- models(live=true) ---


async def asked(hosted: Hosted, wire: FakeDashScope, host: Host = HOST, **arguments: Any) -> Any:
    async with hosted(wire, host=host) as connected:
        return await connected.call_tool("models", {"live": True, **arguments})


async def test_what_differs_of_the_models_shown_is_noted_with_the_day(hosted: Hosted) -> None:
    permissions = [{"model": "qwen-max", "permissions": {"inference": False}}]
    wire = FakeDashScope([page("models", [MAX, NEW]), page("quotas", []), page("permissions", permissions)])

    text = text_of(await asked(hosted, wire, query="qwen-max"))

    assert "Live list of cn-beijing, read on 2026-11-22, 2 models: it differs." in text
    assert "qwen-max: price (cn): input 2.4 -> 1.8." in text
    assert "This key may not call qwen-max." in text
    assert "no service was asked" not in text
    assert [request.url.path for request in wire.requests] == [
        "/api/v1/models", "/api/v1/models/limits", "/api/v1/models/permissions"]  # fmt: skip
    assert wire.requests[0].url.params["language"] == "zh-CN"
    assert all(request.method == "GET" for request in wire.requests)


async def test_a_model_that_only_the_live_list_has_is_told(hosted: Hosted) -> None:
    image = {"model": "wan9", "capabilities": ["IG"], "prices": []}
    wire = FakeDashScope([page("models", [NEW, image]), REFUSED])

    text = text_of(await asked(hosted, wire, query="qwen9 wan9 qwen10"))

    assert "qwen9 is in the live list and not in the catalog: chat of qwen; cn: a price here: input 1.8" in text
    assert "wan9 is in the live list and not in the catalog: of a kind that no tool here uses." in text
    assert "qwen10 is in the live list" not in text


async def test_what_needs_a_look_is_said_so_and_what_is_alike_too(hosted: Hosted) -> None:
    odd = {**MAX, "prices": [{"range_name": "720P", "prices": PRICE[0]["prices"]}]}  # type: ignore[index]

    look = text_of(await asked(hosted, FakeDashScope([page("models", [odd]), REFUSED]), query="qwen-max"))
    alike = text_of(
        await asked(hosted, FakeDashScope([page("models", [{"model": "qwen-max"}]), REFUSED]), query="qwen-max")
    )

    assert "Needs a look: qwen-max: price (cn): its range 720P is not understood." in look
    assert "nothing differs of what is shown." in alike


async def test_the_list_of_a_sandbox_says_that_it_is_none(hosted: Hosted) -> None:
    wire = FakeDashScope([page("models", [MAX]), REFUSED])

    text = text_of(await asked(hosted, wire, host_of("http://127.0.0.1:9"), query="qwen-max"))

    assert "if it is a SANDBOX, nothing of its list is real." in text


async def test_without_a_host_of_dashscope_nothing_is_asked(hosted: Hosted) -> None:
    wire = FakeDashScope([REFUSED])

    for host in (
        host_of("https://models.example/v1"),
        Host("dashscope", "cn-beijing", "", trouble="DASHSCOPE_X is wrong."),
    ):
        result = await asked(hosted, wire, host, query="qwen-max")
        assert result.is_error
        assert "Nothing was sent." in text_of(result)
    assert wire.requests == []


# --- how it is read ---


async def test_all_pages_are_read_until_there_are_no_more(hosted: Hosted) -> None:
    many = [{"model": f"m{number}"} for number in range(PAGE_SIZE)]
    wire = FakeDashScope([page("models", many, 150), page("models", many[:50], 150), REFUSED])

    text = text_of(await asked(hosted, wire, query="qwen-max"))

    assert "100 models" in text  # of which fifty came twice
    pages = [request.url.params.get("page_no") for request in wire.requests if request.url.path == "/api/v1/models"]
    assert pages == ["1", "2"]


async def test_a_list_that_promises_more_than_it_has_ends(hosted: Hosted) -> None:
    short = FakeDashScope([page("models", [MAX], 500), page("models", [], 500), REFUSED])
    endless = FakeDashScope([page("models", [MAX], 10**9)])

    assert not (await asked(hosted, short, query="qwen-max")).is_error
    await asked(hosted, endless, query="qwen-max")

    assert len([each for each in endless.requests if each.url.path == "/api/v1/models"]) == MAX_PAGES


async def test_limits_are_looked_for_at_both_paths_and_their_absence_is_no_failure(hosted: Hosted) -> None:
    missing = refusal(404, "NotFound", "no such path")
    quota = {"model": "qwen-max", "model_limit": {"request_limit": 7, "request_limit_period": 60}}
    wire = FakeDashScope([page("models", [{"model": "qwen-max"}]), missing, page("quotas", [quota]), missing])

    text = text_of(await asked(hosted, wire, query="qwen-max"))

    assert "-> 7, tokens" in text
    assert [request.url.path for request in wire.requests][1:3] == ["/api/v1/models/limits", "/api/v1/quotas"]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([httpx2.Response(200, content=b"<html>")], "a list of an unknown form. The built-in catalog holds"),
        ([httpx2.Response(200, content=b'{"output": {"models": 5}}')], "a list of an unknown form"),
        ([httpx2.Response(200, content=b'{"output": {"models": [], "total": "many"}}')], "a list of an unknown form"),
        ([httpx2.Response(200, content=b'{"output": {"models": [], "total": 1e999}}')], "a list of an unknown form"),
        ([httpx2.Response(200, content=b"[" * 200_000)], "a list of an unknown form"),
        ([refusal(401, "InvalidApiKey", "Invalid API-key provided.")], "does not accept the API key here"),
        ([page("models", [MAX]), refusal(500, "InternalError", "x")], "internal error"),
    ],
)
async def test_a_list_that_cannot_be_read_is_a_failure_with_the_next_step(
    hosted: Hosted, steps: list[Any], words: str
) -> None:
    result = await asked(hosted, FakeDashScope(steps), query="qwen-max")

    assert result.is_error
    assert words in text_of(result)


class Broken(httpx2.AsyncByteStream):
    async def __aiter__(self) -> Any:
        yield b'{"output": '
        raise httpx2.ReadError("gone")


async def test_a_list_that_breaks_off_is_asked_for_again() -> None:
    wire = FakeDashScope([lambda: httpx2.Response(200, stream=Broken()), page("models", [MAX])])

    async with dashscope(wire) as client:
        assert (await client.get("/models", {}))["output"]["total"] == 1
    assert len(wire.requests) == 2


async def test_a_list_that_always_breaks_off_is_a_failure() -> None:
    wire = FakeDashScope([lambda: httpx2.Response(200, stream=Broken())])

    async with dashscope(wire) as client:
        with pytest.raises(DashScopeError, match=r"The list broke off before its end \(ReadError\)"):
            await client.get("/models", {})
    assert len(wire.requests) == 3


async def test_a_list_that_does_not_come_in_time_is_a_failure() -> None:
    async def never(_: httpx2.Request) -> httpx2.Response:
        await anyio.sleep_forever()
        raise NotImplementedError

    async with dashscope(FakeDashScope([]), transport=httpx2.MockTransport(never), timeout_s=0.05) as client:
        with pytest.raises(DashScopeError, match="gave no list within"):
            await client.get("/models", {})
