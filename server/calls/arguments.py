"""Arguments as hosts and models send them, fitted to what a tool takes; bad ones, worded for a model."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..errors import InvalidRequest
from ..text import complaints, listed_names
from .checked_schemas import NOT_SET

# What hosts add of their own: n8n (n8n-io/n8n#21500), and old Cursor to tools without arguments
ADDED_BY_HOSTS = {"action", "chatInput", "sessionId", "tool", "toolCallId", "random_string"}
# What gateways and models fill in for what is not set (metatool-ai/metamcp#365). Never read so in what is sent verbatim
NOTHING = {"", "none", "null", "undefined", "[]", "{}", '[""]'}
# Texts in which such a word means nothing else; all others are verbatim
TERSE = {
    "model", "on", "pages", "request_id", "id", "output", "source", "file", "glossary", "memory",
    "source_lang", "target_lang", "language",
}  # fmt: skip
# Lists of what holds no comma, and may come as one text
LISTS_OF_NAMES = {"models", "sites", "capabilities"}
FULL_WIDTH = set("：，“”‘’｛｝［］")
LEVELS_OF_A_SWITCH = {"true": "medium", "false": "off"}


def fitted(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be checked: without what is not set and what hosts add, each value in the form that is meant.

    Raises:
        InvalidRequest: a text that is meant to be JSON is none.
    """
    fits: dict[str, Any] = {}
    for name, given in arguments.items():
        argument = schema["properties"].get(name)
        if argument is None:
            fits |= {} if given is None or name in ADDED_BY_HOSTS else {name: given}
            continue
        value = _fit(given, argument, name=name)
        if name in schema.get("required", ()) or not _is_not_set(value, argument, verbatim=name not in TERSE):
            fits[name] = value
    return fits


def _fit(given: Any, argument: Mapping[str, Any], *, name: str = "") -> Any:
    if argument.get("type") in ("array", "object"):
        return _as_structure(given, argument, name)
    if "enum" in argument:
        return _as_member(given, argument["enum"])
    return _as_ranges(given) if name == "pages" else given


def _as_structure(given: Any, argument: Mapping[str, Any], name: str) -> Any:
    """A list or an object: from JSON text too, and a list from one text."""
    items = argument.get("items", {})
    of_texts = items.get("type") == "string"
    value = _parsed(given, "" if of_texts else name) if isinstance(given, str) else given
    if isinstance(value, str) and value.strip() and of_texts:
        value = [value]
    if name in LISTS_OF_NAMES and isinstance(value, list):
        value = [part for each in value for part in (listed_names(each) if isinstance(each, str) else [each])]
    return [_fit(each, items) for each in value] if isinstance(value, list) else value


def _parsed(text: str, name: str) -> Any:
    """`name`: of an argument that can be nothing but JSON. Raises InvalidRequest: it is none."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if name:
            raise InvalidRequest(_no_json(name, text, error.pos)) from None
    except (ValueError, RecursionError):
        pass
    return text


def _no_json(name: str, text: str, at: int) -> str:
    again = "Give it as an object or a list, or correct this and call again."
    if FULL_WIDTH & set(text[at : at + 1]):
        return f"{name} is not JSON from character {at + 1} on: that is no punctuation of ASCII. {again}"
    return f"{name} is not JSON from character {at + 1} on. {again}"


def _as_member(given: Any, members: list[Any]) -> Any:
    """The member that is meant: in any case, a number as text or as 30.0, true and false as levels."""
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if not _is_short(given):
        return given
    spelled = {str(member).casefold(): member for member in members}
    said = str(given).strip().casefold()
    return spelled.get(said, spelled.get(LEVELS_OF_A_SWITCH.get(said, ""), given))


def _as_ranges(given: Any) -> Any:
    """Pages as text where a number was sent, or a list: 3, [1, 2]."""
    parts = given if isinstance(given, list) else [given]
    plain = all(_is_short(part) and not isinstance(part, bool) for part in parts)
    return ",".join(map(str, parts)) if plain else given


def _is_short(value: Any) -> bool:
    """A text, or a number that can be one: Python writes no integer of thousands of digits."""
    return isinstance(value, str) or (isinstance(value, int) and abs(value) < 10**9)


def _is_not_set(value: Any, argument: Mapping[str, Any], *, verbatim: bool) -> bool:
    if isinstance(value, list):
        return all(map(_is_nothing, value))
    if verbatim and argument.get("type") == "string" and "enum" not in argument:
        return value is None or value == {}
    if "enum" in argument and value in argument["enum"]:
        return False
    return _is_nothing(value) or _is_too_few(value, argument) or ("enum" in argument and _word(value) == NOT_SET)


def _is_nothing(value: Any) -> bool:
    return value in (None, [], {}) or (isinstance(value, str) and _word(value) in NOTHING)


def _is_too_few(value: Any, argument: Mapping[str, Any]) -> bool:
    """Zero of what must be one or more, or more than zero."""
    if argument.get("exclusiveMinimum") == 0 and not isinstance(value, bool) and value in (0, "0"):
        return True
    least = min(argument.get("enum", [0])) if argument.get("type") == "integer" else 0
    return max(argument.get("minimum", 0), least) >= 1 and not isinstance(value, bool) and value in (0, "0")


def _word(value: Any) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""


def reworded(error: ValidationError, parameters: list[str]) -> str:
    details = error.errors(include_url=False, include_input=False)
    said = complaints(details)
    if any(each["type"] == "extra_forbidden" and len(each["loc"]) == 1 for each in details):
        said.append(f"This tool takes: {', '.join(parameters)}.")
    return " ".join([*said, "Correct this and call again."])
