"""A long text in parts, and the results of the parts made one."""

from typing import Any

import pytest
from bailian_mcp.server.catalog.pricing import text_tokens
from bailian_mcp.server.features.extract.chunks import merged, parts_of, relaxed
from bailian_mcp.server.features.extract.repeats import told_twice
from bailian_mcp.server.features.extract.schema import Schema
from hypothesis import given
from hypothesis import strategies as st


@given(
    st.dictionaries(st.text(min_size=1), st.text(alphabet="甲乙丙。，\n a", max_size=400), max_size=4),
    st.integers(20, 200),
)
def test_nothing_is_lost_or_read_twice_and_every_part_fits(sources: dict[str, str], most: int) -> None:
    parts = parts_of(sources, most)

    for name, text in sources.items():
        pieces = [piece for part in parts for piece in part if piece.source == name]
        assert "".join(piece.text for piece in pieces) == text
        assert all(text[piece.start : piece.start + len(piece.text)] == piece.text for piece in pieces)
    for part in parts:
        assert sum(text_tokens(piece.text).most for piece in part) <= most + 12 or len(part) == 1


def test_small_sources_share_a_part() -> None:
    (part,) = parts_of({"text": "甲", "files[0]": "乙"}, 100)

    assert [(piece.source, piece.text) for piece in part] == [("text", "甲"), ("files[0]", "乙")]


@pytest.mark.parametrize("border", ["\n\n", "\n", "。", "，"])
def test_a_text_is_put_down_at_a_natural_border(border: str) -> None:
    sentence = "甲" * 30 + border
    parts = parts_of({"text": sentence * 20}, 200)

    assert len(parts) > 1
    assert all(part[0].text.endswith(border) for part in parts)


def joined(*results: Any, found: Any = lambda part, value: False) -> Any:
    return merged(results, found)


def test_arrays_are_joined_with_every_row_and_objects_merged() -> None:
    """A fee of the same sum stands in a statement each month."""
    data, conflicts = joined(
        {"a": [1, 1, {"x": 1}], "b": ""}, {"a": [{"x": 1}, 2], "b": "乙", "c": {"d": 1}}, {"c": {"e": 2}}
    )

    assert data == {"a": [1, 1, {"x": 1}, {"x": 1}, 2], "b": "乙", "c": {"d": 1, "e": 2}}
    assert conflicts == []


def test_a_set_has_each_item_once() -> None:
    schema = {
        "type": "object",
        "$defs": {"set": {"type": "array", "uniqueItems": True}, "loop": {"properties": {"again": {"$ref": "#/$defs/loop"}}}},
        "properties": {"a/b": {"$ref": "#/$defs/set"}, "c": {"properties": {"d": {"uniqueItems": True}}}, "e": {"$ref": "#/$defs/loop"}},
    }  # fmt: skip
    sets = Schema(schema).sets

    assert sets == ["/a~1b", "/c/d"]
    assert merged([{"a/b": [1, 2]}, {"a/b": [2, 3], "c": None}], lambda part, value: False, sets)[0] == {"a/b": [1, 2, 3], "c": None}  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "count"),
    [
        ([[{"day": "3月1日", "fee": 5}], [{"day": "3月1日", "fee": 5}]], 1),
        ([[{"name": "West Lake", "fee": 5, "note": "x"}], [{"name": "WEST  LAKE", "fee": 5, "note": ""}]], 1),
        ([[{"name": "甲", "fee": 5, "note": None}], [{"name": "甲", "fee": 5, "note": "x"}]], 1),
        ([[{"day": "3月1日", "fee": 5, "what": "月费"}], [{"day": "4月1日", "fee": 5, "what": "月费"}]], 0),
        ([[{"a": 1, "b": 2}, {"a": 1, "b": 2}], [{"a": 3, "b": 2}]], 0),
        ([["甲"], ["甲"]], 0),
    ],
)  # fmt: skip
def test_rows_that_look_the_same_in_two_parts_are_kept_and_said(parts: list[Any], count: int) -> None:
    said = told_twice([{"rows": rows} for rows in parts])

    assert len(joined(*({"rows": rows} for rows in parts))[0]["rows"]) == sum(map(len, parts))
    assert [note.startswith(f"Rows of /rows that look like one of an earlier part: {count}.") for note in said] == [True] * (count > 0)  # fmt: skip


