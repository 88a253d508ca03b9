"""Images of a PDF that cannot be decoded: whoever gets the page's picture is told that they are missing there."""

import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from bailian_mcp.server.files import Picture, open_input
from conftest import FakeDashScope, Hosted, chunk, finish, sse, stream, text_of, usage
from papers import drawn, pictured, saved
from PIL import Image

pytestmark = pytest.mark.anyio
SIDE = 80


def faxed(image: Image.Image) -> bytes:
    """As group 4."""
    content = saved(image.convert("1"), "TIFF", compression="group4")
    with Image.open(BytesIO(content)) as tiff:
        start, length = tiff.tag_v2[273][0], tiff.tag_v2[279][0]  # type: ignore[attr-defined]
    return content[start : start + length]


IN_COLOUR = b"/Width 80 /Height 80 /BitsPerComponent 8 /ColorSpace /DeviceRGB "
BILEVEL = b"/Width 80 /Height 80 /BitsPerComponent 1 /ColorSpace /DeviceGray "
FAX = b"/Filter /CCITTFaxDecode /DecodeParms << /K -1 /Columns 80 /Rows 80 >>"
INKED = drawn("x", size=(SIDE, SIDE))
PIXELS = zlib.compress(INKED.tobytes())
JPEG, JP2 = saved(INKED, "JPEG"), saved(INKED, "JPEG2000")
NOISE = bytes(range(7, 250)) * 2
GOOD = {
    "JPEG": (IN_COLOUR + b"/Filter /DCTDecode", JPEG),
    "JPEG 2000": (b"/Width 80 /Height 80 /Filter /JPXDecode", JP2),
    "deflated": (IN_COLOUR + b"/Filter /FlateDecode", PIXELS),
    "fax": (BILEVEL + FAX, faxed(INKED)),
    "white fax": (BILEVEL + FAX, faxed(drawn(size=(SIDE, SIDE)))),
    "cut off, but begun": (IN_COLOUR + b"/Filter /DCTDecode", JPEG[: len(JPEG) * 3 // 4]),
}
BROKEN = {
    "JPEG": (IN_COLOUR + b"/Filter /DCTDecode", NOISE),
    "JPEG 2000, cut off": (b"/Width 80 /Height 80 /Filter /JPXDecode", JP2[: len(JP2) // 2]),
    "JPEG 2000": (b"/Width 80 /Height 80 /Filter /JPXDecode", NOISE),
    "JBIG2": (BILEVEL + b"/Filter /JBIG2Decode", NOISE * 4),
    "JBIG2, otherwise": (BILEVEL + b"/Filter /JBIG2Decode", b"x" * 500),
    "fax": (BILEVEL + FAX, b"\xff" * 2_000),
    "fax without data": (BILEVEL + FAX, b""),
    "unknown filter": (IN_COLOUR + b"/Filter /SecretDecode", PIXELS),
    "locked by itself": (IN_COLOUR + b"/Filter [/Crypt /FlateDecode]", PIXELS),
    "unknown colours": (b"/Width 80 /Height 80 /BitsPerComponent 8 /ColorSpace /Nobodys /Filter /FlateDecode", PIXELS),
    "without a size": (b"/BitsPerComponent 8 /ColorSpace /DeviceRGB /Filter /FlateDecode", PIXELS),
}
MISSING = (
    "images that could not be drawn, since they are broken or packed in a way not known here "
    "(print it to a new PDF, or scan it): "
)


@pytest.fixture
def era() -> str:
    """What is drawn here does not depend on how a host is spoken to."""
    return "2026-07-28"


async def picture_of(content: bytes, folder: Path) -> Picture:
    (folder / "a.pdf").write_bytes(content)
    async with open_input(str(folder / "a.pdf"), (folder.resolve(),)) as found:
        return await found.picture(1, 100_000)  # type: ignore[union-attr]  # it is a PDF


async def test_images_that_cannot_be_decoded_are_counted(tmp_path: Path) -> None:
    for kind, image in BROKEN.items():
        picture = await picture_of(pictured(image), tmp_path)
        assert (picture.blank, picture.missing_images) == (True, 1), kind


async def test_images_that_are_drawn_are_not_counted(tmp_path: Path) -> None:
    picture = await picture_of(pictured(*GOOD.values()), tmp_path)

    assert (picture.blank, picture.missing_images) == (False, 0)


async def test_they_are_counted_beside_others_and_inside_of_forms(tmp_path: Path) -> None:
    beside = pictured(GOOD["JPEG"], BROKEN["JBIG2"], BROKEN["JPEG 2000"], BROKEN["unknown filter"])
    assert (await picture_of(beside, tmp_path)).missing_images == 3

    form = b"/Subtype /Form /BBox [0 0 1 1] /Resources << /XObject << /I0 7 0 R >> >>"
    inside = pictured((form, b"/I0 Do"), BROKEN["JPEG"]).replace(b"/Subtype /Image /Subtype /Form", b"/Subtype /Form")
    assert (await picture_of(inside.replace(b"/I1 Do", b"      "), tmp_path)).missing_images == 1


async def test_they_are_counted_on_a_page_that_does_not_begin_at_zero(tmp_path: Path) -> None:
    content = pictured(BROKEN["JPEG"], state=b"1 0 0 1 2000 2000 cm ").replace(
        b"[0 0 595 842]", b"[2000 2000 2595 2842]"
    )

    assert (await picture_of(content, tmp_path)).missing_images == 1


async def test_what_nobody_would_see_is_not_missed(tmp_path: Path) -> None:
    """Off the page."""
    content = pictured(BROKEN["JPEG"], GOOD["JPEG"], state=b"1 0 0 1 2000 0 cm ")

    assert (await picture_of(content, tmp_path)).missing_images == 0


# --- told ---


async def ocr(hosted: Hosted, content: bytes, folder: Path) -> tuple[dict[str, Any], str, FakeDashScope]:
    (folder / "a.pdf").write_bytes(content)
    wire = FakeDashScope([stream(sse(chunk(content="Total 86.00"), finish(), usage()))])
    async with hosted(wire, folders=(folder,)) as host:
        result = await host.call_tool("ocr", {"source": str(folder / "a.pdf"), "model": "qwen3-vl-plus"})
    return (result.structured_content or {})["pages"][0], text_of(result), wire


async def extracted(hosted: Hosted, content: bytes, folder: Path, **more: Any) -> Any:
    (folder / "a.pdf").write_bytes(content)
    wire = FakeDashScope([stream(sse(chunk(content='{"a": 1}'), finish(), usage()))])
    async with hosted(wire, folders=(folder,)) as host:
        schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
        return await host.call_tool("extract", {"json_schema": schema, "files": [str(folder / "a.pdf")], **more})


async def test_ocr_says_what_of_a_page_it_did_not_see(hosted: Hosted, tmp_path: Path) -> None:
    page, words, _ = await ocr(hosted, pictured(GOOD["JPEG"], BROKEN["JPEG"], BROKEN["JBIG2"]), tmp_path)

    assert (page["status"], page["text"]) == ("ok", "Total 86.00")
    assert f"{MISSING}2" in page["why"]
    assert f"{MISSING}2" in words


async def test_a_page_of_which_nothing_could_be_drawn_is_never_called_empty(hosted: Hosted, tmp_path: Path) -> None:
    page, words, wire = await ocr(hosted, pictured(BROKEN["JPEG 2000"]), tmp_path)

    assert (page["status"], page["text"], wire.requests) == ("failed", "", [])
    assert page["why"].startswith("nothing on it can be seen: it was not sent")
    assert f"{MISSING}1" in page["why"]
    assert f"{MISSING}1" in words


async def test_extract_says_which_page_holds_images_that_it_did_not_see(hosted: Hosted, tmp_path: Path) -> None:
    seen = await extracted(hosted, pictured(GOOD["JPEG"], BROKEN["JBIG2"]), tmp_path)
    assert any(f"Page 1 of a.pdf: {MISSING}1" in note for note in seen.structured_content["notes"])

    beside = await extracted(hosted, pictured(BROKEN["JBIG2"]), tmp_path, text="a is 1")
    assert any(f"Page 1 of a.pdf: {MISSING}1" in note for note in beside.structured_content["notes"])


async def test_a_file_of_which_nothing_could_be_drawn_is_not_called_blank(hosted: Hosted, tmp_path: Path) -> None:
    result = await extracted(hosted, pictured(BROKEN["JPEG"]), tmp_path)

    assert result.is_error
    assert f"Page 1 of a.pdf: {MISSING}1" in text_of(result)
    assert "blank" not in text_of(result)


async def test_it_is_told_in_chinese(hosted: Hosted, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pictured(BROKEN["JBIG2"], BROKEN["JPEG"]))
    wire = FakeDashScope([stream(sse(chunk(content="{}"), finish(), usage()))])
    async with hosted(wire, folders=(tmp_path,), structured=False, language="zh") as host:
        page = await host.call_tool("ocr", {"source": str(tmp_path / "a.pdf")})
        beside = await host.call_tool(
            "extract", {"json_schema": {"type": "object"}, "files": [str(tmp_path / "a.pdf")], "text": "a is 1"}
        )

    missing = "因损坏或编码方式未知而无法绘出的图像（请打印为新的 PDF 或重新扫描）：2 个"
    assert f"页面上看不到任何内容：未发送；{missing}" in text_of(page)
    assert f"a.pdf 第 1 页：{missing}。" in text_of(beside)
