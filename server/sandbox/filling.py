"""Fills any JSON schema from a text, always alike: what the sandbox extracts. It finds labels, not meaning."""

import json
import re
from collections.abc import Callable
from typing import Any

MAX_FILL_DEPTH = 12
# What people call these fields where a schema names them in English.
LABELS = {
    "title": ("发明名称", "名称", "标题"),
    "applicant": ("申请人",),
    "inventors": ("发明人",),
    "date": ("日期", "申请日"),
    "amount": ("金额", "合计"),
}
LIST_SEPARATORS = re.compile(r"[；;、，,]")


def filled(schema: dict[str, Any], text: str) -> Any:
    """A value that fits the plainer parts of a schema, taken from `text` where a label leads to it."""
    return _filled(schema, schema, "", text, 0)


def _filled(schema: Any, root: dict[str, Any], name: str, text: str, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > MAX_FILL_DEPTH:
        return None
    if "$ref" in schema:
        return _filled(_at(root, schema["$ref"]), root, name, text, depth + 1)
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if schema.get("enum"):
        return next((value for value in schema["enum"] if str(value) in text), schema["enum"][0])
    for keyword in ("anyOf", "oneOf", "allOf"):
        if schema.get(keyword):
            return _filled(schema[keyword][0], root, name, text, depth + 1)
    return _by_type(schema, root, name, text, depth)


def _by_type(schema: dict[str, Any], root: dict[str, Any], name: str, text: str, depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    said = _labelled(name, str(schema.get("description", "")), text)
    if kind == "object":
        inner = schema.get("properties", {})
        return {key: _filled(value, root, key, text, depth + 1) for key, value in inner.items()}
    if kind == "array":
        pieces = [piece.strip() for piece in LIST_SEPARATORS.split(said) if piece.strip()] or [text]
        shapes = _items(schema, len(pieces))
        pieces += pieces[-1:] * (len(shapes) - len(pieces))  # each place has to be filled
        return [_filled(shape, root, "", piece, depth + 1) for shape, piece in zip(shapes, pieces, strict=False)]
    if kind in ("integer", "number"):
        return _number(schema, said or text, kind)
    if kind == "boolean":
        return True
    return None if kind == "null" else _string(schema, said or text.strip().partition("\n")[0])


def _items(schema: dict[str, Any], count: int) -> list[Any]:
    """The schemas of so many items: one for each place (draft-07 calls that `items`), then one for all that follow."""
    first, rest = schema.get("prefixItems", []), schema.get("items", {})
    if isinstance(rest, list):
        first, rest = rest, schema.get("additionalItems", {})
    shapes = [*first, *([rest] * (count - len(first)) if rest is not False else [])]
    return shapes[: schema.get("maxItems", 20)]


def _labelled(name: str, description: str, text: str) -> str:
    """What follows a label in the text: the property's own name, its description, or what it is called in Chinese."""
    for label in filter(None, (name, description, *LABELS.get(name, ()))):
        if match := re.search(rf"{re.escape(label)}\s*[:：]\s*(.+)", text):
            return match[1].strip()
    return ""


def _number(schema: dict[str, Any], text: str, kind: str) -> Any:
    match = re.search(r"-?\d+(?:\.\d+)?", text)
    value = float(match[0]) if match else 0.0
    value = max(value, schema.get("minimum", value))
    value = min(value, schema.get("maximum", value))
    return int(value) if kind == "integer" or value == int(value) else value


def _string(schema: dict[str, Any], text: str) -> str:
    said = text[: schema.get("maxLength", 200)]
    return said.ljust(schema.get("minLength", 0), "。")


def _at(root: dict[str, Any], reference: Any) -> Any:
    node: Any = root
    for part in str(reference).removeprefix("#").split("/")[1:]:
        node = node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    return node


# --- an extraction among the requests ---

ANY_JSON = {
    "type": "object",
    "properties": {"answer": {"const": "这是沙箱的回答，没有调用任何模型。"}, "question": {"type": "string"}},
}
SCHEMA = re.compile(r"JSON schema:\n(\{.*?\})(?:\n\n|\Z)", re.DOTALL)
SOURCE = re.compile(r'<(source-\w+) name="[^"]*">\n(.*?)\n</\1>', re.DOTALL)
# Models named so answer in these ways instead.
SPOILED: dict[str, Callable[[str], str]] = {
    "sandbox-broken-json": lambda said: said[:-1] + ",,}",
    "sandbox-fenced-json": lambda said: f"好的，结果如下：\n```json\n{said}\n```\n请查收。",
    "sandbox-commented-json": lambda said: said.replace("{", "{ // 抽取结果\n", 1),
    "sandbox-wrong-type": lambda said: json.dumps({name: [[]] for name in json.loads(said)}, ensure_ascii=False),
    "sandbox-truncated-json": lambda said: said[: max(2, len(said) // 2)],
    "sandbox-prose": lambda said: "很抱歉，我只能用文字描述这份材料。",
}


def extracted(name: str, words: str, form: dict[str, Any]) -> str | None:
    """The answer to a request for JSON; None where it asks for none."""
    given = (form.get("json_schema") or {}).get("schema")
    asked = SCHEMA.search(words)
    if given is None and asked is None and form.get("type") != "json_object":
        return None
    try:
        schema = given or (json.loads(asked[1]) if asked else ANY_JSON)
    except ValueError:
        schema = {}
    sources = "\n".join(text for _, text in SOURCE.findall(words))
    text = sources or ("沙箱不看图片" if asked else words)
    said = json.dumps(filled(schema, text), ensure_ascii=False)
    return SPOILED[name](said) if name in SPOILED else said
