"""What `make reader` measures with: misprints that are wrong, and counts that count what they say."""

from collections import Counter
from random import Random

import pytest
from bailian_mcp.benchmarks.second_reader.found import Found, confusions
from bailian_mcp.benchmarks.second_reader.misprints import KINDS, misprints
from bailian_mcp.benchmarks.second_reader.tally import Tally

PAGE = "1 Overview\n2) Costs of 1,204.75 and -318.20 in room 7\nfor 2,981 pieces at 63.5 each\n12"


def test_misprints_are_of_every_kind_and_none_is_what_stands_there() -> None:
    made = [change for seed in range(40) for change in misprints(PAGE, Counter(), Random(seed))]

    assert {change.kind for change in made} == set(KINDS)
    assert [change for change in made if change.reading == PAGE or change.before == change.after] == []


def test_a_number_that_numbers_an_item_is_left_as_it_is() -> None:
    made = [change for seed in range(40) for change in misprints(PAGE, Counter(), Random(seed))]

    assert [change for change in made if not change.reading.startswith("1 Overview\n2) Costs")] == []


def test_words_and_numbers_are_found_in_any_order_and_each_as_often_as_it_stands_there() -> None:
    found = Found()
    found.add("Total 12.50 and 7, 发票", "7 票 total 12.58", 2.0)

    assert found.all == {"words": 4, "numbers": 2}
    assert found.found == {"words": 2, "numbers": 1}
    assert found.said() == "words 50.0% of 4, numbers 50.0% of 2; seconds a page: median 2.0, p90 2.0"


@pytest.mark.parametrize(
    ("truth", "read", "pairs"),
    [
        ("the room is large", "the roorn is large", {("m", "rn"): 1}),
        ("paid 105 now", "paid 1O5 now", {("0", "o"): 1}),
        ("paid 105 now", "paid now", {}),
        ("the same here", "the same here", {}),
    ],
)
def test_letters_taken_for_others_stand_between_words_that_both_have(
    truth: str, read: str, pairs: dict[tuple[str, str], int]
) -> None:
    assert {pair: count for pair, count in confusions(truth, read).items() if len(pair[0]) < 3} == pairs


def test_a_tally_says_the_share_of_each_judge() -> None:
    tally = Tally()
    tally.add("sign lost", (True, False))
    tally.add("sign lost", (True, True))

    assert (tally.share("second reader"), tally.share("text layer")) == (1.0, 0.5)
