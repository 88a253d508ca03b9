"""Numbers that were read, held against those of the page's own text: what is told, and what is no difference."""

import random
from time import process_time

import pytest
from bailian_mcp.server.features.ocr.quality import disagreement
from page_layers import LAYERS
from readings import CHANGES, PERFECT, made

PROSE = "本合同一式两份，双方各执一份，自双方签字盖章之日起生效。乙方应当按照约定交付货物。"
INVOICE = f"{PROSE}\nBolt 12 18.37 6000.00\nHinge 5 20.10 1234.50\nDate 2024-03-05 balance $6000 phone 010-6554-1234\n{PROSE}\n"
SEEDS = range(8)


def doubt(read: str, layer: str = INVOICE, *, partly: bool = False) -> str:
    return disagreement(read, layer, partly=partly).removesuffix("; compare the two")


@pytest.mark.parametrize(
    ("own", "read", "says"),
    [
        ("6000.00", "60000.00", "the page's own text has 6000.00, the reading 60000.00"),
        ("1234.50", "123450", "the page's own text has 1234.50, the reading 123450"),
        ("18.37", "1837", "the page's own text has 18.37, the reading 1837"),
        ("18.37", "18 37", "the page's own text has 18.37, the reading 18 37"),
        (" 12 ", " 72 ", "the page's own text has 12, the reading 72"),
        ("2024-03-05", "2024-08-05", "the page's own text has 2024-03-05, the reading 2024-08-05"),
        ("$6000", "-$6000", "the page's own text has 6000, the reading -$6000"),
        ("18.37 6000.00", "6000.00 18.37", "18.37 and 6000.00 stand in each other's place"),
        ("1234.50\n", "1234.50 777777.00\n", "not in the page's own text: 777777.00"),
        ("Hinge 5 20.10 1234.50\n", "", "not read: 5, 20.10, 1234.50"),
        ("Hinge 5 20.10 1234.50\n", "Hinge 5 20.10 1234.50\n" * 2, "not in the page's own text: 20.10, 1234.50, 5"),
    ],
)
def test_a_number_that_was_misread_is_told_with_what_the_page_has(own: str, read: str, says: str) -> None:
    assert doubt(INVOICE.replace(own, read)) == says


def test_amounts_of_two_rows_that_changed_their_places_are_told() -> None:
    read = INVOICE.replace("6000.00", "X").replace("1234.50", "6000.00").replace("X", "1234.50")

    assert doubt(read) == "6000.00 and 1234.50 stand in each other's place"


def test_many_changes_are_told_in_a_few_words() -> None:
    lines = "".join(f"Part{chr(65 + n)} {n + 100}.25\n" for n in range(9))
    said = doubt(PROSE + lines.replace(".25", ".75"), PROSE + lines)

    assert said.startswith("the page's own text has 100.25, the reading 100.75; the page's own text has 101.25")
    assert said.endswith("6 more numbers differ")


@pytest.mark.parametrize(
    ("own", "read"),
    [
        ("a 6 500 b", "<td>a</td><td>6</td><td>500</td><td>b</td>"), ("sum 6 500 b", "sum 6500 b"), ("1 234.50", "1,234.50"),
        ("1,234.50", "1234.50"), ("１，２３４．５０", "1,234.50"), ("2024年3月5日", "2024-03-05"), ("05/03/2024", "2024-03-05"),
        ("March 5, 2024", "5 Mar 2024"), ("14时05分", "14:05"), ("9:05", "09:05"), ("10-3 m", r"$10^{-3}$ m"), ("105 cells", "10⁵ cells"),
        ("50 m2", r"$50\,\mathrm{m}^{2}$"), ("½ cup", r"\frac{1}{2} cup"), ("1\n2 cup", r"$\frac{1}{2}$ cup"), ("(1,234.50)", "-1,234.50"),
        ("12.5%", r"12.5\%"), ("12.5 %", "12.5%"), ("tel 13812345678", "tel 138 1234 5678"), ("2024-\n0012", "2024-0012"),
        ("-5 °C", r"$-5^{\circ}$C"), ("−5", "-5"), ("3–5", "3-5"), ("3 - 5", "3-5"), ("• 12 pcs", "- 12 pcs"), ("1. First", "First"), ("① First", "1. First"),
        ("壹仟圆", "壹仟元"), ("第三条", "第3条"), ("1'234'567", "1,234,567"), ("x 7,5 y", "x 7, 5 y"), ("5 000 000", "5,000,000"),
        ("3月5日-8日", "3月5日—8日"), ("US$6,000", r"US\$6,000"), ("[12] note", "[^12] note"), ("a<b 12", "a&lt;b 12"),
        ("26 .74 1,697 .92 -378 .78", "26.74 1,697.92 -378.78"), ("a 24 .89 .05 b", "| 24 | .89 | .05 |"), ("1 .234,50", "1.234,50"), ("26. 74", "26.74"),
        ("3.259,56-1.851,00", "| 3.259,56 | -1.851,00 |"), ("338,46 €-123,89 €", "338,46 € | -123,89 €"), ("3.50-4.80 EUR", "3.50 to 4.80 EUR"),
        ("2 3/4 in", "2¾ in"), ("23/4 in", "2¾ in"), ("2-3/4 in", r"$2\frac34$ in"), ("¾", "$^3/_4$"), ("3 / 4 cup", "¾ cup"), ("2¾ in", "2<sup>3</sup>/<sub>4</sub> in"),
        ("x = 5 (3)", r"$x = 5 \tag{3}$"), ("1,234.5", r"$1\,234.5$"), ("1023 cells", "$10^{23}$ cells"), ("3.2 亿元", "3.2亿元"), ("2 024年3月1 5日", "2024年3月15日"),
    ],
)  # fmt: skip
def test_the_same_in_other_words_is_no_difference(own: str, read: str) -> None:
    assert doubt(f"{PROSE}\n{read}\n{PROSE}", f"{PROSE}\n{own}\n{PROSE}") == ""


