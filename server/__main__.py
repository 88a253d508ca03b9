"""The front door: arguments and environment -> settings -> the one client -> one transport.

Only the standard library is imported before stdout is safe: a library that prints while it loads must not be heard.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from .settings import Settings

COMMANDS = ("serve", "demo", "sandbox")
Streams = tuple[BinaryIO, BinaryIO]


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parsed(list(sys.argv[1:] if argv is None else argv))
    if arguments.command == "sandbox":
        from . import sandbox

        return sandbox.serve(arguments.host, arguments.port, arguments.latency_ms, arguments.chunk)
    if arguments.command == "demo":
        from . import demo

        return demo.main()
    return _serve(arguments, _claimed() if arguments.transport == "stdio" else None)


def _claimed() -> Streams:
    """stdin and stdout for the protocol alone: everyone else reads nothing, and what they print goes to stderr."""
    streams = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return streams


def _serve(arguments: argparse.Namespace, streams: Streams | None) -> int:
    import anyio

    from .settings import BadSettings, read

    with ExitStack() as stack:
        try:
            settings = read(**_sandbox(stack) if arguments.sandbox else {})
            if streams is None:
                settings.require_safe_door(arguments.host)
        except BadSettings as error:
            sys.stderr.write(f"bailian-mcp cannot start.\n{error}\n")
            return 2
        _log_to_stderr(settings)
        try:
            anyio.run(_run, settings, arguments, streams)
        except OSError as error:
            sys.stderr.write(f"bailian-mcp cannot listen on {arguments.host}:{arguments.port}: {error.strerror}.\n")
            return 2
        except Exception:
            logging.getLogger("bailian_mcp").exception("the server stopped")
            return 1
    return 0


async def _run(settings: "Settings", arguments: argparse.Namespace, streams: Streams | None) -> None:
    from .app import build
    from .bailian import Shared
    from .dashscope import DashScope

    client = DashScope(settings.host, settings.api_key, redact=settings.redact, timeout_s=settings.timeout_s)
    async with client:
        folders = settings.folders(remote=streams is None)
        server = build(
            Shared(client, settings.host, folders, {"chat": settings.chat_model}), log_level=settings.log_level
        )
        if streams:
            await server.run_on(*streams)
        else:
            from . import web

            token = settings.http_token.get_secret_value() if settings.http_token else ""
            door = web.Door(arguments.host, arguments.port, token, settings.allowed_hosts)
            await web.serve(server, arguments.transport, door)


def _sandbox(stack: ExitStack) -> dict[str, object]:
    """Settings that lead to a sandbox of our own on loopback."""
    from . import sandbox

    return {"base_url": stack.enter_context(sandbox.running()), "api_key": "sandbox", "workspace_id": ""}


class _Redacting(logging.Formatter):
    """Takes the key out of every line, tracebacks included."""

    def __init__(self, settings: "Settings") -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._redact = settings.redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


def _log_to_stderr(settings: "Settings") -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting(settings))
    logging.basicConfig(level=settings.log_level, handlers=[handler])


def _parsed(argv: list[str]) -> argparse.Namespace:
    if not argv or (argv[0] not in COMMANDS and argv[0] not in ("-h", "--help", "--version")):
        argv = ["serve", *argv]
    parser = argparse.ArgumentParser(
        "bailian-mcp",
        description="MCP server for Alibaba Cloud Model Studio (百炼). Without a command: serve over stdio.",
        epilog=_environment() if argv[0] in ("-h", "--help") else "",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command")
    serve = commands.add_parser("serve", help="serve MCP (the default)")
    serve.add_argument("--transport", choices=["stdio", "sse", "streamable-http"], default="stdio")
    serve.add_argument("--host", default="127.0.0.1", help="where to listen (HTTP); off loopback a token is needed")
    serve.add_argument("--port", type=int, default=8000, help="0: any free one")
    serve.add_argument("--sandbox", action="store_true", help="answer from a stand-in DashScope: no key, no cost")
    commands.add_parser("demo", help="call every tool once, against the sandbox, and show what a host sees")
    box = commands.add_parser("sandbox", help="run the stand-in DashScope alone, to point other programs at")
    box.add_argument("--host", default="127.0.0.1", choices=["127.0.0.1", "::1", "localhost"])
    box.add_argument("--port", type=int, default=8787)
    box.add_argument("--latency-ms", type=float, default=0, help="wait before each chunk")
    box.add_argument("--chunk", type=int, default=12, help="characters a chunk")
    arguments = parser.parse_args(argv)
    if arguments.version:
        sys.stdout.write(f"bailian-mcp {_version()}\n")
        parser.exit()
    return arguments


def _environment() -> str:
    from .settings import documented

    return "environment:\n" + "\n".join(f"  {name:24} {meaning}" for name, _, meaning in documented())


def _version() -> str:
    from .app import own_version

    return own_version()


if __name__ == "__main__":
    sys.exit(main())
