"""`proofread`, as a host sees it: what is read is told as `ocr` tells it, and shown in a page for people."""

from pathlib import Path
from typing import Any

import pytest
from bailian_mcp.server.features.ocr.view import title_of
from bailian_mcp.server.files import LocalReader
from conftest import FakeDashScope, Hosted, text_of
from papers import drawn, saved
from test_ocr import read
from test_ocr_view import Dom

pytestmark = pytest.mark.anyio
RECEIPT = saved(drawn("Total amount 172.00 CNY", size=(600, 400)))


@pytest.fixture
def era() -> str:
    """What is shown does not depend on how a host is spoken to."""
    return "2026-07-28"


async def proofread(hosted: Hosted, folder: Path, answers: list[Any], shared: Any = None, **arguments: Any) -> Any:
    (folder / "receipt <1>.png").write_bytes(RECEIPT)
    granted = {"folders": (folder.resolve(),), "output_folder": folder / "out", **(shared or {})}
    given = {"source": str(folder / "receipt <1>.png"), "output": "page.html", **arguments}
    async with hosted(FakeDashScope(answers), **granted) as host:
        return await host.call_tool("proofread", given)


async def test_what_the_readers_disagree_on_is_told_and_shown(
    hosted: Hosted, tmp_path: Path, reader: LocalReader
) -> None:
    shared = {"local_reader": reader, "second_reader": True, "second_reader_wait_s": 0}  # it waits all the same
    result = await proofread(hosted, tmp_path, [read("Total amount 192.00 CNY")], shared)

    page = tmp_path / "out" / "page.html"
    dom = Dom(page.read_text("utf-8"))
    assert result.structured_content["output"] == str(page)
    assert f"| written: {page}]" in text_of(result).splitlines()[0]
    assert "172.00 here" in text_of(result)
    assert {"p1-d1", "p1-i1", "p1-l1"} <= set(dom.ids)
    assert "receipt <1>.png" in dom.text


async def test_with_the_second_reader_off_nothing_is_read_here(hosted: Hosted, tmp_path: Path) -> None:
    class Never(LocalReader):
        is_installed = True

        async def lines(self, content: bytes) -> Any:
            raise AssertionError

    shared = {"local_reader": Never(), "second_reader": False}
    result = await proofread(hosted, tmp_path, [read("Total amount 172.00 CNY")], shared)

    text = Dom((tmp_path / "out" / "page.html").read_text("utf-8")).text
    assert "not compared with a second reading: the second reader is switched off" in text_of(result).splitlines()[0]
    assert "The two readers were not compared: the second reader is switched off (BAILIAN_SECOND_READER)." in text


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("page.txt", "page.txt"),
        ("../page.html", "../page.html"),
        ("there.html", "there.html"),
    ],
)
async def test_a_name_that_cannot_be_written_is_refused_before_anything_is_paid(
    hosted: Hosted, tmp_path: Path, output: str, said: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "there.html").write_text("mine")
    result = await proofread(hosted, tmp_path, [], output=output)

    assert result.is_error
    assert said in text_of(result)
    assert text_of(result).endswith("Nothing was sent.")
    assert (tmp_path / "out" / "there.html").read_text() == "mine"


async def test_without_a_folder_for_files_nothing_is_sent(hosted: Hosted, tmp_path: Path) -> None:
    result = await proofread(hosted, tmp_path, [], {"output_folder": None})

    assert text_of(result).startswith("No folder is set where files may be written.")
    assert "or call `ocr`, which writes no file." in text_of(result)
    assert text_of(result).endswith("Nothing was sent.")


async def test_what_is_on_another_machine_is_not_shown(hosted: Hosted, tmp_path: Path) -> None:
    result = await proofread(hosted, tmp_path, [], source=" HTTPS://example.com/a.png")

    assert text_of(result).startswith("proofread shows pictures and fetches none: download the file and give its path.")
    assert text_of(result).endswith("Nothing was sent.")


async def test_what_was_read_is_told_where_the_page_cannot_be_written_any_more(hosted: Hosted, tmp_path: Path) -> None:
    def late() -> Any:
        (tmp_path / "out").rmdir()
        (tmp_path / "out").write_text("a file by now")
        return read("Total amount 172.00 CNY")

    (tmp_path / "receipt.png").write_bytes(RECEIPT)
    (tmp_path / "out").mkdir()
    granted = {"folders": (tmp_path.resolve(),), "output_folder": tmp_path / "out"}
    async with hosted(FakeDashScope([late]), **granted) as host:
        result = await host.call_tool("proofread", {"source": str(tmp_path / "receipt.png"), "output": "page.html"})

    assert "Total amount 172.00 CNY" in text_of(result)
    assert "output" not in result.structured_content
    assert "page.html cannot be written into the output folder" in text_of(result).splitlines()[0]
    assert (tmp_path / "out").read_text() == "a file by now"


@pytest.mark.parametrize(
    "change", [lambda file: file.write_bytes(saved(drawn("1"))), Path.unlink], ids=["other", "gone"]
)
async def test_no_page_shows_another_file_than_was_read(hosted: Hosted, tmp_path: Path, change: Any) -> None:
    def changed() -> Any:
        change(tmp_path / "receipt <1>.png")
        return read("Total amount 172.00 CNY")

    result = await proofread(hosted, tmp_path, [changed])

    assert "Total amount 172.00 CNY" in text_of(result)
    assert "no page was written: the file changed while it was read" in text_of(result).splitlines()[0]
    assert list((tmp_path / "out").iterdir()) == []


async def test_a_name_that_is_taken_meanwhile_costs_no_page(hosted: Hosted, tmp_path: Path) -> None:
    def taken() -> Any:
        (tmp_path / "out" / "page.html").write_text("another's")
        return read("Total amount 172.00 CNY")

    result = await proofread(hosted, tmp_path, [taken])

    assert result.structured_content["output"] == str(tmp_path / "out" / "page-2.html")
    assert (tmp_path / "out" / "page.html").read_text() == "another's"
    assert "Total amount" in Dom((tmp_path / "out" / "page-2.html").read_text("utf-8")).text


@pytest.mark.parametrize(
    ("source", "title"),
    [
        (" data:image/png;base64,iVBO", "data:"), ("DATA:image/png;base64,iV/BO", "data:"),
        ("https://u:p@example.com/a@b.png?Signature=x#y", "https://example.com/a@b.png"),
        ("/a/b c.pdf", "b c.pdf"), ("file:///a/b.png", "b.png"), ("data:image/png;base64,iVBO", "data:"),
        ("https://example.com/a.png", "https://example.com/a.png"),
    ],
)  # fmt: skip
def test_a_page_is_named_as_its_file(source: str, title: str) -> None:
    assert title_of(source) == title
