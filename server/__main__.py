"""Arguments -> a command. Only the standard library is imported here: `--version` is at once, and stdout is made safe
before a library that prints while it loads could be heard.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from .app.transports.front import Front


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parsed(list(sys.argv[1:] if argv is None else argv))
    if arguments.command == "sandbox":
        from .commands import sandbox

        return sandbox.main(arguments.host, arguments.port, arguments.latency_ms, arguments.chunk)
    if arguments.command == "demo":
        from .commands.loading import loaded_lightly

        with loaded_lightly():
            from .commands import demo

        return demo.main(verbose=arguments.verbose)
    if arguments.command == "catalog":
        return _catalog(arguments)
    if arguments.command == "ocr":
        return _ocr(arguments)
    if arguments.command == "usage":
        from .commands import usage

        options = usage.UsageOptions(
            arguments.by, arguments.days, arguments.form, arguments.confirm_spent,
            arguments.sandbox, arguments.bill, arguments.bill_columns, arguments.bill_key,
        )  # fmt: skip
        return usage.main(options)
    if arguments.command == "files":
        from .commands import files

        return files.main(arguments.delete, ours=arguments.delete_ours)
    return _serve(arguments)


def _catalog(arguments: argparse.Namespace) -> int:
    if arguments.action == "refresh":
        from .commands import refresh

        return refresh.main(refresh.RefreshOptions(arguments.write, arguments.force))
    from .commands import catalog

    return catalog.main(arguments.action, arguments.file)


def _ocr(arguments: argparse.Namespace) -> int:
    from .commands.loading import loaded_lightly

    with loaded_lightly():
        from .commands import ocr

    options = ocr.OcrOptions(arguments.file, arguments.html, arguments.pages, arguments.model, arguments.sandbox)
    return ocr.main(options)


def _serve(arguments: argparse.Namespace) -> int:
    stdio = _take_over_stdio(structured=arguments.structured) if arguments.transport == "stdio" else None
    from .commands.loading import kept_out, loaded_lightly

    needs_web_server = arguments.sandbox or not stdio
    with loaded_lightly(), kept_out(*() if needs_web_server else ("uvicorn",)):
        from .commands import serve

    return serve.main(
        arguments.transport,
        arguments.host,
        arguments.port,
        stdio=stdio,
        sandboxed=arguments.sandbox,
        structured=arguments.structured,
        workers=serve.Workers(arguments.workers, arguments.inherited, sys.argv[1:]),
    )


def _take_over_stdio(*, structured: bool) -> "Front":
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
    from .app.transports.front import Front
    from .app.transports.listing import chosen

    front = Front(*streams)
    told = "true" if structured else os.environ.get("BAILIAN_STRUCTURED", "")
    front.answer_early(chosen(os.environ.get("BAILIAN_TOOLS", ""), told))
    return front


def _parsed(argv: list[str]) -> argparse.Namespace:
    parser = _parser(with_environment=bool({"-h", "--help"} & set(argv)))
    arguments = parser.parse_args(argv)
    if arguments.version:
        from .app.version import own_version

        sys.stdout.write(f"bailian-mcp {own_version()}\n")
        parser.exit()
    if arguments.command == "usage" and not arguments.bill and (arguments.bill_columns or arguments.bill_key):
        parser.error("--bill-columns and --bill-key are for a bill: add --bill FILE")
    if arguments.command == "catalog":
        _check_refresh(parser, arguments)
    for_http = arguments.command == "serve" and arguments.transport == "stdio"
    if for_http and (arguments.host, arguments.port) != (None, None):
        parser.error("--host and --port are for HTTP: add --transport streamable-http (or sse)")
    if arguments.workers > 1 and arguments.transport != "streamable-http":
        parser.error("--workers is for HTTP: add --transport streamable-http")
    if not 1 <= arguments.workers <= 64:
        parser.error(f"--workers must be 1 to 64, not {arguments.workers}")
    arguments.host = arguments.host or "127.0.0.1"
    arguments.port = 8000 if arguments.port is None else arguments.port
    if not 0 <= arguments.port <= 65535:
        parser.error(f"--port must be 0 to 65535, not {arguments.port}")
    return arguments


def _check_refresh(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    refreshes = arguments.action == "refresh"
    if refreshes and arguments.file:
        parser.error("refresh reads DashScope's list, no file: --write FILE says where to write")
    if not refreshes and (arguments.write or arguments.force):
        parser.error("--write and --force are for catalog refresh")


def _parser(*, with_environment: bool) -> argparse.ArgumentParser:
    serving = _serving()
    parser = argparse.ArgumentParser(
        "bailian-mcp",
        parents=[serving],
        description="MCP server for Alibaba Cloud Model Studio (百炼). Without a command: serve over stdio.",
        epilog=_environment() if with_environment else "",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(
        command="serve",
        transport="stdio",
        host=None,
        port=None,
        sandbox=False,
        structured=False,
        workers=1,
        inherited=None,
    )
    parser.add_argument("--version", action="store_true", default=False, help="print the version")
    commands = parser.add_subparsers(
        metavar="serve | demo | ocr | sandbox | usage | files | catalog", dest="command_given"
    )
    commands.add_parser("serve", parents=[serving], help="serve MCP (the default)").set_defaults(command="serve")
    demo = commands.add_parser("demo", help="show what a host sees, against the sandbox: no key, no cost")
    demo.add_argument("--verbose", action="store_true", help="every tool, with its progress and its whole text")
    demo.set_defaults(command="demo")
    _ocr_arguments(commands.add_parser("ocr", help="read an image or PDF, and see what was read where"))
    _usage_arguments(commands.add_parser("usage", help="what was spent, by this machine's ledger"))
    _files_arguments(commands.add_parser("files", help="what lies at DashScope, where it never expires"))
    _sandbox_arguments(commands.add_parser("sandbox", help="run the stand-in DashScope alone, for other programs"))
    _catalog_arguments(commands.add_parser("catalog", help="check, format or list a catalog file; refresh it"))
    return parser


def _catalog_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["check", "format", "list", "refresh"])
    parser.add_argument("file", type=Path, nargs="?", help="default: the built-in catalog.json")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="refresh: what the live list says, for BAILIAN_CATALOG"
    )
    parser.add_argument("--force", action="store_true", default=False, help="refresh: FILE may be there already")
    parser.set_defaults(command="catalog")


def _serving() -> argparse.ArgumentParser:
    """What `serve` takes, with and without its name."""
    serving = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    serving.add_argument("--transport", choices=["stdio", "sse", "streamable-http"], help="default: stdio")
    serving.add_argument("--host", help="where to listen (HTTP), default: 127.0.0.1; elsewhere a token is needed")
    serving.add_argument("--port", type=int, help="default: 8000; 0: any free one")
    serving.add_argument(
        "--workers", type=int, help="processes behind the port (streamable-http), default: 1; several keep no sessions"
    )
    serving.add_argument("--inherited", type=int, help=argparse.SUPPRESS)  # a worker's: the socket it is handed
    serving.add_argument("--sandbox", action="store_true", help="answer from a stand-in DashScope: no key, no cost")
    serving.add_argument("--structured", action="store_true", help="results as data too, for programs")
    return serving


def _ocr_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an image or PDF, or its https URL")
    parser.add_argument("--html", type=Path, metavar="OUT", help="write a page to look at; a file that is new")
    parser.add_argument("--pages", default="", help='of a PDF or TIFF, as "1-3,7"; default: all')
    parser.add_argument("--model", default="", help="default: the one the server would ask")
    parser.add_argument("--sandbox", action="store_true", default=False, help="answer from a stand-in: no key, no cost")
    parser.set_defaults(command="ocr")


def _usage_arguments(parser: argparse.ArgumentParser) -> None:
    groups = ("day", "model", "tool", "client", "session", "region")
    parser.add_argument("--by", choices=groups, default="day", help="what to add up by")
    parser.add_argument("--days", type=_days, default=30, help="how many days, today included (Beijing's)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", dest="form", action="store_const", const="csv", help="as CSV")
    form.add_argument("--json", dest="form", action="store_const", const="json", help="as JSON")
    parser.add_argument("--sandbox", action="store_true", default=False, help="what the sandbox would have cost")
    parser.add_argument("--bill", type=Path, metavar="FILE", help="compare with a bill that Alibaba exports (CSV)")
    parser.add_argument("--bill-columns", type=Path, metavar="FILE", help="TOML: names of its columns (docs/bill.md)")
    parser.add_argument("--bill-key", metavar="ID", help="compare only what was billed to this ApiKeyID")
    parser.add_argument(
        "--confirm-spent", type=_money, metavar="CNY", help="what today's ledger held, where its file was lost"
    )
    parser.set_defaults(command="usage", form="table")


def _files_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--delete", nargs="+", metavar="ID", default=[], help="delete these")
    what.add_argument(
        "--delete-ours", action="store_true", default=False,
        help="delete the documents that this program put there, those of servers that still run too",
    )  # fmt: skip
    parser.set_defaults(command="files")


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 3_660:
        raise argparse.ArgumentTypeError("must be 1 to 3660 days")
    return int(text)


def _money(text: str) -> "Decimal":
    from decimal import Decimal, InvalidOperation

    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and 0 <= amount <= 10**9):
        raise argparse.ArgumentTypeError("must be an amount in CNY, as 12.5")
    return amount


def _sandbox_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", choices=["127.0.0.1", "::1", "localhost"])
    parser.add_argument("--port", type=int, default=8787, help="default: 8787")
    parser.add_argument("--latency-ms", type=float, default=0, help="wait before each chunk")
    parser.add_argument("--chunk", type=int, default=12, help="characters a chunk, default: 12")
    parser.set_defaults(command="sandbox")


def _environment() -> str:
    from .commands.help import environment

    return environment()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # while starting up
        sys.exit(130)
