"""What a PDF's text layer does to a page that was read rightly, and the real error beside each, which is still told."""

import random
from time import process_time

import pytest
from bailian_mcp.server.features.ocr.layer_spacing import MAX_TRIES, respaced
from bailian_mcp.server.features.ocr.quality import disagreement
from hypothesis import given
from hypothesis import strategies as st

TEXT = """The housing encloses the rotor and the bearing, as was described in the application that was filed before.
In one embodiment the shaft turns while the seal is kept cold; it is provided at either end of the assembly."""

# What the layer has, what a right reading has, and what a wrong one has
PAGES = {
    "digits set apart, with a sign and a currency": (
        "Discount\n- $ 7 6 . 2 3\nTotal\n$ 1 5 . 1 4",
        "Discount: -$76.23\nTotal: $15.14",
        "Discount: -$76.32\nTotal: $15.14",
    ),
    "a date set apart": ("2 0 2 4 - 0 3 - 0 5", "2024-03-05", "2024-08-05"),
    "signs behind amounts, above codes": (
        "1 0 4 , 9 3 -\n0345\n837,79-\n0398",
        "104,93-  0345\n837,79-\n0398",
        "104,93-  0345\n837,79-\n0389",
    ),
    "a fraction whose numbers stand one above the other": ("A share of 2\n3 is lost", "A share of 2/3 is lost", "A share of 2/5 is lost"),
    "the number of the page alone at the end": ("Sum\n26,040.53\n4", "Sum 26,040.53", "Sum 26,040.35"),
    "the number of the page before stamps": (
        "Sum\n26,040.53\n4\nCONFIDENTIAL\nCONFIDENTIAL\nCONFIDENTIAL",
        "Sum 26,040.53",
        "Sum 26,040.58",
    ),
    "a text that speaks of a page, cut there": ("as said on page 152; then 12", "as said on page\n152; then 12", "as said on page\n125; then 12"),
    "lines numbered in the margin, on page five": (
        "5 It turns at 28,149 and\nfalls\n10 to 78.9 at the end",
        "It turns at 28,149 and falls to 78.9 at the end\n- 5 -",
        "It turns at 28,149 and falls to 78.6 at the end\n- 5 -",
    ),
    "apostrophes between thousands are no numbers of lines": (
        "3\n8'034.05\n13\n18\n4'415.19",
        "3 | 8034.05\n13 | 18 | 4415.19",
        "3 | 8034.50\n13 | 18 | 4415.19",
    ),
    "lines numbered in the margin, in any order": (
        "15\nIt turns at 28.5\n5\nand falls to\n20\n78.9 at last\n10",
        "It turns at 28.5 and falls to 78.9 at last",
        "It turns at 28.5 and falls to 73.9 at last",
    ),
    "a page's number between paragraphs": ("It turns at 28.5\n17\nand falls at last", "It turns at 28.5 and falls at last", "It turns at 23.5 and falls at last"),
    "a page's number is no amount": ("It turns at\n17\nand falls at last", "It turns at and falls at last", "It turns at 18 and falls at last"),
    "no cell of a column is a page's number": ("Bolt\n12\nHinge\n7", "Bolt 12\nHinge 7", "Bolt\nHinge 7"),
    "a column whose signs touch the next": (
        "USD 39.345-0.31\nEUR 30.154+0.46\nJPY 5.908(0.39)",
        "USD 39.345 | -0.31\nEUR 30.154 | +0.46\nJPY 5.908 | (0.39)",
        "USD 39.345 | -0.31\nEUR 30.154 | +0.64\nJPY 5.908 | (0.39)",
    ),
    "a range, or two numbers": ("from 1,200-1,400 on", "from 1,200 to -1,400 on", "from 1,200 to -1,500 on"),
    "a mark behind a number that the reading leaves out": (
        "Sales 1,2343)\n3) Of which all were paid",
        "Sales 1,234\n3) Of which all were paid",
        "Sales 1,243\n3) Of which all were paid",
    ),
    "a digit that is no mark": ("Sales (1,234)\n4) Of which all were paid", "Sales (1,234)\n4) Of which all were paid", "Sales (123)\n4) Of which all were paid"),
    "points that group": ("Sum 35.775,38", "Sum 35775,38", "Sum 3577538"),
    "points for commas": ("Sum 35.775,38", "Sum 35775,38", "Sum 35775.38"),
    "a magnitude on the next line": ("资本 81.7\n万元", "资本 81.7万元", "资本 81.7亿元"),
    "a date in Chinese set apart": ("日 期 2 0 2 4 年 7 月 2 8 日", "日期 2024年7月28日", "日期 2024年7月23日"),
    "numerals set apart": ("大 写 玖 仟 叁 佰 元", "大写玖仟叁佰元", "大写玖仟肆佰元"),
    "digits set apart, and the point lost": ("1 9 9 , 9 7", "199,97", "199 97"),
    "the same cell three times": ("x3\n$84.13\nx3\n$157.32\nx3\n$4.65", "x3 $84.13\nx3 $157.32\nx3 $4.65", "x3 $84.13\nx8 $157.32\nx3 $4.65"),
}  # fmt: skip


