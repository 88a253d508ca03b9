"""Connections to a server in this process, line by line as they go over a pipe, without the pipe."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import anyio
from bailian_mcp.server.app.server import App, build
from bailian_mcp.server.calls.context import AppContext
from conftest import HOST
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

GREETED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'


def line(id: Any = 0, method: str = "initialize", **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode() + b"\n"


@cache
def server_of(groups: tuple[str, ...], structured: bool) -> App:
    """It lists and answers for itself; nothing gets as far as DashScope."""
    return build(AppContext(None, HOST, structured=structured), groups=groups)  # type: ignore[arg-type]


async def replies(server: App, given: Sequence[bytes]) -> list[bytes]:
    """What the SDK says to each request, one after the other."""
    said = []
    ask, asked = anyio.create_memory_object_stream[Any](len(given))
    reply, replied = anyio.create_memory_object_stream[Any](len(given))
    with anyio.fail_after(30):
        async with ask, asked, reply, replied, anyio.create_task_group() as tasks:
            tasks.start_soon(server.run_over, asked, reply)
            for each in given:
                message = jsonrpc_message_adapter.validate_json(each, by_name=False)
                await ask.send(SessionMessage(message))
                if b'"id"' in each:
                    told = (await replied.receive()).message
                    said.append(told.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
            tasks.cancel_scope.cancel()
    return said
