"""Images that are together too large for one request are sent smaller, and that is said."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import HOST, FakeDashScope, Hosted, chunk, finish, sse, stream, text_of, usage
from papers import image_of, saved
from PIL import Image

pytestmark = pytest.mark.anyio
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


@pytest.fixture
def era() -> str:
    """What is fitted here does not depend on how a host is spoken to."""
    return "2026-07-28"


def noisy(width: int, height: int, seed: int = 0) -> bytes:
    return saved(Image.frombytes("RGB", (width, height), Random(seed).randbytes(3 * width * height)), compress_level=0)


def answered() -> FakeDashScope:
    return FakeDashScope([stream(sse(chunk(content='{"title": "西湖"}'), finish("stop"), usage()), "req-1")])


async def ask(
    hosted: Hosted, wire: FakeDashScope, folder: Path, *contents: bytes, body_bytes: int | None, tool: str = "extract"
) -> Any:
    files = [folder / f"{number}.png" for number in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    asked: dict[str, Any] = {"json_schema": SCHEMA} if tool == "extract" else {"prompt": "?"}
    async with hosted(wire, folders=(folder.resolve(),), host=replace(HOST, body_bytes=body_bytes)) as host:
        return await host.call_tool(tool, {**asked, "files": [str(file) for file in files]})


def sent(wire: FakeDashScope) -> list[Image.Image]:
    content = wire.body["messages"][-1]["content"]
    return [image_of({"messages": [{"content": [part]}]}) for part in content if part["type"] == "image_url"]


@pytest.mark.parametrize("tool", ["extract", "chat"])
async def test_images_that_are_too_large_together_are_sent_smaller_as_far_as_needed(
    hosted: Hosted, tmp_path: Path, tool: str
) -> None:
    wire = answered()
    small = saved(Image.new("L", (300, 200), "white").point(lambda _: 0).crop((0, 0, 200, 200)))
    contents = (noisy(800, 700), saved(Image.linear_gradient("L")), noisy(800, 700, 1), small)
    result = await ask(hosted, wire, tmp_path, *contents, body_bytes=1_400_000, tool=tool)

    assert not result.is_error, text_of(result)
    assert len(wire.requests[0].content) <= 1_400_000
    assert [image.size for image in sent(wire)] == [(800, 700), (256, 256), (800, 700), (200, 200)]
    assert [image.format for image in sent(wire)] == ["JPEG", "PNG", "JPEG", "PNG"]
    (note,) = [note for note in result.structured_content["notes"] if "quality" in note]
    assert note == (
        "Made smaller to fit into one request: 2 of 4 images, at JPEG quality 80 or better. Small letters may be "
        "misread: give fewer files at once."
    )
    assert note in text_of(result)


async def test_where_quality_alone_does_not_do_there_are_fewer_pixels(hosted: Hosted, tmp_path: Path) -> None:
    wire = answered()
    result = await ask(hosted, wire, tmp_path, noisy(800, 700), noisy(800, 700, 1), body_bytes=650_000)

    assert not result.is_error, text_of(result)
    assert [image.size for image in sent(wire)] == [(669, 585)] * 2
    assert "2 of 2 images, at JPEG quality 50 or better and 70% of their pixels" in text_of(result)


async def test_what_does_not_fit_at_the_lowest_quality_is_refused(hosted: Hosted, tmp_path: Path) -> None:
    wire = answered()
    result = await ask(hosted, wire, tmp_path, noisy(800, 700), noisy(800, 700, 1), body_bytes=210_000)

    assert result.is_error
    assert "and this host takes 0.2 MB. Nothing was sent. Send fewer or smaller files" in text_of(result)
    assert wire.requests == []


@pytest.mark.parametrize("body_bytes", [None, 7_000_000])
async def test_what_fits_or_whose_limit_nobody_knows_is_sent_as_it_is(
    hosted: Hosted, tmp_path: Path, body_bytes: int | None
) -> None:
    wire, content = answered(), noisy(800, 700)
    result = await ask(hosted, wire, tmp_path, content, content, body_bytes=body_bytes)

    assert [image.format for image in sent(wire)] == ["PNG", "PNG"]
    assert "quality" not in json.dumps(result.structured_content["notes"])
