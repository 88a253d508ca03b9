"""PDFs that name a font and do not carry it, on a machine without any font: what a reader would see is drawn."""

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from papers import eight_bit, pdf, unembedded
from PIL import Image

FILES = Path(__file__).parent.parent / "server" / "files"
# In a process of its own, which is told that the machine has no fonts
DRAW = """
import json, sys
sys.path.insert(0, sys.argv[1])
from rendering.fallback_fonts import use_fallback_fonts
from rendering.pdf_pages import PdfPages
use_fallback_fonts(system=())
pages = PdfPages(sys.stdin.buffer.read())
facts, content = pages.picture(1, 2_000_000)
print(json.dumps({**facts, "text": pages.text(1)}), flush=True)
sys.stdout.buffer.write(content)
"""


def drawn_without_fonts(content: bytes) -> tuple[dict[str, Any], Image.Image]:
    done = subprocess.run(
        [sys.executable, "-c", DRAW, str(FILES)], input=content, capture_output=True, timeout=60, check=True
    )
    line, _, picture = done.stdout.partition(b"\n")
    return json.loads(line), Image.open(BytesIO(picture)).convert("L")


def ink(image: Image.Image) -> int:
    return sum(image.histogram()[:128])


@pytest.mark.parametrize(
    ("font", "order", "text"),
    [
        ("STSong-Light", "GB1", "电子发票（普通发票）"),
        ("SimSun", "GB1", "购买方名称：杭州某某公司"),
        ("FangSong_GB2312", "GB1", "发票号码 12345"),
        ("MingLiU", "CNS1", "統一發票 金額"),
        ("HYSMyeongJo-Medium", "Korea1", "세금계산서 금액"),
        ("MS-Mincho", "Japan1", "請求書 ひらがな カタカナ"),
    ],
)
def test_a_page_in_an_asian_font_that_is_not_in_the_file_is_drawn(font: str, order: str, text: str) -> None:
    facts, image = drawn_without_fonts(unembedded(font, order, text))

    letters = [letter for letter in text if letter != " "]
    assert ink(image) > 250 * len(letters)
    assert (facts["blank"], facts["missing_fonts"], facts["text"]) == (False, [], text)


@pytest.mark.parametrize("font", ["Arial", "TimesNewRoman", "Courier", "NobodyHasThis"])
def test_letters_that_pdfium_has_not_are_drawn_where_they_belong(font: str) -> None:
    facts, image = drawn_without_fonts(eight_bit("Счёт 12", font))

    scale = facts["sent"][0] / 595
    for place, letter in enumerate("Счёт 12"):
        left = (50 + place * 24 * 0.556) * scale
        column = image.crop((round(left), round(118 * scale), round(left + 24 * 0.556 * scale), round(150 * scale)))
        assert (ink(column) > 60) == (letter != " "), letter
    assert facts["missing_fonts"] == []


@pytest.mark.parametrize("state", ["3 Tr", "1 1 1 rg"], ids=["invisible", "white"])
def test_what_is_not_meant_to_be_seen_is_not_drawn(state: str) -> None:
    facts, image = drawn_without_fonts(eight_bit("Счёт", state=state))

    assert (ink(image), facts["blank"], facts["missing_fonts"]) == (0, True, [])


def test_a_font_is_named_whose_letters_stay_missing() -> None:
    """Georgian, which ours has not."""
    facts, _ = drawn_without_fonts(eight_bit("ანგარიში"))

    assert (facts["blank"], facts["missing_fonts"]) == (True, ["Arial"])


def test_a_page_with_its_own_font_is_left_as_it_is() -> None:
    facts, image = drawn_without_fonts(pdf([["一种芯片散热装置"]]))

    assert facts["missing_fonts"] == []
    assert ink(image) > 1_000


def test_missing_letters_are_as_large_as_their_matrix_makes_them() -> None:
    plain = eight_bit("Счёт 12")
    _, usual = drawn_without_fonts(plain)
    _, stretched = drawn_without_fonts(plain.replace(b"/F1 24 Tf  50 700 Td", b"/F1 1 Tf 24 0 0 24 50 700 Tm"))

    assert ink(stretched) == pytest.approx(ink(usual), rel=0.05)


@pytest.mark.parametrize("matrix", ["100000 0 0 100000 0 0 Tm", "100000 0 0 1 0 400 Tm", "9 0 0 9 0 0 Tm"])
def test_letters_larger_than_the_page_cost_no_page(matrix: str) -> None:
    facts, _ = drawn_without_fonts(eight_bit("Счёт", at=matrix))

    assert facts["sent"][0] > 1_000
