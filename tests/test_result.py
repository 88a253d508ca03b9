"""How an answer reads where a tool has a result of its own, and no completion."""

from bailian_mcp.server.calls.result import CallResult, call_result
from bailian_mcp.server.catalog import Usage, unpriced
from conftest import text_of


class Found(CallResult):
    searched: bool


def test_an_answer_of_another_shape_gets_the_same_last_line_with_its_own_facts() -> None:
    found = Found(
        model="qwen3.7-plus",
        usage=Usage(input_tokens=1_234, output_tokens=5),
        cost=unpriced("because"),
        request_id="",
        request_ids=(),
        elapsed_s=1.5,
        searched=True,
    )
    told = call_result(found, "the answer", "searched yes")

    assert text_of(told) == (
        "the answer\n\n[qwen3.7-plus | searched yes | 1,234 tokens in, 5 out | cost unknown: because | 1.5 s | request id unknown]"
    )
    assert told.structured_content == found.model_dump(mode="json")
    assert "sandbox" not in (told.structured_content or {})
