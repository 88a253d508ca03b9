"""The environment's proxies and certificates, over real sockets on loopback."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme
from anyio.streams.tls import TLSListener
from bailian_mcp.server.dashscope import ChatCompletions, DashScope, DashScopeError, Event, TextDelta
from bailian_mcp.server.endpoints import host
from bailian_mcp.server.network import listen
from conftest import ANSWER
from pydantic import SecretStr

pytestmark = pytest.mark.anyio
REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + ANSWER


@asynccontextmanager
async def listening(authority: trustme.CA | None = None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers anything, and the first bytes of what it was sent; with TLS if there is an authority."""
    heard: list[bytes] = []

    async def serve(connection: Any) -> None:
        async with connection:
            heard.append(await connection.receive())
            await connection.send(REPLY)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as plain, anyio.create_task_group() as tasks:
        listener: Any = plain
        if authority:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            authority.issue_cert("127.0.0.1").configure_cert(context)
            listener = TLSListener(plain, context, standard_compatible=False)
        tasks.start_soon(listener.serve, serve)
        yield plain.extra(anyio.abc.SocketAttribute.local_port), heard
        tasks.cancel_scope.cancel()


async def ask(url: str) -> list[Event]:
    client = DashScope(host(url), SecretStr("sk-any"), redact=str, first_wait_s=0)
    with anyio.fail_after(10):
        async with client, client.stream(ChatCompletions(), {"model": "x", "messages": []}) as reply:
            return [event async for event in reply.events]


async def test_a_certificate_authority_of_ones_own_is_trusted_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    async with listening(authority) as (port, _):
        with pytest.raises(DashScopeError, match="cannot be reached"):
            await ask(f"https://127.0.0.1:{port}")
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

        assert TextDelta("西湖") in await ask(f"https://127.0.0.1:{port}")


async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as (port, heard):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        with pytest.raises(DashScopeError):  # it answers, but opens no tunnel
            await ask("https://dashscope.aliyuncs.com")

    assert heard[0].startswith(b"CONNECT dashscope.aliyuncs.com:443 ")
    assert b"sk-any" not in b"".join(heard)


@pytest.mark.parametrize("scheme", ["http", "HTTP"])
async def test_plain_http_to_loopback_goes_through_no_proxy(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    async with listening() as (proxy, through_proxy), listening() as (port, direct):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")

        assert TextDelta("西湖") in await ask(f"{scheme}://127.0.0.1:{port}")

    assert direct
    assert through_proxy == []


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_what_a_server_writes_goes_out_at_once(address: str) -> None:
    """asyncio switches Nagle's algorithm off only where a socket says that it is TCP's; each answer took 44 ms more."""
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        option = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        accepted.set_result(option)
        writer.close()

    with listen(address, 0) as ours:
        async with await asyncio.start_server(serve, sock=ours):
            with socket.create_connection(ours.getsockname()[:2]):
                assert await accepted
