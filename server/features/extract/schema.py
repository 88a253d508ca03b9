"""A caller's JSON schema, checked before it is used: Draft 2020-12, references inside it only, nothing without end.

Validation is jsonschema-rs, whose regular expressions are bounded: Python's hang on `^(a+)+$`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from math import log
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

from ...calls.salvage import Salvage
from ...catalog import Frozen
from ...errors import InvalidRequest
from ...json_text import MAX_DEPTH, depth_of, pointer
from ...text import HALF_A_PAIR, clip, first_few, is_sendable
from .drafts import PATTERNS, Modernised, SlowPatterns

MAX_SCHEMA_CHARS = 100_000
MAX_SCHEMA_DEPTH = 64
MAX_STEPS = 100_000  # how often one value may be looked at: schemas can double their work at each level
MAX_VIOLATIONS = 50
MAX_MESSAGE_CHARS = 300
SHAPE_KEYWORDS = (
    "type", "properties", "patternProperties", "items", "prefixItems", "enum", "const", "$ref", "allOf", "anyOf",
    "oneOf", "not", "if",
)  # fmt: skip
# Keywords whose schemas look at the same value again.
AGAIN = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$ref", "dependentSchemas")
NAMES = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")  # hold schemas by name
DATA = ("enum", "const", "default", "examples")
GAVE_UP = "Error executing regex"  # how jsonschema-rs begins what it says of a pattern that takes too long
HINTS = {
    '"date-time"': "write it with its offset, as 2024-03-05T10:00:00Z or 2024-03-05T10:00:00+08:00",
    '"time"': "write it with its offset, as 10:00:00Z or 10:00:00+08:00",
}
ELSEWHERE = ("$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$recursiveAnchor")
MAX_WORK = 1_000_000


class Violation(Frozen):
    pointer: str
    message: str


class Schema:
    """A schema that holds together. `given` is what the model is shown; `unchecked`: patterns nobody could check."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        """Raises InvalidRequest where it is no schema, or none that is safe to use; the text says where."""
        self.given = dict(given)
        _bounded(self.given)
        if not set(SHAPE_KEYWORDS) & set(self.given):
            raise _refused("it asks for nothing: is it an example instead of a schema? Give type and properties")
        try:
            modernised = Modernised(self.given)
        except SlowPatterns:
            raise _refused("its patterns take too long to read: simplify them") from None
        self._checked, self.unchecked = modernised.schema, modernised.unreadable
        nodes = list(_schemas(self._checked))
        for node in nodes:
            _plainly_referring(node)
        try:
            self._validator = jsonschema_rs.Draft202012Validator(
                self._checked, pattern_options=PATTERNS, validate_formats=True, offline=True
            )
        except jsonschema_rs.ValidationError as error:
            raise _refused(
                clip(f"{pointer(error.instance_path) or 'it'}: {error.message}", MAX_MESSAGE_CHARS)
            ) from None
        except jsonschema_rs.ReferencingError as error:
            raise _refused(clip(str(error), MAX_MESSAGE_CHARS)) from None
        self._memo: dict[int, int] = {}
        steps = max(self._steps(node, ()) for node in nodes)
        if steps > MAX_STEPS:
            raise _refused("its references multiply without bounds: simplify them")
        # Where schemas refer to each other, the work may multiply at each level of the data.
        refers = any("$ref" in node for node in nodes)
        self._deepest = int(log(MAX_WORK) / log(steps)) if refers and steps > 1 else MAX_DEPTH

    def violations(self, data: Any) -> list[Violation]:
        """What does not fit, by JSON pointer; the first ones of very many."""
        if depth_of(data) > self._deepest:
            return [Violation(pointer="", message=f"nested deeper than {self._deepest} levels, too deep to be checked")]
        found = []
        for error in self._validator.iter_errors(data):
            if error.message.startswith(GAVE_UP):
                self._gave_up(error)
                continue
            message = clip(error.message, MAX_MESSAGE_CHARS) + _hint(error.message)
            found.append(Violation(pointer=pointer(error.instance_path), message=message))
            if len(found) == MAX_VIOLATIONS:
                break
        return found

    @property
    def notes(self) -> list[str]:
        """What nobody checked."""
        return (
            [f"Patterns of the schema that could not be checked: {first_few(self.unchecked)}."]
            if self.unchecked
            else []
        )

    def _gave_up(self, error: jsonschema_rs.ValidationError) -> None:
        where = pointer(error.schema_path)
        if where not in self.unchecked:
            self.unchecked.append(where)

    @property
    def root(self) -> str:
        """The type at the top, "" where it says none or several."""
        named = self._resolved(self._checked).get("type")
        return named if isinstance(named, str) else "object" if "properties" in self._checked else ""

    @property
    def sets(self) -> list[str]:
        """The pointers of the arrays whose items have to be unique; not of those inside arrays."""
        return list(self._sets(self.given, [], ()))

    def _sets(self, node: Any, path: list[str], seen: tuple[int, ...]) -> Iterator[str]:
        node = self._resolved(node) if isinstance(node, dict) else {}
        if id(node) in seen:
            return
        if node.get("uniqueItems") is True:
            yield pointer(path)
        inner = node.get("properties")
        for name, value in inner.items() if isinstance(inner, dict) else ():
            yield from self._sets(value, [*path, name], (*seen, id(node)))

    def _steps(self, node: Any, path: tuple[int, ...]) -> int:
        """How many schemas look at one value at this node."""
        if not isinstance(node, dict) or id(node) in path:
            return 1
        if id(node) not in self._memo:
            inner = [self._steps(each, (*path, id(node))) for each in self._looking_again(node)]
            patterns = len(node.get("patternProperties", ()))  # several may name one property
            self._memo[id(node)] = min(1 + sum(inner) + patterns, MAX_STEPS + 1)
        return self._memo[id(node)]

    def _looking_again(self, node: dict[str, Any]) -> Iterator[Any]:
        for keyword in AGAIN:
            value = node.get(keyword)
            if keyword == "dependentSchemas" and isinstance(value, dict):
                yield from value.values()
            elif isinstance(value, list):
                yield from value
            elif isinstance(value, str):
                yield self._at(value)
            elif value is not None:
                yield value

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        target = self._at(node["$ref"]) if isinstance(node.get("$ref"), str) else node
        return target if isinstance(target, dict) else {}

    def _at(self, reference: str) -> Any:
        """What a local reference means; an anchor, or nothing there, means nothing more to count."""
        node: Any = self._checked
        for part in reference.removeprefix("#").split("/")[1:]:
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, dict) else _item(node, name)
        return node


def checked(schema: Schema, data: Any) -> list[Violation]:
    """What does not fit. Data of an answer that was paid for: a fault in the checking is one more violation."""
    with Salvage("it could not be checked") as step:
        return schema.violations(data)
    return [Violation(pointer="", message=step.note)]


def _hint(message: str) -> str:
    return next((f": {hint}" for name, hint in HINTS.items() if message.endswith(f"is not a {name}")), "")


def _item(node: Any, name: str) -> Any:
    return node[int(name)] if isinstance(node, list) and name.isdecimal() and int(name) < len(node) else None


def _bounded(schema: dict[str, Any]) -> None:
    if depth_of(schema) > MAX_SCHEMA_DEPTH:
        raise _refused(f"it is nested deeper than {MAX_SCHEMA_DEPTH} levels")
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise _refused("it holds NaN or Infinity, which are no JSON") from None
    if len(text) > MAX_SCHEMA_CHARS:
        raise _refused(f"it is longer than {MAX_SCHEMA_CHARS:,} characters")
    if not is_sendable(text):
        raise _refused(f"it holds {HALF_A_PAIR}")


def _schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema inside: not the names of properties, and not what is data."""
    if isinstance(node, list):
        for value in node:
            yield from _schemas(value)
    if isinstance(node, dict):
        yield node
        for name, value in node.items():
            if name in NAMES and isinstance(value, dict):
                yield from _schemas(list(value.values()))
            elif name not in DATA:
                yield from _schemas(value)


def _plainly_referring(node: dict[str, Any]) -> None:
    if used := [name for name in ELSEWHERE if name in node]:
        raise _refused(f"{used[0]} is not read: use $ref with #/$defs/...")
    if "$ref" in node and not re.fullmatch(r"#(/.*)?", str(node["$ref"]), re.DOTALL):
        raise _refused("a $ref may point inside the schema only (#/...): copy what it means into $defs")


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(f"json_schema cannot be used: {why}. Correct the schema and call again.")
