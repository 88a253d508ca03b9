"""Answers of OCR models, in whatever form they come."""

import json
from typing import Any

import pytest
from bailian_mcp.server.features.ocr.tasks import OcrTask
from bailian_mcp.server.features.ocr.transcripts import tells_pixels, transcript, unfenced
from bailian_mcp.server.files.read_here import PageGeometry
from hypothesis import given, settings
from hypothesis import strategies as st

LINES = OcrTask("advanced_recognition")
FIELDS = OcrTask("key_information_extraction")
CANVAS = PageGeometry((1000, 500), (2000, 1000))


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("```html\n<table></table>\n```", "<table></table>"),
        ("```latex\n\\a\n```\n", "\\a"),
        ("```html\n<table>", "<table>"),  # cut off before its end
        ("```\nx\n```", "x"),
        ("a ```b``` c", "a ```b``` c"),
        ("", ""),
    ],
)
def test_a_fence_is_taken_off(said: str, text: str) -> None:
    assert unfenced(said) == text


@pytest.mark.parametrize(
    "row",
    [
        {"text": "x"},
        {"text": "x", "location": [1, 2, 3]},
        {"text": "x", "location": "1,2"},
        {"text": "x", "rotate_rect": [1, 2, 3, 4]},
        {"text": "x", "location": [1e9] * 8},
        {"text": "x", "location": [True] * 8},
        {"text": "x", "rotate_rect": [float("nan")] * 5},
    ],
)
def test_a_line_without_a_usable_place_keeps_its_text(row: dict[str, Any]) -> None:
    (line,) = transcript(LINES, "", {"words_info": [row]}, CANVAS).lines

    assert (line.text, line.corners) == ("x", ())


def test_rows_that_are_no_lines_are_left_out() -> None:
    rows = ["x", None, {"location": [1]}, {"text": ""}, {"text": 5}, {"label": "y"}]

    assert [line.text for line in transcript(LINES, "", {"words_info": rows}, CANVAS).lines] == ["y"]


def test_the_list_inside_an_object_is_found() -> None:
    said = json.dumps({"words_info": [{"rotate_rect": [500, 500, 1000, 1000, 0], "text": "x"}]})

    assert transcript(LINES, said, {}, CANVAS).lines[0].corners == ((0, 0), (2000, 0), (2000, 1000), (0, 1000))


@pytest.mark.parametrize(
    ("model", "box", "corners", "unit"),
    [
        ("qwen3-vl-plus", [100, 200, 500, 1000], ((200, 200), (1000, 200), (1000, 1000), (200, 1000)), "px"),
        ("qwen2.5-vl-72b-instruct", [100, 200, 500, 400], ((200, 400), (1000, 400), (1000, 800), (200, 800)), "px"),
        ("qwen2.5-vl-72b-instruct", [100, 200, 1200, 400], ((200, 400), (2400, 400), (2400, 800), (200, 800)), "px"),
        ("qwen3-vl-plus", [100, 200, 1200, 400], (), "permille"),  # pixels of nobody knows what
        ("another", [100, 200, 1001, 400], (), "permille"),
    ],
)
def test_places_over_1000_are_no_permille(model: str, box: list[int], corners: Any, unit: str) -> None:
    geometry = PageGeometry((1000, 500), (2000, 1000), told_in_pixels=tells_pixels(model))
    read = transcript(LINES, json.dumps([{"bbox_2d": box, "text_content": "x"}]), {}, geometry)

    assert [(line.text, line.corners, line.unit) for line in read.lines] == [("x", corners, unit)]
    assert (read.text, bool(read.note), read.problem) == ("x", not corners, "")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("<think>a</think>x", "x"), ("\n<think>\na\n</think>\n\n```html\nx\n```", "x"), ("<think>never ended", ""),
        ("x <think>a</think>", "x <think>a</think>"), ("<thinker>", "<thinker>"),
    ],
)  # fmt: skip
def test_what_was_thought_before_the_answer_is_taken_off(said: str, text: str) -> None:
    assert transcript(OcrTask(), said, {}, CANVAS).text == text


@pytest.mark.parametrize(
    ("wanted", "found", "note"),
    [
        ({"a": "", "b": ""}, {"a": "1", "b": None}, ""),
        ({"a": "", "b": ""}, {"a": "1"}, "not in the answer: b"),
        ({"a": {"b": "", "c": ""}}, {"a": {"b": "1"}}, "not in the answer: a.c"),
        ({"a": {"b": ""}}, {"a": None}, ""),
        ({"a": [{"b": "", "c": ""}]}, {"a": [{"b": "1"}, {"c": "2"}]}, ""),
        ({"a": [{"b": "", "c": ""}]}, {"a": [{"b": "1"}]}, "not in the answer: a.c"),
        ({"a": "", "b": ""}, [{"a": "1"}, {"a": "2"}], "not in the answer: b"),
        ({}, {"x": "1"}, ""),
    ],
)
def test_fields_that_were_asked_for_and_are_absent_are_noted(wanted: Any, found: Any, note: str) -> None:
    read = transcript(OcrTask("key_information_extraction", wanted), "", {"kv_result": found}, CANVAS)

    assert (read.fields, read.note) == (found, note)


@pytest.mark.parametrize("angle", [0, 30, 90, -90, 89, -89, 180, 270])
def test_corners_go_clockwise_from_the_top_left_whatever_the_angle(angle: int) -> None:
    row = {"rotate_rect": [500, 250, 200, 40, angle], "text": "x"}
    corners = transcript(LINES, "", {"words_info": [row]}, PageGeometry((1000, 500), (1000, 500))).lines[0].corners

    around = zip(corners, corners[1:] + corners[:1], strict=True)
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in around) / 2
    assert area == pytest.approx(200 * 40, rel=0.01)  # positive: clockwise, as y grows downwards
    assert sum(corners[0]) == min(sum(corner) for corner in corners)


@settings(deadline=None)  # a loaded machine stops for longer
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["text", "location", "rotate_rect", "bbox_2d", "words_info", "x"]), inner, max_size=4)))  # fmt: skip
def test_no_answer_breaks_the_reading_of_it(value: Any) -> None:
    for job in (LINES, FIELDS, OcrTask()):
        for canvas in (CANVAS, PageGeometry(), PageGeometry((10, 10), (20, 20), paper=True)):
            read = transcript(job, json.dumps(value), {"words_info": value, "kv_result": value}, canvas)
            assert isinstance(read.empty, bool)
            assert isinstance(read.words, str)
            assert all(line.text for line in read.lines)
