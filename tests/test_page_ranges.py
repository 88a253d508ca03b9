"""Pages as people write them."""

import pytest
from bailian_mcp.server.features.ocr.page_ranges import as_ranges, pages_in
from hypothesis import given
from hypothesis import strategies as st
from mcp.server.mcpserver.exceptions import ToolError


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("1-3,7", [1, 2, 3, 7]),
        ("１－３，７", [1, 2, 3, 7]),
        ("1、3 5", [1, 3, 5]),
        (" 2 - 4 ; 9 ", [2, 3, 4, 9]),
        ("8-", [8, 9, 10]),
        ("第1页、第3至5页", [1, 3, 4, 5]),
        ("2到3", [2, 3]),
        ("3,1,3", [1, 3]),
        ("1–2", [1, 2]),
        ("10", [10]),
    ],
)
def test_ways_to_write_pages(text: str, pages: list[int]) -> None:
    assert pages_in(text, 10) == pages


@pytest.mark.parametrize(
    "text", ["x", "1-2-3", "-", "-3", "0", "11", "1-11", "1.5", "²x", "1" * 12, "1," * 2_000, "٣x"]
)
def test_what_is_no_page_is_refused_in_words(text: str) -> None:
    with pytest.raises(ToolError, match=r"[Tt]here are"):
        pages_in(text, 10)


@given(st.sets(st.integers(1, 300)))
def test_what_is_written_is_read_again(pages: set[int]) -> None:
    assert not pages or pages_in(as_ranges(sorted(pages)), 300) == sorted(pages)


def test_pages_the_wrong_way_round_are_told_so() -> None:
    with pytest.raises(ToolError, match="There are 10 pages, from 1 to 10, and 3-1 ends before it begins"):
        pages_in("3-1", 10)
