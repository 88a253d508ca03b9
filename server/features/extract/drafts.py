"""Schemas as people have them, made the Draft 2020-12 that is checked here: older drafts, OpenAPI, odd patterns.

Draft-07 to 2020-12: https://json-schema.org/draft/2020-12/release-notes. `nullable`: OpenAPI 3.0.
"""

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from ...json_text import pointer

MAX_BACKTRACKS = 5_000  # of one pattern on one text: look-around needs some, and none may hang
PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=MAX_BACKTRACKS)
SCHEMAS = (
    "items", "additionalItems", "contains", "additionalProperties", "unevaluatedProperties", "unevaluatedItems",
    "propertyNames", "not", "if", "then", "else",
)  # fmt: skip
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
BY_NAME = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


class Modernised:
    """`schema` is what is checked; `unreadable`: pointers of patterns that cannot be read, and are left out of it."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.unreadable: list[str] = []
        self.schema = self._modern({name: value for name, value in given.items() if name != "$schema"}, [])

    def _modern(self, node: Any, path: list[Any]) -> Any:
        if not isinstance(node, dict):
            return node
        inner: dict[str, Any] = {name: self._inside(name, value, [*path, name]) for name, value in node.items()}
        for mend in (_tuple_items, _dependencies, _exclusive_bounds, _nullable):
            mend(inner)
        self._without_unreadable(inner, path)
        return inner

    def _inside(self, name: str, value: Any, path: list[Any]) -> Any:
        if name in BY_NAME and isinstance(value, dict):
            return {key: self._modern(each, [*path, key]) for key, each in value.items()}
        if name in LISTS and isinstance(value, list):
            return [self._modern(each, [*path, number]) for number, each in enumerate(value)]
        return self._modern(value, path) if name in SCHEMAS else value

    def _without_unreadable(self, node: dict[str, Any], path: list[Any]) -> None:
        if isinstance(node.get("pattern"), str) and not _is_readable(node["pattern"]):
            del node["pattern"]
            self.unreadable.append(pointer([*path, "pattern"]))
        by_pattern = node.get("patternProperties")
        names = [name for name in by_pattern if not _is_readable(name)] if isinstance(by_pattern, dict) else []
        for name in names:
            del node["patternProperties"][name]
            node.pop("additionalProperties", None)  # what the pattern allows would be refused
            self.unreadable.append(pointer([*path, "patternProperties", name]))


def _is_readable(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=PATTERNS)
    except jsonschema_rs.ValidationError:
        return False
    return True


def _tuple_items(node: dict[str, Any]) -> None:
    """Draft-07: a list of schemas, one for each place, and one for what follows."""
    if isinstance(node.get("items"), list):
        node["prefixItems"] = node.pop("items")
        if "additionalItems" in node:
            node["items"] = node.pop("additionalItems")
    node.pop("additionalItems", None)


def _dependencies(node: dict[str, Any]) -> None:
    """Draft-07: names that need other names, or a schema."""
    given = node.pop("dependencies", None)
    for name, needs in given.items() if isinstance(given, dict) else ():
        keyword = "dependentRequired" if isinstance(needs, list) else "dependentSchemas"
        node.setdefault(keyword, {})[name] = needs


def _exclusive_bounds(node: dict[str, Any]) -> None:
    """Draft-04: a switch beside the bound."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(node.get(exclusive), bool) and node.pop(exclusive) and bound in node:
            node[exclusive] = node.pop(bound)


def _nullable(node: dict[str, Any]) -> None:
    if node.pop("nullable", None) is not True:
        return
    kind = node.get("type")
    if "$ref" in node or kind is None:
        rest = dict(node)
        node.clear()
        node["anyOf"] = [rest, {"type": "null"}]
        return
    node["type"] = list(dict.fromkeys([*(kind if isinstance(kind, list) else [kind]), "null"]))
    if isinstance(node.get("enum"), list) and None not in node["enum"]:
        node["enum"] = [*node["enum"], None]
