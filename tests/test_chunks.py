"""A long text in parts, and the results of the parts made one."""

from typing import Any

import pytest
from bailian_mcp.server.catalog.pricing import text_tokens
from bailian_mcp.server.features.extract.chunks import merged, parts_of, relaxed
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


def test_arrays_are_joined_without_repeats_and_objects_merged() -> None:
    data, conflicts = joined(
        {"a": [1, 1, {"x": 1}], "b": ""}, {"a": [{"x": 1}, 2], "b": "乙", "c": {"d": 1}}, {"c": {"e": 2}}
    )

    assert data == {"a": [1, 1, {"x": 1}, 2], "b": "乙", "c": {"d": 1, "e": 2}}
    assert conflicts == []


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
