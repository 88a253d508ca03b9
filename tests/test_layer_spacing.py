"""What a PDF's text layer does to a page that was read rightly, and the real error beside each, which is still told."""

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
