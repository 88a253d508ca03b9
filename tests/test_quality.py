"""When a page that was read is doubted, and when not."""

from time import process_time

import pytest
from bailian_mcp.server.features.ocr.loops import loop_in, without_loop
from bailian_mcp.server.features.ocr.quality import disagreement
from hypothesis import given
from hypothesis import strategies as st

PARAGRAPH = "".join(chr(0x4E00 + (n * n * 7 + n * 13) % 5_000) for n in range(236))
PAGE = "一种芯片散热装置，包括基座、散热翅片和风扇。申请人：杭州某某科技有限公司。West Lake is in Hangzhou."


@pytest.mark.parametrize(
    ("text", "cut", "turns"),
    [
        ("前文。" + "散热装置" * 30, True, 30),
        ("前文。" + "散热装置" * 30 + "散热", True, 30),
        ("前文。" + "散热装置" * 30 + "，后文也写完了。" * 3, False, 30),
        ("<tr><td>张三</td><td>0.00</td></tr>\n" * 60, False, 60),
        ("0" * 400, True, 200),
        ("散热装置" * 8, True, 0),
        ("目录" + "." * 300 + "12\n", False, 0),
        ("<tr><td></td><td></td></tr>\n" * 100, False, 0),
        ("<tr><td>是</td><td>否</td></tr>\n" * 30, False, 0),
        ("| 0.00 " * 100, False, 0),
        (PAGE, True, 0),
        ("", True, 0),
        ("前文。" + PARAGRAPH * 8 + PARAGRAPH[:50], True, 8),
        (PARAGRAPH * 3, True, 3),
        (PARAGRAPH * 6 + "后文。", False, 6),
        (PARAGRAPH * 2, True, 0),
        (PARAGRAPH * 3 + PAGE, False, 0),  # a label that is printed three times
    ],
)
def test_what_is_a_loop_and_what_is_a_form(text: str, cut: bool, turns: int) -> None:
    loop = loop_in(text, cut=cut)

    assert (loop.turns if loop else 0) == turns


@pytest.mark.parametrize(("own_rows", "is_loop"), [(12, False), (11, False), (4, True), (0, True)])
def test_rows_that_the_page_s_own_text_has_as_often_are_no_loop(own_rows: int, is_loop: bool) -> None:
    rows = "<tr><td>散热装置</td><td>0.00</td></tr>\n" * 12

    assert bool(loop_in(rows, cut=False, layer="散热装置 0.00\n" * own_rows)) is is_loop


@pytest.mark.parametrize("text", ["ab" * 30_000, ("x" * 300 + "y") * 200, "".join("a" * n + "b" for n in range(340))])
def test_a_hostile_answer_is_walked_once(text: str) -> None:
    before = process_time()
    loop_in(text, cut=True)

    assert process_time() - before < 2


def test_a_loop_is_cut_to_two_turns_and_the_rest_is_kept() -> None:
    text = "前文。" + "散热装置；" * 30 + "后文。"
    loop = loop_in(text, cut=False)

    assert loop
    assert without_loop(text, loop) == "前文。散热装置；散热装置；[... repeated 30 times ...]后文。"


def test_the_end_of_a_very_long_answer_is_looked_at() -> None:
    text = "".join(chr(0x4E00 + n % 20_000) for n in range(70_000)) + "散热装置；" * 40

    assert loop_in(text, cut=True)


@pytest.mark.parametrize(
    ("read", "partly", "differs"),
    [
        (PAGE, False, False),
        ("West Lake is in Hangzhou. " + PAGE[:-26], False, False),  # another order
        (PAGE.replace("，", ","), False, False),
        ("ＷＥＳＴ ＬＡＫＥ ＩＳ ＩＮ ＨＡＮＧＺＨＯＵ" + PAGE[:-26], False, False),  # another width and case
        ("<table><tr><td>一种芯片散热装置</td></tr></table>", False, True),
        (PAGE + "图中的文字：西湖龙井，八十六元一两，另有说明。", False, False),  # a picture on the page
        (PAGE[:-40], False, True),  # lines left out
        ("<table><tr><td>一种芯片散热装置</td></tr></table>", True, False),
        ("西湖龙井茶八十六元", True, True),
        ("", False, False),
    ],
)
def test_disagreement_is_about_words_not_about_their_order(read: str, partly: bool, differs: bool) -> None:
    assert bool(disagreement(read, PAGE, partly=partly)) is differs


@pytest.mark.parametrize("layer", ["第1页", "", "\ue000\ue001" * 40, "\ufffd" * 60, "\x01\x02" * 40 + PAGE[:20]])
def test_a_layer_that_says_little_or_garbles_is_not_compared(layer: str) -> None:
    assert disagreement("西湖龙井茶 12,345", layer, partly=False) == ""


@pytest.mark.parametrize(
    ("amount", "partly", "says"),
    [
        ("金额 1,234.56", False, ""),
        ("金额 1234.56", False, ""),
        ("金额 １２３４.５６", False, ""),
        ("金额 1{,}234.56", False, ""),
        ("金额 1,234.56，图中另有 999", False, ""),  # a picture holds more than the layer
        ("金额 1,284.56", False, "the page's own text has 1 234.56, the reading 1,284.56; compare the two"),
        ("金额", False, "not read: 1 234.56; compare the two"),
        ("金额 1,284.56", True, "the page's own text has 1 234.56, the reading 1,284.56; compare the two"),
        ("金额 12", True, "the page's own text has 1 234.56, the reading 12; compare the two"),
    ],
)
def test_numbers_that_differ_are_named(amount: str, partly: bool, says: str) -> None:
    said = disagreement(f"{PAGE} {amount}", f"{PAGE} 金额 1 234.56 元", partly=partly)

    assert said.startswith(says)
    assert bool(said) is bool(says)


def test_many_numbers_are_counted() -> None:
    numbers = " ".join(str(1000 + n) for n in range(9))

    assert "not read: 1000, 1001, 1002, 1003, 1004 and 4 more" in disagreement(PAGE, PAGE + numbers, partly=False)


@given(st.text(max_size=300), st.text(max_size=300), st.booleans())
def test_no_text_breaks_the_judgement(read: str, layer: str, cut: bool) -> None:
    loop = loop_in(read, cut=cut)
    assert not loop or without_loop(read, loop)
    assert disagreement(read, read, partly=cut) == ""
    assert isinstance(disagreement(read, layer, partly=cut), str)


def test_numbers_without_end_cost_no_time() -> None:
    hostile = "1," * 100_000 + "{" * 1_000

    assert len(disagreement(PAGE + hostile, PAGE + " 77,777", partly=False)) < 500
    assert len(disagreement(PAGE, PAGE + hostile, partly=False)) < 500
