"""The Responses API, as DashScope says it: items, each opened, filled piece by piece, and closed.

Page: https://help.aliyun.com/zh/model-studio/qwen-api-via-openai-responses
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from .chat_completions import Chat, tool_calls
from .protocols import CREATED, as_json, in_pieces
from .replies import SandboxReply, counts
from .requests import ApiRefusal, SandboxRequest

Item = dict[str, Any]
Said = tuple[Item, ...]  # the events of one step: what opens an item comes with its first piece


class ResponsesApi:
    """A search is an item of its own, with the addresses of its pages only."""

    def whole(self, asked: SandboxRequest, given: SandboxReply) -> Item:
        status = "incomplete" if given.finish_reason == "length" else "completed"
        return {
            "id": asked.request_id,
            "object": "response",
            "created_at": CREATED,
            "model": asked.name,
            "output": [{**item, "id": f"msg_{number}"} for number, item in enumerate(_items(asked, given, status), 1)],
            "status": status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "parallel_tool_calls": False,
            "tools": asked.options.get("tools") or [],
            "tool_choice": asked.options.get("tool_choice") or "auto",
            "usage": self._usage(asked, given),
        }

    def frames(self, asked: SandboxRequest, given: SandboxReply, chunk: int) -> Iterator[str]:
        whole, numbers = self.whole(asked, given), count()
        for said in _told(whole, chunk):
            yield "".join(_event({**event, "sequence_number": next(numbers)}) for event in said)

    def error(self, code: str, message: str) -> str:
        return _event({"type": "response.failed", "response": {"error": {"code": code, "message": message}}})

    def refusal(self, refusal: ApiRefusal, request_id: str) -> Item:
        return Chat().refusal(refusal, request_id)

    def _usage(self, asked: SandboxRequest, given: SandboxReply) -> Item:
        used = counts(asked, given)
        return {
            "input_tokens": used.read,
            "output_tokens": used.wrote,
            "total_tokens": used.read + used.wrote,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": used.reasoning},
            **({"x_tools": {"web_search": {"count": given.searches}}} if given.searches else {}),
        }


def _items(asked: SandboxRequest, given: SandboxReply, status: str) -> Iterator[Item]:
    if given.pages:
        sources = [{"type": "url", "url": page["url"]} for page in given.pages]
        action = {"type": "search", "query": "Web search", "sources": sources}
        yield {"type": "web_search_call", "status": "completed", "action": action}
    if given.reasoning:
        yield {"type": "reasoning", "summary": [{"type": "summary_text", "text": given.reasoning}]}
    for call in tool_calls(asked, given.calls):
        yield {"type": "function_call", "status": "completed", "call_id": call["id"], **call["function"]}
    if given.calls:
        return
    found = {"ocr_result": given.recognised} if given.recognised else {}
    content = [{"type": "output_text", "text": given.text, "annotations": [], **found}]
    yield {"type": "message", "role": "assistant", "status": status, "content": content}


def _event(event: Item) -> str:
    return f"event: {event['type']}\ndata: {as_json(event)}\n\n"


# --- the steps of a stream ---


def _told(whole: Item, chunk: int) -> Iterator[Said]:
    begun = {**whole, "output": [], "usage": None}
    yield tuple(
        {"type": f"response.{name}", "response": {**begun, "status": status}}
        for name, status in (("created", "queued"), ("in_progress", "in_progress"))
    )
    for index, item in enumerate(whole["output"]):
        place = {"item_id": item["id"], "output_index": index}
        yield from _TOLD[item["type"]](item, place, chunk)
    yield ({"type": f"response.{whole['status']}", "response": whole},)


def _searched(item: Item, place: Item, _: int) -> Iterator[Said]:
    names = ("in_progress", "searching", "completed")
    began, searching, ended = ({"type": f"response.web_search_call.{name}", **place} for name in names)
    yield _added(item, place, action={"type": "search", "query": item["action"]["query"]}), began, searching
    yield ended, _done(item, place)


def _reasoned(item: Item, place: Item, chunk: int) -> Iterator[Said]:
    within = {**place, "summary_index": 0}
    yield from _in_part("reasoning_summary_part", "reasoning_summary_text", within, item, "summary", chunk)


def _answered(item: Item, place: Item, chunk: int) -> Iterator[Said]:
    yield from _in_part("content_part", "output_text", {**place, "content_index": 0}, item, "content", chunk)


def _in_part(part: str, text: str, within: Item, item: Item, name: str, chunk: int) -> Iterator[Said]:
    """An item with one part of text: opened with its first piece, closed after the last."""
    (whole,) = item[name]
    opening: Said = (
        _added(item, within, **{name: []}),
        {"type": f"response.{part}.added", **within, "part": {**whole, "text": ""}},
    )
    for piece in in_pieces(whole["text"], chunk):
        yield *opening, {"type": f"response.{text}.delta", **within, "delta": piece}
        opening = ()
    yield (
        *opening,
        {"type": f"response.{text}.done", **within, "text": whole["text"]},
        {"type": f"response.{part}.done", **within, "part": whole},
        _done(item, within),
    )


def _called(item: Item, place: Item, chunk: int) -> Iterator[Said]:
    yield (_added(item, place, arguments=""),)
    for piece in in_pieces(item["arguments"], chunk):
        yield ({"type": "response.function_call_arguments.delta", **place, "delta": piece},)
    given = {"arguments": item["arguments"], "name": item["name"]}
    yield {"type": "response.function_call_arguments.done", **place, **given}, _done(item, place)


def _added(item: Item, place: Item, **empty: Any) -> Item:
    begun = {**item, **empty, **({"status": "in_progress"} if "status" in item else {})}
    return {"type": "response.output_item.added", "output_index": place["output_index"], "item": begun}


def _done(item: Item, place: Item) -> Item:
    return {"type": "response.output_item.done", "output_index": place["output_index"], "item": item}


_TOLD: dict[str, Callable[[Item, Item, int], Iterator[Said]]] = {
    "web_search_call": _searched,
    "reasoning": _reasoned,
    "message": _answered,
    "function_call": _called,
}
