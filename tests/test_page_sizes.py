"""How large pages and pictures are drawn: as their paper says, not beyond their own dots, and so that a request takes them."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from bailian_mcp.server.files import Renderer, open_input
from bailian_mcp.server.files.pdfs import Pdf
from conftest import FakeDashScope, Hosted, chunk, finish, sse, stream, text_of, usage
from papers import A4_PT, pdf, saved, scan
from PIL import Image

pytestmark = pytest.mark.anyio
LIMIT_PX = 12_000_000


async def drawn_size(tmp_path: Path, content: bytes) -> tuple[int, int]:
    (tmp_path / "a.pdf").write_bytes(content)
    async with open_input(str(tmp_path / "a.pdf"), (tmp_path,), Renderer()) as found:
        assert isinstance(found, Pdf)
        sent = (await found.picture(1, LIMIT_PX)).sent
    assert sent
    return sent


@pytest.mark.parametrize(
    ("unit", "pixels"), [("", 278), ("/UserUnit 3", 834), ("/UserUnit 0", 278), ("/UserUnit 9999999", 278)]
)
async def test_a_page_is_drawn_in_its_own_unit(tmp_path: Path, unit: str, pixels: int) -> None:
    """A page of 100 units; at 200 dots an inch."""
    content = pdf([["x"]], size_pt=lambda _: (100, 100))
    with_unit = re.sub(rb"/MediaBox", unit.encode() + b"/MediaBox", content, count=1)

    assert (with_unit == content) is (unit == "")
    assert await drawn_size(tmp_path, with_unit) == (pixels, pixels)


@pytest.mark.parametrize(
    ("size_pt", "pixels"),
    [
        ((1240, 1754), (1240, 1754)),  # its dots were taken for points: no more dots are drawn
        (A4_PT, (1654, 2339)),  # paper: 200 dots an inch, as ever
    ],
)
async def test_a_scan_is_not_blown_up(tmp_path: Path, size_pt: tuple[float, float], pixels: tuple[int, int]) -> None:
    image = Image.new("RGB", (1240, 1754), "white")
    image.paste("black", (100, 100, 200, 200))
    width, height = await drawn_size(tmp_path, scan([image], size_pt=size_pt))

    assert (abs(width - pixels[0]), abs(height - pixels[1])) <= (1, 1)


async def test_a_large_page_with_letters_is_drawn_as_sharp_as_may_be(tmp_path: Path) -> None:
    width, height = await drawn_size(tmp_path, pdf([["x"] * 5], size_pt=lambda _: (1240, 1754)))

    assert width * height > 0.99 * LIMIT_PX


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
