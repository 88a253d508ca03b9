"""A plain GET of JSON: lists of models, limits, permissions. Nothing is billed, so a broken one is asked again."""

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import Any

import anyio
import httpx2

from .connection import Connection, beginning
from .errors import DashScopeError

MAX_LIST_BYTES = 16_000_000  # a page of 100 models has about 200 KB
JSON_ONLY = {"Accept": "application/json"}


async def get_json(connection: Connection, path: str, query: Mapping[str, str]) -> Any:
    """The value at a path of the native protocol. Raises DashScopeError: there is none, or it is no JSON."""
    url, deadline = f"{connection.host.native}{path}", anyio.current_time() + connection.timeout_s
    async with AsyncExitStack() as stack:
        await connection.take_slot(stack)
        with anyio.move_on_at(deadline):
            return await connection.tried(url, deadline, partial(_value, connection, url, query))
    raise DashScopeError(f"{connection.host.service} gave no list within {connection.timeout_s:g} s. Call again.")


async def _value(connection: Connection, url: str, query: Mapping[str, str]) -> Any:
    response = await connection.request("GET", url, JSON_ONLY, params=dict(query))
    async with aclosing(response):
        try:
            text = await beginning(response, MAX_LIST_BYTES)
        except httpx2.RequestError as error:
            why = type(error).__name__
            raise DashScopeError(f"The list broke off before its end ({why}). Call again.", retry=True) from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise unknown_list(connection.host.service) from None


def unknown_list(service: str) -> DashScopeError:
    """A list that is there, and that nobody can read."""
    return DashScopeError(f"{service} gave a list of an unknown form. The built-in catalog holds: use that.")
