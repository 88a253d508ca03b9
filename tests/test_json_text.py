"""JSON out of what a model wrote: read where it is whole, refused where it would have to be guessed."""

import json
from typing import Any

import pytest
from bailian_mcp.server.json_text import NoJson, json_of, json_or_text
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('\n ["甲"] \n', ["甲"]),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('好的，结果如下：\n```\n{"a": "}"}\n```\n请查收。', {"a": "}"}),
        ('{"a": 1, "b": [1, 2,],}', {"a": 1, "b": [1, 2]}),
        ('{"a": "http://x // no comment", /* one */ "b": 1} // two', {"a": "http://x // no comment", "b": 1}),
        ('Sure! {"a": 1} That is all.', {"a": 1}),
        ('根据材料[1]，结果：{"a": 1}', {"a": 1}),
        ('结果[共2项]：{"a": 1}', {"a": 1}),
        ('Here [1] is {"a": 1}', {"a": 1}),
        ('{"a": /* {"a": 0} */ 1}', {"a": 1}),
        ('{"a": "\\u4e2d\\n"}', {"a": "中\n"}),
        ('"text"', "text"),
        ("12.5", 12.5),
        ("null", None),
        ('{"a": "一\n二\t三"}', {"a": "一\n二\t三"}),
        ('<think>也许 {"a": 0}？</think>\n{"a": 1}', {"a": 1}),
        ('也许 {"a": 0}？\n</think>\n```json\n{"a": 1}\n```', {"a": 1}),
        ('[THINK]{"a": 0}[/THINK]{"a": 1}', {"a": 1}),
        ('{"a": "<think>x</think>\n"}', {"a": "<think>x</think>\n"}),
    ],
)
def test_a_whole_value_is_read(text: str, value: Any) -> None:
    assert json_of(text) == value


@pytest.mark.parametrize(
    "text",
    ["/* {} */" * 3 + '{"a": 1}{"b": 2}', '{"a":1} 更正：{"a":2}', '{"a": "\\ud83d"}', '{"\\ud83d": 1}', '{"a": 1e999}', "[" * 300 + "]" * 300,
     "", "我只能用文字描述。", '{"a": 1', '{"a": [1, 2', '{"a": "b', '{"a": 1}{"b": 2}', '{"a": 1, "a": 2}', '{"a": NaN}', "Infinity", "[" * 100_000, '{"a" 1}', "12 apples",
     '<think>{"a": 1}', '<think>{"a": 1}</think>', '<think>{"a": 1}</think>不知道'],
)  # fmt: skip
def test_what_is_cut_or_unclear_is_never_guessed(text: str) -> None:
    with pytest.raises(NoJson, match="The answer cannot be read: "):
        json_of(text)


@pytest.mark.parametrize(
    "text", ["{" + "/* " * 200_000 + '"x', "```" + "\n" * 200_000, "{" * 100_000, "[" * 50_000 + "{", '"' * 100_001]
)
def test_hostile_answers_are_refused_without_quadratic_work(text: str) -> None:
    with pytest.raises(NoJson):  # quadratic work would take minutes
        json_of(text)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values.filter(lambda value: isinstance(value, dict | list)))
def test_any_value_survives_a_fence_and_prose(value: Any) -> None:
    said = json.dumps(value, ensure_ascii=False)

    assert json_of(said) == value
    assert json_of(f"```json\n{said}\n```") == value or "```" in said


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(codec=None))),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)


@given(JSON, st.booleans())
def test_data_is_read_as_python_reads_it(value: Any, ascii_only: bool) -> None:
    """By another parser where that can, and half a pair and all else by Python's own."""
    text = json.dumps(value, ensure_ascii=ascii_only)

    assert repr(json_or_text(text)) == repr(json.loads(text))  # by how it is written: NaN is not itself, 1 is not 1.0


@pytest.mark.parametrize(
    "text", ["", "x", "[1,]", '{"a": 1} x', "9" * 5_000, "[" * 100_000, "\ud800", "nul", "1.", "+1"]
)
def test_what_is_no_data_stays_text(text: str) -> None:
    assert json_or_text(text) == text
