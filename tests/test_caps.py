"""Caps that hold: what a request could cost at worst is held before it is sent, and settled when it has ended."""

from decimal import Decimal
from pathlib import Path

import pytest
from bailian_mcp.server.spending import Caps

from .conftest import FakeDashScope, Hosted, stream, text_of

pytestmark = pytest.mark.anyio
CALL = {"prompt": "用一句话介绍杭州西湖。"}
# qwen3.7-plus, 1,000 + 500 tokens
PRICE = Decimal("0.006")


def caps(**given: str) -> Caps:
    return Caps(**{f"per_{span}": Decimal(cny) for span, cny in given.items()})


async def test_a_call_that_fits_is_made(hosted: Hosted, tmp_path: Path) -> None:
    async with hosted(FakeDashScope([stream()]), caps=caps(call="1"), kept=(tmp_path,)) as client:
        told = await client.call_tool("chat", CALL)
    print(text_of(told))
    assert not told.is_error


async def test_over(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, caps=caps(call="0.1", day="0.02"), kept=(tmp_path,)) as client:
        for _ in range(5):
            told = await client.call_tool("chat", CALL)
            print(text_of(told))
            print(wire.body if wire.requests else None)
    assert 0