@pytest.mark.parametrize(("layer", "right", "wrong"), PAGES.values(), ids=PAGES)
def test_a_right_reading_is_not_doubted_and_a_wrong_one_beside_it_is(layer: str, right: str, wrong: str) -> None:
    assert disagreement(f"{TEXT}\n{right}", f"{TEXT}\n{layer}", partly=False) == ""
    assert disagreement(f"{TEXT}\n{wrong}", f"{TEXT}\n{layer}", partly=False)


def test_a_head_that_is_left_out_takes_no_number_of_the_text() -> None:
    layer = f"Nordlicht Elektro Rev. 3\n{TEXT}\n1\n2\n3\n4.50"
    assert disagreement(f"{TEXT}\n1 | 2 | 3 | 4.50", layer, partly=False) == ""
    assert disagreement(f"{TEXT}\n1 | 2 | 8 | 4.50", layer, partly=False)


ROWS = ("old Bolt", "red Hinge", "spare Shelf", "Filter", "large Valve", "Lamp", "steel Washer", "Cable drum")


@pytest.mark.parametrize("cells", [" ", "\n"], ids=["rows", "cells"])
@pytest.mark.parametrize("place", [0, 1, -1], ids=["first", "inner", "last"])
def test_a_row_of_small_numbers_that_is_missing_at_an_edge_of_the_page_is_told(cells: str, place: int) -> None:
    for seed in range(30):
        chance = random.Random(seed)
        numbers = chance.choice([range(3, 99), range(100, 900), range(1995, 2024)])
        rows = [(name, *chance.sample(numbers, 1 + seed % 2)) for name in chance.sample(ROWS, 5)]
        lines = [cells.join(map(str, row)) for row in rows]
        read = [f"| {' | '.join(map(str, row))} |" for row in rows]
        parts = (f"{TEXT}\n{{}}", f"{{}}\n{TEXT}")[place == 0], "\n".join(lines)

        assert disagreement(parts[0].format("\n".join(read)), parts[0].format(parts[1]), partly=False) == "", seed
        del read[place]
        assert disagreement(parts[0].format("\n".join(read)), parts[0].format(parts[1]), partly=False), seed


def test_a_running_head_that_only_one_side_has_takes_no_number_of_the_text() -> None:
    page = f"{TEXT}\nBolt 17\nHinge 2024"
    for layer, read in ((f"Nordlicht Elektro No. 17\n{page}", page), (page, f"Nordlicht Elektro 2024\n{page}")):
        assert disagreement(read, layer, partly=False) == ""
        assert disagreement(read.replace("Bolt 17", "Bolt 77"), layer, partly=False)
        assert disagreement(read.replace("Hinge 2024", "Hinge 2021"), layer, partly=False)


@pytest.mark.parametrize(
    "line",
    ["1" * 30_000 + "x", "1 " * 15_000 + "x", "(1)" * 10_000 + "x", "1.1)" * 7_500 + "x"],
    ids=lambda line: line[:4],
)
def test_a_long_line_beside_a_running_head_is_walked_once(line: str) -> None:
    before = process_time()
    disagreement(TEXT, f"Nordlicht Elektro 2024\n{line}\n{line}\n{TEXT}", partly=False)

    assert process_time() - before < 5


@given(st.text("0123456789 .,-+()\n$ab", max_size=200), st.text("0123456789 .,-+()\n$ab", max_size=200))
def test_only_blanks_are_moved(layer: str, read: str) -> None:
    def kept(text: str) -> str:
        return "".join(text.split()).replace("/", "")

    assert kept(respaced(layer, read)) == kept(layer)


def test_a_hostile_layer_keeps_its_digits() -> None:
    layer, read = "1 " * 20_000, "1" * 24 + " " + "11 " * 500
    assert kept_digits(respaced(layer, read)) == kept_digits(layer)
    assert MAX_TRIES <= 20_000


def kept_digits(text: str) -> int:
    return sum(c.isdigit() for c in text)
