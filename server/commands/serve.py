"""`bailian-mcp serve`: settings -> the one client -> one transport."""

import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from socket import socket
from typing import Any, NamedTuple

import anyio

from ..app.server import App, build
from ..app.tool_files import tool_groups
from ..app.transports import stdio as stdio_transport
from ..app.transports.front import Front
from ..calls.context import AppContext
from ..calls.jobs import Jobs
from ..calls.shelf import Shelf
from ..catalog import Catalog, overlaid, shipped
from ..dashscope import MAX_CONNECTIONS, DashScope
from ..files import LocalReader, Renderer
from ..network import listen
from ..settings import BadSettings, Settings, child_environment, read_settings, warnings_for_environment
from ..spending import Caps, Ledger, VectorCache
from .loading import kept_out
from .logs import log_to_stderr
from .state import state_store

LOGGER = logging.getLogger("bailian_mcp")
CONNECTIONS_OVER_HTTP = 256  # for many hosts at once


class Workers(NamedTuple):
    """How many processes serve. `inherited`: the socket of one of several; `arguments`: what all of them are told."""

    number: int = 1
    inherited: int | None = None
    arguments: Sequence[str] = ()

    @property
    def share_a_port(self) -> bool:
        return self.number > 1


def main(
    transport: str,
    host: str,
    port: int,
    *,
    stdio: Front | None,
    sandboxed: bool = False,
    structured: bool = False,
    workers: Workers = Workers(),  # noqa: B008 - it cannot change
) -> int:
    """Serve until told to stop; the exit status. `stdio`: who reads the host, where that is the transport."""
    with ExitStack() as stack:
        try:
            given = {"BAILIAN_STRUCTURED": "true"} if structured else {}
            settings = read_settings(**given, **sandbox_settings(stack) if sandboxed else {})
            listening = None if stdio else stack.enter_context(_listening(settings, host, port, workers))
        except BadSettings as error:
            sys.stderr.write(f"bailian-mcp cannot start.\n{error}\n")
            return 2
        if listening and workers.share_a_port and workers.inherited is None:
            return _shared(listening, workers)
        tell_troubles(settings)
        log_to_stderr(settings)
        for warning in warnings_for_environment(tool_groups()):
            LOGGER.warning("%s", warning)
        try:
            anyio.run(run, settings, transport, stdio, listening, sandboxed, workers.share_a_port)
        except Exception:
            LOGGER.exception("the server stopped")
            return 1
    return 0


def tell_troubles(settings: Settings) -> None:
    """On stderr, at any log level; most hosts hide it, so each result that such a setting stops says it too."""
    if settings.troubles:
        said = "\n".join(settings.troubles)
        sys.stderr.write(f"bailian-mcp starts without what depends on settings that cannot be read.\n{said}\n")


def sandbox_settings(stack: ExitStack) -> dict[str, str]:
    """Settings that lead to a sandbox of our own on loopback."""
    from .. import sandbox  # which no other start needs

    reader = LocalReader(child_environment()) if read_settings().second_reader else None
    url = stack.enter_context(sandbox.running(reader=reader))
    return {"DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": "sk-sandbox", "DASHSCOPE_WORKSPACE_ID": ""}


def _shared(listening: socket, workers: Workers) -> int:
    """By processes of their own, which this one only watches."""
    from .workers import keep_running

    command = [sys.executable, "-m", __package__.rpartition(".")[0], *workers.arguments]
    return keep_running(workers.number, listening, command, "/mcp")


def _listening(settings: Settings, host: str, port: int, workers: Workers) -> socket:
    settings.require_safe_bind(host)
    if workers.share_a_port:
        from .workers import can_share, inherited_socket

        if workers.inherited is not None:
            return inherited_socket(workers.inherited)
        if not can_share():
            raise BadSettings("Several workers cannot share a port on Windows. Leave --workers out.")
    try:
        return listen(host, port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise BadSettings(f"It cannot listen on {host}:{port}: {reason}. Choose another --port.") from None


async def run(
    settings: Settings,
    transport: Any,
    stdio: Front | None,
    listening: socket | None,
    sandboxed: bool = False,
    stateless: bool = False,
) -> None:
    """Serve with these settings until the transport ends: over `stdio`, or where it is `listening`. `stateless`: any
    request may go to another process.
    """
    async with (
        LocalReader(child_environment()) as reader,
        opened_server(settings, reader, remote=stdio is None, sandboxed=sandboxed) as server,
    ):
        if stdio:
            await stdio_transport.serve(server, stdio)
        elif listening:
            from ..app.transports import http  # loads a web server, which stdio never needs

            listener = http.Listener(listening, settings.tokens, settings.allowed_hosts, stateless=stateless)
            await http.serve(server, transport, listener)


@asynccontextmanager
async def opened_server(
    settings: Settings, reader: LocalReader, *, remote: bool, sandboxed: bool
) -> AsyncIterator[App]:
    """The server with these settings, over no transport yet; what it stands on lasts as long as the block, but for
    `reader`, which is the caller's.
    """
    most = settings.max_connections or (CONNECTIONS_OVER_HTTP if remote else MAX_CONNECTIONS)
    client = DashScope(
        settings.host, settings.api_key, redact=settings.redact, timeout_s=settings.timeout_s, max_connections=most
    )
    async with client, Shelf() as shelf, Jobs(store=state_store(settings)) as jobs:
        context = _context(settings, client, jobs, shelf, reader, remote=remote, sandboxed=sandboxed)
        jobs.before_close(context.ledger.aclose)
        with kept_out("rich"):  # the SDK would load it for the handler of a log that has one already
            app = build(context, groups=settings.tools, log_level=settings.log_level)
        yield app


def _context(
    settings: Settings,
    client: DashScope,
    jobs: Jobs,
    shelf: Shelf,
    reader: LocalReader,
    *,
    remote: bool,
    sandboxed: bool,
) -> AppContext:
    return AppContext(
        client,
        settings.host,
        settings.folders(remote=remote),
        settings.models,
        _catalog(settings),
        output_folder=settings.output_folder(remote=remote),
        soft_timeout_s=settings.soft_timeout_s,
        replay=settings.replay,
        jobs=jobs,
        shelf=shelf,
        ledger=Ledger(jobs.database, sandbox=sandboxed),
        caps=Caps(settings.max_cost_per_call, settings.max_cost_per_session, settings.max_cost_per_day),
        vector_cache=VectorCache(None if sandboxed else settings.state_folder),  # a sandbox's are of no use later
        extract_repairs=settings.extract_repairs,
        renderer=Renderer(child_environment()),
        local_reader=reader,
        second_reader=settings.second_reader,
        second_reader_wait_s=settings.second_reader_wait_s,
        uploads=settings.uploads,
        structured=settings.structured,
        language=settings.language,
        mend=settings.mend,
        remote=remote,
        sandboxed=sandboxed,
    )


def _catalog(settings: Settings) -> Callable[[], Catalog]:
    """The catalog, read at first use; an overlay at once, so that its mistakes are said at the start."""
    if settings.catalog_file is None:
        return shipped
    catalog = overlaid(settings.catalog_file)
    if catalog.trouble:
        LOGGER.warning("%s", catalog.trouble)
    return lambda: catalog
