"""What the SDK reads from and writes to over stdio."""

from typing import Any

import anyio
import pytest
from bailian_mcp.server.app.transports.wire import Inbox, Outbox
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCResponse

pytestmark = pytest.mark.anyio
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'


@pytest.fixture
def era() -> str:
    return "2026-07-28"


async def test_lines_are_messages_in_their_order_and_what_is_none_says_so() -> None:
    inbox, found = Inbox(lambda: None), list[Any]()
    for line in (PING, b"no JSON\n", b"\xff\n", PING, None):
        inbox.put(line)
    async for item in inbox:
        found.append(item)

    assert [type(item) for item in found] == [SessionMessage, *[type(found[1])] * 2, SessionMessage]
    assert isinstance(found[1], ValueError)
    assert inbox.ended.is_set()


async def test_who_waits_for_a_line_is_woken_by_it_and_by_the_end() -> None:
    inbox, found = Inbox(lambda: None), list[Any]()

    async def read() -> None:
        async with inbox:
            async for item in inbox:
                found.append(item)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        for _ in range(2):
            await anyio.wait_all_tasks_blocked()
            inbox.put(PING)
        await anyio.wait_all_tasks_blocked()
        inbox.put(None)
    inbox.put(PING)  # after the end nothing is heard

    assert len(found) == 2
    with pytest.raises(anyio.EndOfStream):
        await inbox.receive()


async def test_where_nobody_reads_any_more_nobody_is_told() -> None:
    said = list[str]()

    async def write(text: str) -> None:
        if said:
            raise BrokenPipeError
        said.append(text)

    async with Outbox(write) as outbox:
        message = SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={}))
        await outbox.send(message)
        assert not outbox.gone.is_set()
        with pytest.raises(anyio.BrokenResourceError):
            await outbox.send(message)
        assert outbox.gone.is_set()

    assert said == ['{"jsonrpc":"2.0","id":1,"result":{}}\n']
