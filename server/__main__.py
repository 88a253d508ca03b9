"""The front door: arguments and environment -> settings -> the one client -> one transport.

Only the standard library is imported before stdout is safe: a library that prints while it loads must not be heard.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from socket import socket

    from .catalog import Catalog
    from .settings import Settings

Streams = tuple[BinaryIO, BinaryIO]


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parsed(list(sys.argv[1:] if argv is None else argv))
    if arguments.command == "sandbox":
        from . import sandbox

        return sandbox.serve(arguments.host, arguments.port, arguments.latency_ms, arguments.chunk)
    if arguments.command == "demo":
        from . import demo

        return demo.main()
    if arguments.command == "catalog":
        from .catalog import check

        return check.main(arguments.action, arguments.file)
    return _serve(arguments, _claimed() if arguments.transport == "stdio" else None)


def _claimed() -> Streams:
    """stdin and stdout for the protocol alone: everyone else reads nothing, and what they print goes to stderr."""
    try:
        streams = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
        for stream in streams:
            os.set_blocking(stream.fileno(), True)  # threads of their own wait for them
    except OSError:
        sys.exit("bailian-mcp cannot start.\nMCP over stdio needs an open stdin and stdout.")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return streams


def _serve(arguments: argparse.Namespace, streams: Streams | None) -> int:
    import anyio

    from .settings import BadSettings, doubtful, read

    with ExitStack() as stack:
        try:
            settings = read(**_sandbox(stack) if arguments.sandbox else {})
            listening = None if streams else stack.enter_context(_listening(settings, arguments))
        except BadSettings as error:
            sys.stderr.write(f"bailian-mcp cannot start.\n{error}\n")
            return 2
        _log_to_stderr(settings)
        for doubt in doubtful():
            logging.getLogger("bailian_mcp").warning("%s", doubt)
        try:
            anyio.run(_run, settings, arguments.transport, streams, listening)
        except Exception:
            logging.getLogger("bailian_mcp").exception("the server stopped")
            return 1
    return 0


def _listening(settings: "Settings", arguments: argparse.Namespace) -> "socket":
    from .listening import listen
    from .settings import BadSettings

    settings.require_safe_door(arguments.host)
    try:
        return listen(arguments.host, arguments.port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise BadSettings(
            f"It cannot listen on {arguments.host}:{arguments.port}: {reason}. Choose another --port."
        ) from None


async def _run(settings: "Settings", transport: Any, streams: Streams | None, listening: "socket | None") -> None:
    from .app import build
    from .bailian import Shared
    from .dashscope import DashScope
    from .files import Studio
    from .settings import surroundings

    client = DashScope(settings.host, settings.api_key, redact=settings.redact, timeout_s=settings.timeout_s)
    async with client:
        shared = Shared(
            client,
            settings.host,
            settings.folders(remote=streams is None),
            settings.models,
            _catalog(settings),
            enough_s=settings.enough_s,
            extract_repairs=settings.repairs,
            studio=Studio(surroundings()),
            uploads=settings.uploads,
        )
        server = build(shared, log_level=settings.log_level)
        if streams:
            await server.run_on(*streams)
        elif listening:
            from . import web

            token = settings.http_token.get_secret_value() if settings.http_token else ""
            await web.serve(server, transport, web.Door(listening, token, settings.allowed_hosts))


def _catalog(settings: "Settings") -> "Callable[[], Catalog]":
    """The catalog, read at first use; an overlay at once, so that its mistakes are said at the start."""
    from .catalog import overlaid, shipped

    if settings.catalog_file is None:
        return shipped
    catalog = overlaid(settings.catalog_file)
    if catalog.trouble:
        logging.getLogger("bailian_mcp").warning("%s", catalog.trouble)
    return lambda: catalog


def _sandbox(stack: ExitStack) -> dict[str, str]:
    """Settings that lead to a sandbox of our own on loopback."""
    from . import sandbox

    url = stack.enter_context(sandbox.running())
    return {"DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": "sk-sandbox", "DASHSCOPE_WORKSPACE_ID": ""}


class _Redacting(logging.Formatter):
    """Takes the key out of every line, tracebacks included, and what may quote a request out of tracebacks."""

    def __init__(self, settings: "Settings") -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._redact = settings.redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))

    def formatException(self, ei: Any) -> str:
        if _quotes_its_input(ei[1]):
            return f"{type(ei[1]).__name__}: its text may quote the request and is left out"
        return super().formatException(ei)


def _quotes_its_input(error: BaseException | None) -> bool:
    if error is None:
        return False
    inner = [error.__cause__, error.__context__, *getattr(error, "exceptions", ())]
    return type(error).__name__ == "ValidationError" or any(map(_quotes_its_input, inner))


def _log_to_stderr(settings: "Settings") -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting(settings))
    logging.basicConfig(level=settings.log_level, handlers=[handler])
    for name in ("mcp", "sse_starlette"):  # their DEBUG lines hold whole requests and replies
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))


def _parsed(argv: list[str]) -> argparse.Namespace:
    serving = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    serving.add_argument("--transport", choices=["stdio", "sse", "streamable-http"], help="default: stdio")
    serving.add_argument("--host", help="where to listen (HTTP), default: 127.0.0.1; elsewhere a token is needed")
    serving.add_argument("--port", type=int, help="default: 8000; 0: any free one")
    serving.add_argument("--sandbox", action="store_true", help="answer from a stand-in DashScope: no key, no cost")
    parser = argparse.ArgumentParser(
        "bailian-mcp",
        parents=[serving],
        description="MCP server for Alibaba Cloud Model Studio (百炼). Without a command: serve over stdio.",
        epilog=_environment() if {"-h", "--help"} & set(argv) else "",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command="serve", transport="stdio", host=None, port=None, sandbox=False)
    parser.add_argument("--version", action="store_true", default=False, help="print the version")
    commands = parser.add_subparsers(metavar="serve | demo | sandbox | catalog", dest="command_given")
    commands.add_parser("serve", parents=[serving], help="serve MCP (the default)").set_defaults(command="serve")
    demo = commands.add_parser("demo", help="call every tool once, against the sandbox, and show what a host sees")
    demo.set_defaults(command="demo")
    box = commands.add_parser("sandbox", help="run the stand-in DashScope alone, to point other programs at")
    box.add_argument("--host", default="127.0.0.1", choices=["127.0.0.1", "::1", "localhost"])
    box.add_argument("--port", type=int, default=8787, help="default: 8787")
    box.add_argument("--latency-ms", type=float, default=0, help="wait before each chunk")
    box.add_argument("--chunk", type=int, default=12, help="characters a chunk, default: 12")
    box.set_defaults(command="sandbox")
    books = commands.add_parser("catalog", help="check, format or list a catalog file")
    books.add_argument("action", choices=["check", "format", "list"])
    books.add_argument("file", type=Path, nargs="?", help="default: the built-in catalog.json")
    books.set_defaults(command="catalog")
    arguments = parser.parse_args(argv)
    if arguments.version:
        sys.stdout.write(f"bailian-mcp {_version()}\n")
        parser.exit()
    if (
        arguments.transport == "stdio"
        and arguments.command == "serve"
        and (arguments.host, arguments.port) != (None, None)
    ):
        parser.error("--host and --port are for HTTP: add --transport streamable-http (or sse)")
    arguments.host = arguments.host or "127.0.0.1"
    arguments.port = 8000 if arguments.port is None else arguments.port
    if not 0 <= arguments.port <= 65535:
        parser.error(f"--port must be 0 to 65535, not {arguments.port}")
    return arguments


def _environment() -> str:
    from .settings import settings_table

    return "environment:\n" + "\n".join(f"  {name:24} {meaning}" for name, meaning in settings_table()) + "\n"


def _version() -> str:
    from .app import own_version

    return own_version()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # while starting up
        sys.exit(130)
