"""A line of a batch's results becomes a reply, or the refusal it is."""

from collections.abc import Mapping
from typing import Any

from ...calls.batched import batched_reply
from ...dashscope import Reply
from ...json_text import dict_of

NO_REPLY = (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError)


def reply_of(line: Mapping[str, Any], *, sandbox: bool) -> Reply | None:
    """None: it was not answered, or in no known form."""
    try:
        response = line["response"]
        if response["status_code"] != 200:
            return None
        reply = batched_reply(response["body"], str(response.get("request_id") or ""), sandbox=sandbox)
    except NO_REPLY:
        return None
    return reply if reply.answered or reply.usage else None


def was_refused(line: Mapping[str, Any]) -> bool:
    """Whether it says that nothing was answered: what is answered in an unknown form may be billed."""
    return bool(dict_of(line.get("error"))) or dict_of(line.get("response")).get("status_code") != 200


def refusal_of(line: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Its status, and its error in the form of a refused request: pages name its fields in two ways."""
    response, error = dict_of(line.get("response")), dict_of(line.get("error"))
    body = dict_of(response.get("body"))
    error = error or dict_of(body.get("error")) or body
    code = error.get("code") or error.get("error_code") or ""
    message = error.get("message") or error.get("error_message") or ""
    status = response.get("status_code")
    known = status if isinstance(status, int) and status >= 400 else 400
    return known, {"error": {"code": str(code), "message": str(message)}}
