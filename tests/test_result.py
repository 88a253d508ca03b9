"""How an answer reads where a tool has a result of its own, and no completion."""

from bailian_mcp.server.calls.result import CallResult, call_result
from bailian_mcp.server.catalog import Usage, unpriced
from conftest import text_of


class Found(CallResult):
    searched: bool


def test_where_nothing_was_asked_no_request_is_missed() -> None:
    nothing = Usage(input_tokens=0, output_tokens=0)
    found = Found(
        model="m", usage=nothing, cost=unpriced("because"), request_id="", request_ids=(), elapsed_s=0, searched=False
    )

    assert text_of(call_result(found, "")) == "[m | 0+0 tokens | cost unknown: because | no request]"


def test_an_answer_of_another_shape_gets_the_same_line_with_its_own_facts() -> None:
    found = Found(
        model="qwen3.7-plus",
        usage=Usage(input_tokens=1_234, output_tokens=5),
        cost=unpriced("because"),
        request_id="",
        request_ids=(),
        elapsed_s=1.5,
        searched=True,
    )
    told = call_result(found, "the answer", "NOT SEARCHED")

    assert text_of(told) == (
        "[qwen3.7-plus | 1,234+5 tokens | cost unknown: because | request id unknown | NOT SEARCHED]\nthe answer"
    )
    assert told.structured_content == found.model_dump(mode="json")
    assert "sandbox" not in (told.structured_content or {})