@pytest.mark.parametrize(
    ("own", "read"),
    [
        (f"{PROSE}\n- 3 -\n", PROSE), (PROSE, f"{PROSE}\nPage 3 of 10"), (f"第 3 页 共 10 页\n{PROSE}", PROSE), (f"{PROSE}\n7", PROSE),
        (f"ACME Quarterly Review 17\n{PROSE}\n{PROSE}\n© ACME Page 17 of 96", f"{PROSE}\n{PROSE}"),
        (PROSE, f"{PROSE}\n图中铭牌刻有型号 HX 编码 77812 与 220"),
        (f"1.1 {PROSE}\n2 {PROSE}", rf"\subsection{{{PROSE}}}" "\n" rf"\section{{{PROSE}}}"),
    ],
)  # fmt: skip
def test_what_numbers_a_page_or_stands_in_a_picture_is_no_difference(own: str, read: str) -> None:
    assert doubt(read, own) == ""


@pytest.mark.parametrize(
    ("own", "read"), [(f"{PROSE}\n30.50", PROSE), (f"{PROSE}\n3", f"{PROSE}\n8"), (PROSE, f"{PROSE}\n777777")]
)
def test_an_amount_alone_on_its_line_numbers_no_page(own: str, read: str) -> None:
    assert doubt(read, own)


@pytest.mark.parametrize(
    ("read", "says"),
    [
        ("Bolt 12 18.37", ""), ("Bolt 12 18.87", "the page's own text has 18.37, the reading 18.87"), ("20.10 1234.50 8888", "not in the page's own text: 8888"),
        ("2024 010", ""), ("2024年3月5日", ""), ("2024年8月5日", "not in the page's own text: 2024年8月5日"),
    ],
)  # fmt: skip
def test_of_a_part_what_was_read_must_be_on_the_page(read: str, says: str) -> None:
    assert doubt(read, partly=True) == says


@pytest.mark.parametrize("kind", PERFECT | LAYERS)
def test_a_perfect_reading_is_not_doubted(kind: str) -> None:
    for seed in SEEDS:
        layer, read = (PERFECT | LAYERS)[kind](made(seed), random.Random(seed))

        assert doubt(read, layer) == "", seed


@pytest.mark.parametrize("kind", [kind for kind in LAYERS if kind != "formulas"])
def test_a_changed_amount_is_doubted_whatever_the_layer_does(kind: str) -> None:
    for seed in SEEDS:
        layer, read = LAYERS[kind](made(seed), random.Random(seed))
        changed = CHANGES["digit substituted"](read, random.Random(seed))

        assert changed == read or doubt(changed, layer), seed


@pytest.mark.parametrize(
    ("own", "read"),
    [
        ("3.5万", "3.5"), ("3.5万", "3.5亿"), ("3.5 million", "3.5 billion"), ("3.5 bn", "3.5 mn"), ("2 3/4", "2 1/4"), ("¾", "⅔"), ("5.20 7.30", "5.207.30"),
        ("12 .50", "12 .60"), ("26 .74", "2674"), ("Page 3 of 12", "Page 8 of 12"), ("DRAFT 12", "DRAFT 13"), ("+5.2", "-5.2"), ("(5.20)", "5.20"),
        ("1 362,38 b", "1 362 38 b"), ("7,5 b", "7 5 b"),
    ],
)  # fmt: skip
def test_what_looks_nearly_alike_is_a_difference(own: str, read: str) -> None:
    page = f"{PROSE}\n{{}}\n{PROSE}"

    assert doubt(page.format(read), page.format(own))
    assert doubt(page.format(own), page.format(read))


@pytest.mark.parametrize("kind", CHANGES)
def test_a_reading_with_one_number_changed_is_doubted(kind: str) -> None:
    """But for a minus within parentheses, which say so already."""
    pages = [(page, CHANGES[kind](page.layer, random.Random(page.number))) for page in map(made, SEEDS)]
    changed = [(page, read) for page, read in pages if read != page.layer and "(-" not in read]

    assert changed
    assert [page.layer for page, read in changed if not doubt(read, page.layer)] == []


HOSTILE = (
    (("1 ", 3_000),), (("1\n", 3_000),), (("1,234 ", 2_000),), (("- ", 5_000), ("1 ", 2_200)), (("2024 年 ", 1_500),),
    (("(1) ", 2_200),), (("\\frac{", 2_200),), (("1a", 3_000),),
)  # fmt: skip


@pytest.mark.parametrize("pieces", HOSTILE, ids=lambda pieces: pieces[0][0].strip())
def test_a_page_made_to_take_long_takes_no_longer(pieces: tuple[tuple[str, int], ...]) -> None:
    assert any(takes_twice_as_long(pieces) for _ in range(3))  # a busy machine delays one of them, not each time


def takes_twice_as_long(pieces: tuple[tuple[str, int], ...]) -> bool:
    half_s, whole_s = (taken_s("".join(text * (count // parts) for text, count in pieces)) for parts in (2, 1))
    return whole_s < 3 * half_s + 0.25  # with the square it would be four times as long


def taken_s(hostile: str) -> float:
    before = process_time()
    for read, layer in ((hostile, hostile.replace(" ", "")), (hostile, INVOICE), (INVOICE * 20, hostile)):
        disagreement(PROSE + read, PROSE + layer, partly=False)
    return process_time() - before
