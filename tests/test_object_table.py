"""A PDF whose table points beside its objects: PDFium would leave out pages and texts in silence."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from bailian_mcp.server.files import Pdf, open_input
from bailian_mcp.server.files.rendering.object_table import opened, points_beside
from papers import streamed, written
from pypdfium2 import PdfDocument

pytestmark = pytest.mark.anyio
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
TEXTS = ["Total 86.00", "Total 186.00", "Total 286.00"]


def three_pages(stamp: bytes = b"") -> bytes:
    """With `stamp` in the text of the second."""
    parts = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [4 0 R 6 0 R 8 0 R] /Count 3 >>", FONT]
    for number, text in enumerate(TEXTS):
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents %d 0 R /Resources << /Font << /F 3 0 R >> >> >>"
        said = (stamp if number == 1 else b"") + text.encode()
        parts += [page % (5 + 2 * number), streamed(b"BT /F 20 Tf 20 200 Td (%b) Tj ET" % said)]
    return written(*parts)


def table_found(content: bytes) -> bytes:
    """As a program leaves it that looks for the table and believes what it says."""
    at = content.rfind(b"xref", 0, content.rfind(b"startxref")) - max(0, content.find(b"%PDF"))
    return re.sub(rb"startxref\s+\d+", b"startxref\n%d" % at, content)


def edited(content: bytes) -> bytes:
    return table_found(content.replace(b"/Type /Pages ", b"/Type /Pages /Note (a) "))


def edited_late(content: bytes) -> bytes:
    return table_found(content.replace(b"(Total 186", b"(       Total 186"))


def with_windows_lines(content: bytes) -> bytes:
    head, mark, table = content.rpartition(b"xref\n0 ")
    return table_found(head.replace(b"\n", b"\r\n") + mark + table)


def with_shorter_entries(content: bytes) -> bytes:
    """One byte each instead of two at their ends."""
    return re.sub(rb"( [nf]) \n", rb"\1\n", content)


def of_another_number(content: bytes) -> bytes:
    """The table begins with 1 instead of 0."""
    return content.replace(b"xref\n0 ", b"xref\n1 ")


def revised(content: bytes) -> bytes:
    """With a second table, for a text that was written anew; the first points beside its objects."""
    text = b"\n5 0 obj\n%b\nendobj\n" % streamed(b"BT /F 20 Tf 20 200 Td (Total 86.00) Tj ET")
    content = edited(content)
    older, start = int(content.rpartition(b"startxref\n")[2].split()[0]), len(content) + len(text)
    newer = b"xref\n5 1\n%010d 00000 n \ntrailer << /Size 10 /Root 1 0 R /Prev %d >>\n" % (len(content) + 1, older)
    return content + text + newer + b"startxref\n%d\n%%%%EOF" % start


def after_junk(content: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n\r\n" + edited(content)


def read(document: PdfDocument) -> list[str]:
    return [page.get_textpage().get_text_range().strip() for page in document]


BESIDE = [
    edited,
    edited_late,
    with_windows_lines,
    with_shorter_entries,
    of_another_number,
    revised,
    after_junk,
]


@pytest.mark.parametrize("broken", BESIDE)
def test_where_the_table_points_beside_the_objects_they_are_looked_for(broken: Callable[[bytes], bytes]) -> None:
    content = broken(three_pages())

    assert points_beside(content)
    assert read(opened(content)) == TEXTS


async def test_every_page_and_word_of_such_a_file_arrives(tmp_path: Path) -> None:
    for number, broken in enumerate((edited, edited_late)):
        (tmp_path / f"{number}.pdf").write_bytes(broken(three_pages()))
        async with open_input(str(tmp_path / f"{number}.pdf"), (tmp_path.resolve(),)) as found:
            assert isinstance(found, Pdf)
            assert [page.text.strip() for page in await found.all_words()] == TEXTS
            assert not (await found.picture(3, 100_000)).blank


SOUND = {
    "as it should be": three_pages(),
    "something before, and counted from the header": b"HTTP/1.1 200 OK\r\n\r\n" + three_pages(),
    "blanks before the objects": three_pages().replace(b"\n5 0 obj", b"5 0 obj").replace(b"endobj5", b"endobj\n5"),
    "objects that nobody has": three_pages().replace(b"xref\n0 10\n", b"xref\n20 1\n0000000009 00000 n \n0 10\n"),
    "no table": re.sub(rb"xref\n0 .*(?=trailer)", b"", three_pages(), flags=re.DOTALL),
    "a table that is elsewhere": three_pages().replace(b"startxref\n", b"startxref\n9"),
    "tables in a ring": table_found(three_pages()).replace(b"/Root", b"/Prev %d /Root" % three_pages().rfind(b"xref\n0 ")),
}  # fmt: skip


@pytest.mark.parametrize("content", SOUND.values(), ids=SOUND)
def test_a_table_that_is_right_is_believed(content: bytes) -> None:
    assert not points_beside(content)
    assert read(opened(content)) == TEXTS


@pytest.mark.parametrize(("kids", "count"), [(b"", 0), (b"4 0 R", 1), (b"4 0 R 6 0 R 99 0 R", 3)])
def test_a_page_that_only_the_table_leads_to_is_not_lost(kids: bytes, count: int) -> None:
    """The page tree stands there twice, and the table names the first; it points beside an object of no use."""
    tree = b"2 0 obj\n<< /Type /Pages /Kids [%b] /Count %d >>\nendobj\n20 0 obj\nnull\nendobj\n" % (kids, count)
    content = three_pages().replace(b"xref\n0 ", tree + b"xref\n20 1\n0000000011 00000 n \n0 ")

    assert points_beside(table_found(content))
    assert read(opened(table_found(content))) == TEXTS


@pytest.mark.parametrize(
    "table",
    [b"0 1\n0000000010 00000 n \n" * 150_000, b"0 9000000\n" + b"0000000010 00000 n \n" * 150_000, b"0 0 " * 500_000],
    ids=["many", "one", "none"],
)
def test_a_table_made_to_take_long_is_looked_at_in_part(table: bytes) -> None:
    assert not points_beside(b"%PDF-1.4\nxref\n" + table + b"startxref\n9\n")
