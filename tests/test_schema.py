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


DECIMAL = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"  # pydantic's Decimal
EMAIL = r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$"  # zod's


@pytest.mark.parametrize(
    ("schema", "fits", "does_not"),
    [
        ({"type": "string", "pattern": DECIMAL}, "-12.50", "+."),
        ({"type": "string", "pattern": EMAIL}, "li.si@x.com.cn", "li..si@x.cn"),
        ({"type": "string", "pattern": r"(?<!\d)\d{4}$"}, "No 2024", "12024"),
        ({"items": [{"type": "string"}, {"type": "integer"}], "additionalItems": False}, ["a", 1], ["a", 1, 2]),
        ({"items": [{"type": "string"}], "additionalItems": {"type": "integer"}}, ["a", 1], ["a", "b"]),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}, ["a", 1], [1]),
        ({"type": "string", "nullable": True}, None, 1),
        ({"type": "string", "nullable": True, "enum": ["a"]}, None, "b"),
        ({"properties": {"a": {"$ref": "#/definitions/n", "nullable": True}}, "definitions": {"n": {"type": "integer"}}},
         {"a": None}, {"a": "x"}),
        ({"definitions": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/definitions/n"}}}, {"a": 1}, {"a": "x"}),
        ({"type": "integer", "minimum": 3, "exclusiveMinimum": True}, 4, 3),
        ({"type": "object", "dependencies": {"a": ["b"]}}, {"a": 1, "b": 2}, {"a": 1}),
        ({"type": "object", "dependencies": {"a": {"required": ["b"]}}}, {"a": 1, "b": 2}, {"a": 1}),
        ({"properties": {"nullable": {"type": "string"}, "items": {"type": "string"}}}, {"items": "x"}, {"nullable": 1}),
        ({"enum": [{"nullable": True}]}, {"nullable": True}, {}),
        ({"type": "object", "dependencies": {"a": ["b"]}, "dependentRequired": {"a": ["c"]}}, {"a": 1, "b": 1, "c": 1},
         {"a": 1, "b": 1}),
        ({"type": "object", "dependencies": {"a": {"properties": {"b": {"items": [{"type": "null"}], "additionalItems": False}}}}},
         {"a": 1, "b": [None]}, {"a": 1, "b": [None, 1]}),
        ({"nullable": True, "properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}}, {"a": 1}, {"a": "x"}),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_schemas_of_older_drafts_and_other_engines_mean_what_they_mean(schema: Any, fits: Any, does_not: Any) -> None:
    checked = Schema(schema)

    assert checked.violations(fits) == []
    assert checked.violations(does_not) != []
    assert (checked.given, checked.notes) == (schema, [])


@pytest.mark.parametrize(
    ("schema", "data", "where"),
    [
        ({"properties": {"a": {"type": "string", "pattern": "["}}}, {"a": "x"}, "/properties/a/pattern"),
        ({"properties": {"a/b": {"type": "string", "pattern": r"x\Z"}}}, {"a/b": "y"}, "/properties/a~1b/pattern"),
        (
            {"patternProperties": {"(": {"type": "integer"}}, "additionalProperties": False},
            {"a": 1},
            "/patternProperties/(",
        ),
        ({"type": "string", "pattern": r"^(?:(?=a)a+)+$"}, "a" * 60 + "!", "/pattern"),
        ({"not": {"pattern": "["}}, "x", "/not/pattern"),
        ({"if": {"pattern": "["}, "then": {"type": "integer"}, "else": False}, "x", "/if/pattern"),
        ({"oneOf": [{"pattern": "["}, {"pattern": "x"}]}, "x", "/oneOf/0/pattern"),
        ({"pattern": "[", "nullable": True, "type": "string"}, "x", "/pattern"),
        ({"anyOf": [{"pattern": "[", "nullable": True}]}, "x", "/anyOf/0/pattern"),
        (
            {"type": "object", "patternProperties": {"(": {}}, "unevaluatedProperties": False},
            {"a": 1},
            "/patternProperties/(",
        ),
    ],
)
def test_a_pattern_that_nobody_can_check_is_left_out_and_said(schema: Any, data: Any, where: str) -> None:
    checked = Schema(schema)

    assert checked.violations(data) == []
    assert checked.notes == [f"Patterns of the schema that could not be checked: {where}."]


SLOW = {"properties": {f"p{n}": {"pattern": rf"^\p{{L}}{{1,60}}{n}$"} for n in range(1_500)}}  # 25 ms each


@pytest.mark.parametrize(
    "schema",
    [
        {"type": {"a": 1}, "nullable": True},
        {"type": [{"a": 1}], "nullable": True},
        {"type": "object", "dependencies": {"a": ["b"]}, "dependentRequired": [1]},
        {"type": "object", "dependencies": {"a": {}}, "dependentSchemas": 5},
        {"type": "object", "dependencies": {"a": ["b"]}, "allOf": 5},
        {"type": "array", "items": [{"type": "integer"}], "prefixItems": [{"type": "string"}]},
        SLOW,
    ],
    ids=lambda schema: str(schema)[:60],
)
def test_a_schema_of_two_drafts_that_makes_no_sense_is_refused(schema: dict[str, Any]) -> None:
    before = json.dumps(schema)
    with pytest.raises(ToolError, match="json_schema cannot be used: "):
        Schema(schema)

    assert json.dumps(schema) == before


def test_what_the_model_is_shown_is_never_changed() -> None:
    given = {"type": "object", "dependencies": {"a": ["b"]}, "dependentRequired": {"a": ["c"]}}

    assert Schema(given).given == {"type": "object", "dependencies": {"a": ["b"]}, "dependentRequired": {"a": ["c"]}}


@pytest.mark.parametrize("given", ["2024-03-05T10:00:00", "2024-03-05 10:00"])
def test_a_time_without_its_offset_is_told_how_to_be_written(given: str) -> None:
    (violation,) = Schema({"type": "string", "format": "date-time"}).violations(given)

    assert violation.message.endswith("write it with its offset, as 2024-03-05T10:00:00Z or 2024-03-05T10:00:00+08:00")


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
