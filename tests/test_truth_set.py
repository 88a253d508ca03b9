"""The set that `make truth` measures with is large, the same each time, and says what it claims."""

from collections import Counter

from bailian_mcp.benchmarks.truth.changes import KINDS
from bailian_mcp.benchmarks.truth.readings import readings
from bailian_mcp.benchmarks.truth.values import values

CASES, VALUES = readings(), values()
CHANGES = [(case, change) for case in CASES for change in case.changed]


def test_there_are_enough_pages_changes_kinds_and_values() -> None:
    kinds = Counter(change.kind for _, change in CHANGES)

    assert len(CASES) >= 240
    assert len(CHANGES) >= 1_200
    assert len(VALUES) >= 400
    assert set(kinds) == set(KINDS)
    assert len(kinds) >= 20
    assert min(kinds.values()) >= 10
    assert min(Counter(one.truth for one in VALUES).values()) >= 50
    assert sum(one.places is not None for one in VALUES) >= 40


def test_the_same_seed_makes_the_same_set_and_another_seed_another() -> None:
    assert readings() == CASES
    assert values() == VALUES
    assert readings(1) != CASES
    assert values(1) != VALUES


def test_a_changed_reading_differs_from_the_perfect_one_and_no_mark_is_left_in_any_text() -> None:
    texts = [text for case, change in CHANGES for text in (case.layer, case.perfect, change.reading)]

    assert [change for case, change in CHANGES if change.reading == case.perfect or change.before == change.after] == []
    assert [text for text in texts if any("\ue000" <= letter <= "\ue0ff" for letter in text)] == []


def test_no_value_is_both_there_and_not_there_in_one_text() -> None:
    truths: dict[tuple[str, str], set[str]] = {}
    for one in VALUES:
        truths.setdefault((one.text, repr(one.value)), set()).add(one.truth)

    assert [claim for claim, said in truths.items() if len(said) > 1] == []


def test_a_found_text_stands_there_letter_for_letter_and_an_alike_one_does_not() -> None:
    texts = [one for one in VALUES if isinstance(one.value, str)]

    assert [one for one in texts if one.truth == "found" and one.value not in one.text] == []
    assert [one for one in texts if one.truth == "alike" and one.value in one.text] == []
