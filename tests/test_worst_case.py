"""What is held before a request is sent is never less than what it can cost."""

import pytest
from bailian_mcp.benchmarks.bounds.cases import BoundCase, cases
from bailian_mcp.benchmarks.bounds.run import bound_and_cost


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: f"{case.kind}: {case.name}")
def test_the_worst_case_is_never_less_than_the_cost(case: BoundCase) -> None:
    bound, cost = bound_and_cost(case)

    assert bound >= cost


def test_the_cases_are_of_every_kind_and_some_were_recorded() -> None:
    found = list(cases())

    assert len(found) >= 35
    assert {case.kind for case in found} == {"text", "thinking", "image", "ocr", "pdf", "search", "vectors"}
    assert {case.kind for case in found} == {"text", "thinking", "image", "ocr", "pdf", "search", "document"}
    assert sum(case.recorded for case in found) >= 5
