"""Pictures that are too many for one request together."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import FakeDashScope, Hosted, chunk, finish, sse, stream, text_of, usage
from papers import saved
from PIL import Image

pytestmark = pytest.mark.anyio


def noise(side_px: int) -> bytes:
    return saved(Image.frombytes("RGB", (side_px, side_px), os.urandom(side_px * side_px * 3)), "JPEG", quality=90)


async def test_ten_noisy_pictures_are_drawn_smaller_until_one_request_takes_them(
    hosted: Hosted, tmp_path: Path
) -> None:
    content = noise(1_500)
    for number in range(10):
        (tmp_path / f"{number}.jpg").write_bytes(content)
    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    wire = FakeDashScope([stream(sse(chunk(content='{"title": "x"}'), finish(), usage()))])
    given: dict[str, Any] = {"json_schema": schema, "files": [str(tmp_path / f"{n}.jpg") for n in range(10)]}
    async with hosted(wire, folders=(tmp_path,)) as host:
        result = await host.call_tool("extract", given)

    sent = json.loads(wire.requests[0].content)["messages"][-1]["content"]
    assert len(content) * 10 * 4 / 3 > 16e6
    assert len(wire.requests[0].content) < 16 * 1024 * 1024
    assert sum("image_url" in part for part in sent) == 10
    assert not result.is_error
    assert "were drawn smaller, at" in text_of(result)
