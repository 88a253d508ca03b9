"""Where pages are cut, and how their parts become one text again."""

from collections.abc import Callable
from io import BytesIO
from itertools import pairwise

import pytest
from bailian_mcp.server.features.ocr.seams import Seam, joined_at
from bailian_mcp.server.features.ocr.tiles import shrunk
from bailian_mcp.server.files.rendering.cutting import MAX_TILES, tiles_of, tiles_wanted
from bailian_mcp.server.files.rendering.image_tiles import Uncut
from bailian_mcp.server.files.rendering.pdf_pages import PdfPages
from papers import FONT, eight_bit
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageStat
from pypdf import PdfReader, PdfWriter

OCR = 8_388_608


def test_a_large_page_in_large_letters_is_not_cut() -> None:
    large = (6_623, 9_362)
    assert [tiles_wanted(large, OCR, letter_px) for letter_px in (20, 28, 56, None)] == [8, 4, 1, 4]


def document(letter_px: int, ground: int = 255) -> Image.Image:
    """Lines on a large drawing that was scanned."""
    image = Image.new("L", (4_000, 4_200), ground)
    font, pen = ImageFont.truetype(FONT, letter_px), ImageDraw.Draw(image)
    for top in range(100, 4_000, 2 * letter_px):
        pen.text((100, top), "一种芯片散热装置包括基座散热翅片和风扇" * (4_000 // letter_px // 19), 255 - ground, font)
    return image


@pytest.mark.parametrize(
    ("image", "count"),
    [
        (lambda: document(28), 3),
        (lambda: document(28, ground=0), 3),
        (lambda: document(20), 5),
        (lambda: document(80), 1),
        (lambda: Image.effect_noise((4_000, 4_200), 60), 1),
        (lambda: Image.linear_gradient("L").resize((4_000, 4_200)), 1),
        (lambda: Image.new("L", (4_000, 4_200), "white"), 1),
        (lambda: Image.linear_gradient("L").resize((8_000, 2_100)), 1),
        (lambda: Image.linear_gradient("L").resize((2_100, 8_000)), 3),
    ],
    ids=["usual", "dark", "small", "large", "noise", "photo", "blank", "panorama", "screenshot"],
)
def test_a_large_image_is_cut_for_small_letters_only(image: Callable[[], Image.Image], count: int) -> None:
    assert len(Uncut(1, image(), lossless=False).tiles(OCR // 2).rows) == count


def test_no_page_takes_more_tiles_than_the_bound_and_the_note_says_so() -> None:
    tiles = tiles_of((6_623, 90_000), tiles_wanted((6_623, 90_000), OCR, None), None)

    assert (len(tiles.rows), tiles.wanted) == (MAX_TILES, 50)
    assert "it would take 50 parts, and at most 12 are read: cut the page" in shrunk(MAX_TILES, 50)
    assert tiles.rows[0][0] == 0
    assert tiles.rows[-1][1] == 90_000
    assert all(upper[1] > lower[0] for upper, lower in pairwise(tiles.rows))


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_tiles_show_what_the_whole_page_shows(turned: int) -> None:
    """Letters of a font that is not in the file, which are drawn here, included."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(eight_bit("Привет Hangzhou", at="1 0 0 1 50 200 Tm"))))
    writer.pages[0].rotate(turned)
    out = BytesIO()
    writer.write(out)
    pages, most = PdfPages(out.getvalue()), 1_000_000
    whole = opened(pages.picture(1, 1 << 40)[1])
    rows = pages.tiles(1, most).rows

    assert len(rows) == 2
    for tile, (top, bottom) in enumerate(rows, 1):
        seen = opened(pages.picture(1, most, 0, tile)[1])
        same = whole.crop((0, top, whole.width, bottom)).resize(seen.size)
        assert max(ImageStat.Stat(ImageChops.difference(seen, same)).mean) < 0.5


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content)).convert("RGB")


# --- seams ---

NEAR = Seam(900, 1_000, 1_000)  # ten lines of a hundred


@pytest.mark.parametrize(
    ("upper", "lower", "joined", "note"),
    [
        ("a b c d", "c d e f", "a b c d e f", ""),
        ("a b c d ~", "? c d e f", "a b c d e f", ""),  # both edges cut through
        ("a b c d", "x c d e", "a b c d e", ""),
        ("a b c", "d e f", "a b c d e f", "no line was found in both parts"),
        ("a b c c", "c c d", "a b c c c c d", "its lines are alike"),
        ("第1行数量10元整 第2行数量20元整", "第2行数量29元整 第3行", "第1行数量10元整 第2行数量20元整 第2行数量29元整 第3行", "no line"),
        ("西湖在浙江省杭州市西部。 断桥", "西湖在浙江省杭州市西郊。 断桥 雷峰", "西湖在浙江省杭州市西部。 断桥 雷峰", ""),
        ("", "a b", " a b", ""),
    ],
)  # fmt: skip
def test_a_line_is_left_out_only_where_both_tiles_have_it(upper: str, lower: str, joined: str, note: str) -> None:
    above, below = upper.split(" "), lower.split(" ")
    end, start, said = joined_at(above, below, Seam(500, 1_000, 1_000))

    assert " ".join([*above[:end], *below[start:]]) == joined
    assert note in said
    assert bool(note) == bool(said)
