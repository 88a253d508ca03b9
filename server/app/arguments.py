"""Arguments as hosts and models send them, made those that were meant; and bad ones, worded for a model."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from ..text import complaints

HOST_ADDED = {  # https://github.com/n8n-io/n8n/issues/21500, and the tools of hosts without arguments
    "toolCallId", "sessionId", "action", "chatInput", "tool", "random_string",
}  # fmt: skip
NOT_SET = {"", "none", "null", "undefined", "auto", "default"}  # MetaMCP fills every optional argument so
SWITCHED = {True: "medium", False: "off"}  # a switch, where a level is meant


def meant(given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """What of `given` is set, in the forms that `schema` has; what cannot be read stays, to be refused in words.

    A required argument, and every free text, stays as it is.
    """
    known, required = schema["properties"], schema.get("required", ())
    kept: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            kept |= {} if name in HOST_ADDED else {name: value}
        elif name in required or not _is_unset(name, value, known[name]):
            kept[name] = _formed(value, known[name])
    return kept


def _is_unset(name: str, value: Any, schema: Mapping[str, Any]) -> bool:
    if value is None or value == {} or (value == "" and schema["type"] != "string"):
        return True
    if schema["type"] == "string" and "enum" not in schema and name != "model":
        return False
    if isinstance(value, str):
        asked = value.strip().lower()
        return asked in NOT_SET and (asked == "auto" or asked not in schema.get("enum", ()))
    if isinstance(value, list):
        return not [each for each in value if each not in ("", None)]
    return value == 0 and not isinstance(value, bool) and schema.get("minimum", 0) >= 1


def _formed(value: Any, schema: Mapping[str, Any]) -> Any:
    match schema["type"]:
        case "array":
            return _listed(value)
        case "string" if "enum" in schema:
            return _member(value, schema["enum"])
        case "string" if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return value


def _listed(value: Any) -> Any:
    """One where a list is meant, or a list as JSON text."""
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            if isinstance(read := json.loads(value), list):
                return read
    return value if isinstance(value, list | tuple) else [value]


def _member(value: Any, members: list[str]) -> Any:
    """In any case; a switch for a level."""
    if isinstance(value, bool) and SWITCHED[value] in members:
        return SWITCHED[value]
    asked = str(value).strip().lower()
    return next((member for member in members if member.lower() == asked), value)


def reworded(error: ValidationError, parameters: list[str]) -> str:
    details = error.errors(include_url=False, include_input=False)
    said = complaints(details)
    if any(each["type"] == "extra_forbidden" and len(each["loc"]) == 1 for each in details):
        said.append(f"This tool takes: {', '.join(parameters)}.")
    return " ".join([*said, "Correct this and call again."])
