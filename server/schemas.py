"""A caller's JSON schema, checked before it is used: Draft 2020-12, references inside it only, nothing without end.

Validation is jsonschema-rs, whose regular expressions match in linear time: Python's hang on `^(a+)+$`.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import jsonschema_rs
from mcp.server.mcpserver.exceptions import ToolError

from .catalog import Frozen

MOST_CHARACTERS = 100_000
DEEPEST = 64
MOST_STEPS = 100_000  # how often one value may be looked at: schemas can double their work at each level
MOST_VIOLATIONS = 50
LONGEST_MESSAGE = 300
SHAPES = ("type", "properties", "items", "prefixItems", "enum", "const", "$ref", "allOf", "anyOf", "oneOf", "not", "if")
# Keywords whose schemas look at the same value again.
AGAIN = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$ref", "$dynamicRef")


class Violation(Frozen):
    pointer: str
    message: str


class Schema:
    """A schema that holds together. `given` is what the model is shown."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        """Raises ToolError where it is no schema, or none that is safe to use; the text says where."""
        self.given = dict(given)
        _bounded(self.given)
        if not set(SHAPES) & set(self.given):
            raise _refused("it asks for nothing: is it an example instead of a schema? Give type and properties")
        for reference in _references(self.given):
            if not (isinstance(reference, str) and reference.startswith("#")):
                raise _refused("a $ref may point inside the schema only (#/...): copy what it means into $defs")
        try:
            jsonschema_rs.meta.validate(self.given)
            self._validator = jsonschema_rs.Draft202012Validator(
                self.given, pattern_options=jsonschema_rs.RegexOptions(), validate_formats=True, offline=True
            )
        except jsonschema_rs.ValidationError as error:
            raise _refused(_clipped(f"{pointer(error.instance_path) or 'it'}: {error.message}")) from None
        except jsonschema_rs.ReferencingError as error:
            raise _refused(_clipped(str(error))) from None
        if self._steps(self.given, ()) > MOST_STEPS:
            raise _refused("its references multiply without bounds: simplify them")

    def violations(self, data: Any) -> list[Violation]:
        """What does not fit, by JSON pointer; the first ones of very many."""
        found = []
        for error in self._validator.iter_errors(data):
            found.append(Violation(pointer=pointer(error.instance_path), message=_clipped(error.message)))
            if len(found) == MOST_VIOLATIONS:
                break
        return found

    @property
    def root(self) -> str:
        """The type at the top, "" where it says none or several."""
        named = self._resolved(self.given).get("type")
        return named if isinstance(named, str) else "object" if "properties" in self.given else ""

    @cached_property
    def _memo(self) -> dict[int, int]:
        return {}

    def _steps(self, node: Any, path: tuple[int, ...]) -> int:
        """How many schemas look at one value at this node."""
        if not isinstance(node, dict) or id(node) in path:
            return 1
        if id(node) not in self._memo:
            inner = [self._steps(each, (*path, id(node))) for each in self._looking_again(node)]
            self._memo[id(node)] = min(1 + sum(inner), MOST_STEPS + 1)
        return self._memo[id(node)]

    def _looking_again(self, node: dict[str, Any]) -> Iterator[Any]:
        for keyword in AGAIN:
            value = node.get(keyword)
            if isinstance(value, list):
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
        node: Any = self.given
        for part in reference.removeprefix("#").split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, dict) else _item(node, name)
        return node


def pointer(path: list[Any]) -> str:
    """A JSON pointer: https://www.rfc-editor.org/rfc/rfc6901"""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _item(node: Any, name: str) -> Any:
    return node[int(name)] if isinstance(node, list) and name.isdecimal() and int(name) < len(node) else None


def _bounded(schema: dict[str, Any]) -> None:
    depth = 0
    level: list[Any] = [schema]
    while level and depth <= DEEPEST:
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
        depth += 1
    if level:
        raise _refused(f"it is nested deeper than {DEEPEST} levels")
    if len(json.dumps(schema)) > MOST_CHARACTERS:
        raise _refused(f"it is longer than {MOST_CHARACTERS:,} characters")


def _references(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from (node[name] for name in ("$ref", "$dynamicRef") if name in node)
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _refused(why: str) -> ToolError:
    return ToolError(f"json_schema cannot be used: {why}. Nothing was sent. Correct the schema and call again.")


def _clipped(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 1]}…"
