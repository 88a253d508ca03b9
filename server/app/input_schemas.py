"""What a tool takes, as it is published: in the words that every host and model understands.

Which host refuses what is a table in `tests/test_host_schemas.py`. What is left out here is still checked.
"""

import json
from typing import Any

from ..calls.checked_schemas import NOT_SET

CHECKED_ONLY = {
    "default", "pattern", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
}  # fmt: skip


def published_schema(checked: dict[str, Any]) -> dict[str, Any]:
    """What hosts are told of it."""
    needed = checked.get("required", ())
    arguments = {name: _published(given, name in needed) for name, given in checked["properties"].items()}
    return {**checked, "properties": arguments}


def _published(argument: dict[str, Any], needed: bool) -> dict[str, Any]:
    """One argument. Some models must fill every one: what may be left out has a value that says so."""
    told: dict[str, Any] = {**_plain(argument), **_inside(argument)}
    default = argument.get("default")
    if default:
        told["description"] += f" (default {json.dumps(default)})"
    if needed or "default" in argument:
        return told
    if "enum" in told:
        told["enum"] = [NOT_SET, *told["enum"]]
    if told.get("minimum") == 1:
        told["minimum"] = 0
    return told


def _inside(argument: dict[str, Any]) -> dict[str, Any]:
    """Bounds that are outside of what is allowed, as the nearest ones that are not."""
    step = 1 if argument.get("type") == "integer" else 0.01
    bounds = (("exclusiveMinimum", "minimum", step), ("exclusiveMaximum", "maximum", -step))
    return {bound: round(argument[outside] + by, 2) for outside, bound, by in bounds if outside in argument}


def _plain(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _plain(value) for key, value in schema.items() if not _is_checked_only(key, value)}


def _is_checked_only(keyword: str, value: Any) -> bool:
    if isinstance(value, dict):  # an argument of that name
        return False
    no_texts = keyword == "enum" and not all(isinstance(member, str) for member in value)
    return keyword in CHECKED_ONLY or no_texts or (keyword == "additionalProperties" and value is True)