def table(header: str, row: str, rows: int = 400) -> str:
    return f"账单\n\n{header}\n" + "".join(row.format(n) + "\n" for n in range(rows))


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("| 日期 | 金额 |\n|---|---:|", "| 3月{0}日 | {0} |"), ("日期\t金额", "3月{0}日\t{0}"), ("date,amount", "d{0},{0}.5"), ('"date, day";amount', "{0};{0},5"),
        ("日期　　　金额", "3月{0}日　　{0}"), ("Date     Amount", "March {0}     {0}.00"),
    ],
)  # fmt: skip
def test_a_table_that_is_cut_takes_its_header_along(header: str, row: str) -> None:
    text = table(header, row) + "\n完。"
    parts = parts_of({"text": text}, 400)

    assert len(parts) > 2
    assert {piece.header for (piece,) in parts[1:]} == {header}
    assert "".join(piece.text for (piece,) in parts) == text
    assert all(text[piece.start :].startswith(piece.text) for (piece,) in parts)
    assert all(
        text_tokens(piece.text).most + bool(piece.header) * text_tokens(piece.header).most <= 400 for (piece,) in parts
    )


@pytest.mark.parametrize(
    "text",
    ["一句话。\n" * 200, "He came, and went 5 times.\n" * 100, "1,2\n" * 400, table("x" * 3000 + "\ty", "{0}\t{0}"), "a|b" * 2000],
)  # fmt: skip
def test_what_is_no_table_or_has_no_header_takes_nothing_along(text: str) -> None:
    assert {piece.header for part in parts_of({"text": text}, 400) for piece in part} == {""}


def test_a_table_that_begins_in_a_later_part_has_its_own_header() -> None:
    first, second = table("a\tb", "{0}\t{0}", 150), table("c\td\te", "{0}\t{0}\t{0}", 150)
    parts = parts_of({"text": first + second}, 300)

    assert {piece.header for part in parts for piece in part} == {"", "a\tb", "c\td\te"}


def test_of_single_values_the_first_with_evidence_stays_and_the_other_is_told() -> None:
    data, (conflict,) = joined({"a/b": "甲"}, {"a/b": "乙"}, found=lambda part, value: part == 1)

    assert data == {"a/b": "乙"}
    assert (conflict.pointer, conflict.kept, conflict.other) == ("/a~1b", "乙", "甲")


def test_without_evidence_the_first_stays() -> None:
    assert joined(None, "甲", "乙")[0] == "甲"
    assert joined(None, None)[0] is None
    assert joined({"a": 1}, "甲")[0] == {"a": 1}


def test_empty_is_no_answer_and_true_is_not_one() -> None:
    assert joined({"a": "", "b": []}, {"a": "甲", "b": "乙"}) == ({"a": "甲", "b": "乙"}, [])
    assert joined([], []) == ([], [])
    assert joined("", "") == ("", [])
    assert len(joined(1, True)[1]) == 1


def test_a_text_that_grows_denser_is_measured_piece_by_piece() -> None:
    parts = parts_of({"text": "a" * 40_000 + "中" * 10_000}, 2_000)

    assert all(sum(text_tokens(piece.text).most for piece in part) <= 2_000 for part in parts)


def test_a_part_may_lack_what_another_holds() -> None:
    schema = {
        "type": "object", "required": ["a"], "minProperties": 1, "enum": [{"required": 1}], "oneOf": [{"required": ["a"]}], "not": {"required": ["b"]},
        "properties": {"required": {"type": "array", "minItems": 2, "items": [{"required": ["x"]}]}},
        "$defs": {"minItems": {"required": ["y"]}},
    }  # fmt: skip

    assert relaxed(schema) == {
        "type": "object", "enum": [{"required": 1}],
        "properties": {"required": {"type": "array", "items": [{}]}}, "$defs": {"minItems": {}},
    }  # fmt: skip
