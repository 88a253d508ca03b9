"""The words, the code and the request id in the body of an error, whoever wrote it.

DashScope writes `{"code", "message", "request_id"}`, its OpenAI-compatible side `{"error": {"code", "message"}}`; what
stands between has forms of its own: `docs/replies.md` lists them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

ERROR_FIELDS = ("error", "errors", "detail", "details", "base_resp")
MESSAGE_FIELDS = (
    "message",
    "msg",
    "error_msg",
    "error_message",
    "errorMessage",
    "error_description",
    "status_msg",
    "reason",
    "title",
)
CODE_FIELDS = ("code", "error_code", "errorCode", "err_code", "status_code", "type")
REQUEST_ID_FIELDS = ("request_id", "requestId", "RequestId")
VERDICTS = ("code", "status_code")  # of these zero is success, whatever words stand beside it
MAX_TOLD_CHARS = 64 * 1024  # a page may stand here
MAX_LEVELS = 6
MAX_LISTED = 3  # reasons of one list
NO_FAILURE = ("", "0", "200", "ok", "success", "succeeded", "none", "null")


class Told(NamedTuple):
    """What a body says of its error; empty where it does not."""

    code: str
    message: str
    request_id: str


def told_in(body: Any) -> Told:
    """What a body says: JSON of any known form, or a text."""
    levels = list(_levels(body, MAX_LEVELS))
    told = (_first_of(levels, CODE_FIELDS), _words(body, MAX_LEVELS), _first_of(levels, REQUEST_ID_FIELDS))
    return Told(*(each[:MAX_TOLD_CHARS] for each in told))


def is_failure(body: Mapping[str, Any]) -> bool:
    """Whether a frame that holds no answer tells a failure: some say `code: 0` or "success" where nothing failed."""
    for name in VERDICTS:
        if body.get(name) not in (None, ""):
            return tells_failure(body[name])
    return any(tells_failure(body.get(name)) for name in (*ERROR_FIELDS, *MESSAGE_FIELDS))


def tells_failure(value: Any) -> bool:
    """Whether a field for errors tells one: some send it always, with nothing in it."""
    if not value:
        return False
    if isinstance(value, Mapping):
        verdict = any(value.get(name) not in (None, "") for name in VERDICTS)
        return is_failure(value) if verdict else any(tells_failure(each) for each in value.values())
    if isinstance(value, list):
        return any(tells_failure(each) for each in value)
    return str(value).lower() not in NO_FAILURE


def _words(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and depth:
        found = dict.fromkeys(filter(None, (_words(each, depth - 1) for each in value[:MAX_LISTED])))
        return "; ".join(found)
    if not isinstance(value, Mapping) or not depth:
        return ""
    names = (*MESSAGE_FIELDS, *ERROR_FIELDS)
    nested = (_words(value[name], depth - 1) for name in names if isinstance(value.get(name), Mapping | list))
    own = (text for name in names if isinstance(text := value.get(name), str))
    return _where(value) + next(filter(None, (*nested, *own)), "") + _behind(value)


def _where(value: Mapping[str, Any]) -> str:
    """The argument that a validation error names, as FastAPI does."""
    place = value.get("loc")
    return f"{'.'.join(map(str, place))}: " if isinstance(place, list) else ""


def _behind(value: Mapping[str, Any]) -> str:
    """What the server behind a gateway said, as OpenRouter tells it."""
    inner = value.get("metadata")
    raw = inner.get("raw") if isinstance(inner, Mapping) else None
    return f" ({raw})" if isinstance(raw, str) and raw else ""


def _levels(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """The objects of a body, the innermost first."""
    if isinstance(value, list) and depth:
        for each in value[:MAX_LISTED]:
            yield from _levels(each, depth - 1)
    elif isinstance(value, Mapping) and depth:
        for name in ERROR_FIELDS:
            yield from _levels(value.get(name), depth - 1)
        yield value


def _first_of(levels: list[Mapping[str, Any]], names: tuple[str, ...]) -> str:
    found = (level[name] for level in levels for name in names if level.get(name))
    return next((str(each) for each in found if isinstance(each, str | int)), "")
