"""The second reader of `ocr`, as a host sees it: the real engine on real pictures, a DashScope that says what it likes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from bailian_mcp.server.files import LocalReader
from conftest import FakeDashScope, Hosted, text_of
from papers import drawn, saved
from test_ocr import read

pytestmark = pytest.mark.anyio
INVOICE = ("12,345.67 square metres", "2024-03-05", "86 / 36 in Hangzhou")


@pytest.fixture
def era() -> str:
    """What is read here does not depend on how a host is spoken to."""
    return "2026-07-28"


@pytest.fixture
async def reader() -> AsyncIterator[LocalReader]:
    async with LocalReader() as reader:
        yield reader


async def ocr(
    hosted: Hosted, folder: Path, reader: LocalReader, answer: Any, content: bytes, **arguments: Any
) -> dict[str, Any]:
    """The result of a file, where DashScope gives that answer: the data, and `said`, its text."""
    name = arguments.pop("name", "a.png")
    (folder / name).write_bytes(content)
    shared = {"local_reader": reader, "second_reader": True, "second_reader_wait_s": 60, **arguments.pop("shared", {})}
    wire = FakeDashScope([answer if not isinstance(answer, str) else read(answer)])
    async with hosted(wire, folders=(folder.resolve(),), **shared) as host:
        result = await host.call_tool("ocr", {"source": str(folder / name), **arguments})
    assert not result.is_error, text_of(result)
    return {**result.structured_content, "said": text_of(result)}


async def test_a_number_that_is_not_on_the_picture_is_told_with_its_place(
    hosted: Hosted, tmp_path: Path, reader: LocalReader
) -> None:
    answer = "\n".join(INVOICE).replace("12,345.67", "12,845.67")

    result = await ocr(hosted, tmp_path, reader, answer, saved(drawn(*INVOICE)))

    page = result["pages"][0]
    print(result["said"], page)
    assert page["status"] == "disagrees"
    (one,) = page["second_reader"]["differences"]
    assert (one["here"], one["answer"], one["unit"]) == ("12,345.67", "12,845.67", "px")
    (left, top), _, (right, bottom), _ = one["corners"]
    assert left < 60 < 140 < right
    assert top < 45 < 55 < bottom < 90
    assert f"12,345.67 here, 12,845.67 in the answer, at {left:g},{top:g} px" in result["said"]


async def test_a_perfect_reading_agrees(hosted: Hosted, tmp_path: Path, reader: LocalReader) -> None:
    result = await ocr(hosted, tmp_path, reader, "\n".join(INVOICE), saved(drawn(*INVOICE)))

    print(result["said"])
    assert result["pages"][0]["status"] == "ok"
    assert result["pages"][0]["second_reader"] == {"words": 1.0, "numbers": 1.0}
