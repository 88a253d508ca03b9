"""How large a PDF's page is drawn: as large as it says it is, and no finer than the scan on it."""

import re
import zlib
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import pytest
from bailian_mcp.server.files import Pdf, Renderer, open_input
from papers import PATENT, drawn, eight_bit, forms_within_forms, one_hostile_page, pdf, scan, stamped, streamed
from pypdf import PdfReader, PdfWriter
from pypdf.generic import FloatObject, NameObject, NumberObject, StreamObject

OCR = 8_388_608
SQUARE = b"10 10 80 80 re f"


def with_units(content: bytes, *units: Any, password: str = "") -> bytes:
    """Pages that say how large their unit is; None: they do not."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(content)))
    for page, unit in zip(writer.pages, units, strict=True):
        if unit is not None:
            page[NameObject("/UserUnit")] = unit
    if password:
        writer.encrypt("", password, algorithm="RC4-128")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def packed(content: bytes) -> bytes:
    """Its objects in a compressed stream, as newer programs write them: no name of an entry stands there plainly."""
    bodies = {int(n): body for n, body in re.findall(rb"(\d+) 0 obj\s(.*?)\s*endobj", content, re.DOTALL)}
    plain = {n: body for n, body in bodies.items() if b"stream" not in body}
    heads, joined_bodies = b"", b""
    for n, body in plain.items():
        heads += b"%d %d " % (n, len(joined_bodies))
        joined_bodies += body + b" "
    inner = zlib.compress(heads + joined_bodies)
    out, places = b"%PDF-1.7\n", {}
    store, table = max(bodies) + 1, max(bodies) + 2
    kind = b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (len(plain), len(heads))
    for n, body in [*((n, b) for n, b in bodies.items() if n not in plain), (store, streamed(inner, kind))]:
        places[n] = len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (n, body)
    start, places[table] = len(out), len(out)
    rows = b""
    for n in range(table + 1):
        if n in plain:
            rows += bytes([2]) + store.to_bytes(4, "big") + list(plain).index(n).to_bytes(2, "big")
        else:
            rows += bytes([n in places]) + places.get(n, 0).to_bytes(4, "big") + bytes(2)
    entries = b"/Type /XRef /W [1 4 2] /Size %d /Root 1 0 R" % (table + 1)
    return out + b"%d 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF" % (table, streamed(rows, entries), start)


def of(content: bytes, ask: Callable[[Pdf], Awaitable[Any]], folder: Path, **options: Any) -> Any:
    async def opened() -> Any:
        (folder / "a.pdf").write_bytes(content)
        async with open_input(str(folder / "a.pdf"), (folder.resolve(),), Renderer(**options)) as found:
            assert isinstance(found, Pdf)
            return await ask(found)

    return anyio.run(opened)


async def both(file: Pdf) -> Any:
    """The size that is told before, and that of the picture: one and the same."""
    numbers = range(1, file.count + 1)
    before = await file.sizes(numbers, OCR)
    assert [(await file.picture(number, OCR)).sent for number in numbers] == before
    return before


def small_page(content: bytes = SQUARE) -> bytes:
    """The first of two is a hundred units wide and high."""
    return one_hostile_page(streamed(content), box=b"0 0 100 100")


def test_a_page_is_as_large_as_its_unit_says(tmp_path: Path) -> None:
    content = with_units(small_page(), NumberObject(10), None)

    first, second = of(content, both, tmp_path)

    assert first == (2778, 2778)  # 1000 x 1000 points at 200 dots an inch
    assert second == (1653, 2339)


def test_units_are_found_in_packed_objects(tmp_path: Path) -> None:
    content = packed(with_units(small_page(), NumberObject(10), NumberObject(1)))

    assert b"UserUnit" not in content
    assert of(content, both, tmp_path) == [(2778, 2778), (1653, 2339)]


def test_units_are_found_in_a_locked_file_that_opens_without_a_password(tmp_path: Path) -> None:
    assert of(with_units(small_page(), FloatObject("2.5"), None, password="owner"), both, tmp_path)[0] == (695, 695)


@pytest.mark.parametrize("unit", [NumberObject(0), NumberObject(-3), FloatObject("99999999999999"), NameObject("/Big")])
def test_a_unit_that_means_nothing_is_not_heeded(tmp_path: Path, unit: Any) -> None:
    assert of(with_units(small_page(), unit, None), both, tmp_path)[0] == (278, 278)


def test_letters_on_a_page_of_large_units_are_seen(tmp_path: Path) -> None:
    """White on black they are looked for: at the size of a plain page there would be no ink of theirs."""
    white = eight_bit("Invoice 12", state="1 1 1 rg /F1 0.2 Tf", at="9 9 Td")
    content = with_contents(white, lambda old: b"0 g 0 0 595 842 re f " + old)

    async def words(file: Pdf) -> str:
        return (await file.words(1)).text

    assert "Invoice" not in of(content, words, tmp_path)
    assert "Invoice 12" in of(with_units(content, NumberObject(50)), words, tmp_path)


FAX = drawn(*PATENT, size=(1000, 640))
SCAN = drawn(*PATENT, size=(1240, 1754))  # A4 at 150 dots an inch


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (scan([SCAN], size_pt=(1240, 1754)), (1240, 1754)),  # its points are its pixels
        (scan([SCAN], size_pt=(595.2, 841.92)), (1240, 1754)),
        (scan([SCAN], size_pt=(59.52, 84.192)), (166, 234)),  # small in print: drawn as ever
        (scan([FAX]), (1000, 1415)),  # dots twice as high as wide
        (scan([drawn("西湖", size=(300, 424))]), (841, 1190)),  # a million pixels at least
        (stamped(SCAN, "stamped"), (1653, 2339)),  # letters beside it may be finer
        (pdf([PATENT]), (1653, 2339)),
        (pdf([[]]), (1653, 2339)),
    ],
    ids=["points are pixels", "150 dpi", "small", "fax", "coarse", "stamped", "text", "blank"],
)
def test_a_scan_is_drawn_no_finer_than_it_is(tmp_path: Path, content: bytes, size: tuple[int, int]) -> None:
    assert of(content, both, tmp_path) == [size]


def with_contents(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(content)))
    page = writer.pages[0]
    old = page.get_contents()
    assert old is not None
    new = writer._add_object(StreamObject())
    new.get_object()._data = change(old.get_data())  # type: ignore[union-attr]
    page[NameObject("/Contents")] = new
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


LAYER = b" q BT 3 Tr /F1 12 Tf 50 700 Td (unseen) Tj ET Q"


@pytest.mark.parametrize(
    ("change", "as_the_scan"),
    [
        (lambda old: b"1 1 1 rg 0 0 595 842 re f " + old, True),  # a white ground
        (lambda old: b"q 0 0 595 842 re W n " + old + b" Q", True),  # what only clips
        (lambda old: old + LAYER, True),  # what OCR programs put over it
        (lambda old: old + LAYER.replace(b"3 Tr", b"0 Tr"), False),
        (lambda old: old + b" 0 0 1 RG 9 9 m 99 99 l S", False),  # a line drawn on it
        (lambda old: b"0.5 0 0 0.5 0 0 cm " + old, False),  # half as large: 300 dpi
    ],
    ids=["ground", "clip", "layer", "letters", "line", "half"],
)
def test_what_nobody_sees_beside_a_scan_changes_nothing(tmp_path: Path, change: Any, as_the_scan: bool) -> None:
    content = with_contents(scan([SCAN]), change)

    assert of(content, both, tmp_path) == [(1240, 1754) if as_the_scan else (1653, 2339)]


def test_sizes_are_told_though_a_page_is_never_done(tmp_path: Path) -> None:
    async def sizes(file: Pdf) -> Any:
        with anyio.fail_after(10):
            return await file.sizes([1, 2], OCR)

    assert of(forms_within_forms(), sizes, tmp_path, timeout_s=0.5) == [(1653, 2339)] * 2
