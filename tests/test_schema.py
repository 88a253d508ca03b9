"""A caller's schema is checked before it is used, and nothing it holds hangs or crashes the server."""

import json
import random
from typing import Any

import pytest
from bailian_mcp.server.features.extract.schema import MAX_VIOLATIONS, Schema
from mcp.server.mcpserver.exceptions import ToolError


def nested(levels: int, keyword: str = "properties") -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {keyword: {"a": schema}} if keyword == "properties" else {keyword: schema}
    return schema


def doubling(levels: int, name: str = "a{}") -> dict[str, Any]:
    """Each level looks at the same value twice as often."""
    plain = name.replace("%20", " ")
    steps = {plain.format(n): {"allOf": [{"$ref": f"#/$defs/{name.format(n + 1)}"}] * 2} for n in range(levels)}
    return {"$defs": {**steps, plain.format(levels): {"type": "string"}}, "$ref": f"#/$defs/{name.format(0)}"}


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "objekt"}, '/type: "objekt" is not valid'),
        ({"title": "发明名称", "applicant": "申请人"}, "it asks for nothing: is it an example instead of a schema?"),
        ({}, "it asks for nothing"),
        ({"properties": 3}, "/properties: 3 is not of type"),
        ({"type": "string", "pattern": "(?=a)b"}, '/pattern: "(?=a)b" is not a "regex"'),
        ({"$ref": "https://evil.example/x.json"}, "a $ref may point inside the schema only"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "a $ref may point inside the schema only"),
        ({"type": "object", "$dynamicRef": "other.json"}, "$dynamicRef is not read: use $ref with #/$defs/..."),
        ({"$anchor": "a", "allOf": [{"$ref": "#a"}]}, "$anchor is not read"),
        ({"type": "object", "properties": {"a": {"title": "\ud800"}}}, "it holds half of a surrogate pair"),
        (doubling(40, "a%20{}"), "its references multiply without bounds"),
        ({"$ref": 5}, "a $ref may point inside the schema only"),
        ({"$ref": "#/nope"}, "does not exist"),
        (nested(100), "it is nested deeper than 64 levels"),
        (nested(5_000, "items"), "it is nested deeper than 64 levels"),
        ({"enum": ["x" * 200_000]}, "it is longer than 100,000 characters"),
        (doubling(40), "its references multiply without bounds"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_schema_that_cannot_be_used_is_refused_with_the_place(schema: dict[str, Any], says: str) -> None:
    with pytest.raises(ToolError) as refused:
        Schema(schema)

    assert says in str(refused.value)
    assert str(refused.value).startswith("json_schema cannot be used: ")
    assert "Nothing was sent" in str(refused.value)


@pytest.mark.parametrize(
    ("schema", "data", "violations"),
    [
        ({"type": "object", "required": ["a/b"]}, {}, [("", '"a/b" is a required property')]),
        ({"properties": {"a~": {"type": "integer"}}}, {"a~": "x"}, [("/a~0", '"x" is not of type "integer"')]),
        ({"items": {"minimum": 3}}, [5, 1], [("/1", "1 is less than the minimum of 3")]),
        ({"$defs": {"n": {"type": "null"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}, {"a": 1}, [("/a", '1 is not of type "null"')]),
        ({"$ref": "#"}, 1, []),
        ({"type": "object", "properties": {"c": {"items": {"$ref": "#"}}}}, {"c": [{"c": [1]}]}, [("/c/0/c/0", '1 is not of type "object"')]),
        (doubling(5), 1, None),
        ({"properties": {"$ref": {"type": "string"}, "c": {"enum": [{"$ref": "x.json"}]}}}, {"$ref": 1}, [("/$ref", '1 is not of type "string"')]),
        ({"type": "string", "format": "date"}, "二〇二四", [("", '"二〇二四" is not a "date"')]),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_is_told_by_pointer(schema: dict[str, Any], data: Any, violations: Any) -> None:
    found = [(each.pointer, each.message) for each in Schema(schema).violations(data)]

    assert found == violations if violations is not None else found


def test_a_pattern_that_hangs_python_is_matched_at_once() -> None:
    schema = Schema({"type": "string", "pattern": "^(a+)+$"})

    assert schema.violations("a" * 50_000 + "!")
    assert not schema.violations("a" * 50_000)


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_work_that_doubles_at_each_level_of_the_data_is_bounded(keyword: str) -> None:
    schema = Schema(
        {"type": "object", "properties": {"a": {keyword: [{"$ref": "#"}, {"$ref": "#"}]}}, "required": ["z"]}
    )
    deep: dict[str, Any] = {}
    for _ in range(60):
        deep = {"a": deep}

    (violation,) = schema.violations(deep)

    assert "too deep to be checked" in violation.message
    assert schema.violations({"a": {"a": {}}})


def test_patterns_that_all_name_one_property_are_counted() -> None:
    schema = Schema({"type": "object", "patternProperties": {f"^{letter}*a": {"$ref": "#"} for letter in "bcdefghi"}})
    deep: dict[str, Any] = {}
    for _ in range(20):
        deep = {"a": deep}

    assert "too deep to be checked" in schema.violations(deep)[0].message


def test_very_many_violations_are_cut_short() -> None:
    assert len(Schema({"items": {"type": "string"}}).violations(list(range(10_000)))) == MAX_VIOLATIONS


@pytest.mark.parametrize(
    ("schema", "root"),
    [
        ({"type": "object"}, "object"), ({"properties": {}}, "object"), ({"type": "array"}, "array"), ({"enum": [1]}, ""),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}}, "object"), ({"type": ["object", "null"]}, ""),
    ],
    ids=str,
)  # fmt: skip
def test_the_type_at_the_top(schema: dict[str, Any], root: str) -> None:
    assert Schema(schema).root == root


def hostile(seed: int) -> Any:
    """A schema nobody would write with a good purpose."""
    chance = random.Random(seed)
    patterns = ["^(a+)+$", "(a|aa)+$", "(.*)*x", "((a{0,500}){0,500}){0,500}", "(?<=x)y", "\\p{Han}+", "["]
    references = ["#", "#/$defs/a", "#/$defs/b", "#/nope", "#/properties/x/0", "x.json", "#a%ZZ", "#/$defs/a/allOf/0"]

    def part(depth: int) -> Any:
        if depth <= 0:
            return chance.choice([True, False, {}, {"type": "string"}, 5, None, "x"])
        return chance.choice(
            [
                lambda: {"$ref": chance.choice(references)},
                lambda: {"pattern": chance.choice(patterns)},
                lambda: {"enum": list(range(chance.choice([1, 1_000, 30_000])))},
                lambda: {chance.choice(["allOf", "anyOf", "oneOf"]): [part(depth - 1) for _ in range(3)]},
                lambda: {
                    "properties": {"x": part(depth - 1), "": part(depth - 1)},
                    "required": ["x"] * chance.randint(1, 2),
                },
                lambda: {"items": part(depth - 1), "uniqueItems": True, "minItems": chance.choice([-1, 0, 10**9])},
                lambda: {"not": part(depth - 1), "if": part(depth - 1), "then": part(depth - 1)},
                lambda: {"type": chance.choice(["object", "array", "objekt", ["string", "null"], 3])},
                lambda: {"multipleOf": chance.choice([0, 1e-300, 3]), "maxLength": chance.choice([-1, 10**400, 2])},
                lambda: nested(chance.choice([3, 70, 2_000]), chance.choice(["properties", "items", "not"])),
                lambda: doubling(chance.choice([3, 30, 60])),
            ]
        )()

    schema = part(chance.randint(1, 6))
    return (
        {**schema, "$defs": {"a": part(3), "b": {"$ref": "#/$defs/a"}}} if isinstance(schema, dict) else {"x": schema}
    )


def test_a_thousand_hostile_schemas_neither_hang_nor_crash() -> None:
    data = [None, 1, "a" * 5_000 + "!", {"x": {"x": [1, 1]}, "": []}, [[1], [1]]]
    used = 0
    for seed in range(1_000):
        try:
            schema = Schema(hostile(seed))
        except ToolError:
            continue
        used += 1
        for each in data:
            schema.violations(each)

    assert 50 < used < 950  # some are usable, many are refused


def test_given_stays_what_the_caller_wrote() -> None:
    given = {"type": "object", "properties": {"名": {"type": "string"}}}

    assert json.dumps(Schema(given).given) == json.dumps(given)
