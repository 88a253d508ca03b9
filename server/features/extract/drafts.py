"""Schemas as people have them, made the Draft 2020-12 that is checked here: wrapped, older, OpenAPI, with odd patterns.

Draft-07 to 2020-12: https://json-schema.org/draft/2020-12/release-notes. `nullable`: OpenAPI 3.0. Wrappers:
`response_format` of https://platform.openai.com/docs/guides/structured-outputs, and `text.format` of its Responses API.
"""

from collections.abc import Mapping
from time import thread_time
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
BY_NAME = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
# A pattern less inside these means more that is refused, so what depends on it goes too
TURNING = {"not": ("not",), "if": ("if", "then", "else"), "contains": ("maxContains",)}
OPENAI_WRAPPER = {"type", "name", "description", "strict", "schema"}
MAX_PATTERNS_S = 1.0  # of processor time: some take 25 ms each, and a schema holds thousands


class Modernised:
    """`schema` is what is checked; `unreadable`: pointers of patterns that cannot be read, and are left out of it."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        """Raises SlowPatterns."""
        self.unreadable: list[str] = []
        self._seconds_left = MAX_PATTERNS_S
        self.schema = self._modern({name: value for name, value in given.items() if name != "$schema"}, [])

    def _modern(self, node: Any, path: list[Any]) -> Any:
        if not isinstance(node, dict):
            return node
        inner: dict[str, Any] = {}
        lost = []
        for name, value in node.items():
            before = len(self.unreadable)
            inner[name] = self._inside(name, value, [*path, name])
            lost += [name] if len(self.unreadable) > before else []
        _loosened(inner, lost)
        self._without_unreadable(inner, path)
        for mend in (_tuple_items, _dependencies, _exclusive_bounds, _nullable):
            mend(inner)
        return inner

    def _inside(self, name: str, value: Any, path: list[Any]) -> Any:
        if name in BY_NAME and isinstance(value, dict):
            return {key: self._modern(each, [*path, key]) for key, each in value.items()}
        if name in LISTS and isinstance(value, list):
            return [self._modern(each, [*path, number]) for number, each in enumerate(value)]
        return self._modern(value, path) if name in SCHEMAS else value

    def _without_unreadable(self, node: dict[str, Any], path: list[Any]) -> None:
        if isinstance(node.get("pattern"), str) and not self._is_readable(node["pattern"]):
            del node["pattern"]
            self.unreadable.append(pointer([*path, "pattern"]))
        by_pattern = node.get("patternProperties")
        names = [name for name in by_pattern if not self._is_readable(name)] if isinstance(by_pattern, dict) else []
        for name in names:
            del node["patternProperties"][name]
            for others in ("additionalProperties", "unevaluatedProperties"):  # would refuse what the pattern allows
                node.pop(others, None)
            self.unreadable.append(pointer([*path, "patternProperties", name]))

    def _is_readable(self, pattern: str) -> bool:
        begun = thread_time()
        try:
            jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=PATTERNS)
        except jsonschema_rs.ValidationError:
            return False
        finally:
            self._seconds_left -= thread_time() - begun
            if self._seconds_left < 0:
                raise SlowPatterns
        return True


def inside_wrapper(given: dict[str, Any]) -> dict[str, Any]:
    """The schema inside what OpenAI's API takes around one; anything else as it is."""
    outer = given.get("json_schema") if given.get("type") == "json_schema" else None
    inner = outer if isinstance(outer, dict) else given
    schema = inner.get("schema")
    wraps = set(inner) <= OPENAI_WRAPPER and inner.get("type", "json_schema") == "json_schema"
    return schema if wraps and isinstance(schema, dict) else given


class SlowPatterns(ValueError):
    """Reading the patterns takes longer than anybody waits."""


def _loosened(node: dict[str, Any], lost: list[str]) -> None:
    """A schema whose keywords `lost` a pattern refuses nothing that the whole one takes."""
    for name in (turned for keyword in lost for turned in TURNING.get(keyword, ())):
        node.pop(name, None)
    if "oneOf" in lost:
        _also(node, {"anyOf": node.pop("oneOf")})


def _also(node: dict[str, Any], schema: dict[str, Any]) -> None:
    if isinstance(others := node.get("allOf", []), list):  # any other value is refused with the schema
        node["allOf"] = [*others, schema]


def _tuple_items(node: dict[str, Any]) -> None:
    """Draft-07: a list of schemas, one for each place, and one for what follows."""
    if isinstance(node.get("items"), list) and "prefixItems" not in node:
        node["prefixItems"] = node.pop("items")
        if "additionalItems" in node:
            node["items"] = node.pop("additionalItems")
    node.pop("additionalItems", None)


def _dependencies(node: dict[str, Any]) -> None:
    """Draft-07: names that need other names, or a schema; beside those of 2020-12 they hold too."""
    given = node.pop("dependencies", None)
    if not isinstance(given, dict):
        return
    names = {name: needs for name, needs in given.items() if isinstance(needs, list)}
    schemas = {name: needs for name, needs in given.items() if name not in names}
    _also(node, {"dependentRequired": names, "dependentSchemas": schemas})


def _exclusive_bounds(node: dict[str, Any]) -> None:
    """Draft-04: a switch beside the bound."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(node.get(exclusive), bool) and node.pop(exclusive) and bound in node:
            node[exclusive] = node.pop(bound)


def _nullable(node: dict[str, Any]) -> None:
    if node.pop("nullable", None) is not True:
        return
    kinds = node["type"] if isinstance(node.get("type"), list) else [node.get("type")]
    if "$ref" in node or kinds == [None]:
        rest = {name: node.pop(name) for name in tuple(node) if name not in ("$defs", "definitions")}
        node["anyOf"] = [rest, {"type": "null"}]
        return
    node["type"] = [*kinds, *(["null"] if "null" not in kinds else [])]
    if isinstance(node.get("enum"), list) and None not in node["enum"]:
        node["enum"] = [*node["enum"], None]
