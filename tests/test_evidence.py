"""Where in the sources a value stands: exact offsets in the original text, or not found; never a guess."""

import unicodedata

import pytest
from bailian_mcp.server.features.extract.evidence import MAX_EVIDENCE, SearchableText, evidence_of
from hypothesis import given
from hypothesis import strategies as st

TEXT = "发明名称：一种ＡＩ 芯片𠮷散热装置\n申请日：２０２４年３月５日，费用１，２３４．５元。共 2025 件，cafe\u0301 5.5% 12,345,678元 「甲，乙」A.B"


@pytest.mark.parametrize(
    ("value", "quote"),
    [
        ("一种ＡＩ 芯片𠮷散热装置", "一种ＡＩ 芯片𠮷散热装置"),
        ("一种AI芯片𠮷散热装置", "一种ＡＩ 芯片𠮷散热装置"),
        ("2024-03-05", "２０２４年３月５日"),
        ("2024/3/5", "２０２４年３月５日"),
        ("2024年03月05日", "２０２４年３月５日"),
        ("1234.5", "１，２３４．５"),
        ("12345678", "12,345,678"),
        ("12,345,678", "12,345,678"),
        ("caf\u00e9", "cafe\u0301"),
        ('"甲,乙"', "「甲，乙」"),
        ("2025", "2025"),
        ("5.5", "5.5"),
    ],
)
def test_a_value_is_found_as_it_is_written_or_written_alike(value: str, quote: str) -> None:
    place = SearchableText(TEXT).find(value)

    assert place
    assert TEXT[slice(*place[:2])] == quote


@pytest.mark.parametrize(
    "value", ["5", "025", "345", "1234", "caf", "2024-03-06", "一种BI芯片", "", " ", "​", "B.C", "234.5"]
)
def test_a_part_of_a_number_or_word_is_no_evidence(value: str) -> None:
    assert SearchableText(TEXT).find(value) is None


INVOICE = "发票金额：¥1,234.50 合计：100.00元 税额 12.30，温度-5℃，１-5 号，A4 纸，约10⁵个，①，螺母 12 34 408\n下单 2024/3/5 12:30\n螺栓 3 1,200.00"


@pytest.mark.parametrize(
    ("value", "quote"),
    [
        (1234.5, "1,234.50"), (100, "100.00"), (100.0, "100.00"), (12.3, "12.30"), (-5, "-5"), (5, "5"), (1, "１"), (408, "408"),
        (1200, "1,200.00"), (3, "3"), (1234, None), (12, "12"), (4, None), (105, None), (45, None), (0.5, None), (10**400, None),
    ],
)  # fmt: skip
def test_a_number_is_found_by_its_value_and_never_made_of_neighbours(value: float, quote: str | None) -> None:
    place = SearchableText(INVOICE).find(value)

    assert (INVOICE[slice(*place[:2])] if place else None) == quote


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("下单 2024/3/5 12:30", "2024-03-05", True),
        ("2024年3月公告", "2024-03", True),
        ("申请日20240306。", "2024-03-06", True),
        ("1\n2\n3", "123", False),
        ("now here", "nowhere", False),
        ("约10⁵个", "105", False),
        ("杭 州 西 湖", "杭州西湖", True),
        ("the  West\nLake", "West Lake", True),
    ],
)
def test_spaces_part_words_and_numbers_and_nothing_else(text: str, value: str, found: bool) -> None:
    assert (SearchableText(text).find(value) is not None) is found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"a": None, "b": True, "c": ""}, [None, None, None]),
        ({"a": 5.5, "b": 12345678, "c": 7}, [True, True, False]),
        ({"a": 2025.0}, [True]),
        (["甲", {"x": ["没有"]}], [True, False]),
        ("2025", [True]),
    ],
)
def test_each_leaf_is_looked_up_and_what_says_nothing_is_kept_apart(data: object, found: list[bool | None]) -> None:
    listed, left_out = evidence_of(data, {"text": SearchableText(TEXT)})

    assert [each.found for each in listed] == found
    assert left_out == 0


def test_evidence_names_pointer_source_and_offsets() -> None:
    listed, _ = evidence_of({"a/b": ["乙"]}, {"text": SearchableText("甲"), "files[0]": SearchableText("𠮷乙")})

    assert listed[0].model_dump() == {
        "pointer": "/a~1b/0", "found": True, "quote": "乙", "start": 1, "end": 2, "source": "files[0]", "places": 1,
    }  # fmt: skip


def test_thousands_of_combining_marks_take_no_time() -> None:
    source = SearchableText("a" + "\u0301\u0316" * 200_000 + " 西湖")

    assert source.find("西 湖")  # putting one cluster of so many in order would take minutes


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [("长5km", 5, True), ("A4纸", 4, False), (".5", 5, False), ("3-5号", -5, False), ("温度 -5 度", 5, False), ("ﬁnance", "nance", False), ("0.10", 0.1, True), ("0.00001", 1e-05, True)],
)  # fmt: skip
def test_signs_units_and_names_of_things(text: str, value: object, found: bool) -> None:
    assert SearchableText(text).says(value) is found


def test_very_much_evidence_is_cut_short_and_counted() -> None:
    listed, left_out = evidence_of(list(range(MAX_EVIDENCE + 7)), {"text": SearchableText("x")})

    assert (len(listed), left_out) == (MAX_EVIDENCE, 7)


texts = st.text(
    alphabet=st.sampled_from("甲乙丙0123456789,，．.年月日-/ \n𠮷ＡＢabcé\u0301\u3000「」（）％👩‍👩‍👧"), max_size=60
)


@given(texts, st.data())
def test_whatever_is_found_is_in_the_text_and_means_the_same(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    value = text[start : data.draw(st.integers(start, len(text)))]
    source = SearchableText(text)
    place = source.find(value)

    if place:
        first, last, *_ = place
        assert 0 <= first < last <= len(text)
        assert (SearchableText(text[first:last]).find(value) or ())[:2] == (0, last - first) or text[
            first:last
        ].strip() == value.strip()


@given(st.text(min_size=1, max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_a_whole_line_is_always_found_where_it_stands(line: str, before: str, after: str) -> None:
    text = f"{before}\n{line}\n{after}"
    place = SearchableText(text).find(line)

    if line.strip():
        assert place
        quote = unicodedata.normalize("NFKC", "".join(text[slice(*place[:2])].split()))
        assert quote


def test_true_and_false_are_nothing_to_look_for() -> None:
    """Two parts that disagree on one ended the call, and what was paid with it."""
    assert not SearchableText("True 1 是").says(True)
    assert not SearchableText("False 0 否").says(False)
