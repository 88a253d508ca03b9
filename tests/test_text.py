"""Words from outside: what hides in them goes, what people wrote stays."""

import pytest
from bailian_mcp.server.text import clip, first_few, is_sendable, repair_surrogates, visible

HIDDEN = "\u200b\u200e\u202e\u2060\u2066\ufeff\xad\x00\x1b\ud83d\U000e0041"


@pytest.mark.parametrize("letter", HIDDEN, ids=ascii)
def test_what_hides_or_reorders_is_in_no_text_and_on_no_line(letter: str) -> None:
    assert visible(f"西{letter}湖") == "西湖"
    assert clip(f"西{letter}湖", 10) == "西 湖"


def test_a_text_keeps_its_lines_and_its_emoji() -> None:
    family, persian = "👨\u200d👩\u200d👧", "می\u200cخواهم"

    assert visible(f"一\n\t二\u2028{family} ☂\ufe0f {persian}") == f"一\n\t二\n{family} ☂\ufe0f {persian}"


def test_a_line_is_one_line_and_no_longer_than_asked() -> None:
    assert clip(" 一\n二\u2028三  四 ", 10) == "一 二 三 四"
    assert clip("0123456789", 5) == "0123…"


def test_of_many_names_the_first_few_are_told() -> None:
    assert first_few(["a", "b", "a"]) == "a, b"
    assert first_few("abcdefg") == "a, b, c, d, e and 2 more"


def test_halves_of_a_pair_are_joined_or_replaced() -> None:
    assert repair_surrogates("a\ud83d\ude00b\ud83d") == "a😀b\ufffd"
    assert [is_sendable(text) for text in ("😀", "\ud83d")] == [True, False]
